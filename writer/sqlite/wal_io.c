/* wal_io.c - the -wal file of the writer's connection, written and read in large pieces. */
#include "wal_io.h"

#include <stdlib.h>
#include <string.h>

enum {
    PIECE = 124 << 10, /* SQLite's os_unix.c cannot write or read 128 KiB at once */
    AHEAD = 64 << 10,
    WRITE_BACK = 1 << 20,
    WAL_HEADER = 32, /* https://www.sqlite.org/fileformat2.html#walformat */
    FRAME_HEADER = 24,
};

static weir_wal_io *wal_of(sqlite3_file *file) { return (weir_wal_io *)file->pMethods; }

/* The usual methods get the file as they know it: they, too, may know it by its methods. */
static sqlite3_file *lend(weir_wal_io *w) {
    w->file->pMethods = w->usual;
    return w->file;
}

static int take_back(weir_wal_io *w, int code) {
    w->file->pMethods = &w->methods;
    return code;
}

static int write_now(weir_wal_io *w, const void *from, int bytes, sqlite3_int64 offset) {
    return take_back(w, w->usual->xWrite(lend(w), from, bytes, offset));
}

static int read_now(weir_wal_io *w, void *into, int bytes, sqlite3_int64 offset) {
    return take_back(w, w->usual->xRead(lend(w), into, bytes, offset));
}

static int size_now(weir_wal_io *w, sqlite3_int64 *bytes) {
    return take_back(w, w->usual->xFileSize(lend(w), bytes));
}

/* ---- writing --------------------------------------------------------------------------------- */

/* So that the disk works while SQLite makes the next frames. Small transactions are left alone. */
static void write_back(weir_wal_io *w, sqlite3_int64 at, int bytes) {
    if (at != w->written) w->written_from = at;
    w->written = at + bytes;
    sqlite3_int64 length = w->written - w->written_from;
    if (w->descriptor < 0 || length < WRITE_BACK) return;
    (void)w->os->write_back(w->os->self, w->descriptor, (uint64_t)w->written_from,
                            (uint64_t)length); /* advice */
    w->written_from = w->written;
}

/* Without the lock, another process may be writing to the file. */
static bool may(weir_wal_io *w, weir_locks_slot slot) {
    bool locked = !w->locks || weir_locks_has(w->locks, slot);
    w->unlocked |= !locked;
    return locked;
}

static int may_write(weir_wal_io *w) {
    return may(w, WEIR_LOCKS_WRITER) ? SQLITE_OK : SQLITE_IOERR_LOCK;
}

/* A piece that could not be written leaves a hole, so every call fails from then on, until the
 * rollback. */
static int flush(weir_wal_io *w) {
    if (w->failed || w->reading || !w->used) return w->failed;
    w->failed = may_write(w);
    if (w->failed == SQLITE_OK) w->failed = write_now(w, w->piece, w->used, w->at);
    if (w->failed == SQLITE_OK) write_back(w, w->at, w->used);
    w->used = 0;
    return w->failed;
}

/* The lock is checked at the beginning of a piece too: once frames are taken here, SQLite enters
 * them in the index. */
static int begin_piece(weir_wal_io *w, sqlite3_int64 offset) {
    int code = flush(w);
    if (code == SQLITE_OK) code = w->failed = may_write(w);
    w->at = offset;
    return code;
}

static bool joins(const weir_wal_io *w, int bytes, sqlite3_int64 offset) {
    return w->used && offset == w->at + w->used && bytes <= PIECE - w->used;
}

static int write_piece(sqlite3_file *file, const void *from, int bytes, sqlite3_int64 offset) {
    weir_wal_io *w = wal_of(file);
    weir_wal_io_end_reading(w); /* what was read ahead may now be overwritten */
    int code = joins(w, bytes, offset) ? SQLITE_OK : begin_piece(w, offset);
    if (code != SQLITE_OK) return code;
    if (bytes > PIECE) return write_now(w, from, bytes, offset);
    memcpy(w->piece + w->used, from, (size_t)bytes);
    w->used += bytes;
    return SQLITE_OK;
}

/* SQLite syncs a header before it writes frames, so that frames after an older header are never
 * taken for frames of the new one. A new file has no older frames, so there the header goes to the
 * disk together with its first frames. */
static bool is_new_header(weir_wal_io *w) {
    sqlite3_int64 size;
    return w->used == WAL_HEADER && w->at == 0 && !w->reading && size_now(w, &size) == SQLITE_OK &&
           size == 0;
}

static int sync_all(sqlite3_file *file, int flags) {
    weir_wal_io *w = wal_of(file);
    if (is_new_header(w)) return w->failed;
    int code = flush(w);
    return code == SQLITE_OK ? take_back(w, w->usual->xSync(lend(w), flags)) : code;
}

static int truncate_all(sqlite3_file *file, sqlite3_int64 bytes) {
    weir_wal_io *w = wal_of(file);
    int code = flush(w);
    return code == SQLITE_OK ? take_back(w, w->usual->xTruncate(lend(w), bytes)) : code;
}

