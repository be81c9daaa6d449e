/* replay_blocks.h - the blocks that replay walks, and the tables that were declared before them.
 * Private to this folder. */
#ifndef WEIR_REPLAY_BLOCKS_H
#define WEIR_REPLAY_BLOCKS_H

#include "block_rows.h"
#include "replay.h"

/* Where the walk is: the next block to look at, and the hash that it must name as that of the block
 * before it. Blocks without rows move it on without a transaction, so it may be ahead of the
 * position. */
typedef struct weir_replay_place {
    weir_position position;
    uint64_t next, hash;
    uint64_t behind;   /* the last row before next, applied or lost; 0: not known yet */
    bool gap;          /* blocks are missing before next: the hash that it must name is unknown */
    uint64_t late_row; /* last row of late blocks after the position */
    uint64_t late;     /* and how many rows they have */
} weir_replay_place;

/* A transaction whose commit was not answered. */
typedef struct weir_replay_pending {
    bool is;
    weir_replay_place to;      /* where we stand if it is committed */
    weir_replay_result result; /* of the step, then */
    char mended[400];          /* result.counts.mended, or empty */
} weir_replay_pending;

struct weir_replay {
    weir_reader *reader;
    weir_sink *sink;
    weir_id journal;
    bool skip_damage;
    bool asked, ready; /* the position is known; and the tables declared before it */
    bool known;        /* at says where the sink stood when it was asked last, or has committed */
    weir_replay_place at;
    weir_replay_pending pending;
    uint64_t first_block;  /* of a sink without a position */
    weir_position origin;  /* the place before that block; block 0: not looked for yet */
    uint64_t row_limit;    /* rows a transaction may take while the schema ends them; 0: no limit */
    weir_read_block block; /* the last one read; number 0: none */
    uint8_t lanes[WEIR_LANES_LIMIT * WEIR_LANE_ENTRY]; /* of result->payload */
    weir_templates templates;                          /* declared so far */
    weir_block_rows rows;
};

/* Hand the declarations of the block to the sink; templates are kept here. */
int weir_replay_declare_tables(weir_replay *r, const weir_read_block *block, weir_declare_when when,
                               weir_error *error);

/* Read block at->next into r->block, or keep it if it is there already, and check that it follows
 * on what is applied. Steps over damage if that is allowed, up to the end of what the locator
 * knows. */
int weir_replay_load(weir_replay *r, weir_replay_place *at, weir_error *error);

bool weir_replay_is_lost(int status); /* of a block: missing or damaged */
/* The block after the position is lost; WEIR_DAMAGED. The text names the rows, as far as what comes behind
 * them tells. Leaves no block in r->block. */
int weir_replay_say_missing(weir_replay *r, uint64_t next, const weir_position *p,
                            weir_error *error);
uint64_t weir_replay_last_row(const weir_block_header *h); /* of blocks before it, if it has none */

/* Header and lanes of the block at hand are those of the result. */
void weir_replay_keep_payload(weir_replay *r, weir_replay_result *result);

/* The block at hand is done with: at moves on to the next one. */
void weir_replay_pass_block(const weir_replay *r, weir_replay_place *at);

/* Once, and after weir_replay_forget: ask the sink for its position (replay_position.h says what may
 * come of that), load the block after it, and declare the tables that were declared before that
 * block. */
int weir_replay_get_ready(weir_replay *r, weir_replay_result *result, weir_error *error);

#endif
