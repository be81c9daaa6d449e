/* test_pipeline.c - weir-log between pipes: the real binary, its input, its copy, and what it says. */
#include <poll.h>

#include "tool.h"

enum { LINE = 65536, PIECE = 65536, GUARD_S = 100 };

/* ---- running it ------------------------------------------------------------------------------ */

typedef struct text {
    char *bytes; /* with a NUL behind them */
    size_t length;
} text;

typedef struct pipeline {
    pid_t child;
    int in, out, err;
    text copy, said; /* all that was read of its stdout and stderr */
} pipeline;

/* How the next one is started. */
static bool without_input, hup_ignored, as_nobody;

static void become_weir_log(char **arguments, int in, int out, int err) {
    if (without_input)
        (void)close(STDIN_FILENO);
    else if (dup2(in, STDIN_FILENO) < 0)
        _exit(96);
    if (dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0) _exit(96);
    (void)setenv("ASAN_OPTIONS", "exitcode=99", 1); /* see become_the_tool */
    (void)setenv("TSAN_OPTIONS", "exitcode=99", 0);
    if (hup_ignored) (void)signal(SIGHUP, SIG_IGN);
    if (as_nobody && (setgid(NOBODY) || setuid(NOBODY))) _exit(98);
    execv(WEIR_LOG, arguments);
    _exit(97);
}

/* Arguments end with NULL. */
static pipeline start(const char *database, ...) {
    char *arguments[ARGUMENTS_MAX] = {(char *)"weir-log", (char *)database};
    int in[2], out[2], err[2];
    va_list list;
    va_start(list, database);
    for (int i = 2; i < ARGUMENTS_MAX - 1; i++)
        if (!(arguments[i] = va_arg(list, char *))) break;
    va_end(list);
    assert_true(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 &&
                pipe2(err, O_CLOEXEC) == 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) become_weir_log(arguments, in[0], out[1], err[1]);
    (void)close(in[0]);
    (void)close(out[1]);
    (void)close(err[1]);
    (void)alarm(GUARD_S); /* who hangs is ended */
    return (pipeline){.child = child, .in = in[1], .out = out[0], .err = err[0]};
}

static void feed_bytes(const pipeline *p, const void *bytes, size_t length) {
    for (size_t done = 0; done < length;) {
        ssize_t wrote = write(p->in, (const char *)bytes + done, length - done);
        assert_true(wrote > 0);
        done += (size_t)wrote;
    }
}

static void feed(const pipeline *p, const char *words) { feed_bytes(p, words, strlen(words)); }

static void end_input(pipeline *p) {
    if (p->in >= 0) (void)close(p->in);
    p->in = -1;
}

/* In a process of its own, so that the copy can be read meanwhile. */
static void feed_all(pipeline *p, const void *bytes, size_t length) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        feed_bytes(p, bytes, length);
        _exit(0);
    }
    end_input(p);
}

/* False at its end. */
static bool read_some(int file, text *t) {
    t->bytes = realloc(t->bytes, t->length + PIECE + 1);
    assert_non_null(t->bytes);
    ssize_t got = read(file, t->bytes + t->length, PIECE);
    assert_true(got >= 0);
    t->length += (size_t)got;
    t->bytes[t->length] = 0;
    return got > 0;
}

static void await_copy(pipeline *p, const char *words) {
    while (!p->copy.bytes || !strstr(p->copy.bytes, words))
        assert_true(read_some(p->out, &p->copy));
}

static void await_words(pipeline *p, const char *words) {
    while (!p->said.bytes || !strstr(p->said.bytes, words))
        assert_true(read_some(p->err, &p->said));
}

static void read_all(pipeline *p) {
    struct pollfd files[2] = {{.fd = p->out, .events = POLLIN}, {.fd = p->err, .events = POLLIN}};
    while (files[0].fd >= 0 || files[1].fd >= 0) {
        assert_true(poll(files, 2, -1) > 0);
        if (files[0].revents && !read_some(p->out, &p->copy)) files[0].fd = -1;
        if (files[1].revents && !read_some(p->err, &p->said)) files[1].fd = -1;
    }
}

