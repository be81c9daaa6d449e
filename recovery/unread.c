/* unread.c - what could not be read, as a table and as a file. */
#include "unread.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/verify/verdict_text.h"
#include "../writer/sqlite/sqlite_error.h"
#include "json.h"

/* ---- the list -------------------------------------------------------------------------- */

void weir_unread_add(weir_unread *unread, const weir_unread_part *part) {
    weir_unread_part *grown = realloc(unread->list, (unread->count + 1) * sizeof *grown);
    if (grown) unread->list = grown;
    char *file = part->file ? strdup(part->file) : NULL;
    char *table = part->table ? strdup(part->table) : NULL;
    if (!grown || (part->file && !file) || (part->table && !table)) {
        free(file);
        free(table);
        unread->short_of_memory = true;
        return;
    }
    grown[unread->count] = *part;
    grown[unread->count].file = file;
    grown[unread->count++].table = table;
}

static void add_damage_part(weir_unread *unread, const weir_damage *d) {
    weir_unread_part part = {.file = d->path,
                             .segment = d->segment,
                             .offset = d->offset,
                             .first_block = d->first_block,
                             .last_block = d->last_block,
                             .first_row = d->first_row,
                             .last_row = d->last_row};
    (void)snprintf(part.why, sizeof part.why, "%s%s", d->why,
                   d->rows_unknown ? "; it is unknown which rows are lost" : ""); /* cut: a text */
    weir_unread_add(unread, &part);
}

void weir_unread_add_view(weir_unread *unread, const weir_view *view) {
    const weir_inventory *i = &view->inventory;
    weir_damage gone = {.why = "they were applied to another database and left the journal"};
    weir_findings_gone(i, &gone.first_row, &gone.last_row);
    if (gone.first_row <= gone.last_row) add_damage_part(unread, &gone);
    for (size_t d = 0; d < i->damage_count; d++)
        add_damage_part(unread, &i->damages[d]);
    const weir_ring_report *ring = &view->ring;
    bool broken = ring->found == WEIR_RING_UNREADABLE || ring->found == WEIR_RING_CUT ||
                  ring->found == WEIR_RING_FOREIGN || ring->found == WEIR_RING_NEWER;
    if (!broken && !ring->unreadable_bytes) return;
    weir_unread_part part = {.file = (char *)"ring"};
    (void)snprintf(part.why, sizeof part.why, "%llu bytes of published rows in it cannot be read%s",
                   (unsigned long long)ring->unreadable_bytes,
                   broken ? ", or it is not a ring of this journal, or was cut" : "");
    weir_unread_add(unread, &part);
}

void weir_unread_free(weir_unread *unread) {
    for (size_t i = 0; i < unread->count; i++) {
        free(unread->list[i].file);
        free(unread->list[i].table);
    }
    free(unread->list);
    *unread = (weir_unread){0};
}

/* ---- the table ------------------------------------------------------------------------- */

static int bind_number(sqlite3_stmt *s, int at, uint64_t number, bool known) {
    return known ? sqlite3_bind_int64(s, at, (sqlite3_int64)number) : sqlite3_bind_null(s, at);
}

