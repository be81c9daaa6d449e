/* app.c - the program of the trial: does what its words say, in their order.
 *
 *     app DATABASE [OPTION=VALUE …] [WORD …]
 *
 * Options: journal=DIR, archive=BYTES (the limit), limit=BYTES (of the journal), linger=MS, apply=MS
 * (until rows are durable, applied, unasked), open=MS (patience), from=SECONDS (the clock is so far off),
 * sink=DIR (a further sink, central, which is there while DIR is), detach=BYTES (its limit).
 * Words: add=A-B appends the rows A to B; wide=A-B the same with 60 KiB each; durable and applied
 * wait for the level; clock=SECONDS sets the clock so far off; when=FILE waits until the file is there; stop waits for SIGTERM, and closes; kill ends it by SIGKILL. Events and errors
 * go to stderr, as a service would write them. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <weir/sqlite.h>

#include "far.h"

/* In place of libc's: a clock that somebody sets. */
static _Atomic long clock_is_off;

int clock_gettime(clockid_t clock, struct timespec *t) {
    long answer = syscall(SYS_clock_gettime, clock, t);
    if (clock == CLOCK_REALTIME) t->tv_sec += clock_is_off;
    return (int)answer;
}

static void on_event(void *context, weir_event event, const char *text) {
    (void)context;
    (void)event;
    fprintf(stderr, "app: %s\n", text);
}

static int failed(const char *what) {
    fprintf(stderr, "app: %s: %s\n", what, weir_last_error());
    return 1;
}

static const char *value_of(const char *word, const char *name) {
    size_t n = strlen(name);
    return strncmp(word, name, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

static void set_option(weir_options *o, const char *word) {
    const char *v;
    if ((v = value_of(word, "journal"))) o->journal_directory = v;
    if ((v = value_of(word, "linger"))) o->linger_ms = (uint32_t)strtoul(v, NULL, 10);
    if ((v = value_of(word, "apply"))) o->apply_linger_ms = (uint32_t)strtoul(v, NULL, 10);
    if ((v = value_of(word, "open"))) o->open_timeout_ms = (uint32_t)strtoul(v, NULL, 10);
    if ((v = value_of(word, "limit"))) o->journal_limit_bytes = strtoull(v, NULL, 10);
    if ((v = value_of(word, "from"))) clock_is_off = strtol(v, NULL, 10);
    if ((v = value_of(word, "archive"))) {
        o->archive = 1;
        o->archive_limit_bytes = strtoull(v, NULL, 10);
    }
}

/* Bytes that do not compress, the same in every run. */
static size_t pad(char *text, size_t size, uint64_t seed) {
    uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;
    for (size_t i = 0; i < size; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        text[i] = (char)('0' + x % 64);
    }
    return size;
}

static int wait_for(weir *w, weir_level level) {
    return weir_sync(w, level, 20000) == WEIR_OK ? 0 : failed("wait");
}

/* Wide rows are made durable by fours, so that blocks are the same in every run. */
static int add(weir *w, weir_table *table, const char *range, size_t wide) {
    static char text[60 << 10];
    char *end;
    long long first = strtoll(range, &end, 10), last = *end ? strtoll(end + 1, NULL, 10) : first;
    for (long long n = first; n <= last; n++) {
        weir_value values[] = {weir_int(n), weir_text_n(text, pad(text, wide, (uint64_t)n))};
        int status = weir_append_row(table, values, 2, NULL);
        if (status != WEIR_OK) return failed(weir_status_text(status));
        if (wide > 1000 && (n % 4 == 0 || n == last) && wait_for(w, WEIR_DURABLE)) return 1;
    }
    return 0;
}

static int obey(weir *w, weir_table *table, const char *word) {
    const char *v;
    if ((v = value_of(word, "add"))) return add(w, table, v, 4);
    if ((v = value_of(word, "wide"))) return add(w, table, v, 60 << 10);
    if ((v = value_of(word, "when"))) {
        while (access(v, F_OK) != 0)
            (void)usleep(20000);
        return 0;
    }
    if ((v = value_of(word, "clock"))) clock_is_off = strtol(v, NULL, 10);
    if (strcmp(word, "durable") == 0) return wait_for(w, WEIR_DURABLE);
    if (strcmp(word, "applied") == 0) return wait_for(w, WEIR_APPLIED);
    if (strcmp(word, "kill") == 0) return raise(SIGKILL);
    if (strcmp(word, "stop") == 0) {
        sigset_t ends;
        int got;
        return sigemptyset(&ends) || sigaddset(&ends, SIGTERM) || sigwait(&ends, &got);
    }
    return 0; /* an option */
}

static int attach(weir *w, int argc, char **argv) {
    const char *directory = NULL, *limit = "0", *v;
    weir_error error = {0};
    for (int i = 2; i < argc; i++) {
        if ((v = value_of(argv[i], "sink"))) directory = v;
        if ((v = value_of(argv[i], "detach"))) limit = v;
    }
    if (!directory || far_attach(w, directory, strtoull(limit, NULL, 10), &error) == WEIR_OK)
        return 0;
    fprintf(stderr, "app: cannot attach: %s\n", error.text);
    return 1;
}

int main(int argc, char **argv) {
    sigset_t ends;
    if (argc < 2 || sigemptyset(&ends) || sigaddset(&ends, SIGTERM) ||
        sigprocmask(SIG_BLOCK, &ends, NULL))
        return 16;
    weir_options options = {.segment_bytes = 1 << 20,
                            .lane_bytes = 1 << 20,
                            .lanes_max = 2,
                            .linger_ms = 60000, /* so that only the words decide what is durable */
                            .open_timeout_ms = 500,
                            .on_event = on_event};
    for (int i = 2; i < argc; i++)
        set_option(&options, argv[i]);
    weir *w;
    if (weir_open_sqlite(argv[1], &options, &w) < 0) return failed("cannot open");
    static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"note", WEIR_TEXT}};
    weir_table *table;
    int wrong = weir_declare(w, "trades", columns, 2, &table) < 0 ? failed("cannot declare") : 0;
    wrong = wrong || attach(w, argc, argv);
    for (int i = 2; i < argc && !wrong; i++)
        wrong = obey(w, table, argv[i]);
    int closed = weir_close(w);
    if (closed != WEIR_OK) fprintf(stderr, "app: closed: %s\n", weir_status_text(closed));
    return wrong || closed < 0;
}
