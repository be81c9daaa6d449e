/* test_document.c - docs/POSTGRES.md is so: its programs compile without a warning and run, its SQL is
 * taken by the server, a role with the rights that it names works and with one less does not, and its
 * error texts are those of the source.
 *
 * A block of code that begins with ```c NAME or ```sql NAME is one of these.
 *
 * Covers: postgres/load_own.c postgres/open.c */
#include "pg_server.h"
#include "support.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/postgres.h>
#include <weir/sqlite.h>

enum { WAIT_MS = 20000, SHORT_MS = 1500 };

static pg_server server;
static char directory[300];

static int set_up(void **state) {
    (void)state;
    if (pg_server_missing()) return 0;
    pg_server_make(&server, NULL);
    (void)snprintf(directory, sizeof directory, "%s", weir_temp_make());
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    if (pg_server_missing()) return 0;
    pg_server_free(&server);
    weir_temp_remove(directory);
    return 0;
}

static void need_server(void) {
    if (!pg_server_missing()) return;
    print_message("skipped: %s\n", pg_server_missing());
    skip();
}

/* ---- blocks ------------------------------------------------------------------------------------ */

static char *document(void) { return weir_file_text(WEIR_SOURCE_DIR "/docs/POSTGRES.md"); }

static char *find(char *in, const char *what) {
    char *at = strstr(in, what);
    if (at) return at;
    fail_msg("the document has no \"%s\" where it should", what);
    abort(); /* not reached */
}

/* The block of this first line, for free(). */
static char *block(const char *language, const char *name) {
    char head[80], *text = document();
    (void)snprintf(head, sizeof head, "\n```%s %s\n", language, name);
    char *at = find(text, head) + strlen(head);
    find(at, "\n```")[1] = '\0';
    char *out = strdup(at);
    assert_non_null(out);
    free(text);
    return out;
}

/* ---- programs ---------------------------------------------------------------------------------- */

/* build/…, which has the libraries that a user would link with. */
static const char *build_directory(void) {
    static char path[300];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    assert_true(length > 0);
    path[length] = '\0';
    for (int up = 0; up < 2; up++)
        *strrchr(path, '/') = '\0';
    return path;
}

static void shell(const char *command) {
    int status = system(command);
    if (status != 0) fail_msg("exit %d: %s", WEXITSTATUS(status), command);
}

static void run_program(const char *name, const char *arguments) {
    char command[2000];
    const char *build = build_directory(), *sanitize = getenv("WEIR_SANITIZE");
    char *source = block("c", name);
    char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    weir_file_write(path, source, strlen(source));
    free(source);
    (void)snprintf(
        command, sizeof command,
        "cd %s && cc -std=gnu17 -O1 -Wall -Wextra -Werror %s%s -I%s/include %s -o program"
        " -L%s/postgres -L%s -lweir-postgres -lweir -Wl,-rpath,%s/postgres:%s && ./program"
        " %s >said 2>&1 || { cat said; exit 1; }",
        directory, sanitize && *sanitize ? "-fsanitize=" : "", sanitize ? sanitize : "",
        WEIR_SOURCE_DIR, name, build, build, build, build, arguments);
    shell(command);
}

static void test_programs(void **state) {
    (void)state;
    need_server();
    char quoted[200], detached[220], said[400];
    (void)snprintf(quoted, sizeof quoted, "'%s'", server.url);
    (void)snprintf(detached, sizeof detached, "%s detach", quoted);
    run_program("attach.c", quoted);
    assert_int_equal(pg_server_count(&server, "SELECT count(*) FROM prices"), 1000);
    run_program("open.c", quoted);
    run_program("open.c", quoted);
    assert_int_equal(pg_server_count(&server, "SELECT max(id) FROM orders"), 200);
    run_program("lag.c", quoted);
    run_program("lag.c", detached);
    (void)snprintf(said, sizeof said, "grep -q '^central .*attached' %s/said", directory);
    shell(said);
}

