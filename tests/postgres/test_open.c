/* test_open.c - what <weir/postgres.h> offers to a handle, and what it answers. The handle is this file:
 * it has the functions of writer/attach/host.h.
 *
 * Covers: postgres/open.c */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <weir/postgres.h>

#include "pg_server.h"
#include "writer/attach/host.h"

static pg_server server;
static weir_sink_offer offered;
static char published[600];
static int answer; /* of the handle, once the probe has passed */

int weir_private_publish_1(const weir_error *error) {
    (void)snprintf(published, sizeof published, "%s", error->text);
    return error->status;
}

static int take(const weir_sink_offer *offer, weir_error *error) {
    const weir_os *os = weir_os_posix();
    offered = *offer;
    int status = offer->probe(offer->sink.self, os->now(os->self) + 5000000000u, error);
    if (status == WEIR_IO || status == WEIR_BUSY) status = WEIR_OK;
    return status == WEIR_OK && answer != WEIR_OK ? weir_fail(error, answer, "as told") : status;
}

int weir_private_attach_1(weir *w, const weir_sink_offer *offer, weir_error *error) {
    (void)w;
    return take(offer, error);
}

int weir_private_open_1(const char *directory, const weir_options *options, size_t options_bytes,
                        const weir_sink_offer *offer, weir **out, weir_error *error) {
    (void)directory, (void)options, (void)options_bytes;
    *out = NULL;
    return take(offer, error);
}

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
    answer = WEIR_OK;
    published[0] = 0;
    pg_server_need();
}

static int attach(const char *conninfo, weir_postgres_options options) {
    return weir_attach_postgres(NULL, "central", conninfo, &options);
}

static void test_a_server_that_is_there_is_offered(void **state) {
    (void)state;
    need_server();
    assert_int_equal(attach(server.url, (weir_postgres_options){0}), WEIR_OK);
    assert_string_equal(offered.name, "central");
    assert_string_equal(offered.kind, "postgres");
    assert_non_null(strstr(offered.place, "postgresql://weir@/postgres?host="));
    assert_true(offered.sink.remote);
    assert_true(offered.lag_limit_bytes == UINT64_MAX);
    assert_int_equal(offered.at_limit, WEIR_LAG_DETACHES);
    assert_int_equal(pg_server_count(&server, "SELECT count(*) FROM weir_position"), 0);
    offered.sink.close(offered.sink.self);
    assert_int_equal(
        attach(server.url, (weir_postgres_options){.lag_limit_bytes = 5,
                                                   .at_lag_limit = WEIR_POSTGRES_LAG_HOLD}),
        WEIR_OK);
    assert_true(offered.lag_limit_bytes == 5);
    assert_int_equal(offered.at_limit, WEIR_LAG_HOLDS);
    offered.sink.close(offered.sink.self);
}

static void test_only_what_cannot_pass_by_itself_fails_the_call(void **state) {
    (void)state;
    need_server();
    char conninfo[200];
    (void)snprintf(conninfo, sizeof conninfo, "%s dbname=missing", server.conninfo);
    assert_int_equal(attach(conninfo, (weir_postgres_options){0}), WEIR_DATABASE);
    assert_non_null(strstr(published, "weir_attach_postgres: "));
    assert_non_null(strstr(published, "does not exist"));
    assert_int_equal(attach("host=/nowhere dbname=x sslmode=on", (weir_postgres_options){0}),
                     WEIR_DATABASE);
    assert_non_null(strstr(published, "sslmode"));
    assert_int_equal(attach("host=/nowhere dbname=x", (weir_postgres_options){0}), WEIR_OK);
    offered.sink.close(offered.sink.self);
}

static void test_arguments_that_make_no_sense(void **state) {
    (void)state;
    need_server();
    weir *w = NULL;
    weir_postgres_options p = {0};
    unsigned char newer[sizeof p + 8] = {0};
    assert_int_equal(attach(NULL, p), WEIR_MISUSE);
    assert_int_equal(attach("host=h secretive", p), WEIR_MISUSE);
    assert_null(strstr(published, "secretive"));
    assert_int_equal(attach("host=h", (weir_postgres_options){.safety = (weir_postgres_safety)7}),
                     WEIR_MISUSE);
    assert_int_equal(
        attach("host=h", (weir_postgres_options){.at_lag_limit = (weir_postgres_lag)7}),
        WEIR_MISUSE);
    newer[sizeof p] = 1;
    assert_int_equal(weir_attach_postgres_sized(NULL, "n", "host=h", (void *)newer, sizeof newer),
                     WEIR_MISUSE);
    assert_int_equal(weir_open_postgres("host=h", NULL, NULL, &p, &w), WEIR_MISUSE);
    assert_int_equal(weir_open_postgres("host=h", "d", NULL, &p, NULL), WEIR_MISUSE);
}

static void test_a_first_sink_holds_and_checks_declarations(void **state) {
    (void)state;
    need_server();
    weir *w;
    weir_error error = {0};
    int64_t key = 0;
    weir_postgres_options p = {.timeout_ms = 2000};
    assert_int_equal(weir_open_postgres(server.conninfo, "d", NULL, &p, &w), WEIR_OK);
    assert_int_equal(offered.at_limit, WEIR_LAG_HOLDS);
    assert_true(offered.lag_limit_bytes == 0);
    weir_column column = {"c", WEIR_INTEGER};
    weir_declaration *plain, *keyed;
    assert_int_equal(weir_declaration_make(1, "t", &column, 1, &plain, &error), WEIR_OK);
    column.type = WEIR_KEY;
    assert_int_equal(weir_declaration_make(1, "t", &column, 1, &keyed, &error), WEIR_OK);
    assert_int_equal(offered.check(offered.sink.self, keyed, &key, &error), WEIR_OK);
    assert_int_equal(key, 41); /* load_double.c asked the server */
    pg_server_stop(&server, SIGQUIT);
    assert_int_equal(offered.check(offered.sink.self, plain, &key, &error), WEIR_OK);
    assert_int_equal(key, 1);
    assert_int_equal(offered.check(offered.sink.self, keyed, &key, &error), WEIR_BUSY);
    weir_declaration_free(plain);
    weir_declaration_free(keyed);
    pg_server_start(&server);
    offered.sink.close(offered.sink.self);
}

/* The sink is given back by who refuses it: a sanitizer would see it lost. */
static void test_what_the_handle_refuses_is_said(void **state) {
    (void)state;
    need_server();
    weir *w;
    weir_postgres_options p = {0};
    answer = WEIR_LOCKED;
    assert_int_equal(weir_open_postgres(server.conninfo, "d", NULL, &p, &w), WEIR_LOCKED);
    assert_string_equal(published, "weir_open_postgres: as told");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_server_that_is_there_is_offered),
        cmocka_unit_test(test_only_what_cannot_pass_by_itself_fails_the_call),
        cmocka_unit_test(test_arguments_that_make_no_sense),
        cmocka_unit_test(test_a_first_sink_holds_and_checks_declarations),
        cmocka_unit_test(test_what_the_handle_refuses_is_said),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