static void let_go(pipeline *p) {
    (void)close(p->out);
    (void)close(p->err);
    free(p->copy.bytes);
    free(p->said.bytes);
    while (waitpid(-1, NULL, WNOHANG) > 0) { /* who fed it */
    }
    (void)alarm(0);
}

/* Its input ends, and all that it writes is read. */
static void expect_end(pipeline *p, int code) {
    int status;
    end_input(p);
    read_all(p);
    assert_int_equal(waitpid(p->child, &status, 0), p->child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
        fail_msg("wait status %x instead of exit code %d; it said:\n%s", (unsigned)status, code,
                 p->said.bytes);
}

static void expect_copy(const pipeline *p, const void *bytes, size_t length) {
    assert_int_equal(p->copy.length, length);
    assert_memory_equal(p->copy.bytes, bytes, length);
}

/* ---- the database ---------------------------------------------------------------------------- */

static int64_t ask(const fixture *f, const char *sql) { return weir_sql_int(f->database, sql); }

static sqlite3 *lock(const fixture *f, const char *begin) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
    (void)sqlite3_busy_timeout(db, 20000);
    assert_int_equal(sqlite3_exec(db, begin, NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static void unlock(sqlite3 *db) {
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Where it cannot be opened: WAL mode takes an exclusive lock. */
static sqlite3 *lock_out(const fixture *f) {
    weir_sql_run(f->database, "CREATE TABLE other(a)");
    return lock(f, "BEGIN EXCLUSIVE");
}

/* One run without trouble. */
static void log_bytes(const fixture *f, const void *bytes, size_t length, const char *option) {
    pipeline p = start(f->database, "--pass", option, NULL);
    feed_all(&p, bytes, length);
    expect_end(&p, 0);
    expect_copy(&p, bytes, length);
    let_go(&p);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void each_line_is_a_row_in_order(void **state) {
    enum { LINES = 50000 };
    fixture *f = *state;
    char *input = malloc(LINES * 12), query[300];
    size_t length = 0;
    assert_non_null(input);
    for (int i = 1; i <= LINES; i++)
        length += (size_t)sprintf(input + length, "row %d\n", i);
    pipeline p = start(f->database, "--pass", "-v", NULL);
    feed_all(&p, input, length);
    expect_end(&p, 0);
    expect_copy(&p, input, length);
    expect_text(p.said.bytes, "50000 rows, of which 0");
    (void)snprintf(query, sizeof query,
                   "SELECT count(*) FROM log WHERE line = rowid AND message = 'row ' || rowid AND "
                   "level = 'INFO' AND file = 'stdin' AND thread = %d AND "
                   "abs(time_ns / 1000000000 - strftime('%%s', 'now')) < 200",
                   (int)p.child);
    assert_int_equal(ask(f, query), LINES);
    assert_int_equal(ask(f, "SELECT count(*) FROM log"), LINES);
    let_go(&p);
    free(input);
}

static void bytes_are_kept_as_they_are(void **state) {
    static const char input[] = "\na\0b\n\xff\xfe\ncr\r\nlast";
    fixture *f = *state;
    log_bytes(f, input, sizeof input - 1, NULL);
    assert_int_equal(ask(f, "SELECT count(*) FROM log WHERE typeof(message) = 'text' AND "
                            "hex(message) = CASE line WHEN 1 THEN '' WHEN 2 THEN '610062' WHEN 3 "
                            "THEN 'FFFE' WHEN 4 THEN '63720D' WHEN 5 THEN '6C617374' END"),
                     5);
    assert_int_equal(ask(f, "SELECT count(*) FROM log"), 5);
}

static size_t put(char *at, int byte, size_t count) {
    memset(at, byte, count);
    return count;
}

static void a_long_line_is_divided_between_characters(void **state) {
    fixture *f = *state;
    char *input = malloc(6 * LINE);
    size_t n = 0;
    assert_non_null(input);
    n += put(input + n, 'a', LINE); /* as long as a row can be */
    n += put(input + n, '\n', 1);
    n += put(input + n, 'b', LINE - 1); /* a character lies across the border */
    for (int i = 0; i < LINE; i++)
        n += (size_t)sprintf(input + n, "\xc3\xa9");
    n += put(input + n, '\n', 1);
    n += put(input + n, 0x80, LINE + 4); /* no characters at all */
    n += put(input + n, '\n', 1);
    n += put(input + n, 'c', 1);
    log_bytes(f, input, n, NULL);
    assert_int_equal(ask(f, "SELECT count(*) FROM log"), 7);
    assert_int_equal(
        ask(f, "SELECT count(*) FROM (SELECT line, length(CAST(message AS BLOB)) AS bytes, rowid "
               "AS row FROM log) WHERE (row, line, bytes) IN (VALUES (1, 1, 65536), (2, 2, 65535), "
               "(3, 2, 65536), (4, 2, 65536), (5, 3, 65536), (6, 3, 4), (7, 4, 1))"),
        7);
    assert_int_equal(ask(f, "SELECT count(*) FROM log WHERE line = 2 AND rowid > 2 AND "
                            "replace(message, char(233), '') = ''"),
                     2);
    free(input);
}

static void options_go_into_the_columns(void **state) {
    fixture *f = *state;
    pipeline p = start(f->database, "--level", "Warn", "-t", "a tag", "--table", "an event",
                       "--journal", f->other, NULL);
    feed(&p, "<3>x\n");
    expect_end(&p, 0);
    assert_int_equal(p.copy.length, 0);
    let_go(&p);
    assert_int_equal(ask(f, "SELECT count(*) FROM \"an event\" WHERE level = 'WARN' AND "
                            "file = 'a tag' AND message = '<3>x'"),
                     1);
    assert_true(has_name(f->other, "segment-"));
    assert_false(is_there(f->journal));
}

static void a_prefix_gives_the_level(void **state) {
    static const char begin[] = "<0>0\n<2>2\n<3>3\n<4>4\n<5>5\n<6>6\n<7>7\n<30>30\n<191>191\n"
                                "<192>\n<>\n<12\n<0012>\nx<3>\n<3\n<x>\n\n<3>";
    fixture *f = *state;
    char *input = malloc(sizeof begin + LINE);
    assert_non_null(input);
    memcpy(input, begin, sizeof begin - 1);
    memset(input + sizeof begin - 1, 'z', LINE);
    log_bytes(f, input, sizeof begin - 1 + LINE, "--prio-prefix");
    free(input);
    assert_int_equal(
        ask(f, "SELECT count(*) FROM log WHERE (message, level) IN (VALUES ('0', 'FATAL'), "
               "('2', 'FATAL'), ('3', 'ERROR'), ('4', 'WARN'), ('5', 'INFO'), ('6', 'INFO'), "
               "('7', 'DEBUG'), ('30', 'INFO'), ('191', 'DEBUG'), ('<192>', 'INFO'), "
               "('<>', 'INFO'), ('<12', 'INFO'), ('<0012>', 'INFO'), ('x<3>', 'INFO'), "
               "('<3', 'INFO'), ('<x>', 'INFO'), ('', 'INFO'))"),
        17);
    assert_int_equal(ask(f, "SELECT count(*) FROM log WHERE level = 'ERROR' AND line = 18 AND "
                            "replace(message, 'z', '') = ''"),
                     2); /* a long line has one level */
}

/* ---- death ----------------------------------------------------------------------------------- */

static void kill_it(pipeline *p) {
    int status;
    assert_int_equal(kill(p->child, SIGKILL), 0);
    assert_int_equal(waitpid(p->child, &status, 0), p->child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void a_line_is_a_row_as_soon_as_it_is_read(void **state) {
    fixture *f = *state;
    pipeline p = start(f->database, "--pass", NULL);
    feed(&p, "one\nhalf a line");
    await_copy(&p, "one\n");
    kill_it(&p);
    end_input(&p);
    let_go(&p);
    run(f, f->database, NULL);
    assert_int_equal(ask(f, "SELECT count(*) FROM log WHERE message = 'one'"), 1);
    assert_int_equal(ask(f, "SELECT count(*) FROM log"), 1);
}

static void feed_for_ever(pipeline *p) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char line[32];
        for (int64_t i = 1;; i++) /* until nobody reads */
            feed_bytes(p, line, (size_t)sprintf(line, "row %lld\n", (long long)i));
    }
    end_input(p);
}

static void kill_after(fixture *f, size_t bytes, const char *sync, const char *name) {
    (void)snprintf(f->database, sizeof f->database, "%s/%s", f->directory, name);
    pipeline p = start(f->database, "--pass", "--sync", sync, NULL);
    feed_for_ever(&p);
    while (p.copy.length < bytes)
        assert_true(read_some(p.out, &p.copy));
    kill_it(&p);
    read_all(&p);
    size_t copied = lines(p.copy.bytes);
    let_go(&p);
    run(f, f->database, NULL);
    int64_t rows = ask(f, "SELECT count(*) FROM log");
    assert_true(rows >= (int64_t)copied);
    assert_int_equal(
        ask(f, "SELECT count(*) FROM log WHERE line = rowid AND message = 'row ' || rowid"), rows);
}

static void what_is_copied_survives_a_kill(void **state) {
    static const char *const levels[] = {"published", "durable", "applied"};
    fixture *f = *state;
    weir_rng rng = {16};
    for (int round = 0; round < 9; round++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d.db", round);
        kill_after(f, 1 + weir_rng_below(&rng, 400000), levels[round % 3], name);
    }
}

static void a_line_is_copied_once_it_is_what_was_asked_for(void **state) {
    fixture *f = *state;
    pipeline p = start(f->database, "--pass", "--sync", "applied", NULL);
    feed(&p, "one\n");
    await_copy(&p, "one\n");
    assert_int_equal(ask(f, "SELECT count(*) FROM log"), 1);
    sqlite3 *db = lock(f, "BEGIN IMMEDIATE");
    feed(&p, "two\n");
    await_words(&p, "rows wait in the journal"); /* the writer has tried for a second */
    assert_int_equal(p.copy.length, 4);
    struct pollfd out = {.fd = p.out, .events = POLLIN};
    assert_int_equal(poll(&out, 1, 0), 0);
    unlock(db);
    await_copy(&p, "two\n");
    assert_int_equal(ask(f, "SELECT count(*) FROM log"), 2);
    expect_end(&p, 0);
    let_go(&p);
}

/* ---- a database that takes nothing ----------------------------------------------------------- */

static void lines_are_held_while_the_database_cannot_be_opened(void **state) {
    fixture *f = *state;
    sqlite3 *db = lock_out(f);
    pipeline p = start(f->database, "--pass", NULL);
    feed(&p, "one\ntwo\n");
    await_words(&p, "database is locked");
    await_words(&p, "lines are held");
    feed(&p, "three\n");
    struct pollfd out = {.fd = p.out, .events = POLLIN};
    assert_int_equal(poll(&out, 1, 0), 0); /* what is no row is not copied */
    unlock(db);
    await_copy(&p, "three\n");
    expect_end(&p, 0);
    expect_copy(&p, "one\ntwo\nthree\n", 14);
    assert_int_equal(lines(p.said.bytes), 2); /* what is the matter, and that it is over */
    expect_text(p.said.bytes, "lines become rows again");
    let_go(&p);
    assert_int_equal(ask(f, "SELECT count(*) FROM log"), 3);
}

static void lines_go_to_stderr_when_the_wait_is_over(void **state) {
    fixture *f = *state;
    sqlite3 *db = lock_out(f);
    pipeline p = start(f->database, "--pass", "--wait", "0", NULL);
    feed(&p, "one\ntwo\nthree");
    expect_end(&p, 4);
    assert_int_equal(p.copy.length, 0);
    expect_text(p.said.bytes, "one\ntwo\n");
    expect_text(p.said.bytes, "three\n");
    let_go(&p);
    unlock(db);
    assert_int_equal(ask(f, "SELECT count(*) FROM sqlite_schema WHERE name = 'log'"), 0);
}

static void rows_wait_in_the_journal_while_the_database_is_locked(void **state) {
    fixture *f = *state;
    pipeline p = start(f->database, "--pass", "--wait", "0", NULL);
    feed(&p, "one\n");
    await_copy(&p, "one\n");
    sqlite3 *db = lock(f, "BEGIN IMMEDIATE");
    feed(&p, "two\n");
    await_copy(&p, "two\n");
    feed(&p, "three\n");
    await_copy(&p, "three\n");
    expect_end(&p, 1);
    expect_text(p.said.bytes, "rows wait in the journal; weir-recover");
    let_go(&p);
    unlock(db);
    run(f, f->database, NULL), expect(f, RECOVERED);
    assert_int_equal(ask(f, "SELECT count(*) FROM log WHERE line = rowid"), 3);
}

static void a_directory_that_may_not_be_written_is_tried_again(void **state) {
    fixture *f = *state;
    if (geteuid() != 0) skip();
    assert_int_equal(chmod(f->directory, 0555), 0);
    as_nobody = true;
    pipeline p = start(f->database, "--pass", NULL);
    as_nobody = false;
    feed(&p, "one\n");
    await_words(&p, "cannot be created");
    assert_int_equal(chmod(f->directory, 0777), 0);
    await_copy(&p, "one\n");
    expect_end(&p, 0);
    let_go(&p);
    assert_int_equal(ask(f, "SELECT count(*) FROM log"), 1);
}

/* ---- a full journal -------------------------------------------------------------------------- */

enum { NUMBERED = 700, NUMBERED_BYTES = 60000 };

/* Lines that begin with their number and go on with what zstd cannot make small. */
static char *numbered_lines(size_t *length) {
    weir_rng rng = {7};
    *length = (size_t)NUMBERED * NUMBERED_BYTES;
    char *all = malloc(*length);
    assert_non_null(all);
    weir_rng_fill(&rng, all, *length);
    for (size_t i = 0; i < *length; i++)
        if (all[i] == '\n' || all[i] == 0) all[i] = 'n';
    for (int i = 0; i < NUMBERED; i++) {
        char *line = all + (size_t)i * NUMBERED_BYTES;
        line[sprintf(line, "%06d", i)] = ' ';
        line[NUMBERED_BYTES - 1] = '\n';
    }
    return all;
}

/* Each numbered line is counted; returns how many there are. */
static int count_numbers(const text *t, int counts[NUMBERED]) {
    int found = 0;
    const char *line = t->bytes, *end;
    for (; (end = strchr(line, '\n')); line = end + 1) {
        if (end - line != NUMBERED_BYTES - 1) continue;
        int number = atoi(line);
        assert_true(number >= 0 && number < NUMBERED);
        counts[number]++;
        found++;
    }
    return found;
}

static void lines_go_to_stderr_when_the_journal_is_full(void **state) {
    fixture *f = *state;
    static int counts[NUMBERED];
    size_t length;
    char *input = numbered_lines(&length);
    pipeline p = start(f->database, "--pass", "--wait", "0", "--journal-limit", "16", NULL);
    feed(&p, "first\n");
    await_copy(&p, "first\n");
    sqlite3 *db = lock(f, "BEGIN IMMEDIATE");
    feed_all(&p, input, length);
    expect_end(&p, 4);
    unlock(db);
    expect_text(p.said.bytes, "the journal takes no more rows");
    int copied = count_numbers(&p.copy, counts), on_stderr = count_numbers(&p.said, counts);
    assert_true(copied > 200 && on_stderr > 0); /* it holds 16 MiB */
    assert_int_equal(copied + on_stderr, NUMBERED);
    for (int i = 0; i < NUMBERED; i++)
        assert_int_equal(counts[i], 1);
    memset(counts, 0, sizeof counts);
    let_go(&p);
    free(input);
    run(f, f->database, NULL), expect(f, RECOVERED);
    assert_int_equal(ask(f, "SELECT count(*) FROM log"), copied + 1);
    assert_int_equal(ask(f, "SELECT count(DISTINCT substr(message, 1, 6)) FROM log"), copied + 1);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void a_signal_ends_it_in_order(void **state) {
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        pipeline p = start(f->database, "--pass", NULL);
        feed(&p, "whole\nhalf");
        await_copy(&p, "whole\n");
        assert_int_equal(kill(p.child, signals[i]), 0);
        read_all(&p); /* it ends, though its input does not */
        expect_copy(&p, "whole\nhalf", 10);
        expect_end(&p, 0);
        let_go(&p);
        assert_int_equal(ask(f, "SELECT count(*) FROM log WHERE message = 'half'"), i + 1);
        assert_int_equal(ask(f, "SELECT count(*) FROM log"), 2 * (i + 1));
    }
}

static void a_signal_gives_up_what_cannot_be_written(void **state) {
    fixture *f = *state;
    sqlite3 *db = lock_out(f);
    pipeline p = start(f->database, "--pass", "--wait", "1000000", NULL);
    feed(&p, "one\nhalf");
    await_words(&p, "lines are held");
    assert_int_equal(kill(p.child, SIGTERM), 0);
    read_all(&p);
    expect_text(p.said.bytes, "one\nhalf\n");
    assert_int_equal(p.copy.length, 0);
    expect_end(&p, 4);
    let_go(&p);
    unlock(db);
}

static void a_signal_that_is_ignored_stays_so(void **state) {
    fixture *f = *state;
    hup_ignored = true;
    pipeline p = start(f->database, "--pass", NULL);
    hup_ignored = false;
    feed(&p, "one\n");
    await_copy(&p, "one\n");
    assert_int_equal(kill(p.child, SIGHUP), 0);
    feed(&p, "two\n");
    await_copy(&p, "two\n");
    expect_end(&p, 0);
    let_go(&p);
}

static void a_reader_that_goes_away_costs_no_row(void **state) {
    fixture *f = *state;
    pipeline p = start(f->database, "--pass", NULL);
    feed(&p, "one\n");
    await_copy(&p, "one\n");
    (void)close(p.out);
    p.out = open("/dev/null", O_RDONLY);
    feed(&p, "two\n");
    await_words(&p, "lines are not copied any more");
    feed(&p, "three\n");
    expect_end(&p, 0);
    let_go(&p);
    assert_int_equal(ask(f, "SELECT count(*) FROM log"), 3);
}

static void a_closed_input_is_named(void **state) {
    fixture *f = *state;
    without_input = true;
    pipeline p = start(f->database, NULL);
    without_input = false;
    expect_end(&p, 8);
    expect_text(p.said.bytes, "standard input is closed");
    let_go(&p);
    assert_false(is_there(f->database));
}

/* ---- what stands in the way ------------------------------------------------------------------ */

static void another_process_is_named(void **state) {
    fixture *f = *state;
    char holder[32];
    pipeline first = start(f->database, "--pass", NULL);
    feed(&first, "one\n");
    await_copy(&first, "one\n");
    pipeline second = start(f->database, "--wait", "0", NULL);
    feed(&second, "two\n");
    expect_end(&second, 4);
    (void)snprintf(holder, sizeof holder, "process %d ", (int)first.child);
    expect_text(second.said.bytes, holder);
    expect_text(second.said.bytes, "two\n");
    let_go(&second);
    expect_end(&first, 0);
    let_go(&first);
    assert_int_equal(ask(f, "SELECT count(*) FROM log"), 1);
}

static void a_table_of_another_shape_is_named_at_once(void **state) {
    fixture *f = *state;
    weir_sql_run(f->database, "CREATE TABLE log(a)");
    pipeline p = start(f->database, "--pass", "--wait", "1000000", NULL);
    feed(&p, "one\n");
    await_words(&p, "one\n");
    expect_end(&p, 4);
    expect_text(p.said.bytes, "time_ns");
    assert_int_equal(p.copy.length, 0);
    let_go(&p);
}

static void refused_rows_show_in_the_exit_code(void **state) {
    fixture *f = *state;
    weir_sql_run(f->database, "CREATE TABLE log(time_ns, level, thread, file, line, "
                              "message CHECK(message <> 'no'))");
    pipeline p = start(f->database, NULL);
    feed(&p, "yes\nno\nno\n");
    expect_end(&p, 1);
    expect_text(p.said.bytes, "weir_reject");
    let_go(&p);
    assert_int_equal(ask(f, "SELECT count(*) FROM log"), 1);
    assert_int_equal(ask(f, "SELECT count(*) FROM weir_reject"), 2);
}

/* ---- the command line ------------------------------------------------------------------------ */

static void expect_usage(const char *database, const char *option, const char *value) {
    pipeline p = start(database, option, value, NULL);
    expect_end(&p, USAGE);
    assert_int_equal(p.copy.length, 0);
    let_go(&p);
}

static void wrong_usage_is_16(void **state) {
    fixture *f = *state;
    expect_usage("--pass", NULL, NULL);
    expect_usage("", NULL, NULL);
    expect_usage(f->database, f->other, NULL);
    expect_usage(f->database, "--nonsense", NULL);
    expect_usage(f->database, "--level", "loud");
    expect_usage(f->database, "--sync", "soon");
    expect_usage(f->database, "--table", "");
    expect_usage(f->database, "--wait", "-1");
    expect_usage(f->database, "--journal-limit", "15");
    assert_false(is_there(f->database));
}

static void help_fits_a_terminal(void **state) {
    pipeline p = start("--help", NULL);
    (void)state;
    expect_end(&p, 0);
    expect_text(p.copy.bytes, "Exit status: 0");
    for (const char *line = p.copy.bytes, *end; (end = strchr(line, '\n')); line = end + 1)
        assert_true(end - line <= 80);
    let_go(&p);
    p = start("--version", NULL);
    expect_end(&p, 0);
    expect_text(p.copy.bytes, weir_version());
    let_go(&p);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_line_is_a_row_in_order),
        TEST(bytes_are_kept_as_they_are),
        TEST(a_long_line_is_divided_between_characters),
        TEST(options_go_into_the_columns),
        TEST(a_prefix_gives_the_level),
        TEST(a_line_is_a_row_as_soon_as_it_is_read),
        TEST(what_is_copied_survives_a_kill),
        TEST(a_line_is_copied_once_it_is_what_was_asked_for),
        TEST(lines_are_held_while_the_database_cannot_be_opened),
        TEST(lines_go_to_stderr_when_the_wait_is_over),
        TEST(rows_wait_in_the_journal_while_the_database_is_locked),
        TEST(a_directory_that_may_not_be_written_is_tried_again),
        TEST(lines_go_to_stderr_when_the_journal_is_full),
        TEST(a_signal_ends_it_in_order),
        TEST(a_signal_gives_up_what_cannot_be_written),
        TEST(a_signal_that_is_ignored_stays_so),
        TEST(a_reader_that_goes_away_costs_no_row),
        TEST(a_closed_input_is_named),
        TEST(another_process_is_named),
        TEST(a_table_of_another_shape_is_named_at_once),
        TEST(refused_rows_show_in_the_exit_code),
        TEST(wrong_usage_is_16),
        TEST(help_fits_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
