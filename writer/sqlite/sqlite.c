/* sqlite.c - weir_open_sqlite: the handle, the sink and the writer thread put together. */
#include <weir/sqlite.h>

#include <errno.h>
#include <stdlib.h>

#include "../../lib/base/sized.h"
#include "../../lib/base/thread.h"
#include "../../lib/handle/fork.h"
#include "../../lib/verify/inspect.h"
#include "former.h"
#include "journals.h"
#include "open_sqlite.h"
#include "path.h"
#include "place.h"
#include "schema.h"
#include "sqlite_error.h"
#include "sqlite_sink.h"
#include "writers.h"

/* ---- hooks ----------------------------------------------------------------------------------- */

/* Each journal chooses keys by itself, so a table with keys allows only one journal. */
static int check_alone(weir_writer *w, const weir_declaration *d, weir_error *error) {
    weir_journals journals = {.os = w->os,
                              .db = w->reader,
                              .database = w->path,
                              .directory = weir_handle_directory(w->handle)};
    return weir_declaration_key(d) < 0 ? WEIR_OK : weir_journals_alone(&journals, error);
}

static int hook_check(void *self, const weir_declaration *d, int64_t *next_key, weir_error *error) {
    weir_writer *w = self;
    weir_writer_lock(w);
    int status = weir_writer_ready(w, d->name, error);
    if (status == WEIR_OK) status = check_alone(w, d, error);
    if (status == WEIR_OK) status = weir_sqlite_check(w->reader, d, next_key, error);
    weir_writer_unlock(w);
    return status;
}

static void hook_notify(void *self, weir_wake where) {
    weir_writer *w = self;
    weir_wakeup_notify(&w->wakeup, w->os, where);
}

/* For good. */
static void close_reader(weir_writer *w) {
    weir_writer_lock(w);
    weir_writer_close_reader(w);
    w->closing = true;
    weir_writer_unlock(w);
}

/* See weir_sqlite_loss_fn. */
static void on_loss(void *context, weir_sqlite_loss what) {
    weir_writer *w = context;
    weir_writer_lock(w);
    weir_writer_close_reader(w);
    w->lost = what == WEIR_SQLITE_FILES_LOST;
    weir_writer_unlock(w);
}

/* The reader is closed first: the last connection to close checkpoints, and that is to be the
 * sink's. */
static void hook_finish(void *self, uint64_t deadline_ns) {
    weir_writer *w = self;
    close_reader(w);
    weir_applier_finish(w->applier, deadline_ns);
}

static int hook_stop(void *self, uint64_t deadline_ns) {
    weir_writer *w = self;
    int status = weir_applier_stop(w->applier, deadline_ns);
    w->applier = NULL;
    weir_writers_give_back(w);
    return status;
}

/* ---- opening --------------------------------------------------------------------------------- */

typedef struct opening {
    const weir_os *os;
    weir_options options;
    weir_sqlite_options program;
    weir_sink sink;
    bool makes_anew; /* a database that is not there, from the rows of its journal */
    char *real_path, *directory;
    weir *handle;
    weir_error *error;
} opening;

/* sqlite3_free() it. The journal is beside the database unless the caller says where it is. */
static char *journal_path(const opening *o, const char *database) {
    const char *given = o->options.journal_directory;
    char *path = given ? sqlite3_mprintf("%s", given) : weir_journals_beside(database);
    if (!path) (void)weir_fail(o->error, WEIR_NO_MEMORY, "no memory for the journal's path");
    return path;
}

/* A call that is refused must change nothing, but SQLite creates a database that does not exist. So
 * in that case the journal is judged first. */
static int judge_journal(opening *o, const char *path) {
    const weir_os *os = o->os;
    weir_os_info info;
    if (o->options.must_exist || os->info(os->self, WEIR_OS_CWD, path, &info) != -ENOENT)
        return WEIR_OK;
    char *directory = journal_path(o, path);
    if (!directory) return WEIR_NO_MEMORY;
    weir_inventory_input input = {
        .os = os, .directory = directory, .database = path, .database_missing = !o->makes_anew};
    int status = weir_inspect_directory(&input, o->error);
    sqlite3_free(directory);
    return status;
}

