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
 * weir_log_kv() adds a column: fields TEXT, a JSON object. The table is declared at a handle's
 * first message, under a name that weir_log_configure() can choose. One that exists already is
 * used, as with weir_declare(); more columns that can take their default do no harm.
 *
 * FORMATTED LATER
 *
 * Where the format is a string literal, a message is stored as its arguments, and the text is made
 * when the row leaves the journal: by the writer, or by a recovery. The place in the source (file,
 * line, format, level) is journaled once, at its first message, which therefore takes longer: it
 * declares, allocates and may wait. A journal has room for 61,439 such places.
 *
 * The text is what printf makes in the C locale. %s is copied at the call, at most 4,096 bytes of
 * it; %m is the error at the call; wide text becomes UTF-8. Other formats are formatted in the
 * caller, in its locale, and cost a hundred times as much: a format that is no literal, %n, %1$d,
 * %'d, long double, and more than 62 arguments.
 *
 * WHAT A MESSAGE IS WORTH
 *
 * A message is published when weir_log() has returned: it survives SIGKILL and abort(), as every
 * row does. To have it survive a power cut too, call weir_sync(w, WEIR_DURABLE, timeout_ms).
 *
 * A message below the threshold costs one load and one comparison, and its arguments are not
 * evaluated. Any thread may log at any time; a signal handler may not (a place's first message
 * allocates: a handler may append a row of its own instead). errno is what it was before.
 *
 * In C a call has at most 126 arguments behind its format, and one that has a comma of its own, as
 * a compound literal may, stands in parentheses. Each is evaluated once.
 *
 * <weir/crash.h> makes the last messages of a program that crashes. */
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
        static weir_log_site weir_log_site_ =                                                      \
            WEIR_LOG_SITE_(WEIR_LOG_LITERAL_(WEIR_LOG_FIRST_(__VA_ARGS__, 0)));                    \
        if (weir_log_passes(level)) WEIR_LOG_PUT_(w, level, __VA_ARGS__);                          \
    } while (0)

#define weir_log_trace(w, ...) weir_log(w, WEIR_TRACE, __VA_ARGS__)
#define weir_log_debug(w, ...) weir_log(w, WEIR_DEBUG, __VA_ARGS__)
#define weir_log_info(w, ...) weir_log(w, WEIR_INFO, __VA_ARGS__)
#define weir_log_warn(w, ...) weir_log(w, WEIR_WARN, __VA_ARGS__)
#define weir_log_error(w, ...) weir_log(w, WEIR_ERROR, __VA_ARGS__)
#define weir_log_fatal(w, ...) weir_log(w, WEIR_FATAL, __VA_ARGS__)

/* Log a text with named values: they become a JSON object in the column "fields", which is added to
 * the table at the first such message.
 *
 *     weir_log_kv(w, WEIR_INFO, "filled", "id", 7, "price", 9.5);
 *
 * Names: text of 1 … 1024 bytes. Values: as weir_append takes them, 32 at most. Numbers that JSON
 * does not know become null, a BLOB becomes hexadecimal digits; an object has at most 4095 bytes
 * and ends in "…": true if that is too few. */
#define weir_log_kv(w, level, message, ...)                                                        \
    do {                                                                                           \
        static weir_log_site weir_log_site_ = WEIR_LOG_SITE_(WEIR_LOG_LITERAL_(message));          \
        if (weir_log_passes(level)) {                                                              \
            WEIR_LOG_FLAT_ const weir_log_field weir_log_fields_[] = {                             \
                WEIR_LOG_PAIRS_(__VA_ARGS__)};                                                     \
            WEIR_LOG_FLAT_END_ WEIR_LOG_PAIRED_(__VA_ARGS__)(void)                                 \
                weir_log_fields((w), (level), &weir_log_site_, (message), weir_log_fields_,        \
                                sizeof weir_log_fields_ / sizeof *weir_log_fields_);               \
        }                                                                                          \
    } while (0)

