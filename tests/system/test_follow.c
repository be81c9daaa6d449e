/* test_follow.c - what dump does beside writing a journal once: it follows one, looks into rings,
 * chooses by time, text and level, goes on after a cursor and for a reader. */
/* Covers: recovery/dump.c, recovery/dump_ring.c, recovery/dump_filter.c, recovery/dump_tables.c,
 * recovery/readers.c */
#include <signal.h>

#include <weir/log.h>

#include "forge.h"
#include "tool.h"

enum { PATIENCE_MS = 20000, SMALL_SEGMENT = 1 << 20, WIDE = 2000 };

/* ---- a tool that goes on ---------------------------------------------------------------------- */

typedef struct follower {
    pid_t pid;
    char out[280], err[280];
} follower;

static pid_t living; /* which tear-down ends */

static void end_living(void) {
    int status;
    if (living > 0 && kill(living, SIGKILL) == 0) (void)waitpid(living, &status, 0);
    living = 0;
}

static int tear_down_living(void **state) {
    end_living();
    return tear_down(state);
}

static follower start(fixture *f, const char *extra, const char *value) {
    follower t;
    char *arguments[] = {(char *)(uintptr_t) "weir-recover",
                         (char *)(uintptr_t) "dump",
                         (char *)(uintptr_t) "--follow",
                         f->database,
                         (char *)(uintptr_t)extra,
                         (char *)(uintptr_t)value,
                         NULL};
    (void)snprintf(t.out, sizeof t.out, "%s/follow.out", f->directory);
    (void)snprintf(t.err, sizeof t.err, "%s/follow.err", f->directory);
    t.pid = fork();
    if (t.pid == 0) become_the_tool(f, arguments, t.out, t.err);
    living = t.pid;
    return t;
}

static size_t count_in(const char *path, const char *part) {
    size_t count = 0;
    if (!is_there(path)) return 0;
    char *all = weir_file_text(path);
    for (char *at = all; (at = strstr(at, part)); at++)
        count++;
    free(all);
    return count;
}

static void wait_for_rows(const follower *t, size_t rows) {
    for (int i = 0; i < PATIENCE_MS / 20 && count_in(t->out, "\"type\":\"row\"") < rows; i++)
        (void)usleep(20000);
}

/* Ctrl-C: it ends after a whole line, and well. */
static char *stop(follower *t, int code) {
    int status;
    assert_int_equal(kill(t->pid, SIGINT), 0);
    assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
    living = 0;
    char *out = weir_file_text(t->out), *err = weir_file_text(t->err);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
        fail_msg("wait status %x\n%s", (unsigned)status, err);
    assert_true(!*out || out[strlen(out) - 1] == '\n');
    free(err);
    return out;
}

static int number_of_row(const char *line) {
    static const char begin[] = "{\"type\":\"row\",\"row\":";
    assert_int_equal(strncmp(line, begin, sizeof begin - 1), 0);
    return atoi(line + sizeof begin - 1);
}

/* Each row from first to last, once and in order; ids are the rows' numbers. */
static void expect_all(const char *out, int first, int last) {
    int expected = first;
    for (const char *at = out; *at; at = strchr(at, '\n') + 1) {
        int row;
        const char *id = strstr(at, "\"id\":");
        assert_non_null(strchr(at, '\n'));
        row = number_of_row(at);
        if (row != expected) fail_msg("row %d comes instead of %d", row, expected);
        assert_non_null(id);
        assert_int_equal(atoi(id + 5), expected);
        expected++;
    }
    assert_int_equal(expected, last + 1);
}

/* ---- following --------------------------------------------------------------------------------- */

/* A journal without rows, and a reader of it: from now on none leaves unread. */
static void leave_empty(const fixture *f) { must(weir_close(open_here(f, NULL)), 16); }

static void begin_reader(fixture *f) {
    in_a_child(f, leave_empty);
    run(f, "dump", "--reader", "tail", f->database, NULL), expect(f, CLEAN);
}

static int first_id;

static void append_and_die(const fixture *f) {
    weir *w = open_here(f, NULL);
    append_rows(declare(w, "t"), first_id, first_id + 499);
    die(); /* some of the last rows are in the ring alone */
}

static void follows_a_program_that_is_killed_and_started_again(void **state) {
    fixture *f = *state;
    begin_reader(f);
    follower t = start(f, "--reader", "tail");
    for (first_id = 1; first_id < 1500; first_id += 500)
        in_a_child(f, append_and_die);
    run(f, f->database, NULL), expect(f, RECOVERED);
    wait_for_rows(&t, 1500);
    char *out = stop(&t, CLEAN);
    expect_all(out, 1, 1500);
    assert_true(count_in(t.err, "opened the journal anew") >= 2);
    free(out);
}