static int size_of_all(sqlite3_file *file, sqlite3_int64 *bytes) {
    weir_wal_io *w = wal_of(file);
    int code = flush(w);
    return code == SQLITE_OK ? size_now(w, bytes) : code;
}

void weir_wal_io_forget(void *wal_file) {
    weir_wal_io *w = wal_file;
    w->used = 0;
    w->failed = SQLITE_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool holds(const weir_wal_io *w, int bytes, sqlite3_int64 offset) {
    return offset >= w->at && bytes <= w->used && offset - w->at <= w->used - bytes;
}

/* What the checkpoint has read so far, it has written to the database file. Let the disk begin with
 * it while SQLite copies the rest: then the sync has less to wait for. Small checkpoints are left
 * alone. */
static void write_back_database(weir_wal_io *w, int bytes) {
    w->copied += bytes;
    if (w->copied < WRITE_BACK) return;
    w->copied = 0;
    if (!w->database.inode)
        weir_proc_fd_find(&w->database, w->os, sqlite3_db_filename(w->db, "main"));
    weir_borrowed_write_back(&w->database);
}

/* A checkpoint reads in the order of page numbers, which is mostly the order of their frames. If
 * this fails, the read for which it was done reports it. */
static void read_wal_ahead(weir_wal_io *w, sqlite3_int64 from) {
    sqlite3_int64 left = w->end > from ? w->end - from : 0;
    int bytes = left < AHEAD ? (int)left : AHEAD;
    w->at = from;
    w->used = bytes && read_now(w, w->piece, bytes, from) == SQLITE_OK ? bytes : 0;
    write_back_database(w, w->used);
}

static int read_piece(sqlite3_file *file, void *into, int bytes, sqlite3_int64 offset) {
    weir_wal_io *w = wal_of(file);
    int code = flush(w);
    if (code != SQLITE_OK) return code;
    if (!w->reading) return read_now(w, into, bytes, offset);
    if (!holds(w, bytes, offset)) {
        if (!may(w, WEIR_LOCKS_CHECKPOINTER)) return SQLITE_IOERR_LOCK;
        if (offset == w->next + FRAME_HEADER) read_wal_ahead(w, offset);
    }
    w->next = offset + bytes;
    if (!holds(w, bytes, offset)) return read_now(w, into, bytes, offset);
    memcpy(into, w->piece + (offset - w->at), (size_t)bytes);
    return SQLITE_OK;
}

void weir_wal_io_begin_reading(weir_wal_io *w) {
    w->next = 0;
    w->copied = 0;
    w->reading = w->file && !w->used && size_now(w, &w->end) == SQLITE_OK;
}

void weir_wal_io_end_reading(weir_wal_io *w) {
    if (w->reading) w->used = 0;
    w->reading = false;
}

/* ---- taking over ----------------------------------------------------------------------------- */

/* Frames that wait were never synced, so no commit depends on them. */
static int close_wal_file(sqlite3_file *file) {
    weir_wal_io *w = wal_of(file);
    (void)lend(w);
    w->file = NULL;
    return w->usual->xClose(file);
}

/* SQLite's locks are on the database and the -shm file, so this file may be opened a second
 * time. */
static int open_wal_again(const weir_os *os, sqlite3 *db) {
    const char *name = sqlite3_db_filename(db, "main");
    if (!name || !*name) return -1;
    return os->open(os->self, WEIR_OS_CWD, sqlite3_filename_wal(name), WEIR_OS_READ);
}

/* Without powersafe overwrite, a torn sector may damage what is beside it. Then SQLite fills the
 * last sector of a commit with more frames, syncs in the midst of them, and makes all of them
 * visible to others (walWriteToLog in its wal.c). */
static bool commits_end_with_a_sync(sqlite3 *db) {
    sqlite3_file *file = NULL;
    int code = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (code != SQLITE_OK || !file || !file->pMethods) return false;
    return file->pMethods->xDeviceCharacteristics(file) & SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

void weir_wal_io_take_over(weir_wal_io *out, const weir_os *os, sqlite3 *db) {
    sqlite3_file *file = NULL;
    *out = (weir_wal_io){.os = os, .descriptor = -1};
    int code = sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
    if (code != SQLITE_OK || !file || !file->pMethods || !commits_end_with_a_sync(db)) return;
    out->piece = malloc(PIECE);
    if (!out->piece) return;
    out->descriptor = open_wal_again(os, db);
    out->db = db;
    out->file = file;
    out->usual = file->pMethods;
    out->methods = *out->usual;
    out->methods.xClose = close_wal_file;
    out->methods.xRead = read_piece;
    out->methods.xWrite = write_piece;
    out->methods.xTruncate = truncate_all;
    out->methods.xSync = sync_all;
    out->methods.xFileSize = size_of_all;
    file->pMethods = &out->methods;
}

void weir_wal_io_free(weir_wal_io *w) {
    if (w->piece && w->descriptor >= 0)
        (void)w->os->close(w->os->self, w->descriptor); /* only read */
    free(w->piece);
    *w = (weir_wal_io){0};
}
