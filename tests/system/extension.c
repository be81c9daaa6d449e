/* extension.c - an SQLite extension that the tool loads: see test_extensions.c. */
#include <sqlite3ext.h>
#include <string.h>
SQLITE_EXTENSION_INIT1

static void is_even(sqlite3_context *c, int count, sqlite3_value **values) {
    (void)count;
    sqlite3_result_int(c, sqlite3_value_int64(values[0]) % 2 == 0);
}

/* Could SQL load another extension now? */
static void can_load(sqlite3_context *c, int count, sqlite3_value **values) {
    (void)count, (void)values;
    int on = -1;
    sqlite3 *db = sqlite3_context_db_handle(c);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, -1, &on);
    sqlite3_result_int(c, on);
}

static int add(sqlite3 *db, const char *name, int arguments,
               void (*function)(sqlite3_context *, int, sqlite3_value **)) {
    return sqlite3_create_function(db, name, arguments, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                                   function, NULL, NULL);
}

__attribute__((visibility("default"))) int sqlite3_extension_init(sqlite3 *db, char **message,
                                                                  const sqlite3_api_routines *api);
__attribute__((visibility("default"))) int load_me(sqlite3 *db, char **message,
                                                   const sqlite3_api_routines *api);

int sqlite3_extension_init(sqlite3 *db, char **message, const sqlite3_api_routines *api) {
    (void)message;
    SQLITE_EXTENSION_INIT2(api);
    return add(db, "is_even", 1, is_even);
}

int load_me(sqlite3 *db, char **message, const sqlite3_api_routines *api) {
    (void)message;
    SQLITE_EXTENSION_INIT2(api);
    return add(db, "can_load", 0, can_load);
}
