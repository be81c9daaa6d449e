/* test_whole.c - journal, threads and sinks together on a real server: what it holds in the end, beside
 * SQLite and without it, while it is away, while others use it.
 *
 * Covers: writer/attach/host.c, lib/handle/attached.c, postgres/open.c, postgres/sink.c */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support.h"
#include "whole.h"

enum { ROWS_OF_A_THREAD = 10000, PATIENCE_MS = 60000, LATE_NS = 1000000000 };

static void check_all(whole_fixture *f, uint64_t each) {
    assert_int_equal(whole_check(f->l, &f->server), each * WHOLE_PRODUCERS);
}

/* ---- all that there is, in both -------------------------------------------------------------- */

static void test_the_server_alone_has_each_row(void **state) {
    whole_fixture *f = whole_fixture_of(state, WHOLE_SERVER);
    whole_open_it(f);
    whole_append_all(f, 1, ROWS_OF_A_THREAD);
    whole_close_it(f);
    check_all(f, ROWS_OF_A_THREAD);
    whole_open_it(f); /* there is nothing to apply again */
    f->l->run = 1;
    whole_append_all(f, 1, 10);
    whole_close_it(f);
    assert_int_equal(whole_check(f->l, &f->server), (ROWS_OF_A_THREAD + 10) * WHOLE_PRODUCERS);
}

static void test_the_server_beside_sqlite_has_the_same(void **state) {
    whole_fixture *f = whole_fixture_of(state, WHOLE_BOTH);
    whole_open_it(f);
    whole_append_all(f, 1, ROWS_OF_A_THREAD);
    whole_close_it(f);
    check_all(f, ROWS_OF_A_THREAD);
}

static const weir_column kinds[] = {{"id", WEIR_KEY},    {"whole", WEIR_INTEGER},
                                    {"real", WEIR_REAL}, {"Words", WEIR_TEXT},
                                    {"raw", WEIR_BLOB},  {"order", WEIR_INTEGER}};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Of each type what is at its borders, and NULL. */
static void put_kinds(weir_rng *rng, weir_value v[KINDS], char *text) {
    static const int64_t whole_numbers[] = {0, -1, 1, INT64_MAX, INT64_MIN, 4294967296};
    static const double reals[] = {0.0, -0.0, 0.1, -1e300, 5e-324, 1.7976931348623157e308};
    static const char *const words[] = {
        "",    "a\tb\nc\\d",         "Zwölf Boxkämpfer \xF0\x9F\x99\x82",
        "\\N", "'quoted' \"twice\"", "  blanks  "};
    size_t length = (size_t)weir_rng_below(rng, 1000);
    weir_rng_fill(rng, text, length);
    v[0] = weir_null();
    v[1] = weir_int(whole_numbers[weir_rng_below(rng, 6)]);
    v[2] = weir_real(reals[weir_rng_below(rng, 6)]);
    v[3] = weir_text(words[weir_rng_below(rng, 6)]);
    v[4] = weir_blob(text, length);
    v[5] = weir_int((int64_t)weir_rng_next(rng));
    for (unsigned i = 1; i < KINDS; i++)
        if (weir_rng_below(rng, 8) == 0) v[i] = weir_null();
}

static void test_all_types_and_batches_in_tables_that_it_makes(void **state) {
    whole_fixture *f = whole_fixture_of(state, WHOLE_BOTH);
    weir_table *first, *second;
    weir_rng rng = {7};
    weir_value v[KINDS];
    char text[1000];
    whole_open_it(f);
    whole_ok(weir_declare(f->w, "kinds", kinds, KINDS, &first));
    whole_ok(weir_declare(f->w, "More Kinds", kinds + 1, KINDS - 1, &second));
    for (int i = 0; i < 6000; i++) {
        weir_batch *b;
        put_kinds(&rng, v, text);
        if (i % 3) {
            whole_ok(weir_append_row(first, v, KINDS, NULL));
            continue;
        }
        whole_ok(weir_begin(f->w, &b));
        whole_ok(weir_batch_row(b, first, v, KINDS));
        whole_ok(weir_batch_row(b, second, v + 1, KINDS - 1));
        whole_ok(weir_commit(b, NULL));
    }
    whole_close_it(f);
    assert_int_equal(whole_same(f->l->path, "SELECT * FROM kinds ORDER BY id", &f->server,
                                "SELECT id, whole, \"real\", \"Words\", raw, \"order\" FROM kinds"
                                " ORDER BY weir_row"),
                     6000);
    assert_int_equal(whole_same(f->l->path, "SELECT * FROM \"More Kinds\" ORDER BY rowid",
                                &f->server,
                                "SELECT whole, \"real\", \"Words\", raw, \"order\""
                                " FROM \"More Kinds\" ORDER BY weir_row"),
                     2000);
}

