/* loss.c - the lasting record of rows that a database will never get. */
#include "loss.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "../lib/verify/verdict_text.h"
#include "../writer/sqlite/sqlite_error.h"
#include "loss_file.h"
#include "patience.h"
#include "undo_rows.h"

/* ---- what is lost ---------------------------------------------------------------------- */

static int add_loss(weir_losses *losses, weir_loss loss, const char *why) {
    (void)snprintf(loss.why, sizeof loss.why, "%s", why); /* a cut text is still a text */
    return weir_losses_add(losses, &loss);
}

static int add_range(weir_losses *losses, uint64_t first, uint64_t last, const char *why) {
    return add_loss(losses, (weir_loss){.first_row = first, .last_row = last}, why);
}

static int add_damage(const weir_inventory *inventory, const weir_damage *d, weir_losses *losses) {
    weir_loss loss = {
        .segment = d->segment, .offset = d->offset, .last_segment = inventory->last_segment};
    uint64_t lost = weir_findings_lost(inventory, d);
    if (lost) {
        loss.first_row = d->last_row - lost + 1;
        loss.last_row = d->last_row;
    }
    return lost || d->rows_unknown ? add_loss(losses, loss, d->why) : WEIR_OK;
}

/* Rows that are not in the journal any more, where salvage goes on after them. */
static int add_gone(const weir_inventory *inventory, weir_losses *losses) {
    uint64_t first, last;
    weir_findings_gone(inventory, &first, &last);
    if (last < first) return WEIR_OK;
    weir_loss loss = {
        .first_row = first, .last_row = last, .last_segment = inventory->last_segment};
    return add_loss(losses, loss,
                    "they had left the journal, which keeps a row until a database has it");
}

/* The numbers of rows in a ring that cannot be read are unknown. */
static const char *lost_with_the_ring(const weir_view *view) {
    switch (view->inventory.verdict) {
    case WEIR_VERDICT_RING_WITHOUT_JOURNAL: return "the segments before the ring's rows are gone";
    case WEIR_VERDICT_DAMAGED_RING: return "the ring's header is damaged, and its rows are unknown";
    case WEIR_VERDICT_CUT_RING: return "the ring was truncated, and published rows with it";
    default: break;
    }
    bool same = view->ring.unreadable_bytes && view->ring.same_boot;
    return same ? "published rows of the ring are overwritten" : NULL;
}

int weir_losses_of(const weir_view *view, weir_losses *out) {
    const weir_inventory *i = &view->inventory;
    const char *ring = lost_with_the_ring(view);
    *out = (weir_losses){0};
    int status = add_gone(i, out);
    for (size_t d = 0; status == WEIR_OK && d < i->damage_count; d++)
        status = add_damage(i, &i->damages[d], out);
    if (status == WEIR_OK && ring) status = add_range(out, 0, 0, ring);
    if (status != WEIR_OK) weir_losses_free(out);
    return status;
}

/* ---- the record in the database -------------------------------------------------------- */

static int insert(sqlite3 *db, const weir_id journal, const weir_losses *losses,
                  weir_error *error) {
    sqlite3_stmt *s;
    int status = weir_sqlite_prepare(
        db,
        "INSERT INTO weir_loss SELECT ?1, ?2, ?3, ?4, strftime('%Y-%m-%d %H:%M:%S', 'now') "
        "WHERE NOT EXISTS (SELECT 1 FROM weir_loss WHERE journal = ?1 AND first_row IS ?2 "
        "AND last_row IS ?3 AND why = ?4)",
        &s, error);
    for (size_t i = 0; status == WEIR_OK && i < losses->count; i++) {
        const weir_loss *loss = &losses->list[i];
        int code = sqlite3_bind_blob(s, 1, journal, sizeof(weir_id), SQLITE_STATIC);
        if (code == SQLITE_OK && loss->first_row)
            code = sqlite3_bind_int64(s, 2, (sqlite3_int64)loss->first_row);
        if (code == SQLITE_OK && loss->first_row)
            code = sqlite3_bind_int64(s, 3, (sqlite3_int64)loss->last_row);
        if (code == SQLITE_OK) code = sqlite3_bind_text(s, 4, loss->why, -1, SQLITE_STATIC);
        if (code == SQLITE_OK) code = sqlite3_step(s);
        if (code != SQLITE_DONE) status = weir_sqlite_fail(db, "noting lost rows", error);
        (void)sqlite3_reset(s);          /* repeats the step's code */
        (void)sqlite3_clear_bindings(s); /* cannot fail */
    }
    (void)sqlite3_finalize(s); /* repeats the step's code */
    return status;
}

