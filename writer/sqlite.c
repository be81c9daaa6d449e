/* sqlite.c - weir_open_sqlite and weir_insert_now: the handle, the sink and the writer thread
 * put together. */
#include <weir/sqlite.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "../lib/look.h"
#include "../lib/row_encode.h"
#include "../lib/thread.h"
#include "applier.h"
#include "schema.h"
#include "sqlite_error.h"
#include "sqlite_sink.h"

#define MS ((uint64_t)1000000)

/* What belongs to one open handle. Never freed while the process lives, but used again: a thread
 * that was in a call while the handle closed may still ring the bell. */
typedef struct writer {
    weir *handle; /* NULL: waits for the next opening */
    weir_bell bell;
    weir_applier *applier;
    sqlite3 *reader; /* for looking at tables; only under lock */
    pthread_mutex_t lock;
    struct writer *next;
} writer;

static pthread_mutex_t all_lock =
    PTHREAD_MUTEX_INITIALIZER; /* the list and every writer's handle */
static writer *all;

/* ---- the list -------------------------------------------------------------------------------- */

static void enter(pthread_mutex_t *lock) {
    (void)pthread_mutex_lock(lock); /* fails only for a mutex that was never made */
}

static void leave(pthread_mutex_t *lock) { (void)pthread_mutex_unlock(lock); /* likewise */ }

static writer *find(const weir *handle) {
    enter(&all_lock);
    writer *w = all;
    while (w && w->handle != handle)
        w = w->next;
    leave(&all_lock);
    return w;
}

static writer *take(weir *handle) {
    enter(&all_lock);
    writer *w = all;
    while (w && w->handle)
        w = w->next;
    if (!w && (w = calloc(1, sizeof *w))) {
        (void)pthread_mutex_init(&w->lock, NULL); /* cannot fail with default attributes */
        w->next = all;
        all = w;
    }
    if (w) w->handle = handle;
    leave(&all_lock);
    return w;
}

static void give_back(writer *w) {
    enter(&all_lock);
    w->handle = NULL;
    leave(&all_lock);
}

/* ---- hooks ----------------------------------------------------------------------------------- */

static int check(void *self, const weir_declaration *d, int64_t *next_key, weir_error *error) {
    writer *w = self;
    enter(&w->lock);
    int status = w->reader
                     ? weir_sqlite_check(w->reader, d, next_key, error)
                     : weir_fail(error, WEIR_CLOSED, "table %s: the handle is closing", d->name);
    leave(&w->lock);
    return status;
}

static void nudge(void *self, bool aside) {
    writer *w = self;
    weir_bell_ring(&w->bell, weir_os_posix(), aside);
}

static void close_reader(writer *w) {
    enter(&w->lock);
    (void)sqlite3_close(w->reader); /* fails only while statements are left, and none are */
    w->reader = NULL;
    leave(&w->lock);
}

/* The reader goes first: the last connection to close checkpoints, and that shall be the sink's. */
static void finish(void *self, uint64_t deadline_ns) {
    writer *w = self;
    close_reader(w);
    weir_applier_finish(w->applier, deadline_ns);
}

static int stop(void *self, uint64_t deadline_ns) {
    writer *w = self;
    int status = weir_applier_stop(w->applier, deadline_ns);
    w->applier = NULL;
    give_back(w);
    return status;
}

/* ---- opening --------------------------------------------------------------------------------- */

typedef struct opening {
    weir_options options;
    weir_sink sink;
    char *real_path, *directory;
    weir_position *positions;
    size_t position_count;
    weir *handle;
    weir_error *error;
} opening;

static int open_reader(const opening *o, writer *w) {
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(o->real_path, &w->reader, flags, NULL) != SQLITE_OK) {
        if (!w->reader) return weir_fail(o->error, WEIR_NO_MEMORY, "%s: no memory", o->real_path);
        return weir_sqlite_fail(w->reader, "opening a reading connection", o->error);
    }
    (void)sqlite3_extended_result_codes(w->reader, 1); /* fails only for a NULL connection */
    (void)sqlite3_busy_timeout(w->reader, (int)(o->options.open_timeout_ms & 0x7FFFFFFF));
    return weir_sqlite_run(w->reader, "PRAGMA query_only=ON; PRAGMA cache_size=-512", o->error);
}