/* The same rows are refused by both, for the same constraint, and kept with the same numbers. */
static void test_what_both_refuse_is_kept_by_both(void **state) {
    static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"t", WEIR_TEXT}};
    whole_fixture *f = whole_fixture_of(state, WHOLE_BOTH);
    weir_table *picky;
    weir_rng rng = {3};
    uint64_t refused = 0;
    char text[16];
    pg_server_run(&f->server,
                  "CREATE TABLE picky (n bigint UNIQUE CHECK (n <> 13), t text NOT NULL,"
                  " weir_row bigint)");
    whole_open_it(f);
    weir_sql_run(f->l->path,
                 "CREATE TABLE picky (n INTEGER UNIQUE CHECK (n <> 13), t TEXT NOT NULL)");
    whole_ok(weir_declare(f->w, "picky", columns, 2, &picky));
    for (int i = 100; i < 20100; i++) {
        uint64_t die = weir_rng_below(&rng, 1000);
        (void)snprintf(text, sizeof text, "t%d", i);
        weir_value v[] = {weir_int(i), weir_text(text)};
        if (die == 0) v[0] = weir_int(13);
        if (die == 1) v[1] = weir_null();
        if (die == 2) v[0] = weir_int(100); /* twice */
        refused += die < 3 && i > 100;
        whole_ok(weir_append_row(picky, v, 2, NULL));
    }
    whole_close_it(f);
    assert_true(refused > 20);
    assert_int_equal(whole_same(f->l->path, "SELECT n, t FROM picky ORDER BY rowid", &f->server,
                                "SELECT n, t FROM picky ORDER BY weir_row"),
                     20000 - refused);
    assert_int_equal(whole_same(f->l->path,
                                "SELECT row, table_name, \"values\" FROM weir_reject"
                                " ORDER BY id",
                                &f->server,
                                "SELECT \"row\", table_name, \"values\" FROM weir_reject"
                                " ORDER BY id"),
                     refused);
    assert_int_equal(pg_server_count(&f->server,
                                     "SELECT count(*) FROM weir_reject WHERE code NOT IN"
                                     " ('23514', '23502', '23505')"),
                     0);
}

/* ---- a server that is away ------------------------------------------------------------------- */

static void stopped_during_the_run(whole_fixture *f, int how) {
    whole_producer all[WHOLE_PRODUCERS];
    f->l->timeout_ms = 500;
    whole_open_it(f);
    whole_append_all(f, 1, 3000);
    whole_start_all(f, all, 3001, 6000);
    pg_server_stop(&f->server, how);
    whole_join_all(all); /* nobody brings it back meanwhile */
    whole_append_all(f, 6001, 9000);
    assert_int_equal(weir_wait_sink(f->w, whole_sink(f->l), NULL, 300), WEIR_PENDING);
    assert_true(atomic_load(&f->l->slowest_ns) < LATE_NS);
    pg_server_start(&f->server);
    whole_ok(weir_wait_sink(f->w, whole_sink(f->l), NULL, PATIENCE_MS));
    whole_close_it(f);
    check_all(f, 9000);
    assert_true(atomic_load(&f->l->told) & 1u << WEIR_EVENT_APPLY_WAITS);
    assert_true(atomic_load(&f->l->told) & 1u << WEIR_EVENT_APPLY_RESUMED);
}

static void test_a_server_that_stops_delays_nobody(void **state) {
    stopped_during_the_run(whole_fixture_of(state, WHOLE_SERVER), SIGINT);
    (void)whole_tear_down(state);
    stopped_during_the_run(whole_fixture_of(state, WHOLE_BOTH), SIGQUIT);
}

