/* database.c - reading an SQLite file without leaving a trace.
 *
 * An ordinary read-only connection to a WAL database creates a -shm file, or writes to the one that
 * a dead process left. So there are three cases:
 *
 * another process has the database open: an ordinary connection. The -shm file belongs to that
 * process, and readers take part in it; there is no -wal file, or an empty one: immutable=1, so
 * that SQLite reads only the database file; a -wal file was left: its index is kept in memory
 * (exclusive mode), without locks, and without the checkpoint that the last connection makes. */
#include "database.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../writer/sqlite/position_row.h"

/* The byte of the -shm file on which every connection in WAL mode holds a shared lock: "deadman
 * switch" in SQLite's os_unix.c. */
enum { SHM_ALIVE_BYTE = 128 };

bool weir_database_is_open_elsewhere(const char *path) {
    char *shm;
    if (asprintf(&shm, "%s-shm", path) < 0) return false;
    int file = open(shm, O_RDONLY | O_CLOEXEC);
    free(shm);
    if (file < 0) return false;
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = SHM_ALIVE_BYTE, .l_len = 1};
    bool held = fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    (void)close(file); /* before SQLite opens it: a close drops the process's locks */
    return held;
}

static bool has_wal(const char *path) {
    char *wal;
    struct stat st;
    if (asprintf(&wal, "%s-wal", path) < 0) return false;
    bool has = stat(wal, &st) == 0 && st.st_size > 0;
    free(wal);
    return has;
}

/* "file:…?immutable=1" with everything but plain path characters escaped; NULL without memory. */
static char *immutable_uri(const char *path) {
    size_t length = strlen(path);
    if (length > (SIZE_MAX - 64) / 3) return NULL;
    char *uri = malloc(length * 3 + 64);
    if (!uri) return NULL;
    char *at = uri + sprintf(uri, "file:");
    for (const char *c = path; *c; c++) {
        if (strchr("?#%", *c))
            at += sprintf(at, "%%%02X", (unsigned)(unsigned char)*c);
        else
            *at++ = *c;
    }
    static const char query[] = "?immutable=1";
    memcpy(at, query, sizeof query); /* there is room: see malloc */
    return uri;
}

