/* look.h - database, ring and journal of one moment, as every table of the extension reads them. */
#ifndef WEIR_SQL_LOOK_H
#define WEIR_SQL_LOOK_H

#include "../lib/handle/handle.h"
#include "../lib/verify/inspect.h"
#include "place.h"
#include "snapshot.h"

typedef struct weir_sql_look {
    weir_sql_snapshot snapshot;
    weir_inspection found;
    weir_holder holder; /* of the journal's lock */
} weir_sql_look;

/* verify_all: read every payload, so that all damage is known. WEIR_OK whatever was found. On an
 * error there is nothing to release. */
int weir_sql_look_take(sqlite3 *db, const weir_sql_place *place, bool verify_all,
                       weir_sql_look *out, weir_error *error);
void weir_sql_look_release(weir_sql_look *look);

/* SQLite's code for a status, and its text as the table's message. */
int weir_sql_failed(sqlite3_vtab *table, int status, const weir_error *error);

#endif
