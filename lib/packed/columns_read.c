/* columns_read.c - payloads out of columns that may be anything. */
#include <stdlib.h>
#include <string.h>

#include "../format/row_encode.h"
#include "columns.h"
#include "values.h"

typedef struct shape {
    uint16_t table, columns;
    uint32_t rows;
    weir_packed_source *sources;
} shape;

typedef struct columns_reader {
    weir_plan_reader *plan;
    shape *shapes;
    uint32_t count;
    weir_plan_numbers which, lengths;
    weir_cursor heads, others;
    weir_value values[WEIR_COLUMNS_MAX];
} columns_reader;

uint64_t weir_columns_budget(uint32_t raw_bytes) { return 12 * (uint64_t)raw_bytes + (16 << 20); }

static void take_shapes(columns_reader *r) {
    weir_cursor *c = &r->plan->plan;
    uint32_t count = weir_take_u32(c), columns = 0;
    bool fits = count <= WEIR_PACKED_COLUMNS_MOST;
    r->shapes = fits ? weir_plan_room(r->plan, count, sizeof *r->shapes) : NULL;
    if (!fits) weir_plan_refuse(r->plan, WEIR_DAMAGED);
    for (uint32_t i = 0; r->shapes && i < count; i++) {
        shape *s = &r->shapes[i];
        s->table = weir_take_u16(c);
        s->columns = weir_take_u16(c);
        columns += s->columns;
        bool valid = s->table && s->columns && s->columns <= WEIR_COLUMNS_MAX;
        if (!valid || columns > WEIR_PACKED_COLUMNS_MOST) weir_plan_refuse(r->plan, WEIR_DAMAGED);
    }
    r->count = r->shapes ? count : 0;
}

/* How many rows each shape has. Returns how many have none. */
static uint32_t count_shaped_rows(columns_reader *r) {
    weir_plan_numbers which = r->which;
    uint32_t others = 0;
    for (uint32_t i = 0; i < which.count; i++) {
        uint64_t n = weir_plan_next(&which);
        if (n > r->count)
            weir_plan_refuse(r->plan, WEIR_DAMAGED);
        else if (n)
            r->shapes[n - 1].rows++;
        else
            others++;
    }
    return others;
}

static void take_sources(columns_reader *r) {
    for (uint32_t i = 0; i < r->count && r->plan->status == WEIR_OK; i++) {
        shape *s = &r->shapes[i];
        if (s->rows == 0) continue; /* a writer may find that none fits after all */
        s->sources = weir_plan_room(r->plan, s->columns, sizeof *s->sources);
        for (uint16_t k = 0; s->sources && k < s->columns; k++)
            weir_packed_source_take(r->plan, s->rows, &s->sources[k]);
    }
}

static void take_all(columns_reader *r, uint32_t rows) {
    take_shapes(r);
    r->heads = weir_plan_take_stream(r->plan);
    weir_plan_take_numbers(r->plan, rows, &r->which);
    if (r->plan->status != WEIR_OK) return;
    weir_plan_take_numbers(r->plan, count_shaped_rows(r), &r->lengths);
    r->others = weir_plan_take_stream(r->plan);
    take_sources(r);
    if (!weir_plan_done(r->plan)) weir_plan_refuse(r->plan, WEIR_DAMAGED);
}

/* ---- payloads ---- */

/* Each of these moves *at, which is before end, or answers false: it does not fit. */
static bool put_other(columns_reader *r, uint8_t **at, const uint8_t *end) {
    uint64_t bytes = weir_plan_next(&r->lengths);
    if (bytes > UINT32_MAX || bytes + 4 > (uint64_t)(end - *at)) return false;
    const uint8_t *row = weir_take(&r->others, (size_t)bytes);
    if (!row) return false;
    *at = weir_put_bytes(weir_put_u32(*at, (uint32_t)bytes), row, (size_t)bytes);
    return true;
}

static bool put_shaped(columns_reader *r, shape *s, uint8_t **at, const uint8_t *end) {
    int status = WEIR_OK;
    for (uint16_t i = 0; i < s->columns; i++)
        if (!weir_packed_source_next(&s->sources[i], &r->values[i])) return false;
    size_t bytes = weir_row_size(r->values, s->columns, &status);
    if (bytes == 0 || bytes + 4 > (size_t)(end - *at)) return false;
    *at = weir_row_encode(weir_put_u32(*at, (uint32_t)bytes), s->table, r->values, s->columns);
    return true;
}

static bool put_unpacked_rows(columns_reader *r, uint32_t rows, uint8_t *at, const uint8_t *end) {
    for (uint32_t i = 0; i < rows; i++) {
        uint64_t n = weir_plan_next(&r->which);
        bool put = n ? put_shaped(r, &r->shapes[n - 1], &at, end) : put_other(r, &at, end);
        if (!put) return false;
    }
    return at == end;
}

/* The head of the payload of a block of rows, by the number of lanes that it names; of others all
 * of it. */
static bool put_unpacked_block(columns_reader *r, const weir_block_header *h, uint8_t *raw) {
    uint64_t bytes = h->raw_bytes;
    if (h->kind == WEIR_BLOCK_ROWS) {
        weir_cursor head = r->heads;
        (void)weir_take(&head, sizeof(weir_id)); /* the ring's */
        bytes = WEIR_PAYLOAD_HEAD + (uint64_t)weir_take_u32(&head) * WEIR_LANE_ENTRY;
        if (!weir_cursor_ok(&head) || bytes > h->raw_bytes) return false;
    }
    const uint8_t *head = weir_take(&r->heads, (size_t)bytes);
    if (!head) return false;
    uint8_t *at = weir_put_bytes(raw, head, (size_t)bytes);
    return put_unpacked_rows(r, h->kind == WEIR_BLOCK_ROWS ? h->rows : 0, at, raw + h->raw_bytes);
}

/* Are no bytes left over? Of numbers none can be. */
static bool is_used_up(const columns_reader *r) {
    bool done = weir_cursor_left(&r->heads) == 0 && weir_cursor_left(&r->others) == 0;
    for (uint32_t i = 0; i < r->count; i++)
        for (uint16_t k = 0; r->shapes[i].sources && k < r->shapes[i].columns; k++)
            done = done && weir_packed_source_done(&r->shapes[i].sources[k]);
    return done;
}

int weir_columns_decode(weir_plan_reader *plan, const weir_block_header *headers, uint32_t count,
                        uint8_t *raw) {
    columns_reader *r = calloc(1, sizeof *r);
    if (!r) return WEIR_NO_MEMORY;
    uint32_t rows = 0;
    r->plan = plan;
    for (uint32_t i = 0; i < count; i++)
        rows += headers[i].kind == WEIR_BLOCK_ROWS ? headers[i].rows : 0;
    take_all(r, rows);
    bool fits = plan->status == WEIR_OK;
    for (uint32_t i = 0; fits && i < count; raw += headers[i++].raw_bytes)
        fits = put_unpacked_block(r, &headers[i], raw);
    if (!fits || !is_used_up(r)) weir_plan_refuse(plan, WEIR_DAMAGED);
    free(r);
    return plan->status;
}
