/* The sinks of a journal as an operator sees them: in status and its check, in watch, as metrics and on
 * the page; and what backup and forget do about them. */
/* Covers: recovery/sink_view.c, recovery/sink_words.c, recovery/check.c, recovery/backup/sinks_copied.c */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/journal/sinks.h"
#include "lib/verify/sink_files.h"
#include "memory_sink.h"

enum { OUT_MAX = 1 << 16, SINK_EXIT = 26 };

typedef struct said {
    int code;
    char text[OUT_MAX]; /* of both streams */
} said;

/* The tool by a shell: arguments as a person types them. */
static const said *run_typed(const char *arguments) {
    static said s;
    char command[2400];
    (void)snprintf(command, sizeof command, "exec %s %s 2>&1", WEIR_RECOVER, arguments);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t got = fread(s.text, 1, sizeof s.text - 1, pipe);
    s.text[got] = 0;
    int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    s.code = WEXITSTATUS(status);
    return &s;
}

static const said *tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const said *tell(const char *format, ...) {
    char arguments[2000];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(arguments, sizeof arguments, format, list);
    va_end(list);
    return run_typed(arguments);
}

/* Again until it says so: figures are stored a little later. */
static const said *await_said(const char *part, const char *verb, const char *path) {
    char arguments[2000];
    const said *s;
    (void)snprintf(arguments, sizeof arguments, "%s %s", verb, path);
    for (int i = 0; !strstr((s = run_typed(arguments))->text, part); i++) {
        if (i > 200) fail_msg("'%s' does not come in:\n%s", part, s->text);
        (void)usleep(50 * 1000);
    }
    return s;
}

static void expect_said(const said *s, int code, const char *part) {
    if (s->code != code) fail_msg("exit %d instead of %d:\n%s", s->code, code, s->text);
    if (!strstr(s->text, part)) fail_msg("'%s' is not in:\n%s", part, s->text);
}

static void attach_with_limit(opened *o, memory *m, const char *name, uint64_t limit,
                              weir_lag_policy at) {
    weir_error error = {0};
    weir_sink_offer offer = offer_of(m, name);
    offer.lag_limit_bytes = limit;
    offer.at_limit = at;
    if (weir_private_attach_1(o->w, &offer, &error) != WEIR_OK) fail_msg("%s", error.text);
}

static void sync_rows(opened *o) {
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
}

/* The journal detaches it, and a little later the handle lets it go. */
static void await_leaving(opened *o, const char *name) {
    struct weir_sink_stats stats;
    do {
        (void)usleep(10 * 1000);
        assert_int_equal(weir_sink_stats(o->w, name, &stats), WEIR_OK);
    } while (stats.apply_status != WEIR_CLOSED);
}

/* ---- status ------------------------------------------------------------------------------ */

static void status_names_each_sink(void **state) {
    opened *o = *state;
    memory *here = fresh(0, WEIR_OK), *away = fresh(1, WEIR_IO);
    begin(o);
    attach(o, here, "archive-2");
    attach_with_limit(o, away, "central", UINT64_C(1) << 30, WEIR_LAG_HOLDS);
    append(o, 10);
    sync_rows(o);
    wait_all(o, "archive-2");
    const said *s = await_said("; no row comes: ", "status", o->database);
    expect_said(
        s, 0, "\n  sink      archive-2, memory at in memory: attached, has rows up to 10, 0 wait");
    expect_said(s, 0,
                "\n  sink      central, memory at in memory: attached, has rows up to 0, 10 wait");
    expect_said(s, 0, "and beyond 1073741824 an event says so, and they stay");
    s = tell("status --json %s", o->database);
    expect_said(s, 0,
                "\"sinks\":[{\"name\":\"archive-2\",\"trouble\":null,\"broken\":null,\"kind\":"
                "\"memory\"");
    expect_said(s, 0, "\"applied\":10,\"waiting\":0,");
    expect_said(s, 0,
                "\"lag_limit_bytes\":1073741824,\"at_lag_limit\":\"hold\",\"beyond_limit\":"
                "false,\"apply_status\":\"WEIR_IO\"");
    expect_said(tell("status --check %s", o->database), 0, "weir OK");
    (void)opened_close(o); /* WEIR_IO: one of them is away */
    s = tell("status %s", o->database);
    expect_said(s, 0, "has rows up to 10, 0 wait");
    expect_said(s, 0, "has rows up to 0, 10 wait");
    assert_null(strstr(s->text, "no row comes"));
}

