/* keep.c - weir_keep: keep a table within limits. */
#include <weir/sqlite.h>

#include "../../lib/base/sized.h"
#include "keep_table.h"
#include "writers.h"

static int keep_misuse(weir_error *error, const char *what) {
    return weir_fail(error, WEIR_MISUSE, "weir_keep: %s", what);
}

static int check_limits(const weir_keep_limits *l, weir_error *error) {
    if (!l->age_ns) return WEIR_OK;
    if (l->age_ns > INT64_MAX) return keep_misuse(error, "age_ns is more than 292 years");
    if (!l->time_column) return keep_misuse(error, "age_ns is given, but time_column is NULL");
    return WEIR_OK;
}

static bool declares(const weir_declaration *d, const char *column) {
    for (int i = 0; i < d->columns; i++)
        if (sqlite3_stricmp(d->column[i].name, column) == 0) return true;
    return false;
}

/* A table that the database lacks is going to be as it is declared. */
static int check_keep(weir_writer *w, const weir_declaration *d, const char *time_column,
                      weir_error *error) {
    weir_keep_table table = {0};
    weir_writer_lock(w);
    int status = weir_writer_ready(w, d->name, error);
    /* Should the table be as yet without the last declared columns, they are going to be added. */
    bool added = time_column && declares(d, time_column);
    if (status == WEIR_OK)
        status = weir_keep_look(w->reader, d->name, added ? NULL : time_column, &table, error);
    weir_writer_unlock(w);
    if (status != WEIR_OK || table.exists || added || !time_column) return status;
    return weir_fail(error, WEIR_NOT_FOUND,
                     "table %s: it is going to have no column %s, by which the age of its rows "
                     "would go",
                     d->name, time_column);
}

static int keep_inside(weir_table *table, const weir_keep_limits *limits, weir_error *error) {
    const weir_declaration *d = weir_table_declaration(table);
    if (!d) return weir_fail(error, WEIR_CLOSED, "weir_keep: the table's handle is closed");
    weir_writer *w = weir_writers_find(weir_table_handle(table));
    if (!w) return keep_misuse(error, "the handle has no database");
    bool any = limits->rows || limits->bytes || limits->age_ns;
    int status = check_limits(limits, error);
    if (status == WEIR_OK && any)
        status = check_keep(w, d, limits->age_ns ? limits->time_column : NULL, error);
    if (status == WEIR_OK) status = weir_keep_settings_set(&w->keeps, d->name, limits, error);
    if (status == WEIR_OK) weir_wakeup_notify(&w->wakeup, w->os, false);
    return status;
}

int weir_keep_sized(weir_table *table, const weir_keep_limits *limits, size_t limits_bytes) {
    weir_keep_limits own;
    weir_error error = {0};
    int held;
    if (!table) return weir_misuse("weir_keep", "table is NULL");
    int status = weir_call_enter(weir_table_handle(table), WEIR_CALL_EVEN_STOPPED, &held);
    if (status != WEIR_OK) return weir_refuse("weir_keep", status);
    status = weir_sized_take(&own, sizeof own, limits, limits_bytes, "weir_keep_limits", &error);
    if (status == WEIR_OK) status = keep_inside(table, &own, &error);
    weir_call_exit(weir_table_handle(table), held);
    return status < 0 ? weir_publish_error(&error) : status;
}
