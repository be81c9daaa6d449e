/* status.c - weir_status: what weir status --json says, as one row. */
#include <stdlib.h>

#include "../recovery/json.h"
#include "../recovery/kept.h"
#include "../recovery/summary.h"
#include "function.h"
#include "look.h"
#include "modules.h"
#include "result.h"

/* In this order. Members of objects have the object's name in front. */
#define COLUMNS(X)                                                                                 \
    X(verdict)                                                                                     \
    X(refuses)                                                                                     \
    X(text)                                                                                        \
    X(database)                                                                                    \
    X(database_state)                                                                              \
    X(journal)                                                                                     \
    X(journal_id)                                                                                  \
    X(open)                                                                                        \
    X(open_in_pid)                                                                                 \
    X(incarnation)                                                                                 \
    X(segments)                                                                                    \
    X(bytes)                                                                                       \
    X(torn_bytes)                                                                                  \
    X(last_block)                                                                                  \
    X(durable_block)                                                                               \
    X(durable_says)                                                                                \
    X(closed)                                                                                      \
    X(damages)                                                                                     \
    X(to_recover)                                                                                  \
    X(apply_status)                                                                                \
    X(why_rows_wait)                                                                               \
    X(rows_durable)                                                                                \
    X(rows_above_mark)                                                                             \
    X(rows_beyond_damage)                                                                          \
    X(rows_applied)                                                                                \
    X(rows_waiting)                                                                                \
    X(rows_rejected)                                                                               \
    X(rows_first_kept)                                                                             \
    X(first_time)                                                                                  \
    X(last_time)                                                                                   \
    X(ring_found)                                                                                  \
    X(ring_id)                                                                                     \
    X(ring_journal_id)                                                                             \
    X(ring_boot)                                                                                   \
    X(ring_pid)                                                                                    \
    X(ring_lanes)                                                                                  \
    X(ring_rows)                                                                                   \
    X(ring_bytes)                                                                                  \
    X(ring_unreadable_bytes)                                                                       \
    X(ring_recorded)                                                                               \
    X(kept_archived_segments)                                                                      \
    X(kept_archived_bytes)                                                                         \
    X(kept_aside_files)                                                                            \
    X(kept_aside_bytes)                                                                            \
    X(disk_bytes)                                                                                  \
    X(disk_segments)                                                                               \
    X(disk_spares)                                                                                 \
    X(disk_ring)                                                                                   \
    X(disk_recorder)                                                                               \
    X(disk_archive)                                                                                \
    X(disk_aside)                                                                                  \
    X(disk_readers)                                                                                \
    X(disk_other)

enum {
#define COLUMN(name) AT_##name,
    COLUMNS(COLUMN)
#undef COLUMN
        ARGUMENTS
};

typedef struct status_cursor {
    sqlite3_vtab_cursor base; /* first: SQLite sees only this */
    weir_sql_place place;
    weir_sql_look look;
    weir_kept kept;
    sqlite3_int64 rejected;
    int apply_status;
    bool is_filled, at_end;
} status_cursor;

static int open_status(sqlite3_vtab *table, sqlite3_vtab_cursor **out) {
    (void)table;
    status_cursor *c = calloc(1, sizeof *c);
    if (!c) return SQLITE_NOMEM;
    *out = &c->base;
    return SQLITE_OK;
}

static void forget_status(status_cursor *c) {
    if (c->is_filled) weir_sql_look_release(&c->look);
    weir_sql_place_free(&c->place);
    c->is_filled = false;
}

static int close_status(sqlite3_vtab_cursor *base) {
    forget_status((status_cursor *)base);
    free(base);
    return SQLITE_OK;
}

static bool is_read(const weir_sql_snapshot *s) { return s->is_there && !s->why[0]; }

static int count_rejected(status_cursor *c, weir_error *error) {
    const weir_sql_snapshot *s = &c->look.snapshot;
    sqlite3_stmt *count;
    c->rejected = 0;
    if (!is_read(s) || !weir_sql_snapshot_has(s, "weir_reject")) return WEIR_OK;
    int code = weir_sql_prepare(s, &count, "SELECT count(*) FROM \"%w\".weir_reject", s->schema);
    if (code == SQLITE_OK) code = sqlite3_step(count);
    if (code == SQLITE_ROW) c->rejected = sqlite3_column_int64(count, 0);
    int status = code == SQLITE_ROW ? WEIR_OK : weir_sql_snapshot_failed(s, code, error);
    (void)sqlite3_finalize(count); /* repeats what step has said */
    return status;
}