static void a_journal_without_sinks_is_as_it_was(void **state) {
    opened *o = *state;
    begin(o);
    append(o, 1);
    sync_rows(o);
    assert_int_equal(opened_close(o), WEIR_OK);
    const said *s = tell("status %s", o->database);
    expect_said(s, 0, "rows      1 durable, 1 applied");
    assert_null(strstr(s->text, "  sink "));
    expect_said(tell("status --json %s", o->database), 0, "\"sinks\":[]");
}

static void a_sink_beyond_its_limit_is_a_condition(void **state) {
    opened *o = *state;
    begin(o);
    attach_with_limit(o, fresh(0, WEIR_IO), "central", 1 << 20, WEIR_LAG_HOLDS);
    append(o, MANY);
    sync_rows(o);
    await_event(WEIR_EVENT_SINK_LAGS);
    const said *s = tell("status --check %s", o->database);
    expect_said(s, SINK_EXIT, "weir SINK: the sink central: ");
    expect_said(s, SINK_EXIT,
                " bytes of segments wait for it, and its limit is 1048576 | waiting=0 ");
    expect_said(tell("status --check --json %s", o->database), SINK_EXIT,
                "\"what\":\"SINK\",\"exit\":26,");
    expect_said(tell("status --json %s", o->database), 0, "\"beyond_limit\":true");
}

static void a_detached_sink_whose_rows_wait_is_a_condition(void **state) {
    opened *o = *state;
    memory *m = fresh(0, WEIR_IO);
    begin(o);
    attach_with_limit(o, m, "central", 1 << 20, WEIR_LAG_DETACHES);
    append(o, MANY);
    sync_rows(o);
    await_event(WEIR_EVENT_SINK_DETACHED);
    await_segments(o, 4);
    const said *s = tell("status --check %s", o->database);
    expect_said(s, SINK_EXIT, "the sink central: it is detached, and 300 rows wait for it, ");
    s = tell("status %s", o->database);
    expect_said(s, 0, "central, memory at in memory: detached, has rows up to 0, 300 wait");
    expect_said(s, 0, " bytes are in the archive for it");
    await_leaving(o, "central");
    m->begin_status = WEIR_OK;
    attach(o, m, "central");
    wait_all(o, "central");
    expect_all(m, MANY);
    expect_said(tell("status --check %s", o->database), 0, "weir OK");
}

/* ---- records that say too little ----------------------------------------------------------- */

static void record_path(const opened *o, const char *name, char path[300]) {
    (void)snprintf(path, 300, "%s/sinks/%s", o->journal, name);
}

static void leave_sink(opened *o, const char *name) {
    memory *m = fresh(0, WEIR_OK);
    begin(o);
    attach(o, m, name);
    append(o, 10);
    sync_rows(o);
    wait_all(o, name);
    assert_int_equal(opened_close(o), WEIR_OK);
}

static void a_record_that_cannot_be_read_is_told(void **state) {
    opened *o = *state;
    char path[300];
    leave_sink(o, "central");
    record_path(o, "central", path);
    int file = open(path, O_WRONLY);
    assert_int_equal(pwrite(file, "x", 1, 40), 1);
    assert_int_equal(close(file), 0);
    const said *s = tell("status %s", o->database);
    expect_said(s, 0,
                "  sink      central: what the journal keeps of this sink cannot be used (it is "
                "damaged), so no segment is released");
    expect_said(tell("status --json %s", o->database), 0,
                "{\"name\":\"central\",\"trouble\":\"central: what the journal keeps");
    expect_said(tell("status --check %s", o->database), SINK_EXIT,
                "weir SINK: the sink central: what");
}

/* As when its segments were removed, or came from a backup. */
static void blocks_that_are_gone_are_told(void **state) {
    opened *o = *state;
    weir_error error;
    weir_sink_record r;
    begin(o);
    append(o, MANY);
    sync_rows(o);
    assert_int_equal(opened_close(o), WEIR_OK);
    begin(o);
    attach(o, fresh(0, WEIR_OK), "central");
    append(o, 1);
    wait_all(o, "central");
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_int_equal(
        weir_sink_record_read(weir_os_posix(), WEIR_OS_CWD, o->journal, "central", &r, &error),
        WEIR_OK);
    r.safe.block = r.safe.row = r.safe.hash = 0;
    r.begin = 1;
    r.place[0] = '\033'; /* nobody's terminal obeys it */
    assert_int_equal(weir_sink_record_write(weir_os_posix(), WEIR_OS_CWD, o->journal, &r, &error),
                     WEIR_OK);
    const said *s = tell("status --check %s", o->database);
    expect_said(s, SINK_EXIT, "the sink central: blocks 1 to ");
    expect_said(s, SINK_EXIT, ", which it needs, are neither in the journal nor in its archive");
    s = tell("status %s", o->database);
    expect_said(s, 0, "central, memory at ?n memory: attached, ");
    expect_said(s, 0, "; central: blocks 1 to ");
}

