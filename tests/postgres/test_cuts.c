/* test_cuts.c - the connection is cut, or stops without a word, before, behind and in the middle of each
 * message of a whole run, in both directions: connecting, the checks, taking over, transactions with COPY,
 * refused rows and their search, COMMIT. Each row comes once and in order, and nobody who appends waits.
 *
 * One in STEP of all cases is tried; WEIR_CUTS=all: each of them, half an hour. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "message_proxy.h"
#include "support.h"
#include "whole.h"

enum { STEP = 97, PATIENCE_MS = 30000, TIMEOUT_MS = 250, LATE_NS = 2000000000 };

typedef struct fixture {
    pg_server server;
    message_proxy *proxy;
    whole *l;
    PGconn *direct;
    uint64_t rows, refused, next; /* appended until now */
} fixture;

static const char *const act_names[PROXY_ACTS] = {"cut before", "cut in", "cut behind",
                                                  "stop before", "stop behind"};

static int set_up(void **state) {
    if (pg_server_missing()) return 0;
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    *state = f;
    pg_server_make(&f->server, NULL);
    f->proxy = message_proxy_start(&f->server);
    f->l = whole_make();
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    if (!f) return 0;
    PQfinish(f->direct);
    message_proxy_stop(f->proxy);
    if (f->l->directory[0]) whole_end(f->l);
    whole_free(f->l);
    pg_server_free(&f->server);
    free(f);
    return 0;
}

static void begin(fixture *f, whole_sinks sinks) {
    PQfinish(f->direct);
    message_proxy_no_plan(f->proxy);
    message_proxy_cut(f->proxy);
    if (f->l->directory[0]) whole_end(f->l);
    whole_begin(f->l, &f->server, sinks, 1);
    f->l->timeout_ms = TIMEOUT_MS;
    (void)snprintf(f->l->conninfo, sizeof f->l->conninfo, "%s", f->proxy->conninfo);
    f->direct = pg_server_connect(&f->server);
    PQclear(PQexec(f->direct, "CREATE TABLE picky (n bigint CHECK (n % 5 <> 0), weir_row bigint)"));
    f->rows = f->refused = f->next = 0;
}

/* ---- one run --------------------------------------------------------------------------------- */

static void ok(const char *what, const char *words, int status) {
    if (status != WEIR_OK)
        fail_msg("%s: %s: %s: %s", words, what, weir_status_name(status), weir_last_error());
}

static void append_some(fixture *f, weir_table *rows, weir_table *picky) {
    for (int i = 0; i < 3; i++, f->rows++)
        assert_int_equal(whole_append(f->l, rows, 0, ++f->next), WEIR_OK);
    for (int64_t n = 1; n <= 6; n++, f->rows++) {
        const weir_value v = weir_int(n);
        assert_int_equal(weir_append_row(picky, &v, 1, NULL), WEIR_OK);
    }
    f->refused++;
}

/* What a program does from its beginning to its end; how many messages that took. */
static uint64_t run(fixture *f, const char *words) {
    static const weir_column n = {"n", WEIR_INTEGER};
    weir *w;
    weir_table *rows, *picky;
    uint64_t before = atomic_load(&f->proxy->seen);
    ok("open", words, whole_open(f->l, &w));
    ok("declare", words, whole_declare(w, &rows));
    ok("declare", words, weir_declare(w, "picky", &n, 1, &picky));
    append_some(f, rows, picky);
    ok("wait", words, weir_wait_sink(w, whole_sink(f->l), NULL, PATIENCE_MS));
    append_some(f, rows, picky);
    ok("wait", words, weir_wait_sink(w, whole_sink(f->l), NULL, PATIENCE_MS));
    ok("close", words, weir_close(w));
    return atomic_load(&f->proxy->seen) - before;
}

static uint64_t ask(fixture *f, const char *sql) {
    PGresult *r = PQexec(f->direct, sql);
    if (PQresultStatus(r) != PGRES_TUPLES_OK) fail_msg("%s: %s", sql, PQresultErrorMessage(r));
    uint64_t number = strtoull(PQgetvalue(r, 0, 0), NULL, 10);
    PQclear(r);
    return number;
}

/* The numbers of all rows, wherever they are, are 1, 2, 3 … */
static void check(fixture *f, const char *words) {
    uint64_t there =
        ask(f, "SELECT CASE WHEN count(*) = count(DISTINCT r) AND count(*) = max(r) THEN count(*)"
               " ELSE -count(*) END FROM (SELECT weir_row AS r FROM rows UNION ALL SELECT weir_row"
               " FROM picky UNION ALL SELECT \"row\" FROM weir_reject) AS every");
    if (there != f->rows)
        fail_msg("%s: %lld rows in place of %llu (negative: some are there twice or not at all)",
                 words, (long long)there, (unsigned long long)f->rows);
    assert_int_equal(ask(f, "SELECT count(*) FROM weir_reject"), f->refused);
    assert_int_equal(ask(f, "SELECT count(*) FROM (SELECT lag(weir_row) OVER (ORDER BY arrived)"
                            " > weir_row AS wrong FROM rows) AS r WHERE wrong"),
                     0);
    if (atomic_load(&f->l->slowest_ns) > LATE_NS) fail_msg("%s: an append was delayed", words);
}

static void describe(fixture *f, uint64_t message, proxy_act act, char words[80]) {
    uint16_t kind = atomic_load(&f->proxy->kinds[message % PROXY_KINDS]);
    (void)snprintf(words, 80, "%s message %llu ('%c' of %s)", act_names[act],
                   (unsigned long long)message, kind & 0xff,
                   kind >> 8 == 'c' ? "client" : "server");
}

/* The messages of a run without a cut say how many there are. A run with one has more of them. */
static void cut_everywhere(fixture *f, whole_sinks sinks, unsigned step) {
    char words[80] = "first run";
    begin(f, sinks);
    (void)run(f, words); /* makes the tables */
    uint64_t first = atomic_load(&f->proxy->seen), messages = run(f, words);
    unsigned tried = 0;
    check(f, words);
    for (uint64_t each = 0; each < messages * PROXY_ACTS; each += step) {
        uint64_t n = each / PROXY_ACTS;
        proxy_act act = (proxy_act)(each % PROXY_ACTS);
        uint32_t acted = atomic_load(&f->proxy->acted);
        describe(f, first + n, act, words);
        message_proxy_plan(f->proxy, n, act);
        (void)run(f, words);
        message_proxy_no_plan(f->proxy);
        check(f, words);
        message_proxy_cut(f->proxy);
        tried += atomic_load(&f->proxy->acted) - acted;
        check(f, words);
    }
    print_message("%s: %llu messages, %u cuts and stops\n",
                  sinks == WHOLE_BOTH ? "beside SQLite" : "alone", (unsigned long long)messages,
                  tried);
    assert_true(tried >= messages * PROXY_ACTS / step / 2);
}

static unsigned step(void) {
    const char *asked = getenv("WEIR_CUTS");
    return asked && !strcmp(asked, "all") ? 1 : STEP;
}

static fixture *fixture_of(void **state) {
    if (*state) return *state;
    print_message("%s\n", pg_server_missing());
    skip();
    abort(); /* skip does not return */
}

static void test_the_server_alone(void **state) {
    cut_everywhere(fixture_of(state), WHOLE_SERVER, step());
}

static void test_the_server_beside_sqlite(void **state) {
    cut_everywhere(fixture_of(state), WHOLE_BOTH, step());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_server_alone),
        cmocka_unit_test(test_the_server_beside_sqlite),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
