/* life.h - one process of the program under test: it opens, appends, waits, closes; or ends in between.
 *
 * Journal thread and writer thread are steps that the life takes when it is told to, and while one of
 * its producers waits. */
#ifndef WEIR_SIM_LIFE_H
#define WEIR_SIM_LIFE_H

#include "../../writer/applier.h"
#include "base.h"
#include "machine.h"
#include "model.h"

#define SIM_JOURNAL "/j"

typedef struct sim_life {
    sim_machine machine;
    sim_model model;
    const sim_base *base;
    weir *handle; /* NULL: not open */
    weir_table *table;
    weir_applier *applier;
    weir_bell bell;
    weir_ticket ticket[SIM_ROWS + 1]; /* by row, of this opening */
    uint32_t first;                   /* row of this opening; those before have no ticket */
    bool ending;                      /* the remains are being cleared away */
    bool stepping;                    /* a step is under way, so a wait inside it takes none */
    weir_error error;
    /* What the tool finds just before an opening, which verifies all, and what opening finds, which
     * need not; NULL: nobody looks. */
    void (*seen)(struct sim_life *life, const weir_inventory *tool, const weir_inventory *library);
    uint64_t events; /* bit set of weir_event */
    char last_event[600];

    /* the story that the life is part of */
    unsigned depth;
    int how, profile; /* its beginning, and what troubles it: of test_sim.c */
    weir_rng *dice;
    bool thorough;     /* every call of a recovery is a crash point, too */
    uint32_t crash_in; /* crash points until the next one that counts; 0: every one does */
    struct sim_life *parent;
} sim_life;

/* WEIR_OK, or what weir_open would answer; life->error says why. */
int sim_life_open(sim_life *life);
/* WEIR_OK or what weir_append answers. The row is in the model only if it was taken. */
int sim_life_append(sim_life *life, unsigned producer);
void sim_life_step_journal(sim_life *life);
void sim_life_step_writer(sim_life *life);
int sim_life_wait(sim_life *life, weir_level level); /* as a producer does */
/* What producers can know by now. */
void sim_life_poll(sim_life *life);
int sim_life_close(sim_life *life);
/* The process is dead. Its disk is no longer anybody's, its memory is given back. */
void sim_life_end(sim_life *life);

/* As the tool takes it, without changing anything. out is to be freed in either case. */
int sim_life_inventory(const weir_position *positions, size_t count, bool verify_all,
                       weir_inventory *out, weir_error *error);
/* NULL, or how the database differs from what it must hold. */
const char *sim_life_check(sim_life *life, int least);

#endif
