/* path.h - checks the path of a database before SQLite sees it, which would create a file for almost
 * any path. */
#ifndef WEIR_DATABASE_PATH_H
#define WEIR_DATABASE_PATH_H

#include "../../lib/base/os.h"
#include "../../lib/base/status.h"

/* WEIR_MISUSE for what cannot be the name of a database file: a URI, whatever SQLite is set to make
 * of one; ":memory:"; nothing; a name that ends in a slash, or as the files that SQLite keeps beside a
 * database; a path that SQLite has no room for. */
int weir_database_name_check(const char *path, weir_error *error);

/* WEIR_DATABASE when the path names a directory, or leads through a file or through a directory that
 * this user may not search. A file that does not exist yet is no error. */
int weir_database_path_check(const weir_os *os, const char *path, weir_error *error);

/* Why the file could not be opened, or created unless it must exist, where the system gave number
 * for it: WEIR_DATABASE, with words. */
int weir_database_refused(const weir_os *os, const char *path, bool must_exist, int number,
                          weir_error *error);

/* The file is open for reading only: because of its mount, or for want of rights. */
int weir_database_read_only(const weir_os *os, const char *path, weir_error *error);

/* The file is open, and its -wal file or others beside it cannot be made, for one of the same
 * reasons. */
int weir_database_place_refused(const weir_os *os, const char *path, weir_error *error);

#endif
