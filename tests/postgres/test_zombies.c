/* test_zombies.c - sessions of the same journal that others have forgotten: of a dead program, with a whole
 * batch and its COMMIT on the way; of a program that lives and is late; of a copy of the journal. Whoever
 * commits in the end, each row is there once and in order. And openings of one journal in turns.
 *
 * Covers: postgres/takeover.c, postgres/sink.c, writer/attach/host.c */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "message_proxy.h"
#include "support.h"
#include "whole.h"

enum { PATIENCE_MS = 30000, BACKLOG = 20000, STOPPED_ROUNDS = 6, TURNS = 8 };

typedef struct fixture {
    pg_server server;
    message_proxy *proxy;
    whole *l, *copy;
    char other[256]; /* conninfo of a role that may end nobody's sessions */
} fixture;

static int set_up(void **state) {
    if (pg_server_missing()) return 0;
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    *state = f;
    pg_server_make(&f->server, NULL);
    f->proxy = message_proxy_start(&f->server);
    f->l = whole_make();
    f->copy = whole_make();
    pg_server_run(&f->server, "CREATE ROLE other LOGIN");
    (void)snprintf(f->other, sizeof f->other, "host=%s port=%d user=other dbname=postgres",
                   f->server.root, f->server.port);
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    if (!f) return 0;
    message_proxy_stop(f->proxy);
    whole_free(f->l);
    whole_free(f->copy);
    pg_server_free(&f->server);
    free(f);
    return 0;
}

static int end_test(void **state) {
    fixture *f = *state;
    if (!f) return 0;
    message_proxy_no_plan(f->proxy);
    message_proxy_cut(f->proxy);
    if (f->l->directory[0]) whole_end(f->l);
    f->l->directory[0] = 0;
    return 0;
}

static fixture *begin(void **state, whole_sinks sinks) {
    fixture *f = *state;
    if (!f) {
        print_message("%s\n", pg_server_missing());
        skip();
        abort(); /* skip does not return */
    }
    whole_begin(f->l, &f->server, sinks, 5);
    return f;
}

static void use(fixture *f, const char *conninfo) {
    (void)snprintf(f->l->conninfo, sizeof f->l->conninfo, "%s", conninfo);
}

static void wait_for(const char *what, bool (*is)(const void *), const void *of) {
    for (int i = 0; i < 20000; i++) {
        if (is(of)) return;
        (void)usleep(1000);
    }
    fail_msg("%s in vain", what);
}

static bool has_acted(const void *proxy) {
    return atomic_load(&((const message_proxy *)proxy)->acted) > 0;
}

static bool has_sessions(const void *server) {
    return pg_server_count(server,
                           "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE"
                           " 'weir %' AND state <> 'idle' AND pid <> pg_backend_pid()") > 0;
}

static bool has_waiting_session(const void *server) {
    return pg_server_count(server,
                           "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE"
                           " 'weir %' AND wait_event_type = 'Lock'") > 0;
}

/* A program whose first transaction with rows stops at that statement. */
static pid_t stop_at(fixture *f, const char *words) {
    f->l->pace_us = 100;
    use(f, f->proxy->conninfo);
    atomic_store(&f->proxy->acted, 0);
    pid_t child = whole_start(whole_work, f->l);
    for (int i = 0; i < 20000 && !atomic_load(&f->l->applied[0]); i++)
        (void)usleep(1000);
    message_proxy_plan_at(f->proxy, words, 0, PROXY_STALL_BEFORE);
    wait_for("a statement was waited for", has_acted, f->proxy);
    return child;
}

static void recovered(fixture *f, pid_t child) {
    if (whole_end_of(child) != 0 || atomic_load(&f->l->failure)) fail_msg("recovery failed");
    (void)whole_check(f->l, &f->server);
}

/* Recovers all, and does not close: what closing appends would make two copies differ. */
static void recover_and_die(whole *l) {
    weir *w;
    if (whole_open(l, &w) == WEIR_OK &&
        weir_wait_sink(w, whole_sink(l), NULL, PATIENCE_MS) == WEIR_OK)
        (void)kill(getpid(), SIGKILL);
    fprintf(stderr, "recovery: %s\n", weir_last_error());
    _exit(1);
}

