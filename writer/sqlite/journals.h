/* journals.h - the directories of all journals of one database.
 *
 * A journal that is not beside its database is entered in the database's table weir_journal before
 * the first row is appended to it. So rows that wait there are not overlooked when the next opening
 * names another directory. A journal beside its database needs no entry, and most databases have no
 * such table. */
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

/* The path of the journal beside the database; sqlite3_free() it. NULL: no memory. */
char *weir_journals_beside(const char *database);

/* Do both paths lead to the same directory? */
bool weir_journals_same(const weir_journals *j, const char *a, const char *b);

/* Do rows wait in another journal of this database that no process has open? Then WEIR_FOREIGN, and
 * error says where and what to do; also when a journal cannot be judged. A journal that a process
 * has open, and one that is gone, are reported by each(context, text), which may be NULL. */
int weir_journals_look(const weir_journals *j, void (*each)(void *context, const char *text),
                       void *context, weir_error *error);

/* WEIR_BUSY when another journal of this database is open: both would choose the same keys. */
int weir_journals_alone(const weir_journals *j, weir_error *error);

/* Enter j->directory for the journal with this id, durably. Outside a transaction only. WEIR_BUSY
 * while another connection writes. */
int weir_journals_enter(const weir_journals *j, const weir_id journal, weir_error *error);

#endif
