/* The logger: what stands in the table, what the filter costs, what is cut. */
/* Covers: lib/handle/log_site.c */
#include "opened.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/log.h>

#include "lib/handle/handle.h"

static int64_t ask(const opened *o, const char *sql) { return weir_sql_int(o->database, sql); }

static void a_message_becomes_a_row(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    weir *w = o->w;

    weir_log(w, WEIR_WARN, "agent %d has %s", 7, "nothing");
    int line = __LINE__ - 1;
    weir_log_error(w, "plain");
    assert_int_equal(weir_sync(w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(ask(o, "SELECT count(*) FROM log"), 2);
    assert_int_equal(ask(o, "SELECT line FROM log WHERE level = 'WARN' "
                            "AND message = 'agent 7 has nothing' AND file LIKE '%test_log.c' "
                            "AND thread > 0 AND time_ns > 1600000000000000000"),
                     line);
    assert_int_equal(ask(o, "SELECT count(*) FROM log WHERE level = 'ERROR'"), 1);
    assert_int_equal(opened_close(o), WEIR_OK);
}

static int evaluated;

static int evaluate(void) { return ++evaluated; }

static void what_is_filtered_is_not_evaluated(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    weir *w = o->w;

    weir_log_debug(w, "%d", evaluate());
    assert_int_equal(evaluated, 0);
    weir_log_set_level(WEIR_TRACE);
    weir_log_trace(w, "%d", evaluate());
    weir_log_set_level(WEIR_INFO);
    assert_int_equal(evaluated, 1);
    assert_int_equal(weir_sync(w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(ask(o, "SELECT count(*) FROM log"), 1);
    assert_int_equal(opened_close(o), WEIR_OK);
}

/* Messages around the limit; a cut one ends in the mark and splits no character. */
static void long_messages_are_cut(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    weir *w = o->w;
    char *text = malloc(3 * WEIR_LOG_BYTES);

    assert_non_null(text);
    memset(text, 'x', WEIR_LOG_BYTES - 1);
    text[WEIR_LOG_BYTES - 1] = 0;
    weir_log_info(w, "%s", text);
    text[0] = 0;
    for (int i = 0; i < WEIR_LOG_BYTES; i++)
        strcpy(text + 2 * i, "ü");
    weir_log_warn(w, "%s", text);
    free(text);
    assert_int_equal(weir_sync(w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(ask(o, "SELECT length(message) FROM log WHERE level = 'INFO'"),
                     WEIR_LOG_BYTES - 1);
    assert_int_equal(ask(o, "SELECT count(*) FROM log WHERE level = 'WARN' "
                            "AND length(CAST(message AS BLOB)) BETWEEN 4080 AND 4095 "
                            "AND trim(message, 'ü') = '… [cut]'"),
                     1);
    assert_int_equal(opened_close(o), WEIR_OK);
}

static void errno_and_misuse(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    weir *w = o->w;

    errno = ENOENT;
    weir_log_info(w, "%m");
    assert_int_equal(errno, ENOENT);
    assert_int_equal(weir_sync(w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(ask(o, "SELECT message LIKE 'No such file%' FROM log"), 1);
    assert_int_equal(weir_log_write(NULL, WEIR_INFO, "f", 1, "x"), WEIR_MISUSE);
    assert_string_equal(weir_log_level_name(WEIR_FATAL), "FATAL");
    assert_string_equal(weir_log_level_name(6), "?");
    assert_int_equal(opened_close(o), WEIR_OK);
}

/* A handle's table ends with the handle: the next one, perhaps at the same address, has its own. */
static void every_handle_has_its_own_log(void **state) {
    opened *o = *state;
    for (int i = 0; i < 3; i++) {
        (void)snprintf(o->database, sizeof o->database, "%s/%d.db", o->directory, i);
        opened_open(o, NULL);
        weir *w = o->w;
        assert_int_equal(weir_log_write(w, WEIR_INFO, "f", i, "handle %d", i), WEIR_OK);
        assert_int_equal(opened_close(o), WEIR_OK);
        assert_int_equal(ask(o, "SELECT line FROM log"), i);
    }
}

/* ---- formatted later ------------------------------------------------------------------------- */

static void log_as(weir *w, weir_log_level level, int i) { weir_log(w, level, "as %d", i); }

/* One place in the source, several levels: a template for each. */
static void a_site_may_log_at_any_level(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    weir *w = o->w;

    for (int i = 0; i < 8; i++)
        log_as(w, i % 2 ? WEIR_WARN : WEIR_ERROR, i);
    log_as(w, (weir_log_level)9, 8);
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_int_equal(ask(o, "SELECT count(*) FROM log WHERE level = 'WARN' AND "
                            "substr(message, 4) % 2 = 1"),
                     4);
    assert_int_equal(ask(o, "SELECT count(*) FROM log WHERE level = 'ERROR'"), 4);
    assert_int_equal(ask(o, "SELECT message = 'as 8' FROM log WHERE level = '?'"), 1);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

/* Neither can be stored as a template: they are formatted where they are logged. */
static void what_cannot_wait_is_formatted_at_once(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    weir *w = o->w;
    char changing[20] = "first %d";

    for (int i = 0; i < 2; i++) {
        weir_log_info(w, changing, i);
        memcpy(changing, "then %d", 8);
        weir_log_warn(w, "%.2Lf", (long double)i / 2);
    }
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_int_equal(ask(o, "SELECT group_concat(message) = 'first 0,then 1' FROM log "
                            "WHERE level = 'INFO'"),
                     1);
    assert_int_equal(ask(o, "SELECT group_concat(message) = '0.00,0.50' FROM log "
                            "WHERE level = 'WARN'"),
                     1);
}

#pragma GCC diagnostic pop

static size_t templates_of(weir *w) {
    return weir_journal_tables(weir_handle_journal(w))->templates.held;
}

static void log_here(weir *w, int i) { weir_log_info(w, "opening %d", i); }

/* What the journal knows already is not declared again, and a site finds its template in every
 * handle. */
static void a_template_is_declared_once(void **state) {
    opened *o = *state;

    for (int i = 0; i < 3; i++) {
        weir *other;
        opened_open(o, NULL);
        assert_int_equal(weir_open_sqlite(o->copy, NULL, &other), WEIR_OK);
        for (int k = 0; k < 5; k++) {
            log_here(o->w, i);
            log_here(other, i);
        }
        assert_int_equal(weir_sync(o->w, WEIR_APPLIED, 10000), WEIR_OK);
        assert_int_equal(templates_of(o->w), 1);
        assert_int_equal(weir_close(other), WEIR_OK);
        assert_int_equal(opened_close(o), WEIR_OK);
    }
    assert_int_equal(ask(o, "SELECT count(*) FROM log WHERE message LIKE 'opening _'"), 15);
    assert_int_equal(
        weir_sql_int(o->copy, "SELECT count(*) FROM log WHERE message LIKE 'opening _'"), 15);
}

/* Messages that are nowhere but in the ring when the process is killed. */
static void messages_outlive_their_process(void **state) {
    opened *o = *state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        weir_options options = {.linger_ms = 60000};
        weir *w;
        if (weir_open_sqlite(o->database, &options, &w) != WEIR_OK) _exit(1);
        for (int i = 0; i < 100; i++)
            weir_log_info(w, "%s %d", "message", i);
        (void)raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    opened_open(o, NULL);
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_int_equal(ask(o, "SELECT count(*) = 100 AND count(DISTINCT message) = 100 "
                            "AND max(CAST(substr(message, 9) AS INTEGER)) = 99 FROM log"),
                     1);
}

/* ---- fields ---------------------------------------------------------------------------------- */

static void fields_become_an_object(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    weir *w = o->w;
    const char *name = "one";

    weir_log_info(w, "before there are fields");
    for (int i = 0; i < 3; i++)
        weir_log_kv(w, WEIR_INFO, "filled", "id", weir_int(i), "price", weir_real(9.5), "who",
                    weir_text("a \"b\""), "none", weir_null());
    for (int i = 0; i < 2; i++) {
        weir_log_kv(w, WEIR_WARN, i ? "first" : "second", name, weir_int(i));
        name = "other";
    }
    weir_log_kv(w, WEIR_DEBUG, "filtered", "n", weir_int(evaluate()));
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_int_equal(ask(o, "SELECT count(*) FROM log WHERE fields IS NULL"), 1);
    assert_int_equal(ask(o, "SELECT count(*) FROM log WHERE message = 'filled' AND "
                            "json_extract(fields, '$.id') BETWEEN 0 AND 2 AND "
                            "json_extract(fields, '$.price') = 9.5 AND "
                            "json_extract(fields, '$.who') = 'a \"b\"' AND "
                            "json_type(fields, '$.none') = 'null'"),
                     3);
    assert_int_equal(ask(o, "SELECT count(*) FROM log WHERE level = 'WARN' AND "
                            "coalesce(json_extract(fields, '$.one'), "
                            "json_extract(fields, '$.other')) IN (0, 1)"),
                     2);
}

/* More than a template takes; none; and names that no template takes. */
static void any_number_of_fields_is_logged(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    weir *w = o->w;
    static weir_log_site site = WEIR_LOG_SITE_(1);
    weir_log_field fields[80];
    char names[80][8];

    for (int i = 0; i < 80; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        fields[i] = (weir_log_field){names[i], weir_int(i)};
    }
    assert_int_equal(weir_log_fields(w, WEIR_INFO, &site, "many", fields, 80), WEIR_OK);
    assert_int_equal(weir_log_fields(w, WEIR_INFO, &site, "none", fields, 0), WEIR_OK);
    names[0][0] = 0;
    assert_int_equal(weir_log_fields(w, WEIR_WARN, &site, "empty name", fields, 1), WEIR_OK);
    assert_int_equal(weir_log_fields(w, WEIR_WARN, NULL, "x", fields, 1), WEIR_MISUSE);
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_int_equal(ask(o, "SELECT count(*) FROM log, json_each(fields) "
                            "WHERE message = 'many' AND key = 'n' || value"),
                     80);
    assert_int_equal(ask(o, "SELECT fields = '{}' FROM log WHERE message = 'none'"), 1);
    assert_int_equal(ask(o, "SELECT fields = '{\"\":0}' FROM log WHERE level = 'WARN'"), 1);
}

/* One site for both, as no macro makes it: each message is whole all the same. */
static void a_site_of_fields_takes_no_format(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    static weir_log_site of_fields = WEIR_LOG_SITE_(1), of_format = WEIR_LOG_SITE_(1);
    const weir_log_field field = {"n", weir_int(7)};

    for (int i = 0; i < 3; i++) {
        assert_int_equal(weir_log_fields(o->w, WEIR_INFO, &of_fields, "fields", &field, 1),
                         WEIR_OK);
        assert_int_equal(weir_log_at(o->w, WEIR_INFO, &of_fields, "format %d", 8), WEIR_OK);
        assert_int_equal(weir_log_at(o->w, WEIR_WARN, &of_format, "format %d", 8), WEIR_OK);
        assert_int_equal(weir_log_fields(o->w, WEIR_WARN, &of_format, "fields", &field, 1),
                         WEIR_OK);
    }
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_int_equal(ask(o, "SELECT count(*) FROM log WHERE message = 'format 8'"), 6);
    assert_int_equal(ask(o, "SELECT count(*) FROM log WHERE message = 'fields' AND "
                            "json_extract(fields, '$.n') = 7"),
                     6);
}

/* ---- rates ----------------------------------------------------------------------------------- */

static void some_are_logged_seldom(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    weir *w = o->w;

    for (int i = 0; i < 10; i++) {
        weir_log_every_n(w, WEIR_INFO, 4, "every fourth: %d", i);
        weir_log_once(w, WEIR_WARN, "once: %d", i);
        weir_log_once(w, WEIR_DEBUG, "filtered");
    }
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_int_equal(ask(o, "SELECT sum(substr(message, 15)) = 0 + 4 + 8 AND count(*) = 3 "
                            "FROM log WHERE level = 'INFO'"),
                     1);
    assert_int_equal(ask(o, "SELECT message = 'once: 0' AND count(*) = 1 FROM log "
                            "WHERE level = 'WARN'"),
                     1);
}

/* ---- the table ------------------------------------------------------------------------------- */

static void the_table_can_be_named(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    weir *w = o->w;

    assert_int_equal(weir_log_configure(w, &(weir_log_options){.table = "my \"events\""}), WEIR_OK);
    weir_log_info(w, "there");
    assert_int_equal(weir_log_configure(w, &(weir_log_options){.table = "elsewhere"}), WEIR_MISUSE);
    assert_non_null(strstr(weir_last_error(), "before the first"));
    assert_int_equal(weir_log_configure(w, &(weir_log_options){.keep = WEIR_WARN}), WEIR_OK);
    assert_int_equal(weir_log_configure(w, &(weir_log_options){.keep = (weir_log_level)6}),
                     WEIR_MISUSE);
    assert_int_equal(weir_log_configure(w, NULL), WEIR_MISUSE);
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_int_equal(ask(o, "SELECT count(*) FROM \"my \"\"events\"\"\" "
                            "WHERE message = 'there'"),
                     1);
}

static int refused;
static char words[600];

static void hear(void *context, weir_event event, const char *text) {
    (void)context;
    if (event != WEIR_EVENT_LOG_REFUSED) return;
    refused++;
    snprintf(words, sizeof words, "%s", text);
}

/* A table of that name, but of another shape: said once, counted each time. */
static void a_table_that_does_not_fit_is_told(void **state) {
    opened *o = *state;
    weir_sql_run(o->database, "CREATE TABLE log(x, must TEXT NOT NULL); CREATE VIEW v AS SELECT 1");
    struct weir_stats stats;

    opened_open(o, &(weir_options){.on_event = hear});
    weir *w = o->w;
    for (int i = 0; i < 50; i++)
        weir_log_info(w, "lost %d", i);
    assert_int_equal(refused, 1);
    assert_non_null(strstr(words, "\"log\""));
    assert_int_equal(weir_stats(w, &stats), WEIR_OK);
    assert_int_equal(stats.log_failed, 50);
    assert_int_equal(stats.log_dropped, 0);
    /* Who asks for the table itself is answered at once. */
    weir_table *table;
    assert_int_equal(weir_log_table(w, &table), WEIR_SCHEMA);
    weir_sql_run(o->database, "DROP TABLE log");
    assert_int_equal(weir_log_table(w, &table), WEIR_OK);
    assert_non_null(table);
    weir_log_info(w, "found");
    assert_int_equal(weir_sync(w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(ask(o, "SELECT count(*) FROM log WHERE message = 'found'"), 1);
    assert_int_equal(opened_close(o), WEIR_OK);
}

/* With another name they are logged, once the database is asked again. */
static void another_name_is_asked_for_at_once(void **state) {
    opened *o = *state;
    weir_sql_run(o->database, "CREATE TABLE log(x, must TEXT NOT NULL)");
    opened_open(o, &(weir_options){.on_event = hear});
    weir *w = o->w;
    weir_log_info(w, "lost");
    assert_int_equal(weir_log_configure(w, &(weir_log_options){.table = "log2"}), WEIR_OK);
    weir_log_info(w, "there");
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_int_equal(ask(o, "SELECT count(*) FROM log2"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        OPENED_TEST(a_message_becomes_a_row),
        OPENED_TEST(what_is_filtered_is_not_evaluated),
        OPENED_TEST(long_messages_are_cut),
        OPENED_TEST(errno_and_misuse),
        OPENED_TEST(every_handle_has_its_own_log),
        OPENED_TEST(a_site_may_log_at_any_level),
        OPENED_TEST(what_cannot_wait_is_formatted_at_once),
        OPENED_TEST(a_template_is_declared_once),
        OPENED_TEST(messages_outlive_their_process),
        OPENED_TEST(fields_become_an_object),
        OPENED_TEST(any_number_of_fields_is_logged),
        OPENED_TEST(a_site_of_fields_takes_no_format),
        OPENED_TEST(some_are_logged_seldom),
        OPENED_TEST(the_table_can_be_named),
        OPENED_TEST(a_table_that_does_not_fit_is_told),
        OPENED_TEST(another_name_is_asked_for_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