/* sqlite3_free() it. The journal stands beside the database unless the caller says where. */
static char *journal_path(const opening *o, const char *database) {
    const char *given = o->options.journal_directory;
    char *path = given ? sqlite3_mprintf("%s", given) : sqlite3_mprintf("%s-weir", database);
    if (!path) (void)weir_fail(o->error, WEIR_NO_MEMORY, "no memory for the journal's path");
    return path;
}

/* SQLite makes a file that is not there before the journal beside it is judged, and a call that is
 * refused changes nothing: so that one is judged first. */
static int judge_journal(opening *o, const char *path) {
    const weir_os *os = weir_os_posix();
    weir_os_info info;
    if (o->options.must_exist || os->info(os->self, path, &info) != -ENOENT) return WEIR_OK;
    char *directory = journal_path(o, path);
    if (!directory) return WEIR_NO_MEMORY;
    int status = weir_look_judge(os, directory, o->error);
    sqlite3_free(directory);
    return status;
}

static int open_database(opening *o, const char *path) {
    weir_sqlite_config config = {path, o->options.must_exist != 0, o->options.open_timeout_ms};
    int status = weir_sqlite_sink_open(&config, &o->sink, &o->real_path, o->error);
    if (status == WEIR_OK)
        status = weir_sqlite_positions(&o->sink, &o->positions, &o->position_count, o->error);
    if (status != WEIR_OK) return status;
    o->directory = journal_path(o, o->real_path); /* so every name of a file leads to one journal */
    return o->directory ? WEIR_OK : WEIR_NO_MEMORY;
}

static int open_handle(opening *o) {
    weir_handle_config config = {
        .options = o->options,
        .directory = o->directory,
        .os = weir_os_posix(),
        .positions = o->positions,
        .position_count = o->position_count,
        .database_has_positions = o->position_count > 0,
    };
    return weir_handle_open(&config, &o->handle, o->error);
}

static int start_applier(opening *o, writer *w) {
    int status =
        weir_applier_make(o->handle, o->real_path, &o->sink, &w->bell, &w->applier, o->error);
    if (status != WEIR_OK) return status;
    o->sink = (weir_sink){0}; /* the applier has it now */
    status = open_reader(o, w);
    if (status == WEIR_OK) status = weir_applier_start(w->applier, o->error);
    if (status == WEIR_OK) return status;
    close_reader(w);
    weir_applier_free(w->applier);
    w->applier = NULL;
    return status;
}

static int attach_writer(opening *o) {
    writer *w = take(o->handle);
    if (!w)
        return weir_fail(o->error, WEIR_NO_MEMORY, "%s: no memory for the writer", o->real_path);
    int status = start_applier(o, w);
    if (status != WEIR_OK) {
        give_back(w);
        return status;
    }
    weir_hooks hooks = {w, check, nudge, finish, stop};
    weir_handle_attach(o->handle, &hooks);
    nudge(w, false); /* for what became durable before the hooks were there */
    return WEIR_OK;
}

static int open_all(opening *o, const char *path) {
    int status = weir_options_check(&o->options, o->error);
    if (status == WEIR_OK) status = judge_journal(o, path);
    if (status == WEIR_OK) status = open_database(o, path);
    if (status == WEIR_OK) status = open_handle(o);
    if (status == WEIR_OK) status = attach_writer(o);
    if (status == WEIR_OK) return status;
    if (o->handle) (void)weir_close(o->handle); /* the first failure is what counts */
    if (o->sink.close) o->sink.close(o->sink.self);
    return status;
}

static int open_path(const char *path, const weir_options *options, weir **out) {
    weir_error error = {0};
    opening o = {.error = &error};
    if (!path || !out) {
        (void)weir_fail(&error, WEIR_MISUSE, "weir_open_sqlite: path and out must be given");
        return weir_publish_error(&error);
    }
    *out = NULL;
    if (options) o.options = *options;
    weir_options_fill(&o.options);
    int status = open_all(&o, path);
    if (status == WEIR_OK) *out = o.handle;
    sqlite3_free(o.real_path);
    sqlite3_free(o.directory);
    free(o.positions);
    return status == WEIR_OK ? status : weir_publish_error(&error);
}

