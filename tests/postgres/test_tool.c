/* test_tool.c - the tool and a server: replay --into, status --to, check, detach; what it says, and that
 * it never says a password.
 *
 * Covers: recovery/server.c, recovery/server/standing.c, recovery/server/trial.c, recovery/detach.c,
 * recovery/rebuild.c, recovery/complaints.c, postgres/positions.c,
 * postgres/check.c, postgres/check_points.c, postgres/check_rows.c, postgres/check_takeover.c */
#include <time.h>

#include "tool.h"

#include <weir/postgres.h>

#include "lib/journal/sinks.h"
#include "lib/verify/sink_files.h"
#include "message_proxy.h"
#include "pg_server.h"
#include "postgres/check_points.h"
#include "postgres/positions.h"

#define CANARY "Tweet-tweet-4711"

static pg_server server;

/* ---- fixture ---- */

static int set_up_server(void **state) {
    (void)state;
    if (pg_server_missing()) return 0;
    pg_server_make(&server, NULL);
    pg_server_run(&server, "CREATE ROLE canary LOGIN PASSWORD '" CANARY "'");
    char path[120];
    (void)snprintf(path, sizeof path, "%s/pg_hba.conf", server.data);
    static const char rules[] = "local all canary scram-sha-256\nlocal all all trust\n"
                                "host all all 127.0.0.1/32 trust\nlocal replication all trust\n";
    weir_file_write(path, rules, sizeof rules - 1);
    pg_server_run(&server, "SELECT pg_reload_conf()");
    return 0;
}

static int tear_down_server(void **state) {
    (void)state;
    if (!pg_server_missing()) pg_server_free(&server);
    return 0;
}

static int set_up_tool(void **state) {
    assert_int_equal(set_up(state), 0);
    ((fixture *)*state)->binary = WEIR_TOOL;
    return 0;
}

static fixture *fixture_of(void **state) {
    pg_server_need();
    pg_server_run(&server, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE"
                           " backend_type = 'client backend' AND pid <> pg_backend_pid()");
    pg_server_run(&server, "SET client_min_messages = error; DROP SCHEMA IF EXISTS public, other "
                           "CASCADE; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO PUBLIC");
    return *state;
}

#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_tool, tear_down)

static void assert_rows_once(long long rows) {
    assert_int_equal(pg_server_count(&server, "SELECT count(*) FROM t"), rows);
    assert_int_equal(pg_server_count(&server, "SELECT count(DISTINCT id) FROM t"), rows);
    assert_int_equal(pg_server_count(&server, "SELECT coalesce(min(id), 1) FROM t"), 1);
}

/* All rows of t as text, for free(). The same of both. */
static char *rows_of_server(void) {
    PGconn *pg = pg_server_connect(&server);
    PGresult *r =
        PQexec(pg, "SELECT string_agg(id || '|' || coalesce((x * 2)::bigint::text, '-') ||"
                   " '|' || coalesce(name, '-') || '|' || upper(encode(data, 'hex')),"
                   " E'\\n' ORDER BY id) FROM t");
    assert_int_equal(PQresultStatus(r), PGRES_TUPLES_OK);
    char *text = strdup(PQgetvalue(r, 0, 0));
    PQclear(r);
    PQfinish(pg);
    return text;
}

static char *rows_of_sqlite(const char *path) {
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    static const char sql[] =
        "SELECT group_concat(line, char(10)) FROM (SELECT id || '|' || ifnull(CAST(x * 2 AS "
        "INTEGER), '-') || '|' || ifnull(name, '-') || '|' || hex(data) AS line FROM t ORDER BY "
        "id)";
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    char *text = strdup((const char *)sqlite3_column_text(s, 0));
    assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_non_null(text);
    return text;
}

/* ---- journals ---- */

enum { LARGE_ROWS = 1200, LARGE_BYTES = 20000 };

/* Rows that are many transactions of a server, kept in an archive; closed. */
static void leave_large(const fixture *f) {
    weir_options options = {.archive = 1, .segment_bytes = 4 << 20};
    weir_rng rng = {7};
    weir *w = open_here(f, &options);
    append_noise(declare(w, "t"), &rng, 1, LARGE_ROWS, LARGE_BYTES);
    reach(w, WEIR_APPLIED);
    must(weir_close(w), 16);
}

static void leave_archived(const fixture *f) {
    weir *w = open_here(f, &(weir_options){.archive = 1});
    append_rows(declare(w, "t"), 1, ROWS);
    reach(w, WEIR_APPLIED);
    must(weir_close(w), 16);
}

static int replay(fixture *f) {
    return run(f, "replay", "--into", server.conninfo, f->journal, NULL);
}

/* ---- replay ---- */

static void a_server_gets_what_a_file_gets(void **state) {
    fixture *f = fixture_of(state);
    in_a_child(f, leave_large);
    run(f, "replay", "--into", f->other, f->journal, NULL), expect(f, RECOVERED);
    run(f, "replay", "--into", server.url, f->journal, NULL), expect(f, RECOVERED);
    expect_text(f->out, "1200 rows replayed, up to row 1200");
    char *wanted = rows_of_sqlite(f->other), *found = rows_of_server();
    assert_int_equal(strlen(wanted), strlen(found));
    assert_string_equal(wanted, found);
    free(wanted);
    free(found);
    run(f, "replay", "--json", "--into", server.url, f->journal, NULL), expect(f, CLEAN);
    expect_text(f->out, "{\"type\":\"replayed\",\"database\":\"postgresql://");
    expect_text(f->out, "\"rows\":0,\"rejected\":0,\"ignored\":0,\"last_row\":1200,\"lost\":0}");
    assert_rows_once(LARGE_ROWS);
}

