/* pages.h - the database of a backup, page by page. */
#ifndef WEIR_BACKUP_PAGES_H
#define WEIR_BACKUP_PAGES_H

#include <sqlite3.h>
#include <stdbool.h>

#include "../database.h"

typedef enum weir_integrity {
    WEIR_INTEGRITY_NONE,
    WEIR_INTEGRITY_QUICK,
    WEIR_INTEGRITY_FULL,
} weir_integrity;

/* Copy the state that from reads within its transaction into a new file. Synced. WEIR_NO_SPACE,
 * WEIR_IO, WEIR_DATABASE, or WEIR_BUSY when the user has interrupted it. */
int weir_backup_pages(sqlite3 *from, const char *to, weir_error *error);

/* SQLite's own check of the copy. Changes nothing. WEIR_DAMAGED with SQLite's words. */
int weir_backup_check_pages(const char *path, weir_integrity integrity, weir_error *error);

/* The copy's journal is beside it: it names no other place for it. */
int weir_backup_forget_place(const char *path, const weir_id journal, weir_error *error);

#endif
