/* sink.h - where replay puts rows: a few calls, so that replay knows no database and a test can be
 * the sink.
 *
 * Statuses: WEIR_OK; WEIR_BUSY, WEIR_IO, WEIR_NO_SPACE, WEIR_NO_MEMORY: try the transaction again
 * later; WEIR_SINK_AGAIN, _ANEW, _REOPENED and _UNKNOWN: see there; anything else: applying stops until
 * somebody acts. When begin, apply or commit returns anything but WEIR_OK, the caller calls
 * rollback. One thread at a time. */
#ifndef WEIR_SINK_H
#define WEIR_SINK_H

#include "../../lib/verify/inventory.h"

/* The transaction has to begin again, at the position and with half the rows: the schema itself
 * ended it (ON CONFLICT ROLLBACK) and nothing of it is left, or a row is too large to be kept. When
 * a transaction of a single row is ended so, the sink knows which row it was. */
enum { WEIR_SINK_AGAIN = 2 };

/* The transaction has to begin again, at the position and with the same rows, so that batches stay
 * whole: the sink will insert its rows in another way. It says so once for each way that a table
 * has. */
enum { WEIR_SINK_ANEW = 4 };

/* From begin and harden: the database had to be opened anew. Nothing that the sink knew still
 * holds, neither its tables nor what was committed but not checkpointed: ask for the position. */
enum { WEIR_SINK_REOPENED = 3 };

/* From commit: the other side may have committed the transaction or not, since its answer was lost.
 * counts are filled all the same. The position that the next begin reads will tell; from then on the
 * transaction must not be committed any more, if it was not. Only of a sink that says remote. */
enum { WEIR_SINK_UNKNOWN = 5 };

typedef struct weir_sink_counts {
    uint64_t rows, rejected, ignored; /* of the transaction; rows includes the other two */
    uint64_t wal_bytes;
    /* Says what was missing from a table and was made again; NULL: nothing. Valid until the next
     * begin or rollback. */
    const char *mended;
} weir_sink_counts;

/* Rows first … last of a block, both included; last may be after the block's end. */
typedef struct weir_row_range {
    uint64_t first, last;
} weir_row_range;

/* A transaction ends with the block that reaches one of these. */
typedef struct weir_batch_limit {
    uint64_t rows, bytes; /* bytes: of the blocks, before compression */
} weir_batch_limit;

/* One call of retain. */
typedef struct weir_sink_retained {
    uint64_t rows;      /* that were deleted, in a transaction of their own; 0: there was none */
    uint64_t wal_bytes; /* after it */
    uint64_t pause_ns;  /* until there is something to do again; 0: at once; UINT64_MAX: nothing */
    /* Says of which table old rows cannot be deleted, and why, once; NULL: there is nothing to say.
     * Valid until the next call. */
    const char *trouble;
    bool suspended; /* the sink does not try it again */
} weir_sink_retained;

typedef enum weir_declare_when {
    WEIR_DECLARE_WITH_ROWS, /* the table is made ready when the first of its rows comes */
    WEIR_DECLARE_NOW,       /* create, extend or check it even if no row comes */
} weir_declare_when;

typedef struct weir_sink {
    void *self;
    /* Begin a transaction and read the position inside it. block and row 0: nothing is applied
     * yet. */
    int (*begin)(void *self, const weir_id journal, weir_position *at, weir_error *error);
    /* Remember a table that later rows use, also across transactions. WEIR_DECLARE_NOW: inside a
     * transaction only. Idempotent. Where the position went back, declarations come again in their
     * order, and one may have fewer columns than the table has had since. */
    int (*declare)(void *self, const weir_declaration *d, weir_declare_when when,
                   weir_error *error);
    /* Insert those rows of one rows block, in order. body begins with the block's first row. */
    int (*apply)(void *self, const weir_block_header *header, weir_cursor body,
                 weir_row_range range, weir_error *error);
    /* Store the position, commit, and sync. */
    int (*commit)(void *self, const weir_position *to, weir_sink_counts *counts, weir_error *error);
    void (*rollback)(void *self);
    /* Make what is committed safe without the journal: checkpoint and sync the database itself.
     * applied: block of the last commit. safe: out, the last block that is safe so; less than
     * applied, and perhaps 0, while a reader of the database is in the way. */
    int (*checkpoint)(void *self, uint64_t applied, uint64_t *safe, weir_error *error);
    void (*close)(void *self);
    /* Between transactions: the next one begins with rows of this block. The sink may prepare what
     * cannot be prepared inside a transaction. NULL: it prepares nothing. */
    void (*expect)(void *self, const weir_block_header *header, weir_cursor body);
    /* How much makes a good transaction for tables like those of the last one. NULL: 65,536 rows,
     * 32 MiB. */
    weir_batch_limit (*batch_limit)(void *self);
    /* Between transactions, as often as the caller likes: delete old rows, at most one transaction
     * of them, if that is due. Failures are the sink's own affair; only WEIR_SINK_REOPENED and what
     * reopening fails with are returned. NULL: it keeps all rows. */
    int (*retain)(void *self, weir_sink_retained *out, weir_error *error);
    /* Between transactions, once all of a journal is applied and nobody appends to it any more: note
     * that no row follows this position, which is that of the last commit. NULL: it notes nothing. */
    int (*rest)(void *self, const weir_position *at, weir_error *error);
    /* From any thread, once: calls that wait for another machine wait no longer than until
     * deadline_ns (of the os table's clock), and then answer WEIR_BUSY or WEIR_IO. NULL: no call
     * waits for long. */
    void (*hurry)(void *self, uint64_t deadline_ns);
    /* The position is kept by a server: between two transactions it may have moved on (a commit whose
     * answer was lost, another process that took over) or back (a standby was promoted). Replay looks
     * whether it names a block of this journal, and goes on there. False: a position that moves by
     * itself is of another history. */
    bool remote;
} weir_sink;

#endif
