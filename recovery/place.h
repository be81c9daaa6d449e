/* place.h - from what a person typed to the files that are meant. */
#ifndef WEIR_PLACE_H
#define WEIR_PLACE_H

#include <stdbool.h>

#include "../lib/status.h"

typedef struct weir_place {
    char *database;    /* NULL when only a journal was named and nothing tells whose */
    char *directory;   /* of the journal */
    char *ring, *lock; /* files in it */
    bool database_is_there, journal_is_there;
} weir_place;

/* target: a database file, or a journal directory. journal: its directory, or NULL for the one
 * beside the database. What stands there is looked at, nothing is opened. */
int weir_place_find(const char *target, const char *journal, weir_place *out, weir_error *error);
void weir_place_free(weir_place *place);

/* The process that holds the journal's lock: its id, 0 when nobody does. The lock is not taken. */
long weir_place_holder(const weir_place *place);

#endif
