/* journals.h - the directories in which journals of one database stand.
 *
 * A journal that is not beside its database is entered in the database's table weir_journal before the
 * first row is appended to it, so that rows which wait there are not overlooked when the next opening
 * names another directory. One beside it needs no entry, and most databases have no such table. */
#ifndef WEIR_JOURNALS_H
#define WEIR_JOURNALS_H

#include <sqlite3.h>

#include "../../lib/base/os.h"
#include "../../lib/verify/inventory.h"

typedef struct weir_journals {
    const weir_os *os;
    sqlite3 *db;
    const char *database;  /* its real path */
    const char *directory; /* of the journal that is being opened */
    const weir_position *positions;
    size_t position_count;
} weir_journals;

/* sqlite3_free() it; NULL without memory. */
char *weir_journals_beside(const char *database);

/* Do rows wait in another journal of this database, which nobody has open? WEIR_FOREIGN, and the text
 * says where and what to do; also for one that cannot be judged. One that somebody has open, and one
 * that is not there any more, are told by each(context, text), which may be NULL. */
int weir_journals_look(const weir_journals *j, void (*each)(void *context, const char *text),
                       void *context, weir_error *error);

/* WEIR_BUSY when another journal of this database is open: both would choose the same keys. */
int weir_journals_alone(const weir_journals *j, weir_error *error);

/* Enter the directory for a journal, durably. Outside of a transaction; WEIR_BUSY while another
 * connection writes. */
int weir_journals_enter(const weir_journals *j, const uint8_t journal[16], weir_error *error);

#endif