static void down_at_opening(whole_fixture *f) {
    pg_server_stop(&f->server, SIGINT);
    whole_open_it(f);
    whole_append_all(f, 1, 1000);
    whole_ok(weir_sync(f->w, WEIR_DURABLE, PATIENCE_MS));
    if (f->l->sinks == WHOLE_BOTH) whole_ok(weir_sync(f->w, WEIR_APPLIED, PATIENCE_MS));
    assert_int_equal(weir_wait_sink(f->w, whole_sink(f->l), NULL, 100), WEIR_PENDING);
    weir *w = f->w;
    f->w = NULL;
    assert_int_equal(weir_close(w), f->l->sinks == WHOLE_BOTH ? WEIR_OK : WEIR_PENDING);
    whole_open_it(f); /* with rows that wait */
    f->l->run = 1;
    whole_append_all(f, 1, 1000);
    pg_server_start(&f->server);
    whole_ok(weir_wait_sink(f->w, whole_sink(f->l), NULL, PATIENCE_MS));
    whole_close_it(f);
    check_all(f, 2000);
    /* No word of a former database, or of removing one. */
    assert_false(atomic_load(&f->l->told) & 1u << WEIR_EVENT_JOURNAL);
}

static void test_a_server_that_is_down_at_opening(void **state) {
    down_at_opening(whole_fixture_of(state, WHOLE_SERVER));
    (void)whole_tear_down(state);
    down_at_opening(whole_fixture_of(state, WHOLE_BOTH));
}

/* The next key is one above those that are there; nobody guesses it. */
static void test_keys_go_on_after_an_outage(void **state) {
    static const weir_column key = {"id", WEIR_KEY};
    whole_fixture *f = whole_fixture_of(state, WHOLE_SERVER);
    const weir_value next = weir_null();
    weir_table *keyed;
    f->l->timeout_ms = 300;
    for (int run = 0; run < 2; run++) {
        if (run) pg_server_stop(&f->server, SIGINT);
        whole_open_it(f);
        if (run) {
            assert_int_equal(weir_declare(f->w, "keyed", &key, 1, &keyed), WEIR_BUSY);
            pg_server_start(&f->server);
        }
        whole_ok(weir_declare(f->w, "keyed", &key, 1, &keyed));
        for (int i = 0; i < 10; i++)
            whole_ok(weir_append_row(keyed, &next, 1, NULL));
        whole_close_it(f);
    }
    assert_int_equal(pg_server_count(&f->server, "SELECT count(*) FROM weir_reject"), 0);
    assert_int_equal(pg_server_count(&f->server, "SELECT sum(id) FROM keyed"), 20 * 21 / 2);
}

/* Each backend that the sink gets is ended, at whatever it does. */
static void test_sessions_that_are_ended_again_and_again(void **state) {
    whole_fixture *f = whole_fixture_of(state, WHOLE_BOTH);
    whole_producer all[WHOLE_PRODUCERS];
    PGconn *c = pg_server_connect(&f->server);
    whole_open_it(f);
    whole_start_all(f, all, 1, ROWS_OF_A_THREAD);
    for (int i = 0; i < 40; i++) {
        PQclear(PQexec(c, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
                          " application_name LIKE 'weir%' AND pid <> pg_backend_pid()"));
        (void)usleep((useconds_t)(i * 1000));
    }
    PQfinish(c);
    whole_join_all(all);
    whole_ok(weir_wait_sink(f->w, "central", NULL, PATIENCE_MS));
    whole_close_it(f);
    check_all(f, ROWS_OF_A_THREAD);
}

/* ---- sinks that come and go ------------------------------------------------------------------ */

static void test_wait_stats_and_names_of_sinks(void **state) {
    whole_fixture *f = whole_fixture_of(state, WHOLE_BOTH);
    char names[4][WEIR_SINK_NAME_BYTES];
    size_t count;
    struct weir_sink_stats s;
    whole_open_it(f);
    whole_append_all(f, 1, 1000);
    whole_ok(weir_wait_sink(f->w, "central", NULL, PATIENCE_MS));
    assert_int_equal(pg_server_count(&f->server, "SELECT count(*) FROM rows"), 3000);
    whole_ok(weir_sinks(f->w, names, 4, &count));
    assert_int_equal(count, 2);
    assert_string_equal(names[0], "sqlite");
    assert_string_equal(names[1], "central");
    whole_ok(weir_sink_stats(f->w, "central", &s));
    assert_string_equal(s.kind, "postgres");
    assert_non_null(strstr(s.place, "postgresql://weir@"));
    assert_int_equal(s.state, WEIR_SINK_ATTACHED);
    assert_int_equal(s.apply_status, WEIR_OK);
    assert_int_equal(s.rows_applied, 3000);
    assert_int_equal(s.rows_rejected, 0);
    assert_int_equal(s.last_row_applied, 3000);
    assert_int_equal(s.lag_rows, 0);
    assert_int_equal(weir_wait_sink(f->w, "elsewhere", NULL, 10), WEIR_NOT_FOUND);
    whole_close_it(f);
}