static void died_recovered(pid_t child) {
    int how = whole_end_of(child);
    assert_true(WIFSIGNALED(how));
}

/* ---- the program is dead --------------------------------------------------------------------- */

/* The batch is there and its row locked; its COMMIT comes when another has long taken over. */
static void test_a_commit_of_the_dead_that_comes_late(void **state) {
    fixture *f = begin(state, WHOLE_BOTH);
    whole_kill(stop_at(f, "COMMIT"));
    assert_true(has_sessions(&f->server));
    use(f, f->server.conninfo);
    recovered(f, whole_start(whole_recover, f->l));
    message_proxy_resume(f->proxy);
    (void)usleep(200000);
    assert_true(whole_check(f->l, &f->server) > 0);
}

/* It cannot be ended: taking over waits until it has committed, and does not do it again. */
static void test_a_commit_of_the_dead_that_cannot_be_ended(void **state) {
    fixture *f = begin(state, WHOLE_SERVER);
    pg_server_run(&f->server, "GRANT ALL ON rows TO other");
    whole_kill(stop_at(f, "COMMIT"));
    pg_server_run(&f->server, "GRANT ALL ON ALL TABLES IN SCHEMA public TO other");
    pg_server_run(&f->server, "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO other");
    long long before = pg_server_count(&f->server, "SELECT count(*) FROM rows");
    use(f, f->other);
    pid_t child = whole_start(whole_recover, f->l);
    wait_for("a lock was waited for", has_waiting_session, &f->server);
    assert_int_equal(pg_server_count(&f->server, "SELECT count(*) FROM rows"), before);
    message_proxy_resume(f->proxy);
    recovered(f, child);
}

/* It has not compared the position yet, and holds no lock: its comparison finds another epoch. */
static void test_a_transaction_of_the_dead_that_begins_late(void **state) {
    fixture *f = begin(state, WHOLE_SERVER);
    whole_kill(stop_at(f, "SELECT current_setting"));
    use(f, f->server.conninfo);
    recovered(f, whole_start(whole_recover, f->l));
    message_proxy_resume(f->proxy);
    (void)usleep(200000);
    assert_true(whole_check(f->l, &f->server) > 0);
}

/* A backend that is stopped has what its dead client sent in its socket, and does it when it goes on:
 * while the next program takes over, and after that. */
static void test_backends_that_are_stopped(void **state) {
    fixture *f = begin(state, WHOLE_BOTH);
    weir_rng rng = {11};
    f->l->pace_us = 10;
    for (int i = 0; i < STOPPED_ROUNDS; i++) {
        if (i) whole_next_run(f->l);
        pid_t child = whole_start(whole_work, f->l);
        for (int n = 0; n < 20000 && !atomic_load(&f->l->applied[f->l->run * WHOLE_PRODUCERS]); n++)
            (void)usleep(1000);
        (void)usleep((useconds_t)weir_rng_below(&rng, 30000));
        pid_t backend = (pid_t)pg_server_count(
            &f->server, "SELECT max(pid) FROM pg_stat_activity WHERE application_name LIKE 'weir%'"
                        " AND pid <> pg_backend_pid()");
        if (backend > 0) (void)kill(backend, SIGSTOP);
        (void)usleep(10000); /* there is more to send */
        whole_kill(child);
        child = whole_start(whole_recover, f->l);
        (void)usleep((useconds_t)weir_rng_below(&rng, 200000));
        if (backend > 0) (void)kill(backend, SIGCONT);
        recovered(f, child);
    }
}

/* ---- the program lives ----------------------------------------------------------------------- */

/* Rows of a journal that no server has got yet, and the same in a copy of it. */
static void make_copies(fixture *f) {
    weir *w;
    weir_table *table;
    pg_server_stop(&f->server, SIGINT);
    f->l->open_timeout_ms = 100; /* closing has nothing to wait for */
    assert_int_equal(whole_open(f->l, &w), WEIR_OK);
    assert_int_equal(whole_declare(w, &table), WEIR_OK);
    for (unsigned i = 0; i < WHOLE_PRODUCERS; i++)
        for (uint64_t n = 1; n <= BACKLOG; n++)
            assert_int_equal(whole_append(f->l, table, i, n), WEIR_OK);
    assert_int_equal(weir_close(w), WEIR_PENDING);
    f->l->open_timeout_ms = 2000;
    *f->copy = *f->l;
    (void)snprintf(f->copy->path, sizeof f->copy->path, "%s/copy", f->l->directory);
    weir_file_copy_tree(f->l->path, f->copy->path);
    pg_server_start(&f->server);
}

