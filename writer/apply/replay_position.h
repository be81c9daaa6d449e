/* replay_position.h - where the sink stands, and where replay goes on. Private to this folder.
 *
 * Replay knows its place: the position that the sink had when it was asked or last committed. A
 * transaction begins only if the sink is found there. After a commit without an answer replay also
 * keeps that transaction as pending: the place behind it, and the result to report once it turns out
 * to be committed. What the sink is found at decides, in this order:
 *
 *     behind the pending transaction   it is committed: its result is reported, once
 *     at our place                     it is not: its rows are applied again
 *     elsewhere, the sink not remote   WEIR_FOREIGN: the file was restored or replaced
 *     at a block of this journal       replay goes on there, forward or back, and says so
 *     at a block that is gone          WEIR_DAMAGED: rows that it needs have left the journal
 *     anywhere else                    WEIR_FOREIGN: another history, or beyond the end
 *
 * "At a block of this journal": the block has the hash of the position, or the next one names it as
 * that of the block before; and the row is not beyond that next block. A sink without a position is
 * before the first block, or before that of weir_replay_begin_at. As long as there is no answer, or
 * one that cannot be judged, nothing of this changes, and the next step asks again. Applying always
 * goes on by weir_replay_get_ready, which declares what was declared before that place. */
#ifndef WEIR_REPLAY_POSITION_H
#define WEIR_REPLAY_POSITION_H

#include "replay_blocks.h"

/* From weir_replay_ask: the sink is not where it was, which is in the result, and no failure. */
enum { WEIR_REPLAY_ELSEWHERE = 100 };

/* Unless the place is known: ask the sink for its position, and decide as above. */
int weir_replay_ask(weir_replay *r, weir_replay_result *result, weir_error *error);

/* Begin a transaction where we stand. After anything but WEIR_OK roll back. WEIR_SINK_REOPENED: ask
 * for the position. */
int weir_replay_begin(weir_replay *r, weir_error *error);

/* The commit of the transaction that leads to this place was not answered. */
void weir_replay_keep_pending(weir_replay *r, const weir_replay_place *to,
                              const weir_replay_result *result);

#endif
