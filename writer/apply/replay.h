/* replay.h - walk the durable blocks of a journal into a sink, live and after a crash alike.
 *
 * One step is one transaction: the position is read inside it, the rows behind it are fed, the
 * new position is stored with them. So a row comes once, whatever kills the process where.
 *
 * A position names the last block that is wholly applied, and the last row, which may stand in
 * the block behind it. Each block names the hash of the one before, so a position whose hash the
 * next block does not name belongs to another history, and applying stops. */
#ifndef WEIR_REPLAY_H
#define WEIR_REPLAY_H

#include "../../lib/verify/reader.h"
#include "sink.h"

typedef struct weir_replay weir_replay;

typedef struct weir_replay_limits {
    uint64_t last_block; /* do not go beyond it; UINT64_MAX: as far as the locator knows */
    uint64_t last_row;   /* stop behind this row, also within a block; UINT64_MAX: no limit */
    /* Leave out rows of blocks that were written later; each block is judged by itself, since a clock
     * may have been wrong for a while. INT64_MAX: no limit. */
    int64_t last_wall_ns;
    uint64_t
        rows; /* end a transaction with the block that reaches so many; 0: the sink's appetite */
} weir_replay_limits;

#define WEIR_REPLAY_ALL ((weir_replay_limits){UINT64_MAX, UINT64_MAX, INT64_MAX, 0})

typedef struct weir_replay_result {
    weir_block_header last; /* last block that the transaction ended; block 0: only a part of one */
    weir_payload payload;   /* of that block: ring and lanes, no body; lives until the next step */
    weir_sink_counts counts;
    weir_position position; /* now */
    bool more;              /* a limit of the transaction ended it: step again at once */
    /* Rows before those of the transaction that the position has moved over, and will not come any more:
     * missing, damaged, or late. first 0: none. */
    weir_row_range passed;
    uint64_t passed_late; /* how many of them are of blocks written later than the limit */
} weir_replay_result;

/* The sink stays the caller's. skip_damage: go on behind blocks that are missing or damaged. */
int weir_replay_make(const weir_os *os, weir_locator locator, const uint8_t journal[16],
                     weir_sink *sink, bool skip_damage, weir_replay **out);
void weir_replay_free(weir_replay *r);

/* Move the database's position over blocks without rows that were walked past, in a transaction of
 * its own: what stands before them can then be released. With skip_damage over lost rows at the end
 * too. *now: the position, moved or not. Answers
 * like a step; WEIR_OK also when there is nothing to move over. */
int weir_replay_settle(weir_replay *r, weir_position *now, weir_error *error);
/* Would it move? */
bool weir_replay_unsettled(const weir_replay *r);

/* After WEIR_SINK_REOPENED from the sink's harden: the next step asks it for its position. */
void weir_replay_forget(weir_replay *r);

/* Apply one transaction. WEIR_PENDING: there is nothing to apply within the limits.
 * WEIR_DAMAGED: the block behind the position is damaged or missing; what stood before it has
 * been applied. WEIR_FOREIGN: the database's position is of another history. Else as the sink
 * answers; the step may then be repeated. */
int weir_replay_step(weir_replay *r, const weir_replay_limits *limits, weir_replay_result *result,
                     weir_error *error);

#endif
