/* source.c - the database of a backup: one state of it, held while it is copied. */
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int fail_with_sqlite(const char *path, sqlite3 *db, int code, weir_error *error) {
    int basic = code & 0xff;
    int status = basic == SQLITE_BUSY    ? WEIR_BUSY
                 : basic == SQLITE_NOMEM ? WEIR_NO_MEMORY
                 : basic == SQLITE_FULL  ? WEIR_NO_SPACE
                                         : WEIR_DATABASE;
    return weir_fail(error, status, "%s: cannot be read: %s", path,
                     db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
}

/* Zeros where it is not there, or empty, which is the same. */
static struct stat look_at_wal_file(const char *path) {
    char *wal;
    struct stat st = {0};
    if (asprintf(&wal, "%s-wal", path) < 0) return st;
    bool there = stat(wal, &st) == 0 && st.st_size > 0;
    free(wal);
    return there ? st : (struct stat){0};
}

/* Within the transaction all that is read is of one state. The last connection to close a database
 * copies its -wal file; a backup changes nothing, so it leaves the file as it is. */
static int begin_snapshot(weir_backup_source *s, uint32_t wait_s) {
    (void)sqlite3_busy_timeout(s->db, (int)(wait_s < 1000000 ? wait_s * 1000 : 1000000000));
    int code = SQLITE_OK;
    if (look_at_wal_file(s->path).st_size)
        code = sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (code == SQLITE_OK) code = sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL);
    if (code == SQLITE_OK) code = weir_database_read(s->db, s->path, &s->view);
    return code;
}

/* A connection that may write removes the -wal and -shm files that it had to make. Nothing is
 * written to the database by it. */
static int open_with_locks(weir_backup_source *s, uint32_t wait_s) {
    int how = access(s->path, W_OK) == 0 ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    int code = sqlite3_open_v2(s->path, &s->db, how | SQLITE_OPEN_NOMUTEX, NULL);
    return code == SQLITE_OK ? begin_snapshot(s, wait_s) : code;
}

/* Would those files belong to a user whom the database's owner knows nothing of? While another
 * process has the database open, they are there. */
static bool would_leave_files(const char *path) {
    struct stat st;
    bool owner = geteuid() == 0 || (stat(path, &st) == 0 && st.st_uid == geteuid());
    return !owner && !weir_database_is_open_elsewhere(path);
}

static void drop_connection(weir_backup_source *s) {
    (void)sqlite3_close(s->db); /* every statement is finalized; it ends the transaction */
    s->db = NULL;
    weir_database_free(&s->view);
}

/* Without -shm file, in a directory that may not be written to or of another's database. */
static int open_without_locks(weir_backup_source *s, uint32_t wait_s) {
    drop_connection(s);
    s->unlocked = true;
    if (stat(s->path, &s->before) != 0) return SQLITE_CANTOPEN;
    s->wal_before = look_at_wal_file(s->path);
    int code = weir_database_open_quietly(s->path, &s->db);
    return code == SQLITE_OK ? begin_snapshot(s, wait_s) : code;
}

static int count_bytes(weir_backup_source *s) {
    static const char query[] =
        "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(s->db, query, -1, &statement, NULL);
    if (code != SQLITE_OK) return code;
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW) s->bytes = (uint64_t)sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement); /* repeats the step's code */
    return code == SQLITE_ROW ? SQLITE_OK : code;
}

int weir_backup_source_open(const char *path, uint32_t wait_s, weir_backup_source *out,
                            weir_error *error) {
    *out = (weir_backup_source){.path = path};
    bool quietly = would_leave_files(path);
    int code = quietly ? SQLITE_CANTOPEN : open_with_locks(out, wait_s);
    int basic = code & 0xff;
    if (basic == SQLITE_CANTOPEN || basic == SQLITE_READONLY)
        code = open_without_locks(out, wait_s);
    if (code == SQLITE_OK) code = count_bytes(out);
    if (code == SQLITE_OK) return WEIR_OK;
    int status = fail_with_sqlite(path, out->db, code, error);
    drop_connection(out);
    return status;
}

static bool same_time(struct timespec a, struct timespec b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           same_time(a->st_mtim, b->st_mtim) && same_time(a->st_ctim, b->st_ctim);
}

int weir_backup_source_check(const weir_backup_source *s, weir_error *error) {
    struct stat now;
    if (!s->unlocked) return WEIR_OK;
    struct stat wal = look_at_wal_file(s->path);
    if (stat(s->path, &now) == 0 && same_file(&now, &s->before) && same_file(&wal, &s->wal_before))
        return WEIR_OK;
    return weir_fail(error, WEIR_BUSY,
                     "%s: somebody wrote to it while it was read without a lock, since this user "
                     "is not its owner; try again, or run this as its owner",
                     s->path);
}

void weir_backup_source_close(weir_backup_source *source) { drop_connection(source); }
