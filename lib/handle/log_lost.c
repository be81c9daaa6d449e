/* log_lost.c - messages that are not logged: which, how many, and why; and where that is said. */
#include <stdio.h>

#include "../format/text.h"
#include "log_site.h"

/* Once for each reason that is another than the last. */
static void say_refusal(weir *w, int status) {
    const char *why = weir_last_error();
    weir_handle_event(w, WEIR_EVENT_LOG_REFUSED,
                      "messages are not logged: the table \"%s\" cannot be used: %s",
                      w->log_name ? w->log_name : "log", *why ? why : weir_status_text(status));
}

static bool is_said_already(weir *w, int status) {
    return atomic_exchange_explicit(&w->log_said, status, memory_order_relaxed) == status;
}

int weir_log_note_lost(weir *w, weir_log_level level, int status) {
    if (status == WEIR_CLOSED || status == WEIR_FORKED) /* the handle is not ours */
        return weir_refuse("weir_log", status);
    if (status != WEIR_FULL) {
        atomic_fetch_add_explicit(&w->log_failed, 1, memory_order_relaxed);
        if (status == WEIR_STOPPED) return weir_refuse("weir_log", status);
        if (!is_said_already(w, status)) say_refusal(w, status);
        return status;
    }
    int64_t none = 0;
    atomic_fetch_add_explicit(&w->log_dropped, 1, memory_order_relaxed);
    if ((unsigned)level < WEIR_LOG_LEVELS)
        atomic_fetch_add_explicit(&w->log_lost[level], 1, memory_order_relaxed);
    (void)atomic_compare_exchange_strong_explicit(&w->log_lost_since, &none,
                                                  w->os->wall(w->os->self), memory_order_relaxed,
                                                  memory_order_relaxed);
    atomic_store_explicit(&w->log_lost_any, true, memory_order_relaxed);
    return status;
}

static void put_counts(weir_text_buffer *out, const uint64_t lost[WEIR_LOG_LEVELS]) {
    weir_object o;
    weir_object_begin(&o, out);
    for (int i = 0; i < WEIR_LOG_LEVELS; i++) {
        const char *name = weir_log_level_name((weir_log_level)i);
        weir_value count = weir_int((int64_t)lost[i]);
        if (lost[i]) (void)weir_object_add(&o, name, strlen(name), &count); /* they fit */
    }
    weir_object_end(&o);
}

void weir_log_tell_lost(weir *w, weir_share share) {
    uint64_t lost[WEIR_LOG_LEVELS], all = 0;
    weir_text_buffer counts;
    char text[120];
    if (!atomic_exchange_explicit(&w->log_lost_any, false, memory_order_relaxed)) return;
    int64_t since = atomic_exchange_explicit(&w->log_lost_since, 0, memory_order_relaxed);
    for (int i = 0; i < WEIR_LOG_LEVELS; i++)
        all += lost[i] = atomic_exchange_explicit(&w->log_lost[i], 0, memory_order_relaxed);
    put_counts(&counts, lost);
    int length =
        snprintf(text, sizeof text, "%llu %s dropped since %lld ns", (unsigned long long)all,
                 all == 1 ? "message was" : "messages were", (long long)since);
    weir_value fields = weir_text_n(counts.bytes, counts.length);
    int status =
        weir_log_append(w, WEIR_WARN, share, "weir", 0, weir_text_n(text, (size_t)length), &fields);
    if (status == WEIR_OK) return;
    for (int i = 0; i < WEIR_LOG_LEVELS; i++) /* said with those that follow */
        atomic_fetch_add_explicit(&w->log_lost[i], lost[i], memory_order_relaxed);
    atomic_store_explicit(&w->log_lost_since, since, memory_order_relaxed);
    atomic_store_explicit(&w->log_lost_any, true, memory_order_relaxed);
}
