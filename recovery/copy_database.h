/* copy_database.h - all that can be read of an SQLite database, into a new one. The old one is not
 * touched. */
#ifndef WEIR_COPY_DATABASE_H
#define WEIR_COPY_DATABASE_H

#include "unread.h"

typedef struct weir_copied {
    bool sound;            /* quick_check found nothing: all of it was copied, page by page */
    bool has_positions;    /* the new one says which rows of journals it has, or has none */
    uint64_t tables, rows; /* of a damaged one: copied table by table */
} weir_copied;

/* Look, and copy nothing: WEIR_OK, and out->sound says how the copy would be made. */
int weir_copy_database_look(const char *from, weir_copied *out, weir_error *error);

/* A sound one as SQLite's backup does it. Of a damaged one tables are made anew and filled with the
 * rows that can be read, then indexes, triggers and views are made; what cannot be is added to
 * unread. Virtual tables are left out there. */
int weir_copy_database(const char *from, const char *into, weir_unread *unread, weir_copied *out,
                       weir_error *error);

#endif
