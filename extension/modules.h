/* modules.h - the modules of the extension, for its entry point. */
#ifndef WEIR_SQL_MODULES_H
#define WEIR_SQL_MODULES_H

#include "api.h"

/* SQLite's result code. */
int weir_sql_register_pending(sqlite3 *db); /* weir_pending('run.db'[, 'table'[, 'journal']]) */
int weir_sql_register_status(sqlite3 *db);  /* weir_status('run.db'[, 'journal']) */
int weir_sql_register_journal(sqlite3 *db); /* weir_journal('run.db'[, 'journal']) */
int weir_sql_register_tables(sqlite3 *db);  /* USING weir_pending_table, weir_table */

#endif