/* Log the first message at this place and every n-th after it, of those that are logged or
 * recorded; once: the first alone. Counted in the whole process, by all threads together. n is not
 * 0. */
#define weir_log_every_n(w, level, n, ...)                                                         \
    do {                                                                                           \
        static unsigned long weir_log_count_;                                                      \
        if (weir_log_passes(level) &&                                                              \
            __atomic_fetch_add(&weir_log_count_, 1, __ATOMIC_RELAXED) % (n) == 0)                  \
            weir_log(w, level, __VA_ARGS__);                                                       \
    } while (0)
#define weir_log_once(w, level, ...)                                                               \
    do {                                                                                           \
        static unsigned char weir_log_done_;                                                       \
        if (weir_log_passes(level) && !__atomic_load_n(&weir_log_done_, __ATOMIC_RELAXED) &&       \
            !__atomic_exchange_n(&weir_log_done_, 1, __ATOMIC_RELAXED))                            \
            weir_log(w, level, __VA_ARGS__);                                                       \
    } while (0)

/* Log messages of this level and above, in the whole process; WEIR_INFO until it is called. Those
 * below it go into the flight recorder of a handle that has one (weir_log_options), or nowhere. */
WEIR_API void weir_log_set_level(weir_log_level level);

/* "WARN"; "?" for what is no level. Static. */
WEIR_API const char *weir_log_level_name(weir_log_level level);

/* Format a message in the caller: it does not filter, never records, and returns a status. file:
 * any text, or NULL. The answer is that of weir_append_row(), or of weir_declare() at a handle's
 * first message. A message that is refused because the ring is full is counted in rows_refused. */
WEIR_API int weir_log_write(weir *w, weir_log_level level, const char *file, int line,
                            const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 5, 6)))
#endif
    ;

/* A place in the source that logs. The macros make one, static, for each; nobody else needs it.
 * known and number are the library's, zeros at first. */
typedef struct weir_log_site {
    void *known[6];
    int literal; /* the format is a string literal: it never changes */
    int line;
    const char *file;
    uint32_t number[6];
} weir_log_site;

#define WEIR_LOG_SITE_(literal)                                                                    \
    {                                                                                              \
        {0, 0, 0, 0, 0, 0}, (literal), __LINE__, __FILE__, { 0, 0, 0, 0, 0, 0 }                    \
    }
#define WEIR_LOG_FIRST_(first, ...) first
#if defined(__GNUC__) /* names and values without braces around each pair */
#define WEIR_LOG_FLAT_                                                                             \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wmissing-braces\"")
#define WEIR_LOG_FLAT_END_ _Pragma("GCC diagnostic pop")
#define WEIR_LOG_LITERAL_(format) __builtin_constant_p(format)
#else
#define WEIR_LOG_FLAT_
#define WEIR_LOG_FLAT_END_
#define WEIR_LOG_LITERAL_(format) 0
#endif
#ifndef __cplusplus
#define WEIR_LOG_PAIRS_(...) WEIR_EACH_(WEIR_LOG_NAME_, WEIR_VALUE_, __VA_ARGS__)
#define WEIR_LOG_PAIRED_(...)                                                                      \
    _Static_assert(WEIR_COUNT_(__VA_ARGS__) % 2 == 0, "weir_log_kv: a name has no value");
#define WEIR_LOG_NAME_(name) _Generic((name), char * : (name), const char * : (name))
#else
#define WEIR_LOG_PAIRS_(...) __VA_ARGS__
#define WEIR_LOG_PAIRED_(...)
#endif

/* What weir_log() calls. As weir_log_write(), but where the format is a literal, what is stored are
 * the arguments; the text is made when the row leaves the journal. A message below the level of
 * weir_log_set_level() is recorded, if this handle records its level, else left out: WEIR_OK. */
WEIR_API int weir_log_at(weir *w, weir_log_level level, weir_log_site *site, const char *format,
                         ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 4, 5)))
