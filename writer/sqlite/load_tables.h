/* load_tables.h - the tables that weir_load puts rows into, and what it knows of each. Private to
 * this folder.
 *
 * A table is ready when the schema, as it is now, takes its rows: it exists with all declared
 * columns, and its INSERT is prepared. A ready table without indexes, triggers and the like may
 * also be offered to the record copy (record_copy.h), which then takes its rows instead. */
#ifndef WEIR_LOAD_TABLES_H
#define WEIR_LOAD_TABLES_H

#include "load.h"
#include "schema.h"

struct weir_load_table {
    weir_declaration *declaration;
    weir_row_vtab *feed;
    sqlite3_stmt *insert;
    weir_traits traits;
    bool ready;     /* it fits the schema as it is now */
    bool expected;  /* it was looked at before a transaction, as the schema was then */
    bool offered;   /* to the transfer, as the schema is now */
    int slot;       /* of the transfer, which takes its rows; -1: they are fed */
    size_t pending; /* rows in the window, and then the place of the next in the sorted one */

    /* A table whose declaration grew has several entries, each with a number, and their rows may
     * come mixed. What concerns the table itself is kept in the entry that all of them name as
     * first. */
    uint16_t first;
    bool transferred; /* one of the entries has a slot */
    bool refuses;     /* it has refused a row */
    uint64_t window;  /* the last that had rows of one of the entries */
};

/* Are its rows fed without a savepoint? As long as it has refused none. */
static inline bool weir_load_feeds_at_once(const weir_load *l, const weir_load_table *t) {
    return !l->tables[t->first]->refuses;
}

/* The INSERT that feeds the table, for the schema as it is now. */
int weir_load_prepare_insert(weir_load *l, const weir_load_table *t, sqlite3_stmt **out,
                             weir_error *error);

typedef enum weir_load_occasion {
    WEIR_LOAD_DECLARED, /* the journal declares the table here */
    WEIR_LOAD_HAS_ROWS, /* rows of it come next: it must be able to take them */
} weir_load_occasion;

/* Inside a transaction: create or extend the table where it does not fit, and prepare its
 * INSERT. */
int weir_load_make_ready(weir_load *l, weir_load_table *t, weir_load_occasion why,
                         weir_error *error);

/* Between transactions: prepare the table if it fits already. t may be NULL. */
void weir_load_look_ahead(weir_load *l, weir_load_table *t);

/* Offer to the transfer the tables that have become ready since the last call. */
void weir_load_offer_tables(weir_load *l);

void weir_load_free_tables(weir_load *l);

#endif