static int hook_read_positions(void *self, weir_position **positions, size_t *count,
                               weir_error *error) {
    opening *o = self;
    return weir_sqlite_positions(&o->sink, positions, count, error);
}

/* The positions are read again later, when the journal is opened. They are read here too, so that a
 * call which is refused because of them creates no directory. */
static int look_at_journals(opening *o, const char *directory,
                            void (*tell)(void *context, const char *text), void *context) {
    weir_journals journals = {.os = o->os,
                              .db = weir_sqlite_sink_connection(&o->sink),
                              .database = o->real_path,
                              .directory = directory};
    weir_position *positions = NULL;
    int status = hook_read_positions(o, &positions, &journals.position_count, o->error);
    journals.positions = positions;
    if (status == WEIR_OK) status = weir_journals_look(&journals, tell, context, o->error);
    free(positions);
    return status;
}

static int open_database(opening *o, const char *path) {
    weir_sqlite_config config = {.path = path,
                                 .must_exist = o->options.must_exist != 0,
                                 .busy_timeout_ms = o->options.open_timeout_ms,
                                 .program = o->program,
                                 .os = o->os};
    int status = weir_sqlite_sink_open(&config, &o->sink, &o->real_path, o->error);
    if (status != WEIR_OK) return status;
    o->directory = journal_path(o, o->real_path); /* so every name of a file leads to one journal */
    return o->directory ? look_at_journals(o, o->directory, NULL, NULL) : WEIR_NO_MEMORY;
}

/* SQLite's -wal file and our journal are found by the name of the database. A process that opens
 * the same file by another name has other ones, and the two destroy each other's work. */
static int check_names(opening *o, const char *path) {
    const weir_os *os = o->os;
    weir_os_info info;
    if (os->info(os->self, WEIR_OS_CWD, path, &info) < 0 || info.links <= 1) return WEIR_OK;
    return weir_fail(
        o->error, WEIR_DATABASE,
        "%s: the file has %u names (hard links), and SQLite's -wal and the journal go by "
        "name, so that two programs could destroy each other's work: remove the other "
        "names (find -samefile), or work on a copy",
        path, info.links);
}

static int open_journal_handle(opening *o) {
    weir_os_info database;
    bool there = o->os->info(o->os->self, WEIR_OS_CWD, o->real_path, &database) >= 0;
    weir_handle_config config = {
        .like = there ? &database : NULL,
        .options = o->options,
        .directory = o->directory,
        .database = o->real_path,
        .os = o->os,
        .read_positions = hook_read_positions,
        .positions_self = o,
    };
    return weir_handle_open(&config, &o->handle, o->error);
}

static int ready_reader(opening *o, weir_writer *w) {
    w->open_timeout_ms = o->options.open_timeout_ms;
    w->program = o->program;
    w->path = sqlite3_mprintf("%s", o->real_path);
    if (!w->path) return weir_fail(o->error, WEIR_NO_MEMORY, "%s: no memory", o->real_path);
    weir_writer_lock(w);
    int status = weir_writer_ready(w, o->real_path, o->error);
    weir_writer_unlock(w);
    return status;
}

static void close_database(opening *o) {
    if (o->sink.close) o->sink.close(o->sink.self);
    o->sink = (weir_sink){0};
}

/* An earlier process may still be closing. None of our connections may be open during its last
 * checkpoint, so the database is closed while we wait, and opened again when the journal is
 * free. */
static int open_database_and_journal(opening *o, const char *path) {
    uint64_t deadline = weir_deadline(o->os, o->options.open_timeout_ms);
    for (;;) {
        int status = open_database(o, path);
        if (status == WEIR_OK) status = open_journal_handle(o);
        if (status != WEIR_LOCKED) return status;
        close_database(o);
        if (!weir_handle_await(o->os, o->directory, deadline)) return status;
        sqlite3_free(o->real_path);
        sqlite3_free(o->directory);
        o->real_path = o->directory = NULL;
    }
}