static int filter_status(sqlite3_vtab_cursor *base, int plan, const char *text, int argc,
                         sqlite3_value **argv) {
    (void)text, (void)argc; /* the plan says how many there are */
    status_cursor *c = (status_cursor *)base;
    const weir_sql_function_table *t = (const weir_sql_function_table *)base->pVtab;
    weir_error error = {0};
    forget_status(c);
    int status = weir_sql_function_place(t, plan, argv, &c->place, &error);
    if (status == WEIR_OK) {
        status = weir_sql_look_take(t->db, &c->place, false, &c->look, &error);
        c->is_filled = status == WEIR_OK;
    }
    if (status == WEIR_OK) status = count_rejected(c, &error);
    if (status != WEIR_OK) return weir_sql_failed(base->pVtab, status, &error);
    c->kept = weir_kept_take(weir_os_posix(), c->place.directory);
    c->apply_status = weir_told_apply_status(weir_os_posix(), c->place.directory, &c->look.holder);
    c->at_end = false;
    return SQLITE_OK;
}

static int next_status(sqlite3_vtab_cursor *base) {
    ((status_cursor *)base)->at_end = true; /* there is one row */
    return SQLITE_OK;
}

static int is_past_status(sqlite3_vtab_cursor *base) { return ((status_cursor *)base)->at_end; }

static void give_time(sqlite3_context *context, int64_t wall_ns) {
    char text[WEIR_TIME_TEXT];
    weir_sql_result_text(context, wall_ns ? weir_time_text(wall_ns, text) : NULL);
}

static const char *database_state_name(const weir_sql_snapshot *s) {
    if (!s->is_there) return "absent";
    return s->why[0] ? "unreadable" : "present";
}

static uint64_t first_kept(const weir_inventory *i) {
    return i->extent_count ? i->extents[0].first_row : 0;
}

static void give_ring(sqlite3_context *context, const weir_ring_report *ring, int column) {
    if (column == AT_ring_found)
        weir_sql_result_text(context, weir_found_ring_name(ring->found));
    else if (weir_ring_is_ours(ring->found))
        switch (column) {
        case AT_ring_id: weir_sql_result_hex(context, ring->header.id, sizeof(weir_id)); break;
        case AT_ring_journal_id:
            weir_sql_result_hex(context, ring->header.journal, sizeof(weir_id));
            break;
        case AT_ring_boot: weir_sql_result_text(context, ring->same_boot ? "same" : "other"); break;
        case AT_ring_pid: sqlite3_result_int64(context, ring->header.process); break;
        case AT_ring_lanes: weir_sql_result_number(context, ring->lanes_used); break;
        case AT_ring_rows: weir_sql_result_number(context, ring->rows); break;
        case AT_ring_bytes: weir_sql_result_number(context, ring->bytes); break;
        case AT_ring_unreadable_bytes:
            weir_sql_result_number(context, ring->unreadable_bytes);
            break;
        case AT_ring_recorded: weir_sql_result_number(context, ring->recorded); break;
        default: break;
        }
}

static void give_rows(sqlite3_context *context, const status_cursor *c, int column) {
    const weir_inventory *i = &c->look.found.inventory;
    bool read = is_read(&c->look.snapshot);
    switch (column) {
    case AT_rows_durable: weir_sql_result_number(context, weir_rows_durable(i)); break;
    case AT_rows_above_mark: weir_sql_result_number(context, weir_rows_above_mark(i)); break;
    case AT_rows_beyond_damage: weir_sql_result_number(context, weir_rows_beyond_damage(i)); break;
    case AT_rows_applied:
        if (read) weir_sql_result_number(context, i->position.row);
        break;
    case AT_rows_waiting:
        if (read) weir_sql_result_number(context, weir_rows_waiting(i));
        break;
    case AT_rows_rejected:
        if (read) sqlite3_result_int64(context, c->rejected);
        break;
    default: weir_sql_result_number(context, first_kept(i));
    }
}

