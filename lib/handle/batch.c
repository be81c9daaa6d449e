/* batch.c - rows of several tables that become visible together. */
#include <stdlib.h>

#include "append_path.h"
#include "append_words.h"

enum { FIRST_BYTES = 1024 }; /* of memory, when the first row comes */

struct weir_batch {
    weir *w;
    uint32_t generation; /* of the opening it was begun in */
    uint64_t rows;
    uint64_t used, capacity, most; /* most: half a lane, which the records may take together */
    uint8_t *bytes; /* records as a lane has them, but for check and stamp; and WEIR_ROW_SLACK */
};

int weir_begin(weir *w, weir_batch **out) {
    static const char call[] = "weir_begin";
    int held;
    if (out) *out = NULL;
    if (!w || !out) return weir_misuse(call, w ? "out is NULL" : "w is NULL");
    int status = weir_call_enter(w, WEIR_CALL_OPEN, &held);
    if (status != WEIR_OK) return weir_refuse(call, status);
    weir_batch *b = malloc(sizeof *b);
    if (b)
        *b = (weir_batch){
            .w = w, .generation = w->generation, .most = w->ring.header.lane_bytes / 2};
    weir_call_exit(w, held);
    if (!b) return weir_fail_call(call, WEIR_NO_MEMORY, "no memory for a batch");
    *out = b;
    return WEIR_OK;
}

void weir_rollback(weir_batch *b) {
    if (!b) return;
    free(b->bytes);
    free(b);
}

/* ---- rows ---------------------------------------------------------------------------------------- */

static int check_table(const weir_batch *b, const weir_table *t, const weir_value *values,
                       size_t count) {
    static const char call[] = "weir_batch_row";
    if (!b || !t || !values)
        return weir_misuse(call, !b ? "b is NULL" : !t ? "table is NULL" : "values is NULL");
    int status = weir_gate_status(b->w, b->generation);
    if (status != WEIR_OK) return weir_refuse(call, status);
    if (t->w != b->w || t->generation != b->generation)
        return weir_misuse(call, "table is of another handle than the batch, or was declared "
                                 "before the handle was opened again");
    return count == t->columns ? WEIR_OK
                               : weir_append_explain(call, t, values, count, 1, WEIR_MISUSE);
}

/* Room for so many bytes more and the slack. Sizes are far below 2^32: half a lane at most. */
static int make_batch_room(const char *call, weir_batch *b, uint64_t bytes) {
    if (bytes > b->most - b->used)
        return weir_fail_call(call, WEIR_TOO_BIG,
                              "the batch would take more than half a lane: commit fewer rows at "
                              "once, or open with a larger lane_bytes");
    uint64_t least = b->used + bytes + WEIR_ROW_SLACK, wanted = b->capacity;
    if (least <= wanted) return WEIR_OK;
    wanted = wanted ? 2 * wanted : FIRST_BYTES;
    if (wanted < least) wanted = least;
    uint8_t *more = realloc(b->bytes, (size_t)wanted);
    if (!more) return weir_fail_call(call, WEIR_NO_MEMORY, "no memory for the row");
    b->bytes = more;
    b->capacity = wanted;
    return WEIR_OK;
}

static void put_record(weir_batch *b, const weir_table *t, const weir_value *values,
                       const weir_value *key) {
    uint8_t *record = b->bytes + b->used;
    size_t body = weir_append_write_row(record, t, values, key);
    uint64_t bytes = weir_record_bytes(body);
    memset(record, 0, WEIR_RECORD_HEAD);
    memset(record + WEIR_RECORD_HEAD + body, 0, (size_t)bytes - WEIR_RECORD_HEAD - body);
    (void)weir_put_u32(record, (uint32_t)body);
    b->used += bytes;
    b->rows++;
}

int weir_batch_row(weir_batch *b, weir_table *table, const weir_value *values, size_t count) {
    static const char call[] = "weir_batch_row";
    int status = check_table(b, table, values, count);
    if (status != WEIR_OK) return status;
    size_t body = weir_row_size(values, count, &status);
    if (!body) return weir_append_explain(call, table, values, count, 1, status);
    bool keyed = table->key >= 0;
    uint64_t bytes = weir_record_bytes(body + (keyed ? 8 : 0)); /* for a chosen key */
    status = make_batch_room(call, b, bytes);
    if (status != WEIR_OK) return status;
    weir_value key;
    if (keyed) {
        key = values[table->key];
        status = weir_table_settle_key(table, &key);
        if (status != WEIR_OK) return weir_append_explain(call, table, values, count, 1, status);
    }
    put_record(b, table, values, keyed ? &key : NULL);
    return WEIR_OK;
}

/* ---- committing ---------------------------------------------------------------------------------- */

typedef struct batch_records {
    weir_at_once what;
    const uint8_t *bytes;
} batch_records;

/* A lane's bytes are mapped twice in a row, so the batch fits after any tail. */
static int copy_records(const weir_at_once *what, const weir_append_entry *e, uint64_t epoch,
                        uint64_t *end) {
    uint64_t tail = e->lane->tail;
    uint8_t *record = weir_lane_at(e->lane, tail);
    (void)weir_put_bytes(record, ((const batch_records *)what)->bytes, (size_t)what->bytes);
    for (uint64_t row = 0; row < what->rows; row++) {
        uint32_t body;
        memcpy(&body, record, sizeof body);
        weir_record_seal_at(record, e->lane->salt, tail, body, epoch, weir_at_once_kind(what, row));
        record += weir_record_bytes(body);
        tail += weir_record_bytes(body);
    }
    *end = tail;
    return WEIR_OK;
}

int weir_commit(weir_batch *b, weir_ticket *ticket) {
    static const char call[] = "weir_commit";
    if (!b) return weir_misuse(call, "b is NULL");
    batch_records records = {{copy_records, b->rows, b->used}, b->bytes};
    weir_ticket last = {0, 0, b->generation}; /* without a row: it is reached */
    int status = b->rows ? weir_append_at_once(b->w, b->generation, &records.what, &last)
                         : weir_gate_status(b->w, b->generation);
    if (status == WEIR_FULL) return status; /* noted where room was looked for */
    if (status != WEIR_OK) return weir_refuse(call, status);
    if (ticket) *ticket = last;
    weir_rollback(b);
    return WEIR_OK;
}