/* Journal and archive in parts, and a bound. */
static void a_replay_stops_at_a_row_and_goes_on(void **state) {
    fixture *f = fixture_of(state);
    in_a_child(f, leave_archived);
    run(f, "replay", "--into", server.conninfo, "--to", "7", f->journal, NULL);
    expect(f, RECOVERED);
    assert_rows_once(7);
    assert_null(strstr(f->err, "stay in the journal"));
    run(f, "replay", "--dry-run", "--into", server.conninfo, f->journal, NULL);
    expect(f, RECOVERED);
    expect_text(f->out, "would apply 43 rows");
    assert_rows_once(7);
    replay(f), expect(f, RECOVERED);
    assert_rows_once(ROWS);
}

static void a_rehearsal_makes_no_table(void **state) {
    fixture *f = fixture_of(state);
    in_a_child(f, leave_both);
    run(f, "replay", "--dry-run", "--into", server.conninfo, f->journal, NULL);
    assert_null(strstr(f->out, "would apply 51"));
    assert_int_equal(pg_server_count(&server, "SELECT count(*) FROM pg_class c JOIN pg_namespace n"
                                              " ON n.oid = relnamespace WHERE nspname = 'public'"),
                     0);
}

static void tables_may_stand_in_a_schema(void **state) {
    fixture *f = fixture_of(state);
    in_a_child(f, leave_archived);
    pg_server_run(&server, "CREATE SCHEMA other");
    run(f, "replay", "--into", server.conninfo, "--schema", "other", f->journal, NULL);
    expect(f, RECOVERED);
    assert_int_equal(pg_server_count(&server, "SELECT count(*) FROM other.t"), ROWS);
    assert_int_equal(pg_server_count(&server, "SELECT count(*) FROM other.weir_position"), 1);
    run(f, "status", "--to", server.conninfo, "--schema", "other", f->journal, NULL);
    expect_text(f->out, "current: ");
}

/* The last block that names another as durable is itself named by none. */
static void a_server_gets_only_what_is_vouched_for(void **state) {
    fixture *f = fixture_of(state);
    in_a_child(f, leave_durable);
    replay(f), expect(f, RECOVERED);
    long long first = pg_server_count(&server, "SELECT count(*) FROM t");
    assert_int_equal(first, ROWS - ROWS_OF_GROUP);
    expect_text(f->err, "10 rows stay in the journal (0 of them in the ring");
    expect_text(f->err, "a durable mark vouches for");
    expect_text(f->err, "with the server attached, or with archive set");
    run(f, "replay", "--into", f->other, f->journal, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->other), ROWS); /* a file is not kept from it */
    replay(f), expect(f, CLEAN);
    assert_rows_once(first);
}

static void leave_archive_made(const fixture *f) {
    must(weir_close(open_here(f, &(weir_options){.archive = 1})), 16);
    (void)mkdir(weir_temp_path(f->journal, "archive"), 0700); /* or it is there */
}

/* With an archive, which keeps them: after recovery all of them come. */
static void leave_archive_and_die(const fixture *f) {
    leave_archive_made(f);
    weir *w = open_here(f, &(weir_options){.archive = 1, .linger_ms = 600000});
    lock_database(f->database);
    weir_table *table = declare(w, "t");
    for (int64_t id = 1; id <= 30; id += 10) {
        append_rows(table, id, id + 9);
        reach(w, WEIR_DURABLE);
    }
    append_rows(table, 31, ROWS);
    die();
}

static void rows_of_a_ring_come_after_recovery(void **state) {
    fixture *f = fixture_of(state);
    in_a_child(f, leave_archive_and_die);
    uint64_t before = tree_hash(f->journal);
    replay(f), expect(f, RECOVERED);
    assert_rows_once(20);
    expect_text(f->err, "30 rows stay in the journal (20 of them in the ring of a dead process)");
    expect_text(f->err, "or recover it (weir-recover ");
    assert_true(tree_hash(f->journal) == before);
    replay(f), expect(f, CLEAN);
    assert_rows_once(20);
    run(f, "recover", f->database, NULL), expect(f, RECOVERED);
    replay(f), expect(f, RECOVERED);
    assert_rows_once(ROWS);
    assert_null(strstr(f->err, "stay in the journal"));
}

/* ---- what happens midway ---- */

/* Each COPY takes a while, so that a test comes between two. */
static void make_slow_table(void) {
    pg_server_run(&server, "CREATE TABLE t (id bigint, x double precision, name text, data bytea);"
                           "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
                           " 'BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END';"
                           "CREATE TRIGGER dawdle BEFORE INSERT ON t EXECUTE FUNCTION dawdle()");
}

static pid_t start_replay(fixture *f, char *conninfo) {
    static char name[] = "weir", verb[] = "replay", into[] = "--into";
    char *arguments[] = {name, verb, into, conninfo, f->journal, NULL};
    char out[280], err[280];
    (void)snprintf(out, sizeof out, "%s.slow", f->directory);
    (void)snprintf(err, sizeof err, "%s.slow.err", f->directory);
    pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGINT, SIG_DFL);
        become_the_tool(f, arguments, out, err);
    }
    assert_true(child > 0);
    return child;
}

static char *slow_words(const fixture *f) {
    char path[280];
    (void)snprintf(path, sizeof path, "%s.slow.err", f->directory);
    char *text = weir_file_text(path);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s.slow", f->directory);
    (void)unlink(path);
    return text;
}

static long long wait_for_more_than(long long rows) {
    const struct timespec pause = {0, 5000000};
    for (int i = 0; i < 4000; i++) {
        long long now = pg_server_count(&server, "SELECT count(*) FROM t");
        if (now > rows) return now;
        (void)nanosleep(&pause, NULL);
    }
    fail_msg("no more than %lld rows come", rows);
    return 0;
}

