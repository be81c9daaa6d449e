/* test_standby.c - a standby becomes the server: with all rows, or without the last of them.
 *
 * Covers: postgres/kept.c, postgres/open.c */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "numbered.h"

enum { BEFORE = 2000, LACKED = 5000 /* five segments of them */, AFTER = 500 };

typedef struct pair {
    pg_server primary, standby;
    numbered rows;
    char conninfo[300]; /* of both, whichever takes writes */
} pair;

static int make_pair(void **state) {
    pair *p = calloc(1, sizeof *p);
    assert_non_null(p);
    *state = p;
    if (pg_server_missing()) return 0;
    pg_server_make(&p->primary, NULL);
    pg_server_make_standby(&p->standby, &p->primary, NULL);
    (void)snprintf(p->conninfo, sizeof p->conninfo,
                   "host=%s,%s port=%d,%d user=weir dbname=postgres connect_timeout=5"
                   " target_session_attrs=read-write",
                   p->primary.root, p->standby.root, p->primary.port, p->standby.port);
    return 0;
}

static int free_pair(void **state) {
    pair *p = *state;
    if (p->rows.directory[0]) numbered_end(&p->rows);
    if (!pg_server_missing()) {
        pg_server_free(&p->standby);
        pg_server_free(&p->primary);
    }
    free(p);
    return 0;
}

static void wait_for(const pg_server *s, const char *sql, const char *wanted) {
    char found[64] = "";
    for (int i = 0; i < 3000; i++) {
        pg_server_ask(s, sql, found, sizeof found);
        if (!strcmp(found, wanted)) return;
        (void)usleep(10000);
    }
    fail_msg("%s: %s, and not %s", sql, found, wanted);
}

static void caught_up(pair *p) {
    char end[32], sql[120];
    pg_server_ask(&p->primary, "SELECT pg_current_wal_lsn()", end, sizeof end);
    (void)snprintf(sql, sizeof sql, "SELECT pg_last_wal_replay_lsn() >= '%s'", end);
    wait_for(&p->standby, sql, "t");
}

/* Nothing more reaches the standby, and the primary goes on. */
static void cut_off(pair *p) {
    pg_server_run(&p->standby, "ALTER SYSTEM SET primary_conninfo = ''");
    pg_server_run(&p->standby, "SELECT pg_reload_conf()");
    wait_for(&p->standby, "SELECT count(*) FROM pg_stat_wal_receiver", "0");
}

static void fail_over(pair *p) {
    pg_server_stop(&p->primary, SIGQUIT);
    pg_server_promote(&p->standby);
}

/* What is safe has left the journal, but for its last segments. */
static void await_release(const numbered *rows) {
    struct weir_stats stats = {.journal_bytes = UINT64_MAX};
    for (int i = 0; i < 6000 && stats.journal_bytes > 2 << 20; i++) {
        (void)usleep(10000);
        assert_int_equal(weir_stats(rows->w, &stats), WEIR_OK);
    }
    assert_true(stats.journal_bytes <= 2 << 20);
}

/* The standby has BEFORE, and the journal was told that the primary has LACKED more. */
static void lose_rows_quietly(pair *p, const weir_postgres_options *options) {
    numbered_begin(&p->rows, p->conninfo, options);
    numbered_append(&p->rows, BEFORE);
    numbered_wait(&p->rows);
    caught_up(p);
    cut_off(p);
    for (int i = 0; i < 10; i++) {
        numbered_append(&p->rows, LACKED / 10);
        numbered_wait(&p->rows);
    }
    if (!options->keep_s) await_release(&p->rows);
    assert_int_equal(numbered_count(&p->primary), BEFORE + LACKED);
    fail_over(p);
    assert_int_equal(numbered_count(&p->standby), BEFORE);
}

static void lose_rows(pair *p, const weir_postgres_options *options) {
    lose_rows_quietly(p, options);
    numbered_append(&p->rows, AFTER);
}

static void wait_to_be_told(const numbered *rows, weir_event event) {
    for (int i = 0; i < 6000 && !numbered_was_told(rows, event); i++)
        (void)usleep(10000);
    if (numbered_was_told(rows, event)) return;
    struct weir_stats now = {.apply_status = 0};
    (void)weir_stats(rows->w, &now);
    fail_msg("event %d was not told: status %d, row %llu of %llu, %llu bytes in the journal",
             (int)event, now.apply_status, (unsigned long long)now.last_row_applied,
             (unsigned long long)now.last_row, (unsigned long long)now.journal_bytes);
}

static void check_told_of_the_way_back(const numbered *rows) {
    char words[80];
    assert_int_equal(rows->moves, 1);
    (void)snprintf(words, sizeof words, "gone back from row %d to row %d,", BEFORE + LACKED,
                   BEFORE);
    if (!strstr(rows->moved, words)) fail_msg("%s", rows->moved);
}

static void test_kept_rows_come_again(void **state) {
    pair *p = *state;
    pg_server_need();
    lose_rows(p, &(weir_postgres_options){.keep_s = 3600});
    numbered_wait(&p->rows);
    numbered_check(&p->rows, &p->standby);
    check_told_of_the_way_back(&p->rows);
    assert_false(numbered_was_told(&p->rows, WEIR_EVENT_DAMAGE));
}

