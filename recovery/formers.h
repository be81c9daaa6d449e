/* formers.h - what a database remembers of journals that do not feed it any more: the columns and
 * tables that docs/FORMAT.md describes in section 9, read without changing anything. */
#ifndef WEIR_FORMERS_H
#define WEIR_FORMERS_H

#include <sqlite3.h>

#include "../lib/base/id.h"
#include "arguments.h"
#include "place.h"

/* A journal that weir forget has set aside. */
typedef struct weir_forgotten {
    weir_id journal;
    char *directory;              /* where it was put; NULL: it was not there */
    uint64_t first_row, last_row; /* not in the database; 0, 0: none */
    uint64_t first_kept;          /* from here on the directory has them; 0: it is unknown */
    char noted[24];
} weir_forgotten;

typedef struct weir_formers {
    weir_forgotten *forgotten;
    size_t count;
    bool fed;            /* the database was filled from a journal, forgotten or not */
    bool settled;        /* of none that is not forgotten may rows be missing */
    uint64_t missed_row; /* when they may: the highest row that it has of such a journal */
    uint64_t gone_row;   /* of such a one, an opening has said that it is gone; 0: it has not */
} weir_formers;

/* WEIR_OK, with nothing in *out where the database is absent or cannot be read; or WEIR_NO_MEMORY. */
int weir_formers_look(const char *database, weir_formers *out);
void weir_formers_free(weir_formers *formers);

/* DIRECTORY-forgotten-N. malloc; NULL: no memory. */
char *weir_forgotten_numbered(const char *directory, unsigned n);
/* Of those the name that the next forgotten journal of this directory gets. malloc;
 * NULL: no memory, or no number is free. */
char *weir_forgotten_name(const char *directory);

/* Say which journals were set aside, as the database knows and as their names tell. */
void weir_formers_report(const weir_arguments *arguments, const weir_place *place);

#endif
