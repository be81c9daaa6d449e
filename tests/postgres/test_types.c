/* test_types.c - every kind of value into every type of column: what the server then answers. */
#include "pg_load.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const weir_column row_columns[] = {{"id", WEIR_INTEGER}, {"v", WEIR_BLOB}};

static size_t make_values(weir_value *v) {
    size_t n = 0;
    static const int64_t integers[] = {0,
                                       1,
                                       -1,
                                       7,
                                       127,
                                       32767,
                                       32768,
                                       -32768,
                                       -32769,
                                       2147483647,
                                       2147483648,
                                       -2147483648,
                                       16777217,
                                       9007199254740992,
                                       9007199254740993,
                                       INT64_MAX,
                                       INT64_MIN,
                                       20231114};
    static const double reals[] = {0.0,
                                   -0.0,
                                   1.0,
                                   5.0,
                                   -2.5,
                                   0.1,
                                   1e15,
                                   1e16,
                                   1e20,
                                   1e-7,
                                   1e300,
                                   5e-324,
                                   3.4e38,
                                   1e39,
                                   123456789.125,
                                   0.30000000000000004,
                                   2147483648.0,
                                   9223372036854775808.0,
                                   -9223372036854775808.0};
    static const char *const texts[] = {"",
                                        " ",
                                        "0",
                                        "1",
                                        "12",
                                        " 12.0 ",
                                        "-1.5",
                                        "1e3",
                                        "1e-400",
                                        "1e400",
                                        "NaN",
                                        "infinity",
                                        "true",
                                        "f",
                                        "on",
                                        "x",
                                        "abcde",
                                        "abcdef",
                                        "tab\there",
                                        "line\nbreak",
                                        "re\rturn",
                                        "back\\slash",
                                        "\\N",
                                        "\\.",
                                        "it's",
                                        "\"q\"",
                                        "2023-11-14",
                                        "2023-11-14 22:13:20+00",
                                        "22:13",
                                        "{\"a\": [1, 2]}",
                                        "[1]",
                                        "{1,2}",
                                        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                                        "10.0.0.1",
                                        "101",
                                        "[1,5)",
                                        "1 day",
                                        "sad",
                                        "Größe €😀",
                                        "9223372036854775807",
                                        "9223372036854775808",
                                        "\x01\x7f",
                                        "E'a'",
                                        ",(",
                                        "\b\v\f"};
    for (size_t i = 0; i < COUNT(integers); i++)
        v[n++] = weir_int(integers[i]);
    for (size_t i = 0; i < COUNT(reals); i++)
        v[n++] = weir_real(reals[i]);
    v[n++] = weir_real(NAN);
    v[n++] = weir_real(INFINITY);
    v[n++] = weir_real(-INFINITY);
    for (size_t i = 0; i < COUNT(texts); i++)
        v[n++] = weir_text(texts[i]);
    v[n++] = weir_text_n("a\0b", 3);
    v[n++] = weir_text("\xff\xfe");
    v[n++] = weir_blob("", 0);
    v[n++] = weir_blob("\0\\'\n\t\xff", 6);
    v[n++] = weir_null();
    return n;
}

static rows_block block_of(pg_load *f, uint16_t table, const weir_value *values, size_t count) {
    rows_block b = pg_load_rows(f);
    for (size_t i = 0; i < count; i++) {
        const weir_value row[] = {weir_int((int64_t)i), values[i]};
        rows_add(&b, table, row, 2);
    }
    return b;
}

static void load_into(pg_load *f, const char *table, const weir_value *values, size_t count) {
    (void)pg_load_declare(f, 1, table, row_columns, 2);
    rows_block b = block_of(f, 1, values, count);
    (void)pg_load_all(f, &b);
}