static void tell_weakened(void *context, const char *text) {
    weir_handle_event(context, WEIR_EVENT_WEAKENED, "%s", text);
}

static void tell_of_journal(void *context, const char *text) {
    weir_handle_event(context, WEIR_EVENT_JOURNAL, "%s", text);
}

static int enter_journal(opening *o, const char *directory) {
    const weir_os *os = o->os;
    weir_journals journals = {.os = os,
                              .db = weir_sqlite_sink_connection(&o->sink),
                              .database = o->real_path,
                              .directory = directory};
    const uint8_t *id = weir_journal_id(weir_handle_journal(o->handle));
    uint64_t deadline = weir_deadline(os, o->options.open_timeout_ms);
    _Atomic uint32_t never = 0;
    int status = weir_former_look(&journals, id, tell_of_journal, o->handle, o->error);
    if (status != WEIR_OK) return status;
    while ((status = weir_journals_enter(&journals, id, o->error)) == WEIR_BUSY &&
           os->now(os->self) < deadline)
        (void)os->wait(os->self, &never, 0, 10000000); /* ends by the timeout only */
    return status;
}

/* When two processes open two journals of one database at once, each has entered and locked its own
 * before it looks for others. So at least one of them sees the other. */
static int settle_place(opening *o) {
    const char *directory = weir_handle_directory(o->handle);
    int status = enter_journal(o, directory);
    return status == WEIR_OK ? look_at_journals(o, directory, tell_weakened, o->handle) : status;
}

static int start_applier(opening *o, weir_writer *w) {
    weir_sink sink = o->sink;
    int status = weir_applier_make(weir_handle_primary(o->handle), o->real_path, &sink, &w->wakeup,
                                   &w->applier, o->error);
    if (status != WEIR_OK) return status;
    o->sink = (weir_sink){0}; /* the applier has it now */
    weir_sqlite_sink_on_loss(&sink, on_loss, w);
    weir_sqlite_sink_tell(&sink, &w->outcomes);
    weir_sqlite_sink_keep(&sink, &w->keeps);
    status = ready_reader(o, w);
    if (status == WEIR_OK) status = weir_applier_start(w->applier, o->error);
    if (status == WEIR_OK) return status;
    close_reader(w);
    weir_applier_free(w->applier);
    w->applier = NULL;
    return status;
}

static int attach_writer(opening *o) {
    weir_writer *w = weir_writers_take(o->handle);
    if (!w)
        return weir_fail(o->error, WEIR_NO_MEMORY, "%s: no memory for the writer", o->real_path);
    int status = start_applier(o, w);
    if (status != WEIR_OK) {
        weir_writers_give_back(w);
        return status;
    }
    weir_hooks hooks = {w, hook_check, hook_notify, hook_finish, hook_stop, "sqlite"};
    weir_handle_attach(weir_handle_primary(o->handle), &hooks);
    hook_notify(w,
                WEIR_WAKE_ANYWHERE); /* rows may have become durable before the hooks were there */
    return WEIR_OK;
}

/* sqlite3_threadsafe() does not tell how SQLite was configured at run time. That shows only when a
 * connection asks for a mutex and has none. */
static bool has_mutexes(void) {
    sqlite3 *db;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_MEMORY;
    int code = sqlite3_open_v2(":memory:", &db, flags, NULL);
    bool has = code != SQLITE_OK || sqlite3_db_mutex(db); /* opening the database will report it */
    (void)sqlite3_close(db);
    return has;
}

static int check_threads(opening *o) {
    if (sqlite3_threadsafe() && has_mutexes()) return WEIR_OK;
    return weir_fail(
        o->error, WEIR_UNSUPPORTED,
        "SQLite runs without threads (built with SQLITE_THREADSAFE=0, or configured with "
        "SQLITE_CONFIG_SINGLETHREAD), and weir writes on a thread of its own: use a "
        "build with threads, configured before its first use if at all");
}

