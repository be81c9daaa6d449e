/* place.h - from what a person typed to the files that are meant. */
#ifndef WEIR_PLACE_H
#define WEIR_PLACE_H

#include <stdbool.h>

#include "../lib/base/os.h"
#include "../lib/base/status.h"

typedef struct weir_place {
    char *database;    /* NULL when only a journal was named and nothing tells whose */
    char *directory;   /* of the journal */
    char *ring, *lock; /* files in it */
    bool database_is_there, journal_is_there;
    bool archives;          /* the journal's segments are kept in archive/ */
    bool target_is_journal; /* a directory was named, not the database */
} weir_place;

/* target: a database file, or a journal directory. journal: its directory, or NULL for the one
 * beside the database. What stands there is looked at, nothing is opened. */
int weir_place_find(const char *target, const char *journal, weir_place *out, weir_error *error);
void weir_place_free(weir_place *place);

/* Who has the journal open. A process of another pid namespace, or one that could not write it,
 * has no id that means anything here; it is there all the same. */
typedef struct weir_holder {
    bool is_there;
    int64_t process; /* as it calls itself; 0: unknown */
} weir_holder;

enum { WEIR_HOLDER_TEXT = 40 };

/* By the journal's lock, which is not taken. */
weir_holder weir_place_holder(const weir_place *place, const weir_os *os);
/* "process 12", "another process"; returns text. */
const char *weir_holder_text(weir_holder holder, char text[WEIR_HOLDER_TEXT]);

/* May rows of this journal be applied to this database? Refused when a journal was named and its
 * database is not beside it, and while a process has it open. */
int weir_place_check_owner(const weir_place *place, weir_error *error);

#endif
