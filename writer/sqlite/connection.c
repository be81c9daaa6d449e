/* connection.c - the writer's two connections to the database: one writes, one guards the -wal
 * file. */
#include "connection.h"

#include <errno.h>
#include <string.h>

#include "connected.h"
#include "path.h"
#include "sqlite_error.h"

/* ---- opening --------------------------------------------------------------------------------- */

/* A file that cannot be opened is WEIR_DATABASE, even for an I/O error. The message is SQLite's, or
 * the system's. */
static int cannot_open(sqlite3 *db, const weir_sqlite_config *config, weir_error *error) {
    int number = sqlite3_system_errno(db);
    int status = weir_sqlite_status(sqlite3_extended_errcode(db));
    if (status == WEIR_IO) status = WEIR_DATABASE;
    if (status == WEIR_DATABASE && number)
        return weir_database_refused(config->os, config->path, config->must_exist, number, error);
    return weir_fail(error, status, "%s: cannot be opened: %s%s%s", config->path,
                     sqlite3_errmsg(db), number ? ": " : "", number ? strerror(number) : "");
}

static int open_one(const weir_sqlite_config *config, sqlite3 **out, weir_error *error) {
    int flags = WEIR_SQLITE_OPEN | (config->must_exist ? 0 : SQLITE_OPEN_CREATE);
    flags |= SQLITE_OPEN_URI; /* the image is attached by one (image_vfs.h); the path is none */
    int code = sqlite3_open_v2(config->path, out, flags, NULL);
    if (!*out)
        return weir_fail(error, WEIR_NO_MEMORY, "%s: no memory for a connection", config->path);
    (void)sqlite3_extended_result_codes(*out, 1); /* fails only for a NULL connection */
    if (code != SQLITE_OK) return cannot_open(*out, config, error);
    if (sqlite3_db_readonly(*out, "main"))
        return weir_database_read_only(config->os, config->path, error);
    int timeout_ms = (int)(config->busy_timeout_ms & 0x7FFFFFFF);
    (void)sqlite3_busy_timeout(*out, timeout_ms); /* cannot fail */
    int status = weir_sqlite_connected(*out, &config->program, error);
    (void)sqlite3_busy_timeout(*out, timeout_ms); /* the program may have changed it */
    return status;
}

static int use_wal(sqlite3 *db, weir_error *error) {
    sqlite3_stmt *s;
    int status = weir_sqlite_prepare(db, "PRAGMA main.journal_mode=WAL", &s, error);
    if (status != WEIR_OK) return status;
    bool answered = sqlite3_step(s) == SQLITE_ROW;
    bool is_wal = answered && sqlite3_stricmp((const char *)sqlite3_column_text(s, 0), "wal") == 0;
    bool committed = answered && sqlite3_step(s) == SQLITE_DONE; /* the change of mode */
    if (answered && !is_wal)
        status = weir_fail(error, WEIR_DATABASE,
                           "%s: the database cannot use WAL mode, which weir needs",
                           sqlite3_db_filename(db, "main"));
    else if (!committed)
        status = weir_sqlite_fail(db, "switching to WAL mode", error);
    (void)sqlite3_finalize(s); /* repeats the step's code */
    return status;
}

/* foreign_keys=ON: the foreign keys of the schema are enforced. */
static int set_up(weir_connection *c, weir_error *error) {
    int64_t page;
    int status = use_wal(c->db, error);
    if (status == WEIR_OK)
        status = weir_sqlite_run(
            c->db,
            "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA mmap_size=0;"
            "PRAGMA foreign_keys=ON; PRAGMA cache_size=-16000;" /* see weir_connection_cache */
            "SELECT rootpage FROM sqlite_schema LIMIT 1",       /* opens the -wal file */
            error);
    if (status == WEIR_OK)
        status = weir_sqlite_ask(c->db, "PRAGMA page_size", NULL, 4096, &page, error);
    if (status == WEIR_OK) c->page_bytes = (uint64_t)page;
    return status == WEIR_OK ? weir_connection_temporary(c, error) : status;
}

/* SQLite says which name a temporary file would get. It has none where there is no directory for
 * the file (a container whose root is read-only, a chroot). */