static void a_killed_replay_goes_on(void **state) {
    fixture *f = fixture_of(state);
    long long rows = 0;
    in_a_child(f, leave_large);
    make_slow_table();
    for (int i = 0; i < 2; i++) {
        int status;
        pid_t child = start_replay(f, server.conninfo);
        rows = wait_for_more_than(rows);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        free(slow_words(f));
        assert_true(rows < LARGE_ROWS);
        assert_rows_once(pg_server_count(&server, "SELECT count(*) FROM t"));
    }
    replay(f), expect(f, RECOVERED);
    assert_rows_once(LARGE_ROWS);
}

static void an_interrupted_replay_says_so_and_goes_on(void **state) {
    fixture *f = fixture_of(state);
    int status;
    in_a_child(f, leave_large);
    make_slow_table();
    pid_t child = start_replay(f, server.conninfo);
    (void)wait_for_more_than(0);
    assert_int_equal(kill(child, SIGINT), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    char *words = slow_words(f);
    expect_text(words, "stopped by a signal after row ");
    expect_text(words, "run it again to go on");
    free(words);
    assert_true(pg_server_count(&server, "SELECT count(*) FROM t") < LARGE_ROWS);
    replay(f), expect(f, RECOVERED);
    assert_rows_once(LARGE_ROWS);
}

static void a_server_may_be_restarted_midway(void **state) {
    fixture *f = fixture_of(state);
    int status;
    in_a_child(f, leave_large);
    make_slow_table();
    pid_t child = start_replay(f, server.conninfo);
    (void)wait_for_more_than(0);
    pg_server_stop(&server, SIGQUIT);
    pg_server_start(&server);
    assert_int_equal(waitpid(child, &status, 0), child);
    char *words = slow_words(f);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != RECOVERED) fail_msg("%x %s", status, words);
    expect_text(words, "it is tried again, for up to 60 s without progress");
    free(words);
    assert_rows_once(LARGE_ROWS);
}

/* Done or undone, a COMMIT without an answer is neither lost nor done twice. */
static void answers_of_commits_are_lost(void **state) {
    fixture *f = fixture_of(state);
    static const proxy_act cuts[] = {PROXY_CUT_BEHIND, PROXY_CUT_BEFORE, PROXY_CUT_BEHIND};
    const struct timespec pause = {0, 5000000};
    int status;
    in_a_child(f, leave_large);
    make_slow_table();
    message_proxy *proxy = message_proxy_start(&server);
    pid_t child = start_replay(f, proxy->conninfo);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        message_proxy_plan_at(proxy, "COMMIT", 0, cuts[i]);
        while (atomic_load(&proxy->awaits) && waitpid(child, &status, WNOHANG) == 0)
            (void)nanosleep(&pause, NULL);
    }
    assert_false(atomic_load(&proxy->awaits));
    assert_int_equal(waitpid(child, &status, 0), child);
    message_proxy_stop(proxy);
    char *words = slow_words(f);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != RECOVERED) fail_msg("%x %s", status, words);
    free(words);
    assert_rows_once(LARGE_ROWS);
    replay(f), expect(f, CLEAN);
}

/* ---- what it refuses ---- */

static void another_history_is_refused(void **state) {
    fixture *f = fixture_of(state);
    in_a_child(f, leave_archived);
    run(f, "replay", "--into", server.conninfo, "--to", "7", f->journal, NULL);
    pg_server_run(&server, "UPDATE weir_position SET hash = '\\x0123456789abcdef', block = 1");
    replay(f), expect(f, DAMAGE);
    expect_text(f->err, "is of another history of this journal");
    assert_rows_once(7);
    run(f, "status", "--to", server.conninfo, f->journal, NULL), expect(f, DAMAGE);
    expect_text(f->out, "foreign: the server's position, row 7 at block 1");
    run(f, "status", "--json", "--to", server.conninfo, f->journal, NULL), expect(f, DAMAGE);
    expect_text(f->out, "{\"type\":\"server\",\"state\":\"foreign\",");
}

static void a_server_ahead_is_refused(void **state) {
    fixture *f = fixture_of(state);
    in_a_child(f, leave_archived);
    replay(f);
    pg_server_run(&server, "UPDATE weir_position SET block = 1000, \"row\" = 9999");
    replay(f), expect(f, DAMAGE);
    expect_text(f->err, "the server has applied up to row 9999");
    run(f, "status", "--to", server.conninfo, f->journal, NULL), expect(f, DAMAGE);
    expect_text(f->out, "ahead: ");
}

/* A journal lets go of rows that its own database has. */
static void rows_that_are_gone_are_named(void **state) {
    fixture *f = fixture_of(state);
    char path[300];
    in_a_child(f, leave_archive);
    for (int segment = 1; segment <= 2; segment++) { /* the first may have no row */
        (void)snprintf(path, sizeof path, "%s/archive/segment-%020d", f->journal, segment);
        assert_int_equal(unlink(path), 0);
    }
    replay(f), expect(f, DAMAGE);
    expect_text(f->err, "have left the journal");
    expect_text(f->err, "to fill postgresql://");
    run(f, "status", "--to", server.conninfo, f->journal, NULL), expect(f, DAMAGE);
    expect_text(f->out, "gap: rows 1 to ");
    run(f, "replay", "--skip-damage", "--into", server.conninfo, f->journal, NULL);
    expect(f, DAMAGE);
    expect_text(f->err, "weir: rows 1 to ");
    expect_text(f->err, " are left out: ");
    assert_null(strstr(f->err, "stay in the journal"));
}

