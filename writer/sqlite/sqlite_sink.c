/* sqlite_sink.c - a sink that is an SQLite file: transactions, tables and the position in them. */
#include "sqlite_sink.h"

#include <stdlib.h>

#include "connection.h"
#include "load.h"
#include "position_store.h"
#include "retention.h"
#include "schema.h"
#include "sqlite_error.h"

typedef struct sqlite_sink {
    weir_sqlite_config config;
    char *path; /* of the file that SQLite opened; sqlite3_free */
    weir_sqlite_loss_fn *on_loss;
    void *context;
    weir_outcomes *outcomes; /* NULL: there are no questions */
    weir_connection connection;
    weir_load load; /* the tables, and how rows go into them */
    weir_record_copy *transfer;
    weir_retention retention;
    weir_position_store positions;
    sqlite3_stmt *begin, *commit, *rollback, *version;
    int64_t schema_version; /* for which load and positions hold; -1: for none */
    bool began;             /* a transaction began that may change what these two know */
    weir_proc_fd old_shm;   /* the -shm file that was in use when the -wal or -shm file was lost */
} sqlite_sink;

/* ---- the connection and what belongs to it --------------------------------------------------- */

static void close_all(sqlite_sink *s) {
    weir_load_free(&s->load);
    weir_position_store_free(&s->positions);
    sqlite3_stmt **statements[] = {&s->begin, &s->commit, &s->rollback, &s->version};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        (void)sqlite3_finalize(*statements[i]); /* repeats the last step's code */
        *statements[i] = NULL;
    }
    weir_record_copy_close(s->transfer);
    weir_connection_close(&s->connection);
    weir_record_copy_free(s->transfer);
    s->transfer = NULL;
    s->load = (weir_load){0};
    weir_retention_forget(&s->retention);
    s->schema_version = -1;
    s->began = false;
}

static int prepare_statements(sqlite_sink *s, weir_error *error) {
    sqlite3 *db = s->positions.db = s->connection.db;
    int status = weir_sqlite_prepare(db, "BEGIN IMMEDIATE", &s->begin, error);
    if (status == WEIR_OK) status = weir_sqlite_prepare(db, "COMMIT", &s->commit, error);
    if (status == WEIR_OK) status = weir_sqlite_prepare(db, "ROLLBACK", &s->rollback, error);
    if (status == WEIR_OK)
        status = weir_sqlite_prepare(db, "PRAGMA main.schema_version", &s->version, error);
    if (status == WEIR_OK && weir_record_copy_make(db, &s->transfer) != WEIR_OK)
        status = weir_fail(error, WEIR_NO_MEMORY, "no memory for the writer");
    return status == WEIR_OK ? weir_load_make(&s->load, db, s->transfer, error) : status;
}

static int open_connection(sqlite_sink *s, weir_error *error) {
    int status = weir_connection_open(&s->config, &s->connection, error);
    if (status == WEIR_OK) status = prepare_statements(s, error);
    if (status != WEIR_OK) close_all(s);
    return status;
}

static bool is_file_lost(const sqlite_sink *s) { return !s->connection.db || s->connection.lost; }

/* Commits in files that no other connection sees are lost with these files. All connections of a
 * process share one -shm file: while one of them still has the old one, a new connection would read
 * the new -wal file by the old index. */
static int reopen(sqlite_sink *s, weir_error *error) {
    if (s->on_loss) s->on_loss(s->context, WEIR_SQLITE_FILES_LOST);
    if (s->connection.db) s->old_shm = s->connection.locks.shm;
    close_all(s);
    if (weir_proc_fd_find_again(&s->old_shm))
        return weir_fail(
            error, WEIR_IO,
            "%s: its -wal or -shm file was removed or replaced while this program used "
            "it; close the program's own connections to it, which still have the old "
            "one",
            s->path);
    int status = open_connection(s, error);
    if (status != WEIR_OK) return status;
    if (s->on_loss) s->on_loss(s->context, WEIR_SQLITE_FILES_OPENED);
    return WEIR_SINK_REOPENED;
}

/* ---- transactions ---------------------------------------------------------------------------- */

