/* extension.c - the entry point, which SQLite finds by the file's name. */
#include <sqlite3ext.h>

#include "modules.h"

SQLITE_EXTENSION_INIT1

__attribute__((visibility("default"))) int sqlite3_weirsqlite_init(sqlite3 *db, char **message,
                                                                   const sqlite3_api_routines *api);

int sqlite3_weirsqlite_init(sqlite3 *db, char **message, const sqlite3_api_routines *api) {
    SQLITE_EXTENSION_INIT2(api)
    if (sqlite3_libversion_number() < 3040000) {
        *message = sqlite3_mprintf("weir_sqlite needs SQLite 3.40 or later, and this is %s",
                                   sqlite3_libversion());
        return SQLITE_ERROR;
    }
    int code = weir_sql_register_pending(db);
    if (code == SQLITE_OK) code = weir_sql_register_status(db);
    if (code == SQLITE_OK) code = weir_sql_register_journal(db);
    return code == SQLITE_OK ? weir_sql_register_tables(db) : code;
}
