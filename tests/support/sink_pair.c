#include "sink_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "same_rows.h"

static const uint8_t journal[16] = {1, 2, 3};

/* ---- looking into the sink's connections ------------------------------------------------------ */

static sink_pair *looked_into; /* an automatic extension gets no context */

static int note_statement(unsigned kind, void *context, void *statement, void *text) {
    (void)kind, (void)statement;
    sink_pair *p = looked_into;
    const char *sql = text;
    if (!sql || !p) return 0; /* there was no memory */
    p->feeds += strstr(sql, " FROM weir_row_vtab_") != NULL;
    if (!strstr(sql, " FROM weir_image.t")) return 0;
    p->copies += strncmp(sql, "INSERT", 6) == 0;
    p->offers += strncmp(sql, "EXPLAIN", 7) == 0;
    p->writing = context;
    return 0;
}

static int allow_no_places(void *context, int action, const char *pragma, const char *value,
                           const char *schema, const char *trigger) {
    (void)context, (void)value, (void)trigger;
    bool denied = action == SQLITE_PRAGMA && sqlite3_stricmp(pragma, "mmap_size") == 0 && schema &&
                  strcmp(schema, "weir_image") == 0;
    return denied ? SQLITE_DENY : SQLITE_OK;
}

static int look_into(sqlite3 *db, const char **message, const void *api) {
    (void)message, (void)api;
    const sink_pair *p = looked_into;
    if (p->copy_pages) (void)sqlite3_set_authorizer(db, allow_no_places, NULL);
    if (p->attach_nothing) (void)sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    return p->attach_nothing ? SQLITE_OK
                             : sqlite3_trace_v2(db, SQLITE_TRACE_STMT, note_statement, db);
}

/* ---- the fixture ------------------------------------------------------------------------------- */

static void make_files(sink_pair *p) {
    (void)snprintf(p->directory, sizeof p->directory, "%s", weir_temp_make());
    (void)snprintf(p->ours.path, sizeof p->ours.path, "%s/ours.db", p->directory);
    (void)snprintf(p->fed.path, sizeof p->fed.path, "%s/fed.db", p->directory);
    p->next_block = p->next_row = 1;
    p->copies = p->offers = p->feeds = 0;
}

static void close_one(one_sink *one) {
    if (one->sink.self) one->sink.close(one->sink.self);
    one->sink.self = NULL;
}

void pair_close(sink_pair *p) {
    close_one(&p->ours);
    close_one(&p->fed);
}

static void release_all(sink_pair *p) {
    weir_sql_close(&p->left);
    weir_sql_close(&p->right);
    pair_close(p);
    rows_free_all(&p->pool);
    weir_temp_remove(p->directory);
}

bool can_copy(void) {
    return !sqlite3_compileoption_used("OMIT_XFER_OPT") &&
           !sqlite3_compileoption_used("MAX_ATTACHED=0");
}

int pair_set_up(void **state) {
    sink_pair *p = calloc(1, sizeof *p);
    if (!p) return -1;
    p->copying = can_copy();
    make_files(p);
    looked_into = p;
    *state = p;
    return sqlite3_auto_extension((void (*)(void))look_into);
}

int pair_tear_down(void **state) {
    sink_pair *p = *state;
    release_all(p);
    (void)sqlite3_cancel_auto_extension((void (*)(void))look_into);
    looked_into = NULL;
    free(p);
    return 0;
}

void pair_renew(sink_pair *p) {
    release_all(p);
    make_files(p);
}

static void open_one(sink_pair *p, one_sink *one, bool attaches) {
    weir_sqlite_config config = {.path = one->path, .busy_timeout_ms = 1000};
    p->attach_nothing = !attaches;
    int status = weir_sqlite_sink_open(&config, &one->sink, NULL, &p->error);
    p->attach_nothing = false;
    if (status != WEIR_OK) fail_msg("%s", p->error.text);
}

