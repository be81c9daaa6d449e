/* test_takeover.c - the position in the server: who has it, and what becomes of who had it before.
 *
 * Covers: postgres/takeover.c, postgres/server_checks.c, postgres/positions.c */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "pg_server.h"
#include "postgres/connection_state.h"
#include "postgres/positions.h"
#include "postgres/server_checks.h"
#include "postgres/takeover.h"

enum { TIMEOUT_MS = 600 };

static const weir_id journal = {0xAB, 1, 2, 3};
static const char session[] = "weir ab010203-0000-0000-0000-000000000000";
static pg_server server;

typedef struct client {
    weir_pg *pg;
    weir_pg_hold hold;
    weir_error error;
} client;

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

static void need_server(void) {
    pg_server_need();
    /* Of a test that failed: its locks would hold up the next. */
    pg_server_run(&server, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE"
                           " backend_type = 'client backend' AND pid <> pg_backend_pid()");
    pg_server_run(&server, "SET client_min_messages = error; DROP TABLE IF EXISTS weir_position, t;"
                           "CREATE TABLE weir_position (source uuid PRIMARY KEY, epoch bigint,"
                           " block bigint, \"row\" bigint, hash bytea);"
                           "CREATE TABLE t (n bigint)");
}

/* as: more words of the connection string. */
static void come_as(client *c, const char *as) {
    char conninfo[200];
    (void)snprintf(conninfo, sizeof conninfo, "%s %s", server.conninfo, as);
    weir_pg_config config = {.os = weir_os_posix(), .conninfo = conninfo, .timeout_ms = TIMEOUT_MS};
    *c = (client){0};
    if (weir_pg_make(&config, &c->pg, &c->error) || weir_pg_connect(c->pg, &c->error) ||
        weir_pg_hold_make(&c->hold, NULL, journal, TIMEOUT_MS, &c->error))
        fail_msg("%s", c->error.text);
}

static void come(client *c) { come_as(c, ""); }

static void take(client *c) {
    if (weir_pg_take_over(c->pg, &c->hold, &c->error)) fail_msg("%s", c->error.text);
}

static void begin(client *c) {
    if (weir_pg_hold_begin(c->pg, &c->hold, &c->error)) fail_msg("%s", c->error.text);
}

static weir_position place(uint64_t block) {
    return (weir_position){.block = block, .row = block * 10, .hash = 0x8000000000000000 + block};
}

static void move_and_commit(client *c, uint64_t block) {
    weir_position to = place(block);
    if (weir_pg_hold_move(c->pg, &c->hold, &to, NULL, &c->error) ||
        weir_pg_commit(c->pg, &c->error))
        fail_msg("%s", c->error.text);
    weir_id_copy(to.journal, journal);
    c->hold.at = to;
}

static void test_a_new_journal_has_no_position_and_then_its_own(void **state) {
    (void)state;
    need_server();
    client c, d;
    come(&c);
    take(&c);
    assert_int_equal(c.hold.at.block, 0);
    assert_int_equal(c.hold.epoch, 1);
    begin(&c);
    move_and_commit(&c, 7);
    weir_pg_free(c.pg);
    come(&d);
    take(&d);
    assert_int_equal(d.hold.epoch, 2);
    assert_int_equal(d.hold.at.block, 7);
    assert_int_equal(d.hold.at.row, 70);
    assert_true(d.hold.at.hash == 0x8000000000000007);
    weir_pg_free(d.pg);
}

/* The server would cut a longer one, and mean another schema. */
static void test_a_schema_has_a_name_that_the_server_keeps(void **state) {
    (void)state;
    char name[80];
    weir_error error = {0};
    weir_pg_hold hold;
    for (size_t length = 1; length < sizeof name; length++) {
        memset(name, '"', length);
        name[length] = '\0';
        int status = weir_pg_hold_make(&hold, name, journal, TIMEOUT_MS, &error);
        assert_int_equal(status, length <= 63 ? WEIR_OK : WEIR_MISUSE);
        if (status == WEIR_OK)
            assert_int_equal(strlen(hold.table), 2 * length + strlen("\"\".weir_position"));
        else
            assert_non_null(strstr(error.text, "bytes; PostgreSQL keeps 63"));
    }
}

