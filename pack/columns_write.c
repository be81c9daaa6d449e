/* columns_write.c - payloads into columns. */
#include "columns_write.h"

#include <string.h>

#include "../lib/format/row_encode.h"
#include "values_write.h"

typedef struct shape {
    uint16_t table, columns;
    uint32_t rows;   /* that seem to have it */
    uint32_t number; /* in the plan; 0: its rows go without */
    uint32_t next;   /* of the same table; index + 1 */
    weir_packed_values *values;
} shape;

typedef struct columns_writer {
    weir_plan_writer *plan;
    shape *shapes;
    size_t count, capacity;
    uint32_t *of_table; /* 65536: index + 1 of its first shape */
    bool failed;
    weir_pack_buffer heads, which, lengths, others;
    weir_value values[WEIR_COLUMNS_MAX];
} columns_writer;

typedef void (*row_function)(columns_writer *w, const uint8_t *row, size_t bytes);

static void each_row(columns_writer *w, const weir_block_header *headers, uint32_t count,
                     const uint8_t *raw, row_function row_is) {
    for (uint32_t i = 0; i < count; raw += headers[i++].raw_bytes) {
        weir_payload payload;
        const uint8_t *row;
        size_t bytes;
        if (headers[i].kind != WEIR_BLOCK_ROWS) continue;
        if (!weir_payload_parse(raw, headers[i].raw_bytes, &payload)) w->failed = true;
        while (!w->failed && weir_payload_next_row(&payload.body, &row, &bytes) == 1)
            row_is(w, row, bytes);
    }
}

/* ---- which shapes there are ---- */

/* The shape of that table and number of columns, or NULL. */
static shape *find_shape(const columns_writer *w, uint16_t table, uint16_t columns) {
    shape *s = NULL;
    for (uint32_t i = w->shapes ? w->of_table[table] : 0; i; i = s->next) {
        s = &w->shapes[i - 1];
        if (s->columns == columns) return s;
    }
    return NULL;
}

static void add_shape(columns_writer *w, uint16_t table, uint16_t columns) {
    if (w->count == w->capacity) {
        size_t wanted = w->capacity * 2 + 16;
        shape *larger = realloc(w->shapes, wanted * sizeof *larger);
        if (!larger) {
            w->failed = true;
            return;
        }
        w->shapes = larger;
        w->capacity = wanted;
    }
    w->shapes[w->count++] = (shape){table, columns, 1, 0, w->of_table[table], NULL};
    w->of_table[table] = (uint32_t)w->count;
}

static void count_row(columns_writer *w, const uint8_t *row, size_t bytes) {
    weir_cursor c = weir_cursor_over(row, bytes);
    uint16_t table = weir_take_u16(&c), columns = weir_take_u16(&c);
    if (!weir_cursor_ok(&c) || columns == 0 || columns > WEIR_COLUMNS_MAX) return;
    shape *s = find_shape(w, table, columns);
    if (s)
        s->rows++;
    else
        add_shape(w, table, columns);
}

/* Those of enough rows get columns, as many as may be. */
static void choose_shapes(columns_writer *w) {
    uint32_t chosen = 0, columns = 0;
    for (size_t i = 0; i < w->count; i++) {
        shape *s = &w->shapes[i];
        bool fits = columns + s->columns <= WEIR_PACKED_COLUMNS_MOST;
        if (s->rows < WEIR_PACKED_SHAPE_ROWS || s->table == 0 || !fits) continue;
        s->values = calloc(s->columns, sizeof *s->values);
        if (!s->values) w->failed = true;
        s->number = ++chosen;
        columns += s->columns;
    }
    weir_pack_uint(&w->plan->plan, chosen, 4);
    for (size_t i = 0; i < w->count; i++) {
        if (!w->shapes[i].number) continue;
        weir_pack_uint(&w->plan->plan, w->shapes[i].table, 2);
        weir_pack_uint(&w->plan->plan, w->shapes[i].columns, 2);
    }
}

/* ---- the rows ---- */

