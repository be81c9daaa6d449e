/* insert_now.c - weir_insert_now: append a row, wait until it is applied, and see whether SQLite took
 * it. */
#include <weir/sqlite.h>

#include <stdlib.h>
#include <string.h>

#include "../lib/row_encode.h"
#include "sqlite_error.h"
#include "writers.h"

#define MS ((uint64_t)1000000)

typedef struct insertion {
    weir_writer *writer;
    weir_table *table;
    const weir_declaration *declaration;
    weir_value *values;
    int key_index;
    int64_t key, last_reject; /* the greatest id in weir_reject before the row was appended */
    uint8_t *record;
    size_t record_bytes;
    weir_error error;
} insertion;

static int last_reject(insertion *i) {
    int64_t there;
    sqlite3 *db = i->writer->reader;
    int status = weir_sqlite_ask(db, "SELECT 1 FROM sqlite_schema WHERE name = 'weir_reject'", NULL,
                                 0, &there, &i->error);
    if (status != WEIR_OK || !there) return status;
    return weir_sqlite_ask(db, "SELECT max(id) FROM main.weir_reject", NULL, 0, &i->last_reject,
                           &i->error);
}

/* Does a query with ?1 and, if there is a record, ?2 find a row? */
static int finds(insertion *i, const char *sql, int64_t first, bool with_record, bool *found) {
    sqlite3_stmt *s;
    int status = weir_sqlite_prepare(i->writer->reader, sql, &s, &i->error);
    if (status != WEIR_OK) return status;
    int code = sqlite3_bind_int64(s, 1, first);
    if (code == SQLITE_OK && with_record)
        code = sqlite3_bind_blob64(s, 2, i->record, i->record_bytes, SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_step(s);
    *found = code == SQLITE_ROW;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        status = weir_sqlite_fail(i->writer->reader, "looking for the row", &i->error);
    (void)sqlite3_finalize(s); /* repeats the step's code */
    return status;
}

/* The key alone does not show it: another row may have it, and that may be why this one was
 * refused. */
static int was_refused(insertion *i, bool *refused) {
    int64_t there;
    bool found = false;
    *refused = false;
    int status =
        weir_sqlite_ask(i->writer->reader, "SELECT 1 FROM sqlite_schema WHERE name = 'weir_reject'",
                        NULL, 0, &there, &i->error);
    if (status == WEIR_OK && there)
        status = finds(i, "SELECT 1 FROM main.weir_reject WHERE id > ?1 AND record = ?2",
                       i->last_reject, true, refused);
    if (status != WEIR_OK || *refused) return status;
    char *sql = sqlite3_mprintf("SELECT 1 FROM main.\"%w\" WHERE \"%w\" = ?1", i->declaration->name,
                                i->declaration->column[i->key_index].name);
    if (!sql) return weir_fail(&i->error, WEIR_NO_MEMORY, "no memory to look for the row");
    status = finds(i, sql, i->key, false, &found);
    sqlite3_free(sql);
    *refused = !found;
    return status;
}

/* Under the writer's lock, which closing takes too. */
static int look(insertion *i, int (*what)(insertion *)) {
    weir_writer_lock(i->writer);
    int status = weir_writer_ready(i->writer, i->declaration->name, &i->error);
    if (status == WEIR_OK) status = what(i);
    weir_writer_unlock(i->writer);
    return status;
}

static int verify(insertion *i) {
    bool refused;
    int status = was_refused(i, &refused);
    if (status != WEIR_OK || !refused) return status;
    return weir_fail(&i->error, WEIR_REJECTED,
                     "table %s: SQLite refused the row with key %lld; "
                     "weir_reject says why",
                     i->declaration->name, (long long)i->key);
}

static int misuse(insertion *i, const char *what) {
    return weir_fail(&i->error, WEIR_MISUSE, "weir_insert_now: %s", what);
}

static int choose_key(insertion *i) {
    weir_value *v = &i->values[i->key_index];
    if (v->type == WEIR_NULL)
        *v = weir_int(weir_table_take_key(i->table));
    else if (v->type == WEIR_INTEGER)
        weir_table_note_key(i->table, v->as.integer);
    else
        return misuse(i, "the key must be NULL or an integer");
    i->key = v->as.integer;
    return WEIR_OK;
}

/* The row as it will stand in the journal, and in the reject table if it comes to that. */
static int encode(insertion *i, size_t count) {
    int status = WEIR_MISUSE;
    i->record_bytes = weir_row_size(i->values, count, &status);
    if (!i->record_bytes)
        return weir_fail(&i->error, status, "%s: %s", i->declaration->name,
                         weir_status_text(status));
    i->record = malloc(i->record_bytes + 8); /* the encoder's slack */
    if (!i->record) return weir_fail(&i->error, WEIR_NO_MEMORY, "no memory for the row");
    (void)weir_row_encode(i->record, i->declaration->table, i->values, count);
    return WEIR_OK;
}

static int prepare(insertion *i, const weir_value *values, size_t count) {
    weir *handle = weir_table_handle(i->table);
    i->declaration = weir_table_declaration(i->table);
    i->key_index = weir_declaration_key(i->declaration);
    if (i->key_index < 0) return misuse(i, "the table was declared without a WEIR_KEY column");
    if (count != i->declaration->columns)
        return misuse(i, "count is not the declared number of columns");
    i->writer = weir_writers_find(handle);
    if (!i->writer) return misuse(i, "the handle has no database");
    i->values = malloc(count * sizeof *values);
    if (!i->values) return weir_fail(&i->error, WEIR_NO_MEMORY, "no memory for the row");
    memcpy(i->values, values, count * sizeof *values);
    return look(i, last_reject);
}

static uint32_t milliseconds_left(uint64_t began, uint32_t timeout_ms) {
    const weir_os *os = weir_os_posix();
    uint64_t spent = (os->now(os->self) - began) / MS;
    if (timeout_ms == UINT32_MAX) return timeout_ms;
    return spent >= timeout_ms ? 0 : timeout_ms - (uint32_t)spent;
}

static int append_and_wait(insertion *i, size_t count, uint32_t timeout_ms, weir_ticket *ticket) {
    const weir_os *os = weir_os_posix();
    uint64_t began = os->now(os->self);
    int status = weir_append_row(i->table, i->values, count, ticket);
    if (status != WEIR_OK)
        return weir_fail(&i->error, status, "%s: %s", i->declaration->name,
                         weir_status_text(status));
    status = weir_wait(weir_table_handle(i->table), *ticket, WEIR_APPLIED,
                       milliseconds_left(began, timeout_ms));
    if (status < 0) return weir_fail(&i->error, status, "%s", weir_last_error());
    return status == WEIR_OK ? look(i, verify) : status;
}

static int insert_inside(insertion *i, const weir_value *values, size_t count, uint32_t timeout_ms,
                         weir_ticket *ticket) {
    int status = prepare(i, values, count);
    if (status == WEIR_OK) status = choose_key(i);
    if (status == WEIR_OK) status = encode(i, count);
    if (status == WEIR_OK) status = append_and_wait(i, count, timeout_ms, ticket);
    free(i->values);
    free(i->record);
    return status;
}

/* key and ticket are known as soon as the row is appended, whatever waiting answers. */
int weir_insert_now(weir_table *table, const weir_value *values, size_t count, uint32_t timeout_ms,
                    int64_t *key, weir_ticket *ticket) {
    insertion i = {.table = table};
    weir_ticket mine = {0};
    int held;
    if (!table || !values) {
        (void)misuse(&i, "an argument is NULL");
        return weir_publish_error(&i.error);
    }
    int status = weir_step_in(weir_table_handle(table), false, &held);
    if (status == WEIR_OK) {
        status = insert_inside(&i, values, count, timeout_ms, &mine);
        weir_step_out(weir_table_handle(table), held);
    } else {
        (void)weir_fail(&i.error, status, "weir_insert_now: %s", weir_status_text(status));
    }
    if (key) *key = i.key;
    if (ticket) *ticket = mine;
    return status < 0 ? weir_publish_error(&i.error) : status;
}
