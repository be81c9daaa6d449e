/* sql.c - statements composed of parts. */
#include "sql.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { PARAMETERS_MAX = 4 };

void weir_pg_sql_begin(weir_pg_sql *s) {
    *s = (weir_pg_sql){0};
    s->out = open_memstream(&s->text, &s->length);
}

void weir_pg_sql_add(weir_pg_sql *s, const char *format, ...) {
    if (!s->out) return;
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(s->out, format, arguments); /* the stream keeps its error */
    va_end(arguments);
}

void weir_pg_sql_name(weir_pg_sql *s, const char *name) {
    if (!s->out) return;
    (void)putc('"', s->out); /* as above */
    for (; *name; name++) {
        if (*name == '"') (void)putc('"', s->out);
        (void)putc(*name, s->out);
    }
    (void)putc('"', s->out);
}

void weir_pg_sql_literal(weir_pg_sql *s, const char *text) {
    weir_pg_sql_add(s, "E'");
    for (; s->out && *text; text++) {
        if (*text == '\'' || *text == '\\') (void)putc(*text, s->out); /* as above */
        (void)putc(*text, s->out);
    }
    weir_pg_sql_add(s, "'");
}

void weir_pg_sql_place(weir_pg_sql *s, const char *schema, const char *name) {
    if (schema) {
        weir_pg_sql_name(s, schema);
        weir_pg_sql_add(s, ".");
    }
    weir_pg_sql_name(s, name);
}

char *weir_pg_sql_end(weir_pg_sql *s) {
    if (!s->out) return NULL;
    bool failed = ferror(s->out) != 0;
    failed |= fclose(s->out) != 0;
    s->out = NULL;
    if (!failed) return s->text;
    free(s->text);
    return NULL;
}

int weir_pg_sql_run_for(weir_pg_sql *s, weir_pg *pg, PGresult **out, weir_error *error) {
    char *text = weir_pg_sql_end(s);
    if (out) *out = NULL;
    int status = text ? weir_pg_run_for(pg, text, out, error)
                      : weir_fail(error, WEIR_NO_MEMORY, "no memory for a statement");
    free(text);
    return status;
}

int weir_pg_sql_run(weir_pg_sql *s, weir_pg *pg, weir_error *error) {
    return weir_pg_sql_run_for(s, pg, NULL, error);
}

int weir_pg_ask(weir_pg *pg, const char *sql, const char *const *parameters, int count,
                PGresult **out, weir_error *error) {
    weir_pg_parameter given[PARAMETERS_MAX] = {{0}};
    for (int i = 0; i < count && i < PARAMETERS_MAX; i++)
        given[i] = (weir_pg_parameter){parameters[i], -1, 0};
    return weir_pg_query(pg, sql, given, count, false, out, error);
}

bool weir_pg_is_race(const char *sqlstate) {
    return !strcmp(sqlstate, "23505") || !strcmp(sqlstate, "42P07") || !strcmp(sqlstate, "42710");
}