/* What is damaged is of the journal; the server cannot be salvaged, nor can the database that has it all. */
static void damage_is_told_for_a_server(void **state) {
    fixture *f = fixture_of(state);
    char path[300];
    in_a_child(f, leave_archive);
    (void)snprintf(path, sizeof path, "%s/archive/segment-%020d", f->journal, 2);
    assert_int_equal(unlink(path), 0);
    run(f, "status", "--to", server.conninfo, f->journal, NULL), expect(f, DAMAGE);
    expect_text(f->out, "leave these rows out (replay --skip-damage)");
    assert_null(strstr(f->out, "weir salvage"));
}

static void what_cannot_be_connected_to_is_said(void **state) {
    fixture *f = fixture_of(state);
    char text[300];
    in_a_child(f, leave_archived);
    (void)snprintf(text, sizeof text, "%s dbname=nowhere", server.conninfo);
    run(f, "replay", "--into", text, f->journal, NULL), expect(f, FAILED);
    expect_text(f->err, "database \"nowhere\" does not exist");
    (void)snprintf(text, sizeof text, "%s user=canary password=wrong", server.conninfo);
    run(f, "replay", "--into", text, f->journal, NULL), expect(f, FAILED);
    expect_text(f->err, "password authentication failed");
    run(f, "status", "--json", "--to", text, f->journal, NULL), expect(f, FAILED);
    expect_text(f->out, "{\"type\":\"error\",\"status\":\"WEIR_DATABASE\"");
    run(f, "check", "postgresql://nobody@127.0.0.1:1/x", NULL), expect(f, FAILED);
    expect_text(f->err, "postgresql://nobody@127.0.0.1:1/x: ");
}

static void the_package_is_named_when_the_library_is_missing(void **state) {
    fixture *f = fixture_of(state);
    const char *given = getenv("WEIR_POSTGRES");
    char *part = strdup(given ? given : "");
    in_a_child(f, leave_archived);
    (void)setenv("WEIR_POSTGRES", "/nowhere/libweir-postgres.so.1", 1);
    replay(f), expect(f, FAILED);
    expect_text(f->err, "install libweir-postgres1");
    run(f, "status", "--to", server.conninfo, f->journal, NULL), expect(f, FAILED);
    expect_text(f->err, "install libweir-postgres1");
    run(f, "check", "--json", server.conninfo, NULL), expect(f, FAILED);
    expect_text(f->out, "install libweir-postgres1");
    (void)setenv("WEIR_POSTGRES", part, 1);
    free(part);
}

static void options_that_make_no_sense_are_refused(void **state) {
    fixture *f = fixture_of(state);
    in_a_child(f, leave_archived);
    run(f, "replay", "--into", server.conninfo, "--integrity", "quick", f->journal, NULL);
    expect(f, USAGE);
    run(f, "replay", "--into", f->other, "--schema", "x", f->journal, NULL), expect(f, USAGE);
    run(f, "status", "--to", f->other, f->journal, NULL), expect(f, USAGE);
    run(f, "status", "--to", server.conninfo, "--check", f->journal, NULL), expect(f, USAGE);
    run(f, "check", f->other, NULL), expect(f, USAGE);
    run(f, "recover", server.url, NULL), expect(f, USAGE);
    run(f, "salvage", "--to", server.url, f->journal, NULL), expect(f, USAGE);
    expect_text(f->err, "--to takes no server");
}

/* ---- status --to ---- */

static void the_standing_of_a_server(void **state) {
    fixture *f = fixture_of(state);
    in_a_child(f, leave_archived);
    run(f, "status", "--to", server.conninfo, f->journal, NULL), expect(f, CLEAN);
    expect_text(f->out, "none: the server has nothing of this journal; 50 durable rows wait");
    run(f, "replay", "--into", server.conninfo, "--to", "7", f->journal, NULL);
    run(f, "status", "--to", server.conninfo, f->journal, NULL), expect(f, CLEAN);
    expect_text(f->out, "behind: 43 durable rows are not there yet");
    expect_text(f->out, "position  row 7, block ");
    expect_text(f->out, "taken over 1 times");
    pg_server_run(&server, "INSERT INTO weir_position VALUES (gen_random_uuid(), 1, 1, 1, "
                           "'\\x0000000000000000')");
    replay(f);
    run(f, "status", "--json", "--to", server.conninfo, f->journal, NULL), expect(f, CLEAN);
    expect_text(f->out, "{\"type\":\"server\",\"state\":\"current\",");
    expect_text(f->out, "\"known\":true,\"row\":50,");
    expect_text(f->out, "\"epoch\":2,\"durable\":50,\"waiting\":0,\"in_ring\":0,\"rejected\":0,");
    expect_text(f->out, "\"other_journals\":1}");
    run(f, "status", "--to", server.conninfo, f->journal, NULL);
    expect_text(f->out, "it has positions of 1 other journals");
}

static void leave_text_as_number(const fixture *f) {
    weir *w = open_here(f, &(weir_options){.archive = 1});
    weir_table *table = declare(w, "t");
    append_rows(table, 1, 3);
    must(weir_append(table, weir_text("no number"), weir_real(1), weir_null(), weir_null()), 12);
    reach(w, WEIR_APPLIED);
    must(weir_close(w), 16);
}

static void refused_rows_are_counted(void **state) {
    fixture *f = fixture_of(state);
    in_a_child(f, leave_text_as_number);
    replay(f), expect(f, RECOVERED);
    expect_text(f->out, "1 of them are in weir_reject");
    run(f, "status", "--to", server.conninfo, f->journal, NULL), expect(f, CLEAN);
    expect_text(f->out, "1 in the reject table");
}

