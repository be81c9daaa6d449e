/* test_pgbouncer.c - the server behind pgbouncer: its modes, its deaths, and the other clients of its
 * pool. What belongs to a session is used nowhere: the server's log shows every statement.
 *
 * Covers: postgres/takeover.c, postgres/connection.c */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "numbered.h"

#define PGBOUNCER "/usr/sbin/pgbouncer"

enum { PORT = 6432 /* only a part of the socket's name */, KILLS = 8 };

static pg_server server;
static numbered rows;

typedef struct pool {
    char file[96], conninfo[200];
    pid_t process;
} pool;
static pool pooled;

static const char *missing(void) {
    if (pg_server_missing()) return pg_server_missing();
    return access(PGBOUNCER, X_OK) ? "no pgbouncer here" : NULL;
}

static int make_server(void **state) {
    (void)state;
    if (!missing()) pg_server_make(&server, "-c log_statement=all");
    return 0;
}

static int free_server(void **state) {
    (void)state;
    if (!missing()) pg_server_free(&server);
    return 0;
}

/* ---- the pool -------------------------------------------------------------------------------- */

static void start_pool(void) {
    char *const arguments[] = {PGBOUNCER, "-q", pooled.file, NULL};
    pooled.process = pg_server_spawn(&server, arguments);
    for (int i = 0; PQping(pooled.conninfo) != PQPING_OK; i++) {
        if (i == 1000) fail_msg("pgbouncer does not answer");
        (void)usleep(10000);
    }
}

static void kill_pool(void) {
    if (!pooled.process) return;
    (void)kill(pooled.process, SIGKILL);
    assert_int_equal(waitpid(pooled.process, NULL, 0), pooled.process);
    pooled.process = 0;
}

/* size: of its connections to the server. */
static void make_pool(const char *mode, int size) {
    (void)snprintf(pooled.file, sizeof pooled.file, "%s/pgbouncer.ini", server.root);
    (void)snprintf(pooled.conninfo, sizeof pooled.conninfo,
                   "host=%s port=%d user=weir dbname=postgres connect_timeout=5", server.root,
                   PORT);
    FILE *f = fopen(pooled.file, "we");
    assert_non_null(f);
    fprintf(f,
            "[databases]\npostgres = host=%s port=%d user=weir dbname=postgres\n"
            "[pgbouncer]\nlisten_port = %d\nunix_socket_dir = %s\nauth_type = any\n"
            "pool_mode = %s\ndefault_pool_size = %d\nquery_wait_timeout = 2\n"
            "server_login_retry = 1\n",
            server.root, server.port, PORT, server.root, mode, size);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(pooled.file, 0644), 0);
    start_pool();
}

/* Nothing is left of the test before. */
static void begin(const char *mode, int size) {
    if (missing()) {
        print_message("%s\n", missing());
        skip();
    }
    pg_server_run(&server, "SET client_min_messages = error;"
                           "DROP SCHEMA IF EXISTS other CASCADE; DROP SCHEMA public CASCADE;"
                           "CREATE SCHEMA public");
    make_pool(mode, size);
    numbered_begin(&rows, pooled.conninfo, &(const weir_postgres_options){.timeout_ms = 1500});
}

static int end(void **state) {
    (void)state;
    if (missing()) return 0;
    if (rows.directory[0]) numbered_end(&rows);
    rows.directory[0] = 0;
    kill_pool();
    if (!server.process) pg_server_start(&server);
    return 0;
}

static PGconn *connect_to_pool(void) {
    PGconn *c = PQconnectdb(pooled.conninfo);
    if (PQstatus(c) != CONNECTION_OK) fail_msg("%s", PQerrorMessage(c));
    return c;
}

static void run_on(PGconn *c, const char *sql) {
    PGresult *r = PQexec(c, sql);
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQresultErrorMessage(r));
    PQclear(r);
}

/* ---- the tests ------------------------------------------------------------------------------- */

static void survive_kills(const char *mode) {
    begin(mode, 5);
    for (int i = 0; i < KILLS; i++) {
        numbered_append_for(&rows, 60 + (unsigned)i * 17);
        kill_pool();
        if (i % 3 == 0) numbered_append_for(&rows, 40); /* there is none for a while */
        start_pool();
    }
    numbered_wait(&rows);
    numbered_check(&rows, &server);
    assert_int_equal(numbered_close(&rows), WEIR_OK);
}

static void test_killed_in_transaction_mode(void **state) {
    (void)state;
    survive_kills("transaction");
}

static void test_killed_in_session_mode(void **state) {
    (void)state;
    survive_kills("session");
}

/* The server dies behind it, and it waits for another. */
static void test_the_server_behind_it_dies(void **state) {
    (void)state;
    begin("transaction", 5);
    for (int i = 0; i < 3; i++) {
        numbered_append_for(&rows, 200);
        pg_server_stop(&server, SIGQUIT);
        numbered_append_for(&rows, 50);
        pg_server_start(&server);
    }
    numbered_wait(&rows);
    numbered_check(&rows, &server);
}

/* It stops as a machine does that hangs: nothing is refused, and nothing is answered. */
static void test_it_hangs(void **state) {
    (void)state;
    begin("transaction", 5);
    numbered_append_for(&rows, 200);
    assert_int_equal(kill(pooled.process, SIGSTOP), 0);
    numbered_append_for(&rows, 2000); /* longer than timeout_ms */
    assert_int_equal(kill(pooled.process, SIGCONT), 0);
    numbered_append_for(&rows, 200);
    numbered_wait(&rows);
    numbered_check(&rows, &server);
}