int weir_open_sqlite(const char *path, const weir_options *options, weir **out) {
    int held = weir_cancel_hold();
    int status = open_path(path, options, out);
    weir_cancel_allow(held);
    return status;
}

/* ---- insert now ------------------------------------------------------------------------------ */

typedef struct insertion {
    writer *writer;
    weir_table *table;
    const weir_declaration *declaration;
    weir_value *values;
    int key_index;
    int64_t key, last_reject; /* the greatest id in weir_reject before the row was appended */
    uint8_t *record;
    size_t record_bytes;
    weir_error error;
} insertion;

static int last_reject(insertion *i) {
    int64_t there;
    sqlite3 *db = i->writer->reader;
    int status = weir_sqlite_ask(db, "SELECT 1 FROM sqlite_schema WHERE name = 'weir_reject'", NULL,
                                 0, &there, &i->error);
    if (status != WEIR_OK || !there) return status;
    return weir_sqlite_ask(db, "SELECT max(id) FROM main.weir_reject", NULL, 0, &i->last_reject,
                           &i->error);
}

/* Does a query with ?1 and, if there is a record, ?2 find a row? */
static int finds(insertion *i, const char *sql, int64_t first, bool with_record, bool *found) {
    sqlite3_stmt *s;
    int status = weir_sqlite_prepare(i->writer->reader, sql, &s, &i->error);
    if (status != WEIR_OK) return status;
    int code = sqlite3_bind_int64(s, 1, first);
    if (code == SQLITE_OK && with_record)
        code = sqlite3_bind_blob64(s, 2, i->record, i->record_bytes, SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_step(s);
    *found = code == SQLITE_ROW;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        status = weir_sqlite_fail(i->writer->reader, "looking for the row", &i->error);
    (void)sqlite3_finalize(s); /* repeats the step's code */
    return status;
}

/* The key alone does not show it: another row may have it, and that may be why this one was
 * refused. */
static int was_refused(insertion *i, bool *refused) {
    int64_t there;
    bool found = false;
    *refused = false;
    int status =
        weir_sqlite_ask(i->writer->reader, "SELECT 1 FROM sqlite_schema WHERE name = 'weir_reject'",
                        NULL, 0, &there, &i->error);
    if (status == WEIR_OK && there)
        status = finds(i, "SELECT 1 FROM main.weir_reject WHERE id > ?1 AND record = ?2",
                       i->last_reject, true, refused);
    if (status != WEIR_OK || *refused) return status;
    char *sql = sqlite3_mprintf("SELECT 1 FROM main.\"%w\" WHERE \"%w\" = ?1", i->declaration->name,
                                i->declaration->column[i->key_index].name);
    if (!sql) return weir_fail(&i->error, WEIR_NO_MEMORY, "no memory to look for the row");
    status = finds(i, sql, i->key, false, &found);
    sqlite3_free(sql);
    *refused = !found;
    return status;
}

/* Under the writer's lock, which closing takes too. */
static int look(insertion *i, int (*what)(insertion *)) {
    enter(&i->writer->lock);
    int status = i->writer->reader ? what(i)
                                   : weir_fail(&i->error, WEIR_CLOSED, "%s: the handle is closed",
                                               i->declaration->name);
    leave(&i->writer->lock);
    return status;
}

static int verify(insertion *i) {
    bool refused;
    int status = was_refused(i, &refused);
    if (status != WEIR_OK || !refused) return status;
    return weir_fail(&i->error, WEIR_REJECTED,
                     "table %s: SQLite refused the row with key %lld; "
                     "weir_reject says why",
                     i->declaration->name, (long long)i->key);
}

static int misuse(insertion *i, const char *what) {
    return weir_fail(&i->error, WEIR_MISUSE, "weir_insert_now: %s", what);
}

static int choose_key(insertion *i) {
    weir_value *v = &i->values[i->key_index];
    if (v->type == WEIR_NULL)
        *v = weir_int(weir_table_take_key(i->table));
    else if (v->type == WEIR_INTEGER)
        weir_table_note_key(i->table, v->as.integer);
    else
        return misuse(i, "the key must be NULL or an integer");
    i->key = v->as.integer;
    return WEIR_OK;
}

/* The row as it will stand in the journal, and in the reject table if it comes to that. */
static int encode(insertion *i, size_t count) {
    int status = WEIR_MISUSE;
    i->record_bytes = weir_row_size(i->values, count, &status);
    if (!i->record_bytes)
        return weir_fail(&i->error, status, "%s: %s", i->declaration->name,
                         weir_status_text(status));
    i->record = malloc(i->record_bytes + 8); /* the encoder's slack */
    if (!i->record) return weir_fail(&i->error, WEIR_NO_MEMORY, "no memory for the row");
    (void)weir_row_encode(i->record, i->declaration->table, i->values, count);
    return WEIR_OK;
}

static int prepare(insertion *i, const weir_value *values, size_t count) {
    weir *handle = weir_table_handle(i->table);
    i->declaration = weir_table_declaration(i->table);
    i->key_index = weir_declaration_key(i->declaration);
    if (i->key_index < 0) return misuse(i, "the table was declared without a WEIR_KEY column");
    if (count != i->declaration->columns)
        return misuse(i, "count is not the declared number of columns");
    i->writer = find(handle);
    if (!i->writer) return misuse(i, "the handle has no database");
    i->values = malloc(count * sizeof *values);
    if (!i->values) return weir_fail(&i->error, WEIR_NO_MEMORY, "no memory for the row");
    memcpy(i->values, values, count * sizeof *values);
    return look(i, last_reject);
}

static uint32_t milliseconds_left(uint64_t began, uint32_t timeout_ms) {
    const weir_os *os = weir_os_posix();
    uint64_t spent = (os->now(os->self) - began) / MS;
    if (timeout_ms == UINT32_MAX) return timeout_ms;
    return spent >= timeout_ms ? 0 : timeout_ms - (uint32_t)spent;
}

static int append_and_wait(insertion *i, size_t count, uint32_t timeout_ms, weir_ticket *ticket) {
    const weir_os *os = weir_os_posix();
    uint64_t began = os->now(os->self);
    int status = weir_append_row(i->table, i->values, count, ticket);
    if (status != WEIR_OK)
        return weir_fail(&i->error, status, "%s: %s", i->declaration->name,
                         weir_status_text(status));
    status = weir_wait(weir_table_handle(i->table), *ticket, WEIR_APPLIED,
                       milliseconds_left(began, timeout_ms));
    if (status < 0) return weir_fail(&i->error, status, "%s", weir_last_error());
    return status == WEIR_OK ? look(i, verify) : status;
}

static int insert_inside(insertion *i, const weir_value *values, size_t count, uint32_t timeout_ms,
                         weir_ticket *ticket) {
    int status = prepare(i, values, count);
    if (status == WEIR_OK) status = choose_key(i);
    if (status == WEIR_OK) status = encode(i, count);
    if (status == WEIR_OK) status = append_and_wait(i, count, timeout_ms, ticket);
    free(i->values);
    free(i->record);
    return status;
}

/* key and ticket are known as soon as the row is appended, whatever waiting answers. */
int weir_insert_now(weir_table *table, const weir_value *values, size_t count, uint32_t timeout_ms,
                    int64_t *key, weir_ticket *ticket) {
    insertion i = {.table = table};
    weir_ticket mine = {0};
    int held;
    if (!table || !values) {
        (void)misuse(&i, "an argument is NULL");
        return weir_publish_error(&i.error);
    }
    int status = weir_step_in(weir_table_handle(table), false, &held);
    if (status == WEIR_OK) {
        status = insert_inside(&i, values, count, timeout_ms, &mine);
        weir_step_out(weir_table_handle(table), held);
    } else {
        (void)weir_fail(&i.error, status, "weir_insert_now: %s", weir_status_text(status));
    }
    if (key) *key = i.key;
    if (ticket) *ticket = mine;
    return status < 0 ? weir_publish_error(&i.error) : status;
}