/* ---- a journal without a database ---- */

static void leave_for_server(const fixture *f) {
    const weir_postgres_options kept = {.keep_s = 3600};
    weir *w;
    must(weir_open_postgres(server.conninfo, f->other, NULL, &kept, &w), 16);
    append_rows(declare(w, "t"), 1, ROWS);
    reach(w, WEIR_APPLIED);
    must(weir_close(w), 16);
}

static void leave_unsent(const fixture *f) {
    const weir_options options = {.open_timeout_ms = 1};
    weir *w;
    must(weir_open_postgres("host=/nowhere", f->other, &options, NULL, &w), 16);
    append_rows(declare(w, "t"), 1, ROWS);
    reach(w, WEIR_DURABLE);
    (void)weir_close(w); /* rows wait */
}

/* What the server has needs no recovery, though its segments are kept. */
static void rows_on_a_first_server_are_applied(void **state) {
    fixture *f = fixture_of(state);
    in_a_child(f, leave_for_server);
    run(f, "status", f->other, NULL), expect(f, CLEAN);
    expect_text(f->out, "has rows up to 50, 0 wait");
    assert_null(strstr(f->out, "to do"));
    run(f, "status", "--json", f->other, NULL), expect(f, CLEAN);
    expect_text(f->out, "\"to_recover\":0");
    run(f, "status", "--check", f->other, NULL), expect(f, CLEAN);
    expect_text(f->out, "weir OK: 0 rows wait");
}

/* It cannot be salvaged, since there is no database: what is sound of it is replayed. */
static void a_damaged_journal_of_a_first_server(void **state) {
    fixture *f = fixture_of(state);
    char path[300];
    weir *w;
    size_t bytes;
    in_a_child(f, leave_for_server);
    pg_server_run(&server, "DROP TABLE t, weir_position, weir_reject");
    (void)snprintf(path, sizeof path, "%s/segment-%020d", f->other, 1);
    uint8_t *content = weir_file_read(path, &bytes);
    content[WEIR_BLOCK_ALIGN * 2 + 100] ^= 1;
    weir_file_write(path, content, bytes);
    free(content);
    assert_int_equal(weir_open_postgres(server.conninfo, f->other, NULL, NULL, &w), WEIR_DAMAGED);
    expect_text(weir_last_error(), "(weir replay --skip-damage --into SERVER ");
    run(f, "replay", "--skip-damage", "--into", server.conninfo, f->other, NULL);
    expect(f, DAMAGE);
}

static void rows_for_a_first_server_wait_for_the_program(void **state) {
    fixture *f = fixture_of(state);
    in_a_child(f, leave_unsent);
    run(f, "status", f->other, NULL), expect(f, CLEAN);
    expect_text(f->out, "50 rows are not in postgres yet: start the program");
    run(f, "status", "--check", f->other, NULL), expect(f, 24);
    expect_text(f->out, "could be applied: start the program | waiting=50");
    run(f, "report", "-o", "-", f->other, NULL), expect(f, CLEAN);
    assert_null(strstr(f->out, "weir-recover"));
}

/* ---- check ---- */

static void a_server_that_fits(void **state) {
    fixture *f = fixture_of(state);
    run(f, "check", server.url, NULL), expect(f, CLEAN);
    expect_text(f->out, "yes  a COPY is undone with its transaction: 0 of 50000 rows were left");
    expect_text(f->out, "yes  of a session in a transaction nothing comes after a takeover: 0 of");
    expect_text(f->out, " fits: ");
    expect_text(f->out, " fits: 21 of 21 points hold");
    assert_null(strstr(f->out, "NO"));
    assert_int_equal(lines(f->out), 22);
    run(f, "check", "--json", server.conninfo, NULL), expect(f, CLEAN);
    expect_text(f->out, "{\"type\":\"checked\",");
    expect_text(f->out, "\"fits\":true,\"points\":21,\"lacking\":0}");
    assert_int_equal(pg_server_count(&server, "SELECT count(*) FROM pg_class WHERE relname LIKE"
                                              " 'weir%'"),
                     0);
}

static void a_server_that_does_not_fit(void **state) {
    fixture *f = fixture_of(state);
    char text[300];
    pg_server_run(&server, "ALTER SYSTEM SET full_page_writes = off");
    pg_server_run(&server, "SELECT pg_reload_conf(); SELECT pg_sleep(0.3)");
    run(f, "check", server.conninfo, NULL);
    pg_server_run(&server, "ALTER SYSTEM RESET full_page_writes");
    pg_server_run(&server, "SELECT pg_reload_conf(); SELECT pg_sleep(0.3)");
    expect(f, DAMAGE);
    expect_text(f->out, "NO   a crash tears no page: full_page_writes = off: set");
    expect_text(f->out, "does not fit: 1 of 21 points do not hold");
    pg_server_run(&server, "REVOKE ALL ON SCHEMA public FROM PUBLIC; CREATE TABLE weir_position "
                           "(source uuid); GRANT USAGE ON SCHEMA public TO PUBLIC");
    (void)snprintf(text, sizeof text, "%s user=canary password=" CANARY, server.conninfo);
    run(f, "check", text, NULL), expect(f, DAMAGE);
    expect_text(f->out,
                "NO   the role may use the table weir_position: GRANT SELECT,INSERT,UPDATE");
    pg_server_run(&server,
                  "CREATE TABLE weir_reject (id bigint); GRANT INSERT ON weir_reject TO canary");
    run(f, "check", text, NULL), expect(f, DAMAGE);
    expect_text(f->out, "yes  the role may use the table weir_reject: ");
    expect_text(f->out, "NO   the role may make tables that last: ");
    expect_text(f->out, "; nothing more is tried; --schema names");
}

