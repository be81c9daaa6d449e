/* test_sink.c - transactions of a sink on a server, around the rows: positions, answers that are lost,
 * and what is safe when. The rows themselves are those of load_double.c.
 *
 * Covers: postgres/sink.c, postgres/kept.c */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "message_proxy.h"
#include "pg_server.h"
#include "postgres/kept.h"
#include "postgres/sink.h"
#include "postgres/takeover.h"

enum { TIMEOUT_MS = 4000, SHORT_MS = 600 };

static const weir_id journal = {0xCD, 1};
static pg_server server;

static int set_up(void **state) {
    (void)state;
    if (!pg_server_missing()) pg_server_make(&server, NULL);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    if (!pg_server_missing()) pg_server_free(&server);
    return 0;
}

static void end_sessions(void) {
    pg_server_run(&server, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE"
                           " backend_type = 'client backend' AND pid <> pg_backend_pid()");
}

static void need_server(void) {
    pg_server_need();
    /* Of a test that failed: its locks would hold up the next. */
    end_sessions();
    pg_server_run(&server,
                  "SET client_min_messages = error; DROP TABLE IF EXISTS weir_position, double");
}

static weir_sink make(const char *conninfo, weir_postgres_options options) {
    weir_error error = {0};
    weir_sink s;
    if (!options.timeout_ms) options.timeout_ms = TIMEOUT_MS;
    if (weir_pg_sink_make(weir_os_posix(), conninfo, &options, &s, &error))
        fail_msg("%s", error.text);
    return s;
}

/* One transaction of the ten rows of a block, as replay does it. */
static int transact(weir_sink *s, uint64_t block, weir_position *at, weir_error *error) {
    const weir_block_header header = {.block = block, .stored_bytes = 1000};
    const weir_row_range range = {block * 10 - 9, block * 10};
    weir_position to = {.block = block, .row = block * 10, .hash = block};
    weir_sink_counts counts;
    weir_id_copy(to.journal, journal);
    int status = s->begin(s->self, journal, at, error);
    if (status == WEIR_OK)
        status = s->apply(s->self, &header, weir_cursor_over(NULL, 0), range, error);
    if (status == WEIR_OK) status = s->commit(s->self, &to, &counts, error);
    if (status == WEIR_OK) assert_int_equal(counts.rows, 10);
    if (status != WEIR_OK) s->rollback(s->self);
    return status;
}

static void apply(weir_sink *s, uint64_t block) {
    weir_error error = {0};
    weir_position at;
    if (transact(s, block, &at, &error)) fail_msg("%s", error.text);
    assert_int_equal(at.block, block - 1);
}

static void assert_rows(long long rows) {
    assert_int_equal(pg_server_count(&server, "SELECT count(*) FROM double"), rows);
    assert_int_equal(pg_server_count(&server, "SELECT count(DISTINCT n) FROM double"), rows);
}

static uint64_t safe_after(weir_sink *s, uint64_t applied) {
    weir_error error = {0};
    uint64_t safe = 99;
    if (s->checkpoint(s->self, applied, &safe, &error)) fail_msg("%s", error.text);
    return safe;
}

/* ---- transactions ---- */

static void test_rows_and_position_come_together(void **state) {
    (void)state;
    need_server();
    weir_error error = {0};
    weir_position at;
    weir_sink s = make(server.conninfo, (weir_postgres_options){0});
    assert_true(s.remote);
    apply(&s, 1);
    apply(&s, 2);
    assert_int_equal(safe_after(&s, 2), 2);
    assert_int_equal(s.begin(s.self, journal, &at, &error), 0);
    assert_int_equal(at.block, 2);
    assert_int_equal(at.row, 20);
    s.rollback(s.self);
    s.close(s.self);
    assert_rows(20);
}

static void test_rolled_back_rows_are_gone(void **state) {
    (void)state;
    need_server();
    weir_error error = {0};
    weir_position at;
    const weir_block_header header = {.block = 1};
    weir_sink s = make(server.conninfo, (weir_postgres_options){0});
    assert_int_equal(s.begin(s.self, journal, &at, &error), 0);
    assert_int_equal(
        s.apply(s.self, &header, weir_cursor_over(NULL, 0), (weir_row_range){1, 10}, &error), 0);
    s.rollback(s.self); /* in the middle of a COPY */
    apply(&s, 1);
    s.close(s.self);
    assert_rows(10);
}