/* One connection for all, which another client has had before and has now: its settings stay. */
static void test_what_another_client_set(void **state) {
    (void)state;
    begin("transaction", 1);
    numbered_append(&rows, 500);
    numbered_wait(&rows);
    PGconn *other = connect_to_pool();
    run_on(other, "CREATE SCHEMA other; CREATE ROLE another;"
                  "CREATE TABLE other.weir_position (LIKE public.weir_position INCLUDING ALL);"
                  "CREATE TABLE other.numbered (LIKE public.numbered);"
                  "SET search_path = other; SET bytea_output = escape;"
                  "SET default_transaction_read_only = on; SET lock_timeout = 1;"
                  "SET default_transaction_isolation = serializable;"
                  "SET synchronous_commit = off; SET statement_timeout = 1;"
                  "SET client_min_messages = error; SET extra_float_digits = -15;"
                  "SET row_security = off; SET role = another;");
    numbered_append(&rows, 500);
    numbered_wait(&rows);
    pg_server_run(&server, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE"
                           " backend_type = 'client backend' AND pid <> pg_backend_pid()");
    numbered_append(&rows, 500); /* on a connection that has none of it */
    numbered_wait(&rows);
    /* A connection is made and checked under such settings too. */
    PQfinish(other);
    other = connect_to_pool();
    run_on(other, "SET search_path = other; SET bytea_output = escape;"
                  "SET default_transaction_read_only = on; SET role = another");
    assert_int_equal(numbered_close(&rows), WEIR_OK);
    numbered_open(&rows, pooled.conninfo, &(const weir_postgres_options){0});
    numbered_append(&rows, 500);
    numbered_wait(&rows);
    PQfinish(other);
    numbered_check(&rows, &server);
    assert_int_equal(pg_server_count(&server, "SELECT count(*) FROM other.numbered"), 0);
    assert_int_equal(pg_server_count(&server, "SELECT count(*) FROM other.weir_position"), 0);
}

/* Another client keeps the only connection: rows wait, and nobody who appends does. */
static void test_no_connection_is_left(void **state) {
    (void)state;
    begin("transaction", 1);
    numbered_append(&rows, 100);
    numbered_wait(&rows);
    PGconn *other = connect_to_pool();
    run_on(other, "BEGIN");
    numbered_append_for(&rows, 3000); /* longer than query_wait_timeout */
    assert_int_equal(pg_server_count(&server, "SELECT count(*) FROM numbered"), 100);
    run_on(other, "COMMIT");
    PQfinish(other);
    numbered_wait(&rows);
    numbered_check(&rows, &server);
}

static bool begins_with(const char *text, const char *with) {
    return !strncmp(text, with, strlen(with));
}

static void judge_statement(const char *sql) {
    static const char *const not [] = {"PREPARE", "DEALLOCATE", "LISTEN",      "DISCARD",
                                       "DECLARE", "RESET",      "CREATE TEMP", "LOAD"};
    for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
        if (begins_with(sql, not [i])) fail_msg("of a session: %s", sql);
    if (begins_with(sql, "SET application_name='"))
        return; /* pgbouncer's own, to a client's name */
    if (begins_with(sql, "SET ") && !begins_with(sql, "SET LOCAL ") &&
        !begins_with(sql, "SET CONSTRAINTS "))
        fail_msg("of a session: %s", sql);
    if (strstr(sql, "advisory") || strstr(sql, "set_config")) fail_msg("of a session: %s", sql);
}

/* Statements that were sent together stand in the log in one line. */
static unsigned judge_log(void) {
    char path[96], line[4000];
    unsigned seen = 0;
    (void)snprintf(path, sizeof path, "%s/log", server.root);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        char *rest = NULL, *named = strstr(line, "execute ");
        char *sql = strstr(line, "statement: ");
        if (named && !sql) {
            if (!begins_with(named, "execute <unnamed>: ")) fail_msg("prepared: %s", line);
            sql = named + strlen("execute <unnamed>: ") - strlen("statement: ");
        }
        if (!sql) continue;
        sql += strlen("statement: ");
        for (char *s = strtok_r(sql, ";\n", &rest); s; s = strtok_r(NULL, ";\n", &rest), seen++)
            judge_statement(s);
    }
    (void)fclose(f);
    return seen;
}

/* All that goes to a table, rows that are refused too, on a server whose log begins with it. */
static void test_nothing_of_a_session_is_used(void **state) {
    (void)state;
    char path[96];
    begin("transaction", 3);
    numbered_append(&rows, 100);
    numbered_wait(&rows);
    pg_server_run(&server, "ALTER TABLE numbered ADD CHECK (n <> 150)");
    (void)snprintf(path, sizeof path, "%s/log", server.root);
    assert_int_equal(truncate(path, 0), 0);
    numbered_append(&rows, 100);
    numbered_wait(&rows);
    assert_int_equal(numbered_close(&rows), WEIR_OK);
    numbered_open(&rows, pooled.conninfo, &(const weir_postgres_options){0});
    numbered_append(&rows, 100);
    numbered_wait(&rows);
    assert_int_equal(numbered_close(&rows), WEIR_OK);
    assert_true(judge_log() > 30);
    assert_int_equal(pg_server_count(&server, "SELECT count(*) FROM numbered"), 299);
    assert_int_equal(pg_server_count(&server, "SELECT \"row\" FROM weir_reject"), 150);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_nothing_of_a_session_is_used, end),
        cmocka_unit_test_teardown(test_killed_in_transaction_mode, end),
        cmocka_unit_test_teardown(test_killed_in_session_mode, end),
        cmocka_unit_test_teardown(test_the_server_behind_it_dies, end),
        cmocka_unit_test_teardown(test_it_hangs, end),
        cmocka_unit_test_teardown(test_what_another_client_set, end),
        cmocka_unit_test_teardown(test_no_connection_is_left, end),
    };
    return cmocka_run_group_tests(tests, make_server, free_server);
}