static uint64_t kept_number(const weir_kept *kept, int column) {
    switch (column) {
    case AT_kept_archived_segments: return kept->archived.count;
    case AT_kept_aside_files: return kept->aside.count;
    case AT_disk_bytes: return weir_kept_bytes(kept);
    case AT_disk_segments: return kept->segments.bytes;
    case AT_disk_spares: return kept->spares.bytes;
    case AT_disk_ring: return kept->ring.bytes;
    case AT_disk_recorder: return kept->recorder.bytes;
    case AT_kept_archived_bytes:
    case AT_disk_archive: return kept->archived.bytes;
    case AT_disk_readers: return kept->readers.bytes;
    case AT_disk_other: return kept->other.bytes;
    default: return kept->aside.bytes; /* kept_aside_bytes, disk_aside */
    }
}

static void give_journal(sqlite3_context *context, const status_cursor *c, int column) {
    const weir_inventory *i = &c->look.found.inventory;
    const weir_holder *holder = &c->look.holder;
    switch (column) {
    case AT_verdict: weir_sql_result_text(context, weir_verdict_name(i->verdict)); break;
    case AT_refuses: sqlite3_result_int(context, weir_verdict_refuses(i->verdict)); break;
    case AT_text:
        weir_sql_result_text(context, i->detail[0] ? i->detail : weir_verdict_text(i->verdict));
        break;
    case AT_database: weir_sql_result_text(context, c->place.path); break;
    case AT_database_state:
        weir_sql_result_text(context, database_state_name(&c->look.snapshot));
        break;
    case AT_journal: weir_sql_result_text(context, c->place.directory); break;
    case AT_journal_id: weir_sql_result_hex(context, i->journal, sizeof(weir_id)); break;
    case AT_open: sqlite3_result_int(context, holder->is_there); break;
    case AT_open_in_pid:
        if (holder->process > 0) sqlite3_result_int64(context, holder->process);
        break;
    case AT_incarnation: weir_sql_result_number(context, i->incarnation); break;
    case AT_segments: weir_sql_result_number(context, i->segment_count); break;
    case AT_bytes: weir_sql_result_number(context, i->bytes); break;
    case AT_torn_bytes: weir_sql_result_number(context, i->torn_bytes); break;
    case AT_last_block: weir_sql_result_number(context, i->end.block); break;
    case AT_durable_block: weir_sql_result_number(context, i->durable.block); break;
    case AT_durable_says: weir_sql_result_text(context, i->durable.source); break;
    case AT_closed: sqlite3_result_int(context, i->closed); break;
    case AT_damages: weir_sql_result_number(context, i->damage_count); break;
    case AT_apply_status: weir_sql_result_text(context, weir_status_name(c->apply_status)); break;
    case AT_why_rows_wait:
        weir_sql_result_text(context, weir_why_rows_wait(i, c->apply_status));
        break;
    case AT_first_time: give_time(context, i->first_wall_ns); break;
    case AT_last_time: give_time(context, i->first_wall_ns ? i->last_wall_ns : 0); break;
    default:
        weir_sql_result_number(
            context, weir_rows_to_recover(i, &c->look.found.ring, c->look.holder.is_there));
    }
}

/* A column that nothing is given for is NULL. */
static int column_of_status(sqlite3_vtab_cursor *base, sqlite3_context *context, int column) {
    const status_cursor *c = (const status_cursor *)base;
    if (column >= ARGUMENTS) return SQLITE_OK;
    if (column >= AT_kept_archived_segments)
        weir_sql_result_number(context, kept_number(&c->kept, column));
    else if (column >= AT_ring_found)
        give_ring(context, &c->look.found.ring, column);
    else if (column >= AT_rows_durable && column <= AT_rows_first_kept)
        give_rows(context, c, column);
    else
        give_journal(context, c, column);
    return SQLITE_OK;
}

static int number_of_status(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    (void)base;
    *out = 1;
    return SQLITE_OK;
}

int weir_sql_register_status(sqlite3 *db) {
    static const weir_sql_function function = {"CREATE TABLE x("
#define COLUMN(name) #name ","
                                               COLUMNS(COLUMN)
#undef COLUMN
                                                   "path HIDDEN, directory HIDDEN)",
                                               ARGUMENTS, 2};
    static const sqlite3_module module = {
        .xConnect = weir_sql_function_connect,
        .xDisconnect = weir_sql_function_disconnect,
        .xBestIndex = weir_sql_function_plan,
        .xOpen = open_status,
        .xClose = close_status,
        .xFilter = filter_status,
        .xNext = next_status,
        .xEof = is_past_status,
        .xColumn = column_of_status,
        .xRowid = number_of_status,
    };
    return sqlite3_create_module_v2(db, "weir_status", &module, (void *)&function, NULL);
}