/* Nobody appends any more, so that no row asks the new server. */
static void test_kept_rows_come_again_without_another(void **state) {
    pair *p = *state;
    pg_server_need();
    lose_rows_quietly(p, &(weir_postgres_options){.keep_s = 3600});
    wait_to_be_told(&p->rows, WEIR_EVENT_POSITION_MOVED);
    numbered_wait(&p->rows);
    wait_for(&p->standby, "SELECT count(*) FROM numbered", "7000"); /* BEFORE, LACKED */
    numbered_check(&p->rows, &p->standby);
}

/* By bytes, and the program is another one by then. */
static void test_kept_rows_come_again_to_the_next_process(void **state) {
    pair *p = *state;
    const weir_postgres_options options = {.keep_bytes = 64 << 20};
    pg_server_need();
    numbered_begin(&p->rows, p->conninfo, &options);
    numbered_append(&p->rows, BEFORE);
    numbered_wait(&p->rows);
    caught_up(p);
    cut_off(p);
    numbered_append(&p->rows, LACKED);
    numbered_wait(&p->rows);
    assert_int_equal(numbered_close(&p->rows), WEIR_OK);
    fail_over(p);
    numbered_open(&p->rows, p->conninfo, &options);
    numbered_append(&p->rows, AFTER);
    numbered_wait(&p->rows);
    numbered_check(&p->rows, &p->standby);
}

static unsigned long number_after(const char *text, const char *words) {
    const char *at = strstr(text, words);
    if (!at) fail_msg("%s", text);
    return at ? strtoul(at + strlen(words), NULL, 10) : 0;
}

/* They have left the journal. No row comes behind the gap. */
static void test_rows_that_were_not_kept_are_named(void **state) {
    pair *p = *state;
    struct weir_stats stats;
    pg_server_need();
    lose_rows(p, &(const weir_postgres_options){0});
    wait_to_be_told(&p->rows, WEIR_EVENT_DAMAGE);
    assert_int_equal(number_after(p->rows.damage, "(row "), BEFORE + 1);
    assert_in_range(number_after(p->rows.damage, "nor is any up to row "), BEFORE + LACKED / 4,
                    BEFORE + LACKED + AFTER);
    assert_int_equal(weir_sync(p->rows.w, WEIR_APPLIED, 3000), WEIR_DAMAGED);
    assert_int_equal(weir_stats(p->rows.w, &stats), WEIR_OK);
    assert_int_equal(stats.apply_status, WEIR_DAMAGED);
    assert_int_equal(numbered_count(&p->standby), BEFORE);
}

/* It is what synchronous replication is for: nothing goes back, and nothing need be kept. */
static void test_a_synchronous_standby_lacks_nothing(void **state) {
    pair *p = *state;
    pg_server next;
    const weir_postgres_options options = {.safety = WEIR_POSTGRES_STANDBY};
    pg_server_need();
    pg_server_run(&p->primary, "ALTER SYSTEM SET synchronous_standby_names = '*'");
    pg_server_run(&p->primary, "SELECT pg_reload_conf()");
    wait_for(&p->primary, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'",
             "1");
    numbered_begin(&p->rows, p->conninfo, &options);
    numbered_append(&p->rows, BEFORE);
    numbered_append_for(&p->rows, 500);
    fail_over(p);
    numbered_append(&p->rows, AFTER);
    /* The new server waits for no standby: rows wait until it has one. */
    wait_to_be_told(&p->rows, WEIR_EVENT_APPLY_STOPPED);
    pg_server_make_standby(&next, &p->standby, NULL);
    pg_server_run(&p->standby, "ALTER SYSTEM SET synchronous_standby_names = '*'");
    pg_server_run(&p->standby, "SELECT pg_reload_conf()");
    wait_to_be_told(&p->rows, WEIR_EVENT_APPLY_RESUMED);
    numbered_wait(&p->rows);
    numbered_check(&p->rows, &p->standby);
    assert_false(numbered_was_told(&p->rows, WEIR_EVENT_DAMAGE));
    if (p->rows.moves && strstr(p->rows.moved, "gone back")) fail_msg("%s", p->rows.moved);
    pg_server_run(&p->standby, "ALTER SYSTEM RESET synchronous_standby_names");
    pg_server_run(&p->standby, "SELECT pg_reload_conf()");
    assert_int_equal(numbered_close(&p->rows), WEIR_OK);
    pg_server_free(&next);
}

/* The old server comes back as it was, the standby goes: each in turn has all rows once. */
static void test_there_and_back_again(void **state) {
    pair *p = *state;
    pg_server_need();
    lose_rows(p, &(weir_postgres_options){.keep_s = 3600});
    numbered_append_for(&p->rows, 300);
    numbered_wait(&p->rows);
    numbered_check(&p->rows, &p->standby);
    pg_server_start(&p->primary); /* nobody has told it */
    pg_server_stop(&p->standby, SIGQUIT);
    numbered_append_for(&p->rows, 300);
    numbered_wait(&p->rows);
    numbered_check(&p->rows, &p->primary);
    assert_int_equal(p->rows.moves, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kept_rows_come_again, make_pair, free_pair),
        cmocka_unit_test_setup_teardown(test_kept_rows_come_again_without_another, make_pair,
                                        free_pair),
        cmocka_unit_test_setup_teardown(test_kept_rows_come_again_to_the_next_process, make_pair,
                                        free_pair),
        cmocka_unit_test_setup_teardown(test_rows_that_were_not_kept_are_named, make_pair,
                                        free_pair),
        cmocka_unit_test_setup_teardown(test_a_synchronous_standby_lacks_nothing, make_pair,
                                        free_pair),
        cmocka_unit_test_setup_teardown(test_there_and_back_again, make_pair, free_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
