/* drop.c - the verb rejects drop: refused rows that nobody wants any more. */
#include <inttypes.h>
#include <stdio.h>

#include "../../writer/sqlite/sqlite_error.h"
#include "../database.h"
#include "../exits.h"
#include "../json.h"
#include "../report.h"
#include "../verbs.h"
#include "rejects.h"

/* With --dry-run they are counted by deleting them in a transaction that is given up. */
static int drop(sqlite3 *db, const weir_arguments *arguments, int64_t *count, weir_error *error) {
    sqlite3_stmt *s = NULL;
    int status = weir_sqlite_run(db, "BEGIN IMMEDIATE", error);
    if (status == WEIR_OK)
        status = weir_rejects_prepare(
            db, arguments, "DELETE FROM main.weir_reject WHERE " WEIR_REJECTS_CHOSEN, &s, error);
    if (status == WEIR_OK && sqlite3_step(s) != SQLITE_DONE)
        status = weir_sqlite_fail(db, "deleting refused rows", error);
    *count = status == WEIR_OK ? sqlite3_changes64(db) : 0;
    (void)sqlite3_finalize(s); /* repeats the step's code */
    if (status != WEIR_OK) return status;
    return weir_sqlite_run(db, arguments->dry_run ? "ROLLBACK" : "COMMIT", error);
}

int weir_run_rejects_drop(const weir_arguments *arguments, const weir_place *place) {
    sqlite3 *db = NULL;
    int64_t count = 0;
    weir_error error = {0};
    int status = weir_rejects_check_place(place, &error);
    if (status == WEIR_OK) status = weir_rejects_check_ids(arguments, &error);
    if (status == WEIR_OK) status = weir_rejects_open(arguments, place, &db, &error);
    if (status == WEIR_OK && weir_database_has_table(db, "weir_reject"))
        status = drop(db, arguments, &count, &error);
    (void)sqlite3_close(db); /* rolls back what was not committed; statements are finalized */
    if (status != WEIR_OK) return weir_report_error(arguments, &error);
    if (arguments->json) {
        weir_json json = weir_json_begin(stdout, "rejects_dropped");
        weir_json_text(&json, "database", place->database);
        weir_json_int(&json, "rows", count);
        weir_json_bool(&json, "dry_run", arguments->dry_run);
        weir_json_end(&json);
    } else {
        printf("%s: %" PRId64 " refused rows %s\n", place->database, count,
               arguments->dry_run ? "would be dropped" : "dropped");
    }
    return WEIR_EXIT_CLEAN;
}
