/* dump_tables.c - the tables of a dump: what must be known of them before the first row. */
#include <stdio.h>
#include <strings.h>

#include "dump.h"

/* The only table there is, or NULL. */
static const char *only_table(const weir_tables *tables) {
    for (size_t i = 1; i < tables->count; i++)
        if (strcasecmp(tables->list[i]->name, tables->list[0]->name) != 0) return NULL;
    return tables->count > 0 ? tables->list[0]->name : NULL;
}

static int fail_undeclared(const weir_dumping *d, const char *table, weir_error *error) {
    return weir_fail(error, WEIR_NOT_FOUND, "%s: no table %s was declared", d->place->directory,
                     table);
}

/* A table may still come to a journal that is followed. */
static int check_tables(weir_dumping *d, weir_error *error) {
    for (const weir_texts *t = d->arguments->tables; t && !d->arguments->follow; t = t->next) {
        weir_columns columns;
        int status = weir_columns_of(&d->tables, t->text, &columns);
        if (status == WEIR_NOT_FOUND) return fail_undeclared(d, t->text, error);
        if (status == WEIR_OK) weir_columns_free(&columns);
    }
    return WEIR_OK;
}

static int choose_columns(weir_dumping *d, weir_error *error) {
    const weir_texts *wanted = d->arguments->tables;
    const char *table = wanted ? wanted->text : only_table(&d->tables);
    if (wanted && wanted->next)
        return weir_fail(error, WEIR_MISUSE, "--csv is of one table: give --table once");
    if (!table && d->tables.count > 0)
        return weir_fail(error, WEIR_MISUSE,
                         "the journal has more than one table: choose one with --table");
    if (!table) return WEIR_OK;
    int status = weir_columns_of(&d->tables, table, &d->columns);
    if (status == WEIR_NOT_FOUND) return fail_undeclared(d, table, error);
    return status == WEIR_OK ? status : weir_fail(error, status, "no memory for column names");
}

/* By the inventory, which may have declarations above the durable mark, too. */
int weir_dump_know_tables(const weir_dumping *d, weir_tables *tables, weir_error *error) {
    const weir_reading *r = d->reading;
    weir_reader *reader;
    int status =
        weir_reader_make(&r->archive.os, weir_inventory_locator(&r->stretch.found), &reader);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory to read declarations");
    weir_tables_read(tables, &r->stretch.found, reader);
    weir_reader_free(reader);
    return WEIR_OK;
}

int weir_dump_begin_output(weir_dumping *d, weir_error *error) {
    int status = weir_dump_know_tables(d, &d->tables, error);
    if (status == WEIR_OK && d->arguments->csv) status = choose_columns(d, error);
    if (status == WEIR_OK) status = check_tables(d, error);
    if (status == WEIR_OK && d->arguments->csv) weir_csv_header(stdout, &d->columns);
    return status;
}
