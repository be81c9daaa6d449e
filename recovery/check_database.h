/* check_database.h - is the database whole that a verb has written to (--integrity)? */
#ifndef WEIR_CHECK_DATABASE_H
#define WEIR_CHECK_DATABASE_H

#include "arguments.h"

/* By SQLite's quick_check or integrity_check, as the arguments say, which read all of it. Prints what
 * was found. code: the exit code so far; returned, or WEIR_EXIT_DAMAGE in its place if the check
 * fails. */
int weir_check_database(const weir_arguments *arguments, const char *path, int code);

#endif
