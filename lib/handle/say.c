/* say.c - what an operator must know, where the program has no on_event: said on standard error,
 * seldom enough for a log. */
#include "say.h"

#include <stdio.h>

#define MINUTE_NS ((uint64_t)60 * 1000000000)
#define BIT(event) (1u << (event))

/* Each of these is told once for a trouble that comes and goes. */
static const uint32_t recurring = BIT(WEIR_EVENT_APPLY_WAITS) | BIT(WEIR_EVENT_APPLY_STOPPED) |
                                  BIT(WEIR_EVENT_NO_SPACE) | BIT(WEIR_EVENT_WAL_GROWS) |
                                  BIT(WEIR_EVENT_LOG_REFUSED) | BIT(WEIR_EVENT_NO_LANE) |
                                  BIT(WEIR_EVENT_READER_PASSED) | BIT(WEIR_EVENT_SINK_LAGS);
/* Few, and each about something else: a promise, a part of the journal, a table. */
static const uint32_t single = BIT(WEIR_EVENT_WEAKENED) | BIT(WEIR_EVENT_DAMAGE) |
                               BIT(WEIR_EVENT_KEEP_FAILS) | BIT(WEIR_EVENT_JOURNAL) |
                               BIT(WEIR_EVENT_POSITION_MOVED) | BIT(WEIR_EVENT_SINK_DETACHED);
static const uint32_t normal = BIT(WEIR_EVENT_RECOVERED) | BIT(WEIR_EVENT_TORN_TAIL);

/* What to do, where the text itself does not say it. */
static const char *remedy_for(weir_event event) {
    switch (event) {
    case WEIR_EVENT_DAMAGE: return "; the verbs verify and salvage of weir show and bound it";
    case WEIR_EVENT_SYNC_FAILED: return "; it is tried again in a new file: look at the disk";
    case WEIR_EVENT_STOPPED: return "; close the handle, mend that, and open again";
    case WEIR_EVENT_APPLY_WAITS: return "; it is tried again until that has passed";
    case WEIR_EVENT_APPLY_STOPPED: return "; mend the database: it is tried again";
    case WEIR_EVENT_NO_SPACE: return "; free or allow what is short: it is tried again";
    case WEIR_EVENT_KEEP_FAILS: return "; mend that and call weir_keep() again";
    case WEIR_EVENT_LOG_REFUSED: return "; mend that, or choose a table by weir_log_configure()";
    default: return "";
    }
}

static uint32_t ended_by(weir_event event) {
    if (event == WEIR_EVENT_APPLY_RESUMED)
        return BIT(WEIR_EVENT_APPLY_WAITS) | BIT(WEIR_EVENT_APPLY_STOPPED);
    return event == WEIR_EVENT_GROWS_AGAIN ? BIT(WEIR_EVENT_NO_SPACE) : 0;
}

/* Relaxed: should two threads ask at once, one of them is told no. */
static bool is_to_be_said(weir *w, weir_event event) {
    uint32_t bit = BIT(event), ended = ended_by(event);
    if (normal & bit) return false;
    if (ended) return atomic_fetch_and_explicit(&w->said, ~ended, memory_order_relaxed) & ended;
    if (single & bit) return true;
    if (recurring & bit) {
        uint64_t now = w->os->now(w->os->self) | 1; /* 0: never */
        uint64_t last = atomic_load_explicit(&w->said_ns[event], memory_order_relaxed);
        if (last && now - last < MINUTE_NS) return false;
        if (!atomic_compare_exchange_strong_explicit(&w->said_ns[event], &last, now,
                                                     memory_order_relaxed, memory_order_relaxed))
            return false;
        (void)atomic_fetch_or_explicit(&w->said, bit, memory_order_relaxed);
        return true;
    }
    return !(atomic_fetch_or_explicit(&w->said, bit, memory_order_relaxed) & bit);
}

/* Has the program closed descriptor 2 meanwhile, and is another file there? */
static bool is_standard_error(const weir *w) {
    weir_os_info now;
    return w->stderr_inode && w->os->info_file(w->os->self, 2, &now) >= 0 &&
           now.device == w->stderr_device && now.inode == w->stderr_inode;
}

void weir_say_begin(weir *w) {
    weir_os_info info;
    if (!w->os->complain || w->os->info_file(w->os->self, 2, &info) < 0) return;
    w->stderr_device = info.device;
    w->stderr_inode = info.inode;
}

void weir_say(weir *w, weir_event event, const char *text) {
    char line[1024];
    if ((unsigned)event >= WEIR_EVENTS || !is_to_be_said(w, event) || !is_standard_error(w)) return;
    bool placed = text[0] == '/'; /* most texts begin with the path */
    int length = snprintf(line, sizeof line - 1, "weir: %s%s%s%s", placed ? "" : w->directory,
                          placed ? "" : ": ", text, remedy_for(event));
    if (length < 0) return;
    size_t bytes = (size_t)length < sizeof line - 1 ? (size_t)length : sizeof line - 2;
    line[bytes] = '\n';
    w->os->complain(w->os->self, line, bytes + 1);
}