static void write_many(const fixture *f) {
    weir_rng rng = {3};
    weir *w = open_here(f, &(weir_options){.segment_bytes = SMALL_SEGMENT});
    weir_table *table = declare(w, "t");
    for (int64_t id = 1; id <= 5000; id += 500) {
        append_noise(table, &rng, id, id + 499, WIDE);
        reach(w, WEIR_APPLIED);
    }
    (void)weir_close(w);
}

static void a_reader_that_follows_gets_each_row_while_segments_are_recycled(void **state) {
    fixture *f = *state;
    begin_reader(f);
    follower t = start(f, "--reader", "tail");
    in_a_child(f, write_many);
    wait_for_rows(&t, 5000);
    char *out = stop(&t, CLEAN);
    expect_all(out, 1, 5000);
    assert_int_equal(count_in(t.err, "have left"), 0);
    free(out);
    run(f, "dump", "--reader", "tail", f->database, NULL), expect(f, CLEAN);
    assert_string_equal(f->out, ""); /* its place was written down */
}

static void write_many_to_the_archive(const fixture *f) {
    weir_rng rng = {3};
    weir *w = open_here(f, &(weir_options){.segment_bytes = SMALL_SEGMENT, .archive = 1});
    weir_table *table = declare(w, "t");
    append_noise(table, &rng, first_id, first_id + 2499, WIDE);
    reach(w, WEIR_APPLIED);
    must(weir_close(w), 16);
}

/* Packed before it begins, and packed while it waits for what comes; it goes on in live ones. */
static void a_reader_gets_each_row_while_segments_are_packed(void **state) {
    fixture *f = *state;
    begin_reader(f);
    first_id = 1;
    in_a_child(f, write_many_to_the_archive);
    f->binary = WEIR_TOOL;
    run(f, "archive", "pack", f->database, NULL), expect(f, CLEAN);
    assert_null(strstr(f->out, "it stays as it is"));
    follower t = start(f, "--reader", "tail");
    wait_for_rows(&t, 2000);
    first_id = 2501;
    in_a_child(f, write_many_to_the_archive);
    run(f, "archive", "pack", f->database, NULL), expect(f, CLEAN);
    first_id = 5001;
    in_a_child(f, append_and_die);
    run(f, "recover", f->database, NULL), expect(f, RECOVERED);
    wait_for_rows(&t, 5500);
    char *out = stop(&t, CLEAN);
    expect_all(out, 1, 5500);
    assert_int_equal(count_in(t.err, "have left"), 0);
    free(out);
}

/* ---- cursors and readers ----------------------------------------------------------------------- */

static void a_cursor_is_where_it_goes_on(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    run(f, "dump", "--cursor", "--limit", "23", f->journal, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), 23);
    const char *last = NULL;
    for (const char *at = f->out; (at = strstr(at, "\"cursor\":\"")); at++)
        last = at + strlen("\"cursor\":\"");
    assert_non_null(last);
    char cursor[200];
    (void)snprintf(cursor, sizeof cursor, "%.*s", (int)strcspn(last, "\""), last);
    expect_text(f->err, cursor); /* the end's */
    run(f, "dump", "--after", cursor, f->journal, NULL), expect(f, CLEAN);
    expect_all(f->out, 24, 50);
    cursor[8] ^= 1;
    run(f, "dump", "--after", cursor, f->journal, NULL), expect(f, FAILED);
    expect_text(f->err, "no cursor");
    run(f, "dump", "--after", cursor, "--from", "3", f->journal, NULL), expect(f, USAGE);
}

static void a_cursor_of_another_journal_is_refused(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    run(f, "dump", "--cursor", "--json", f->journal, NULL), expect(f, CLEAN);
    const char *end = strstr(f->out, "{\"type\":\"end\"");
    assert_non_null(end);
    char cursor[200];
    const char *text = strstr(end, "\"cursor\":\"") + strlen("\"cursor\":\"");
    (void)snprintf(cursor, sizeof cursor, "%.*s", (int)strcspn(text, "\""), text);
    weir_temp_remove(f->journal);
    forget_database(f);
    in_a_child(f, leave_durable);
    run(f, "dump", "--after", cursor, f->journal, NULL), expect(f, DAMAGE);
    expect_text(f->err, "another journal");
    assert_string_equal(f->out, "");
}

