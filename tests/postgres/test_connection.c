/* test_connection.c - one connection: what its calls answer, that they end in time, whatever the other
 * side does, and that no text holds a password.
 *
 * Covers: postgres/connection.c, postgres/query.c, postgres/failure.c, postgres/conninfo.c */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pg_server.h"
#include "postgres/connection.h"
#include "writer/apply/sink.h"

enum { PATIENCE_MS = 20000, SHORT_MS = 300 };

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

static weir_pg *make(const char *conninfo, uint32_t timeout_ms) {
    weir_error error = {0};
    weir_pg *pg;
    weir_pg_config config = {.os = weir_os_posix(), .conninfo = conninfo, .timeout_ms = timeout_ms};
    if (weir_pg_make(&config, &pg, &error)) fail_msg("%s", error.text);
    return pg;
}

static weir_pg *connected(uint32_t timeout_ms) {
    weir_error error = {0};
    weir_pg *pg = make(server.conninfo, timeout_ms);
    if (weir_pg_connect(pg, &error)) fail_msg("%s", error.text);
    return pg;
}

static void run(weir_pg *pg, const char *sql) {
    weir_error error = {0};
    if (weir_pg_run(pg, sql, &error)) fail_msg("%s: %s", sql, error.text);
}

static pid_t backend(weir_pg *pg) {
    PGresult *r;
    weir_error error = {0};
    assert_int_equal(weir_pg_query(pg, "SELECT pg_backend_pid()", NULL, 0, false, &r, &error), 0);
    pid_t pid = (pid_t)strtol(PQgetvalue(r, 0, 0), NULL, 10);
    PQclear(r);
    return pid;
}

static uint64_t now(void) { return weir_os_posix()->now(weir_os_posix()->self); }

/* ---- what calls answer ---- */

static void test_a_query_answers_and_keeps_its_parameters_apart(void **state) {
    (void)state;
    pg_server_need();
    weir_pg *pg = connected(PATIENCE_MS);
    weir_error error = {0};
    PGresult *r;
    weir_pg_parameter p[] = {{.bytes = "41", .length = -1, .type = 20},
                             {.bytes = NULL, .length = -1, .type = 25},
                             {.bytes = "a\0b", .length = 3, .type = 17}};
    assert_int_equal(
        weir_pg_query(pg, "SELECT $1 + 1, $2 IS NULL, length($3)", p, 3, false, &r, &error), 0);
    assert_string_equal(PQgetvalue(r, 0, 0), "42");
    assert_string_equal(PQgetvalue(r, 0, 1), "t");
    assert_string_equal(PQgetvalue(r, 0, 2), "3");
    PQclear(r);
    assert_true(weir_pg_version(pg) >= 130000);
    weir_pg_free(pg);
}

static void test_a_failure_says_what_the_server_said(void **state) {
    (void)state;
    pg_server_need();
    weir_pg *pg = connected(PATIENCE_MS);
    weir_error error = {0};
    run(pg, "CREATE TABLE c (a int CONSTRAINT positive CHECK (a > 0))");
    assert_int_equal(weir_pg_run(pg, "INSERT INTO c VALUES (-1)", &error), WEIR_DATABASE);
    assert_string_equal(weir_pg_failed(pg)->sqlstate, "23514");
    assert_string_equal(weir_pg_failed(pg)->constraint, "positive");
    assert_non_null(strstr(error.text, "positive"));
    assert_int_equal(weir_pg_copy_begin(pg, "COPY nowhere FROM STDIN", &error), WEIR_DATABASE);
    assert_string_equal(weir_pg_failed(pg)->sqlstate, "42P01");
    run(pg, "SET lock_timeout = 10; BEGIN; LOCK TABLE c");
    weir_pg *other = connected(PATIENCE_MS);
    run(other, "SET lock_timeout = 10");
    assert_int_equal(weir_pg_run(other, "INSERT INTO c VALUES (1)", &error), WEIR_BUSY);
    assert_string_equal(weir_pg_failed(other)->sqlstate, "55P03");
    run(other, "SELECT 1"); /* the connection goes on */
    weir_pg_free(other);
    weir_pg_free(pg);
}

