/* test_attached.c - sinks that come and go beside others: attached late, left out for an opening, away for
 * longer than is allowed, several at once, detached in the middle of a question. What each holds in the
 * end is what SQLite holds, and nobody waits for longer than was said.
 *
 * Covers: lib/handle/attached.c, lib/journal/sinks.c, lib/journal/release.c, writer/attach/host.c */
#include <glob.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "message_proxy.h"
#include "support.h"
#include "whole.h"

enum { PATIENCE_MS = 30000, MIB = 1 << 20, NOISE = 2000, ROWS_OF_A_MIB = MIB / NOISE };

static weir_options small(void) {
    return (weir_options){.segment_bytes = MIB, .apply_linger_ms = 5, .open_timeout_ms = 2000};
}

static void hear(void *context, weir_event event, const char *text) {
    whole *l = context;
    (void)text;
    atomic_fetch_or(&l->told, (uint32_t)1 << event);
}

static bool was_told(const whole_fixture *f, weir_event event) {
    return atomic_load(&f->l->told) & (uint32_t)1 << event;
}

/* SQLite alone, with segments of 1 MiB. */
static void open_plain(whole_fixture *f, weir_options o) {
    static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"noise", WEIR_BLOB}};
    o.on_event = hear;
    o.event_context = f->l;
    whole_ok(weir_open_sqlite(f->l->path, &o, &f->w));
    whole_ok(weir_declare(f->w, "noise", columns, 2, &f->table));
}

static void attach(whole_fixture *f, const char *name, weir_postgres_options p) {
    p.row_numbers = 1;
    if (!p.timeout_ms) p.timeout_ms = 2000;
    whole_ok(weir_attach_postgres(f->w, name, f->l->conninfo, &p));
}

static int append_noise(whole_fixture *f, weir_rng *rng) {
    uint8_t noise[NOISE];
    weir_rng_fill(rng, noise, sizeof noise);
    const weir_value v[] = {weir_int((int64_t)weir_rng_next(rng)), weir_blob(noise, sizeof noise)};
    return weir_append_row(f->table, v, 2, NULL);
}

static void append_mib(whole_fixture *f, unsigned mib) {
    static uint64_t seed;
    weir_rng rng = {++seed};
    for (unsigned i = 0; i < mib * ROWS_OF_A_MIB; i++)
        whole_ok(append_noise(f, &rng));
}

static void applied(whole_fixture *f) { whole_ok(weir_sync(f->w, WEIR_APPLIED, PATIENCE_MS)); }
static void arrived(whole_fixture *f, const char *name) {
    whole_ok(weir_wait_sink(f->w, name, NULL, PATIENCE_MS));
}

static uint64_t same(whole_fixture *f, const char *schema) {
    char sql[200];
    (void)snprintf(sql, sizeof sql, "SELECT n, noise FROM %s.noise ORDER BY weir_row", schema);
    return whole_same(f->l->path, "SELECT n, noise FROM noise ORDER BY rowid", &f->server, sql);
}

