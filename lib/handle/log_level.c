/* log_level.c - levels of the logger: what is logged, and what passes the macros' filter. */
#include "log_record.h"

/* What is logged and what is recorded is decided in the call; the macros compare with one word,
 * which is the lowest level that any handle of the process takes. All seq_cst: whoever stores the
 * word looks once more whether it has changed since, so the last one to store it has seen all
 * changes. The word itself is loaded relaxed: nothing else is published by it. */
int weir_log_threshold = WEIR_INFO;
_Atomic int weir_logged_level = WEIR_INFO;
static _Atomic uint32_t recorders[WEIR_LOG_LEVELS]; /* handles that record from this level on */

static int lowest_level(void) {
    int logged = atomic_load_explicit(&weir_logged_level, memory_order_seq_cst);
    for (int level = 0; level < WEIR_LOG_LEVELS && level < logged; level++)
        if (atomic_load_explicit(&recorders[level], memory_order_seq_cst)) return level;
    return logged;
}

static void settle_threshold(void) {
    int level;
    do {
        level = lowest_level();
        __atomic_store_n(&weir_log_threshold, level, __ATOMIC_SEQ_CST);
    } while (lowest_level() != level);
}

void weir_log_set_level(weir_log_level level) {
    atomic_store_explicit(&weir_logged_level, (int)level, memory_order_seq_cst);
    settle_threshold();
}

void weir_log_set_recorded(weir *w, uint32_t levels) {
    uint32_t before = atomic_exchange_explicit(&w->log_recorded, levels, memory_order_acq_rel);
    if (before == levels) return;
    if (levels)
        atomic_fetch_add_explicit(&recorders[__builtin_ctz(levels)], 1, memory_order_seq_cst);
    if (before)
        atomic_fetch_sub_explicit(&recorders[__builtin_ctz(before)], 1, memory_order_seq_cst);
    settle_threshold();
}

const char *weir_log_level_name(weir_log_level level) {
    static const char *const names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
    return (unsigned)level < sizeof names / sizeof *names ? names[level] : "?";
}