static void test_copy_counts_and_names_the_line(void **state) {
    (void)state;
    pg_server_need();
    weir_pg *pg = connected(PATIENCE_MS);
    weir_error error = {0};
    uint64_t rows;
    run(pg, "CREATE TABLE lines (a int)");
    assert_int_equal(weir_pg_copy_begin(pg, "COPY lines FROM STDIN", &error), 0);
    assert_int_equal(weir_pg_copy_put(pg, "1\n2\n", 4, &error), 0);
    assert_int_equal(weir_pg_copy_put(pg, "3\n", 2, &error), 0);
    assert_int_equal(weir_pg_copy_end(pg, &rows, &error), 0);
    assert_int_equal(rows, 3);
    assert_int_equal(weir_pg_copy_begin(pg, "COPY lines FROM STDIN", &error), 0);
    assert_int_equal(weir_pg_copy_put(pg, "1\nx\n", 4, &error), 0);
    assert_int_equal(weir_pg_copy_end(pg, &rows, &error), WEIR_DATABASE);
    assert_int_equal(weir_pg_failed(pg)->line, 2);
    /* One that is left by the next statement. */
    assert_int_equal(weir_pg_copy_begin(pg, "COPY lines FROM STDIN", &error), 0);
    assert_int_equal(weir_pg_copy_put(pg, "9\n", 2, &error), 0);
    run(pg, "SELECT 1");
    assert_int_equal(pg_server_count(&server, "SELECT count(*) FROM lines"), 3);
    weir_pg_free(pg);
}

static void test_warnings_are_told_once(void **state) {
    (void)state;
    pg_server_need();
    weir_pg *pg = connected(PATIENCE_MS);
    run(pg, "DO $$BEGIN RAISE WARNING USING ERRCODE = '01000', MESSAGE = 'x'; END$$");
    assert_true(weir_pg_warned(pg, "01000"));
    assert_false(weir_pg_warned(pg, "01000"));
    run(pg, "DO $$BEGIN RAISE NOTICE USING ERRCODE = '01000', MESSAGE = 'x'; END$$");
    assert_false(weir_pg_warned(pg, "01000"));
    weir_pg_free(pg);
}

static void test_commit_of_a_failed_transaction_is_no_commit(void **state) {
    (void)state;
    pg_server_need();
    weir_pg *pg = connected(PATIENCE_MS);
    weir_error error = {0};
    run(pg, "BEGIN");
    assert_int_equal(weir_pg_commit(pg, &error), 0);
    run(pg, "BEGIN");
    assert_int_equal(weir_pg_run(pg, "SELECT 1/0", &error), WEIR_DATABASE);
    assert_int_equal(weir_pg_commit(pg, &error), WEIR_DATABASE);
    /* What only COMMIT refuses is an answer too. */
    run(pg, "CREATE TABLE f (a int UNIQUE DEFERRABLE INITIALLY DEFERRED); BEGIN;"
            "INSERT INTO f VALUES (1), (1)");
    assert_int_equal(weir_pg_commit(pg, &error), WEIR_DATABASE);
    assert_string_equal(weir_pg_failed(pg)->sqlstate, "23505");
    weir_pg_free(pg);
}

/* ---- time ---- */

static void assert_late(weir_pg *pg, int status, uint64_t since) {
    assert_int_equal(status, WEIR_BUSY);
    assert_false(weir_pg_is_open(pg));
    assert_true(now() - since < UINT64_C(5000000000)); /* and not when the server pleases */
}

static void test_a_query_ends_in_time(void **state) {
    (void)state;
    pg_server_need();
    weir_pg *pg = connected(SHORT_MS);
    weir_error error = {0};
    uint64_t since = now();
    assert_late(pg, weir_pg_run(pg, "SELECT pg_sleep(30)", &error), since);
    assert_int_equal(weir_pg_run(pg, "SELECT 1", &error), WEIR_IO); /* not connected */
    assert_int_equal(weir_pg_connect(pg, &error), 0);
    run(pg, "SELECT 1");
    weir_pg_free(pg);
}

static void test_a_stopped_postmaster_ends_connecting_in_time(void **state) {
    (void)state;
    pg_server_need();
    weir_pg *pg = make(server.conninfo, SHORT_MS);
    weir_error error = {0};
    uint64_t since = now();
    assert_int_equal(kill(server.process, SIGSTOP), 0);
    int status = weir_pg_connect(pg, &error);
    assert_int_equal(kill(server.process, SIGCONT), 0);
    assert_late(pg, status, since);
    weir_pg_free(pg);
}

