/* look.c - database, ring and journal of one moment. */
#include "look.h"

#include <errno.h>

enum { TRIES = 5 };

/* The database first: then its position can only be too low for the journal that is read after it. */
static int look_at_all(sqlite3 *db, const weir_sql_place *place, bool verify_all,
                       weir_sql_look *out, weir_error *error) {
    const weir_os *os = weir_os_posix();
    *out = (weir_sql_look){.holder = weir_handle_holder(os, place->directory)};
    weir_sql_snapshot *s = &out->snapshot;
    int status = weir_sql_snapshot_take(db, place->path, s, error);
    if (status != WEIR_OK) return status;
    weir_os_info info;
    bool missing = os->info(os->self, WEIR_OS_CWD, place->path, &info) == -ENOENT;
    weir_inventory_input input = {.os = os,
                                  .directory = place->directory,
                                  .database = place->path,
                                  .database_missing = missing,
                                  .database_broken = s->why[0] ? s->why : NULL,
                                  .database_has_positions = s->count > 0,
                                  .positions = s->positions,
                                  .position_count = s->count,
                                  .verify_all = verify_all};
    return weir_inspect(&input, &out->found, error);
}

/* Rows that were applied and released between the two reads are a gap for this position: the next
 * snapshot has them, unless the caller's transaction keeps the old one. Likewise a live journal may
 * move on while it is read; what is seen each time is so. */
int weir_sql_look_take(sqlite3 *db, const weir_sql_place *place, bool verify_all,
                       weir_sql_look *out, weir_error *error) {
    int status = WEIR_OK;
    for (int i = 0; i < TRIES; i++) {
        if (i > 0) weir_sql_look_release(out);
        status = look_at_all(db, place, verify_all, out, error);
        if (status != WEIR_OK) break;
        if (!out->holder.is_there || !weir_verdict_refuses(out->found.inventory.verdict)) break;
    }
    if (status != WEIR_OK) weir_sql_look_release(out);
    return status;
}

void weir_sql_look_release(weir_sql_look *look) {
    weir_inspection_free(&look->found);
    weir_sql_snapshot_release(&look->snapshot);
}

static int code_of(int status) {
    switch (status) {
    case WEIR_NO_MEMORY: return SQLITE_NOMEM;
    case WEIR_BUSY: return SQLITE_BUSY;
    case WEIR_DAMAGED: return SQLITE_CORRUPT_VTAB;
    case WEIR_IO: return SQLITE_IOERR;
    default: return SQLITE_ERROR;
    }
}

int weir_sql_failed(sqlite3_vtab *table, int status, const weir_error *error) {
    sqlite3_free(table->zErrMsg);
    table->zErrMsg = sqlite3_mprintf("%s", error->text[0] ? error->text : weir_status_text(status));
    return code_of(status);
}