static void test_a_commit_whose_answer_is_lost_is_unknown(void **state) {
    (void)state;
    need_server();
    for (int committed = 0; committed <= 1; committed++) {
        weir_error error = {0};
        weir_position at;
        pg_server_run(
            &server, "SET client_min_messages = error; DROP TABLE IF EXISTS weir_position, double");
        message_proxy *proxy = message_proxy_start(&server);
        weir_sink s = make(proxy->conninfo, (weir_postgres_options){0});
        apply(&s, 1);
        message_proxy_plan_at(proxy, "COMMIT", 0, committed ? PROXY_CUT_BEHIND : PROXY_CUT_BEFORE);
        assert_int_equal(transact(&s, 2, &at, &error), WEIR_SINK_UNKNOWN);
        int status = WEIR_IO;
        for (int i = 0; i < 20 && status != WEIR_OK; i++) {
            status = s.begin(s.self, journal, &at, &error);
            if (status != WEIR_OK) s.rollback(s.self);
        }
        assert_int_equal(status, WEIR_OK);
        assert_int_equal(at.block, committed ? 2 : 1);
        s.rollback(s.self);
        assert_int_equal(safe_after(&s, at.block), at.block);
        if (at.block == 1) apply(&s, 2);
        apply(&s, 3);
        s.close(s.self);
        message_proxy_stop(proxy);
        assert_rows(30);
    }
}

static void test_a_server_that_comes_back_is_gone_on_with(void **state) {
    (void)state;
    need_server();
    weir_error error = {0};
    weir_position at;
    weir_sink s = make(server.conninfo, (weir_postgres_options){0});
    apply(&s, 1);
    pg_server_stop(&server, SIGQUIT);
    assert_int_equal(transact(&s, 2, &at, &error), WEIR_IO);
    assert_int_equal(transact(&s, 2, &at, &error), WEIR_IO);
    pg_server_start(&server);
    apply(&s, 2);
    s.close(s.self);
    assert_rows(20);
}

/* Two that apply the same: each is told once, and no row comes twice. */
static void test_two_writers_of_one_journal(void **state) {
    (void)state;
    need_server();
    weir_error error = {0};
    weir_position at;
    weir_sink a = make(server.conninfo, (weir_postgres_options){0});
    weir_sink b = make(server.conninfo, (weir_postgres_options){0});
    apply(&a, 1);
    apply(&b, 2);
    assert_int_equal(transact(&a, 2, &at, &error), WEIR_BUSY);
    assert_non_null(strstr(error.text, "another process"));
    assert_int_equal(a.begin(a.self, journal, &at, &error), 0);
    assert_int_equal(at.block, 2); /* replay goes on behind it */
    a.rollback(a.self);
    apply(&a, 3);
    assert_int_equal(transact(&b, 3, &at, &error), WEIR_BUSY);
    a.close(a.self);
    b.close(b.self);
    assert_rows(30);
}

static void test_hurry_ends_a_transaction_that_waits(void **state) {
    (void)state;
    need_server();
    weir_error error = {0};
    weir_position at;
    weir_sink s = make(server.conninfo, (weir_postgres_options){0});
    apply(&s, 1);
    PGconn *c = pg_server_connect(&server);
    PQclear(PQexec(c, "BEGIN; LOCK TABLE weir_position"));
    s.hurry(s.self, 0);
    assert_int_equal(transact(&s, 2, &at, &error), WEIR_BUSY);
    PQfinish(c);
    s.close(s.self);
}

/* Settings change without a new connection, and so does the server behind a pool. */
static void test_what_a_commit_rests_on_goes_while_connected(void **state) {
    (void)state;
    need_server();
    static const char *const change[][3] = {
        {"ALTER SYSTEM SET fsync = off", "ALTER SYSTEM RESET fsync", "fsync = on"},
        {"ALTER SYSTEM SET full_page_writes = off", "ALTER SYSTEM RESET full_page_writes",
         "full_page_writes = on"},
        {"ALTER TABLE weir_position SET UNLOGGED", "ALTER TABLE weir_position SET LOGGED",
         "SET LOGGED"}};
    weir_error error = {0};
    weir_position at;
    weir_sink s = make(server.conninfo, (weir_postgres_options){0});
    apply(&s, 1);
    for (uint64_t i = 0; i < 3; i++) {
        pg_server_run(&server, change[i][0]);
        pg_server_run(&server, "SELECT pg_reload_conf(), pg_sleep(0.5)");
        assert_int_equal(transact(&s, i + 2, &at, &error), WEIR_DATABASE);
        if (!strstr(error.text, change[i][2])) fail_msg("%s", error.text);
        pg_server_run(&server, change[i][1]);
        pg_server_run(&server, "SELECT pg_reload_conf(), pg_sleep(0.5)");
        apply(&s, i + 2);
    }
    s.close(s.self);
    assert_rows(40);
}