/* A role that may end no session fits, and the column has three words. */
static void what_a_server_may_lack(void **state) {
    fixture *f = fixture_of(state);
    char text[300];
    pg_server_run(&server, "CREATE SCHEMA own AUTHORIZATION canary");
    pg_server_run(&server, "REVOKE EXECUTE ON FUNCTION pg_terminate_backend FROM PUBLIC");
    (void)snprintf(text, sizeof text, "%s user=canary password=" CANARY, server.conninfo);
    run(f, "check", "--schema", "own", text, NULL);
    pg_server_run(&server, "GRANT EXECUTE ON FUNCTION pg_terminate_backend TO PUBLIC");
    pg_server_run(&server, "DROP SCHEMA own");
    expect(f, CLEAN);
    expect_text(f->out,
                "\n-    the role may end its own other sessions: weir waits until the connection"
                " of such a session ends by itself; weir can do without");
    expect_text(f->out, " fits: 20 of 21 points hold");
    assert_null(strstr(f->out, "NO"));
}

static void end_session(void *context, const weir_pg_point *point) {
    int *points = context;
    ++*points;
    if (strcmp(point->name, "copy") != 0) return;
    pg_server_run(&server, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE"
                           " backend_type = 'client backend' AND pid <> pg_backend_pid()");
}

/* What was tried is said, the loss is an error, and the tables go all the same. */
static void a_check_that_loses_its_server(void **state) {
    (void)fixture_of(state);
    const weir_pg_config config = {.os = weir_os_posix(), .conninfo = server.conninfo};
    weir_error error = {0};
    weir_pg *one, *two;
    int points = 0;
    weir_pg_stand stand;
    static const weir_id nobody = {1};
    assert_int_equal(weir_pg_make(&config, &one, &error), WEIR_OK);
    assert_int_equal(weir_pg_make(&config, &two, &error), WEIR_OK);
    assert_int_equal(weir_pg_connect(one, &error), WEIR_OK);
    assert_int_equal(weir_pg_connect(two, &error), WEIR_OK);
    assert_int_equal(weir_pg_stand_of(one, NULL, nobody, &stand, &error), WEIR_OK);
    assert_false(stand.known);
    assert_int_equal(weir_pg_check_points(one, two, NULL, end_session, &points, &error), WEIR_IO);
    assert_int_equal(points, 12); /* up to the next one, and that the tables are gone */
    assert_int_equal(pg_server_count(&server, "SELECT count(*) FROM pg_class WHERE relname LIKE"
                                              " 'weir%'"),
                     0);
    weir_pg_free(one);
    weir_pg_free(two);
}

/* ---- the sinks that a journal knows ---- */

static void record_sink(const fixture *f, const char *name, const char *place, uint64_t row) {
    weir_error error = {0};
    weir_sink_record r = {.kind = "postgres", .begin = 1, .lag_limit = 1 << 30, .at_limit = 1};
    (void)snprintf(r.name, sizeof r.name, "%s", name);
    (void)snprintf(r.place, sizeof r.place, "%s", place);
    size_t bytes;
    uint8_t *content = weir_file_read(first_segment(f), &bytes);
    weir_segment_header h;
    assert_int_equal(weir_segment_header_decode(content, &h), WEIR_OK);
    free(content);
    weir_id_copy(r.safe.journal, h.journal);
    r.safe.row = row;
    r.safe.block = row ? 1 : 0;
    assert_int_equal(weir_sink_record_write(weir_os_posix(), WEIR_OS_CWD, f->journal, &r, &error),
                     WEIR_OK);
}

static weir_sink_state state_of_sink(const fixture *f, const char *name) {
    weir_sink_record r;
    weir_error error = {0};
    assert_int_equal(
        weir_sink_record_read(weir_os_posix(), WEIR_OS_CWD, f->journal, name, &r, &error), WEIR_OK);
    return r.state;
}

static void a_sink_is_detached_and_forgotten(void **state) {
    fixture *f = fixture_of(state);
    char path[300];
    in_a_child(f, leave_archived);
    run(f, "detach", "central", f->journal, NULL), expect(f, FAILED);
    expect_text(f->err, "the journal knows none");
    record_sink(f, "central", "postgresql://u@h/d", 7);
    run(f, "detach", "centrl", f->database, NULL), expect(f, FAILED);
    expect_text(f->err, "there is central");
    run(f, "detach", "--forget", "central", f->database, NULL), expect(f, FAILED);
    expect_text(f->err, "is attached: detach it first (weir detach central ");
    assert_int_equal(state_of_sink(f, "central"), WEIR_SINK_ATTACHED);
    run(f, "detach", "central", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "the sink central, postgresql://u@h/d, is detached after row 7");
    assert_int_equal(state_of_sink(f, "central"), WEIR_SINK_DETACHED);
    run(f, "status", f->database, NULL);
    expect_text(f->out, "central, postgres at postgresql://u@h/d: detached, has rows up to 7");
    assert_null(strstr(f->out, "it is detached")); /* beyond a limit: it is already */
    run(f, "detach", "--json", "central", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "{\"type\":\"detached\",\"name\":\"central\",\"kind\":\"postgres\",");
    run(f, "detach", "--forget", "central", f->database, NULL), expect(f, FAILED);
    expect_text(f->err, "does not have the last 43 rows");
    assert_int_equal(state_of_sink(f, "central"), WEIR_SINK_DETACHED);
    run(f, "detach", "--json", "--forget", "--yes", "central", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "{\"type\":\"sink_forgotten\",");
    expect_text(f->out, "\"rows_lacking\":43}");
    (void)snprintf(path, sizeof path, "%s/sinks/central", f->journal);
    assert_false(is_there(path));
}