#endif
    ;

/* Does the library know how the format of this site takes its arguments? From a level's second
 * message on it does, unless they are formatted in the caller. What weir_log_put() takes, or NULL. */
static inline const void *weir_log_known(const weir_log_site *site, weir_log_level level) {
    return (unsigned)level <= WEIR_FATAL ? __atomic_load_n(&site->known[level], __ATOMIC_ACQUIRE)
                                         : NULL;
}

/* What weir_log() calls then, in C; as weir_log_at(). words: the address of the format, which is the
 * site's, then a word for each argument: an integer extended to 64 bits as its type is, the bits of
 * a double, a pointer. */
WEIR_API int weir_log_put(weir *w, const void *known, const uint64_t *words);

#if defined(__GNUC__) && !defined(__cplusplus) && UINTPTR_MAX == UINT64_MAX
#define WEIR_LOG_PUT_(w, level, ...)                                                               \
    do {                                                                                           \
        const weir_log_level weir_log_level_ = (level);                                            \
        const void *weir_log_known_ = weir_log_known(&weir_log_site_, weir_log_level_);            \
        if (__builtin_expect(weir_log_known_ != 0, 1))                                             \
            (void)weir_log_put(                                                                    \
                (w), weir_log_known_,                                                              \
                (const uint64_t[]){WEIR_EACH_(WEIR_LOG_WORD_, WEIR_LOG_WORD_, __VA_ARGS__)});      \
        else                                                                                       \
            (void)weir_log_at((w), weir_log_level_, &weir_log_site_, __VA_ARGS__);                 \
    } while (0)
#define WEIR_LOG_WORD_(x)                                                                          \
    _Generic((x), float                                                                            \
             : weir_log_real_(WEIR_LOG_REAL_(x)), double                                           \
             : weir_log_real_(WEIR_LOG_REAL_(x)), default                                          \
             : (uint64_t)(uintptr_t)WEIR_LOG_SCALAR_(x))
#if __STDC_VERSION__ >= 202311L /* nullptr becomes no integer by a cast */
#define WEIR_LOG_SCALAR_(x) _Generic((x), typeof(nullptr) : 0, default : (x))
#else
#define WEIR_LOG_SCALAR_(x) (x)
#endif
#define WEIR_LOG_REAL_(x) (double)_Generic((x), float : (x), double : (x), default : 0)

static inline uint64_t weir_log_real_(double real) {
    uint64_t word;
    memcpy(&word, &real, sizeof word);
    return word;
}
#else
#define WEIR_LOG_PUT_(w, level, ...) (void)weir_log_at((w), (level), &weir_log_site_, __VA_ARGS__)
#endif

typedef struct weir_log_field {
    const char *name;
    weir_value value;
} weir_log_field;

/* What weir_log_kv() calls. message: any text; of more than 4095 bytes the first are kept. fields:
 * count of them; with 0 there is an empty object. */
WEIR_API int weir_log_fields(weir *w, weir_log_level level, weir_log_site *site,
                             const char *message, const weir_log_field *fields, size_t count);

/* ---- a handle's log ---------------------------------------------------------------------- */

typedef struct weir_log_options {
    const char *table; /* default "log"; copied. Only before the handle's first message */
    /* While three quarters of a thread's lane are full, its messages below this level are dropped
     * at once instead of waiting for room. Default WEIR_TRACE: none is dropped for this. */
    weir_log_level keep;
    /* The flight recorder: see below. */
    uint32_t record_bytes; /* of its file, 512 … 2^30; default 0: there is none */
    weir_log_level record; /* the lowest level that it takes; default WEIR_TRACE: all */
    int record_on_error;   /* bring its messages out before each ERROR or FATAL is logged */
} weir_log_options;

WEIR_API int weir_log_configure_sized(weir *w, const weir_log_options *options,
                                      size_t options_bytes);

