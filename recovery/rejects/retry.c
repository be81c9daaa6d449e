/* retry.c - the verb rejects retry: refused rows are inserted once more, after the schema was mended.
 *
 * They go in as the writer feeds rows (writer/sqlite/load.h), from the record that was kept, in the
 * order in which they were refused, and each leaves weir_reject in the transaction that inserts it. So
 * a row comes once, wherever the tool is killed. A row that is refused again stays, under its id, with
 * the new reason. A program may use the database meanwhile: a transaction has SQLite's write lock for
 * BATCH rows. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../writer/sqlite/load.h"
#include "../../writer/sqlite/sqlite_error.h"
#include "../database.h"
#include "../exits.h"
#include "../json.h"
#include "../progress.h"
#include "../report.h"
#include "../stop.h"
#include "../verbs.h"
#include "declared.h"
#include "rejects.h"

enum { BATCH = 1000 };

typedef struct retry_counts {
    uint64_t inserted, ignored, refused; /* ignored: by the table's own conflict clause */
    uint64_t unknown;                    /* nothing says which columns they have */
    uint64_t cut;                        /* only the beginning of the row was kept */
} retry_counts;

typedef struct refused_row {
    uint64_t number;
    int64_t wall_ns;
    uint8_t
        *body; /* the payload of a block that has this row alone; malloc; NULL: it was not kept */
    size_t bytes;
} refused_row;

typedef struct retrying {
    const weir_arguments *arguments;
    sqlite3 *db;
    weir_id journal; /* whose rows are tried */
    weir_tables tables;
    weir_load load;
    weir_record_copy *transfer; /* takes no row, since it is offered no table */
    sqlite3_stmt *choose, *fetch, *remove, *renumber;
    int64_t ids[BATCH];
    size_t count;
    int64_t after; /* up to this id all is done */
    retry_counts done;
    weir_progress *progress;
} retrying;

static int fail_here(const retrying *r, weir_error *error) {
    return weir_sqlite_fail(r->db, "reading and changing weir_reject", error);
}

/* ---- one row --------------------------------------------------------------------------- */

static int change(const retrying *r, sqlite3_stmt *s, int64_t id, weir_error *error) {
    int code = sqlite3_bind_int64(s, 1, id);
    if (code == SQLITE_OK) code = sqlite3_step(s);
    int status = code == SQLITE_DONE ? WEIR_OK : fail_here(r, error);
    (void)sqlite3_reset(s); /* repeats the step's code */
    return status;
}

static int take_refused(sqlite3_stmt *s, refused_row *out) {
    size_t bytes = (size_t)sqlite3_column_bytes(s, 2);
    const void *record = sqlite3_column_blob(s, 2);
    out->number = (uint64_t)sqlite3_column_int64(s, 0);
    out->wall_ns = sqlite3_column_int64(s, 1);
    if (!record || bytes > UINT32_MAX) return WEIR_OK;
    out->bytes = bytes + 4;
    out->body = malloc(out->bytes);
    if (!out->body) return WEIR_NO_MEMORY;
    memcpy(weir_put_u32(out->body, (uint32_t)bytes), record, bytes);
    return WEIR_OK;
}

/* WEIR_NOT_FOUND: somebody has removed it meanwhile. */
static int fetch_row(const retrying *r, int64_t id, refused_row *out, weir_error *error) {
    *out = (refused_row){0};
    int code = sqlite3_bind_int64(r->fetch, 1, id), status = WEIR_OK;
    if (code == SQLITE_OK) code = sqlite3_step(r->fetch);
    if (code == SQLITE_ROW)
        status = take_refused(r->fetch, out);
    else
        status = code == SQLITE_DONE ? WEIR_NOT_FOUND : fail_here(r, error);
    (void)sqlite3_reset(r->fetch); /* repeats the step's code */
    return status == WEIR_NO_MEMORY ? weir_fail(error, status, "no memory for a row") : status;
}

/* May the record be given to the writer? Users may have changed it. */
static bool is_valid(const retrying *r, const refused_row *row) {
    uint16_t table, count;
    weir_value *values = malloc(WEIR_COLUMNS_MAX * sizeof *values);
    bool valid = values && weir_row_decode(row->body + 4, row->bytes - 4, &table, &count, values) &&
                 table <= WEIR_TABLES_MAX && count <= weir_tables_width(&r->tables, table);
    free(values);
    return valid;
}

