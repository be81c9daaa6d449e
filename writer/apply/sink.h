/* sink.h - where replay puts rows: a few calls, so that replay knows no database and tests can
 * be one.
 *
 * Statuses: WEIR_OK; WEIR_BUSY, WEIR_IO, WEIR_NO_SPACE, WEIR_NO_MEMORY: try the transaction
 * again later; WEIR_SINK_AGAIN, WEIR_SINK_REOPENED; anything else: applying stops until somebody
 * acts. After any status of begin, apply or commit but WEIR_OK the caller calls rollback. One thread
 * at a time. */
#ifndef WEIR_SINK_H
#define WEIR_SINK_H

#include "../../lib/verify/inventory.h"

/* The schema itself ended the transaction (ON CONFLICT ROLLBACK) and nothing of it is left, or the
 * sink wants to put its rows in another way: begin again at the position, with half the rows. With
 * a single row the sink then knows which row it was. */
enum { WEIR_SINK_AGAIN = 2 };

/* From begin and harden: the database had to be opened anew. Nothing of what the sink knew holds, not
 * the tables, nor what was committed and not hardened: ask for the position. */
enum { WEIR_SINK_REOPENED = 3 };

typedef struct weir_sink_counts {
    uint64_t rows, rejected, ignored; /* of the transaction; rows: all that were taken */
    uint64_t wal_bytes;
    const char
        *mended; /* what of a table had gone and was made again; NULL: nothing. The sink's, until
                           the next begin */
} weir_sink_counts;

/* Rows first … last of a block, both included; last may lie behind its end. */
typedef struct weir_row_range {
    uint64_t first, last;
} weir_row_range;

/* A transaction ends with the block that reaches one of them. */
typedef struct weir_appetite {
    uint64_t rows, bytes; /* bytes: raw, of the blocks */
} weir_appetite;

typedef struct weir_sink {
    void *self;
    /* Begin a transaction and read the position inside it. block and row 0: nothing applied yet. */
    int (*begin)(void *self, const uint8_t journal[16], weir_position *at, weir_error *error);
    /* Remember a table that later rows use, also across transactions; with now (inside a
     * transaction) create, extend or check it even if no row comes. Idempotent. */
    int (*declare)(void *self, const weir_declaration *d, bool now, weir_error *error);
    /* Those rows of one rows block, in order; body stands at the block's first row. */
    int (*apply)(void *self, const weir_block_header *header, weir_cursor body,
                 weir_row_range range, weir_error *error);
    /* Store the position and commit, synced. */
    int (*commit)(void *self, const weir_position *to, weir_sink_counts *counts, weir_error *error);
    void (*rollback)(void *self);
    /* Make what is committed safe without the journal: checkpoint and sync the database itself.
     * applied: block of the last commit. safe: out, up to which block that is so now; less than
     * applied, and perhaps 0, while a reader of the database stands in the way. */
    int (*harden)(void *self, uint64_t applied, uint64_t *safe, weir_error *error);
    void (*close)(void *self);
    /* Between transactions: the next one begins with rows of this block. So the sink may get ready
     * what cannot be got ready inside; it may also do nothing. NULL: it does nothing. */
    void (*expect)(void *self, const weir_block_header *header, weir_cursor body);
    /* How much makes a good transaction for the tables that the last one met. NULL: 65,536 rows,
     * 32 MiB. */
    weir_appetite (*appetite)(void *self);
} weir_sink;

#endif
