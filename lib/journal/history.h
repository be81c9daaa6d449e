/* history.h - what a journal has, and what it has released into its archive, read as one.
 *
 * For the writer of a sink that lacks rows which have left the journal. A segment may move to the
 * archive, and be packed there, while it is read. The journal must outlive the history. One thread per
 * history. */
#ifndef WEIR_HISTORY_H
#define WEIR_HISTORY_H

#include "journal.h"

typedef struct weir_history weir_history;

/* WEIR_OK or WEIR_NO_MEMORY. Reads nothing yet. */
int weir_history_make(weir_journal *j, weir_history **out);
void weir_history_free(weir_history *h);

/* What reads the places that the locator names. Both belong to the history. */
const weir_os *weir_history_os(weir_history *h);
/* Answers like the journal's. The archive is listed when a block is asked for that has left the
 * journal; WEIR_IO, WEIR_NO_MEMORY and what else may be wrong with its files pass on. */
weir_locator weir_history_locator(weir_history *h);

/* The oldest block from which on none has left both journal and archive, and its first row, which is
 * the next row if there is none yet. The archive is not looked at when the journal itself goes back to
 * wanted. Under releasing, or when nothing else releases. */
int weir_history_oldest(weir_journal *j, uint64_t wanted, uint64_t *block, uint64_t *row,
                        weir_error *error);

#endif
