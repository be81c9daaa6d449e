/* database.h - what a database says of journals, read without changing a byte on the disk. */
#ifndef WEIR_DATABASE_H
#define WEIR_DATABASE_H

#include "../lib/format/named.h"
#include "../lib/verify/inventory.h"

typedef enum weir_database_state {
    WEIR_DATABASE_ABSENT,
    WEIR_DATABASE_READ,
    WEIR_DATABASE_UNREADABLE, /* why is SQLite's message */
} weir_database_state;

/* Rows that the database will never get, as the table weir_loss says, and the file beside it: see
 * loss.h. */
typedef struct weir_loss {
    weir_id journal;              /* zeros until it is recorded */
    uint64_t first_row, last_row; /* 0, 0: it is unknown which rows */
    uint64_t segment, offset;     /* where they stood; 0, 0: unknown. Only the file says this ... */
    uint64_t last_segment;        /* ... and which was the journal's youngest segment then */
    char why[160];
    char noted[24]; /* when; empty until it is recorded */
    bool in_database, in_file;
    bool found; /* by the file: they were brought in later */
} weir_loss;

typedef struct weir_losses {
    weir_loss *list;
    size_t count;
} weir_losses;

void weir_losses_free(weir_losses *losses);
int weir_losses_add(weir_losses *losses, const weir_loss *loss); /* WEIR_OK or WEIR_NO_MEMORY */

typedef struct weir_database_view {
    weir_database_state state;
    weir_position *positions;
    size_t count;
    uint64_t rejects;   /* rows in the reject table */
    weir_losses losses; /* of all journals */
    char **journals;    /* directories that the table weir_journal names */
    size_t journal_count;
    bool locked;    /* that is why it could not be read */
    bool forbidden; /* or this: a matter of rights */
    bool newer;     /* or this: a newer version wrote its position */
    char why[200];
    /* Whose record this is, in place of a database; or empty. */
    char first_sink[WEIR_NAMED_NAME_MAX + 1];
} weir_database_view;

/* path NULL: the database is absent. WEIR_OK whatever was found, or WEIR_NO_MEMORY. */
int weir_database_look(const char *path, weir_database_view *out);
void weir_database_free(weir_database_view *view);

/* A connection that only reads, as SQLite's own result code; *db may be there after a failure, too. */
struct sqlite3;
int weir_database_open_quietly(const char *path, struct sqlite3 **db);
bool weir_database_is_open_elsewhere(const char *path); /* in WAL mode, by another process */
/* Positions, rejects, losses and journals, as SQLite's own result code; state is not set. To be freed
 * in any case. path: of the database. */
int weir_database_read(struct sqlite3 *db, const char *path, weir_database_view *view);
bool weir_database_has_table(struct sqlite3 *db, const char *name);

bool weir_is_same_file(const char *a, const char *b); /* by two names; false where one is missing */

#endif