static void forget_schema(sqlite_sink *s) {
    s->schema_version = -1;
    s->positions.there = false;
    weir_load_forget(&s->load);
}

static int read_schema_version(sqlite_sink *s, int64_t *version, weir_error *error) {
    int code = sqlite3_step(s->version);
    *version = code == SQLITE_ROW ? sqlite3_column_int64(s->version, 0) : -1;
    int status = code == SQLITE_ROW
                     ? WEIR_OK
                     : weir_sqlite_fail(s->connection.db, "reading the schema", error);
    (void)sqlite3_reset(s->version); /* repeats the step's code */
    return status;
}

/* Other connections may have changed the schema between two transactions, but not during ours. */
static int note_schema(sqlite_sink *s, weir_error *error) {
    int64_t version;
    int status = read_schema_version(s, &version, error);
    if (version != s->schema_version) forget_schema(s);
    s->schema_version = version;
    return status;
}

static int step_once(sqlite_sink *s, sqlite3_stmt *statement, const char *doing,
                     weir_error *error) {
    int code = sqlite3_step(statement);
    int status = code == SQLITE_DONE ? WEIR_OK : weir_sqlite_fail(s->connection.db, doing, error);
    (void)sqlite3_reset(statement); /* repeats the step's code */
    return status;
}

/* Even this can fail, without memory. */
static int undo(sqlite_sink *s, weir_error *error) {
    if (sqlite3_get_autocommit(s->connection.db)) return WEIR_OK;
    return step_once(s, s->rollback, "rolling back", error);
}

static int begin_writing(sqlite_sink *s, weir_error *error) {
    int status = step_once(s, s->begin, "beginning a transaction", error);
    s->began |= status == WEIR_OK;
    if (status == WEIR_BUSY) weir_connection_make_way(&s->connection);
    return status == WEIR_OK ? weir_connection_guard(&s->connection, error) : status;
}

static int sink_begin(void *self, const weir_id journal, weir_position *at, weir_error *error) {
    sqlite_sink *s = self;
    if (is_file_lost(s)) return reopen(s, error);
    int status = undo(s, error);
    if (status != WEIR_OK) return status;
    weir_load_begin(&s->load);
    status = weir_connection_stays(&s->connection, error);
    if (status == WEIR_OK)
        status = weir_connection_cache(&s->connection, weir_load_has_random_keys(&s->load), error);
    if (status == WEIR_OK) status = begin_writing(s, error);
    if (status == WEIR_OK) status = note_schema(s, error);
    if (status == WEIR_OK) status = weir_position_store_make(&s->positions, error);
    return status == WEIR_OK ? weir_position_store_read(&s->positions, journal, at, error) : status;
}

/* Only while the schema is not known yet: later on, each transaction leaves its tables ready. What
 * fails here fails again inside the transaction. */
static void sink_expect(void *self, const weir_block_header *header, weir_cursor body) {
    sqlite_sink *s = self;
    if (is_file_lost(s) || s->schema_version >= 0 || !sqlite3_get_autocommit(s->connection.db))
        return;
    if (note_schema(s, NULL) == WEIR_OK) weir_load_expect(&s->load, header, body);
}

static int sink_declare(void *self, const weir_declaration *d, weir_declare_when when,
                        weir_error *error) {
    sqlite_sink *s = self;
    return weir_load_declare(&s->load, d, when, error);
}

static int sink_apply(void *self, const weir_block_header *header, weir_cursor body,
                      weir_row_range range, weir_error *error) {
    sqlite_sink *s = self;
    s->load.outcomes = s->outcomes;
    int status = weir_load_rows(&s->load, header, body, range, error);
    return weir_connection_explain(&s->connection, status, error);
}

