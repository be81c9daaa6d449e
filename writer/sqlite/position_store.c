/* position_store.c - the table weir_position, as the writer keeps it.
 *
 * The column "closed" says whether rows may have followed the position in the journal when that was seen
 * last: so it is not overlooked when a journal is gone in which rows waited. It is written with each
 * position, which costs nothing, and once more when a journal is closed with no row waiting. */
#include "position_store.h"

#include "position_row.h"
#include "sqlite_error.h"

/* The table of an older version lacks the column. */
int weir_position_table_make(sqlite3 *db, weir_error *error) {
    int status = weir_sqlite_run(db,
                                 "CREATE TABLE IF NOT EXISTS main.weir_position(journal BLOB "
                                 "PRIMARY KEY, block INTEGER, row INTEGER,"
                                 " hash INTEGER, closed INTEGER) WITHOUT ROWID",
                                 error);
    if (status != WEIR_OK || weir_sqlite_has_column(db, "weir_position", "closed")) return status;
    return weir_sqlite_run(db, "ALTER TABLE main.weir_position ADD COLUMN closed INTEGER", error);
}

int weir_position_store_make(weir_position_store *p, weir_error *error) {
    if (p->there) return WEIR_OK;
    int status = weir_position_table_make(p->db, error);
    if (status == WEIR_OK && !p->read)
        status = weir_sqlite_prepare(p->db,
                                     "SELECT " WEIR_POSITION_COLUMNS " FROM main.weir_position"
                                     " WHERE journal = ?1",
                                     &p->read, error);
    if (status == WEIR_OK && !p->store)
        status =
            weir_sqlite_prepare(p->db,
                                "REPLACE INTO main.weir_position(" WEIR_POSITION_COLUMNS ",closed)"
                                " VALUES(?1,?2,?3,?4,0)",
                                &p->store, error);
    p->there = status == WEIR_OK;
    return status;
}

void weir_position_store_free(weir_position_store *p) {
    sqlite3_stmt **statements[] = {&p->read, &p->store, &p->close};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        (void)sqlite3_finalize(*statements[i]); /* repeats the last step's code */
        *statements[i] = NULL;
    }
    p->there = false;
}

int weir_position_store_read(weir_position_store *p, const weir_id journal, weir_position *at,
                             weir_error *error) {
    *at = (weir_position){0};
    weir_id_copy(at->journal, journal);
    int status = WEIR_OK;
    int code = sqlite3_bind_blob(p->read, 1, journal, sizeof(weir_id), SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_step(p->read);
    if (code == SQLITE_ROW) {
        if (weir_position_row_take(p->read, at) != WEIR_POSITION_ROW_VALID)
            status = weir_position_row_damaged(p->db, error);
    } else if (code != SQLITE_DONE) {
        status = weir_sqlite_fail(p->db, "reading the position", error);
    }
    (void)sqlite3_reset(p->read); /* repeats the step's code */
    return status;
}

/* A trigger may have ignored or changed the row: without its position a row would come again. */
static int check_position(weir_position_store *p, const weir_position *to, weir_error *error) {
    weir_position at;
    int status = weir_position_store_read(p, to->journal, &at, error);
    if (status != WEIR_OK || (at.block == to->block && at.row == to->row && at.hash == to->hash))
        return status;
    return weir_fail(error, WEIR_SCHEMA, "weir_position keeps no position: drop the trigger on it");
}

static int step_with(weir_position_store *p, sqlite3_stmt *s, const weir_position *to,
                     weir_error *error) {
    int code = sqlite3_bind_blob(s, 1, to->journal, sizeof to->journal, SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_bind_int64(s, 2, (sqlite3_int64)to->block);
    if (code == SQLITE_OK) code = sqlite3_bind_int64(s, 3, (sqlite3_int64)to->row);
    if (code == SQLITE_OK) code = sqlite3_bind_int64(s, 4, (sqlite3_int64)to->hash);
    if (code == SQLITE_OK) code = sqlite3_step(s);
    int status =
        code == SQLITE_DONE ? WEIR_OK : weir_sqlite_fail(p->db, "storing the position", error);
    (void)sqlite3_reset(s); /* repeats the step's code */
    return status;
}

int weir_position_store_write(weir_position_store *p, const weir_position *to, weir_error *error) {
    int status = step_with(p, p->store, to, error);
    return status == WEIR_OK ? check_position(p, to, error) : status;
}

/* Only what this journal's writer has stored is changed: another position is another's. */
int weir_position_store_close(weir_position_store *p, const weir_position *at, weir_error *error) {
    int status = p->close ? WEIR_OK
                          : weir_sqlite_prepare(p->db,
                                                "UPDATE main.weir_position SET closed = 1 WHERE "
                                                "journal = ?1 AND block = ?2 AND row = ?3 AND "
                                                "hash = ?4 AND closed = 0",
                                                &p->close, error);
    return status == WEIR_OK ? step_with(p, p->close, at, error) : status;
}