static size_t segments(const whole_fixture *f, const char *below) {
    char pattern[256];
    glob_t found = {0};
    (void)snprintf(pattern, sizeof pattern, "%s-weir/%ssegment-*", f->l->path, below);
    size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

static uint64_t now_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- attached late --------------------------------------------------------------------------- */

static void test_attached_late_it_gets_what_the_journal_has(void **state) {
    whole_fixture *f = whole_fixture_of(state, WHOLE_BOTH);
    weir_options o = small();
    o.segment_bytes = 16 * MIB;
    open_plain(f, o);
    append_mib(f, 1);
    applied(f);
    attach(f, "central", (weir_postgres_options){0});
    arrived(f, "central");
    append_mib(f, 1);
    whole_close_it(f);
    assert_int_equal(same(f, "public"), 2 * ROWS_OF_A_MIB);
}

/* What has left the journal before is not there, and what is there has no gap. */
static void test_attached_when_segments_are_gone(void **state) {
    whole_fixture *f = whole_fixture_of(state, WHOLE_BOTH);
    open_plain(f, small());
    append_mib(f, 6);
    applied(f);
    for (int i = 0; i < 5000 && segments(f, "") > 2; i++)
        (void)usleep(1000);
    assert_in_range(segments(f, ""), 1, 2);
    attach(f, "central", (weir_postgres_options){0});
    arrived(f, "central");
    append_mib(f, 1);
    whole_close_it(f);
    long long there = pg_server_count(&f->server, "SELECT count(*) FROM noise");
    char sql[120];
    assert_in_range(there, ROWS_OF_A_MIB, 4 * ROWS_OF_A_MIB);
    (void)snprintf(sql, sizeof sql, "SELECT n, noise FROM noise WHERE rowid > %lld ORDER BY rowid",
                   7 * ROWS_OF_A_MIB - there);
    assert_int_equal(
        whole_same(f->l->path, sql, &f->server, "SELECT n, noise FROM noise ORDER BY weir_row"),
        there);
}

/* Nobody attaches it for an opening, and the tool recovers: its rows stay for it all the same. */
static void test_left_out_for_some_openings(void **state) {
    whole_fixture *f = whole_fixture_of(state, WHOLE_BOTH);
    char command[400];
    open_plain(f, small());
    attach(f, "central", (weir_postgres_options){0});
    append_mib(f, 2);
    arrived(f, "central");
    pg_server_stop(&f->server, SIGINT);
    append_mib(f, 3);
    whole_close_it(f);
    open_plain(f, small());
    append_mib(f, 3);
    whole_close_it(f);
    assert_true(segments(f, "") >= 6);
    (void)snprintf(command, sizeof command, "'%s' '%s' >/dev/null", WEIR_RECOVER, f->l->path);
    assert_int_equal(system(command), 0);
    assert_true(segments(f, "") >= 6);
    pg_server_start(&f->server);
    open_plain(f, small());
    attach(f, "central", (weir_postgres_options){0});
    append_mib(f, 1);
    arrived(f, "central");
    for (int i = 0; i < 5000 && segments(f, "") > 2; i++)
        (void)usleep(1000);
    assert_in_range(segments(f, ""), 1, 2); /* they are released now */
    whole_close_it(f);
    assert_int_equal(same(f, "public"), 9 * ROWS_OF_A_MIB);
}

/* ---- more than is allowed -------------------------------------------------------------------- */

static void test_away_for_too_long_it_is_detached(void **state) {
    whole_fixture *f = whole_fixture_of(state, WHOLE_BOTH);
    struct weir_sink_stats s;
    open_plain(f, small());
    attach(f, "central", (weir_postgres_options){.lag_limit_bytes = 3 * MIB, .timeout_ms = 300});
    append_mib(f, 1);
    arrived(f, "central");
    pg_server_stop(&f->server, SIGINT);
    for (int i = 0; i < 20 && !was_told(f, WEIR_EVENT_SINK_DETACHED); i++) {
        append_mib(f, 1);
        applied(f);
        (void)usleep(100000);
    }
    assert_true(was_told(f, WEIR_EVENT_SINK_DETACHED));
    assert_int_equal(weir_wait_sink(f->w, "central", NULL, PATIENCE_MS), WEIR_CLOSED);
    whole_ok(weir_sink_stats(f->w, "central", &s)); /* its writer hears of it a little later */
    assert_int_equal(s.state, WEIR_SINK_DETACHED);
    assert_int_equal(s.apply_status, WEIR_CLOSED);
    append_mib(f, 3);
    applied(f);
    whole_close_it(f);
    assert_true(segments(f, "archive/") >= 3); /* what it lacks */
    assert_in_range(segments(f, ""), 1, 2);
    pg_server_start(&f->server);
}

static void test_away_for_too_long_the_journal_is_held(void **state) {
    whole_fixture *f = whole_fixture_of(state, WHOLE_BOTH);
    weir_options o = small();
    weir_rng rng = {5};
    uint64_t taken = 0;
    o.journal_limit_bytes = 6 * MIB;
    o.lane_bytes = MIB / 4;
    o.full = WEIR_FULL_FAIL;
    open_plain(f, o);
    attach(f, "central",
           (weir_postgres_options){.lag_limit_bytes = 2 * MIB,
                                   .at_lag_limit = WEIR_POSTGRES_LAG_HOLD,
                                   .timeout_ms = 300});
    arrived(f, "central");
    pg_server_stop(&f->server, SIGINT);
    for (int refused = 0; refused < 200;) {
        int status = append_noise(f, &rng);
        if (status == WEIR_OK) {
            taken++;
            continue;
        }
        assert_int_equal(status, WEIR_FULL);
        refused++;
        (void)usleep(10000);
    }
    assert_true(was_told(f, WEIR_EVENT_SINK_LAGS));
    assert_false(was_told(f, WEIR_EVENT_SINK_DETACHED));
    pg_server_start(&f->server);
    arrived(f, "central");
    for (int i = 0; i < 100; i++, taken++)
        while (append_noise(f, &rng) == WEIR_FULL)
            (void)usleep(1000);
    whole_close_it(f);
    assert_int_equal(same(f, "public"), taken);
}

/* ---- several --------------------------------------------------------------------------------- */

static void test_two_schemas_of_one_server(void **state) {
    whole_fixture *f = whole_fixture_of(state, WHOLE_BOTH);
    pg_server_run(&f->server,
                  "SET client_min_messages = error; DROP SCHEMA IF EXISTS one CASCADE;"
                  "DROP SCHEMA IF EXISTS two CASCADE; CREATE SCHEMA one; CREATE SCHEMA two");
    open_plain(f, small());
    weir_postgres_options p = {0};
    append_mib(f, 1);
    attach(f, "one", (weir_postgres_options){.schema = "one", .keep_bytes = MIB});
    attach(f, "two", (weir_postgres_options){.schema = "two", .by_insert = 1});
    assert_int_equal(weir_attach_postgres(f->w, "three", f->l->conninfo, &p), WEIR_FULL);
    append_mib(f, 2);
    whole_close_it(f);
    assert_int_equal(same(f, "one"), 3 * ROWS_OF_A_MIB);
    assert_int_equal(same(f, "two"), 3 * ROWS_OF_A_MIB);
}

/* A mistake, which doubles nothing: they take the position from each other. */
static void test_one_place_by_two_names(void **state) {
    whole_fixture *f = whole_fixture_of(state, WHOLE_BOTH);
    open_plain(f, small());
    attach(f, "central", (weir_postgres_options){0});
    attach(f, "again", (weir_postgres_options){0});
    for (int i = 0; i < 20; i++) {
        weir_rng rng = {(uint64_t)i};
        for (int n = 0; n < 20; n++)
            whole_ok(append_noise(f, &rng));
        (void)usleep(5000);
    }
    arrived(f, "central");
    arrived(f, "again");
    assert_int_equal(same(f, "public"), 400);
    whole_close_it(f);
    assert_int_equal(same(f, "public"), 400);
}

/* A table gets columns while the server is away, and its rows from before and after. */
static void test_columns_that_come_later(void **state) {
    static const weir_column columns[] = {{"a", WEIR_INTEGER}, {"b", WEIR_TEXT}, {"c", WEIR_REAL}};
    whole_fixture *f = whole_fixture_of(state, WHOLE_BOTH);
    open_plain(f, small());
    attach(f, "central", (weir_postgres_options){.timeout_ms = 300});
    for (size_t count = 1; count <= 3; count++) {
        const weir_value v[] = {weir_int((int64_t)count), weir_text("text"), weir_real(0.5)};
        if (count == 2) pg_server_stop(&f->server, SIGINT);
        whole_ok(weir_declare(f->w, "grows", columns, count, &f->table));
        for (int i = 0; i < 100; i++)
            whole_ok(weir_append_row(f->table, v, count, NULL));
        if (count == 1) arrived(f, "central");
    }
    applied(f);
    pg_server_start(&f->server);
    arrived(f, "central");
    whole_close_it(f);
    assert_int_equal(whole_same(f->l->path, "SELECT a, b, c FROM grows ORDER BY rowid", &f->server,
                                "SELECT a, b, c FROM grows ORDER BY weir_row"),
                     300);
}

/* ---- nobody waits for long ------------------------------------------------------------------- */

static void *wait_long(void *self) {
    whole_fixture *f = self;
    static int status;
    status = weir_wait_sink(f->w, "central", NULL, PATIENCE_MS);
    return &status;
}

/* The network swallows what is sent. */
static message_proxy *stall(whole_fixture *f) {
    message_proxy *proxy = message_proxy_start(&f->server);
    (void)snprintf(f->l->conninfo, sizeof f->l->conninfo, "%s", proxy->conninfo);
    open_plain(f, small());
    attach(f, "central", (weir_postgres_options){.timeout_ms = 20000});
    append_mib(f, 1);
    arrived(f, "central");
    message_proxy_plan(proxy, 0, PROXY_STALL_BEFORE);
    append_mib(f, 1);
    applied(f);
    for (int i = 0; i < 5000 && !atomic_load(&proxy->acted); i++)
        (void)usleep(1000);
    assert_true(atomic_load(&proxy->acted));
    return proxy;
}

static void test_detaching_does_not_wait_for_a_silent_server(void **state) {
    whole_fixture *f = whole_fixture_of(state, WHOLE_BOTH);
    pthread_t thread;
    void *told;
    message_proxy *proxy = stall(f);
    assert_int_equal(pthread_create(&thread, NULL, wait_long, f), 0);
    (void)usleep(100000);
    uint64_t before = now_ms();
    whole_ok(weir_detach(f->w, "central"));
    assert_int_equal(pthread_join(thread, &told), 0);
    assert_int_equal(*(int *)told, WEIR_CLOSED);
    assert_in_range(now_ms() - before, 0, 1500);
    whole_close_it(f);
    message_proxy_stop(proxy);
}

static void test_closing_waits_as_long_as_was_said(void **state) {
    whole_fixture *f = whole_fixture_of(state, WHOLE_BOTH);
    message_proxy *proxy = stall(f);
    uint64_t before = now_ms();
    whole_close_it(f); /* SQLite has all */
    assert_in_range(now_ms() - before, 0, 3500);
    message_proxy_stop(proxy);
    (void)snprintf(f->l->conninfo, sizeof f->l->conninfo, "%s", f->server.conninfo);
    open_plain(f, small());
    attach(f, "central", (weir_postgres_options){0});
    arrived(f, "central");
    whole_close_it(f);
    assert_int_equal(same(f, "public"), 2 * ROWS_OF_A_MIB);
}

static void test_attaching_waits_as_long_as_was_said(void **state) {
    whole_fixture *f = whole_fixture_of(state, WHOLE_BOTH);
    message_proxy *proxy = message_proxy_start(&f->server);
    (void)snprintf(f->l->conninfo, sizeof f->l->conninfo, "%s", proxy->conninfo);
    open_plain(f, small());
    for (unsigned at = 0; at < 9; at += 4) {
        message_proxy_plan(proxy, at, PROXY_STALL_BEFORE);
        uint64_t before = now_ms();
        attach(f, "central", (weir_postgres_options){.timeout_ms = 500});
        append_mib(f, 1);
        assert_in_range(now_ms() - before, 0, 3000);
        message_proxy_cut(proxy);
        arrived(f, "central");
        whole_ok(weir_detach(f->w, "central"));
    }
    whole_close_it(f);
    assert_int_equal(same(f, "public"), 3 * ROWS_OF_A_MIB);
    message_proxy_stop(proxy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WHOLE_TEST(test_attached_late_it_gets_what_the_journal_has),
        WHOLE_TEST(test_attached_when_segments_are_gone),
        WHOLE_TEST(test_left_out_for_some_openings),
        WHOLE_TEST(test_away_for_too_long_it_is_detached),
        WHOLE_TEST(test_away_for_too_long_the_journal_is_held),
        WHOLE_TEST(test_two_schemas_of_one_server),
        WHOLE_TEST(test_one_place_by_two_names),
        WHOLE_TEST(test_columns_that_come_later),
        WHOLE_TEST(test_detaching_does_not_wait_for_a_silent_server),
        WHOLE_TEST(test_closing_waits_as_long_as_was_said),
        WHOLE_TEST(test_attaching_waits_as_long_as_was_said),
    };
    return cmocka_run_group_tests(tests, whole_group_set_up, whole_group_tear_down);
}