static int sink_commit(void *self, const weir_position *to, weir_sink_counts *counts,
                       weir_error *error) {
    sqlite_sink *s = self;
    int64_t version; /* after our own changes of the schema, which load knows already */
    int status = weir_load_end(&s->load, error);
    if (status == WEIR_OK) status = weir_position_store_write(&s->positions, to, error);
    if (status == WEIR_OK) status = read_schema_version(s, &version, error);
    if (status == WEIR_OK) status = weir_connection_writes(&s->connection);
    if (status == WEIR_OK) status = step_once(s, s->commit, "committing", error);
    if (status == WEIR_OK) status = weir_connection_kept(&s->connection, error);
    if (status != WEIR_OK) return weir_connection_explain(&s->connection, status, error);
    s->schema_version = version;
    s->began = false;
    s->retention.added = s->load.counts.rows;
    *counts = s->load.counts;
    counts->wal_bytes = weir_connection_wal_bytes(&s->connection);
    return WEIR_OK;
}

/* Tables that the transaction created are gone with it. */
static void sink_rollback(void *self) {
    sqlite_sink *s = self;
    if (!s->connection.db) return; /* it is still to be opened again */
    weir_record_copy_drop(s->transfer);
    (void)undo(s, NULL); /* if it fails, the next transaction tries again before it begins */
    (void)weir_connection_temporary(&s->connection, NULL); /* the next rollback tries again */
    if (s->began) forget_schema(s);
    s->began = false;
}

static int sink_checkpoint(void *self, uint64_t applied, uint64_t *safe, weir_error *error) {
    sqlite_sink *s = self;
    *safe = 0;
    if (is_file_lost(s)) return reopen(s, error);
    return weir_connection_checkpoint(&s->connection, applied, safe, error);
}

/* Rows that change pages all over the file change the same pages again and again, so a large
 * transaction writes fewer of them. Other rows need only so large a transaction that the pages
 * which it makes stay in the cache (see weir_connection_cache): pages that do not are written to
 * the -wal file early, and some of them twice. */
static weir_batch_limit sink_batch_limit(void *self) {
    static const weir_batch_limit plain = {65536, 8 << 20}, scattered = {262144, 32 << 20};
    return weir_load_has_random_keys(&((const sqlite_sink *)self)->load) ? scattered : plain;
}

/* ---- the end of a journal -------------------------------------------------------------------- */

static int commit_closed(sqlite_sink *s, const weir_position *at, weir_error *error) {
    int status = weir_position_store_close(&s->positions, at, error);
    if (status == WEIR_OK) status = weir_connection_writes(&s->connection);
    if (status == WEIR_OK) status = step_once(s, s->commit, "committing", error);
    return status == WEIR_OK ? weir_connection_kept(&s->connection, error) : status;
}

static int sink_rest(void *self, const weir_position *at, weir_error *error) {
    sqlite_sink *s = self;
    if (is_file_lost(s)) return WEIR_IO;
    int status = undo(s, error);
    if (status == WEIR_OK) status = weir_connection_stays(&s->connection, error);
    if (status == WEIR_OK) status = begin_writing(s, error);
    if (status == WEIR_OK) status = note_schema(s, error);
    if (status == WEIR_OK) status = weir_position_store_make(&s->positions, error);
    if (status == WEIR_OK) status = commit_closed(s, at, error);
    sink_rollback(s); /* what was not committed */
    return weir_connection_explain(&s->connection, status, error);
}

/* ---- retention ------------------------------------------------------------------------------- */

/* When to look again at tables that cannot be looked at now. */
#define RETAIN_AGAIN_NS ((uint64_t)1000000000)

static int commit_sweep(sqlite_sink *s, weir_sink_retained *out, weir_error *error) {
    int status = weir_retention_sweep(&s->retention, s->connection.db, &out->rows, error);
    if (status == WEIR_OK) status = weir_connection_writes(&s->connection);
    if (status == WEIR_OK) status = step_once(s, s->commit, "committing", error);
    return status == WEIR_OK ? weir_connection_kept(&s->connection, error) : status;
}

/* Nothing that load or own know changes in the transaction. */
static int sweep_once(sqlite_sink *s, weir_sink_retained *out, weir_error *error) {
    bool began = s->began;
    int status = begin_writing(s, error);
    if (status == WEIR_OK) status = commit_sweep(s, out, error);
    s->began = began;
    if (status == WEIR_OK) {
        out->wal_bytes = weir_connection_wal_bytes(&s->connection);
        return status;
    }
    out->rows = 0;
    status = weir_connection_explain(&s->connection, status, error);
    (void)undo(s, NULL); /* if it fails, the next transaction tries again before it begins */
    (void)weir_connection_temporary(&s->connection, NULL); /* the next failure tries again */
    return status;
}

