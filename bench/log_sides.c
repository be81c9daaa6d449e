/* log_sides.c - messages through weir: logged, appended as values, and formatted in the caller. */
#include "log_sides.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <weir/log.h>

#include "orders.h"
#include "ways.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef struct side {
    weir *w;
    weir_table *table; /* NULL: the logger has its own */
    int64_t time_ns, thread;
    int status;
} side;

static int64_t wall_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- the ways -------------------------------------------------------------------------------- */

/* Its status is checked by counting the rows. */
static void log_order(side *s, uint64_t number) {
    order o = order_of(number);
    weir_log_info(s->w, ORDER_FORMAT, o.id, o.symbol, o.price, o.left);
}

static const weir_column order_columns[] = {{"time_ns", WEIR_INTEGER}, {"thread", WEIR_INTEGER},
                                            {"id", WEIR_INTEGER},      {"symbol", WEIR_TEXT},
                                            {"price", WEIR_REAL},      {"remaining", WEIR_INTEGER}};

static void append_order(side *s, uint64_t number) {
    order o = order_of(number);
    s->status |=
        weir_append(s->table, weir_int(s->time_ns + (int64_t)number), weir_int(s->thread),
                    weir_int(o.id), weir_text(o.symbol), weir_real(o.price), weir_int(o.left));
}

static const weir_column message_columns[] = {
    {"time_ns", WEIR_INTEGER}, {"level", WEIR_TEXT},   {"thread", WEIR_INTEGER},
    {"file", WEIR_TEXT},       {"line", WEIR_INTEGER}, {"message", WEIR_TEXT},
};

/* What a logger does that defers nothing: a call for any format, which formats into its own buffer
 * and asks for the time and the thread. */
static __attribute__((format(printf, 5, 6))) int append_message(weir_table *table,
                                                                weir_log_level level,
                                                                const char *file, int line,
                                                                const char *format, ...) {
    char text[WEIR_LOG_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= (int)sizeof text) return WEIR_TOO_BIG;
    return weir_append(table, weir_int(wall_ns()), weir_text(weir_log_level_name(level)),
                       weir_int(gettid()), weir_text(file), weir_int(line),
                       weir_text_n(text, (size_t)length));
}

static void format_order(side *s, uint64_t number) {
    order o = order_of(number);
    s->status |= append_message(s->table, WEIR_INFO, __FILE__, __LINE__, ORDER_FORMAT, o.id,
                                o.symbol, o.price, o.left);
}

/* A function for each: a pointer to call for every message would be in what is measured. */
static void log_burst(void *context, size_t number) {
    for (unsigned i = 0; i < BURST; i++)
        log_order(context, number * BURST + i);
}

static void append_burst(void *context, size_t number) {
    for (unsigned i = 0; i < BURST; i++)
        append_order(context, number * BURST + i);
}

static void format_burst(void *context, size_t number) {
    for (unsigned i = 0; i < BURST; i++)
        format_order(context, number * BURST + i);
}

static const struct {
    const char *table;
    const weir_column *columns;
    size_t count;
    one_burst *burst;
} ways[LOG_WAYS] = {
    [BY_LOG] = {NULL, NULL, 0, log_burst},
    [BY_APPEND] = {"orders", order_columns, COUNT(order_columns), append_burst},
    [BY_FORMATTED] = {"log", message_columns, COUNT(message_columns), format_burst},
};

/* ---- opening, and looking whether all is there ------------------------------------------------ */

/* The first burst, which declares what is not declared yet, is applied before any clock runs. */
static side open_side(const bench_run *run, log_way way) {
    side s = {.time_ns = wall_ns(), .thread = gettid()};
    s.w = open_weir(scratch(run, "log.db"), NULL);
    if (ways[way].table) {
        int status =
            weir_declare(s.w, ways[way].table, ways[way].columns, ways[way].count, &s.table);
        if (status != WEIR_OK) give_up("declaring", status);
    }
    ways[way].burst(&s, 0);
    sync_or_give_up(s.w, WEIR_APPLIED);
    return s;
}

static struct weir_stats stats_of(const side *s) {
    struct weir_stats stats;
    int status = weir_stats(s->w, &stats);
    if (status != WEIR_OK) give_up("log", status);
    return stats;
}

/* The first burst and so many messages. The process ends without closing: in_child(). */
static void check_published(const side *s, size_t messages) {
    uint64_t rows = stats_of(s).rows_published;
    if (s->status == WEIR_OK && rows == BURST + messages) return;
    fprintf(stderr, "weir-bench: of %zu messages %llu are rows\n", BURST + messages,
            (unsigned long long)rows);
    give_up("logging", s->status);
}