static int feed_again(retrying *r, const refused_row *row, weir_error *error) {
    weir_block_header h = {.version = WEIR_FORMAT_VERSION,
                           .kind = WEIR_BLOCK_ROWS,
                           .first_row = row->number,
                           .rows = 1,
                           .wall_ns = row->wall_ns};
    weir_id_copy(h.journal, r->journal);
    r->load.counts = (weir_sink_counts){0};
    return weir_load_rows(&r->load, &h, weir_cursor_over(row->body, row->bytes),
                          (weir_row_range){row->number, row->number}, error);
}

/* Refused again, it is in the table once more, with the highest id of all. */
static int insert_again(retrying *r, int64_t id, const refused_row *row, retry_counts *done,
                        weir_error *error) {
    int status = change(r, r->remove, id, error);
    if (status == WEIR_OK) status = feed_again(r, row, error);
    if (status != WEIR_OK) return status;
    const weir_sink_counts *counts = &r->load.counts;
    done->refused += counts->rejected;
    done->ignored += counts->ignored;
    done->inserted += counts->rows - counts->rejected - counts->ignored;
    return counts->rejected ? change(r, r->renumber, id, error) : WEIR_OK;
}

static int retry_row(retrying *r, int64_t id, retry_counts *done, weir_error *error) {
    refused_row row;
    int status = fetch_row(r, id, &row, error);
    if (status == WEIR_NOT_FOUND) return WEIR_OK;
    if (status == WEIR_OK && !row.body)
        done->cut++;
    else if (status == WEIR_OK && !is_valid(r, &row))
        done->unknown++;
    else if (status == WEIR_OK)
        status = insert_again(r, id, &row, done, error);
    free(row.body);
    return status;
}

/* ---- one transaction ------------------------------------------------------------------- */

static int try_rows_again(retrying *r, size_t first, size_t count, retry_counts *done,
                          weir_error *error) {
    int status = weir_sqlite_run(r->db, "BEGIN IMMEDIATE", error);
    for (size_t i = first; status == WEIR_OK && i < first + count; i++)
        status = retry_row(r, r->ids[i], done, error);
    if (status == WEIR_OK && !r->arguments->dry_run)
        status = weir_sqlite_run(r->db, "COMMIT", error);
    if (sqlite3_get_autocommit(r->db)) return status;
    (void)weir_sqlite_run(r->db, "ROLLBACK", NULL); /* closing rolls back, too */
    weir_load_forget(&r->load);                     /* what it has made is gone */
    return status;
}

/* The load asks for another attempt: with the rows in another way, or with fewer (see sink.h). */
static int retry_rows(retrying *r, size_t first, size_t count, weir_error *error) {
    retry_counts done;
    int status;
    do {
        done = r->done;
        status = try_rows_again(r, first, count, &done, error);
        if (status == WEIR_SINK_ANEW || status == WEIR_SINK_AGAIN) weir_load_forget(&r->load);
    } while (status == WEIR_SINK_ANEW || (status == WEIR_SINK_AGAIN && count == 1));
    if (status == WEIR_OK) r->done = done;
    for (size_t i = first; status == WEIR_SINK_AGAIN && i < first + count; i++) {
        int alone = retry_rows(r, i, 1, error);
        if (alone != WEIR_OK) return alone;
    }
    return status == WEIR_SINK_AGAIN ? WEIR_OK : status;
}