int weir_database_open_quietly(const char *path, sqlite3 **db) {
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    if (weir_database_is_open_elsewhere(path)) {
        int status = sqlite3_open_v2(path, db, flags, NULL);
        if (status == SQLITE_OK) (void)sqlite3_busy_timeout(*db, 2000); /* cannot fail */
        return status;
    }
    if (!has_wal(path)) {
        char *uri = immutable_uri(path);
        if (!uri) return SQLITE_NOMEM;
        int status = sqlite3_open_v2(uri, db, flags | SQLITE_OPEN_URI, NULL);
        free(uri);
        return status;
    }
    int status = sqlite3_open_v2(path, db, flags, "unix-none");
    if (status == SQLITE_OK)
        status = sqlite3_db_config(*db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (status == SQLITE_OK)
        status = sqlite3_exec(*db, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL);
    return status;
}

bool weir_database_has_table(sqlite3 *db, const char *name) {
    return sqlite3_table_column_metadata(db, NULL, name, NULL, NULL, NULL, NULL, NULL, NULL) ==
           SQLITE_OK;
}

/* A doubtful row counts all the same: the tool shows what is there. */
static int view_position(weir_database_view *view, sqlite3_stmt *row) {
    weir_position position;
    if (weir_position_row_take(row, &position) == WEIR_POSITION_ROW_NO_JOURNAL) return SQLITE_OK;
    weir_position *grown = realloc(view->positions, (view->count + 1) * sizeof *grown);
    if (!grown) return SQLITE_NOMEM;
    view->positions = grown;
    grown[view->count++] = position;
    return SQLITE_OK;
}

static int view_positions(sqlite3 *db, weir_database_view *view) {
    if (!weir_database_has_table(db, "weir_position")) return SQLITE_OK;
    sqlite3_stmt *s;
    static const char query[] = "SELECT " WEIR_POSITION_COLUMNS " FROM weir_position";
    int status = sqlite3_prepare_v2(db, query, -1, &s, NULL);
    if (status != SQLITE_OK) return status;
    while ((status = sqlite3_step(s)) == SQLITE_ROW) {
        status = view_position(view, s);
        if (status != SQLITE_OK) break;
    }
    (void)sqlite3_finalize(s); /* repeats what step has said */
    return status == SQLITE_DONE ? SQLITE_OK : status;
}

static int count_rejects(sqlite3 *db, weir_database_view *view) {
    if (!weir_database_has_table(db, "weir_reject")) return SQLITE_OK;
    sqlite3_stmt *s;
    int status = sqlite3_prepare_v2(db, "SELECT count(*) FROM weir_reject", -1, &s, NULL);
    if (status != SQLITE_OK) return status;
    status = sqlite3_step(s);
    if (status == SQLITE_ROW) view->rejects = (uint64_t)sqlite3_column_int64(s, 0);
    (void)sqlite3_finalize(s);
    return status == SQLITE_ROW ? SQLITE_OK : status;
}

void weir_losses_free(weir_losses *losses) {
    free(losses->list);
    *losses = (weir_losses){0};
}

int weir_losses_add(weir_losses *losses, const weir_loss *loss) {
    weir_loss *grown = realloc(losses->list, (losses->count + 1) * sizeof *grown);
    if (!grown) return WEIR_NO_MEMORY;
    losses->list = grown;
    grown[losses->count++] = *loss;
    return WEIR_OK;
}

static void copy_text(sqlite3_stmt *s, int column, char *into, size_t size) {
    const char *text = (const char *)sqlite3_column_text(s, column);
    (void)snprintf(into, size, "%s", text ? text : ""); /* a cut text is still a text */
}

static int read_losses(sqlite3 *db, weir_losses *losses) {
    if (!weir_database_has_table(db, "weir_loss")) return SQLITE_OK;
    sqlite3_stmt *s;
    static const char query[] =
        "SELECT first_row, last_row, why, noted, journal FROM weir_loss ORDER BY rowid";
    int status = sqlite3_prepare_v2(db, query, -1, &s, NULL);
    if (status != SQLITE_OK) return status;
    while ((status = sqlite3_step(s)) == SQLITE_ROW) {
        weir_loss loss = {.first_row = (uint64_t)sqlite3_column_int64(s, 0),
                          .last_row = (uint64_t)sqlite3_column_int64(s, 1),
                          .in_database = true};
        const void *journal = sqlite3_column_blob(s, 4);
        if (journal && sqlite3_column_bytes(s, 4) == sizeof loss.journal)
            memcpy(loss.journal, journal, sizeof loss.journal);
        copy_text(s, 2, loss.why, sizeof loss.why);
        copy_text(s, 3, loss.noted, sizeof loss.noted);
        if (weir_losses_add(losses, &loss) != WEIR_OK) status = SQLITE_NOMEM;
        if (status == SQLITE_NOMEM) break;
    }
    (void)sqlite3_finalize(s); /* repeats what step has said */
    return status == SQLITE_DONE ? SQLITE_OK : status;
}

static int add_journal(weir_database_view *view, sqlite3_stmt *s) {
    const char *text = (const char *)sqlite3_column_text(s, 0);
    if (!text) return SQLITE_OK; /* none of ours */
    char **grown = realloc(view->journals, (view->journal_count + 1) * sizeof *grown);
    if (!grown) return SQLITE_NOMEM;
    view->journals = grown;
    grown[view->journal_count] = strdup(text);
    return grown[view->journal_count] && ++view->journal_count ? SQLITE_OK : SQLITE_NOMEM;
}

bool weir_is_same_file(const char *a, const char *b) {
    struct stat one, two;
    return stat(a, &one) == 0 && stat(b, &two) == 0 && one.st_dev == two.st_dev &&
           one.st_ino == two.st_ino;
}

/* Is it another file than the one that is read, which then is a copy of it? */
static bool is_another(const char *path, const char *than) {
    struct stat st;
    return path && stat(path, &st) == 0 && !weir_is_same_file(path, than);
}

/* The table is described in writer/sqlite/journals.h. */
static int read_journals(sqlite3 *db, const char *path, weir_database_view *view) {
    if (!weir_database_has_table(db, "weir_journal")) return SQLITE_OK;
    sqlite3_stmt *s;
    int status =
        sqlite3_prepare_v2(db, "SELECT directory, database FROM weir_journal", -1, &s, NULL);
    if (status != SQLITE_OK) return status;
    while ((status = sqlite3_step(s)) == SQLITE_ROW) {
        if (is_another((const char *)sqlite3_column_text(s, 1), path)) continue;
        status = add_journal(view, s);
        if (status != SQLITE_OK) break;
    }
    (void)sqlite3_finalize(s); /* repeats what step has said */
    return status == SQLITE_DONE ? SQLITE_OK : status;
}

/* SQLite reads the header, and so finds that a file is no database, only when asked for something
 * in it. An empty file is a database without tables. */
int weir_database_read(sqlite3 *db, const char *path, weir_database_view *view) {
    int status = sqlite3_exec(db, "PRAGMA schema_version", NULL, NULL, NULL);
    if (status == SQLITE_OK) status = view_positions(db, view);
    if (status == SQLITE_OK) status = count_rejects(db, view);
    if (status == SQLITE_OK) status = read_losses(db, &view->losses);
    if (status == SQLITE_OK) status = read_journals(db, path, view);
    return status;
}

/* That a file may not be read says nothing of what is in it. */
static void say_why(sqlite3 *db, weir_database_view *view) {
    int number = db ? sqlite3_system_errno(db) : 0;
    view->forbidden = number == EACCES || number == EPERM;
    if (view->forbidden)
        (void)snprintf(view->why, sizeof view->why,
                       "user %lld may not read it: run this as its owner, or as root",
                       (long long)geteuid());
    else
        (void)snprintf(view->why, sizeof view->why, "%s", db ? sqlite3_errmsg(db) : "no memory");
}

/* It is sound, and a newer version's. */
static void look_at_format(sqlite3 *db, weir_database_view *view) {
    int64_t format;
    if (weir_position_format(db, &format, NULL) != WEIR_OK || format <= WEIR_POSITION_FORMAT)
        return; /* an error is met again by who reads the table */
    view->newer = true;
    (void)snprintf(view->why, sizeof view->why,
                   "its table weir_position has format %" PRId64 ", and weir %s knows %d: use a "
                   "newer weir",
                   format, weir_version(), WEIR_POSITION_FORMAT); /* it fits */
}

int weir_database_look(const char *path, weir_database_view *out) {
    *out = (weir_database_view){.state = WEIR_DATABASE_ABSENT};
    struct stat st;
    if (!path || stat(path, &st) != 0) return WEIR_OK;
    sqlite3 *db = NULL;
    int status = weir_database_open_quietly(path, &db);
    if (status == SQLITE_OK) look_at_format(db, out);
    if (status == SQLITE_OK && !out->newer) status = weir_database_read(db, path, out);
    bool read = status == SQLITE_OK && !out->newer;
    out->state = read ? WEIR_DATABASE_READ : WEIR_DATABASE_UNREADABLE;
    if (status != SQLITE_OK) say_why(db, out);
    out->locked = (status & 0xff) == SQLITE_BUSY;
    (void)sqlite3_close(db); /* every statement is finalized */
    return status == SQLITE_NOMEM ? WEIR_NO_MEMORY : WEIR_OK;
}

void weir_database_free(weir_database_view *view) {
    for (size_t i = 0; i < view->journal_count; i++)
        free(view->journals[i]);
    free(view->journals);
    free(view->positions);
    weir_losses_free(&view->losses);
    *view = (weir_database_view){0};
}