/* ---- watch, metrics, page ------------------------------------------------------------------ */

static void watch_shows_each_sink(void **state) {
    opened *o = *state;
    begin(o);
    attach(o, fresh(0, WEIR_OK), "near");
    attach(o, fresh(1, WEIR_IO), "central");
    append(o, 10);
    sync_rows(o);
    wait_all(o, "near");
    const said *s = await_said(weir_status_text(WEIR_IO), "watch --count 1", o->database);
    expect_said(s, 0, "; sqlite commit p99 ");
    expect_said(s, 0, "; near commit p99 ");
    expect_said(s, 0, "; central commit p99 0.00 ms, lag 10 rows, ");
    s = tell("watch --count 1 --json %s", o->database);
    expect_said(s, 0,
                "{\"name\":\"near\",\"rows_applied\":10,\"rows_rejected\":0,"
                "\"last_row_applied\":10,\"lag_rows\":0,\"lag_ns\":0,\"status\":0,");
    expect_said(s, 0, "\"last_row_applied\":0,\"lag_rows\":10,");
}

static void metrics_have_each_sink(void **state) {
    opened *o = *state;
    begin(o);
    attach(o, fresh(0, WEIR_OK), "near");
    attach_with_limit(o, fresh(1, WEIR_IO), "central", 1 << 20, WEIR_LAG_HOLDS);
    append(o, 10);
    sync_rows(o);
    wait_all(o, "near");
    const said *s = await_said("status=\"WEIR_IO\"} 1", "metrics", o->database);
    expect_said(s, 0, "\",sink=\"central\"} 10\n"); /* weir_lag_rows */
    expect_said(s, 0, "# TYPE weir_sink_waiting_rows gauge\n# UNIT weir_sink_waiting_rows rows\n");
    (void)opened_close(o);               /* one of them is away */
    s = tell("metrics %s", o->database); /* nobody has it open */
    char line[400];
    static const char *const values[][2] = {{"waiting_rows", "10"},
                                            {"lag_limit_bytes", "1048576"},
                                            {"attached", "1"},
                                            {"trouble", "0"}};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        (void)snprintf(line, sizeof line, "weir_sink_%s{journal=\"%s\",sink=\"central\"} %s\n",
                       values[i][0], o->journal, values[i][1]);
        expect_said(s, 0, line);
    }
    (void)snprintf(line, sizeof line, "weir_sink_waiting_rows{journal=\"%s\",sink=\"near\"} 0\n",
                   o->journal);
    expect_said(s, 0, line);
}

static void the_page_has_each_sink(void **state) {
    opened *o = *state;
    leave_sink(o, "central");
    char path[120];
    (void)snprintf(path, sizeof path, "%s/page.html", o->directory);
    expect_said(tell("report -o %s %s", path, o->database), 0, "");
    char *page = weir_file_text(path);
    const char *table = strstr(page, "<table id=\"sinks\">");
    assert_non_null(table);
    assert_non_null(
        strstr(table, "<tr><td class=\"w\">central</td><td class=\"w\">memory at in memory</td>"
                      "<td>attached</td><td class=\"n\">10</td><td class=\"n\">0</td>"));
    free(page);
}

/* ---- copies, and journals that are given up --------------------------------------------------- */

static void open_copy(opened *o, const char *directory) {
    (void)snprintf(o->database, sizeof o->database, "%s/run.db", directory);
    (void)snprintf(o->journal, sizeof o->journal, "%s-weir", o->database);
}

/* The database has rows that the sink lacks, and the copy has them in the database alone. */
static void a_copy_passes_over_no_row_for_a_sink(void **state) {
    opened *o = *state;
    char copy[110];
    begin(o);
    attach(o, fresh(0, WEIR_IO), "central");
    append(o, 10);
    sync_rows(o);
    (void)snprintf(copy, sizeof copy, "%s/b", o->directory);
    expect_said(tell("backup %s %s", o->database, copy), 0, "with every row up to 10");
    (void)opened_close(o); /* one of them is away */
    open_copy(o, copy);
    expect_said(tell("status %s", o->database), 0, "  sink      central, memory at in memory: ");
    expect_said(tell("status --check %s", o->database), SINK_EXIT, "blocks 1 to ");
    memory *m = fresh(1, WEIR_OK);
    weir_error error = {0};
    weir_sink_offer offer = offer_of(m, "central");
    begin(o);
    assert_int_equal(weir_private_attach_1(o->w, &offer, &error), WEIR_UNSUPPORTED);
    assert_int_equal(m->rows, 0);
    assert_int_equal(opened_close(o), WEIR_OK);
}