static int sink_retain(void *self, weir_sink_retained *out, weir_error *error) {
    sqlite_sink *s = self;
    bool sweep;
    *out = (weir_sink_retained){.pause_ns = weir_retention_pause(&s->retention)};
    if (out->pause_ns) return WEIR_OK;
    out->pause_ns = RETAIN_AGAIN_NS;
    int status = is_file_lost(s) ? reopen(s, error) : undo(s, error);
    if (status == WEIR_OK) status = weir_connection_stays(&s->connection, error);
    if (status != WEIR_OK) return status;
    status = weir_retention_look(&s->retention, s->connection.db, &sweep, error);
    if (status == WEIR_OK && sweep) status = sweep_once(s, out, error);
    const char *name = sqlite3_db_filename(s->connection.db, "main");
    const char *why = name ? weir_text_after_name(error->text, name) : error->text;
    weir_retention_end(&s->retention, status, why, out);
    return WEIR_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

static void sink_close(void *self) {
    sqlite_sink *s = self;
    if (!s) return;
    close_all(s);
    weir_retention_free(&s->retention);
    sqlite3_free(s->path);
    free(s);
}

/* To open the file again, use the path that SQLite found: the working directory may change. */
static int note_path(sqlite_sink *s, char **real_path, weir_error *error) {
    const char *path = sqlite3_db_filename(s->connection.db, "main");
    s->path = sqlite3_mprintf("%s", path);
    if (real_path) *real_path = sqlite3_mprintf("%s", path);
    if (!s->path || (real_path && !*real_path))
        return weir_fail(error, WEIR_NO_MEMORY, "no memory for the database's path");
    s->config.path = s->path;
    s->config.must_exist = true;
    s->config.busy_timeout_ms = 0; /* from now on the caller waits, not SQLite */
    return WEIR_OK;
}

int weir_sqlite_sink_open(const weir_sqlite_config *config, weir_sink *out, char **real_path,
                          weir_error *error) {
    *out = (weir_sink){0};
    if (real_path) *real_path = NULL;
    sqlite_sink *s = calloc(1, sizeof *s);
    if (!s) return weir_fail(error, WEIR_NO_MEMORY, "no memory to open %s", config->path);
    s->schema_version = -1;
    s->config = *config;
    if (!s->config.os) s->config.os = weir_os_posix();
    s->retention.os = s->config.os;
    int status = open_connection(s, error);
    if (status == WEIR_OK) status = note_path(s, real_path, error);
    if (status != WEIR_OK) {
        sink_close(s);
        return status;
    }
    *out = (weir_sink){.self = s,
                       .begin = sink_begin,
                       .declare = sink_declare,
                       .apply = sink_apply,
                       .commit = sink_commit,
                       .rollback = sink_rollback,
                       .checkpoint = sink_checkpoint,
                       .close = sink_close,
                       .expect = sink_expect,
                       .batch_limit = sink_batch_limit,
                       .retain = sink_retain,
                       .rest = sink_rest};
    return WEIR_OK;
}

void weir_sqlite_sink_on_loss(weir_sink *sink, weir_sqlite_loss_fn *on_loss, void *context) {
    sqlite_sink *s = sink->self;
    s->on_loss = on_loss;
    s->context = context;
}

void weir_sqlite_sink_tell(weir_sink *sink, weir_outcomes *outcomes) {
    ((sqlite_sink *)sink->self)->outcomes = outcomes;
}

void weir_sqlite_sink_keep(weir_sink *sink, weir_keep_settings *settings) {
    ((sqlite_sink *)sink->self)->retention.settings = settings;
}

sqlite3 *weir_sqlite_sink_connection(weir_sink *sink) {
    return ((sqlite_sink *)sink->self)->connection.db;
}
