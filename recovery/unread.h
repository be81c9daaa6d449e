/* unread.h - what could not be read of a database and a journal: the manifest of salvage --to. */
#ifndef WEIR_UNREAD_H
#define WEIR_UNREAD_H

#include "view.h"

typedef struct weir_unread_part {
    char *file;  /* NULL: it is missing */
    char *table; /* of the database; NULL: none */
    uint64_t segment, offset, first_block, last_block;
    uint64_t first_row, last_row; /* of the journal; 0, 0: none or unknown */
    int64_t first_rowid, last_rowid;
    bool has_rowids; /* the two are known: rows between them, both included, cannot be read */
    char why[200];
} weir_unread_part;

typedef struct weir_unread {
    weir_unread_part *list;
    size_t count;
    bool short_of_memory; /* some parts are not in the list */
} weir_unread;

/* Takes a copy of the texts. */
void weir_unread_add(weir_unread *unread, const weir_unread_part *part);
void weir_unread_add_view(weir_unread *unread, const weir_view *view);
void weir_unread_free(weir_unread *unread);

/* Into the table weir_salvage of the database, and the file database-salvage.json beside it. from:
 * the database that was read, or NULL; journal: its directory, or NULL. */
int weir_unread_write(const weir_unread *unread, const char *database, const char *from,
                      const char *journal, weir_error *error);

/* The lines of that file, but for the first, on stdout. */
void weir_unread_report(const weir_unread *unread);

#endif
