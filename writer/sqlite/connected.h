/* connected.h - lets the program prepare a new connection (weir_sqlite_options), and undoes what weir
 * cannot keep. */
#ifndef WEIR_CONNECTED_H
#define WEIR_CONNECTED_H

#include <sqlite3.h>

#include <weir/sqlite.h>

#include "../../lib/base/status.h"

/* Call program->connected for a connection that is just opened, if there is one. The caller then
 * makes its own settings, the timeout and those of the -wal file among them. WEIR_BUSY and
 * WEIR_NO_MEMORY may pass; all else that the program refuses, or leaves behind, is WEIR_DATABASE. */
int weir_sqlite_connected(sqlite3 *db, const weir_sqlite_options *program, weir_error *error);

#endif