/* Statements in the middle of a program, behind its include. */
static void test_the_words_of_README(void **state) {
    (void)state;
    need_server();
    char path[400], command[1000], *text = weir_file_text(WEIR_SOURCE_DIR "/README.md");
    char *code = find(find(text, "\n## PostgreSQL, too\n"), "```c\n") + strlen("```c\n");
    *find(code, "\n```\n") = '\0';
    char *statements = find(code, "\n\n");
    *statements = '\0';
    (void)snprintf(path, sizeof path, "%s/words.c", directory);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    (void)fprintf(out, "%s\nvoid words(weir *w);\nvoid words(weir *w) {\n%s\n}\n", code,
                  statements + 2);
    assert_int_equal(fclose(out), 0);
    free(text);
    (void)snprintf(command, sizeof command,
                   "cc -std=gnu17 -Wall -Wextra -Werror -I%s/include -c %s -o %s/words.o",
                   WEIR_SOURCE_DIR, path, directory);
    shell(command);
}

/* ---- SQL --------------------------------------------------------------------------------------- */

static void run_block(const char *name) {
    char *sql = block("sql", name);
    PGconn *c = pg_server_connect(&server);
    PGresult *r = PQexec(c, sql);
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        fail_msg("%s: %s", name, PQresultErrorMessage(r));
    PQclear(r);
    PQfinish(c);
    free(sql);
}

/* One line for each column: its name, its type, whether it must have a value, and what it is by default. */
static void columns_of(const char *schema, const char *table, char *out, size_t bytes) {
    char sql[400];
    (void)snprintf(
        sql, sizeof sql,
        "SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod),"
        " attnotnull, attidentity, (SELECT count(*) FROM pg_index WHERE indrelid = attrelid"
        " AND indisprimary)), ',' ORDER BY attnum) FROM pg_attribute"
        " WHERE attrelid = '%s.%s'::regclass AND attnum > 0",
        schema, table);
    pg_server_ask(&server, sql, out, bytes);
}

static void test_own_tables(void **state) {
    (void)state;
    need_server();
    static const char *const tables[] = {"weir_position", "weir_reject"};
    char made[800], shown[800];
    pg_server_run(&server, "CREATE SCHEMA shown; ALTER ROLE CURRENT_USER SET search_path = shown");
    run_block("own.sql");
    pg_server_run(&server, "ALTER ROLE CURRENT_USER RESET search_path");
    for (int i = 0; i < 2; i++) {
        columns_of("public", tables[i], made, sizeof made);
        columns_of("shown", tables[i], shown, sizeof shown);
        assert_string_equal(made, shown);
        assert_true(strlen(made) > 40);
    }
}

static void test_queries(void **state) {
    (void)state;
    need_server();
    run_block("rejects.sql");
    run_block("monitoring.sql");
}

/* ---- rights ------------------------------------------------------------------------------------ */

static void quiet(void *context, weir_event event, const char *text) {
    (void)context;
    (void)event;
    (void)text;
}

/* As the role, with a journal of its own: two rows, of which the table refuses one. WEIR_OK once both are
 * applied within timeout_ms. */
static int apply_as_writer(const char *name, uint32_t timeout_ms) {
    static const weir_column columns[] = {{"tick", WEIR_INTEGER}, {"price", WEIR_REAL}};
    const weir_options options = {.on_event = quiet, .open_timeout_ms = 1000};
    const weir_postgres_options postgres = {.schema = "app"};
    char database[400], conninfo[260];
    weir *w;
    weir_table *prices;
    (void)snprintf(database, sizeof database, "%s/%s.db", directory, name);
    (void)snprintf(conninfo, sizeof conninfo, "host=%s port=%d dbname=postgres user=weir_writer",
                   server.root, server.port);
    assert_int_equal(weir_open_sqlite(database, &options, &w), WEIR_OK);
    int status = weir_attach_postgres(w, "central", conninfo, &postgres);
    if (status == WEIR_OK) {
        assert_int_equal(weir_declare(w, "prices", columns, 2, &prices), WEIR_OK);
        assert_int_equal(weir_append(prices, 12, 0.5), WEIR_OK);
        assert_int_equal(weir_append(prices, 13, 0.5), WEIR_OK);
        status = weir_wait_sink(w, "central", NULL, timeout_ms);
    }
    assert_true(weir_close(w) >= 0);
    return status;
}

