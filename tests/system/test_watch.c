/* weir watch: what it says of a journal in every state, that the lag is that of the row which waits longest, that a
 * screen never has more than fits, and that the terminal is as it was when it ends. */
/* Covers: recovery/watch/watch_verb.c, recovery/watch/terminal.c, recovery/watch/sample.c,
 * recovery/watch/look_line.c, recovery/watch/look_screen.c, recovery/watch/lag.c, recovery/shown.c */
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <termios.h>

#include "recovery/watch/watch.h"
#include "tool.h"

/* ---- lag ------------------------------------------------------------------------------- */

static weir_sample at(uint64_t second, uint64_t durable, uint64_t applied) {
    return (weir_sample){.now_ns = second * 1000000000,
                         .durable_known = true,
                         .applied_known = true,
                         .durable_row = durable,
                         .applied_row = applied,
                         .durable_bytes = durable * 10,
                         .lane_bytes = 1 << 20};
}

static weir_lag lag_after(weir_moments *m, weir_sample sample) {
    weir_moments_add(m, &sample);
    return weir_moments_lag(m, &sample);
}

static void lag_is_that_of_the_oldest_row_that_waits(void **state) {
    (void)state;
    weir_moments *m = calloc(1, sizeof *m);
    weir_lag lag = lag_after(m, at(100, 1000, 1000));
    assert_true(lag.known && lag.rows == 0 && lag.ns == 0 && lag.bytes == 0);
    (void)lag_after(m, at(101, 2000, 1000));
    lag = lag_after(m, at(102, 3000, 1500)); /* row 1500 was durable at 100.5 */
    assert_int_equal(lag.rows, 1500);
    assert_int_equal(lag.ns, 1500000000);
    assert_int_equal(lag.bytes, 15000);
    assert_false(lag.rows_are_before);
    lag = lag_after(m, at(103, 3000, 3000));
    assert_true(lag.rows == 0 && lag.ns == 0);
    free(m);
}

static void rows_before_the_first_look_are_older_than_it(void **state) {
    (void)state;
    weir_moments *m = calloc(1, sizeof *m);
    (void)lag_after(m, at(100, 1000, 10));
    weir_lag lag = lag_after(m, at(107, 1000, 10));
    assert_true(lag.rows_are_before);
    assert_int_equal(lag.rows, 990);
    assert_int_equal(lag.ns, 7000000000);
    free(m);
}

static void old_moments_make_room(void **state) {
    (void)state;
    weir_moments *m = calloc(1, sizeof *m);
    weir_lag lag = {0};
    for (uint64_t i = 1; i <= 3 * WEIR_MOMENTS; i++)
        lag = lag_after(m, at(i, i * 100, i * 100 - 250));
    assert_int_equal(lag.rows, 250);
    assert_int_equal(lag.ns, 2500000000);
    assert_false(lag.rows_are_before);
    lag = lag_after(m, at(3 * WEIR_MOMENTS + 1, 1000000, 100));
    assert_true(lag.rows_are_before);
    weir_sample unknown = {.now_ns = 1};
    assert_false(weir_moments_lag(m, &unknown).known);
    free(m);
}

/* ---- the screen fits ------------------------------------------------------------------- */

/* No line has more columns, and there are no more lines; text is ASCII, without colours. */
static void expect_fits(const char *text, int wide, int high) {
    int column = 0, line = 1;
    for (; *text; text++) {
        if (strncmp(text, "\033[K", 3) == 0) {
            text += 2;
        } else if (*text == '\n') {
            line++;
            column = 0;
        } else if (*text != '\r') {
            assert_true(*text >= ' ' && *text < 127);
            column++;
        }
        if (column > wide || line > high)
            fail_msg("column %d of %d, line %d of %d", column, wide, line, high);
    }
}