void pair_open(sink_pair *p) {
    open_one(p, &p->ours, true);
    open_one(p, &p->fed, false);
}

/* ---- what other programs do -------------------------------------------------------------------- */

static int compare_lengths(void *context, int a, const void *left, int b, const void *right) {
    (void)context, (void)left, (void)right;
    return a - b;
}

/* With a collation that only they know. */
static int run(const char *path, const char *sql) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    (void)sqlite3_busy_timeout(db, 1000);
    (void)sqlite3_create_collation(db, "unheard_of", SQLITE_UTF8, NULL, compare_lengths);
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    (void)sqlite3_close(db);
    return code;
}

void pair_try(const sink_pair *p, const char *sql) {
    assert_int_equal(run(p->ours.path, sql), run(p->fed.path, sql));
}

void pair_run(const sink_pair *p, const char *sql) {
    assert_int_equal(run(p->ours.path, sql), SQLITE_OK);
    assert_int_equal(run(p->fed.path, sql), SQLITE_OK);
}

int64_t pair_int(const sink_pair *p, const char *sql) { return weir_sql_int(p->ours.path, sql); }

/* ---- rows -------------------------------------------------------------------------------------- */

weir_declaration *pair_declaration(uint16_t table, const char *name, const weir_column *c,
                                   size_t n) {
    weir_declaration *d;
    weir_error error;
    if (weir_declaration_make(table, name, c, n, &d, &error) != WEIR_OK) fail_msg("%s", error.text);
    return d;
}

void pair_declare(sink_pair *p, uint16_t table, const char *name, const weir_column *c, size_t n) {
    weir_declaration *d = pair_declaration(table, name, c, n);
    weir_sink *ours = &p->ours.sink, *fed = &p->fed.sink;
    int mine = ours->declare(ours->self, d, WEIR_DECLARE_WITH_ROWS, &p->error);
    int theirs = fed->declare(fed->self, d, WEIR_DECLARE_WITH_ROWS, &p->error);
    weir_declaration_free(d);
    assert_int_equal(mine, WEIR_OK);
    assert_int_equal(theirs, WEIR_OK);
}

rows_block pair_rows(sink_pair *p) {
    return rows_begin(&p->pool, journal, p->next_block, p->next_row);
}

rows_block pair_some_rows(sink_pair *p, uint16_t table, int64_t first, int64_t rows, bool odd) {
    rows_block b = pair_rows(p);
    for (int64_t i = first; i < first + rows; i++) {
        weir_value v[] = {weir_int(i), weir_text(i % 3 ? "text" : "TEXT"),
                          weir_real((double)i / 4)};
        if (odd && i % 16 == 5) v[2] = weir_int(i);
        if (odd && i % 16 == 7) v[1] = weir_null();
        if (odd && i % 16 == 9) v[1] = weir_int(i);
        rows_add(&b, table, v, 3);
    }
    return b;
}

int pair_begin(sink_pair *p, one_sink *one, weir_position *at) {
    return one->sink.begin(one->sink.self, journal, at, &p->error);
}

int pair_apply(sink_pair *p, one_sink *one, const rows_block *b) {
    weir_row_range all = {b->header.first_row, UINT64_MAX};
    return one->sink.apply(one->sink.self, &b->header, rows_body(b), all, &p->error);
}

int pair_once(sink_pair *p, one_sink *one, const rows_block *b, weir_row_range range,
              weir_sink_counts *counts) {
    return transact_rows(&one->sink, journal, b, range, counts, &p->error);
}

/* A block of so many rows is worth a look. */
void pair_expect(const sink_pair *p, one_sink *one, const rows_block *b) {
    weir_block_header large = b->header;
    large.rows = 100000;
    if (p->expecting) one->sink.expect(one->sink.self, &large, rows_body(b));
}

