/* append_rows.c - many rows in one append: all of them become visible at once. */
#include "append_path.h"
#include "append_words.h"

static int size_of_rows(const weir_table *t, const weir_value *values, size_t rows,
                        uint64_t *bytes) {
    *bytes = 8;
    for (size_t r = 0; r < rows; r++) {
        int status = WEIR_OK;
        size_t body = weir_row_size(values + r * t->columns, t->columns, &status);
        if (!body) return status;
        *bytes += weir_record_bytes(body) + (t->key >= 0 ? 8 : 0); /* room for a chosen key */
        if (*bytes > UINT32_MAX) return WEIR_TOO_BIG;              /* no lane is that large */
    }
    return WEIR_OK;
}

/* Write after the tail, where no other thread reads yet. *end: where the last row ends. */
static int write_rows(const weir_append_entry *e, weir_table *t, const weir_value *values,
                      size_t rows, uint64_t epoch, uint64_t *end) {
    uint64_t tail = e->lane->tail;
    for (size_t r = 0; r < rows; r++) {
        const weir_value *row = values + r * t->columns;
        weir_value key;
        if (t->key >= 0) {
            key = row[t->key];
            int status = weir_table_settle_key(t, &key);
            if (status != WEIR_OK) return status;
        }
        uint8_t *record = weir_lane_at(e->lane, tail);
        size_t bytes = weir_append_write_row(record, t, row, t->key >= 0 ? &key : NULL);
        weir_record_seal_at(record, e->lane->salt, tail, bytes, epoch, WEIR_RECORD_ROW);
        tail += weir_record_bytes(bytes);
    }
    *end = tail;
    return WEIR_OK;
}

static int append_all(weir_table *table, const weir_value *values, size_t rows,
                      weir_ticket *ticket) {
    uint64_t bytes;
    weir_append_entry e;
    int status = size_of_rows(table, values, rows, &bytes);
    if (status != WEIR_OK) return status;
    status = weir_append_enter(table->w, table->generation, &e);
    if (status != WEIR_OK) return weir_append_count_refused(table->w, status, rows);
    status = weir_append_room(&e, bytes, WEIR_SHARE_ALL);
    if (status == WEIR_OK) {
        uint64_t epoch = weir_ring_stamp(&table->w->ring, e.lane, e.depth > 0);
        uint64_t end;
        status = write_rows(&e, table, values, rows, epoch, &end);
        if (status == WEIR_OK) status = weir_append_publish(&e, end, rows, ticket);
    }
    weir_append_leave(&e);
    return weir_append_count_refused(table->w, status, rows);
}

int weir_append_rows(weir_table *table, const weir_value *values, size_t count, size_t rows,
                     weir_ticket *ticket) {
    static const char call[] = "weir_append_rows";
    int status = WEIR_MISUSE;
    if (table && values && count == table->columns && rows > 0)
        status = append_all(table, values, rows, ticket);
    return weir_append_explain(call, table, values, count, rows, status);
}