static void a_screen_of_any_size_fits(void **state) {
    (void)state;
    weir_lane_sample lanes[70];
    for (uint32_t i = 0; i < 70; i++)
        lanes[i] = (weir_lane_sample){i, 4000000 + i, (uint64_t)i << 14, 0};
    weir_sample before = at(1, 10, 5), now = at(2, UINT64_MAX / 20, 6);
    weir_place place = {.database =
                            (char *)"/somewhere/a name that is rather long \x1b[2J \xC3\xA9.db"};
    now.state = WEIR_WATCH_RUNNING;
    now.process = 4194304;
    now.lanes = lanes;
    now.lane_count = 70;
    now.journal_bytes = now.free_bytes = now.rejects = UINT64_MAX;
    weir_look look = {.place = &place,
                      .before = &before,
                      .now = &now,
                      .restarts = 3,
                      .lag = {true, true, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    for (int wide = 20; wide <= 140; wide += 3) {
        for (int high = 4; high <= 90; high += 2) {
            char *text = NULL;
            size_t bytes;
            FILE *out = open_memstream(&text, &bytes);
            assert_non_null(out);
            weir_look_as_screen(out, &look, wide, high, false);
            assert_int_equal(fclose(out), 0);
            expect_fits(text, wide, high);
            if (wide >= 60) assert_non_null(strstr(text, "running"));
            free(text);
        }
    }
}

/* ---- lines and objects ----------------------------------------------------------------- */

/* And its figures count all of them: who waits for a row is woken before the step that made it durable
 * ends, and figures are stored after that. */
static void leave_half_applied_and_counted(const fixture *f) {
    weir_stats_snapshot s = {0};
    (void)alarm(60); /* figures that never come end the child, and the parent sees that */
    apply_a_group(f);
    while (s.figures.rows_published < ROWS) {
        (void)sched_yield();
        (void)weir_stats_read(weir_os_posix(), f->journal, &s, NULL); /* else s is as it was */
    }
    die();
}

static void a_dead_process_is_told(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_half_applied_and_counted);
    uint64_t before = tree_hash(f->directory);
    run(f, "watch", f->database, "--count", "2", "--json", NULL), expect(f, CLEAN);
    assert_true(tree_hash(f->directory) == before);
    assert_int_equal(lines(f->out), 2);
    expect_text(f->out, "\"state\":\"died\"");
    expect_text(f->out, "\"durable_row\":50,\"applied_row\":10,");
    expect_text(f->out, "\"lag\":{\"rows\":40,");
    expect_text(f->out, "\"at_least\":true");
    expect_text(f->out, "\"rows_published\":50,\"rows_refused\":0,"); /* as the dead left them */
    expect_text(f->out, "\"sync_ns\":{\"p50\":");
    expect_text(f->out, "\"sinks\":[{\"name\":\"sqlite\",\"rows_applied\":10,");
    run(f, "watch", f->database, "--count", "1", NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), 1);
    expect_text(f->out, " died, process ");
    expect_text(f->out, "; lag 40 rows");
}

static void a_closed_journal_is_told(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    run(f, "watch", f->database, "--count", "1", "--json", NULL), expect(f, CLEAN);
    expect_text(f->out, "\"state\":\"closed\",\"process\":null");
    expect_text(f->out, "\"durable_row\":null,\"applied_row\":50");
    weir_temp_remove(f->journal);
    run(f, "watch", f->database, "--count", "1", "--json", NULL), expect(f, CLEAN);
    expect_text(f->out, "\"state\":\"absent\"");
}

typedef struct living {
    pid_t process;
    int over;
} living;

static living start_living(const fixture *f) {
    int ready[2], over[2];
    char byte;
    assert_int_equal(pipe(ready) | pipe2(over, O_CLOEXEC), 0); /* the tool has none of them */
    living l = {fork(), over[1]};
    if (l.process == 0) {
        close(over[1]);
        stay_open(f, ready[1], over[0]);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]), close(ready[1]), close(over[0]);
    return l;
}

static void end_living(living l) {
    close(l.over);
    assert_int_equal(waitpid(l.process, NULL, 0), l.process);
}

/* ---- on a terminal --------------------------------------------------------------------- */

typedef struct seen {
    pid_t tool;
    int terminal;
    char text[1 << 18];
    size_t bytes;
} seen;