int pair_load_one(sink_pair *p, one_sink *one, const rows_block *b, weir_sink_counts *total) {
    uint64_t first = b->header.first_row, end = first + b->header.rows, width = b->header.rows;
    *total = (weir_sink_counts){0};
    pair_expect(p, one, b);
    while (first < end) {
        weir_sink_counts counts = {0};
        uint64_t last = first + width < end ? first + width - 1 : end - 1;
        int status = pair_once(p, one, b, (weir_row_range){first, last}, &counts);
        if (status == WEIR_SINK_ANEW) continue;
        if (status == WEIR_SINK_AGAIN) {
            width = width > 1 ? width / 2 : 1;
            continue;
        }
        if (status != WEIR_OK) return status;
        first = last + 1;
        total->rows += counts.rows;
        total->rejected += counts.rejected;
        total->ignored += counts.ignored;
    }
    return WEIR_OK;
}

int pair_try_load(sink_pair *p, rows_block *b, uint64_t *rejected) {
    weir_sink_counts mine, theirs;
    int status = pair_load_one(p, &p->ours, b, &mine);
    if (pair_load_one(p, &p->fed, b, &theirs) != status) fail_msg("%s", p->error.text);
    p->next_block++;
    p->next_row += b->header.rows;
    rows_free(b);
    if (status != WEIR_OK) return status;
    assert_int_equal(mine.rows, theirs.rows);
    assert_int_equal(mine.rejected, theirs.rejected);
    assert_int_equal(mine.ignored, theirs.ignored);
    *rejected = mine.rejected;
    return WEIR_OK;
}

uint64_t pair_load(sink_pair *p, rows_block *b) {
    uint64_t rejected = 0;
    if (pair_try_load(p, b, &rejected) != WEIR_OK) fail_msg("%s", p->error.text);
    return rejected;
}

/* ---- comparing -------------------------------------------------------------------------------- */

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql, const char *name) {
    sqlite3_stmt *s = NULL;
    char *text = sqlite3_mprintf(sql, name);
    (void)sqlite3_prepare_v2(db, text, -1, &s, NULL);
    sqlite3_free(text);
    return s;
}

static void assert_same_table(sink_pair *p, const char *name) {
    const char *sql = "SELECT rowid, * FROM main.\"%w\" ORDER BY rowid";
    if (strcmp(name, "weir_reject") == 0)
        sql = "SELECT journal, row, time_ns, table_name, code, message, \"values\", record FROM "
              "\"%w\""
              " ORDER BY row";
    sqlite3_stmt *first = prepare(p->left, sql, name);
    if (!first) sql = "SELECT * FROM main.\"%w\" ORDER BY 1"; /* WITHOUT ROWID */
    if (!first) first = prepare(p->left, sql, name);
    (void)same_rows(first, prepare(p->right, sql, name));
}

void pair_assert_same(sink_pair *p) {
    assert_int_equal(sqlite3_open(p->ours.path, &p->left), SQLITE_OK);
    assert_int_equal(sqlite3_open(p->fed.path, &p->right), SQLITE_OK);
    static const char schema[] = "SELECT type, name, sql FROM sqlite_schema ORDER BY name%.0s";
    (void)same_rows(prepare(p->left, schema, ""), prepare(p->right, schema, ""));
    sqlite3_stmt *tables =
        prepare(p->left, "SELECT name FROM sqlite_schema WHERE type = 'table'%.0s", "");
    while (sqlite3_step(tables) == SQLITE_ROW)
        assert_same_table(p, (const char *)sqlite3_column_text(tables, 0));
    (void)sqlite3_finalize(tables);
    weir_sql_close(&p->left);
    weir_sql_close(&p->right);
}

void pair_assert_copies(const sink_pair *p, unsigned expected) {
    assert_int_equal(p->copies, p->copying ? expected : 0);
}

void pair_assert_copied(const sink_pair *p, bool expected) {
    assert_int_equal(p->copies > 0, p->copying && expected);
}
