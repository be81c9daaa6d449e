/* sqlite_sink.h - a sink that is an SQLite file.
 *
 * Rows of plain tables are copied as records (record_copy.h); when a copy fails, the transaction is
 * done again without it. All other rows are fed (row_vtab.h). When a statement fails because of a row,
 * it is undone and its rows are halved, down to that row, which goes to the reject table
 * (load_group.h). The promise: each row is judged as if all rows had been inserted one at a time,
 * in the order of their numbers.
 *
 * There are two connections. One writes and checkpoints. The other, the guard, holds a read
 * transaction, so that no other connection's checkpoint can reset the -wal file before ours has
 * synced what it holds. */
#ifndef WEIR_SQLITE_SINK_H
#define WEIR_SQLITE_SINK_H

#include <sqlite3.h>

#include "../apply/sink.h"
#include "keep_settings.h"
#include "outcomes.h"
#include "sqlite_config.h"

/* Open the file (WAL, synchronous=FULL, own checkpoints). weir_position and weir_reject are created
 * when they are first needed. real_path, may be NULL: out, the path of the file that SQLite opened,
 * links resolved; sqlite3_free() it. */
int weir_sqlite_sink_open(const weir_sqlite_config *config, weir_sink *out, char **real_path,
                          weir_error *error);

typedef enum weir_sqlite_loss {
    WEIR_SQLITE_FILES_LOST,   /* close every other connection to the database */
    WEIR_SQLITE_FILES_OPENED, /* they may be opened again */
} weir_sqlite_loss;
/* The sink has lost its -wal file, and opens the database again (WEIR_SINK_REOPENED). Called before
 * and after, on the sink's thread. */
typedef void weir_sqlite_loss_fn(void *context, weir_sqlite_loss what);
/* Only while the sink is not in use. */
void weir_sqlite_sink_on_loss(weir_sink *sink, weir_sqlite_loss_fn *on_loss, void *context);

/* From now on report the outcome of each row that outcomes has a question for. They outlive the
 * sink. */
void weir_sqlite_sink_tell(weir_sink *sink, weir_outcomes *outcomes);

/* From now on keep the tables that settings names within their limits. They outlive the sink. */
void weir_sqlite_sink_keep(weir_sink *sink, weir_keep_settings *settings);

/* The connection that writes; for use before the first transaction only. */
sqlite3 *weir_sqlite_sink_connection(weir_sink *sink);

/* All positions that the database has (malloc; the caller frees it). NULL when there are none. */
int weir_sqlite_positions(weir_sink *sink, weir_position **out, size_t *count, weir_error *error);

#endif
