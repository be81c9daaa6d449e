/* main.c - weir-log: each line of standard input becomes a row. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/base/os.h"
#include "copy.h"
#include "note.h"
#include "stop.h"
#include "target.h"

enum { LEFT_BYTES = 1 << 20 }; /* what a pipe may hold when a signal comes */

typedef struct logger {
    weir_logger_options options;
    weir_lines lines;
    weir_target target;
    weir_copy copy;
    uint64_t became_rows, on_stderr; /* lines, each part of a long one counted */
    bool input_over, input_failed;
} logger;

static int64_t wall_clock(void) {
    const weir_os *os = weir_os_posix();
    return os->wall(os->self);
}

/* ---- out ----------------------------------------------------------------------------------- */

static void publish_lines(logger *l) {
    weir_line line;
    const char *bytes;
    while ((bytes = weir_lines_unpublished(&l->lines, &line))) {
        if (!weir_target_append(&l->target, &line, bytes)) return;
        weir_lines_publish(&l->lines);
        l->became_rows++;
    }
}

static void copy_lines(logger *l) {
    weir_line line;
    const char *bytes;
    while ((bytes = weir_lines_published(&l->lines, &line))) {
        if (l->options.pass) {
            weir_copy_add(&l->copy, bytes, line.length);
            if (line.newline) weir_copy_add(&l->copy, "\n", 1);
        }
        weir_lines_forget(&l->lines);
    }
    weir_copy_flush(&l->copy);
}

/* A line is copied and forgotten once it has reached the level that was asked for. */
static void acknowledge_lines(logger *l) {
    weir_line line;
    if (weir_lines_published(&l->lines, &line) && weir_target_reached(&l->target, l->options.sync))
        copy_lines(l);
}

/* Lines that cannot become rows are not lost where somebody reads stderr. */
static void deliver(logger *l) {
    weir_line line;
    if (weir_target_ready(&l->target)) publish_lines(l);
    if (weir_lines_unpublished(&l->lines, &line) && weir_target_gives_up(&l->target))
        l->on_stderr += weir_lines_spill(&l->lines, stderr);
    acknowledge_lines(l);
}

/* ---- in ------------------------------------------------------------------------------------ */

static void read_lines(logger *l) {
    int64_t got = weir_lines_read(&l->lines, STDIN_FILENO, wall_clock);
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) return;
    l->input_over = true;
    l->input_failed = got < 0;
    if (got < 0) weir_log_note("cannot read standard input: %s", strerror(errno));
}

/* How long until there is something else to do than to read. */
static uint64_t time_to_read(const logger *l) {
    weir_line line;
    uint64_t pause = weir_target_pause(&l->target, weir_lines_unpublished(&l->lines, &line));
    bool waits = pause == UINT64_MAX && weir_lines_published(&l->lines, &line);
    return waits ? 0 : pause; /* the level was waited for already */
}

static void await_lines(logger *l) {
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    bool room = weir_lines_have_room(&l->lines);
    if (weir_log_stop_poll(&in, room, time_to_read(l)) && room) read_lines(l);
}

/* What is in the pipe when a signal comes: in a shell's pipeline, the last words of a program that
 * got the same signal. */
static void read_what_is_left(logger *l) {
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    for (int left = LEFT_BYTES; left > 0 && !l->input_over; left -= WEIR_READ_BYTES) {
        if (!weir_lines_have_room(&l->lines) || !weir_log_stop_poll(&in, 1, 0)) return;
        read_lines(l);
        deliver(l);
    }
}

/* ---- from beginning to end ----------------------------------------------------------------- */

static void work(logger *l) {
    while (!l->input_over && !weir_log_stop_wanted()) {
        deliver(l);
        await_lines(l);
    }
    if (!l->input_over) read_what_is_left(l);
}

/* Until no line is left that is neither a row nor on stderr. */
static void finish_lines(logger *l) {
    weir_line line;
    weir_lines_finish(&l->lines, wall_clock());
    if (weir_log_stop_wanted()) weir_target_hurry(&l->target);
    deliver(l);
    while (weir_lines_unpublished(&l->lines, &line)) {
        (void)weir_log_stop_poll(NULL, 0, weir_target_pause(&l->target, true));
        if (weir_log_stop_wanted()) weir_target_hurry(&l->target);
        deliver(l);
    }
}

/* Returns an exit code. */
static int finish_rows(logger *l) {
    weir_line line;
    if (weir_target_settle(&l->target, l->options.sync)) copy_lines(l);
    int code = weir_target_close(&l->target);
    if (code == WEIR_LOGGED) copy_lines(l);
    if (l->options.pass && weir_lines_published(&l->lines, &line))
        weir_log_note(
            "the last lines are not copied: they are rows, but not as far as --sync asks");
    return code;
}

static int finish(logger *l) {
    finish_lines(l);
    int code = finish_rows(l);
    if (l->options.verbose)
        weir_log_note("%s: %" PRIu64 " rows, of which %" PRIu64 " are in weir_reject; %" PRIu64
                      " lines went to stderr",
                      l->options.database, l->became_rows, l->target.rejected_rows, l->on_stderr);
    if (l->on_stderr) return WEIR_LOGGED_NOT;
    bool failed = l->input_failed || l->copy.failed;
    return failed && code != WEIR_LOGGED_NOT ? WEIR_LOGGED_FAILED : code;
}

/* SQLite puts /dev/null in the place of a standard stream that is closed. */
static bool is_open(int file, const char *name) {
    bool open = fcntl(file, F_GETFD) >= 0;
    if (!open) weir_log_note("%s is closed", name);
    return open;
}

static bool begin(logger *l) {
    if (!is_open(STDIN_FILENO, "standard input")) return false;
    if (l->options.pass && !is_open(STDOUT_FILENO, "standard output")) return false;
    weir_log_stop_watch();
    l->target = weir_target_make(&l->options);
    bool made = weir_lines_make(&l->lines, l->options.level, l->options.prefixes);
    if (!made) weir_log_note("no memory");
    return made;
}

int main(int argc, char **argv) {
    static logger l;
    int code = WEIR_LOGGED_FAILED;
    /* A reader that has gone, and a limit of file sizes, are errors and not the end. These cannot
     * fail. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    weir_log_options_parse(argc, argv, &l.options);
    if (begin(&l)) {
        work(&l);
        code = finish(&l);
    }
    weir_lines_free(&l.lines);
    return code;
}
