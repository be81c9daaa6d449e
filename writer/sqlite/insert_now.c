/* insert_now.c - weir_insert_now: append a row, wait until it is applied, and ask the writer what
 * became of it. */
#include <weir/sqlite.h>

#include <stdlib.h>
#include <string.h>

#include "../../lib/format/row_encode.h"
#include "writers.h"

#define MS ((uint64_t)1000000)

typedef struct insertion {
    weir_writer *writer;
    weir_table *table;
    const weir_declaration *declaration;
    weir_value *values;
    int key_index;
    int64_t key;
    uint8_t *record;
    weir_question question;
    weir_error error;
} insertion;

static int answer_for(insertion *i, weir_outcome outcome) {
    const char *name = i->declaration->name;
    long long key = (long long)i->key;
    switch (outcome) {
    case WEIR_OUTCOME_INSERTED: return WEIR_OK;
    case WEIR_OUTCOME_REJECTED:
        return weir_fail(&i->error, WEIR_REJECTED,
                         "table %s: SQLite refused the row with key %lld; weir_reject says why",
                         name, key);
    case WEIR_OUTCOME_IGNORED:
        return weir_fail(&i->error, WEIR_REJECTED,
                         "table %s: the table itself dropped the row with key %lld (ON CONFLICT "
                         "IGNORE, or a trigger's RAISE(IGNORE)); it is not in weir_reject",
                         name, key);
    default: /* the position moved without our writer */
        return weir_fail(&i->error, WEIR_DATABASE,
                         "table %s: nothing is known of the row with key %lld", name, key);
    }
}

static int misuse(insertion *i, const char *what) {
    return weir_fail(&i->error, WEIR_MISUSE, "weir_insert_now: %s", what);
}

static int choose_key(insertion *i) {
    weir_value *v = &i->values[i->key_index];
    if (v->type != WEIR_NULL && v->type != WEIR_INTEGER)
        return misuse(i, "the key must be NULL or an integer");
    int status = weir_table_settle_key(i->table, v);
    if (status != WEIR_OK)
        return weir_fail(&i->error, status, "table %s: no key is left above its greatest one",
                         i->declaration->name);
    i->key = v->as.integer;
    return WEIR_OK;
}

/* In the words of an append that was refused. */
static int refuse_row(insertion *i, const weir_value *values, size_t count, int status) {
    (void)weir_append_explain("weir_insert_now", i->table, values, count, 1, status);
    return weir_fail(&i->error, status, "%s", weir_last_error());
}

/* Encode the row as it will be in the journal: the writer will know it by these bytes. */
static int encode(insertion *i, size_t count) {
    int status = WEIR_MISUSE;
    size_t bytes = weir_row_size(i->values, count, &status);
    if (!bytes) return refuse_row(i, i->values, count, status);
    i->record = malloc(bytes + WEIR_ROW_SLACK);
    if (!i->record) return weir_fail(&i->error, WEIR_NO_MEMORY, "no memory for the row");
    (void)weir_row_encode(i->record, i->declaration->table, i->values, count);
    i->question.row = i->record;
    i->question.bytes = bytes;
    return WEIR_OK;
}

static int prepare_row(insertion *i, const weir_value *values, size_t count) {
    weir *handle = weir_table_handle(i->table);
    i->declaration = weir_table_declaration(i->table);
    if (!i->declaration)
        return weir_fail(&i->error, WEIR_CLOSED,
                         "weir_insert_now: the table is of a handle that was closed; declare the "
                         "table in the handle that is open");
    i->key_index = weir_declaration_key(i->declaration);
    if (i->key_index < 0) return misuse(i, "the table was declared without a WEIR_KEY column");
    if (count != i->declaration->columns) return refuse_row(i, values, count, WEIR_MISUSE);
    i->writer = weir_writers_find(handle);
    if (!i->writer) return misuse(i, "the handle has no database");
    i->values = malloc(count * sizeof *values);
    if (!i->values) return weir_fail(&i->error, WEIR_NO_MEMORY, "no memory for the row");
    memcpy(i->values, values, count * sizeof *values);
    return WEIR_OK;
}

static uint32_t milliseconds_left(const weir_os *os, uint64_t began, uint32_t timeout_ms) {
    uint64_t spent = (os->now(os->self) - began) / MS;
    if (timeout_ms == UINT32_MAX) return timeout_ms;
    return spent >= timeout_ms ? 0 : timeout_ms - (uint32_t)spent;
}

static int append_and_wait(insertion *i, size_t count, uint32_t timeout_ms, weir_ticket *ticket) {
    const weir_os *os = i->writer->os;
    uint64_t began = os->now(os->self);
    int status = weir_append_row(i->table, i->values, count, ticket);
    if (status != WEIR_OK) return weir_fail(&i->error, status, "%s", weir_last_error());
    status = weir_wait(weir_table_handle(i->table), *ticket, WEIR_APPLIED,
                       milliseconds_left(os, began, timeout_ms));
    return status < 0 ? weir_fail(&i->error, status, "%s", weir_last_error()) : status;
}

static int insert_inside(insertion *i, const weir_value *values, size_t count, uint32_t timeout_ms,
                         weir_ticket *ticket) {
    int status = prepare_row(i, values, count);
    if (status == WEIR_OK) status = choose_key(i);
    if (status == WEIR_OK) status = encode(i, count);
    if (status == WEIR_OK) {
        weir_outcomes_ask(&i->writer->outcomes, &i->question);
        status = append_and_wait(i, count, timeout_ms, ticket);
        weir_outcome outcome = weir_outcomes_end(&i->writer->outcomes, &i->question);
        if (status == WEIR_OK) status = answer_for(i, outcome);
    }
    free(i->values);
    free(i->record);
    return status;
}

/* key and ticket are set once the row is appended, whatever comes of the wait. */
int weir_insert_now(weir_table *table, const weir_value *values, size_t count, uint32_t timeout_ms,
                    int64_t *key, weir_ticket *ticket) {
    insertion i = {.table = table};
    weir_ticket mine = {0};
    int held;
    if (!table || !values)
        return weir_misuse("weir_insert_now", table ? "values is NULL" : "table is NULL");
    int status = weir_call_enter(weir_table_handle(table), WEIR_CALL_OPEN, &held);
    if (status == WEIR_OK) {
        status = insert_inside(&i, values, count, timeout_ms, &mine);
        weir_call_exit(weir_table_handle(table), held);
    } else {
        (void)weir_fail(&i.error, status, "weir_insert_now: %s%s", weir_status_text(status),
                        status == WEIR_CLOSED ? "; declare the table in a handle that is open"
                                              : "");
    }
    if (key) *key = i.key;
    if (ticket) *ticket = mine;
    return status < 0 ? weir_publish_error(&i.error) : status;
}
