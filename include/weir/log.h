/* weir/log.h - a log that survives the crash it explains: each message is a row of the table "log".
 *
 * THE SMALLEST PROGRAM
 *
 *     #include <weir/log.h>
 *     #include <weir/sqlite.h>
 *
 *     weir *w;
 *     if (weir_open_sqlite("run.db", NULL, &w) < 0) return 1;
 *     weir_log(w, WEIR_WARN, "%d agents are bankrupt", 17);
 *     abort();                                     // the row is in run.db after the next opening
 *
 * THE TABLE
 *
 *     log(time_ns INTEGER, level TEXT, thread INTEGER, file TEXT, line INTEGER, message TEXT)
 *
 * time_ns: the wall clock, since 1970. level: "TRACE" … "FATAL". thread: the kernel's thread id.
 * The table is declared at a handle's first message. One that exists already is used, as with
 * weir_declare(); more columns that can take their default do no harm.
 *
 * WHAT A MESSAGE IS WORTH
 *
 * A message is published when weir_log() has returned: it survives SIGKILL and abort(), as every
 * row does. To have it survive a power cut too, call weir_sync(w, WEIR_DURABLE, timeout_ms).
 *
 * A message below the threshold costs one load and one comparison, and its arguments are not
 * evaluated. Any thread may log at any time; a signal handler may not (formatting is not safe
 * there: a handler may append a row of its own instead). errno is what it was before. <weir/crash.h>
 * makes the last messages of a program that crashes. */
#ifndef WEIR_LOG_H
#define WEIR_LOG_H

#include <weir/weir.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum weir_log_level {
    WEIR_TRACE = 0,
    WEIR_DEBUG = 1,
    WEIR_INFO = 2,
    WEIR_WARN = 3,
    WEIR_ERROR = 4,
    WEIR_FATAL = 5, /* only a word: logging it does not end the program */
} weir_log_level;

#define WEIR_LOG_BYTES 4096 /* longest message with its NUL; longer ones end in "… [cut]" */

/* Log one message, as printf formats it. w: an open handle; level: one of the above. */
#define weir_log(w, level, ...)                                                                    \
    do {                                                                                           \
        if (weir_log_passes(level))                                                                \
            (void)weir_log_write((w), (level), __FILE__, __LINE__, __VA_ARGS__);                   \
    } while (0)

#define weir_log_trace(w, ...) weir_log(w, WEIR_TRACE, __VA_ARGS__)
#define weir_log_debug(w, ...) weir_log(w, WEIR_DEBUG, __VA_ARGS__)
#define weir_log_info(w, ...) weir_log(w, WEIR_INFO, __VA_ARGS__)
#define weir_log_warn(w, ...) weir_log(w, WEIR_WARN, __VA_ARGS__)
#define weir_log_error(w, ...) weir_log(w, WEIR_ERROR, __VA_ARGS__)
#define weir_log_fatal(w, ...) weir_log(w, WEIR_FATAL, __VA_ARGS__)

/* Log messages of this level and above, in the whole process; WEIR_INFO until it is called. */
WEIR_API void weir_log_set_level(weir_log_level level);

/* "WARN"; "?" for what is no level. Static. */
WEIR_API const char *weir_log_level_name(weir_log_level level);

/* What the macros call: it does not filter, and returns a status. file: any text, or NULL. The
 * answer is that of weir_append_row(), or of weir_declare() at a handle's first message. A
 * message that is refused because the ring is full is counted in rows_refused. */
WEIR_API int weir_log_write(weir *w, weir_log_level level, const char *file, int line,
                            const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 5, 6)))
#endif
    ;

/* The threshold itself, for the macros: read it with weir_log_passes(), set it with
 * weir_log_set_level(). */
extern WEIR_API int weir_log_threshold;

static inline int weir_log_passes(weir_log_level level) {
    return (int)level >= __atomic_load_n(&weir_log_threshold, __ATOMIC_RELAXED);
}

#ifdef __cplusplus
}
#endif
#endif
