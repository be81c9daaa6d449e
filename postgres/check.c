/* check.c - may the server take a declaration? For weir_declare. */
#include <stdlib.h>

#include "load.h"
#include "relation.h"
#include "sql.h"

static int ask_greatest_key(weir_pg *pg, const weir_pg_relation *r, unsigned key, int64_t *out,
                            weir_error *error) {
    weir_pg_sql s;
    weir_pg_sql_begin(&s);
    weir_pg_sql_add(&s, "SELECT coalesce(pg_catalog.max(");
    weir_pg_sql_name(&s, r->column[key]);
    weir_pg_sql_add(&s, "), 0) FROM %s WHERE ", r->place);
    weir_pg_sql_name(&s, r->column[key]);
    weir_pg_sql_add(&s, " < 9223372036854775807");
    char *text = weir_pg_sql_end(&s);
    PGresult *answer;
    if (!text) return weir_fail(error, WEIR_NO_MEMORY, "no memory for a statement");
    int status = weir_pg_ask(pg, text, NULL, 0, &answer, error);
    free(text);
    if (status != WEIR_OK) return status;
    *out = strtoll(PQgetvalue(answer, 0, 0), NULL, 10);
    PQclear(answer);
    return WEIR_OK;
}

int weir_pg_check_declaration(weir_pg *pg, const char *schema, const weir_declaration *d,
                              int64_t *next_key, weir_error *error) {
    const weir_pg_wanted wanted = {schema, false};
    weir_pg_relation r;
    int key = weir_declaration_key(d);
    int64_t greatest = 0;
    *next_key = 1;
    int status = weir_pg_relation_look(pg, &wanted, d, &r, error);
    if (status == WEIR_OK && r.exists && key >= 0)
        status = ask_greatest_key(pg, &r, (unsigned)key, &greatest, error);
    if (status == WEIR_OK && greatest > 0) *next_key = greatest + 1;
    weir_pg_relation_free(&r);
    return status;
}