/* ---- what is safe ---- */

static void name_standbys(const char *to) {
    char sql[120];
    (void)snprintf(sql, sizeof sql, "ALTER SYSTEM SET synchronous_standby_names = '%s'", to);
    pg_server_run(&server, sql);
    pg_server_run(&server, "SELECT pg_reload_conf(), pg_sleep(0.5)");
}

/* Another process, which does this again and again to whoever waits for the standby. */
static pid_t meddle(const char *sql) {
    pid_t child = fork();
    assert_true(child >= 0);
    for (int i = 0; child == 0 && i < 600; i++) {
        PGconn *c = PQconnectdb(server.conninfo);
        PGresult *r = PQexec(c, "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
        if (PQntuples(r)) PQclear(PQexec(c, sql));
        if (PQntuples(r)) PQclear(PQexec(c, "SELECT pg_reload_conf()"));
        PQclear(r);
        PQfinish(c);
        (void)usleep(50000);
    }
    if (child == 0) _exit(0);
    return child;
}

/* The standby stops answering, and somebody ends the wait: committed, but not safe. */
static void commit_without_standby(pg_server *standby, weir_sink *s, uint64_t block,
                                   const char *sql, const char *words) {
    weir_error error = {0};
    weir_position at;
    uint64_t safe;
    pg_server_stop(standby, SIGQUIT);
    pid_t child = meddle(sql);
    assert_int_equal(transact(s, block, &at, &error), WEIR_OK);
    assert_int_equal(s->checkpoint(s->self, block, &safe, &error), WEIR_BUSY);
    if (!strstr(error.text, words)) fail_msg("%s", error.text);
    assert_int_equal(safe, block - 1);
    (void)kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    name_standbys("*");
    pg_server_start(standby);
    end_sessions();
    assert_int_equal(s->checkpoint(s->self, block, &safe, &error), WEIR_IO);
    assert_int_equal(safe_after(s, block), block); /* by another connection, without another row */
}

static void test_a_standby_must_have_it(void **state) {
    (void)state;
    need_server();
    pg_server standby;
    weir_error error = {0};
    uint64_t safe;
    weir_postgres_options wanted = {.safety = WEIR_POSTGRES_STANDBY, .timeout_ms = 20000};
    pg_server_run(&server, "ALTER DATABASE postgres SET client_min_messages = error");
    weir_sink s = make(server.conninfo, wanted);
    assert_int_equal(weir_pg_sink_probe(&s, &error), WEIR_DATABASE);
    assert_non_null(strstr(error.text, "synchronous_standby_names"));
    pg_server_make_standby(&standby, &server, NULL);
    name_standbys("*");
    apply(&s, 1);
    assert_int_equal(safe_after(&s, 1), 1);
    commit_without_standby(&standby, &s, 2,
                           "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
                           " WHERE wait_event = 'SyncRep'",
                           "cancelled");
    commit_without_standby(&standby, &s, 3, "ALTER SYSTEM SET synchronous_standby_names = ''",
                           "no COMMIT waits");
    /* Somebody else has gone on meanwhile: replay must ask. */
    weir_sink other = make(server.conninfo, wanted);
    apply(&other, 4);
    other.close(other.self);
    end_sessions();
    assert_int_equal(s.checkpoint(s.self, 4, &safe, &error), WEIR_IO);
    assert_int_equal(s.checkpoint(s.self, 4, &safe, &error), WEIR_SINK_REOPENED);
    assert_true(safe < 4);
    name_standbys("");
    apply(&s, 5);
    assert_int_equal(s.checkpoint(s.self, 5, &safe, &error), WEIR_BUSY);
    assert_true(safe < 5);
    s.close(s.self);
    pg_server_free(&standby);
    assert_rows(50);
}

/* Without senders nothing is waited for, and no warning says so. */
static void test_a_server_that_can_have_no_standby(void **state) {
    (void)state;
    need_server();
    const pg_server before = server;
    weir_error error = {0};
    weir_pg_hold hold;
    weir_pg *pg;
    bool standbys = true;
    pg_server_stop(&server, SIGINT);
    (void)snprintf(server.settings, sizeof server.settings, "%s",
                   "-c max_wal_senders=0 -c synchronous_standby_names=*");
    pg_server_start(&server);
    weir_sink s = make(server.conninfo, (weir_postgres_options){.safety = WEIR_POSTGRES_STANDBY});
    assert_int_equal(weir_pg_sink_probe(&s, &error), WEIR_DATABASE);
    assert_non_null(strstr(error.text, "max_wal_senders"));
    s.close(s.self);
    s = make(server.conninfo, (weir_postgres_options){0});
    apply(&s, 1);
    assert_int_equal(weir_pg_sink_second(&s, &pg, &error), WEIR_OK);
    assert_int_equal(weir_pg_connect(pg, &error), WEIR_OK);
    assert_int_equal(weir_pg_hold_make(&hold, NULL, journal, 10000, &error), WEIR_OK);
    assert_int_equal(weir_pg_take_over(pg, &hold, &error), WEIR_OK);
    assert_int_equal(weir_pg_hold_begin(pg, &hold, &error), WEIR_OK);
    assert_int_equal(weir_pg_hold_move(pg, &hold, &hold.at, &standbys, &error), WEIR_OK);
    assert_false(standbys);
    weir_pg_free(pg);
    s.close(s.self);
    pg_server_stop(&server, SIGINT);
    memcpy(server.settings, before.settings, sizeof server.settings);
    pg_server_start(&server);
}

static void test_kept_segments_by_bytes(void **state) {
    (void)state;
    need_server();
    weir_sink s = make(server.conninfo, (weir_postgres_options){.keep_bytes = 2000});
    apply(&s, 1);
    apply(&s, 2);
    assert_int_equal(safe_after(&s, 2), 0);
    apply(&s, 3);
    assert_int_equal(safe_after(&s, 3), 1);
    s.close(s.self);
    /* Another process does not know when those came. */
    s = make(server.conninfo, (weir_postgres_options){.keep_s = 3600});
    apply(&s, 4);
    assert_int_equal(safe_after(&s, 4), 0);
    s.close(s.self);
}

static void test_kept_marks_grow_old(void **state) {
    (void)state;
    weir_pg_kept k = {.keep_ns = 100};
    weir_pg_kept_note(&k, 1, 10, 1000);
    weir_pg_kept_note(&k, 2, 10, 1050);
    assert_int_equal(weir_pg_kept_safe(&k, 2, 1099), 0);
    assert_int_equal(weir_pg_kept_safe(&k, 2, 1100), 1);
    assert_int_equal(weir_pg_kept_safe(&k, 2, 1150), 2);
    assert_int_equal(weir_pg_kept_safe(&k, 1, 1150), 1);
    weir_pg_kept_note(&k, 1, 10, 1200); /* the server went back */
    assert_int_equal(weir_pg_kept_safe(&k, 2, 1250), 0);
    assert_int_equal(weir_pg_kept_safe(&k, 2, 1300), 1);
    k = (weir_pg_kept){0};
    assert_int_equal(weir_pg_kept_safe(&k, 7, 0), 7);
}

/* However many commits come, what is held back is what was asked for and a small part of it more. */
static void test_kept_marks_are_few(void **state) {
    (void)state;
    weir_pg_kept k = {.keep_ns = 2560, .keep_bytes = 12800};
    uint64_t released = 0;
    for (uint64_t n = 1; n <= 100000; n++) {
        weir_pg_kept_note(&k, n, 10, n); /* 2,560 by time, 1,280 by bytes */
        uint64_t safe = weir_pg_kept_safe(&k, n, n);
        assert_true(safe == 0 || safe + 2560 <= n);
        assert_true(safe >= released);
        released = safe;
        if (n > 3000) assert_true(safe + 2560 + 64 >= n);
    }
    uint64_t old = weir_pg_kept_safe(&k, 100000, 200000); /* now the bytes decide */
    assert_in_range(old, 100000 - 1280 - 20, 100000 - 1280);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_and_position_come_together),
        cmocka_unit_test(test_rolled_back_rows_are_gone),
        cmocka_unit_test(test_a_commit_whose_answer_is_lost_is_unknown),
        cmocka_unit_test(test_a_server_that_comes_back_is_gone_on_with),
        cmocka_unit_test(test_two_writers_of_one_journal),
        cmocka_unit_test(test_hurry_ends_a_transaction_that_waits),
        cmocka_unit_test(test_what_a_commit_rests_on_goes_while_connected),
        cmocka_unit_test(test_a_standby_must_have_it),
        cmocka_unit_test(test_a_server_that_can_have_no_standby),
        cmocka_unit_test(test_kept_segments_by_bytes),
        cmocka_unit_test(test_kept_marks_grow_old),
        cmocka_unit_test(test_kept_marks_are_few),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
