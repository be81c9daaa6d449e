/* steps.h - the steps of a reading. Private to this folder.
 *
 * Each answers WEIR_OK when there is an item to give, WEIR_DAMAGED when it is one that is lost,
 * WEIR_GO_ON when there is nothing to tell and the next step may be taken, WEIR_PENDING when nothing
 * can be done for now, or an error. */
#ifndef WEIR_STEPS_H
#define WEIR_STEPS_H

#include "reading.h"

enum { WEIR_GO_ON = 2 }; /* no status has this number */

/* An item; its text is r->text. */
int weir_reading_tell(weir_reading *r, weir_read_kind kind, uint64_t first, uint64_t last);
/* first 0, or above last: it is unknown which rows. */
int weir_reading_tell_lost(weir_reading *r, uint64_t first, uint64_t last, const char *why,
                           weir_error *error);

/* Blocks between the last one and the beginning of this extent are not there. */
int weir_reading_meet_missing(weir_reading *r, const weir_extent *e, weir_error *error);
/* Promised blocks behind the last one that can be read are not there. */
int weir_reading_meet_lost_end(weir_reading *r, weir_error *error);
/* A block could not be read. It is looked at again; then it is passed over, if it is its bytes or the
 * disk that fail. */
int weir_reading_meet_trouble(weir_reading *r, uint64_t block, int status, weir_error *error);
/* Where a reading begins at a row: the block before the one that has it. */
int weir_reading_find_row(weir_reading *r, weir_error *error);

#endif
