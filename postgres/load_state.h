/* load_state.h - what a load knows of its tables and of the transaction. Private to postgres/load*.c.
 *
 * Rows wait in their table, encoded, until enough of them are there or the transaction ends. A table is
 * sent in one of two ways. Boldly: without a savepoint, the rows of the COPY that is open going out while
 * they are encoded. When the server refuses one of them, the transaction begins again (WEIR_SINK_ANEW) and
 * the table is sent carefully: its rows are kept as the journal has them, each COPY has a savepoint, and
 * the row that is refused is searched for. After some transactions without such a row it is bold
 * again. */
#ifndef WEIR_PG_LOAD_STATE_H
#define WEIR_PG_LOAD_STATE_H

#include "bytes.h"
#include "encode.h"
#include "load.h"
#include "relation.h"

/* A row that waits in a careful table. */
typedef struct weir_pg_kept {
    size_t encoded; /* where it begins in out */
    size_t record;  /* and in records */
    uint32_t length;
    uint64_t number;
    int64_t wall_ns;
} weir_pg_kept;

typedef struct weir_pg_table {
    weir_declaration *declaration;
    weir_pg_relation relation; /* known: as it was read */
    weir_pg_shape shape;
    char *insert;  /* "COPY … FROM STDIN …" or "INSERT INTO … VALUES " */
    char *nothing; /* the same statement of no rows, where it is an INSERT; else NULL */
    bool known;
    bool made;                   /* or extended, by the last transaction that used it */
    bool was_there;              /* once, so that it is gone if it is not there */
    bool ready;                  /* known, locked, and in used: all in this transaction */
    bool shared;                 /* another number is declared for the same name */
    bool refused;                /* one of its rows, by the server, in this transaction */
    bool took;                   /* one, or more, while it was careful, in this transaction */
    unsigned careful;            /* so many transactions more */
    weir_pg_bytes out;           /* encoded rows */
    uint64_t rows;               /* in out, or already sent of the COPY that is open */
    weir_pg_bytes records, kept; /* of a careful table; kept: of weir_pg_kept */
    unsigned doubts;             /* rows refused in this transaction as if the table took none */
    char doubt[sizeof((weir_pg_failure *)0)->message]; /* what was said of the last of them */
} weir_pg_table;

struct weir_pg_load {
    weir_pg *pg;
    char *schema;
    bool row_numbers, rows_by_insert;
    weir_pg_table *tables[WEIR_TABLES_MAX + 1]; /* by number; NULL: never declared */

    /* Of the transaction: */
    weir_id journal; /* whose rows came last */
    uint16_t used[WEIR_TABLES_MAX], used_count;
    weir_pg_table *last; /* of the row before; NULL: nothing waits */
    weir_pg_table *open; /* whose COPY is open */
    bool ordered;        /* rows wait in a table whose order among others matters */
    bool immediate;      /* no constraint waits for COMMIT any more */
    bool reject_there;   /* weir_reject exists */
    size_t held;         /* bytes in all tables */
    weir_pg_bytes scratch, rejects;
    uint64_t rejects_waiting;
    weir_sink_counts counts;
    char mended[300];
};

enum { WEIR_PG_CAREFUL = 64 }; /* transactions without a refused row until a table is bold again */
static inline bool weir_pg_is_careful(const weir_pg_table *t) { return t->careful > 0; }

/* ---- load_tables.c ---- */

typedef enum weir_pg_occasion { WEIR_PG_DECLARED, WEIR_PG_HAS_ROWS } weir_pg_occasion;
/* Look at the table, make it fit, and lock it until the transaction ends. No COPY may be open. */
int weir_pg_make_ready(weir_pg_load *l, weir_pg_table *t, weir_pg_occasion why, weir_error *error);
int weir_pg_remember(weir_pg_load *l, const weir_declaration *d, weir_error *error);
void weir_pg_table_forget(weir_pg_table *t); /* what the server has of it */
void weir_pg_table_free(weir_pg_table *t);
/* Drop the rows that wait. */
void weir_pg_table_empty(weir_pg_load *l, weir_pg_table *t);

/* ---- load_send.c ---- */

/* Encode a row and let it wait, or keep it as refused. */
int weir_pg_take_row(weir_pg_load *l, weir_pg_table *t, const weir_block_header *h, uint64_t number,
                     const uint8_t *bytes, size_t length, weir_error *error);
/* Send what waits: of one table, of all. No COPY is open afterwards. */
int weir_pg_flush_table(weir_pg_load *l, weir_pg_table *t, weir_error *error);
int weir_pg_flush_all(weir_pg_load *l, weir_error *error);
int weir_pg_end_copy(weir_pg_load *l, weir_error *error); /* if one is open */
/* One statement of rows that are encoded, without a savepoint: *taken by the table, as the server
 * counts. */
int weir_pg_send(weir_pg_load *l, weir_pg_table *t, const uint8_t *rows, size_t bytes,
                 uint64_t *taken, weir_error *error);

/* ---- load_search.c ---- */

typedef enum weir_pg_fault {
    WEIR_PG_NOT_A_ROW, /* it passes, or somebody has to act */
    WEIR_PG_A_ROW,
    WEIR_PG_PERHAPS,    /* a row's, if the statement is allowed without rows */
    WEIR_PG_UNLESS_ALL, /* and if the table takes another row, or the server points to a value */
} weir_pg_fault;
weir_pg_fault weir_pg_judge(const char *sqlstate);
/* Send all rows of a careful table; those that it refuses are kept in weir_reject. */
int weir_pg_send_carefully(weir_pg_load *l, weir_pg_table *t, weir_error *error);
/* All its rows of this transaction are sent: the table takes none if all were refused as if it did. */
int weir_pg_settle_doubts(const weir_pg_table *t, weir_error *error);

/* ---- load_reject.c ---- */

typedef struct weir_pg_refused {
    const char *table;
    const uint8_t *bytes;
    size_t length;
    uint64_t number;
    int64_t wall_ns;
    const char *sqlstate, *message, *detail; /* detail: "" or more */
} weir_pg_refused;
/* Keep the row for weir_pg_flush_rejects. */
int weir_pg_reject(weir_pg_load *l, const weir_pg_refused *r, weir_error *error);
bool weir_pg_many_rejects(const weir_pg_load *l); /* so many wait that they had better be sent */
int weir_pg_flush_rejects(weir_pg_load *l, weir_error *error); /* no COPY is open */

/* ---- load_own.c ---- */

int weir_pg_make_reject_table(weir_pg_load *l, weir_error *error);

#endif
