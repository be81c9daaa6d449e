/* replay.h - walk the durable blocks of a journal into a sink, live and after a crash alike.
 *
 * One step is one transaction: it reads the position, applies the rows after it, and stores the new
 * position together with them. So each row is applied once, wherever the process is killed.
 *
 * A position names the last block that is wholly applied, and the last row applied, which may be in
 * the next block. Each block names the hash of the block before it. If the next block does not name
 * the hash of the position, the position belongs to another history, and applying stops.
 *
 * A commit whose answer is lost, and a position that a server keeps: replay_position.h. */
#ifndef WEIR_REPLAY_H
#define WEIR_REPLAY_H

#include "../../lib/verify/reader.h"
#include "sink.h"

typedef struct weir_replay weir_replay;

typedef struct weir_replay_limits {
    uint64_t last_block; /* do not go beyond it; UINT64_MAX: as far as the locator knows */
    uint64_t last_row;   /* stop after this row, also within a block; UINT64_MAX: no limit */
    /* Leave out rows of blocks that were written later. Each block is judged by itself, since a
     * clock may have been wrong for a while. INT64_MAX: no limit. */
    int64_t last_wall_ns;
    /* End a transaction with the block that reaches so many rows; 0: the limit that the sink
     * gives. */
    uint64_t rows;
} weir_replay_limits;

#define WEIR_REPLAY_ALL ((weir_replay_limits){UINT64_MAX, UINT64_MAX, INT64_MAX, 0})

/* The position of a remote sink was found at another place of this journal. */
typedef struct weir_replay_move {
    bool is;
    weir_position from, to;
} weir_replay_move;

typedef struct weir_replay_result {
    weir_block_header last; /* last block applied to its end; block 0: only a part of one was */
    weir_payload payload;   /* of that block: ring and lanes, no body; valid until the next step */
    weir_sink_counts counts;
    weir_position position; /* after the step */
    bool more;              /* a limit of the transaction ended it: step again at once */
    /* Rows that the position has moved over before those of the transaction, and that will never be
     * applied: missing, damaged, or late. first 0: none. */
    weir_row_range passed;
    uint64_t passed_late; /* how many of them are in blocks written later than last_wall_ns */
    /* Nothing was applied, and the next step goes on there. Moved forward, last and payload are those
     * of the last block with rows that somebody else has applied; so they are when a remote sink is
     * asked for the first time. */
    weir_replay_move moved;
} weir_replay_result;

typedef enum weir_replay_damage {
    WEIR_REPLAY_STOP_AT_DAMAGE,
    WEIR_REPLAY_SKIP_DAMAGE, /* go on after blocks that are missing or damaged */
} weir_replay_damage;

/* The caller keeps the sink, whose address replay remembers. */
int weir_replay_make(const weir_os *os, weir_locator locator, const weir_id journal,
                     weir_sink *sink, weir_replay_damage at_damage, weir_replay **out);
void weir_replay_free(weir_replay *r);

/* A sink that has no position begins with this block, in place of block 1. Before the first step. Give
 * the block with which the sink began at first, not one that it has applied since: a sink that loses
 * its position for good begins there again. */
void weir_replay_begin_at(weir_replay *r, uint64_t block);

/* Move the database's position over blocks without rows that were walked past, in a transaction of
 * its own, so that what is before them can be released; with skip_damage over lost rows at the end
 * too. result says as a step's where the database is then, also when there is nothing to move over
 * (WEIR_OK), and after a failure. It has no counts. */
int weir_replay_settle(weir_replay *r, weir_replay_result *result, weir_error *error);
/* Would weir_replay_settle move the position? */
bool weir_replay_unsettled(const weir_replay *r);
/* False: it is not known where the sink stands, and the next step asks it, as after a settling whose
 * commit was not answered. */
bool weir_replay_knows(const weir_replay *r);

/* All of the journal is applied, and nobody appends to it any more: let the sink note that. WEIR_OK,
 * too, while it is not known where the sink stands. */
int weir_replay_rest(weir_replay *r, weir_error *error);

/* After WEIR_SINK_REOPENED from the sink's harden: the next step asks the sink for its position. */
void weir_replay_forget(weir_replay *r);

/* Apply one transaction. WEIR_PENDING: there is nothing to apply within the limits.
 * WEIR_DAMAGED: the block after the position is damaged or missing; what was before it has been
 * applied. WEIR_FOREIGN: the database's position is of another history. WEIR_IO, too, when a commit
 * was not answered and asking for the position once has not helped. Otherwise what the sink returned;
 * the step may then be repeated. The counts of a transaction are reported once, by the step that
 * learns that it is committed. */
int weir_replay_step(weir_replay *r, const weir_replay_limits *limits, weir_replay_result *result,
                     weir_error *error);

#endif
