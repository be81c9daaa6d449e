/* readers.h - the named readers of a journal: who has read how far, and what is held back for whom.
 *
 * Looking takes no lock and changes nothing. Each reader is a file of the directory readers/ in the
 * journal's own (format/named.h), which is replaced whole by rename, so that what is read here is one
 * position or the next. A file that is broken is told, and holds nothing; of one that cannot be read
 * (WEIR_IO) nobody knows, and who deletes for want of readers must not go by the others alone. */
#ifndef WEIR_READERS_H
#define WEIR_READERS_H

#include "../base/os.h"
#include "../format/named.h"

typedef struct weir_named_note {
    weir_named reader; /* where status is not WEIR_OK only its name, which is the file's */
    int status;        /* WEIR_OK, WEIR_DAMAGED, WEIR_VERSION, WEIR_IO */
    const char *why;   /* what is wrong with it; NULL with WEIR_OK; static */
} weir_named_note;

typedef struct weir_readers {
    weir_named_note *list; /* in the order of their names */
    size_t count, capacity;
} weir_readers;

/* All of them; none where there is no directory readers/. dirfd, directory: of the journal, as os.h
 * says. An error (WEIR_IO, WEIR_NO_MEMORY, WEIR_MISUSE for a path that is too long) only when the
 * directory itself cannot be read; out is to be freed in either case. */
int weir_readers_take(const weir_os *os, int dirfd, const char *directory, weir_readers *out,
                      weir_error *error);
void weir_readers_free(weir_readers *readers);

/* One of them. WEIR_NOT_FOUND: there is none of this name. WEIR_OK also when the file is broken:
 * out->status says so. */
int weir_readers_find(const weir_os *os, int dirfd, const char *directory, const char *name,
                      weir_named_note *out, weir_error *error);

/* May a segment that ends with last_row be held back for this reader? It must be one of this journal
 * that has not read that row; and all that would then be kept for it, held_bytes, may not exceed what
 * it may hold. */
bool weir_named_holds(const weir_named_note *note, const weir_id journal, uint64_t last_row,
                      uint64_t held_bytes);

#endif