static void test_a_transaction_shows_its_journal_and_syncs(void **state) {
    (void)state;
    need_server();
    char name[64];
    client c;
    come(&c);
    take(&c);
    assert_int_equal(weir_pg_run(c.pg, "SET synchronous_commit = off", &c.error), 0);
    begin(&c);
    pg_server_ask(
        &server,
        "SELECT application_name FROM pg_stat_activity WHERE state = 'idle in transaction'", name,
        sizeof name);
    assert_string_equal(name, session);
    PGresult *r;
    assert_int_equal(weir_pg_query(c.pg, "SHOW synchronous_commit", NULL, 0, false, &r, &c.error),
                     0);
    assert_string_equal(PQgetvalue(r, 0, 0), "on");
    PQclear(r);
    move_and_commit(&c, 1);
    /* Nothing of it belongs to the session. */
    assert_int_equal(weir_pg_query(c.pg, "SHOW application_name", NULL, 0, false, &r, &c.error), 0);
    assert_string_equal(PQgetvalue(r, 0, 0), "weir");
    PQclear(r);
    weir_pg_free(c.pg);
}

static void show(client *c, const char *setting, char out[64]) {
    char sql[100];
    PGresult *r;
    (void)snprintf(sql, sizeof sql, "SHOW %s", setting);
    if (weir_pg_query(c->pg, sql, NULL, 0, false, &r, &c->error)) fail_msg("%s", c->error.text);
    (void)snprintf(out, 64, "%s", PQgetvalue(r, 0, 0));
    PQclear(r);
}

/* Other clients of a pool leave them behind. */
static void test_the_settings_of_a_session_do_not_matter(void **state) {
    (void)state;
    need_server();
    static const char *const settings[][2] = {
        {"role", "another"},          {"search_path", "pg_temp"}, {"client_encoding", "LATIN1"},
        {"backslash_quote", "off"},   {"DateStyle", "SQL, DMY"},  {"IntervalStyle", "iso_8601"},
        {"TimeZone", "Asia/Tokyo"},   {"lc_monetary", "POSIX"},   {"xmloption", "document"},
        {"array_nulls", "off"},       {"row_security", "off"},    {"statement_timeout", "1h"},
        {"synchronous_commit", "off"}};
    pg_server_run(&server, "CREATE ROLE another");
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        char sql[100], before[64], between[64], within[64];
        client c;
        come(&c);
        take(&c);
        show(&c, settings[i][0], before);
        (void)snprintf(sql, sizeof sql, "SET %s = '%s'", settings[i][0], settings[i][1]);
        if (weir_pg_run(c.pg, sql, &c.error)) fail_msg("%s", c.error.text);
        show(&c, settings[i][0], between);
        assert_string_not_equal(between, before);
        begin(&c);
        show(&c, settings[i][0], within);
        if (strcmp(within, before) != 0) fail_msg("%s = %s", settings[i][0], within);
        weir_pg_free(c.pg);
    }
}

static void test_who_was_taken_over_begins_nothing_more(void **state) {
    (void)state;
    need_server();
    client old, new;
    come(&old);
    take(&old);
    come(&new);
    take(&new);
    assert_int_equal(weir_pg_hold_begin(old.pg, &old.hold, &old.error), WEIR_BUSY);
    assert_int_equal(old.hold.epoch, 0);
    assert_int_equal(weir_pg_run(old.pg, "ROLLBACK", &old.error), 0);
    begin(&new);
    move_and_commit(&new, 1);
    weir_pg_free(old.pg);
    weir_pg_free(new.pg);
}