/* Of a column with a binary form, of a domain over it, which goes as text, and by INSERT: one result. */
static void test_the_ways_agree(void **state) {
    pg_load *f = pg_load_of(state);
    static const char *const types[] = {
        "smallint", "int",  "bigint",     "real", "double precision",
        "boolean",  "text", "varchar(5)", "bytea"};
    weir_value values[128];
    size_t count = make_values(values);
    pg_server_run(&f->server, "SET client_min_messages = error; DROP DOMAIN IF EXISTS d");
    for (size_t i = 0; i < COUNT(types); i++) {
        char sql[500];
        (void)snprintf(
            sql, sizeof sql,
            "DROP TABLE IF EXISTS a, b, c; DROP DOMAIN IF EXISTS d; TRUNCATE weir_reject;"
            "CREATE DOMAIN d AS %s; CREATE TABLE a(id bigint, v %s);"
            "CREATE TABLE b(id bigint, v d); CREATE TABLE c(id bigint, v %s)",
            types[i], types[i], types[i]);
        pg_server_run(&f->server, sql);
        pg_load_renew(f, false, false, NULL);
        load_into(f, "a", values, count);
        load_into(f, "b", values, count);
        pg_load_renew(f, true, false, NULL);
        load_into(f, "c", values, count);
        pg_assert(
            f,
            "SELECT (SELECT string_agg(id || ':' || coalesce(v::text, '-'), '|' ORDER BY id)"
            " FROM a) = ALL (ARRAY[(SELECT string_agg(id || ':' || coalesce(v::text, '-'), '|'"
            " ORDER BY id) FROM b), (SELECT string_agg(id || ':' || coalesce(v::text, '-'), '|'"
            " ORDER BY id) FROM c)]), (SELECT count(*) > 0 FROM a),"
            " (SELECT count(DISTINCT x) = 1 FROM (SELECT string_agg(\"values\" || code, '|'"
            " ORDER BY \"row\") AS x FROM weir_reject GROUP BY table_name) y)",
            "t|t|t");
        (void)snprintf(
            sql, sizeof sql,
            "SELECT count(*) = %zu FROM (SELECT table_name FROM weir_reject WHERE table_name"
            " = 'a' UNION ALL SELECT 'a' FROM a) x",
            count);
        pg_assert(f, sql, "t");
    }
    pg_server_run(&f->server, "DROP TABLE a, b, c; DROP DOMAIN d");
}

/* The text of a value, as the server is to read it; NULL: not by the server. */
static const char *server_text(const weir_value *v, char text[64]) {
    if (v->type == WEIR_INTEGER) (void)snprintf(text, 64, "%lld", (long long)v->as.integer);
    if (v->type == WEIR_REAL) (void)snprintf(text, 64, "%.17g", v->as.real);
    if (v->type == WEIR_REAL && isinf(v->as.real))
        (void)snprintf(text, 64, v->as.real < 0 ? "-Infinity" : "Infinity");
    if (v->type == WEIR_TEXT && memchr(v->as.bytes, 0, v->length)) return NULL;
    return v->type == WEIR_TEXT ? v->as.bytes : v->type == WEIR_BLOB ? NULL : text;
}

/* What the server makes of the same values, one INSERT for each; that reals have 17 digits matters to
 * numeric alone, which keeps all that it is given. */
static void let_the_server_judge(pg_load *f, const weir_value *values, size_t count) {
    PGconn *c = pg_server_connect(&f->server);
    for (size_t i = 0; i < count; i++) {
        char text[64], id[24];
        const char *parameters[] = {id, NULL};
        (void)snprintf(id, sizeof id, "%zu", i);
        if (values[i].type != WEIR_NULL) {
            parameters[1] = server_text(&values[i], text);
            if (!parameters[1]) continue;
        }
        PQclear(
            PQexecParams(c, "INSERT INTO o VALUES ($1, $2)", 2, NULL, parameters, NULL, NULL, 0));
    }
    PQfinish(c);
}

