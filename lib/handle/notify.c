/* notify.c - weir_systemd_notify: a thread that tells systemd how the handle is doing.
 *
 * The watchdog is fed by progress: the thread wakes the journal thread and the writers, and feeds only
 * when all have ended a step since it fed last. */
#include "notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <weir/systemd.h>

#include "../base/thread.h"

#define NOTIFY_SECOND_NS ((uint64_t)1000000000)
enum { STATUS_SECONDS = 5, STATUS_TEXT = 240, FEEDS = 4 };

typedef struct systemd {
    weir_notifier base; /* first: it is what the handle knows */
    weir *w;
    char *address;
    uint64_t watchdog_ns; /* 0: there is none */
    pthread_t thread;
    _Atomic uint32_t over;          /* waited on; release / acquire */
    _Atomic uint64_t closing_since; /* 0: it is open; relaxed, since it only bounds the feeding */
    uint64_t journal_steps, writer_steps[WEIR_SINKS_MAX]; /* when the watchdog was fed last */
    uint64_t fed_at, told_at;
    char told[STATUS_TEXT];
} systemd;

/* A message that cannot be sent is dropped: nobody could be told. */
static void tell_systemd(const systemd *s, const char *text) {
    const weir_os *os = s->w->os;
    if (os->send) (void)os->send(os->self, s->address, text, strlen(text));
}

/* ---- the status ---------------------------------------------------------------------------- */

static const char *trouble_of(const weir *w, const struct weir_stats *stats) {
    int status = atomic_load_explicit(&w->journaler.status, memory_order_acquire);
    if (status == WEIR_OK) status = stats->apply_status;
    return status == WEIR_OK ? NULL : weir_status_text(status);
}

static void describe_handle_state(systemd *s, char text[STATUS_TEXT]) {
    weir *w = s->w;
    struct weir_stats stats = {0};
    weir_count_stats(w, &stats);
    const char *trouble = trouble_of(w, &stats);
    uint64_t since = atomic_load_explicit(&w->sinks[0].waiting_since, memory_order_relaxed);
    int64_t now = w->os->wall(w->os->self), waited = since ? now - (int64_t)since : 0;
    (void)snprintf(text, STATUS_TEXT,
                   "STATUS=row %" PRIu64 " is durable, row %" PRIu64 " is applied; %" PRIu64
                   " wait, for %" PRId64 " s; journal %" PRIu64 " MiB%s%s",
                   stats.last_row, stats.last_row_applied, stats.lag_rows,
                   waited > 0 ? waited / (int64_t)NOTIFY_SECOND_NS : 0, stats.journal_bytes >> 20,
                   trouble ? "; " : "", trouble ? trouble : ""); /* or cut */
}

static void tell_status(systemd *s, uint64_t now) {
    char text[STATUS_TEXT];
    if (s->told_at && now - s->told_at < STATUS_SECONDS * NOTIFY_SECOND_NS) return;
    describe_handle_state(s, text);
    s->told_at = now;
    if (strcmp(text, s->told) == 0) return;
    memcpy(s->told, text, sizeof text);
    tell_systemd(s, text);
}

/* ---- the watchdog -------------------------------------------------------------------------- */

static uint64_t steps(const _Atomic uint64_t *of) {
    return atomic_load_explicit(of, memory_order_relaxed);
}

/* A handle that is being closed has no such threads after a while, but closing is bounded. */
static bool goes_on(systemd *s, uint64_t now) {
    weir *w = s->w;
    uint64_t closing = steps(&s->closing_since);
    if (closing)
        return now - closing < (uint64_t)w->options.open_timeout_ms * 1000000 + s->watchdog_ns;
    uint64_t journal = steps(&w->journal_steps), writer[WEIR_SINKS_MAX] = {0};
    bool all = journal != s->journal_steps;
    for (uint32_t i = 0; i < weir_sink_slots(w); i++) {
        writer[i] = steps(&w->sinks[i].steps);
        if (weir_is_hooked(&w->sinks[i]) && writer[i] == s->writer_steps[i]) all = false;
    }
    if (!all) return false;
    s->journal_steps = journal;
    memcpy(s->writer_steps, writer, sizeof writer);
    return true;
}

/* Idle threads do a step too, which finds nothing to do. */
static void wake_all(weir *w) {
    weir_journaler_wake(&w->journaler);
    weir_handle_notify_writers(w, WEIR_WAKE_ANYWHERE);
}

static void feed(systemd *s, uint64_t now) {
    if (!s->watchdog_ns || now - s->fed_at < s->watchdog_ns / FEEDS) return;
    if (goes_on(s, now)) {
        tell_systemd(s, "WATCHDOG=1");
        s->fed_at = now;
    }
    if (!steps(&s->closing_since)) wake_all(s->w);
}