/* More than the sockets hold, so that even the sending waits. */
static void test_a_stopped_backend_ends_each_call_in_time(void **state) {
    (void)state;
    pg_server_need();
    enum { BYTES = 16 << 20 };
    char *much = malloc(BYTES);
    assert_non_null(much);
    memset(much, '\n', BYTES);
    pg_server_run(&server, "CREATE TABLE much (a text)");
    for (int call = 0; call < 4; call++) {
        weir_pg *pg = connected(SHORT_MS);
        weir_error error = {0};
        uint64_t rows, since;
        pid_t stopped = backend(pg);
        run(pg, "BEGIN");
        if (call >= 2) assert_int_equal(weir_pg_copy_begin(pg, "COPY much FROM STDIN", &error), 0);
        assert_int_equal(kill(stopped, SIGSTOP), 0);
        since = now();
        int status = call == 0   ? weir_pg_run(pg, "SELECT 1", &error)
                     : call == 1 ? weir_pg_commit(pg, &error)
                     : call == 2 ? weir_pg_copy_put(pg, much, BYTES, &error)
                                 : weir_pg_copy_end(pg, &rows, &error);
        assert_late(pg, status == WEIR_SINK_UNKNOWN && call == 1 ? WEIR_BUSY : status, since);
        if (call == 1) assert_int_equal(status, WEIR_SINK_UNKNOWN);
        assert_int_equal(kill(stopped, SIGCONT), 0);
        weir_pg_free(pg);
    }
    free(much);
}

static void *hurry_soon(void *pg) {
    (void)usleep(100000);
    weir_pg_hurry(pg, now() + 100000000);
    return NULL;
}

static void test_hurry_ends_a_wait_that_has_begun(void **state) {
    (void)state;
    pg_server_need();
    weir_pg *pg = connected(PATIENCE_MS);
    weir_error error = {0};
    pthread_t thread;
    uint64_t since = now();
    assert_int_equal(pthread_create(&thread, NULL, hurry_soon, pg), 0);
    assert_late(pg, weir_pg_run(pg, "SELECT pg_sleep(30)", &error), since);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(weir_pg_connect(pg, &error), WEIR_BUSY); /* the deadline stays */
    weir_pg_free(pg);
}

/* ---- the other side dies ---- */

static void test_a_backend_killed_before_each_call(void **state) {
    (void)state;
    pg_server_need();
    pg_server_run(&server, "CREATE TABLE killed (a int)");
    for (int call = 0; call < 5; call++) {
        weir_pg *pg = connected(PATIENCE_MS), *killer = connected(PATIENCE_MS);
        weir_error error = {0};
        uint64_t rows;
        char sql[64];
        pid_t victim = backend(pg);
        run(pg, "BEGIN");
        if (call >= 3)
            assert_int_equal(weir_pg_copy_begin(pg, "COPY killed FROM STDIN", &error), 0);
        (void)snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 10000)", (int)victim);
        run(killer, sql);
        int status = WEIR_OK;
        if (call == 0) status = weir_pg_run(pg, "SELECT 1", &error);
        if (call == 1) status = weir_pg_commit(pg, &error);
        if (call == 2) status = weir_pg_copy_begin(pg, "COPY killed FROM STDIN", &error);
        if (call == 3) /* the kernel may take the first */
            for (int i = 0; i < 50 && status == WEIR_OK; i++)
                status = weir_pg_copy_put(pg, "1\n", 2, &error);
        if (call == 4) status = weir_pg_copy_end(pg, &rows, &error);
        assert_int_equal(status, call == 1 ? WEIR_SINK_UNKNOWN : WEIR_IO);
        assert_false(weir_pg_is_open(pg));
        weir_pg_free(killer);
        weir_pg_free(pg);
    }
    assert_int_equal(pg_server_count(&server, "SELECT count(*) FROM killed"), 0);
}

/* A transaction whose session has ended, with a last word that is not read yet. */
static weir_pg *ended_by(const char *setting) {
    char sql[120];
    weir_pg *pg = connected(PATIENCE_MS);
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_stat_activity WHERE pid = %d",
                   (int)backend(pg));
    run(pg, setting);
    while (pg_server_count(&server, sql))
        (void)usleep(10000);
    return pg;
}

static void test_a_session_that_the_server_ends(void **state) {
    (void)state;
    pg_server_need();
    static const struct {
        int since;
        const char *setting, *state;
    } ends[] = {{130000, "SET idle_in_transaction_session_timeout = 10; BEGIN", "25P03"},
                {170000, "SET transaction_timeout = 10; BEGIN", "25P04"}};
    weir_pg *first = connected(PATIENCE_MS);
    int version = weir_pg_version(first);
    weir_pg_free(first);
    for (size_t i = 0; i < 2 && ends[i].since <= version; i++) {
        weir_error error = {0};
        weir_pg *pg = ended_by(ends[i].setting);
        assert_int_equal(weir_pg_run(pg, "SELECT", &error), WEIR_IO);
        assert_string_equal(weir_pg_failed(pg)->sqlstate, ends[i].state);
        assert_false(weir_pg_is_open(pg));
        weir_pg_free(pg);
        pg = ended_by(ends[i].setting);
        assert_int_equal(weir_pg_commit(pg, &error), WEIR_SINK_UNKNOWN);
        weir_pg_free(pg);
    }
}

