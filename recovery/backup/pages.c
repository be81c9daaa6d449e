/* pages.c - the database of a backup, page by page.
 *
 * SQLite's backup starts again whenever another connection has changed the source between two of
 * its steps, unless the source connection is in a read transaction all the time: then each step
 * reads that one state. So the copy can go in small steps, and ends. */
#include "pages.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../progress.h"
#include "interrupt.h"

enum { STEP_PAGES = 256, CHECK_STEPS = 100000 };

static int fail_to_copy(const char *path, sqlite3 *db, int code, weir_error *error) {
    int basic = code & 0xff;
    int status = basic == SQLITE_FULL    ? WEIR_NO_SPACE
                 : basic == SQLITE_NOMEM ? WEIR_NO_MEMORY
                 : basic == SQLITE_BUSY  ? WEIR_BUSY
                                         : WEIR_IO;
    return weir_fail(error, status, "%s: %s", path, sqlite3_errmsg(db));
}

static int sync_path(const char *path, weir_error *error) {
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int failed = file < 0 || fsync(file) != 0 ? errno : 0;
    if (file >= 0) (void)close(file); /* it was only synced */
    return failed ? weir_fail_os(error, -(int64_t)failed, "%s: cannot sync", path) : WEIR_OK;
}

static int copy_steps(sqlite3_backup *backup, weir_error *error) {
    weir_progress progress = weir_progress_start("pages copied");
    int code = SQLITE_OK, status = WEIR_OK;
    while (code == SQLITE_OK && (status = weir_backup_interrupted(error)) == WEIR_OK) {
        code = sqlite3_backup_step(backup, STEP_PAGES);
        int all = sqlite3_backup_pagecount(backup);
        weir_progress_show(&progress, (uint64_t)(all - sqlite3_backup_remaining(backup)),
                           (uint64_t)all);
    }
    weir_progress_end(&progress);
    return status; /* sqlite3_backup_finish repeats what went wrong with the pages */
}

/* Nobody else knows the file, and it is synced once at the end. */
static int copy_into(sqlite3 *from, sqlite3 *into, const char *to, weir_error *error) {
    int code =
        sqlite3_exec(into, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL, NULL);
    if (code != SQLITE_OK) return fail_to_copy(to, into, code, error);
    sqlite3_backup *backup = sqlite3_backup_init(into, "main", from, "main");
    if (!backup) return fail_to_copy(to, into, sqlite3_errcode(into), error);
    int status = copy_steps(backup, error);
    code = sqlite3_backup_finish(backup);
    if (status == WEIR_OK && code != SQLITE_OK) status = fail_to_copy(to, into, code, error);
    return status;
}

int weir_backup_pages(sqlite3 *from, const char *to, weir_error *error) {
    sqlite3 *into = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(to, &into, flags, NULL);
    int status =
        code == SQLITE_OK ? copy_into(from, into, to, error) : fail_to_copy(to, into, code, error);
    code = sqlite3_close(into);
    if (status == WEIR_OK && code != SQLITE_OK) status = fail_to_copy(to, into, code, error);
    return status == WEIR_OK ? sync_path(to, error) : status;
}

/* ---- the check -------------------------------------------------------------------------------- */

static int stop_when_interrupted(void *context) {
    (void)context;
    return weir_backup_interrupted(NULL) != WEIR_OK;
}

static int ask_copy(sqlite3 *db, const char *path, const char *pragma, weir_error *error) {
    sqlite3_stmt *s;
    int code = sqlite3_prepare_v2(db, pragma, -1, &s, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(s);
    const char *said = code == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
    int status = WEIR_OK;
    if (!said)
        status = weir_fail(error, WEIR_DATABASE, "%s: the copy cannot be checked (%s): %s", path,
                           pragma, sqlite3_errmsg(db));
    else if (strcmp(said, "ok") != 0)
        status =
            weir_fail(error, WEIR_DAMAGED,
                      "%s: SQLite finds the copy damaged, and so its original: %s", path, said);
    (void)sqlite3_finalize(s); /* repeats the step's code */
    if (status != WEIR_OK && weir_backup_interrupted(NULL) != WEIR_OK)
        status = weir_backup_interrupted(error);
    return status;
}

int weir_backup_check_pages(const char *path, weir_integrity integrity, weir_error *error) {
    static const char *const pragmas[] = {[WEIR_INTEGRITY_QUICK] = "PRAGMA quick_check(1)",
                                          [WEIR_INTEGRITY_FULL] = "PRAGMA integrity_check(1)"};
    if (integrity == WEIR_INTEGRITY_NONE) return WEIR_OK;
    sqlite3 *db = NULL;
    int code = weir_database_open_quietly(path, &db);
    if (code == SQLITE_OK) sqlite3_progress_handler(db, CHECK_STEPS, stop_when_interrupted, NULL);
    int status = code == SQLITE_OK ? ask_copy(db, path, pragmas[integrity], error)
                                   : fail_to_copy(path, db, code, error);
    (void)sqlite3_close(db); /* it only read */
    return status;
}

/* ---- the entry of the original's journal ------------------------------------------------------ */

static int delete_entry(sqlite3 *db, const char *path, const weir_id journal, weir_error *error) {
    sqlite3_stmt *s;
    if (!weir_database_has_table(db, "weir_journal")) return WEIR_OK;
    int code = sqlite3_exec(db, "PRAGMA synchronous=OFF", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(db, "DELETE FROM weir_journal WHERE journal = ?1", -1, &s, NULL);
    if (code != SQLITE_OK) return fail_to_copy(path, db, code, error);
    code = sqlite3_bind_blob(s, 1, journal, sizeof(weir_id), SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_step(s);
    (void)sqlite3_finalize(s); /* repeats the step's code */
    return code == SQLITE_DONE ? WEIR_OK : fail_to_copy(path, db, code, error);
}

int weir_backup_forget_place(const char *path, const weir_id journal, weir_error *error) {
    sqlite3 *db = NULL;
    int code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    int status = code == SQLITE_OK ? delete_entry(db, path, journal, error)
                                   : fail_to_copy(path, db, code, error);
    code = sqlite3_close(db); /* which copies and removes its -wal file */
    if (status == WEIR_OK && code != SQLITE_OK) status = fail_to_copy(path, db, code, error);
    return status == WEIR_OK ? sync_path(path, error) : status;
}
