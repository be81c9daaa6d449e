/* place.h - from the arguments of a table to the files that they mean. */
#ifndef WEIR_SQL_PLACE_H
#define WEIR_SQL_PLACE_H

#include "../lib/base/status.h"
#include "api.h"

typedef struct weir_sql_place {
    char *path;      /* of the database; it need not be there */
    char *directory; /* of its journal, which is there */
} weir_sql_place;

/* name: a path, or the name of one of this connection's databases ("main"). directory: NULL for the
 * journal beside the real file. WEIR_MISUSE, WEIR_NOT_FOUND: there is no journal; WEIR_NO_MEMORY;
 * then there is nothing to free. */
int weir_sql_place_find(sqlite3 *db, const char *name, const char *directory, weir_sql_place *out,
                        weir_error *error);
void weir_sql_place_free(weir_sql_place *place);

/* Are both there, and one file? */
bool weir_sql_is_same_file(const char *a, const char *b);

#endif
