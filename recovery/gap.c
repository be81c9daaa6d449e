/* gap.c - going on after rows that have left the journal. */
#include "gap.h"

#include <sqlite3.h>

#include "../lib/verify/verdict_text.h"
#include "../writer/sqlite/position_store.h"
#include "../writer/sqlite/sqlite_error.h"
#include "loss.h"
#include "patience.h"

void weir_gap_of(const weir_view *view, uint64_t *first, uint64_t *last) {
    *first = 1;
    *last = 0;
    if (view->inventory.verdict == WEIR_VERDICT_DATABASE_BEHIND)
        weir_findings_gone(&view->inventory, first, last);
}

static int move_position(sqlite3 *db, const weir_position *to, weir_error *error) {
    weir_position_store store = {.db = db};
    int status = weir_sqlite_run(db, "BEGIN IMMEDIATE", error);
    if (status == WEIR_OK) status = weir_position_store_make(&store, error);
    if (status == WEIR_OK) status = weir_position_store_write(&store, to, error);
    if (status == WEIR_OK) status = weir_sqlite_run(db, "COMMIT", error);
    weir_position_store_free(&store);
    return status;
}

static int open_to_write(const char *path, uint32_t wait_s, sqlite3 **db, weir_error *error) {
    int status = weir_patience_open(path, SQLITE_OPEN_CREATE, wait_s, db, error);
    if (status != WEIR_OK) return status;
    return weir_sqlite_run(*db, "PRAGMA synchronous=FULL; BEGIN IMMEDIATE; COMMIT", error);
}

int weir_gap_accept(const weir_place *place, const weir_view *view, uint32_t wait_s,
                    weir_error *error) {
    const weir_inventory *i = &view->inventory;
    weir_position to = {.block = i->begin.block, .hash = i->begin.hash};
    weir_losses losses;
    weir_id_copy(to.journal, i->journal);
    uint64_t first;
    weir_gap_of(view, &first, &to.row);
    sqlite3 *db = NULL;
    int status = weir_losses_of(view, &losses);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory for the list of lost rows");
    status = open_to_write(place->database, wait_s, &db, error);
    if (status == WEIR_OK)
        status = weir_losses_record(place->database, i->journal, &losses, wait_s, error);
    if (status == WEIR_OK) status = move_position(db, &to, error);
    (void)sqlite3_close(db); /* rolls back what was not committed; statements are finalized */
    weir_losses_free(&losses);
    return status;
}
