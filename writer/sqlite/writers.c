/* writers.c - what the writer keeps for each open handle, and how a call finds it. */
#include "writers.h"

#include <stdlib.h>

#include "../../lib/base/thread.h"
#include "connected.h"
#include "sqlite_error.h"

/* For the list, and for every writer's handle. */
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static weir_writer *all;

static void lock_writers(pthread_mutex_t *lock) {
    (void)pthread_mutex_lock(lock); /* fails only for an uninitialized mutex */
}

static void unlock_writers(pthread_mutex_t *lock) {
    (void)pthread_mutex_unlock(lock); /* likewise */
}

weir_writer *weir_writers_find(const weir *handle) {
    lock_writers(&all_lock);
    weir_writer *w = all;
    while (w && w->handle != handle)
        w = w->next;
    unlock_writers(&all_lock);
    return w;
}

weir_writer *weir_writers_take(weir *handle) {
    const weir_os *os = weir_handle_os(handle);
    lock_writers(&all_lock);
    weir_writer *w = all;
    while (w && (w->handle || w->os != os))
        w = w->next;
    if (!w && (w = calloc(1, sizeof *w))) {
        w->os = os;
        (void)pthread_mutex_init(&w->lock, NULL);          /* cannot fail with default attributes */
        (void)pthread_mutex_init(&w->outcomes.lock, NULL); /* likewise */
        (void)pthread_mutex_init(&w->keeps.lock, NULL);    /* likewise */
        w->next = all;
        all = w;
    }
    if (w) w->handle = handle;
    unlock_writers(&all_lock);
    return w;
}

void weir_writers_give_back(weir_writer *w) {
    weir_writer_lock(w);
    sqlite3_free(w->path);
    w->path = NULL;
    w->closing = w->lost = false;
    weir_writer_unlock(w);
    weir_keep_settings_clear(&w->keeps);
    lock_writers(&all_lock);
    w->handle = NULL;
    unlock_writers(&all_lock);
}

void weir_writer_lock(weir_writer *w) {
    sigset_t before = weir_lock_hold(&w->lock);
    w->before = before; /* under the lock */
}

void weir_writer_unlock(weir_writer *w) {
    sigset_t before = w->before;
    weir_lock_release(&w->lock, &before);
}

/* ---- the reader
 * ------------------------------------------------------------------------------- */

static int open_reader(weir_writer *w, weir_error *error) {
    if (sqlite3_open_v2(w->path, &w->reader, WEIR_SQLITE_OPEN, NULL) != SQLITE_OK) {
        if (!w->reader) return weir_fail(error, WEIR_NO_MEMORY, "%s: no memory", w->path);
        return weir_sqlite_fail(w->reader, "opening a reading connection", error);
    }
    int timeout_ms = (int)(w->open_timeout_ms & 0x7FFFFFFF);
    (void)sqlite3_extended_result_codes(w->reader, 1); /* fails only for a NULL connection */
    (void)sqlite3_busy_timeout(w->reader, timeout_ms);
    int status = weir_sqlite_connected(w->reader, &w->program, error);
    weir_sqlite_leave_wal(w->reader); /* the sink checkpoints */
    (void)sqlite3_busy_timeout(w->reader, timeout_ms);
    return status == WEIR_OK
               ? weir_sqlite_run(w->reader, "PRAGMA query_only=ON; PRAGMA cache_size=-512", error)
               : status;
}

int weir_writer_ready(weir_writer *w, const char *what, weir_error *error) {
    if (w->closing) return weir_fail(error, WEIR_CLOSED, "%s: the handle is closing", what);
    if (w->lost)
        return weir_fail(error, WEIR_BUSY, "%s: %s is being opened again; try later", what,
                         w->path);
    if (w->reader) return WEIR_OK;
    int status = open_reader(w, error);
    if (status != WEIR_OK) weir_writer_close_reader(w);
    return status;
}

void weir_writer_close_reader(weir_writer *w) {
    (void)sqlite3_close_v2(w->reader); /* as in weir_connection_close */
    w->reader = NULL;
}