static void readers_are_listed_and_forgotten(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    run(f, "dump", "--reader", "export", "--limit", "20", f->database, NULL), expect(f, CLEAN);
    expect_all(f->out, 1, 20);
    run(f, "dump", "--reader", "export", "--hold", "5000", f->database, NULL), expect(f, CLEAN);
    expect_all(f->out, 21, 50);
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "reader    export");
    expect_text(f->out, "after row 50, 0 rows behind");
    run(f, "readers", "list", "--json", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "\"name\":\"export\",\"broken\":null,\"of_this_journal\":true,\"row\":50,");
    expect_text(f->out, "\"hold_bytes\":5000}]}");
    run(f, "status", "--json", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "\"readers\":[{\"name\":\"export\",");
    assert_int_equal(lines(f->out), 1); /* monitors read the last object */
    run(f, "readers", "forget", f->database, "nobody", NULL), expect(f, FAILED);
    run(f, "readers", "forget", f->database, "../lock", NULL), expect(f, FAILED);
    run(f, "readers", "forget", f->database, "export", NULL), expect(f, CLEAN);
    run(f, "readers", "list", f->database, NULL), expect(f, CLEAN);
    assert_string_equal(f->out, "");
    run(f, "dump", "--reader", "export", f->database, NULL), expect(f, CLEAN);
    expect_all(f->out, 1, 50);
}

static void a_place_is_not_kept_for_lines_that_were_not_written(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    f->out_path = "/dev/full";
    run(f, "dump", "--reader", "export", f->database, NULL), expect(f, FAILED);
    f->out_path = NULL;
    run(f, "dump", "--reader", "export", f->database, NULL), expect(f, CLEAN);
    expect_all(f->out, 1, 50);
}

/* ---- rings -------------------------------------------------------------------------------------- */

static void expect_ring_rows(const fixture *f) {
    assert_int_equal(lines(f->out), ROWS + 1);
    const char *first = strstr(f->out, "\"ring\":true");
    assert_non_null(first);
    size_t marked = 0;
    for (const char *at = f->out; (at = strstr(at, "\"ring\":true")); at++)
        marked++;
    assert_int_equal(marked, ROWS);
    expect_text(f->out, "{\"type\":\"row\",\"row\":2,\"table\":\"t\",\"time_ns\":null,\"values\":{"
                        "\"id\":1,");
    expect_text(f->out, "{\"type\":\"row\",\"row\":51,\"table\":\"t\",\"time_ns\":null,\"values\":{"
                        "\"id\":50,");
}

static void the_ring_of_a_dead_process_is_looked_into(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_both);
    uint64_t before = tree_hash(f->directory);
    run(f, "dump", "--ring", f->database, NULL), expect(f, CLEAN);
    expect_ring_rows(f);
    run(f, "dump", "--ring", "--match", "nothing", f->database, NULL), expect(f, CLEAN);
    assert_string_equal(f->out, "");
    assert_true(tree_hash(f->directory) == before);
    run(f, f->database, NULL), expect(f, RECOVERED); /* as they came: the numbers are these */
    assert_int_equal(weir_sql_int(f->database, "SELECT max(id) FROM t"), 50);
    run(f, "dump", "--ring", f->database, NULL), expect(f, CLEAN);
    assert_null(strstr(f->out, "\"ring\""));
}

static void stay_with_both(const fixture *f, int ready) {
    char byte = 0;
    weir *w = open_here(f, &(weir_options){.linger_ms = 600000});
    append(declare(w, "other"), 1);
    reach(w, WEIR_DURABLE);
    append_rows(declare(w, "t"), 1, ROWS);
    if (write(ready, &byte, 1) != 1) _exit(17);
    for (;;)
        (void)pause();
}

static void the_ring_of_a_stopped_process_is_looked_into(void **state) {
    fixture *f = *state;
    int ready[2], status;
    char byte;
    assert_int_equal(pipe(ready), 0);
    living = fork();
    if (living == 0) stay_with_both(f, ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]), close(ready[1]);
    assert_int_equal(kill(living, SIGSTOP), 0);
    assert_int_equal(waitpid(living, &status, WUNTRACED), living);
    run(f, "dump", "--ring", f->database, NULL), expect(f, CLEAN);
    expect_ring_rows(f);
}

static void stay_appending(const fixture *f, int ready) {
    char byte = 0;
    weir *w = open_here(f, &(weir_options){.linger_ms = 1});
    weir_table *table = declare(w, "t");
    append(table, 1);
    reach(w, WEIR_DURABLE);
    if (write(ready, &byte, 1) != 1) _exit(17);
    for (int64_t id = 2;; id++) {
        append(table, id);
        if (id % 16 == 0) (void)usleep(1000);
    }
}

