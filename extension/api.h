/* api.h - SQLite as its host gives it: every call of sqlite3_… in this folder goes through the
 * table of routines that SQLite hands to the entry point. */
#ifndef WEIR_SQL_API_H
#define WEIR_SQL_API_H

#include <sqlite3ext.h>

SQLITE_EXTENSION_INIT3

#endif