/* Another connection sees them, in words. */
static void check_selectable(const bench_run *run, size_t messages) {
    sqlite3 *db = NULL;
    sqlite3_stmt *look = NULL;
    char last[128];
    order o = order_of(messages - 1);
    snprintf(last, sizeof last, ORDER_FORMAT, o.id, o.symbol, o.price, o.left);
    int status = sqlite3_open(scratch(run, "log.db"), &db);
    check_sqlite(db, status);
    check_sqlite(db, sqlite3_prepare_v2(db,
                                        "SELECT (SELECT count(*) FROM log) = ?, message = ? "
                                        "FROM log ORDER BY rowid DESC LIMIT 1",
                                        -1, &look, NULL));
    sqlite3_bind_int64(look, 1, (int64_t)(BURST + messages));
    sqlite3_bind_text(look, 2, last, -1, SQLITE_STATIC);
    if (sqlite3_step(look) != SQLITE_ROW || !sqlite3_column_int(look, 0) ||
        !sqlite3_column_int(look, 1))
        give_up("a message that never came", WEIR_PENDING);
    sqlite3_finalize(look);
    sqlite3_close(db);
}

/* ---- one message ------------------------------------------------------------------------------ */

typedef struct task {
    const bench_run *run;
    log_way way;
    const pace *pace;
    size_t messages;
} task;

static void time_messages(const void *context, double *figures) {
    const task *t = context;
    side s = open_side(t->run, t->way);
    if (!measure_bursts(t->pace, ways[t->way].burst, &s, figures)) give_up("log", WEIR_NO_MEMORY);
    check_published(&s, calls_of(t->pace));
}

bool measure_messages(const bench_run *run, log_way way, const pace *p, double figures[PARTS]) {
    task t = {.run = run, .way = way, .pace = p};
    settle(run);
    bool done = in_child(time_messages, &t, figures, PARTS);
    scratch_remove(run, "log.db");
    return done;
}

/* ---- one below the threshold ------------------------------------------------------------------ */

enum { FILTERED_BURST = 10000, FILTERED_BURSTS = 200 };

static void filtered_burst(void *context, size_t number) {
    const side *s = context;
    order o = order_of(number);
    for (int i = 0; i < FILTERED_BURST; i++)
        weir_log_debug(s->w, ORDER_FORMAT, i, o.symbol, o.price, o.left);
}

static void time_filtered(const void *context, double *figures) {
    const task *t = context;
    static const pace p = {FILTERED_BURSTS, FILTERED_BURST, 0};
    side s = open_side(t->run, BY_LOG);
    if (!measure_bursts(&p, filtered_burst, &s, figures)) give_up("log", WEIR_NO_MEMORY);
    check_published(&s, 0);
}

bool measure_filtered(const bench_run *run, double *ns) {
    task t = {.run = run};
    double figures[PARTS];
    bool done = in_child(time_filtered, &t, figures, PARTS);
    scratch_remove(run, "log.db");
    *ns = figures[0];
    return done;
}

/* ---- many, until they can be selected --------------------------------------------------------- */

static void log_messages(side *s, log_way way, size_t messages) {
    for (size_t i = 0; i < messages / BURST; i++)
        ways[way].burst(s, i);
}

/* Rows that a thread waits for are partly stored uncompressed, so nobody waits here. */
static double journal_bytes(side *s, log_way way, size_t messages) {
    struct weir_stats before = stats_of(s), after;
    log_messages(s, way, messages);
    do {
        (void)usleep(5000); /* shorter, after a signal: looked again */
        after = stats_of(s);
    } while (after.rows_durable < after.rows_published);
    return (double)(after.bytes_durable - before.bytes_durable) / (double)messages;
}

static void time_drain(const void *context, double *figures) {
    const task *t = context;
    side s = open_side(t->run, t->way);
    struct weir_stats before = stats_of(&s);
    uint64_t start = now_ns();
    log_messages(&s, t->way, t->messages);
    sync_or_give_up(s.w, WEIR_APPLIED);
    figures[PER_S] = (double)t->messages / seconds_since(start);
    check_published(&s, t->messages);
    check_selectable(t->run, t->messages);
    figures[RING_BYTES] =
        (double)(stats_of(&s).bytes_published - before.bytes_published) / (double)t->messages;
    figures[JOURNAL_BYTES] = journal_bytes(&s, t->way, t->messages);
    check_published(&s, 2 * t->messages);
}

bool measure_drain(const bench_run *run, log_way way, size_t messages,
                   double figures[DRAIN_FIGURES]) {
    task t = {.run = run, .way = way, .messages = messages};
    settle_in_memory(run);
    bool done = in_child(time_drain, &t, figures, DRAIN_FIGURES);
    scratch_remove(run, "log.db");
    return done;
}
