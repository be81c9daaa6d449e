/* function.c - what the tables that are called like functions share. */
#include "function.h"

#include <stdlib.h>

int weir_sql_function_connect(sqlite3 *db, void *context, int argc, const char *const *argv,
                              sqlite3_vtab **out, char **message) {
    (void)argc, (void)argv; /* an eponymous table has no arguments here */
    (void)message;          /* SQLite's own message is enough */
    const weir_sql_function *of = context;
    int code = sqlite3_declare_vtab(db, of->declaration);
    /* They open what file they are told, so no view of a stranger's database may use them. */
    if (code == SQLITE_OK) code = sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
    if (code != SQLITE_OK) return code;
    weir_sql_function_table *t = calloc(1, sizeof *t);
    if (!t) return SQLITE_NOMEM;
    t->db = db;
    t->of = of;
    *out = &t->base;
    return SQLITE_OK;
}

int weir_sql_function_disconnect(sqlite3_vtab *table) {
    free(table);
    return SQLITE_OK;
}

/* The plan has a bit for each argument that is given; they come to xFilter in their order. */
int weir_sql_function_plan(sqlite3_vtab *table, sqlite3_index_info *info) {
    const weir_sql_function *of = ((weir_sql_function_table *)table)->of;
    int given[8] = {0}; /* number of the constraint, from 1 */
    for (int i = 0; i < info->nConstraint; i++) {
        int argument = info->aConstraint[i].iColumn - of->first_argument;
        if (argument < 0 || argument >= of->arguments) continue;
        if (info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ) continue;
        if (!info->aConstraint[i].usable) return SQLITE_CONSTRAINT; /* of a table further right */
        given[argument] = i + 1;
    }
    int count = 0;
    for (int a = 0; a < of->arguments; a++) {
        if (!given[a]) continue;
        info->aConstraintUsage[given[a] - 1].argvIndex = ++count;
        info->aConstraintUsage[given[a] - 1].omit = 1;
        info->idxNum |= 1 << a;
    }
    info->estimatedCost = 1e7; /* a journal is read anew each time */
    info->estimatedRows = 100000;
    return SQLITE_OK;
}

const char *weir_sql_function_argument(int plan, int argument, sqlite3_value **argv) {
    int at = 0;
    if (!(plan & 1 << argument)) return NULL;
    for (int a = 0; a < argument; a++)
        at += (plan & 1 << a) != 0;
    return (const char *)sqlite3_value_text(argv[at]);
}

int weir_sql_function_place(const weir_sql_function_table *table, int plan, sqlite3_value **argv,
                            weir_sql_place *out, weir_error *error) {
    const char *name = weir_sql_function_argument(plan, 0, argv);
    const char *directory = weir_sql_function_argument(plan, table->of->arguments - 1, argv);
    return weir_sql_place_find(table->db, name, directory, out, error);
}
