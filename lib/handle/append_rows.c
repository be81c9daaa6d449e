/* append_rows.c - many rows in one append: all of them become visible at once, and are a batch. */
#include "append_path.h"
#include "append_words.h"

int weir_append_at_once(weir *w, uint32_t generation, const weir_at_once *what,
                        weir_ticket *ticket) {
    weir_append_entry e;
    int status = weir_append_enter(w, generation, &e);
    if (status != WEIR_OK) return weir_append_count_refused(w, status, what->rows);
    status = weir_append_room(&e, what->bytes, WEIR_SHARE_ALL);
    if (status == WEIR_OK) {
        uint64_t epoch = weir_ring_stamp(&w->ring, e.lane, e.depth > 0);
        uint64_t end;
        status = what->write(what, &e, epoch, &end);
        if (status == WEIR_OK) status = weir_append_publish(&e, end, what->rows, ticket);
    }
    weir_append_leave(&e);
    return weir_append_count_refused(w, status, what->rows);
}

/* ---- rows of one table ------------------------------------------------------------------------- */

typedef struct table_rows {
    weir_at_once what;
    weir_table *table;
    const weir_value *values;
} table_rows;

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

static int write_rows(const weir_at_once *what, const weir_append_entry *e, uint64_t epoch,
                      uint64_t *end) {
    const table_rows *all = (const table_rows *)what;
    weir_table *t = all->table;
    uint64_t tail = e->lane->tail;
    for (size_t r = 0; r < what->rows; r++) {
        const weir_value *row = all->values + r * t->columns;
        weir_value key;
        if (t->key >= 0) {
            key = row[t->key];
            int status = weir_table_settle_key(t, &key);
            if (status != WEIR_OK) return status;
        }
        uint8_t *record = weir_lane_at(e->lane, tail);
        size_t bytes = weir_append_write_row(record, t, row, t->key >= 0 ? &key : NULL);
        weir_record_seal_at(record, e->lane->salt, tail, bytes, epoch, weir_at_once_kind(what, r));
        tail += weir_record_bytes(bytes);
    }
    *end = tail;
    return WEIR_OK;
}

static int append_all(weir_table *table, const weir_value *values, size_t rows,
                      weir_ticket *ticket) {
    table_rows all = {{write_rows, rows, 0}, table, values};
    int status = size_of_rows(table, values, rows, &all.what.bytes);
    return status == WEIR_OK ? weir_append_at_once(table->w, table->generation, &all.what, ticket)
                             : status;
}

int weir_append_rows(weir_table *table, const weir_value *values, size_t count, size_t rows,
                     weir_ticket *ticket) {
    static const char call[] = "weir_append_rows";
    int status = WEIR_MISUSE;
    if (table && values && count == table->columns && rows > 0)
        status = append_all(table, values, rows, ticket);
    return weir_append_explain(call, table, values, count, rows, status);
}