/* The row's shape, if nothing but its values must be kept. */
static shape *shape_of(columns_writer *w, const uint8_t *row, size_t bytes) {
    uint16_t table, columns;
    int status = WEIR_OK;
    if (!weir_row_decode(row, bytes, &table, &columns, w->values)) return NULL;
    shape *s = find_shape(w, table, columns);
    bool least = weir_row_size(w->values, columns, &status) == bytes;
    return s && s->number && least ? s : NULL;
}

static void take_shaped_row(columns_writer *w, const uint8_t *row, size_t bytes) {
    shape *s = shape_of(w, row, bytes);
    weir_pack_uint(&w->which, s ? s->number : 0, 8);
    if (!s) {
        weir_pack_uint(&w->lengths, bytes, 8);
        weir_pack_bytes(&w->others, row, bytes);
        return;
    }
    for (uint16_t i = 0; i < s->columns; i++)
        weir_packed_values_add(&s->values[i], &w->values[i]);
}

static void take_heads(columns_writer *w, const weir_block_header *headers, uint32_t count,
                       const uint8_t *raw) {
    for (uint32_t i = 0; i < count; raw += headers[i++].raw_bytes) {
        weir_payload payload;
        size_t bytes = headers[i].raw_bytes;
        if (!weir_payload_parse(raw, bytes, &payload)) w->failed = true;
        if (!w->failed && headers[i].kind == WEIR_BLOCK_ROWS)
            bytes = weir_payload_head_size(payload.lanes);
        weir_pack_bytes(&w->heads, raw, bytes);
    }
}

/* ---- together ---- */

static void put_list(weir_plan_writer *plan, weir_pack_buffer *list) {
    uint64_t *numbers = (uint64_t *)(void *)list->bytes;
    size_t count = list->count / sizeof *numbers;
    for (size_t i = 0; i < count; i++)
        numbers[i] = le64toh(numbers[i]);
    weir_plan_put_numbers(plan, numbers, count);
}

static void put_all(columns_writer *w) {
    weir_plan_put_stream(w->plan, w->heads.bytes, w->heads.count);
    put_list(w->plan, &w->which);
    put_list(w->plan, &w->lengths);
    weir_plan_put_stream(w->plan, w->others.bytes, w->others.count);
    for (size_t i = 0; i < w->count; i++)
        for (uint16_t k = 0; w->shapes[i].number && k < w->shapes[i].columns; k++)
            weir_packed_values_put(&w->shapes[i].values[k], w->plan);
}

static void columns_writer_free(columns_writer *w) {
    for (size_t i = 0; i < w->count; i++) {
        for (uint16_t k = 0; w->shapes[i].values && k < w->shapes[i].columns; k++)
            weir_packed_values_free(&w->shapes[i].values[k]);
        free(w->shapes[i].values);
    }
    weir_pack_buffer_free(&w->heads);
    weir_pack_buffer_free(&w->which);
    weir_pack_buffer_free(&w->lengths);
    weir_pack_buffer_free(&w->others);
    free(w->shapes);
    free(w->of_table);
    free(w);
}

int weir_columns_encode(const weir_block_header *headers, uint32_t count, const uint8_t *raw,
                        weir_plan_writer *plan) {
    columns_writer *w = calloc(1, sizeof *w);
    if (!w) return WEIR_NO_MEMORY;
    w->plan = plan;
    w->of_table = calloc(UINT16_MAX + 1, sizeof *w->of_table);
    w->failed = !w->of_table;
    if (!w->failed) each_row(w, headers, count, raw, count_row);
    if (!w->failed) choose_shapes(w);
    if (!w->failed) take_heads(w, headers, count, raw);
    if (!w->failed) each_row(w, headers, count, raw, take_shaped_row);
    w->failed |= w->heads.failed || w->which.failed || w->lengths.failed || w->others.failed;
    if (!w->failed) put_all(w);
    bool failed = w->failed || weir_plan_failed(plan);
    columns_writer_free(w);
    return failed ? WEIR_NO_MEMORY : WEIR_OK;
}