static int choose_ids(retrying *r, int64_t most, weir_error *error) {
    r->count = 0;
    int code = sqlite3_bind_blob(r->choose, 4, r->journal, sizeof(weir_id), SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_bind_int64(r->choose, 5, r->after);
    if (code == SQLITE_OK) code = sqlite3_bind_int64(r->choose, 6, most);
    while (code == SQLITE_OK && r->count < BATCH &&
           (code = sqlite3_step(r->choose)) == SQLITE_ROW) {
        r->ids[r->count++] = sqlite3_column_int64(r->choose, 0);
        code = SQLITE_OK;
    }
    int status = code == SQLITE_OK || code == SQLITE_DONE ? WEIR_OK : fail_here(r, error);
    (void)sqlite3_reset(r->choose); /* repeats the step's code */
    if (r->count) r->after = r->ids[r->count - 1];
    return status;
}

/* ---- the rows of one journal ----------------------------------------------------------- */

static int declare_all(retrying *r, weir_error *error) {
    int status = WEIR_OK;
    for (size_t i = 0; status == WEIR_OK && i < r->tables.count; i++)
        status = weir_load_declare(&r->load, r->tables.list[i], WEIR_DECLARE_WITH_ROWS, error);
    return status;
}

static int prepare_all(retrying *r, weir_error *error) {
    int status = weir_rejects_prepare(r->db, r->arguments,
                                      "SELECT id FROM main.weir_reject WHERE " WEIR_REJECTS_CHOSEN
                                      " AND journal = ?4 AND id > ?5 AND id <= ?6 ORDER BY id",
                                      &r->choose, error);
    if (status == WEIR_OK)
        status = weir_sqlite_prepare(
            r->db, "SELECT row, time_ns, record FROM main.weir_reject WHERE id = ?1", &r->fetch,
            error);
    if (status == WEIR_OK)
        status = weir_sqlite_prepare(r->db, "DELETE FROM main.weir_reject WHERE id = ?1",
                                     &r->remove, error);
    if (status == WEIR_OK)
        status =
            weir_sqlite_prepare(r->db,
                                "UPDATE main.weir_reject SET id = ?1 WHERE id = (SELECT max(id) "
                                "FROM main.weir_reject)",
                                &r->renumber, error);
    return status;
}

static int run_all(retrying *r, int64_t most, weir_error *error) {
    int status = weir_record_copy_make(r->db, &r->transfer);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory to insert rows");
    status = weir_load_make(&r->load, r->db, r->transfer, error);
    if (status == WEIR_OK) status = declare_all(r, error);
    if (status == WEIR_OK) status = prepare_all(r, error);
    if (status == WEIR_OK) status = choose_ids(r, most, error);
    while (status == WEIR_OK && r->count && !weir_stop_signal()) {
        status = retry_rows(r, 0, r->count, error);
        weir_progress_show(r->progress, r->done.inserted + r->done.ignored + r->done.refused, 0);
        if (status == WEIR_OK) status = choose_ids(r, most, error);
    }
    if (status == WEIR_OK && r->count)
        status = weir_fail(error, WEIR_BUSY,
                           "stopped by a signal, between two transactions: run it again to go on");
    return status;
}

static void end_all(retrying *r) {
    sqlite3_stmt *statements[] = {r->choose, r->fetch, r->remove, r->renumber};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        (void)sqlite3_finalize(statements[i]); /* repeats the last step's code */
    weir_load_free(&r->load);
    weir_record_copy_close(r->transfer);
    (void)sqlite3_close(r->db); /* rolls back what was not committed; statements are finalized */
    weir_record_copy_free(r->transfer);
    weir_tables_free(&r->tables);
}

/* Each journal numbers its tables by itself, so it gets a connection of its own. Without its declarations
 * all of its rows are unknown. */
static int retry_journal(const weir_arguments *arguments, const weir_place *place,
                         const weir_id journal, int64_t most, retry_counts *total,
                         weir_progress *progress, weir_error *error) {
    retrying *r = calloc(1, sizeof *r);
    if (!r) return weir_fail(error, WEIR_NO_MEMORY, "no memory to insert rows");
    *r = (retrying){
        .arguments = arguments, .after = INT64_MIN, .done = *total, .progress = progress};
    weir_id_copy(r->journal, journal);
    int status = weir_declared_read(place, journal, &r->tables, error);
    if (status == WEIR_NOT_FOUND) status = WEIR_OK;
    if (status == WEIR_OK) status = weir_rejects_open(arguments, place, &r->db, error);
    if (status == WEIR_OK) status = run_all(r, most, error);
    *total = r->done;
    end_all(r);
    free(r);
    return status;
}

/* ---- the verb -------------------------------------------------------------------------- */

typedef struct journal_ids {
    weir_id *list; /* malloc */
    size_t count;
    int64_t most; /* what is refused while this runs has higher ids, and is not tried */
} journal_ids;

static int add_id(journal_ids *ids, const void *journal) {
    weir_id *grown = realloc(ids->list, (ids->count + 1) * sizeof *grown);
    if (!grown) return WEIR_NO_MEMORY;
    ids->list = grown;
    memcpy(grown[ids->count++], journal, sizeof *grown);
    return WEIR_OK;
}

static int gather_ids(sqlite3 *db, const weir_arguments *arguments, journal_ids *ids,
                      retry_counts *total, weir_error *error) {
    sqlite3_stmt *s = NULL;
    int code = SQLITE_DONE;
    int status =
        weir_sqlite_ask(db, "SELECT max(id) FROM main.weir_reject", NULL, 0, &ids->most, error);
    if (status == WEIR_OK)
        status = weir_rejects_prepare(
            db, arguments,
            "SELECT journal, count(*) FROM main.weir_reject WHERE " WEIR_REJECTS_CHOSEN
            " GROUP BY journal ORDER BY min(id)",
            &s, error);
    while (status == WEIR_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
        if (sqlite3_column_bytes(s, 0) != sizeof(weir_id))
            total->unknown += (uint64_t)sqlite3_column_int64(s, 1);
        else if (add_id(ids, sqlite3_column_blob(s, 0)) != WEIR_OK)
            status = weir_fail(error, WEIR_NO_MEMORY, "no memory for a list of journals");
    }
    if (status == WEIR_OK && code != SQLITE_DONE)
        status = weir_sqlite_fail(db, "reading weir_reject", error);
    (void)sqlite3_finalize(s); /* repeats the step's code */
    return status;
}

/* The connection is closed before others are opened, which are to be the only ones. */
static int find_journals(const weir_arguments *arguments, const weir_place *place, journal_ids *ids,
                         retry_counts *total, weir_error *error) {
    sqlite3 *db = NULL;
    int status = weir_rejects_open(arguments, place, &db, error);
    if (status == WEIR_OK && weir_database_has_table(db, "weir_reject"))
        status = gather_ids(db, arguments, ids, total, error);
    (void)sqlite3_close(db); /* every statement is finalized */
    return status;
}

static int retry_each(const weir_arguments *arguments, const weir_place *place, retry_counts *total,
                      weir_error *error) {
    journal_ids ids = {0};
    weir_progress progress = weir_progress_start("rows tried");
    weir_stop_watch();
    int status = find_journals(arguments, place, &ids, total, error);
    for (size_t i = 0; status == WEIR_OK && i < ids.count; i++)
        status = retry_journal(arguments, place, ids.list[i], ids.most, total, &progress, error);
    weir_progress_end(&progress);
    free(ids.list);
    return status;
}

static void json_retried(const weir_arguments *arguments, const weir_place *place,
                         const retry_counts *n) {
    weir_json json = weir_json_begin(stdout, "rejects_retried");
    weir_json_text(&json, "database", place->database);
    weir_json_uint(&json, "inserted", n->inserted);
    weir_json_uint(&json, "ignored", n->ignored);
    weir_json_uint(&json, "refused", n->refused);
    weir_json_uint(&json, "unknown", n->unknown);
    weir_json_uint(&json, "cut", n->cut);
    weir_json_bool(&json, "dry_run", arguments->dry_run);
    weir_json_end(&json);
}

static void word_retried(const weir_arguments *arguments, const weir_place *place,
                         const retry_counts *n) {
    bool dry = arguments->dry_run;
    printf("%s: %" PRIu64 " rows %s", place->database, n->inserted,
           dry ? "would be put back" : "were put back");
    if (n->ignored) printf("; %" PRIu64 " ignored by their table", n->ignored);
    printf("; %" PRIu64 " %s refused%s\n", n->refused, dry ? "would be" : "were",
           dry ? "" : " again");
    if (n->unknown)
        printf("  %" PRIu64
               " cannot be tried: the journal that declares their columns is not here; "
               "name it with --journal\n",
               n->unknown);
    if (n->cut)
        printf("  %" PRIu64 " cannot be tried: they were too large, and only their beginnings were "
               "kept\n",
               n->cut);
}

int weir_run_rejects_retry(const weir_arguments *arguments, const weir_place *place) {
    retry_counts total = {0};
    weir_error error = {0};
    int status = weir_rejects_check_place(place, &error);
    if (status == WEIR_OK) status = weir_rejects_check_ids(arguments, &error);
    if (status != WEIR_OK) return weir_report_error(arguments, &error);
    status = retry_each(arguments, place, &total, &error);
    if (arguments->json)
        json_retried(arguments, place, &total);
    else
        word_retried(arguments, place, &total);
    if (status != WEIR_OK) return weir_report_error(arguments, &error);
    return total.refused || total.unknown || total.cut ? WEIR_EXIT_DAMAGE : WEIR_EXIT_CLEAN;
}