static int record(sqlite3 *db, const weir_id journal, const weir_losses *losses,
                  weir_error *error) {
    int status = weir_sqlite_run(db, "PRAGMA synchronous=FULL", error);
    if (status == WEIR_OK) status = weir_sqlite_run(db, "BEGIN IMMEDIATE", error);
    if (status == WEIR_OK)
        status = weir_sqlite_run(db,
                                 "CREATE TABLE IF NOT EXISTS weir_loss(journal BLOB NOT NULL, "
                                 "first_row INTEGER, last_row INTEGER, why TEXT NOT NULL, "
                                 "noted TEXT NOT NULL)",
                                 error);
    if (status == WEIR_OK) status = insert(db, journal, losses, error);
    return status == WEIR_OK ? weir_sqlite_run(db, "COMMIT", error) : status;
}

int weir_losses_record(const char *database, const weir_id journal, const weir_losses *losses,
                       uint32_t wait_s, weir_error *error) {
    if (losses->count == 0) return WEIR_OK;
    sqlite3 *db = NULL;
    int status = weir_patience_open(database, 0, wait_s, &db, error);
    if (status == WEIR_OK) status = record(db, journal, losses, error);
    (void)sqlite3_close(db); /* rolls back what was not committed; statements are finalized */
    return status;
}

/* ---- forgetting ------------------------------------------------------------------------ */

static int run_bound(sqlite3 *db, const char *sql, const weir_id id, const weir_loss *loss,
                     weir_error *error) {
    sqlite3_stmt *s;
    int status = weir_sqlite_prepare(db, sql, &s, error);
    if (status != WEIR_OK) return status;
    int code = sqlite3_bind_blob(s, 1, id, sizeof(weir_id), SQLITE_STATIC);
    if (code == SQLITE_OK && loss) code = sqlite3_bind_int64(s, 2, (sqlite3_int64)loss->first_row);
    if (code == SQLITE_OK && loss) code = sqlite3_bind_int64(s, 3, (sqlite3_int64)loss->last_row);
    if (code == SQLITE_OK) code = sqlite3_step(s);
    if (code != SQLITE_DONE) status = weir_sqlite_fail(db, "forgetting lost rows", error);
    (void)sqlite3_finalize(s); /* repeats what step has said */
    return status;
}

static int forget_in(sqlite3 *db, const weir_loss *loss, weir_error *error) {
    weir_id undo;
    weir_undo_id(loss->journal, undo);
    int status = weir_sqlite_run(db, "PRAGMA synchronous=FULL", error);
    if (status == WEIR_OK) status = weir_sqlite_run(db, "BEGIN IMMEDIATE", error);
    if (status == WEIR_OK)
        status = run_bound(db,
                           "DELETE FROM weir_loss WHERE journal = ?1 AND first_row >= ?2 AND "
                           "last_row <= ?3",
                           loss->journal, loss, error);
    if (status == WEIR_OK)
        status = run_bound(db, "DELETE FROM weir_position WHERE journal = ?1", undo, NULL, error);
    return status == WEIR_OK ? weir_sqlite_run(db, "COMMIT", error) : status;
}

int weir_losses_forget(const char *database, const weir_loss *loss, uint32_t wait_s,
                       weir_error *error) {
    sqlite3 *db = NULL;
    int status = weir_patience_open(database, 0, wait_s, &db, error);
    if (status == WEIR_OK) status = forget_in(db, loss, error);
    (void)sqlite3_close(db); /* rolls back what was not committed; statements are finalized */
    return status;
}

/* ---- both ------------------------------------------------------------------------------ */

int weir_losses_keep(const weir_place *place, const weir_id journal, const weir_losses *losses,
                     uint32_t wait_s, weir_error *error) {
    int status =
        weir_loss_file_append(place->os, place->directory, WEIR_LOSS_NOTED, journal, losses, error);
    if (status != WEIR_OK) return status;
    return weir_losses_record(place->database, journal, losses, wait_s, error);
}
