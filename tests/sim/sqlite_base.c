/* sqlite_base.c - the production sink over the simulated VFS, and an ordinary connection that
 * reads. */
#include <sqlite3.h>

#include "../../writer/sqlite/sqlite_sink.h"
#include "machine.h"
#include "model.h"
#include "vfs.h"

static int open_sqlite(weir_sink *sink, weir_position **positions, size_t *count,
                       weir_error *error) {
    weir_sqlite_config config = {.path = SIM_DATABASE, .busy_timeout_ms = 1000, .os = sim_os()};
    *positions = NULL;
    int status = weir_sqlite_sink_open(&config, sink, NULL, error);
    if (status == WEIR_OK) status = weir_sqlite_positions(sink, positions, count, error);
    if (status != WEIR_OK && sink->close) sink->close(sink->self);
    if (status != WEIR_OK) *sink = (weir_sink){0};
    return status;
}

static bool is_as_appended(sqlite3_stmt *s) {
    uint32_t n = (uint32_t)sqlite3_column_int64(s, 0);
    return sim_model_pad_fits(n, sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1));
}

static long collect(sqlite3 *db, uint32_t *numbers, size_t limit, weir_error *error) {
    sqlite3_stmt *s = NULL;
    size_t count = 0;
    if (sqlite3_prepare_v2(db, "SELECT n, pad FROM t ORDER BY rowid", -1, &s, NULL) != SQLITE_OK) {
        bool none = sqlite3_errcode(db) == SQLITE_ERROR; /* no such table: nothing was applied */
        if (!none) (void)weir_fail(error, WEIR_DATABASE, "%s", sqlite3_errmsg(db));
        return none ? 0 : -1;
    }
    int code;
    bool good = true;
    while (good && (code = sqlite3_step(s)) == SQLITE_ROW && count < limit) {
        good = is_as_appended(s);
        numbers[count++] = (uint32_t)sqlite3_column_int64(s, 0);
    }
    if (good && code != SQLITE_DONE) good = false;
    if (!good)
        (void)weir_fail(error, WEIR_DATABASE, "row %u is not as it was appended, or: %s",
                        count ? numbers[count - 1] : 0, sqlite3_errmsg(db));
    (void)sqlite3_finalize(s); /* repeats the step's code */
    return good ? (long)count : -1;
}

/* Nothing is ever refused here, so a row in the reject table is one that went wrong. */
static bool any_rejected(sqlite3 *db) {
    sqlite3_stmt *s = NULL;
    bool any = false;
    if (sqlite3_prepare_v2(db, "SELECT 1 FROM weir_reject", -1, &s, NULL) == SQLITE_OK)
        any = sqlite3_step(s) == SQLITE_ROW;
    (void)sqlite3_finalize(s); /* a table that is not there is as good as an empty one */
    return any;
}

static long rows(uint32_t *numbers, size_t limit, weir_error *error) {
    sqlite3 *db = NULL;
    long count = -1;
    if (sqlite3_open_v2(SIM_DATABASE, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) {
        count = collect(db, numbers, limit, error);
        if (count >= 0 && any_rejected(db)) {
            (void)weir_fail(error, WEIR_REJECTED, "a row was refused");
            count = -1;
        }
    } else {
        (void)weir_fail(error, WEIR_DATABASE, "%s", sqlite3_errmsg(db));
    }
    (void)sqlite3_close(db); /* fails only while statements are left, and none are */
    return count;
}

const sim_base *sim_base_sqlite(void) {
    static const sim_base base = {open_sqlite, rows, NULL};
    return &base;
}
