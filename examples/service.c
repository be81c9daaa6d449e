/* A service: appends a row ten times a second until SIGTERM or SIGINT, then closes. Started by
 * systemd (examples/systemd/), by a shell, or by anything else:
 *
 *     ./service /var/lib/trades/run.db
 *
 * Killed with -9 it loses nothing that it appended; the next start recovers. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include <weir/sqlite.h>
#include <weir/systemd.h>

static void on_event(void *context, weir_event event, const char *text) {
    (void)context;
    fprintf(stderr, "event %d: %s\n", (int)event, text); /* the journal of systemd, for example */
}

static int64_t now_ns(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t); /* this clock is always there */
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int main(int argc, char **argv) {
    const char *path = argc > 1 ? argv[1] : "run.db";

    /* Before opening: the library's threads take the mask from this one, so the signals wait until
     * this thread asks for them. No handler is needed. */
    sigset_t ends;
    if (sigemptyset(&ends) || sigaddset(&ends, SIGTERM) || sigaddset(&ends, SIGINT) ||
        pthread_sigmask(SIG_BLOCK, &ends, NULL)) {
        perror("signals");
        return 1;
    }
    weir_options options = {.on_event = on_event};
    weir *w;
    if (weir_open_sqlite(path, &options, &w) < 0) {
        fprintf(stderr, "%s\n", weir_last_error());
        return 1;
    }
    /* READY, status and watchdog; nothing, where systemd has not started this. */
    if (weir_systemd_notify(w) < 0) fprintf(stderr, "%s\n", weir_last_error());
    static const weir_column columns[] = {{"time_ns", WEIR_INTEGER}, {"beat", WEIR_INTEGER}};
    weir_table *beats;
    int status = weir_declare(w, "beats", columns, 2, &beats);
    if (status != WEIR_OK) fprintf(stderr, "%s\n", weir_last_error());

    const struct timespec tenth = {.tv_nsec = 100000000};
    for (int beat = 0; status == WEIR_OK; beat++) {
        status = weir_append(beats, now_ns(), beat);
        if (status != WEIR_OK) fprintf(stderr, "%s\n", weir_status_text(status));
        if (sigtimedwait(&ends, NULL, &tenth) > 0) break; /* else the time is over: EAGAIN */
    }
    /* WEIR_PENDING: SQLite was locked, and rows wait in the journal for the next start. No failure. */
    int closed = weir_close(w);
    if (closed != WEIR_OK) fprintf(stderr, "%s\n", weir_status_text(closed));
    return closed < 0 || status != WEIR_OK;
}