static void test_two_writers_of_copies_of_one_journal(void **state) {
    fixture *f = begin(state, WHOLE_SERVER);
    make_copies(f);
    pid_t first = whole_start(recover_and_die, f->l);
    pid_t second = whole_start(recover_and_die, f->copy);
    died_recovered(first);
    died_recovered(second);
    assert_int_equal(whole_check(f->l, &f->server), BACKLOG * WHOLE_PRODUCERS);
}

/* The first is late by a whole taking over, and finds itself at another place. */
static void late_at(fixture *f, const char *words, uint32_t skipped) {
    make_copies(f);
    use(f, f->proxy->conninfo);
    f->l->timeout_ms = 20000; /* it goes on to wait */
    atomic_store(&f->proxy->acted, 0);
    message_proxy_plan_at(f->proxy, words, skipped, PROXY_STALL_BEFORE);
    pid_t late = whole_start(recover_and_die, f->l);
    wait_for("a statement was waited for", has_acted, f->proxy);
    died_recovered(whole_start(recover_and_die, f->copy));
    message_proxy_resume(f->proxy);
    died_recovered(late);
    assert_int_equal(whole_check(f->l, &f->server), BACKLOG * WHOLE_PRODUCERS);
}

static void test_a_writer_that_is_late_to_compare(void **state) {
    late_at(begin(state, WHOLE_SERVER), "SELECT current_setting", 0);
}

static void test_a_writer_that_is_late_to_begin(void **state) {
    late_at(begin(state, WHOLE_SERVER), "BEGIN", 0);
}

static void test_a_writer_that_is_late_to_copy(void **state) {
    late_at(begin(state, WHOLE_SERVER), "COPY", 0);
}

/* With the tables made, and not yet committed; with the position taken over; with the rows there. */
static void test_a_writer_that_is_late_to_commit(void **state) {
    for (uint32_t skipped = 0; skipped < 3; skipped++) {
        late_at(begin(state, WHOLE_SERVER), "COMMIT", skipped);
        (void)end_test(state);
    }
}

/* Whose rows differ from those that are there stops, and changes nothing. */
static void test_copies_with_rows_of_their_own(void **state) {
    fixture *f = begin(state, WHOLE_SERVER);
    weir *w;
    weir_table *table;
    make_copies(f);
    whole_next_run(f->l);
    assert_int_equal(whole_open(f->l, &w), WEIR_OK);
    assert_int_equal(whole_declare(w, &table), WEIR_OK);
    for (uint64_t n = 1; n <= 100; n++)
        assert_int_equal(whole_append(f->l, table, 0, n), WEIR_OK);
    assert_int_equal(weir_wait_sink(w, "postgres", NULL, PATIENCE_MS), WEIR_OK);
    assert_int_equal(weir_close(w), WEIR_OK);
    uint64_t rows = whole_check(f->l, &f->server);
    f->copy->run = 2;
    assert_int_equal(whole_open(f->copy, &w), WEIR_OK);
    assert_int_equal(whole_declare(w, &table), WEIR_OK);
    for (uint64_t n = 1; n <= 200; n++)
        assert_int_equal(whole_append(f->copy, table, 1, n), WEIR_OK);
    assert_int_equal(weir_wait_sink(w, "postgres", NULL, PATIENCE_MS), WEIR_FOREIGN);
    assert_int_equal(weir_close(w), WEIR_PENDING);
    assert_int_equal(whole_check(f->l, &f->server), rows);
}

/* ---- in turns -------------------------------------------------------------------------------- */