static bool has_temporary_files(sqlite3 *db) {
    char *name = NULL;
    int code = sqlite3_file_control(db, "main", SQLITE_FCNTL_TEMPFILENAME, &name);
    bool has = code != SQLITE_OK || !name || name[0];
    sqlite3_free(name);
    return has;
}

int weir_connection_temporary(weir_connection *c, weir_error *error) {
    bool in_memory = !has_temporary_files(c->db);
    if (in_memory == c->in_memory) return WEIR_OK;
    int status = weir_sqlite_run(
        c->db, in_memory ? "PRAGMA temp_store=MEMORY" : "PRAGMA temp_store=DEFAULT", error);
    if (status == WEIR_OK) c->in_memory = in_memory;
    return status;
}

int weir_connection_cache(weir_connection *c, bool large, weir_error *error) {
    if (large == c->large_cache) return WEIR_OK;
    int status = weir_sqlite_run(
        c->db, large ? "PRAGMA main.cache_size=-64000" : "PRAGMA main.cache_size=-16000", error);
    if (status == WEIR_OK) c->large_cache = large;
    return status;
}

static int note_frames(void *context, sqlite3 *db, const char *name, int frames) {
    (void)db, (void)name; /* only main: the attached image has no -wal file */
    ((weir_connection *)context)->frames = frames > 0 ? (uint64_t)frames : 0;
    return SQLITE_OK;
}

/* This uses SQLite's own file: to open the file a second time and close it would drop SQLite's
 * locks. */