/* ---- the thread ---------------------------------------------------------------------------- */

static uint64_t pause_between(const systemd *s) {
    uint64_t pause = NOTIFY_SECOND_NS, often = s->watchdog_ns / (2 * (uint64_t)FEEDS);
    return often && often < pause ? often : pause;
}

static void *run_notifier(void *argument) {
    systemd *s = argument;
    const weir_os *os = s->w->os;
    while (!atomic_load_explicit(&s->over, memory_order_acquire)) {
        uint64_t now = os->now(os->self);
        if (!steps(&s->closing_since)) tell_status(s, now);
        feed(s, now);
        (void)os->wait(os->self, &s->over, 0, pause_between(s)); /* why it ends does not matter */
    }
    return NULL;
}

static void free_notifier(systemd *s) {
    free(s->address);
    free(s);
}

static void begin_closing(weir_notifier *n) {
    systemd *s = (systemd *)n;
    atomic_store_explicit(&s->closing_since, s->w->os->now(s->w->os->self) | 1,
                          memory_order_relaxed);
    tell_systemd(s, "STOPPING=1");
}

static void end_notifier(weir_notifier *n) {
    systemd *s = (systemd *)n;
    atomic_store_explicit(&s->over, 1, memory_order_release);
    s->w->os->wake(s->w->os->self, &s->over);
    (void)pthread_join(s->thread, NULL); /* fails only for a thread that is not ours */
    free_notifier(s);
}

/* ---- the call ------------------------------------------------------------------------------ */

static const char notify_call[] = "weir_systemd_notify";

/* A decimal number and nothing else; 0: it is none. */
static uint64_t number_in(const char *name) {
    const char *text = secure_getenv(name);
    char *end;
    if (!text || *text < '0' || *text > '9') return 0;
    unsigned long long number = strtoull(text, &end, 10);
    return *end ? 0 : number;
}

/* As sd_watchdog_enabled(3): the environment may have been inherited from the process that is meant. */
static uint64_t watchdog_of(const weir *w) {
    uint64_t usec = number_in("WATCHDOG_USEC");
    bool ours = !secure_getenv("WATCHDOG_PID") || number_in("WATCHDOG_PID") == (uint64_t)w->process;
    return ours && usec < UINT64_MAX / 1000 ? usec * 1000 : 0;
}

static int begin_notifier(systemd *s, weir_error *error) {
    weir *w = s->w;
    weir_notifier *none = NULL;
    s->fed_at = w->os->now(w->os->self);
    tell_systemd(s, "READY=1");
    int failed = weir_thread_start(&s->thread, "weir-notify", run_notifier, s);
    if (failed < 0) {
        free_notifier(s);
        return weir_fail_os(error, failed, "%s: cannot start a thread", notify_call);
    }
    /* From here on weir_close() ends it, which does not wait for a call for ever. Both change this
     * word (acquire and release): if weir_close() came first, it is seen here that it had begun. */
    if (!atomic_compare_exchange_strong_explicit(&w->notifier, &none, &s->base,
                                                 memory_order_acq_rel, memory_order_acquire))
        end_notifier(&s->base); /* another call was faster */
    else if (atomic_load_explicit(&w->closing, memory_order_acquire))
        weir_notify_end(w);
    return WEIR_OK;
}

static int make_notifier(weir *w, const char *address, weir_error *error) {
    if ((*address != '/' && *address != '@') || strlen(address) < 2 || strlen(address) > 107)
        return weir_fail(error, WEIR_UNSUPPORTED,
                         "%s: NOTIFY_SOCKET is \"%.120s\", which is neither a path nor an abstract "
                         "name of 107 bytes at most",
                         notify_call, address);
    if (atomic_load_explicit(&w->notifier, memory_order_acquire)) return WEIR_OK; /* it is told */
    systemd *s = calloc(1, sizeof *s);
    char *copy = strdup(address);
    if (!s || !copy) {
        free(s);
        free(copy);
        return weir_fail(error, WEIR_NO_MEMORY, "%s: no memory", notify_call);
    }
    *s = (systemd){.base = {begin_closing, end_notifier},
                   .w = w,
                   .address = copy,
                   .watchdog_ns = watchdog_of(w)};
    return begin_notifier(s, error);
}

int weir_systemd_notify(weir *w) {
    weir_error error = {0};
    int held;
    if (!w) return weir_misuse(notify_call, "w is NULL");
    int status = weir_call_enter(w, WEIR_CALL_OPEN, &held);
    if (status != WEIR_OK) return weir_refuse(notify_call, status);
    const char *address = secure_getenv("NOTIFY_SOCKET");
    if (address && *address) status = make_notifier(w, address, &error);
    weir_call_exit(w, held);
    return status < 0 ? weir_publish_error(&error) : status;
}