/* Rows move from the ring to the journal while it is looked at: none comes twice, none is missing. */
static void the_ring_of_a_busy_process_continues_the_journal(void **state) {
    fixture *f = *state;
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    living = fork();
    if (living == 0) stay_appending(f, ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]), close(ready[1]);
    for (int i = 0; i < 10; i++) {
        run(f, "dump", "--ring", f->database, NULL), expect(f, CLEAN);
        int previous = 0, row, id = 0;
        for (char *at = f->out, *end; *at; at = end + 1) {
            end = strchr(at, '\n');
            *end = 0; /* the strstr of a sanitizer measures the whole text first */
            row = number_of_row(at);
            id = atoi(strstr(at, "\"id\":") + 5);
            assert_int_equal(id, row);
            if (previous && row != previous + 1) fail_msg("%d after %d", row, previous);
            previous = row;
        }
    }
}

/* ---- times -------------------------------------------------------------------------------------- */

/* Blocks of ten rows; the clock goes 10, 20, back to 5, then 30 s. */
static void forge_jumping_clock(forge *j) {
    static const int64_t clock[] = {10, 20, 5, 30};
    forge_begin(j);
    forge_segment(j, 1);
    for (size_t i = 0; i < 4; i++) {
        j->wall_ns = clock[i] * 1000000000;
        (void)forge_block(j, WEIR_BLOCK_ROWS, 10);
    }
    (void)forge_block(j, WEIR_BLOCK_MARK, 0);
    (void)forge_block(j, WEIR_BLOCK_MARK, 0);
    forge_write(j);
}

static void a_clock_that_jumped_is_judged_block_by_block(void **state) {
    fixture *f = *state;
    static forge j;
    forge_jumping_clock(&j);
    run(f, "dump", "--since", "@8", "--until", "@25", j.directory, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), 20);
    expect_text(f->out, "\"row\":1,");
    expect_text(f->out, "\"row\":20,");
    expect_text(f->err, "rows 21 to 30 were written when the clock was behind");
    run(f, "dump", "--until", "@5", j.directory, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), 10);
    expect_text(f->out, "\"row\":21,");
    run(f, "dump", "--since", "1970-01-01T00:00:20.5", j.directory, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), 10);
    expect_text(f->out, "\"row\":31,");
    run(f, "dump", j.directory, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), 40);
    assert_null(strstr(f->err, "clock"));
    run(f, "dump", "--since", "@9", "--until", "@8", j.directory, NULL), expect(f, USAGE);
    run(f, "dump", "--follow", "--until", "@8", j.directory, NULL), expect(f, USAGE);
    forge_end(&j);
}

/* ---- filters ------------------------------------------------------------------------------------ */

static void leave_log(const fixture *f) {
    weir *w = open_here(f, NULL);
    lock_database(f->database);
    weir_table *t = declare(w, "t"), *u = declare(w, "u");
    append(t, 1);
    append(u, 2);
    weir_log_info(w, "started %d", 1);
    weir_log_warn(w, "disk %s is nearly full", "sda");
    weir_log_error(w, "disk %s is full", "sda");
    reach(w, WEIR_DURABLE);
    die();
}

static void rows_are_chosen_by_table_level_and_text(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_log);
    run(f, "dump", "--table", "T", "--table", "u", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), 2);
    run(f, "dump", "--table", "t", "--table", "none", f->database, NULL), expect(f, FAILED);
    run(f, "dump", "--csv", "--table", "t", "--table", "u", f->database, NULL), expect(f, FAILED);
    run(f, "dump", "--level", "warn", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), 2);
    expect_text(f->out, "\"level\":\"WARN\"");
    expect_text(f->out, "\"level\":\"ERROR\"");
    run(f, "dump", "--level", "loud", f->database, NULL), expect(f, USAGE);
    run(f, "dump", "--match", "nearly", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), 1);
    expect_text(f->out, "disk sda is nearly full");
    run(f, "dump", "--match", "SDA", f->database, NULL), expect(f, CLEAN);
    assert_string_equal(f->out, "");
    run(f, "dump", "--match", "row", "--level", "TRACE", f->database, NULL), expect(f, CLEAN);
    assert_string_equal(f->out, "");
}

#define LIVING_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_living)

int main(void) {
    const struct CMUnitTest tests[] = {
        LIVING_TEST(follows_a_program_that_is_killed_and_started_again),
        LIVING_TEST(a_reader_that_follows_gets_each_row_while_segments_are_recycled),
        LIVING_TEST(a_reader_gets_each_row_while_segments_are_packed),
        TEST(a_cursor_is_where_it_goes_on),
        TEST(a_cursor_of_another_journal_is_refused),
        TEST(readers_are_listed_and_forgotten),
        TEST(a_place_is_not_kept_for_lines_that_were_not_written),
        TEST(the_ring_of_a_dead_process_is_looked_into),
        LIVING_TEST(the_ring_of_a_stopped_process_is_looked_into),
        LIVING_TEST(the_ring_of_a_busy_process_continues_the_journal),
        TEST(a_clock_that_jumped_is_judged_block_by_block),
        TEST(rows_are_chosen_by_table_level_and_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
