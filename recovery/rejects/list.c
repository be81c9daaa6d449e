/* list.c - the verb rejects list: the rows that SQLite refused, as words or JSON. */
#include <inttypes.h>
#include <stdio.h>

#include "../../writer/sqlite/sqlite_error.h"
#include "../database.h"
#include "../exits.h"
#include "../json.h"
#include "../report.h"
#include "../verbs.h"
#include "rejects.h"

enum { ID, ROW, TIME, TABLE, CODE, MESSAGE, VALUES, RECORD };

static const char *text_of(sqlite3_stmt *s, int column) {
    return (const char *)sqlite3_column_text(s, column);
}

static void json_reject(sqlite3_stmt *s) {
    weir_json json = weir_json_begin(stdout, "reject");
    weir_json_int(&json, "id", sqlite3_column_int64(s, ID));
    weir_json_int(&json, "row", sqlite3_column_int64(s, ROW));
    weir_json_time(&json, "time", sqlite3_column_int64(s, TIME));
    weir_json_text(&json, "table", text_of(s, TABLE));
    weir_json_int(&json, "code", sqlite3_column_int64(s, CODE));
    weir_json_text(&json, "message", text_of(s, MESSAGE));
    weir_json_text(&json, "values", text_of(s, VALUES));
    weir_json_bool(&json, "whole", sqlite3_column_int(s, RECORD) != 0);
    weir_json_end(&json);
}

static void word_reject(sqlite3_stmt *s) {
    char time[WEIR_TIME_TEXT];
    const char *table = text_of(s, TABLE), *message = text_of(s, MESSAGE),
               *values = text_of(s, VALUES);
    printf("%lld  row %lld of %s, %s: %s\n", (long long)sqlite3_column_int64(s, ID),
           (long long)sqlite3_column_int64(s, ROW), table ? table : "an unknown table",
           weir_time_text(sqlite3_column_int64(s, TIME), time),
           message ? message : "no reason kept");
    printf("    %s\n", values ? values : "(too long to be shown)");
}

static int list(sqlite3 *db, const weir_arguments *arguments, uint64_t *count, weir_error *error) {
    sqlite3_stmt *s;
    int status = weir_rejects_prepare(
        db, arguments,
        "SELECT id, row, time_ns, table_name, code, message, \"values\", record IS NOT NULL FROM "
        "main.weir_reject WHERE " WEIR_REJECTS_CHOSEN " ORDER BY id",
        &s, error);
    if (status != WEIR_OK) return status;
    int code;
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        ++*count;
        if (arguments->json)
            json_reject(s);
        else
            word_reject(s);
    }
    if (code != SQLITE_DONE) status = weir_sqlite_fail(db, "reading weir_reject", error);
    (void)sqlite3_finalize(s); /* repeats the step's code */
    return status;
}

int weir_run_rejects_list(const weir_arguments *arguments, const weir_place *place) {
    sqlite3 *db = NULL;
    uint64_t count = 0;
    weir_error error = {0};
    int status = weir_rejects_check_place(place, &error);
    if (status == WEIR_OK) status = weir_rejects_check_ids(arguments, &error);
    if (status == WEIR_OK && weir_database_open_quietly(place->database, &db) != SQLITE_OK)
        status = weir_sqlite_fail(db, "reading it", &error);
    if (status == WEIR_OK && weir_database_has_table(db, "weir_reject"))
        status = list(db, arguments, &count, &error);
    (void)sqlite3_close(db); /* every statement is finalized */
    if (status != WEIR_OK) return weir_report_error(arguments, &error);
    if (!arguments->json && count == 0) printf("%s: no refused rows\n", place->database);
    return WEIR_EXIT_CLEAN;
}
