/* target.c - the table that lines go to. No call here waits for long: what cannot be done now is
 * trouble, and is tried again after a pause that grows. */
#include "target.h"

#include <inttypes.h>
#include <unistd.h>

#include <weir/sqlite.h>

#include "../lib/base/os.h"
#include "note.h"
#include "stop.h"

#define LOG_MS ((uint64_t)1000000)

enum {
    TRY_MS = 250,  /* for opening, declaring, and for room in a full ring */
    LOOK_MS = 100, /* between two looks for signals */
    /* One thread appends lines of 64 KiB at most. */
    TARGET_LANE_BYTES = 1 << 20,
    TARGET_LANES = 2,
    TARGET_SEGMENT_BYTES = 4 << 20,
};
#define PAUSE_LEAST_NS (10 * LOG_MS)
#define PAUSE_MOST_NS (1000 * LOG_MS)
#define PAUSE_LONG_NS (30000 * LOG_MS) /* reading a large damaged journal takes its time */
#define STOP_NS (2000 * LOG_MS)

static uint64_t target_now(void) {
    const weir_os *os = weir_os_posix();
    return os->now(os->self);
}

weir_target weir_target_make(const weir_logger_options *options) {
    return (weir_target){.options = options, .process = getpid()};
}

/* ---- trouble ------------------------------------------------------------------------------- */

/* It will not pass by itself. */
static bool needs_somebody(int status) {
    switch (status) {
    case WEIR_MISUSE:
    case WEIR_SCHEMA:
    case WEIR_DAMAGED:
    case WEIR_FOREIGN:
    case WEIR_VERSION:
    case WEIR_UNSUPPORTED: return true;
    default: return false;
    }
}

bool weir_target_gives_up(const weir_target *t) {
    if (t->trouble == WEIR_OK) return false;
    return t->hurried || needs_somebody(t->trouble) ||
           target_now() - t->since_ns >= t->options->wait_s * 1000 * LOG_MS;
}

/* Each kind of trouble is said once. */
static bool enter_trouble(weir_target *t, int status, const char *text) {
    uint64_t at = target_now();
    if (t->trouble == WEIR_OK) {
        t->since_ns = at;
        t->pause_ns = PAUSE_LEAST_NS / 2;
    }
    t->pause_ns = t->pause_ns < PAUSE_MOST_NS / 2 ? t->pause_ns * 2 : PAUSE_MOST_NS;
    t->try_at_ns = at + (needs_somebody(status) ? PAUSE_LONG_NS : t->pause_ns);
    bool other = t->trouble != status;
    t->trouble = status;
    if (other && weir_target_gives_up(t))
        weir_log_note("%s; lines go to stderr until it is over", text);
    else if (other)
        weir_log_note("%s; lines are held, and go to stderr when %" PRIu32 " s have passed", text,
                      t->options->wait_s);
    return false;
}

static void leave_trouble(weir_target *t) {
    if (t->trouble != WEIR_OK) weir_log_note("%s: lines become rows again", t->options->database);
    t->trouble = WEIR_OK;
}

uint64_t weir_target_pause(const weir_target *t, bool lines) {
    uint64_t at = target_now();
    if (t->trouble == WEIR_OK || (t->trouble == WEIR_FULL && !lines)) return UINT64_MAX;
    return t->try_at_ns > at ? t->try_at_ns - at : 0;
}

void weir_target_hurry(weir_target *t) {
    if (!t->hurried) t->try_at_ns = 0;
    t->hurried = true;
}

/* ---- opening ------------------------------------------------------------------------------- */

/* On a thread of the library. */
static void on_target_event(void *context, weir_event event, const char *text) {
    weir_target *t = context;
    bool usual = event == WEIR_EVENT_RECOVERED || event == WEIR_EVENT_TORN_TAIL;
    if (usual && !t->options->verbose) return;
    /* Relaxed: nothing else is published by it. */
    if (event == WEIR_EVENT_REJECTED &&
        atomic_exchange_explicit(&t->told_of_rejected, true, memory_order_relaxed))
        return;
    weir_log_note("%s", text);
}

static int open_target(weir_target *t) {
    const weir_logger_options *o = t->options;
    weir_options options = {.journal_directory = o->journal,
                            .lane_bytes = TARGET_LANE_BYTES,
                            .lanes_max = TARGET_LANES,
                            .segment_bytes = TARGET_SEGMENT_BYTES,
                            .journal_limit_bytes = o->limit_bytes,
                            .full = WEIR_FULL_BLOCK,
                            .full_timeout_ms = TRY_MS,
                            .open_timeout_ms = TRY_MS,
                            .on_event = on_target_event,
                            .event_context = t};
    return weir_open_sqlite(o->database, &options, &t->w);
}