static int insert_part(sqlite3_stmt *s, const weir_unread_part *p) {
    int code = sqlite3_bind_text(s, 1, p->file, -1, SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_bind_text(s, 2, p->table, -1, SQLITE_STATIC);
    if (code == SQLITE_OK) code = bind_number(s, 3, p->segment, p->segment > 0);
    if (code == SQLITE_OK) code = bind_number(s, 4, p->offset, p->segment > 0);
    if (code == SQLITE_OK) code = bind_number(s, 5, p->first_block, p->first_block > 0);
    if (code == SQLITE_OK) code = bind_number(s, 6, p->last_block, p->first_block > 0);
    if (code == SQLITE_OK) code = bind_number(s, 7, p->first_row, p->first_row > 0);
    if (code == SQLITE_OK) code = bind_number(s, 8, p->last_row, p->first_row > 0);
    if (code == SQLITE_OK) code = bind_number(s, 9, (uint64_t)p->first_rowid, p->has_rowids);
    if (code == SQLITE_OK) code = bind_number(s, 10, (uint64_t)p->last_rowid, p->has_rowids);
    if (code == SQLITE_OK) code = sqlite3_bind_text(s, 11, p->why, -1, SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_step(s);
    (void)sqlite3_reset(s); /* repeats what step has said */
    return code;
}

static int write_table(sqlite3 *db, const weir_unread *unread, weir_error *error) {
    sqlite3_stmt *s;
    int status =
        weir_sqlite_run(db,
                        "BEGIN; CREATE TABLE weir_salvage(file TEXT, table_name TEXT, "
                        "segment INTEGER, offset INTEGER, first_block INTEGER, last_block "
                        "INTEGER, first_row INTEGER, last_row INTEGER, first_rowid INTEGER, "
                        "last_rowid INTEGER, why TEXT NOT NULL)",
                        error);
    if (status == WEIR_OK)
        status = weir_sqlite_prepare(
            db, "INSERT INTO weir_salvage VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)", &s, error);
    if (status != WEIR_OK) return status;
    for (size_t i = 0; status == WEIR_OK && i < unread->count; i++)
        if (insert_part(s, &unread->list[i]) != SQLITE_DONE)
            status = weir_sqlite_fail(db, "noting what cannot be read", error);
    (void)sqlite3_finalize(s); /* repeats what step has said */
    return status == WEIR_OK ? weir_sqlite_run(db, "COMMIT", error) : status;
}

static int write_into(const weir_unread *unread, const char *database, weir_error *error) {
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(database, &db, flags, NULL);
    int status = code == SQLITE_OK ? write_table(db, unread, error)
                                   : weir_sqlite_fail(db, "opening it", error);
    (void)sqlite3_close(db); /* rolls back what was not committed; statements are finalized */
    return status;
}

/* ---- the file -------------------------------------------------------------------------- */

static void write_part(FILE *out, const weir_unread_part *p) {
    weir_json json = weir_json_begin(out, "unread");
    weir_json_text(&json, "file", p->file);
    if (p->table) weir_json_text(&json, "table", p->table);
    if (p->has_rowids) {
        weir_json_int(&json, "first_rowid", p->first_rowid);
        weir_json_int(&json, "last_rowid", p->last_rowid);
    }
    if (p->segment) {
        weir_json_uint(&json, "segment", p->segment);
        weir_json_uint(&json, "offset", p->offset);
    }
    if (p->first_block) {
        weir_json_uint(&json, "first_block", p->first_block);
        weir_json_uint(&json, "last_block", p->last_block);
    }
    if (p->first_row) {
        weir_json_uint(&json, "first_row", p->first_row);
        weir_json_uint(&json, "last_row", p->last_row);
    }
    weir_json_text(&json, "why", p->why);
    weir_json_end(&json);
}

void weir_unread_report(const weir_unread *unread) {
    for (size_t i = 0; i < unread->count; i++)
        write_part(stdout, &unread->list[i]);
}

static bool write_lines(FILE *out, const weir_unread *unread, const char *database,
                        const char *from, const char *journal) {
    weir_json json = weir_json_begin(out, "salvage");
    weir_json_text(&json, "into", database);
    weir_json_text(&json, "database", from);
    weir_json_text(&json, "journal", journal);
    weir_json_uint(&json, "unread", unread->count);
    weir_json_end(&json);
    for (size_t i = 0; i < unread->count; i++)
        write_part(out, &unread->list[i]);
    bool failed = ferror(out) != 0;
    failed |= fflush(out) != 0;
    failed |= fsync(fileno(out)) != 0;
    return !failed;
}

int weir_unread_write(const weir_unread *unread, const char *database, const char *from,
                      const char *journal, weir_error *error) {
    char *path;
    if (unread->short_of_memory || asprintf(&path, "%s-salvage.json", database) < 0)
        return weir_fail(error, WEIR_NO_MEMORY, "no memory for the list of what cannot be read");
    int status = write_into(unread, database, error);
    FILE *out = status == WEIR_OK ? fopen(path, "wxe") : NULL;
    if (status == WEIR_OK && !out)
        status = weir_fail_os(error, -(int64_t)errno, "cannot create %s", path);
    bool written = out && write_lines(out, unread, database, from, journal);
    int written_error = errno;
    if (out && fclose(out) != 0) written = false;
    if (status == WEIR_OK && !written)
        status = weir_fail_os(error, -(int64_t)written_error, "cannot write %s", path);
    free(path);
    return status;
}
