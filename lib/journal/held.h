/* held.h - applied segments that are kept because a named reader has not read them. Private to this
 * folder.
 *
 * The files of the readers are looked at when a segment is about to be released, and not before: a
 * commit costs nothing more. No reader stops the program: when no segment can be had, and beyond a
 * reader's own limit, segments go all the same. While readers cannot be read, segments stay as if one
 * wanted them. */
#ifndef WEIR_HELD_H
#define WEIR_HELD_H

#include "../verify/readers.h"
#include "stream.h"

typedef struct weir_held {
    weir_readers readers;         /* none in a journal that is archived: there they read on */
    uint64_t first_row, next_row; /* of the file */
    bool wanted; /* it is to be kept for one of them, or for one that cannot be read */
} weir_held;

/* The named readers, to be freed. False: some cannot be read for now, so that anybody may need
 * anything. Under the lock of releasing. */
bool weir_held_readers(weir_journal *j, weir_readers *out);
/* Has that gone on so long that an operator must know, and was not told? Under the same lock; he is
 * told *out when it is free. */
bool weir_held_note_unread(weir_journal *j, weir_error *out);
void weir_held_tell_unread(const weir_journal *j, const weir_error *why);

/* Who has not read this file, the oldest? All up to block may be released. To be freed. */
void weir_held_look(weir_journal *j, const weir_kept_file *file, uint64_t block, weir_held *out);
/* The file has left the journal: count and tell what its readers miss. */
void weir_held_tell(weir_journal *j, const weir_held *held);
void weir_held_free(weir_held *held);

#endif