/* The table of <weir/log.h>, under the name that was asked for. */
static int declare_target(weir_target *t) {
    const weir_log_options log = {.table = t->options->table};
    int status = weir_log_configure(t->w, &log);
    return status == WEIR_OK ? weir_log_table(t->w, &t->table) : status;
}

/* Rows stay in the journal whatever closing answers. */
static int close_handle_of(weir_target *t) {
    struct weir_stats s;
    if (!t->w) return WEIR_OK;
    if (weir_stats(t->w, &s) == WEIR_OK) t->rejected_rows += s.rows_rejected;
    int status = weir_close(t->w);
    t->w = NULL;
    t->table = NULL;
    return status;
}

bool weir_target_ready(weir_target *t) {
    if (t->trouble != WEIR_OK && target_now() < t->try_at_ns) return false;
    int status = t->w ? WEIR_OK : open_target(t);
    if (status == WEIR_OK && !t->table) status = declare_target(t);
    if (status != WEIR_OK) return enter_trouble(t, status, weir_last_error());
    if (t->trouble != WEIR_FULL) leave_trouble(t); /* only an append tells whether there is room */
    return true;
}

/* ---- lines --------------------------------------------------------------------------------- */

/* A journal that has stopped may go on after it is opened again. */
static bool lose_handle(weir_target *t, int status) {
    char text[512];
    (void)snprintf(text, sizeof text, "%s: %s", t->options->database, weir_status_text(status));
    (void)close_handle_of(t);
    return enter_trouble(t, status, text);
}

bool weir_target_append(weir_target *t, const weir_line *line, const char *bytes) {
    char text[512];
    int status = weir_append(t->table, weir_int(line->time_ns),
                             weir_text(weir_log_level_name(line->level)), weir_int(t->process),
                             weir_text(t->options->tag), weir_int((int64_t)line->number),
                             weir_text_n(bytes + line->prefix, line->length - line->prefix));
    if (status == WEIR_OK) {
        leave_trouble(t);
        return true;
    }
    if (status != WEIR_FULL) return lose_handle(t, status);
    (void)snprintf(text, sizeof text,
                   "%s: the journal takes no more rows: it has reached its limit, or cannot grow",
                   t->options->database);
    return enter_trouble(t, status, text);
}

bool weir_target_reached(weir_target *t, weir_level level) {
    if (level == WEIR_PUBLISHED) return true;
    if (!t->w) return false;
    int status = weir_sync(t->w, level, LOOK_MS);
    if (status == WEIR_STOPPED || status == WEIR_CLOSED) return lose_handle(t, status);
    /* Whatever else it is, the writer says it and tries again. */
    if (status < 0) (void)weir_log_stop_poll(NULL, 0, LOOK_MS * LOG_MS);
    return status == WEIR_OK;
}

/* ---- the end ------------------------------------------------------------------------------- */

static uint64_t applied_so_far(const weir_target *t) {
    struct weir_stats s;
    return weir_stats(t->w, &s) == WEIR_OK ? s.rows_applied : 0;
}

static int settle_target(const weir_target *t, weir_level level) {
    uint64_t since = target_now(), stopped = 0, before = 0;
    int status;
    while ((status = weir_sync(t->w, level, LOOK_MS)) == WEIR_PENDING) {
        uint64_t at = target_now(), applied = applied_so_far(t);
        if (applied != before) since = at;
        before = applied;
        if (!stopped && weir_log_stop_wanted()) stopped = at;
        if (stopped && at - stopped >= STOP_NS) break;
        if (at - since >= t->options->wait_s * 1000 * LOG_MS) break;
    }
    return status;
}

bool weir_target_settle(const weir_target *t, weir_level level) {
    return t->w && settle_target(t, level) == WEIR_OK;
}

static int exit_of_trouble(int status) {
    return status == WEIR_DAMAGED || status == WEIR_FOREIGN ? WEIR_LOGGED_NOT : WEIR_LOGGED_FAILED;
}

int weir_target_close(weir_target *t) {
    struct weir_stats s = {0};
    if (!t->w) return exit_of_trouble(t->trouble);
    int status = settle_target(t, WEIR_APPLIED);
    (void)weir_stats(t->w, &s); /* only a number in a message depends on it */
    int closed = close_handle_of(t);
    if (closed == WEIR_OK) return t->rejected_rows ? WEIR_LOGGED_WAITS : WEIR_LOGGED;
    if (closed < 0)
        weir_log_note("%s", weir_last_error()); /* they wait in the ring */
    else
        weir_log_note("%s: %" PRIu64 " rows wait in the journal; weir-recover, or the next program "
                      "that opens it through weir, applies them",
                      t->options->database, s.lag_rows);
    return status == WEIR_DAMAGED ? WEIR_LOGGED_NOT : WEIR_LOGGED_WAITS;
}
