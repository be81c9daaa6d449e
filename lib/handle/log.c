/* log.c - the logger: a message becomes a row of the table "log". */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <weir/log.h>

#include "core.h"

/* Relaxed on both sides: nothing else is published by the threshold. */
int weir_log_threshold = WEIR_INFO;

void weir_log_set_level(weir_log_level level) {
    __atomic_store_n(&weir_log_threshold, (int)level, __ATOMIC_RELAXED);
}

const char *weir_log_level_name(weir_log_level level) {
    static const char *const names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
    return (unsigned)level < sizeof names / sizeof *names ? names[level] : "?";
}

/* Declaring twice gives the same table, so threads that race here need no lock of their own. */
int weir_log_table(weir *w, weir_table **table) {
    static const weir_column columns[] = {
        {"time_ns", WEIR_INTEGER}, {"level", WEIR_TEXT},   {"thread", WEIR_INTEGER},
        {"file", WEIR_TEXT},       {"line", WEIR_INTEGER}, {"message", WEIR_TEXT},
    };
    *table =
        atomic_load_explicit(&w->log_table, memory_order_acquire); /* pairs with the store below */
    if (*table) return WEIR_OK;
    int status = weir_declare(w, "log", columns, sizeof columns / sizeof *columns, table);
    if (status == WEIR_OK) atomic_store_explicit(&w->log_table, *table, memory_order_release);
    return status;
}

/* Put the mark over the end of a message that was cut, not splitting a UTF-8 character. */
static size_t mark_cut(char text[WEIR_LOG_BYTES]) {
    static const char mark[] = "… [cut]";
    size_t end = WEIR_LOG_BYTES - sizeof mark;
    while (end > 0 && ((unsigned char)text[end] & 0xC0u) == 0x80u)
        end--;
    memcpy(text + end, mark, sizeof mark);
    return end + sizeof mark - 1;
}

static int append_message(weir *w, weir_log_level level, const char *file, int line,
                          const char *text, size_t length) {
    weir_table *table;
    int status = weir_log_table(w, &table);
    if (status != WEIR_OK) return status;
    const weir_os *os = w->os;
    return weir_append(table, weir_int(os->wall(os->self)), weir_text(weir_log_level_name(level)),
                       weir_int(os->thread_id(os->self)), weir_text(file), weir_int(line),
                       weir_text_n(text, length));
}

int weir_log_write(weir *w, weir_log_level level, const char *file, int line, const char *format,
                   ...) {
    if (!w || !format) return weir_misuse("weir_log_write", w ? "format is NULL" : "w is NULL");
    int saved = errno; /* of the caller, who may be about to report it */
    char text[WEIR_LOG_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (wanted < 0) wanted = snprintf(text, sizeof text, "[cannot be formatted] %s", format);
    size_t length = wanted < WEIR_LOG_BYTES ? (size_t)wanted : mark_cut(text);
    int status = append_message(w, level, file, line, text, length);
    errno = saved;
    return status;
}