/* It has all that the database has, and goes on in the copy. Later blocks have other numbers there. */
static void a_sink_goes_on_in_a_copy(void **state) {
    opened *o = *state;
    char copy[110];
    memory *m = fresh(0, WEIR_OK);
    begin(o);
    attach(o, m, "central");
    append(o, 10);
    sync_rows(o);
    wait_all(o, "central");
    assert_int_equal(opened_close(o), WEIR_OK);
    (void)snprintf(copy, sizeof copy, "%s/b", o->directory);
    expect_said(tell("backup %s %s", o->database, copy), 0, "with every row up to 10");
    open_copy(o, copy);
    begin(o);
    attach(o, m, "central");
    append(o, 5);
    wait_all(o, "central");
    expect_all(m, 15);
    assert_int_equal(opened_close(o), WEIR_OK);
}

static void a_record_ahead_of_the_database_is_set_back_in_a_copy(void **state) {
    opened *o = *state;
    weir_error error;
    weir_sink_record before, after;
    char copy[130];
    leave_sink(o, "central");
    const weir_os *os = weir_os_posix();
    assert_int_equal(weir_sink_record_read(os, WEIR_OS_CWD, o->journal, "central", &before, &error),
                     WEIR_OK);
    before.safe.block += 1000;
    assert_int_equal(weir_sink_record_write(os, WEIR_OS_CWD, o->journal, &before, &error), WEIR_OK);
    (void)snprintf(copy, sizeof copy, "%s/b", o->directory);
    expect_said(tell("backup %s %s", o->database, copy), 0, "with every row up to 10");
    (void)snprintf(copy, sizeof copy, "%s/b/run.db-weir", o->directory);
    assert_int_equal(weir_sink_record_read(os, WEIR_OS_CWD, copy, "central", &after, &error),
                     WEIR_OK);
    assert_true(after.safe.block < 1000);
    assert_int_equal(after.safe.row, 10);
}

static void a_backup_needs_records_that_can_be_read(void **state) {
    opened *o = *state;
    char path[300];
    leave_sink(o, "central");
    record_path(o, "central", path);
    assert_int_equal(truncate(path, 100), 0);
    const said *s = tell("backup %s %s/b", o->database, o->directory);
    expect_said(s, 4, "/sinks/central cannot be read, so it cannot be in a backup");
    (void)snprintf(path, sizeof path, "%s/b", o->directory);
    assert_int_equal(access(path, F_OK), -1);
}

static void forget_asks_for_the_rows_of_a_sink(void **state) {
    opened *o = *state;
    begin(o);
    attach(o, fresh(0, WEIR_IO), "central");
    append(o, 10);
    sync_rows(o);
    (void)opened_close(o); /* one of them is away */
    expect_said(tell("forget %s", o->database), 4,
                "has 10 rows that its sink central has not got; open it with that sink first, or "
                "leave them there (weir forget --yes ");
    expect_said(tell("forget --yes %s", o->database), 0,
                "left there: rows that its sink central has not got");
}

static void forget_does_not_ask_where_every_sink_has_all(void **state) {
    opened *o = *state;
    leave_sink(o, "central");
    expect_said(tell("forget %s", o->database), 0, "the next opening begins a new journal");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        OPENED_TEST(status_names_each_sink),
        OPENED_TEST(a_journal_without_sinks_is_as_it_was),
        OPENED_TEST(a_sink_beyond_its_limit_is_a_condition),
        OPENED_TEST(a_detached_sink_whose_rows_wait_is_a_condition),
        OPENED_TEST(a_record_that_cannot_be_read_is_told),
        OPENED_TEST(blocks_that_are_gone_are_told),
        OPENED_TEST(watch_shows_each_sink),
        OPENED_TEST(metrics_have_each_sink),
        OPENED_TEST(the_page_has_each_sink),
        OPENED_TEST(a_copy_passes_over_no_row_for_a_sink),
        OPENED_TEST(a_sink_goes_on_in_a_copy),
        OPENED_TEST(a_record_ahead_of_the_database_is_set_back_in_a_copy),
        OPENED_TEST(a_backup_needs_records_that_can_be_read),
        OPENED_TEST(forget_asks_for_the_rows_of_a_sink),
        OPENED_TEST(forget_does_not_ask_where_every_sink_has_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