static void tell_of_mount(opening *o) {
    if (!weir_place_is_apart(o->os, o->real_path)) return;
    weir_handle_event(
        o->handle, WEIR_EVENT_WEAKENED,
        "%s: the database file is mounted by itself, so its -wal file and the journal "
        "beside it are on another file system: what removes that (the end of a "
        "container) loses rows that were applied; mount the directory instead",
        o->real_path);
}

static int open_weir(opening *o, const char *path) {
    int status = weir_options_check(&o->options, o->error);
    if (status == WEIR_OK) status = weir_database_name_check(path, o->error);
    if (status == WEIR_OK) status = weir_database_path_check(o->os, path, o->error);
    if (status == WEIR_OK) status = check_threads(o);
    if (status == WEIR_OK) status = check_names(o, path);
    if (status == WEIR_OK) status = judge_journal(o, path);
    if (status == WEIR_OK) status = open_database_and_journal(o, path);
    if (status == WEIR_OK) status = settle_place(o);
    if (status == WEIR_OK) tell_of_mount(o);
    if (status == WEIR_OK) status = attach_writer(o);
    if (status == WEIR_OK) return status;
    if (o->handle) (void)weir_close(o->handle); /* the first failure is what counts */
    close_database(o);
    return status;
}

/* Both structs as the caller's header has them. */
typedef struct given {
    bool makes_anew;
    const weir_options *options;
    size_t options_bytes;
    const weir_sqlite_options *sqlite;
    size_t sqlite_bytes;
} given;

static int take_options(opening *o, const given *g) {
    int status = weir_sized_take(&o->options, sizeof o->options, g->options, g->options_bytes,
                                 "weir_options", o->error);
    if (status == WEIR_OK)
        status = weir_sized_take(&o->program, sizeof o->program, g->sqlite, g->sqlite_bytes,
                                 "weir_sqlite_options", o->error);
    weir_options_fill(&o->options);
    return status;
}

static int open_path(const weir_os *os, const char *path, const given *g, weir **out,
                     weir_error *error) {
    opening o = {.os = os, .makes_anew = g->makes_anew, .error = error};
    int status = take_options(&o, g);
    if (status == WEIR_OK) status = open_weir(&o, path);
    if (status == WEIR_OK) *out = o.handle;
    sqlite3_free(o.real_path);
    sqlite3_free(o.directory);
    return status;
}

/* A forked child that may not open anything is refused before SQLite does anything. */
static int open_here(const weir_os *os, const char *path, const given *g, weir **out,
                     weir_error *error) {
    if (!path || !out)
        return weir_fail(error, WEIR_MISUSE, "weir_open_sqlite: %s is NULL", path ? "out" : "path");
    *out = NULL;
    int status = weir_fork_begin(error);
    if (status != WEIR_OK) return status;
    status = open_path(os, path, g, out, error);
    weir_fork_end(); /* the handle counts for itself */
    return status;
}

static int open_given(const weir_os *os, const char *path, const given *g, weir **out) {
    weir_error error = {0};
    weir_shelter shelter = weir_shelter_take();
    int status = open_here(os, path, g, out, &error);
    weir_shelter_leave(&shelter);
    return status < 0 ? weir_publish_error(&error) : status;
}

int weir_open_sqlite_on(const weir_os *os, const char *path, const weir_options *options,
                        weir **out) {
    return open_given(os, path, &(given){.options = options, .options_bytes = sizeof *options},
                      out);
}

int weir_open_sqlite_sized(const char *path, const weir_options *options, size_t options_bytes,
                           weir **out) {
    return weir_open_sqlite_with_sized(path, options, options_bytes, NULL, 0, out);
}

int weir_open_sqlite_with_sized(const char *path, const weir_options *options, size_t options_bytes,
                                const weir_sqlite_options *sqlite, size_t sqlite_bytes,
                                weir **out) {
    given g = {false, options, options_bytes, sqlite, sqlite_bytes};
    return open_given(weir_os_posix(), path, &g, out);
}

int weir_open_sqlite_anew(const char *path, const weir_options *options,
                          const weir_sqlite_options *sqlite, weir **out) {
    given g = {true, options, sizeof *options, sqlite, sizeof *sqlite};
    return open_given(weir_os_posix(), path, &g, out);
}
