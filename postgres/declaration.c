/* declaration.c - what a declaration cannot be for a PostgreSQL server, whatever it has. */
#include "declaration.h"

#include "convert.h"

static int name_fits(const char *table, const char *name, const char *what, weir_error *error) {
    size_t length = strlen(name);
    if (weir_pg_clean_length((const uint8_t *)name, length) < length)
        return weir_fail(error, WEIR_SCHEMA, "table %s: the name of the %s is not valid UTF-8",
                         table, what);
    if (length > WEIR_PG_NAME_MAX)
        return weir_fail(error, WEIR_SCHEMA,
                         "table %s: the name of the %s, %.40s…, has %zu bytes; PostgreSQL keeps "
                         "%d",
                         table, what, name, length, WEIR_PG_NAME_MAX);
    return WEIR_OK;
}

static int column_fits(const weir_declaration *d, const char *column, weir_error *error) {
    static const char *const taken[] = {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (!strcmp(column, taken[i]))
            return weir_fail(error, WEIR_SCHEMA,
                             "table %s: every table of PostgreSQL has a system column %s; choose "
                             "another name",
                             d->name, column);
    return name_fits(d->name, column, "column", error);
}

int weir_pg_declaration_fits(const weir_declaration *d, weir_error *error) {
    if (weir_names_equal(d->name, "weir_position") || weir_names_equal(d->name, "weir_reject"))
        return weir_fail(error, WEIR_SCHEMA,
                         "table %s: the name is one of weir's own tables; choose another", d->name);
    if (d->columns > WEIR_PG_COLUMNS_MAX)
        return weir_fail(error, WEIR_SCHEMA,
                         "table %s: %u columns are declared; a table of PostgreSQL can have %d",
                         d->name, d->columns, WEIR_PG_COLUMNS_MAX);
    int status = name_fits(d->name, d->name, "table", error);
    for (unsigned i = 0; i < d->columns && status == WEIR_OK; i++)
        status = column_fits(d, d->column[i].name, error);
    return status;
}
