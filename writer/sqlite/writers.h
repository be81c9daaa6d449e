/* writers.h - what the writer keeps for each open handle, and how a call finds it. Any thread. */
#ifndef WEIR_WRITERS_H
#define WEIR_WRITERS_H

#include <pthread.h>
#include <sqlite3.h>

#include "../apply/applier.h"
#include "keep_settings.h"
#include "outcomes.h"

/* What belongs to one open handle. It is used again for later handles but never freed: a thread
 * that was in a call while the handle closed may still notify it. */
typedef struct weir_writer {
    const weir_os *os; /* of its handles, which all have the same: it never changes */
    weir *handle;      /* NULL: free for the next opening */
    weir_wakeup wakeup;
    weir_applier *applier;
    weir_outcomes outcomes; /* of rows that weir_insert_now waits for */
    weir_keep_settings keeps;
    char *path;                  /* of the database; sqlite3_free() it */
    weir_sqlite_options program; /* how it prepares each connection */
    uint32_t open_timeout_ms;
    sqlite3 *reader; /* for looking at tables; NULL: it is closed; only under lock */
    bool closing;    /* likewise */
    bool lost;       /* the database is being opened again; likewise */
    pthread_mutex_t lock;
    sigset_t before; /* the signal mask of the thread that holds the lock, to be restored */
    struct weir_writer *next;
} weir_writer;

weir_writer *weir_writers_find(const weir *handle); /* NULL: it has no database */
weir_writer *weir_writers_take(weir *handle);       /* NULL: no memory */
void weir_writers_give_back(weir_writer *w);

/* The writer thread takes this lock too, so its holder blocks signals (weir_signals_hold). */
void weir_writer_lock(weir_writer *w);
void weir_writer_unlock(weir_writer *w);

/* Under lock: open w->reader if it is closed. On failure WEIR_CLOSED, WEIR_BUSY, or what opening it
 * returned. what: for the message. */
int weir_writer_ready(weir_writer *w, const char *what, weir_error *error);
void weir_writer_close_reader(weir_writer *w); /* likewise */

#endif
