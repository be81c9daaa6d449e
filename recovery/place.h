/* place.h - from the name on the command line to the files that it means. */
#ifndef WEIR_PLACE_H
#define WEIR_PLACE_H

#include <stdbool.h>

#include "../lib/base/os.h"
#include "../lib/base/status.h"

typedef struct weir_place {
    const weir_os *os; /* which has all that follows */
    char *database;    /* NULL when only a journal was named, and its database is unknown */
    char *directory;   /* of the journal */
    char *ring;        /* a file in it */
    bool database_is_there, journal_is_there;
    bool archives;          /* the journal's segments are kept in archive/ */
    bool target_is_journal; /* a directory was named, not the database */
} weir_place;

/* target: a database file, or a journal directory. journal: the journal's directory, or NULL for
 * the one beside the database. Checks what is there, but opens nothing. */
int weir_place_find(const weir_os *os, const char *target, const char *journal, weir_place *out,
                    weir_error *error);
void weir_place_free(weir_place *place);

/* A copy without slashes at its end, to be freed; "/" stays. NULL: no memory. */
char *weir_path_without_slashes(const char *path);

/* May rows of this journal be applied to this database? Refused when a journal was named and its
 * database is not beside it, and while a process has it open. */
int weir_place_check_owner(const weir_place *place, weir_error *error);

#endif