static void a_broken_record_is_only_forgotten(void **state) {
    fixture *f = fixture_of(state);
    char path[300];
    in_a_child(f, leave_archived);
    record_sink(f, "central", "x", 7);
    (void)snprintf(path, sizeof path, "%s/sinks/central", f->journal);
    weir_file_write(path, "x", 1);
    run(f, "detach", "central", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->err, "--forget --yes");
    assert_true(is_there(path));
    run(f, "detach", "--forget", "--yes", "central", f->database, NULL), expect(f, CLEAN);
    assert_false(is_there(path));
}

/* While a program has the journal open: it detaches by itself, and a replay into the server that it
 * feeds would take the position from it. */
static void a_journal_that_is_open(void **state) {
    fixture *f = fixture_of(state);
    int ready[2], over[2], status;
    char byte;
    in_a_child(f, leave_archived);
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(over), 0);
    pid_t child = fork();
    if (child == 0) {
        close(over[1]);
        stay_open(f, ready[1], over[0]);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    run(f, "status", "--to", server.url, f->journal, NULL);
    char *at = strstr(f->out, "server    "), place[200];
    assert_non_null(at);
    (void)snprintf(place, sizeof place, "%.*s", (int)strcspn(at + 10, "\n"), at + 10);
    record_sink(f, "central", place, 7);
    run(f, "detach", "central", f->database, NULL), expect(f, FAILED);
    expect_text(f->err, "let that program do it, by weir_detach(w, \"central\")");
    assert_int_equal(state_of_sink(f, "central"), WEIR_SINK_ATTACHED);
    replay(f), expect(f, FAILED);
    expect_text(f->err, "whose sink central applies its rows to");
    record_sink(f, "central", "postgresql://elsewhere/d", 7);
    replay(f), expect(f, RECOVERED);
    close(over[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    close(over[0]);
    close(ready[0]);
    close(ready[1]);
}

/* ---- for programs ---- */

/* Every kind of object; test_json.c compares them with the schema. */
static void what_programs_read(void **state) {
    fixture *f = fixture_of(state);
    in_a_child(f, leave_durable);
    run(f, "replay", "--json", "--into", server.conninfo, f->journal, NULL), expect(f, RECOVERED);
    expect_text(f->out, "{\"type\":\"left\",\"rows\":10,\"in_ring\":0}");
    weir_temp_remove(f->journal);
    forget_database(f);
    pg_server_run(&server, "DROP TABLE t, weir_position, weir_reject");
    in_a_child(f, leave_text_as_number);
    run(f, "replay", "--json", "--dry-run", "--into", server.conninfo, f->journal, NULL);
    run(f, "status", "--json", "--to", server.conninfo, f->journal, NULL), expect(f, CLEAN);
    expect_text(f->out, "{\"type\":\"server\",\"state\":\"none\",");
    run(f, "replay", "--json", "--into", server.conninfo, f->journal, NULL), expect(f, RECOVERED);
    expect_text(f->out, "{\"type\":\"replayed\",\"database\":\"postgresql://");
    run(f, "status", "--json", "--to", server.conninfo, f->journal, NULL), expect(f, CLEAN);
    expect_text(f->out, "\"rejected\":1,");
    run(f, "check", "--json", server.conninfo, NULL), expect(f, CLEAN);
    expect_text(f->out, "{\"type\":\"point\",\"name\":\"version\",");
    expect_text(f->out, "{\"type\":\"checked\",");
    record_sink(f, "central", "postgresql://u@h/d", 1);
    run(f, "detach", "--json", "central", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "{\"type\":\"detached\",");
    run(f, "detach", "--json", "--forget", "--yes", "central", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "{\"type\":\"sink_forgotten\",");
    run(f, "replay", "--json", "--into", "dbname=x host=/nowhere", f->journal, NULL);
    expect_text(f->out, "{\"type\":\"error\",\"status\":\"WEIR_IO\",");
}

/* ---- which word is a server ---- */

static void a_word_with_a_keyword_is_a_server(void **state) {
    fixture *f = fixture_of(state);
    static const char *const servers[] = {
        "postgres://u@/d?host=/nowhere",    "dbname=x user=y host=/nowhere",
        "hostaddr=127.0.0.1 port=1",        "service=none",
        "application_name=x host=/nowhere", "sslrootcert=/none host=/nowhere",
        "user=x.db host=/nowhere",          "oauth_scope=x",
        " host = /nowhere dbname = x"};
    static const char *const files[] = {"a=b.db",   "hosts=x", "hos=x",       "=x",      "host",
                                        "host x=y", "Host=x",  "./user=x.db", "x host=y"};
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
        run(f, "check", servers[i], NULL), expect(f, FAILED);
        run(f, "recover", servers[i], NULL), expect(f, USAGE);
        expect_text(f->err, "a server is given to");
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        run(f, "check", files[i], NULL), expect(f, USAGE);
        run(f, "status", files[i], NULL), expect(f, FAILED);
        expect_text(f->err, files[i]);
    }
}

/* ---- passwords ---- */

static void look_for_canary(const fixture *f, const char *what) {
    if (strstr(f->out, CANARY) || strstr(f->err, CANARY) || strstr(f->err, "Tweet"))
        fail_msg("%s shows the password:\n%s%s", what, f->out, f->err);
}

static void use(fixture *f, const char *conninfo, bool everywhere) {
#define QUIET(...) (void)run(f, __VA_ARGS__, NULL), look_for_canary(f, #__VA_ARGS__)
    QUIET("replay", "--into", conninfo, f->journal);
    QUIET("status", "--to", conninfo, f->journal);
    QUIET("check", conninfo);
    QUIET(conninfo);
    QUIET("recover", conninfo);
    QUIET("salvage", "--to", conninfo, f->database);
    if (!everywhere) return;
    QUIET("replay", "--json", "--into", conninfo, f->journal);
    QUIET("replay", "--dry-run", "--into", conninfo, f->journal);
    QUIET("replay", "--into", conninfo, "/nowhere");
    QUIET("replay", "--into", conninfo, "--schema", "nowhere", f->journal);
    QUIET("replay", "--into", conninfo, "--integrity", "quick", f->journal);
    QUIET("status", "--json", "--to", conninfo, f->journal);
    QUIET("status", "--to", conninfo, "/nowhere");
    QUIET("status", "--to", conninfo, f->journal, "--wait", conninfo);
    QUIET("check", "--json", conninfo);
    QUIET("check", conninfo, conninfo);
    QUIET("check", "--schema", "nowhere", conninfo);
    QUIET("chekc", conninfo);
    QUIET("recover", "--into", conninfo, f->journal);
    QUIET("recover", "--wait", conninfo, f->database);
    QUIET("replay", "--until", conninfo, "--into", f->other, f->journal);
    QUIET("replay", "--into", f->other, conninfo);
    QUIET("replay", "--into", f->other, f->journal, conninfo);
    QUIET("status", conninfo);
    QUIET("status", "--journal", conninfo, f->database);
    QUIET("status", f->database, conninfo);
    QUIET("detach", "central", conninfo);
    QUIET("detach", conninfo, f->journal);
    QUIET("archive", conninfo);
    QUIET("archive", "restore", "--into", conninfo, "s3://b/p");
    QUIET("help", conninfo);
    QUIET("dump", "--from", conninfo, f->database);
#undef QUIET
}

static void a_password_is_never_shown(void **state) {
    fixture *f = fixture_of(state);
    char text[400];
    in_a_child(f, leave_archived);
    static const char *const uris[] = {
        "postgresql://canary:" CANARY "@/postgres", "postgresql://canary:x" CANARY "@/postgres",
        "postgresql://canary:" CANARY "@/no_such",  "postgresql://canary:" CANARY "/@/postgres",
        "postgres//canary:" CANARY "@/postgres",    "postgre://canary:" CANARY "@/postgres",
        "postgresql://canary:" CANARY "@[/postgres"};
    static const char *const words[] = {
        "user=canary dbname=postgres password=" CANARY,
        "user=canary dbname=postgres password=x" CANARY,
        "user=canary password=" CANARY " sslmode=" CANARY,
        "usser=canary password=" CANARY,
        "user=canary password='" CANARY,
    };
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        (void)snprintf(text, sizeof text, "%s?host=%s&port=%d", uris[i], server.root, server.port);
        use(f, text, i == 0 || i == 5);
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        (void)snprintf(text, sizeof text, "host=%s port=%d %s", server.root, server.port, words[i]);
        use(f, text, i == 0);
    }
    use(f, "usser = canary password = " CANARY, false);
    (void)setenv("PGPASSWORD", CANARY, 1);
    (void)snprintf(text, sizeof text, "%s user=canary", server.conninfo);
    use(f, text, false);
    run(f, "check", text, NULL), expect(f, CLEAN); /* it was used */
    (void)setenv("PGPASSWORD", CANARY "x", 1);
    use(f, text, false);
    run(f, "check", text, NULL), expect(f, FAILED);
    (void)unsetenv("PGPASSWORD");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        SERVER_TEST(a_server_gets_what_a_file_gets),
        SERVER_TEST(a_replay_stops_at_a_row_and_goes_on),
        SERVER_TEST(a_rehearsal_makes_no_table),
        SERVER_TEST(tables_may_stand_in_a_schema),
        SERVER_TEST(a_server_gets_only_what_is_vouched_for),
        SERVER_TEST(rows_of_a_ring_come_after_recovery),
        SERVER_TEST(a_killed_replay_goes_on),
        SERVER_TEST(an_interrupted_replay_says_so_and_goes_on),
        SERVER_TEST(a_server_may_be_restarted_midway),
        SERVER_TEST(answers_of_commits_are_lost),
        SERVER_TEST(another_history_is_refused),
        SERVER_TEST(a_server_ahead_is_refused),
        SERVER_TEST(rows_that_are_gone_are_named),
        SERVER_TEST(damage_is_told_for_a_server),
        SERVER_TEST(what_cannot_be_connected_to_is_said),
        SERVER_TEST(the_package_is_named_when_the_library_is_missing),
        SERVER_TEST(options_that_make_no_sense_are_refused),
        SERVER_TEST(the_standing_of_a_server),
        SERVER_TEST(refused_rows_are_counted),
        SERVER_TEST(rows_on_a_first_server_are_applied),
        SERVER_TEST(a_damaged_journal_of_a_first_server),
        SERVER_TEST(rows_for_a_first_server_wait_for_the_program),
        SERVER_TEST(a_server_that_fits),
        SERVER_TEST(a_server_that_does_not_fit),
        SERVER_TEST(what_a_server_may_lack),
        SERVER_TEST(a_check_that_loses_its_server),
        SERVER_TEST(a_sink_is_detached_and_forgotten),
        SERVER_TEST(a_broken_record_is_only_forgotten),
        SERVER_TEST(a_journal_that_is_open),
        SERVER_TEST(what_programs_read),
        SERVER_TEST(a_word_with_a_keyword_is_a_server),
        SERVER_TEST(a_password_is_never_shown),
    };
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, set_up_server, tear_down_server);
}