static void *crash_soon(void *unused) {
    (void)usleep(200000);
    pg_server_stop(&server, SIGQUIT);
    return unused;
}

static void test_a_server_that_dies_during_a_query(void **state) {
    (void)state;
    pg_server_need();
    weir_pg *pg = connected(PATIENCE_MS);
    weir_error error = {0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, crash_soon, NULL), 0);
    assert_int_equal(weir_pg_run(pg, "SELECT pg_sleep(30)", &error), WEIR_IO);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(weir_pg_connect(pg, &error), WEIR_IO); /* nobody is there */
    pg_server_start(&server);
    assert_int_equal(weir_pg_connect(pg, &error), 0);
    weir_pg_free(pg);
}

/* ---- refused connections, and what is said of them ---- */

static int refusal(const char *extra, char sqlstate[6], weir_error *error) {
    char conninfo[300];
    (void)snprintf(conninfo, sizeof conninfo, "host=%s port=%d %s", server.root, server.port,
                   extra);
    weir_pg *pg = make(conninfo, PATIENCE_MS);
    int status = weir_pg_connect(pg, error);
    memcpy(sqlstate, weir_pg_failed(pg)->sqlstate, 6);
    assert_false(weir_pg_is_open(pg));
    weir_pg_free(pg);
    return status;
}

static void test_refusals_are_told_from_a_server_that_is_away(void **state) {
    (void)state;
    pg_server_need();
    char hba[128], sqlstate[6];
    weir_error error = {0};
    assert_int_equal(refusal("user=weir dbname=missing", sqlstate, &error), WEIR_DATABASE);
    assert_string_equal(sqlstate, "3D000");
    assert_non_null(strstr(error.text, "does not exist"));
    assert_null(strstr(error.text, "LOCATION"));
    pg_server_run(&server, "CREATE ROLE teller LOGIN PASSWORD 'right'");
    (void)snprintf(hba, sizeof hba, "%s/pg_hba.conf", server.data);
    FILE *f = fopen(hba, "we");
    assert_non_null(f);
    (void)fputs("local all teller scram-sha-256\nlocal all all trust\n", f);
    assert_int_equal(fclose(f), 0);
    pg_server_run(&server, "SELECT pg_reload_conf(), pg_sleep(0.5)");
    assert_int_equal(refusal("user=teller dbname=postgres password=wrong-one", sqlstate, &error),
                     WEIR_DATABASE);
    assert_string_equal(sqlstate, "28P01");
    assert_null(strstr(error.text, "wrong-one"));
    pg_server_run(&server, "ALTER DATABASE template1 CONNECTION LIMIT 0");
    assert_int_equal(refusal("user=teller dbname=template1 password=right", sqlstate, &error),
                     WEIR_BUSY);
    assert_string_equal(sqlstate, "53300");
}

static void test_no_text_holds_a_password(void **state) {
    (void)state;
    static const char *const refused[] = {
        "postgresql://u:hunter22/x@h/db",
        "postgresql://u:1/hunter22@h/db",
        "postgresql://u:x@hunter22@h/db",
        "postgresql://u:x@?hunter22@h/db",
        "postgresql://u:x@@hunter22/db",
        "dbname=postgresql://u:hunter22@h/db",
        "dbname='host=h password=hunter22'",
        "postgresql://h/host=h%20password=hunter22",
        "host=h,u:hunter22@h dbname=x",
        "hostaddr=u:hunter22@127.0.0.1 dbname=x",
        "postgresql://u:hunter22",
        "postgresql://u:1,hunter22@h:hunter22/db",
        "host=h password='hunter22",
        "host=h hunter22",
        "host=h hunter22=x",
        "postgresql://h/db?hunter22=1",
        "postgresql://u:hunter22%zz@h/db",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        weir_error error = {0};
        weir_pg *pg;
        weir_pg_config config = {.os = weir_os_posix(), .conninfo = refused[i]};
        assert_int_equal(weir_pg_make(&config, &pg, &error), WEIR_MISUSE);
        assert_null(pg);
        assert_null(strstr(error.text, "hunter22"));
    }
    static const struct {
        const char *conninfo, *name;
    } shown[] = {
        {"postgresql://u:hunter22@127.0.0.1:1/db?sslmode=disable", "postgresql://u@127.0.0.1:1/db"},
        {"postgresql://u:?hunter22#@127.0.0.1:1/db", "postgresql://u@127.0.0.1:1/db"},
        {"postgresql://u:hunter22@127.0.0.1:1,127.0.0.1:2/db",
         "postgresql://u@127.0.0.1,127.0.0.1:1,2/db"},
        {"host=/nowhere port=7 user=u dbname=db password=hunter22",
         "postgresql://u@/db?host=/nowhere&port=7"},
        {"hostaddr=127.0.0.1 port=1 password='hunter22' sslmode=hunter22",
         "postgresql://127.0.0.1:1/"},
        {"hostaddr=127.0.0.1 port=1 sslpassword='hunter22' sslmode=hunter22",
         "postgresql://127.0.0.1:1/"},
        {"host=/no@where,/no@where port=7", "postgresql:///?host=/no@where,/no@where&port=7"},
    };
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        weir_error error = {0};
        weir_pg *pg = make(shown[i].conninfo, PATIENCE_MS);
        assert_string_equal(weir_pg_name(pg), shown[i].name);
        assert_int_not_equal(weir_pg_connect(pg, &error), WEIR_OK);
        assert_null(strstr(error.text, "hunter22"));
        assert_null(strstr(weir_pg_failed(pg)->message, "hunter22"));
        weir_pg_free(pg);
    }
}