static void test_a_position_that_was_changed_by_hand_is_seen(void **state) {
    (void)state;
    need_server();
    static const char *const changes[] = {"block = 9", "\"row\" = 9", "hash = '\\x00'",
                                          "epoch = 9"};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char sql[80];
        client c;
        come(&c);
        take(&c);
        (void)snprintf(sql, sizeof sql, "UPDATE weir_position SET %s", changes[i]);
        pg_server_run(&server, sql);
        assert_int_equal(weir_pg_hold_begin(c.pg, &c.hold, &c.error), WEIR_BUSY);
        weir_pg_free(c.pg);
        pg_server_run(&server, "DELETE FROM weir_position");
    }
    static const char *const unsound[] = {"block = -1", "block = NULL", "hash = 'x'"};
    for (size_t i = 0; i < sizeof unsound / sizeof *unsound; i++) {
        char sql[80];
        client c;
        come(&c);
        take(&c);
        (void)snprintf(sql, sizeof sql, "UPDATE weir_position SET %s", unsound[i]);
        pg_server_run(&server, sql);
        assert_int_equal(weir_pg_take_over(c.pg, &c.hold, &c.error), WEIR_DATABASE);
        assert_int_equal(c.hold.epoch, 0);
        weir_pg_free(c.pg);
        pg_server_run(&server, "DELETE FROM weir_position");
    }
}

/* Another that is in a transaction is told to end; it does. */
static void end_a_session_as(const char *as) {
    client old, new;
    come_as(&old, as);
    take(&old);
    begin(&old);
    come_as(&new, as);
    assert_int_equal(weir_pg_take_over(new.pg, &new.hold, &new.error), WEIR_BUSY);
    int status = WEIR_BUSY;
    for (int i = 0; i < 20 && status == WEIR_BUSY; i++)
        status = weir_pg_take_over(new.pg, &new.hold, &new.error);
    assert_int_equal(status, WEIR_OK);
    assert_int_equal(weir_pg_run(old.pg, "SELECT 1", &old.error), WEIR_IO);
    weir_pg_free(old.pg);
    weir_pg_free(new.pg);
}

static void test_a_session_in_a_transaction_is_ended(void **state) {
    (void)state;
    need_server();
    end_a_session_as("");
}

/* A session is its login role's, whoever it acts as: that one may end it, and no other. */
static void test_a_session_of_a_role_that_acts_as_another_is_ended(void **state) {
    (void)state;
    need_server();
    pg_server_run(&server, "CREATE ROLE logs_in LOGIN; CREATE ROLE acts; GRANT acts TO logs_in;"
                           "ALTER ROLE logs_in SET role = acts");
    pg_server_run(&server, "GRANT SELECT, INSERT, UPDATE ON weir_position TO acts");
    end_a_session_as("user=logs_in");
}

/* The same journal may be applied to another database of the server. */
static void test_a_session_in_another_database_is_left_alone(void **state) {
    (void)state;
    need_server();
    client old, other;
    come(&old);
    take(&old);
    begin(&old);
    pg_server_run(&server, "CREATE DATABASE other");
    come_as(&other, "dbname=other");
    if (weir_pg_begin(other.pg, &other.hold, &other.error)) fail_msg("%s", other.error.text);
    client new;
    come(&new);
    assert_int_equal(weir_pg_take_over(new.pg, &new.hold, &new.error), WEIR_BUSY);
    assert_int_equal(weir_pg_run(old.pg, "SELECT 1", &old.error), WEIR_IO);
    assert_int_equal(weir_pg_run(other.pg, "SELECT 1", &other.error), WEIR_OK);
    weir_pg_free(old.pg);
    weir_pg_free(other.pg);
    weir_pg_free(new.pg);
}

static void wait_until_gone(pid_t backend) {
    char sql[80];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_stat_activity WHERE pid = %d",
                   (int)backend);
    for (int i = 0; i < 1000 && pg_server_count(&server, sql); i++)
        (void)usleep(10000);
    assert_int_equal(pg_server_count(&server, sql), 0);
}

/* A batch that the server has not read yet, of a client that is dead. */
static pid_t make_zombie(void) {
    client c;
    come(&c);
    take(&c);
    begin(&c);
    pid_t backend = PQbackendPID(c.pg->connection);
    assert_int_equal(kill(backend, SIGSTOP), 0);
    assert_int_equal(PQsendQuery(c.pg->connection,
                                 "INSERT INTO t SELECT generate_series(1, 100);"
                                 "UPDATE weir_position SET block = 1, \"row\" = 100; COMMIT"),
                     1);
    assert_int_equal(PQflush(c.pg->connection), 0);
    /* No goodbye: as when the client's machine is gone, but that the kernel tells the server. */
    assert_int_equal(shutdown(PQsocket(c.pg->connection), SHUT_WR), 0);
    weir_pg_free(c.pg);
    return backend;
}