static void take_turns(whole *l, unsigned producer) {
    uint64_t sequence = 0;
    for (int turn = 0; turn < TURNS; turn++) {
        weir *w;
        weir_table *table;
        int status = whole_open(l, &w);
        if (status == WEIR_LOCKED) { /* the other one has it for longer than open_timeout_ms */
            turn--;
            continue;
        }
        if (status == WEIR_OK) status = whole_declare(w, &table);
        for (int n = 0; n < 50 && status == WEIR_OK; n++)
            status = whole_append(l, table, producer, ++sequence);
        if (status == WEIR_OK) status = weir_close(w);
        if (status != WEIR_OK) {
            fprintf(stderr, "turn %d: %s\n", turn, weir_last_error());
            _exit(1);
        }
    }
    _exit(0);
}

static void take_first(whole *l) { take_turns(l, 0); }
static void take_second(whole *l) { take_turns(l, 1); }

static void test_two_processes_open_one_journal_in_turns(void **state) {
    for (int i = WHOLE_SERVER; i <= WHOLE_BOTH; i++) {
        fixture *f = begin(state, (whole_sinks)i);
        pid_t first = whole_start(take_first, f->l), second = whole_start(take_second, f->l);
        assert_int_equal(whole_end_of(first), 0);
        assert_int_equal(whole_end_of(second), 0);
        assert_int_equal(whole_check(f->l, &f->server), 2 * TURNS * 50);
        (void)end_test(state);
    }
}

/* The child has the parent's sockets, and must leave them alone. */
static void fork_and_use(fixture *f) {
    weir *w;
    weir_table *table;
    assert_int_equal(whole_open(f->l, &w), WEIR_OK);
    assert_int_equal(whole_declare(w, &table), WEIR_OK);
    for (uint64_t n = 1; n <= 3000; n++) {
        assert_int_equal(whole_append(f->l, table, 0, n), WEIR_OK);
        if (n % 500) continue;
        pid_t child = fork();
        if (child == 0) {
            const weir_value v[6] = {weir_int(9), weir_int(9), weir_real(9),
                                     weir_null(), weir_null(), weir_null()};
            bool refused = weir_append_row(table, v, 6, NULL) == WEIR_FORKED &&
                           weir_wait_sink(w, whole_sink(f->l), NULL, 10) == WEIR_FORKED &&
                           weir_attach_postgres(w, "more", f->l->conninfo, NULL) == WEIR_FORKED &&
                           weir_detach(w, whole_sink(f->l)) == WEIR_FORKED &&
                           weir_close(w) == WEIR_FORKED;
            _exit(refused ? 0 : 1);
        }
        assert_int_equal(whole_end_of(child), 0);
    }
    assert_int_equal(weir_wait_sink(w, whole_sink(f->l), NULL, PATIENCE_MS), WEIR_OK);
    assert_int_equal(weir_close(w), WEIR_OK);
    assert_int_equal(whole_check(f->l, &f->server), 3000);
}

static void test_forked_children_leave_the_connection_alone(void **state) {
    fork_and_use(begin(state, WHOLE_SERVER));
    (void)end_test(state);
    fork_and_use(begin(state, WHOLE_BOTH));
}

#define ZOMBIE_TEST(name) cmocka_unit_test_teardown(name, end_test)

int main(void) {
    const struct CMUnitTest tests[] = {
        ZOMBIE_TEST(test_a_commit_of_the_dead_that_comes_late),
        ZOMBIE_TEST(test_a_commit_of_the_dead_that_cannot_be_ended),
        ZOMBIE_TEST(test_a_transaction_of_the_dead_that_begins_late),
        ZOMBIE_TEST(test_backends_that_are_stopped),
        ZOMBIE_TEST(test_two_writers_of_copies_of_one_journal),
        ZOMBIE_TEST(test_a_writer_that_is_late_to_compare),
        ZOMBIE_TEST(test_a_writer_that_is_late_to_begin),
        ZOMBIE_TEST(test_a_writer_that_is_late_to_copy),
        ZOMBIE_TEST(test_a_writer_that_is_late_to_commit),
        ZOMBIE_TEST(test_copies_with_rows_of_their_own),
        ZOMBIE_TEST(test_two_processes_open_one_journal_in_turns),
        ZOMBIE_TEST(test_forked_children_leave_the_connection_alone),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