static int sync_file(weir_connection *c, weir_error *error) {
    sqlite3_file *file = NULL;
    int code = sqlite3_file_control(c->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (code == SQLITE_OK && file && file->pMethods)
        code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
    if (code == SQLITE_OK) return WEIR_OK;
    int status = weir_sqlite_status(code);
    return weir_fail(error, status, "%s: the database could not be synced (SQLite code %d)",
                     sqlite3_db_filename(c->db, "main"), code);
}

/* ---- the guard ------------------------------------------------------------------------------- */

/* The SELECT takes the snapshot; BEGIN alone does not. */
int weir_connection_guard(weir_connection *c, weir_error *error) {
    if (!sqlite3_get_autocommit(c->guard)) return WEIR_OK;
    return weir_sqlite_run(c->guard, "BEGIN; SELECT rootpage FROM sqlite_schema LIMIT 1", error);
}

static int let_guard_go(weir_connection *c, weir_error *error) {
    return sqlite3_get_autocommit(c->guard) ? WEIR_OK : weir_sqlite_run(c->guard, "COMMIT", error);
}

/* The guard's connection never checkpoints and never writes. */
static int open_guard(const weir_sqlite_config *config, weir_connection *c, weir_error *error) {
    int status = open_one(config, &c->guard, error);
    if (status == WEIR_OK) weir_sqlite_leave_wal(c->guard);
    if (status == WEIR_OK)
        status = weir_sqlite_run(c->guard, "PRAGMA query_only=ON; PRAGMA cache_size=-64", error);
    return status == WEIR_OK ? weir_connection_guard(c, error) : status;
}

static bool may_make_no_files(int status, sqlite3 *db) {
    int number = sqlite3_system_errno(db), code = sqlite3_extended_errcode(db);
    bool refused = number == EACCES || number == EPERM || number == EROFS;
    return status != WEIR_OK &&
           (code == SQLITE_READONLY_DIRECTORY || ((code & 0xFF) == SQLITE_CANTOPEN && refused));
}

static int open_writer_and_guard(const weir_sqlite_config *config, weir_connection *out,
                                 weir_error *error) {
    *out = (weir_connection){0};
    int status = weir_database_name_check(config->path, error);
    if (status == WEIR_OK) status = weir_database_path_check(config->os, config->path, error);
    if (status == WEIR_OK) status = open_one(config, &out->db, error);
    if (status == WEIR_OK) {
        status = set_up(out, error);
        if (may_make_no_files(status, out->db))
            status = weir_database_place_refused(config->os, config->path, error);
    }
    if (status == WEIR_OK) status = open_guard(config, out, error);
    if (status == WEIR_OK) status = weir_locks_begin(&out->locks, config->os, out->db, error);
    /* It may have written without a sync, with an authorizer of its own in place of ours. */
    if (status == WEIR_OK && config->program.connected) status = sync_file(out, error);
    if (status != WEIR_OK) {
        weir_connection_close(out);
        if (status != WEIR_SCHEMA) return status;
        if (error) error->status = WEIR_DATABASE; /* its words stay */
        return WEIR_DATABASE;
    }
    weir_wal_io_take_over(&out->wal, config->os, out->db);
    out->wal.locks = &out->locks;
    (void)sqlite3_wal_hook(out->db, note_frames, out);
    (void)sqlite3_rollback_hook(out->db, weir_wal_io_forget, &out->wal);
    (void)sqlite3_busy_timeout(out->db, 0); /* from now on the caller waits, not SQLite */
    (void)sqlite3_busy_timeout(out->guard, 0);
    return WEIR_OK;
}

/* SQLite does not wait for every lock itself: it refuses at once to switch to WAL mode while
 * another connection writes in rollback mode. */
int weir_connection_open(const weir_sqlite_config *config, weir_connection *out,
                         weir_error *error) {
    static const uint64_t ms = 1000000;
    const weir_os *os = config->os;
    _Atomic uint32_t never = 0;
    uint64_t deadline = os->now(os->self) + config->busy_timeout_ms * ms;
    int status;
    while ((status = open_writer_and_guard(config, out, error)) == WEIR_BUSY &&
           os->now(os->self) < deadline)
        (void)os->wait(os->self, &never, 0, 10 * ms); /* ends by the timeout only */
    return status;
}

/* The last connection to close the file checkpoints it. The guard must not be in its way then, nor
 * our second lock. None of our statements is left; one that the program has left in connected() keeps
 * its connection until it is finalized. */
void weir_connection_close(weir_connection *c) {
    (void)sqlite3_close_v2(c->guard); /* cannot fail */
    if (c->lost || !weir_locks_look(&c->locks)) weir_sqlite_leave_wal(c->db);
    weir_locks_end(&c->locks);
    (void)sqlite3_close_v2(c->db);
    weir_wal_io_free(&c->wal);
    *c = (weir_connection){0};
}

/* ---- hardening ------------------------------------------------------------------------------- */

int weir_connection_kept(weir_connection *c, weir_error *error) {
    c->lost = c->lost || !weir_locks_look(&c->locks);
    if (!c->lost) return WEIR_OK;
    return weir_fail(
        error, WEIR_IO,
        "%s: its -wal or -shm file was removed or replaced while weir used it: somebody "
        "removed it, or this program closed a descriptor of the database, which drops "
        "SQLite's locks (let only SQLite open it); the database is opened again",
        sqlite3_db_filename(c->db, "main"));
}

int weir_connection_stays(weir_connection *c, weir_error *error) {
    int moved = 0;
    int code = sqlite3_file_control(c->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    if (code == SQLITE_OK && !moved) return weir_connection_kept(c, error);
    return weir_fail(error, WEIR_DATABASE,
                     "%s: the database file was renamed, replaced or removed while it "
                     "was open; put it back and open it again",
                     sqlite3_db_filename(c->db, "main"));
}

int weir_connection_writes(weir_connection *c) {
    c->wal.unlocked |= !weir_locks_has(&c->locks, WEIR_LOCKS_WRITER);
    return c->wal.unlocked ? WEIR_IO : WEIR_OK;
}

int weir_connection_explain(weir_connection *c, int status, weir_error *error) {
    bool unlocked = c->wal.unlocked;
    c->wal.unlocked = false;
    if (status != WEIR_IO || !unlocked) return status;
    return weir_fail(error, status,
                     "%s: SQLite's locks were lost: this program closed a descriptor of the -shm "
                     "file, which drops them (let only SQLite open it); it is tried again",
                     sqlite3_db_filename(c->db, "main"));
}

/* ---- making way for others' checkpoints
 * -------------------------------------------------------- */

/* How far the -wal file is written and copied, read from the first page of the -shm file:
 * "WAL-Index Header" and "nBackfill" in https://www.sqlite.org/walformat.html. */
enum { INDEX_PAGE = 32768, INDEX_LAST_FRAME = 16, INDEX_SALT = 32, INDEX_COPIED = 96 };

static uint32_t index_number(const volatile void *page, size_t at) {
    const volatile uint32_t *number =
        (const volatile uint32_t *)((const volatile uint8_t *)page + at);
    return *number; /* in the machine's byte order */
}

static bool look_at_wal(weir_connection *c, weir_wal_extent *out) {
    sqlite3_file *file = NULL;
    void volatile *page = NULL;
    int code = sqlite3_file_control(c->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (code != SQLITE_OK || !file || !file->pMethods || file->pMethods->iVersion < 2) return false;
    if (file->pMethods->xShmMap(file, 0, INDEX_PAGE, 0, &page) != SQLITE_OK || !page) return false;
    *out = (weir_wal_extent){.frames = index_number(page, INDEX_LAST_FRAME),
                             .copied = index_number(page, INDEX_COPIED),
                             .salt = index_number(page, INDEX_SALT)};
    return true;
}

static bool is_synced(const weir_connection *c, const weir_wal_extent *now) {
    return now->frames == c->synced.frames && now->salt == c->synced.salt;
}

/* Let the guard's snapshot move to the newest commit. While not all of the -wal file is copied,
 * the guard then keeps the file from beginning anew, but lets others copy up to that commit. When
 * all is copied, it reads from the database alone: then the file may begin anew, and nobody may
 * copy. */
void weir_connection_make_way(weir_connection *c) {
    weir_wal_extent now;
    if (!look_at_wal(c, &now)) return;
    bool copied = now.frames > 0 && now.copied == now.frames;
    /* Others may have copied without a sync, and after this the frames may be overwritten. */
    if (copied && !is_synced(c, &now)) {
        if (sync_file(c, NULL) != WEIR_OK) return;
        c->synced = now;
    }
    if (let_guard_go(c, NULL) == WEIR_OK)
        (void)weir_connection_guard(c, NULL); /* if it fails, the next transaction begins it */
}

/* Up to which block everything is copied: applied when the checkpoint is complete. When a reader
 * kept it from completing, it may at least have copied all that an earlier incomplete one had to
 * copy. */
static uint64_t block_behind(weir_connection *c, uint64_t applied, int frames, int copied) {
    uint64_t safe = 0;
    if (frames == copied) {
        c->begun.block = 0;
        return applied;
    }
    if (c->begun.block && (uint64_t)copied >= c->begun.frames) {
        safe = c->begun.block;
        c->begun.block = 0;
    }
    if (!c->begun.block) {
        c->begun.block = applied;
        c->begun.frames = (uint64_t)frames;
    }
    return safe;
}

static int checkpoint(weir_connection *c, int *frames, int *copied, weir_error *error) {
    *frames = *copied = 0;
    weir_wal_io_begin_reading(&c->wal);
    int code = sqlite3_wal_checkpoint_v2(c->db, "main", SQLITE_CHECKPOINT_PASSIVE, frames, copied);
    weir_wal_io_end_reading(&c->wal);
    return code == SQLITE_OK ? WEIR_OK : weir_sqlite_fail(c->db, "checkpoint", error);
}

/* A PASSIVE checkpoint is enough: once the -wal file is wholly copied, the next commit writes to
 * its beginning again. A file that keeps its size is synced faster than one that grows. */
int weir_connection_checkpoint(weir_connection *c, uint64_t applied, uint64_t *safe,
                               weir_error *error) {
    int frames, copied;
    *safe = 0;
    int status = weir_connection_stays(c, error);
    if (status == WEIR_OK) status = let_guard_go(c, error);
    if (status == WEIR_OK) status = checkpoint(c, &frames, &copied, error);
    weir_error *first = status == WEIR_OK ? error : NULL;
    int guarded = weir_connection_guard(c, first);
    if (status == WEIR_OK) status = guarded;
    if (status == WEIR_OK) status = sync_file(c, error);
    if (status == WEIR_OK) status = weir_connection_stays(c, error);
    if (status == WEIR_OK) *safe = block_behind(c, applied, frames, copied);
    return weir_connection_explain(c, status, error);
}

uint64_t weir_connection_wal_bytes(const weir_connection *c) {
    enum { WAL_HEADER = 32, FRAME_HEADER = 24 };
    return c->frames ? WAL_HEADER + c->frames * (c->page_bytes + FRAME_HEADER) : 0;
}