static void test_rights(void **state) {
    (void)state;
    need_server();
    static const char *const each[] = {"USAGE ON SCHEMA app",         "SELECT ON app.weir_position",
                                       "INSERT ON app.weir_position", "UPDATE ON app.weir_position",
                                       "INSERT ON app.weir_reject",   "INSERT ON app.prices"};
    char sql[200], name[16];
    run_block("rights.sql");
    assert_int_equal(apply_as_writer("all", WAIT_MS), WEIR_OK);
    assert_int_equal(pg_server_count(&server, "SELECT count(*) FROM app.prices"), 1);
    assert_int_equal(pg_server_count(&server, "SELECT count(*) FROM app.weir_reject"), 1);
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        (void)snprintf(sql, sizeof sql, "REVOKE %s FROM weir_writer", each[i]);
        pg_server_run(&server, sql);
        (void)snprintf(name, sizeof name, "without%zu", i);
        if (apply_as_writer(name, SHORT_MS) == WEIR_OK) fail_msg("not needed: %s", each[i]);
        (void)snprintf(sql, sizeof sql, "GRANT %s TO weir_writer", each[i]);
        pg_server_run(&server, sql);
    }
    assert_int_equal(apply_as_writer("again", WAIT_MS), WEIR_OK);
}

static int declare_key_as_writer(const char *name) {
    static const weir_column columns[] = {{"id", WEIR_KEY}, {"v", WEIR_TEXT}};
    const weir_options options = {.on_event = quiet, .open_timeout_ms = 1000};
    const weir_postgres_options postgres = {.schema = "app"};
    char journal[400], conninfo[260];
    weir *w;
    weir_table *keyed;
    (void)snprintf(journal, sizeof journal, "%s/%s", directory, name);
    (void)snprintf(conninfo, sizeof conninfo, "host=%s port=%d dbname=postgres user=weir_writer",
                   server.root, server.port);
    assert_int_equal(weir_open_postgres(conninfo, journal, &options, &postgres, &w), WEIR_OK);
    int status = weir_declare(w, "keyed", columns, 2, &keyed);
    if (status == WEIR_OK) assert_int_equal(weir_append(keyed, NULL, "x"), WEIR_OK);
    if (status == WEIR_OK) status = weir_sync(w, WEIR_APPLIED, WAIT_MS);
    assert_true(weir_close(w) >= 0);
    return status;
}

static void test_rights_on_a_key(void **state) {
    (void)state;
    need_server();
    pg_server_run(&server, "CREATE TABLE app.keyed(id bigint PRIMARY KEY, v text);"
                           "INSERT INTO app.keyed VALUES (41, 'there');"
                           "GRANT INSERT ON app.keyed TO weir_writer");
    assert_int_equal(declare_key_as_writer("blind"), WEIR_DATABASE);
    pg_server_run(&server, "GRANT SELECT (id) ON app.keyed TO weir_writer");
    assert_int_equal(declare_key_as_writer("seeing"), WEIR_OK);
    assert_int_equal(pg_server_count(&server, "SELECT max(id) FROM app.keyed"), 42);
}

/* ---- texts ------------------------------------------------------------------------------------- */

