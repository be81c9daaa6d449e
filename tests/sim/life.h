/* life.h - one process of the program under test: it opens, appends, waits, closes; or ends in
 * between.
 *
 * Journal thread and writer thread are steps that the life takes when it is told to, and while one
 * of its producers waits. */
#ifndef WEIR_SIM_LIFE_H
#define WEIR_SIM_LIFE_H

#include "../../writer/apply/applier.h"
#include "base.h"
#include "machine.h"
#include "model.h"
#include "server.h"

#define SIM_JOURNAL "/j"

typedef struct sim_life {
    sim_machine machine;
    sim_model model;
    const sim_base *base;
    weir *handle; /* NULL: not open */
    weir_table *table;
    weir_applier *applier;
    weir_wakeup wakeup;
    weir_ticket ticket[SIM_ROWS + 1]; /* by row, of this opening */
    uint32_t first;                   /* row of this opening; those before have no ticket */
    bool ending;                      /* the remains are being cleared away */
    bool stepping;                    /* a step is under way, so a wait inside it takes none */
    weir_error error;
    /* What the tool finds just before an opening, which verifies all, and what opening finds, which
     * need not; NULL: nobody looks. */
    void (*seen)(struct sim_life *life, const weir_inventory *tool, const weir_inventory *library);
    weir_inventory tool; /* of the look that is under way */
    bool looking;        /* ... and what opening itself finds has not been seen yet */
    uint64_t events;     /* bit set of weir_event */
    char last_event[600];

    /* the story that the life is part of */
    unsigned depth;
    int how, profile; /* its beginning, and what troubles it: see runs/runs.h */
    weir_rng *dice;
    weir_rng own;      /* the dice of a life that does not share its parent's */
    bool thorough;     /* every call of a recovery is a crash point, too */
    uint64_t facts;    /* bit set of kinds that each of its crashes is one of */
    bool struck;       /* what troubles it has befallen it, or a life before it */
    bool short_run;    /* of which no state is visited twice */
    bool archive;      /* applied segments are kept */
    sim_server server; /* where the base is one, or a second sink is */
    int (*attach_second)(
        struct sim_life *life); /* a second sink, when it opens; NULL: it has none */
    bool second_away;           /* for this opening */
    weir_applier *second;       /* NULL: not attached */
    weir_wakeup second_wakeup;
    void *stranger;    /* another connection to the database */
    uint32_t crash_in; /* crash points until the next one that counts; 0: every one does */
    struct sim_life *parent;
} sim_life;

/* Some program sees by itself what opening finds, and calls sim_life_found; elsewhere the same is
 * looked for once more. */
extern bool sim_life_watched;
void sim_life_found(const weir_inventory *library);

/* What a life opens with, but for the default values. */
weir_options sim_life_options(sim_life *life);
/* WEIR_OK, or what weir_open would answer; life->error says why. */
int sim_life_open(sim_life *life);
/* WEIR_OK or what weir_append answers. The row is in the model only if it was taken. */
int sim_life_append(sim_life *life, unsigned producer);
/* The same for rows of any table, all in one call; the first value of each is its number. */
int sim_life_append_rows(sim_life *life, unsigned producer, weir_table *table,
                         const weir_value *values, size_t count, size_t rows);
/* A batch of so many rows, at least one. */
int sim_life_append_batch(sim_life *life, unsigned producer, uint32_t rows);
void sim_life_step_journal(sim_life *life);
void sim_life_step_writer(sim_life *life);
int sim_life_wait(sim_life *life, weir_level level); /* as a producer does */
/* What producers can know by now. */
void sim_life_poll(sim_life *life);
int sim_life_close(sim_life *life);
/* The process is dead. Its disk is no longer anybody's, its memory is given back. */
void sim_life_end(sim_life *life);

/* What stands on the disk of a life that is not open, as the tool sees it. */
int sim_life_look(sim_life *life, weir_inventory *out);
/* As the tool takes it, without changing anything. out is to be freed in either case. */
int sim_life_inventory(const weir_position *positions, size_t count, bool verify_all,
                       weir_inventory *out, weir_error *error);
/* NULL, or how the database differs from what it must hold. */
const char *sim_life_check(sim_life *life, int least);

#endif