/* told: the zombie is told to end before it goes on; else it commits first. Either way the rows come
 * once. */
static void meet_zombie(bool told) {
    need_server();
    pid_t zombie = make_zombie();
    client new;
    come(&new);
    if (told) {
        assert_int_equal(weir_pg_take_over(new.pg, &new.hold, &new.error), WEIR_BUSY);
        assert_int_equal(new.hold.epoch, 0);
    }
    assert_int_equal(kill(zombie, SIGCONT), 0);
    wait_until_gone(zombie);
    take(&new);
    if (!told) assert_int_equal(new.hold.at.block, 1);
    if (new.hold.at.block == 0) {
        begin(&new);
        assert_int_equal(
            weir_pg_run(new.pg, "INSERT INTO t SELECT generate_series(1, 100)", &new.error), 0);
        move_and_commit(&new, 1);
    }
    assert_int_equal(pg_server_count(&server, "SELECT count(*) FROM t"), 100);
    assert_int_equal(pg_server_count(&server, "SELECT count(DISTINCT n) FROM t"), 100);
    weir_pg_free(new.pg);
}

static void test_a_zombie_that_is_told_to_end(void **state) {
    (void)state;
    meet_zombie(true);
}

static void test_a_zombie_that_commits_after_all(void **state) {
    (void)state;
    meet_zombie(false);
}

static void test_positions_are_listed_and_left_alone(void **state) {
    (void)state;
    need_server();
    client c;
    weir_position *found;
    size_t count;
    come(&c);
    assert_int_equal(weir_pg_positions(c.pg, NULL, &found, &count, &c.error), 0);
    assert_int_equal(count, 0);
    take(&c);
    begin(&c);
    move_and_commit(&c, 7);
    assert_int_equal(weir_pg_positions(c.pg, "public", &found, &count, &c.error), 0);
    assert_int_equal(count, 1);
    assert_true(weir_id_equal(found->journal, journal));
    assert_int_equal(found->block, 7);
    assert_int_equal(found->row, 70);
    assert_true(found->hash == 0x8000000000000007);
    free(found);
    /* A session of a pool, which another client has left behind. */
    assert_int_equal(weir_pg_run(c.pg, "SET search_path = pg_temp", &c.error), 0);
    assert_int_equal(weir_pg_positions(c.pg, NULL, &found, &count, &c.error), 0);
    assert_int_equal(count, 1);
    free(found);
    begin(&c); /* it is still ours */
    assert_int_equal(weir_pg_run(c.pg, "ROLLBACK", &c.error), 0);
    pg_server_run(&server, "UPDATE weir_position SET hash = 'short'");
    assert_int_equal(weir_pg_positions(c.pg, NULL, &found, &count, &c.error), WEIR_DATABASE);
    assert_int_equal(weir_pg_positions(c.pg, "no\"where", &found, &count, &c.error), 0);
    assert_int_equal(count, 0);
    weir_pg_free(c.pg);
}

/* ---- what must hold of a server ---- */

static int check_with(const char *setting, weir_error *error) {
    pg_server s;
    weir_pg *pg;
    pg_server_make(&s, setting);
    weir_pg_config config = {.os = weir_os_posix(), .conninfo = s.conninfo};
    assert_int_equal(weir_pg_make(&config, &pg, error), 0);
    assert_int_equal(weir_pg_connect(pg, error), 0);
    int status = weir_pg_check_server(pg, error);
    weir_pg_free(pg);
    pg_server_free(&s);
    return status;
}

