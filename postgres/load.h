/* load.h - rows of journal blocks into tables of a PostgreSQL server, inside a transaction that somebody
 * else has begun and will commit.
 *
 * Rows are encoded by the types that the table's columns have there, collected for each table, and sent
 * by COPY. A row that cannot be had stands in weir_reject with the reason, in the same transaction, and
 * the others come. One thread at a time. */
#ifndef WEIR_PG_LOAD_H
#define WEIR_PG_LOAD_H

#include "../writer/apply/sink.h"
#include "connection.h"

typedef struct weir_pg_load weir_pg_load;

typedef struct weir_pg_load_config {
    weir_pg *pg; /* the caller's; open while any of these calls is made */
    const char
        *schema; /* of tables that are made, and where they are looked for; NULL: search_path */
    bool
        row_numbers; /* a column weir_row bigint in tables that are made: the journal's row number */
    bool rows_by_insert; /* no COPY: INSERT in its place (engines and row-level security) */
} weir_pg_load_config;

int weir_pg_load_make(const weir_pg_load_config *config, weir_pg_load **out, weir_error *error);
void weir_pg_load_free(weir_pg_load *load);

/* The tables weir_position and weir_reject: the DDL of the second is load's. Inside a transaction or
 * not; creates what is missing. Creation races (23505, 42P07, 42710) are tried again by the caller as
 * WEIR_BUSY. */
int weir_pg_load_prepare(weir_pg_load *load, weir_error *error);

/* As weir_sink.declare: remembers the table; with WEIR_DECLARE_NOW creates, extends or checks it.
 * WEIR_SCHEMA with words for a table that cannot take such rows. */
int weir_pg_load_declare(weir_pg_load *load, const weir_declaration *d, weir_declare_when when,
                         weir_error *error);
/* As weir_sink.apply. */
int weir_pg_load_rows(weir_pg_load *load, const weir_block_header *header, weir_cursor body,
                      weir_row_range range, weir_error *error);
/* Send all that is collected, and settle what is deferred, so that COMMIT can refuse nothing any more.
 * counts: of the transaction; wal_bytes is left alone. WEIR_SINK_AGAIN and WEIR_SINK_ANEW as in
 * sink.h. */
int weir_pg_load_finish(weir_pg_load *load, weir_sink_counts *counts, weir_error *error);
/* The transaction was rolled back, or lost: forget what was collected, not the declarations. */
void weir_pg_load_rollback(weir_pg_load *load);
/* The connection is another one, or somebody may have changed the tables: look at them again before
 * they are used next. */
void weir_pg_load_forget(weir_pg_load *load);

/* May the server take this declaration? For weir_declare; outside of a transaction. *next_key as in
 * weir_hooks.check (lib/handle/handle.h). */
int weir_pg_check_declaration(weir_pg *pg, const char *schema, const weir_declaration *d,
                              int64_t *next_key, weir_error *error);

#endif