static void start_on_terminal(const fixture *f, seen *s, const char *no_color, int wide, int rows) {
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)wide};
    s->bytes = 0;
    s->tool = forkpty(&s->terminal, NULL, NULL, &size);
    assert_true(s->tool >= 0);
    if (s->tool > 0) return;
    (void)setenv("TERM", "xterm", 1);
    (void)setenv("NO_COLOR", no_color, 1);
    execl(f->binary, "weir", "watch", f->database, NULL);
    _exit(97);
}

/* Reads until that text is there, behind the place from; false: the terminal has ended before. */
static bool await_text(seen *s, size_t from, const char *text) {
    for (;;) {
        s->text[s->bytes] = 0;
        if (strstr(s->text + from, text)) return true;
        struct pollfd ready = {.fd = s->terminal, .events = POLLIN};
        assert_int_equal(poll(&ready, 1, 60000), 1);
        ssize_t got = read(s->terminal, s->text + s->bytes, sizeof s->text - 1 - s->bytes);
        if (got <= 0) return false;
        s->bytes += (size_t)got;
    }
}

static void expect_end(seen *s) {
    int status;
    (void)await_text(s, 0, "never there");
    assert_int_equal(waitpid(s->tool, &status, 0), s->tool);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    expect_text(s->text, "\033[?1049l"); /* the first screen is there again */
    expect_text(s->text, "\033[?25h");   /* and the cursor */
    close(s->terminal);
}

static seen screen;

static void a_screen_lives_and_ends(void **state) {
    fixture *f = *state;
    struct termios before, during, after;
    living l = start_living(f);
    start_on_terminal(f, &screen, "", 80, 24);
    assert_int_equal(tcgetattr(screen.terminal, &before), 0);
    assert_true(await_text(&screen, 0, "q ends"));
    assert_int_equal(tcgetattr(screen.terminal, &during), 0);
    assert_false(during.c_lflag & (ICANON | ECHO));
    expect_text(screen.text, "\033[?1049h");
    expect_text(screen.text, "running, process ");
    assert_true(await_text(&screen, 0, "commit")); /* there may have been no figures at first */
    expect_text(screen.text, "\033[32m");          /* green */
    size_t from = screen.bytes;
    struct winsize narrow = {.ws_row = 10, .ws_col = 40};
    assert_int_equal(ioctl(screen.terminal, TIOCSWINSZ, &narrow), 0); /* it gets SIGWINCH */
    assert_true(await_text(&screen, from, "\033[32mrunning\033[0m"));
    from = screen.bytes;
    end_living(l); /* without closing */
    assert_true(await_text(&screen, from, "died"));
    from = screen.bytes;
    l = start_living(f);
    assert_true(await_text(&screen, from, "Started again since this began: 1"));
    assert_int_equal(write(screen.terminal, "q", 1), 1);
    assert_true(await_text(&screen, from, "\033[?1049l"));
    (void)tcgetattr(screen.terminal, &after); /* it may have ended, and the terminal with it */
    expect_end(&screen);
    end_living(l);
}

static void a_signal_ends_it_in_order(void **state) {
    fixture *f = *state;
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    in_a_child(f, leave_half_applied);
    for (size_t i = 0; i < 3; i++) {
        start_on_terminal(f, &screen, "1", 80, 24);
        assert_true(await_text(&screen, 0, "q ends"));
        expect_text(screen.text, "died, process ");
        if (strstr(screen.text, "\033[1;31m") || strstr(screen.text, "\033[2m"))
            fail_msg("colours in spite of NO_COLOR");
        assert_int_equal(kill(screen.tool, signals[i]), 0);
        expect_end(&screen);
    }
}

int main(void) {
    (void)alarm(90); /* a text that never comes ends the test */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lag_is_that_of_the_oldest_row_that_waits),
        cmocka_unit_test(rows_before_the_first_look_are_older_than_it),
        cmocka_unit_test(old_moments_make_room),
        cmocka_unit_test(a_screen_of_any_size_fits),
        TEST(a_dead_process_is_told),
        TEST(a_closed_journal_is_told),
        TEST(a_screen_lives_and_ends),
        TEST(a_signal_ends_it_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