static void test_a_server_whose_commits_may_be_lost_is_refused(void **state) {
    (void)state;
    need_server();
    weir_error error = {0};
    assert_int_equal(check_with(NULL, &error), WEIR_OK);
    assert_int_equal(check_with("-c fsync=off", &error), WEIR_DATABASE);
    assert_non_null(strstr(error.text, "fsync = on"));
    assert_int_equal(check_with("-c full_page_writes=off", &error), WEIR_DATABASE);
    assert_non_null(strstr(error.text, "full_page_writes = on"));
}

static void test_an_encoding_and_a_table_that_do_not_do(void **state) {
    (void)state;
    need_server();
    weir_pg *pg;
    weir_error error = {0};
    char conninfo[200];
    client c;
    pg_server_run(&server, "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
                           " TEMPLATE template0");
    (void)snprintf(conninfo, sizeof conninfo, "%s dbname=latin", server.conninfo);
    weir_pg_config config = {.os = weir_os_posix(), .conninfo = conninfo};
    assert_int_equal(weir_pg_make(&config, &pg, &error), 0);
    assert_int_equal(weir_pg_connect(pg, &error), 0);
    assert_int_equal(weir_pg_check_server(pg, &error), WEIR_DATABASE);
    assert_non_null(strstr(error.text, "LATIN1"));
    weir_pg_free(pg);
    come(&c);
    assert_int_equal(weir_pg_check_position_table(c.pg, "weir_position", &error), WEIR_OK);
    pg_server_run(&server, "ALTER TABLE weir_position SET UNLOGGED");
    assert_int_equal(weir_pg_check_position_table(c.pg, "weir_position", &error), WEIR_DATABASE);
    pg_server_run(&server, "ALTER TABLE weir_position SET LOGGED");
    assert_int_equal(weir_pg_run(c.pg, "CREATE TEMP TABLE weir_position (a int)", &error), 0);
    assert_int_equal(weir_pg_check_position_table(c.pg, "weir_position", &error), WEIR_DATABASE);
    assert_int_equal(weir_pg_check_position_table(c.pg, "nowhere", &error), WEIR_DATABASE);
    weir_pg_free(c.pg);
}

static void test_a_standby_is_waited_for(void **state) {
    (void)state;
    need_server();
    pg_server standby;
    weir_pg *pg;
    weir_error error = {0};
    weir_position *found;
    size_t count;
    pg_server_make_standby(&standby, &server, NULL);
    weir_pg_config config = {.os = weir_os_posix(), .conninfo = standby.conninfo};
    assert_int_equal(weir_pg_make(&config, &pg, &error), 0);
    assert_int_equal(weir_pg_connect(pg, &error), 0);
    assert_int_equal(weir_pg_check_server(pg, &error), WEIR_BUSY);
    assert_int_equal(weir_pg_positions(pg, NULL, &found, &count, &error), WEIR_OK);
    pg_server_promote(&standby);
    assert_int_equal(weir_pg_check_server(pg, &error), WEIR_OK);
    weir_pg_free(pg);
    pg_server_free(&standby);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_journal_has_no_position_and_then_its_own),
        cmocka_unit_test(test_a_schema_has_a_name_that_the_server_keeps),
        cmocka_unit_test(test_a_transaction_shows_its_journal_and_syncs),
        cmocka_unit_test(test_the_settings_of_a_session_do_not_matter),
        cmocka_unit_test(test_who_was_taken_over_begins_nothing_more),
        cmocka_unit_test(test_a_position_that_was_changed_by_hand_is_seen),
        cmocka_unit_test(test_a_session_in_a_transaction_is_ended),
        cmocka_unit_test(test_a_session_of_a_role_that_acts_as_another_is_ended),
        cmocka_unit_test(test_a_session_in_another_database_is_left_alone),
        cmocka_unit_test(test_a_zombie_that_is_told_to_end),
        cmocka_unit_test(test_a_zombie_that_commits_after_all),
        cmocka_unit_test(test_positions_are_listed_and_left_alone),
        cmocka_unit_test(test_a_server_whose_commits_may_be_lost_is_refused),
        cmocka_unit_test(test_an_encoding_and_a_table_that_do_not_do),
        cmocka_unit_test(test_a_standby_is_waited_for),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