static void test_detached_and_attached_again(void **state) {
    whole_fixture *f = whole_fixture_of(state, WHOLE_BOTH);
    weir_postgres_options p = {.row_numbers = 1};
    whole_open_it(f);
    whole_append_all(f, 1, 1000);
    whole_ok(weir_wait_sink(f->w, "central", NULL, PATIENCE_MS));
    whole_ok(weir_detach(f->w, "central"));
    whole_append_all(f, 1001, 2000);
    assert_int_equal(weir_wait_sink(f->w, "central", NULL, PATIENCE_MS), WEIR_CLOSED);
    whole_ok(weir_sync(f->w, WEIR_APPLIED, PATIENCE_MS));
    assert_int_equal(pg_server_count(&f->server, "SELECT count(*) FROM rows"), 3000);
    whole_ok(weir_attach_postgres(f->w, "central", f->l->conninfo, &p));
    whole_append_all(f, 2001, 3000);
    whole_ok(weir_wait_sink(f->w, "central", NULL, PATIENCE_MS));
    whole_close_it(f);
    check_all(f, 3000);
}

/* ---- others at the same server --------------------------------------------------------------- */

static void test_two_processes_with_journals_of_their_own(void **state) {
    whole_fixture *f = whole_fixture_of(state, WHOLE_SERVER);
    whole *other = whole_make();
    *other = *f->l;
    (void)snprintf(other->path, sizeof other->path, "%s/other", other->directory);
    other->run = 1;
    f->l->pace_us = other->pace_us = 200;
    pid_t first = whole_start(whole_work, f->l), second = whole_start(whole_work, other);
    (void)sleep(1);
    atomic_store(&f->l->stop, true);
    atomic_store(&other->stop, true);
    assert_int_equal(whole_end_of(first), 0);
    assert_int_equal(whole_end_of(second), 0);
    assert_int_equal(pg_server_count(&f->server, "SELECT count(*) FROM weir_position"), 2);
    for (unsigned who = 0; who < 2 * WHOLE_PRODUCERS; who++) {
        char sql[200];
        const whole *of = who < WHOLE_PRODUCERS ? f->l : other;
        (void)snprintf(
            sql, sizeof sql,
            "SELECT count(*) FROM (SELECT sequence = row_number() OVER (ORDER BY arrived)"
            " AS right FROM rows WHERE who = %u) AS r WHERE r.right",
            who);
        assert_int_equal(pg_server_count(&f->server, sql), atomic_load(&of->published[who]));
        (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM rows WHERE who = %u", who);
        assert_int_equal(pg_server_count(&f->server, sql), atomic_load(&of->published[who]));
    }
    whole_free(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WHOLE_TEST(test_the_server_alone_has_each_row),
        WHOLE_TEST(test_the_server_beside_sqlite_has_the_same),
        WHOLE_TEST(test_all_types_and_batches_in_tables_that_it_makes),
        WHOLE_TEST(test_what_both_refuse_is_kept_by_both),
        WHOLE_TEST(test_a_server_that_stops_delays_nobody),
        WHOLE_TEST(test_a_server_that_is_down_at_opening),
        WHOLE_TEST(test_keys_go_on_after_an_outage),
        WHOLE_TEST(test_sessions_that_are_ended_again_and_again),
        WHOLE_TEST(test_wait_stats_and_names_of_sinks),
        WHOLE_TEST(test_detached_and_attached_again),
        WHOLE_TEST(test_two_processes_with_journals_of_their_own),
    };
    return cmocka_run_group_tests(tests, whole_group_set_up, whole_group_tear_down);
}