/* The source, with its string literals joined as the compiler joins them. */
static char *joined_sources(void) {
    static const char *const patterns[] = {"/postgres/*.c", "/lib/handle/attached.c",
                                           "/lib/journal/sinks.c", "/writer/attach/host.c"};
    glob_t files = {0};
    char *text, pattern[300];
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        (void)snprintf(pattern, sizeof pattern, "%s%s", WEIR_SOURCE_DIR, patterns[i]);
        assert_int_equal(glob(pattern, i ? GLOB_APPEND : 0, NULL, &files), 0);
    }
    for (size_t i = 0; i < files.gl_pathc; i++) {
        char *source = weir_file_text(files.gl_pathv[i]);
        for (const char *at = source; *at; at++) {
            size_t blank = *at == '"' ? strspn(at + 1, " \n") : 0;
            if (blank && at[1 + blank] == '"')
                at += 1 + blank;
            else
                (void)fputc(*at, out);
        }
        free(source);
    }
    globfree(&files);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* A text may leave out, by "…", what differs from case to case. */
static bool is_in(const char *sources, char *text) {
    for (char *at = text, *next; at; at = next) {
        next = strstr(at, "…");
        if (next) {
            *next = '\0';
            next += strlen("…");
        }
        if (!strstr(sources, at)) return false;
    }
    return true;
}

static void test_error_texts(void **state) {
    (void)state;
    char *text = document(), *sources = joined_sources();
    char *at = find(text, "\n## Troubleshooting");
    size_t found = 0, servers_words = 0;
    while ((at = strstr(at, "\n| `")) != NULL) {
        at += strlen("\n| `");
        char *end = strstr(at, "` | "), *line = strchr(at, '\n');
        assert_true(end && line && end < line);
        char *said = strndup(at, (size_t)(end - at));
        bool theirs =
            !strncmp(end, "` | the server's words", 22) || !strncmp(end, "` | libpq's words", 17);
        if (!theirs && !is_in(sources, said)) fail_msg("nothing says: %.*s", (int)(end - at), at);
        servers_words += theirs;
        found++;
        free(said);
        at = end;
    }
    assert_true(found > 40 && servers_words == 9);
    free(sources);
    free(text);
}

/* ---- the tool ---------------------------------------------------------------------------------- */

static bool tool_knows_servers(void) {
    return system(WEIR_TOOL " check --help >/dev/null 2>&1") == 0;
}

/* Each verb and option that the section "Tools" names is one of the tool's. */
static void test_tools(void **state) {
    (void)state;
    if (!tool_knows_servers()) {
        print_message("skipped: this tool has no verb check\n");
        skip();
    }
    char *text = document(), command[600];
    char *at = find(text, "\n## Tools");
    size_t verbs = 0;
    *find(at + 3, "\n## ") = '\0';
    while ((at = strstr(at, "\n| `weir ")) != NULL) {
        at += strlen("\n| `weir ");
        char *line = strchr(at, '\n'), verb[32], option[32];
        assert_true(line && sscanf(at, "%31[a-z]", verb) == 1);
        static char said[65536];
        (void)snprintf(command, sizeof command, "%s %s --help 2>&1", WEIR_TOOL, verb);
        FILE *help = popen(command, "r");
        assert_non_null(help);
        size_t length = fread(said, 1, sizeof said - 1, help);
        said[length] = '\0';
        if (pclose(help) != 0) fail_msg("the tool has no verb %s", verb);
        for (char *o = strstr(at, "--"); o && o < line; o = strstr(o + 2, "--")) {
            assert_int_equal(sscanf(o, "%31[a-z-]", option), 1);
            if (!strstr(said, option)) fail_msg("weir %s has no option %s", verb, option);
        }
        verbs++;
    }
    assert_int_equal(verbs, 4);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs),    cmocka_unit_test(test_the_words_of_README),
        cmocka_unit_test(test_own_tables),  cmocka_unit_test(test_queries),
        cmocka_unit_test(test_rights),      cmocka_unit_test(test_rights_on_a_key),
        cmocka_unit_test(test_error_texts), cmocka_unit_test(test_tools),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