/* Whatever is cut off, and wherever the server puts it. */
static void assert_kept_out(const char *conninfo, const char *secret) {
    char sql[400];
    weir_error error = {0};
    weir_pg *pg = make(conninfo, PATIENCE_MS);
    if (weir_pg_connect(pg, &error)) fail_msg("%s", error.text);
    run(pg, "CREATE TEMPORARY TABLE taken (a int)");
    (void)snprintf(sql, sizeof sql,
                   "DO $$BEGIN RAISE USING MESSAGE = repeat('x', 394) || '%s', DETAIL = "
                   "'a %s %s', CONSTRAINT = '%s'; END$$",
                   secret, secret, secret, secret);
    assert_int_equal(weir_pg_run(pg, sql, &error), WEIR_DATABASE);
    const weir_pg_failure *f = weir_pg_failed(pg);
    assert_string_equal(f->message + 392, "xx***");
    assert_string_equal(f->detail, "a *** ***");
    assert_string_equal(f->constraint, "***");
    uint64_t rows;
    (void)snprintf(sql, sizeof sql, "%s\n", secret);
    assert_int_equal(weir_pg_copy_begin(pg, "COPY taken FROM STDIN", &error), 0);
    assert_int_equal(weir_pg_copy_put(pg, sql, strlen(sql), &error), 0);
    assert_int_equal(weir_pg_copy_end(pg, &rows, &error), WEIR_DATABASE);
    assert_string_equal(f->context, "COPY taken, line 1, column a: \"***\"");
    assert_null(strstr(error.text, secret));
    weir_pg_free(pg);
}

static void test_no_answer_holds_a_password(void **state) {
    (void)state;
    pg_server_need();
    char conninfo[300];
    (void)snprintf(conninfo, sizeof conninfo, "%s password=hunter22", server.conninfo);
    assert_kept_out(conninfo, "hunter22");
    (void)snprintf(conninfo, sizeof conninfo, "%s password=hunt sslpassword=hunter22",
                   server.conninfo);
    assert_kept_out(conninfo, "hunter22");
    assert_int_equal(setenv("PGPASSWORD", "hunter23", 1), 0);
    assert_kept_out(server.conninfo, "hunter23");
    assert_int_equal(unsetenv("PGPASSWORD"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_query_answers_and_keeps_its_parameters_apart),
        cmocka_unit_test(test_a_failure_says_what_the_server_said),
        cmocka_unit_test(test_copy_counts_and_names_the_line),
        cmocka_unit_test(test_warnings_are_told_once),
        cmocka_unit_test(test_commit_of_a_failed_transaction_is_no_commit),
        cmocka_unit_test(test_a_query_ends_in_time),
        cmocka_unit_test(test_a_stopped_postmaster_ends_connecting_in_time),
        cmocka_unit_test(test_a_stopped_backend_ends_each_call_in_time),
        cmocka_unit_test(test_hurry_ends_a_wait_that_has_begun),
        cmocka_unit_test(test_a_backend_killed_before_each_call),
        cmocka_unit_test(test_a_session_that_the_server_ends),
        cmocka_unit_test(test_a_server_that_dies_during_a_query),
        cmocka_unit_test(test_refusals_are_told_from_a_server_that_is_away),
        cmocka_unit_test(test_no_text_holds_a_password),
        cmocka_unit_test(test_no_answer_holds_a_password),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