/* Zero means the default in every field. Any thread, at any time. Errors: WEIR_MISUSE,
 * WEIR_NO_MEMORY, WEIR_CLOSED, WEIR_FORKED, WEIR_STOPPED.
 *
 * What is dropped, for this reason or because the ring stayed full (WEIR_FULL), is counted in
 * weir_stats.log_dropped, and when there is room again a row of level WARN and file "weir" says how
 * many messages, since when, and in "fields" of which levels. The last sixteenth of each lane is
 * kept for ERROR and FATAL. A table that cannot be had, or another failure, is an event
 * (WEIR_EVENT_LOG_REFUSED), once for each reason, and counted in weir_stats.log_failed; the database
 * is asked again every second. */
static inline int weir_log_configure(weir *w, const weir_log_options *options) {
    return weir_log_configure_sized(w, options, sizeof *options);
}

/* The table of the messages, declared if it is not yet: for weir_keep(). out: as that of
 * weir_declare(), and the answer is. Any thread. */
WEIR_API int weir_log_table(weir *w, weir_table **out);

/* THE FLIGHT RECORDER: the last messages that are not logged
 *
 *     weir_log_options options = {.record_bytes = 1 << 20, .record_on_error = 1};
 *     weir_log_configure(w, &options);
 *
 * From then on messages of the level record and above, but below that of weir_log_set_level(), are
 * kept in a file of record_bytes in the journal's directory: one for each 512 bytes, the last ones.
 * Recording takes no lock, makes no system call and waits for nothing, but for a site's first
 * message, which is declared in the journal as always. The file is mapped: the first message in a
 * page that the kernel has written to the disk takes a page fault, as weir_append_row() may. Messages
 * become rows of the log, each once, with their own times, when they are brought out:
 *
 * - by weir_log_flush_recorder();
 * - before an ERROR or FATAL of this handle, with record_on_error;
 * - by the next opening, or weir-recover, if the process died: SIGKILL, abort(), any signal. Only a
 *   message that is being written at that instant is lost, and the one that it was overwriting.
 *
 * A clean weir_close() throws them away. After a power cut there is what the kernel had written of
 * the file by itself, and a message that had been brought out may come once more.
 *
 * A message that does not fit into 472 bytes as it is stored is formatted at once and its text cut,
 * ending in "… [cut]"; fields of more than 120 bytes become {"…":true} then. Of messages that are
 * overwritten nothing is said.
 *
 * The threshold is that of the process and recorders are those of handles: while any handle records
 * a level, the macros evaluate the arguments of such messages for every handle, and a handle
 * without a recorder drops them. The recorder is made by the first call that asks for one and keeps
 * its size until the handle is closed; a later call with record_bytes 0 ends recording, and what is
 * recorded stays. Errors besides those above: WEIR_MISUSE for another size, and in a handle with
 * 1024 lanes; WEIR_NO_SPACE, WEIR_IO, WEIR_UNSUPPORTED where the file cannot be made. */

/* Append to the log what is recorded now, in the order in which it was recorded; each thread's own
 * messages are in their order. Any thread; one at a time, others wait. It may wait for room in the
 * ring as an append does. WEIR_OK also when there is nothing. After WEIR_FULL what was not brought
 * out is still recorded. Errors: WEIR_FULL, WEIR_CLOSED, WEIR_FORKED, WEIR_STOPPED, WEIR_MISUSE;
 * WEIR_BUSY in an event callback while another thread brings out. */
WEIR_API int weir_log_flush_recorder(weir *w);

/* What the macros compare with: the lowest level that is logged, or recorded by any handle. Read it
 * with weir_log_passes(), set it with weir_log_set_level(). */
extern WEIR_API int weir_log_threshold;

static inline int weir_log_passes(weir_log_level level) {
    return (int)level >= __atomic_load_n(&weir_log_threshold, __ATOMIC_RELAXED);
}

#ifdef __cplusplus
}
#endif
#endif
