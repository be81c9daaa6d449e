/* relation.h - what the server has under a declared name: whether it can take such rows, and making it
 * fit.
 *
 * A table that exists is used as it is. It fits when every declared column is there by name, or is one of
 * the last declared (those are added), when a WEIR_KEY is its primary key and an integer, and when columns
 * that are not declared need no value. Names are compared exactly; where that finds nothing, without
 * regard to the case of ASCII letters, if then just one is found. */
#ifndef WEIR_PG_RELATION_H
#define WEIR_PG_RELATION_H

#include "../lib/format/row.h"
#include "connection.h"
#include "convert.h"

typedef struct weir_pg_relation {
    char *place; /* "schema"."table", quoted */
    /* What the catalog says of it and its columns, in a few characters: as long as they are the same, all
     * else here holds. */
    char print[64];
    uint8_t *kind; /* weir_pg_kind of each declared column */
    char **column; /* and its name there; NULL in what the table lacks */
    uint16_t columns;
    uint16_t missing; /* how many of the last declared columns it lacks */
    bool exists;
    bool binary;     /* all these columns are of types that a COPY BINARY carries exactly */
    bool numbered;   /* it has a column weir_row bigint, which is not declared */
    bool ordered;    /* triggers or foreign keys: rows of several tables go in their order */
    bool deferrable; /* constraints that may wait for COMMIT, or triggers, which may touch such */
    bool partitioned, view;
    bool only_inserts; /* it takes no COPY: a view, or row-level security holds for us */
} weir_pg_relation;

typedef struct weir_pg_wanted {
    const char *schema; /* NULL: search_path */
    bool row_numbers;
} weir_pg_wanted;

/* Inside a transaction or not, changing nothing. WEIR_SCHEMA with words when it does not fit. */
int weir_pg_relation_look(weir_pg *pg, const weir_pg_wanted *w, const weir_declaration *d,
                          weir_pg_relation *out, weir_error *error);
/* Inside a transaction: create the table, add columns, or say why it does not fit. added: out, as
 * weir_schema_ensure (writer/sqlite/schema.h). WEIR_BUSY when somebody else does the same. */
int weir_pg_relation_ensure(weir_pg *pg, const weir_pg_wanted *w, const weir_declaration *d,
                            weir_pg_relation *out, uint16_t *added, weir_error *error);
/* Inside a transaction: keep others from changing the table until its end, and see whether it is still
 * as it was read. A view is not locked, since no bytes go into it as they are. */
int weir_pg_relation_lock(weir_pg *pg, const weir_pg_relation *r, bool *same, weir_error *error);
/* The second half alone. */
int weir_pg_relation_same(weir_pg *pg, const weir_pg_relation *r, bool *same, weir_error *error);
void weir_pg_relation_free(weir_pg_relation *r);

#endif