static void test_types_that_the_server_reads(void **state) {
    pg_load *f = pg_load_of(state);
    static const char *const types[] = {
        "numeric", "numeric(6,2)", "timestamptz", "date",     "time",  "json",     "jsonb",
        "uuid",    "varchar(5)",   "char(5)",     "inet",     "int[]", "interval", "mood",
        "bit(3)",  "int4range",    "name",        "positive", "oid",   "\"char\"", "text[]"};
    weir_value values[128];
    size_t count = make_values(values);
    pg_server_run(&f->server, "CREATE TYPE mood AS ENUM ('sad', 'true'); CREATE DOMAIN positive AS"
                              " numeric CHECK (VALUE > 0)");
    for (size_t i = 0; i < COUNT(types); i++) {
        char sql[300];
        bool is_text = strstr(types[i], "char(5)") != NULL; /* there a real is 5.0 */
        (void)snprintf(sql, sizeof sql,
                       "DROP TABLE IF EXISTS o, a; TRUNCATE weir_reject;"
                       "CREATE TABLE o(id bigint, v %s); CREATE TABLE a(id bigint, v %s)",
                       types[i], types[i]);
        pg_server_run(&f->server, sql);
        let_the_server_judge(f, values, count);
        load_into(f, "a", values, count);
        (void)snprintf(sql, sizeof sql,
                       "SELECT o.id, o.v::text, a.id, a.v::text FROM o FULL JOIN a USING (id) WHERE"
                       " (o.v::text IS DISTINCT FROM a.v::text OR o.id IS NULL OR a.id IS NULL) AND"
                       " id NOT BETWEEN %d AND %d ORDER BY 1",
                       is_text ? 18 : -1, is_text ? 39 : -1);
        if (!strcmp(types[i], "numeric") || !strcmp(types[i], "positive"))
            (void)snprintf(
                sql, sizeof sql,
                "SELECT o.id, o.v, a.v FROM o FULL JOIN a USING (id) WHERE o.id IS NULL OR"
                " a.id IS NULL OR (o.v IS DISTINCT FROM a.v AND (o.v - a.v) IS DISTINCT FROM 0 AND "
                "NOT abs(o.v - a.v) <= abs(o.v) * 1e-14)");
        if (!strcmp(types[i], "name") || !strcmp(types[i], "\"char\"") ||
            !strcmp(types[i], "json") || !strcmp(types[i], "jsonb") ||
            !strcmp(types[i], "text[]")) /* digits differ in the end */
            (void)snprintf(
                sql, sizeof sql,
                "SELECT o.id, a.id FROM o FULL JOIN a USING (id) WHERE (o.id IS NULL OR a.id"
                " IS NULL OR o.v::text IS DISTINCT FROM a.v::text) AND id NOT BETWEEN 18"
                " AND 39");
        char *differs = pg_text(f, sql);
        if (differs[0]) fail_msg("%s: %s", types[i], differs);
        free(differs);
    }
}

static uint64_t bits_of(const char *hex) { return strtoull(hex + 2, NULL, 16); }

/* Every double and every integer comes back bit by bit. */
static void test_numbers_are_kept(void **state) {
    pg_load *f = pg_load_of(state);
    enum { ROWS = 2000 };
    static const weir_column columns[] = {
        {"id", WEIR_INTEGER}, {"r", WEIR_REAL}, {"i", WEIR_INTEGER}};
    uint64_t seed = 0x9E3779B97F4A7C15, bits[ROWS];
    (void)pg_load_declare(f, 1, "t", columns, 3);
    rows_block b = pg_load_rows(f);
    for (int n = 0; n < ROWS; n++) {
        double real;
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        bits[n] = n < 4 ? (uint64_t[]){0x8000000000000000, 0x7FF0000000000000, 0xFFF0000000000000,
                                       0x7FF8000000000000}[n]
                        : seed;
        memcpy(&real, &bits[n], sizeof real);
        const weir_value v[] = {weir_int(n), weir_real(real), weir_int((int64_t)bits[n])};
        rows_add(&b, 1, v, 3);
    }
    assert_int_equal(pg_load_all(f, &b).rejected, 0);
    PGconn *c = pg_server_connect(&f->server);
    PGresult *r = PQexec(c, "SELECT float8send(r), i FROM t ORDER BY id");
    assert_int_equal(PQntuples(r), ROWS);
    for (int n = 0; n < ROWS; n++) {
        assert_true(bits_of(PQgetvalue(r, n, 0)) == bits[n]);
        assert_true((uint64_t)strtoll(PQgetvalue(r, n, 1), NULL, 10) == bits[n]);
    }
    PQclear(r);
    PQfinish(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        PG_TEST(test_the_ways_agree),
        PG_TEST(test_types_that_the_server_reads),
        PG_TEST(test_numbers_are_kept),
    };
    return cmocka_run_group_tests(tests, pg_load_group_set_up, pg_load_group_tear_down);
}
