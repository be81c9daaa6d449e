/* expand.c - rows of templates become rows of tables. */
#include "expand.h"

#include <stdlib.h>

#include "block.h"
#include "row_encode.h"

enum {
    EXPANDED_BYTES = 4 << 20, /* about so much is made by one call */
    USUAL_CAPACITY = 16 << 20,
};

int weir_expander_make(const weir_templates *templates, weir_expander **out) {
    weir_expander *x = calloc(1, sizeof *x);
    *out = x;
    if (!x) return WEIR_NO_MEMORY;
    x->templates = templates;
    x->parameters = calloc(WEIR_COLUMNS_MAX, sizeof *x->parameters);
    x->values = calloc(WEIR_COLUMNS_MAX, sizeof *x->values);
    if (x->parameters && x->values) return WEIR_OK;
    weir_expander_free(x);
    *out = NULL;
    return WEIR_NO_MEMORY;
}

void weir_expander_free(weir_expander *x) {
    if (!x) return;
    free(x->bytes);
    free(x->parameters);
    free(x->values);
    free(x->texts);
    free(x);
}

/* Room for so many bytes more, and the slack that encoding touches. */
static int make_expanded_room(weir_expander *x, size_t bytes) {
    size_t needed = x->used + bytes + WEIR_ROW_SLACK; /* rows are below 4 GiB: no overflow */
    if (needed <= x->capacity) return WEIR_OK;
    size_t wanted = needed + needed / 2;
    uint8_t *larger = realloc(x->bytes, wanted);
    if (!larger) return WEIR_NO_MEMORY;
    x->bytes = larger;
    x->capacity = wanted;
    return WEIR_OK;
}

static int add_expanded(weir_expander *x, const weir_template *t) {
    int status = WEIR_OK; /* of a row that cannot be stored; room is 0 then */
    uint64_t room = weir_row_room(x->values, t->columns, WEIR_RAW_MAX, &status);
    if (room == 0 || room > WEIR_RAW_MAX) return WEIR_DAMAGED;
    status = make_expanded_room(x, 4 + (size_t)room);
    if (status != WEIR_OK) return status;
    uint8_t *row = x->bytes + x->used + 4;
    size_t bytes = (size_t)(weir_row_encode(row, t->table, x->values, t->columns) - row);
    (void)weir_put_u32(x->bytes + x->used, (uint32_t)bytes); /* its end is the row */
    x->used += 4 + bytes;
    return WEIR_OK;
}

/* Texts must not move while values point to them, so there is room for all beforehand. */
static int make_text_room(weir_expander *x, const weir_template *t) {
    size_t needed = 0;
    for (unsigned i = 0; i < t->columns; i++)
        needed +=
            t->source[i].kind == WEIR_SOURCE_FORMAT || t->source[i].kind == WEIR_SOURCE_OBJECT;
    if (needed <= x->texts_capacity) return WEIR_OK;
    weir_text_buffer *larger = realloc(x->texts, needed * sizeof *larger); /* 2000 of 4 KiB fit */
    if (!larger) return WEIR_NO_MEMORY;
    x->texts = larger;
    x->texts_capacity = needed;
    return WEIR_OK;
}

/* What a column gets. text: of the row, the next that is not used yet. */
static int make_value(const weir_expander *x, const weir_source *s, weir_text_buffer **text,
                      weir_value *out) {
    const weir_value *first = x->parameters + s->first;
    switch (s->kind) {
    case WEIR_SOURCE_PARAMETER: *out = *first; return WEIR_OK;
    case WEIR_SOURCE_FORMAT: weir_text_pieces(*text, s->piece, s->pieces, first); break;
    case WEIR_SOURCE_OBJECT:
        weir_text_object(*text, weir_cursor_over(s->bytes, s->length), first);
        break;
    default: *out = s->constant; return WEIR_OK;
    }
    const weir_text_buffer *made = (*text)++;
    *out = (weir_value){{.bytes = made->bytes}, (uint32_t)made->length, WEIR_TEXT};
    return made->no_memory ? WEIR_NO_MEMORY : WEIR_OK;
}

static int copy_row(weir_expander *x, const uint8_t *row, size_t bytes) {
    int status = make_expanded_room(x, 4 + bytes);
    if (status != WEIR_OK) return status;
    uint8_t *at = weir_put_u32(x->bytes + x->used, (uint32_t)bytes); /* as it was read */
    (void)weir_put_bytes(at, row, bytes);
    x->used += 4 + bytes;
    return WEIR_OK;
}

static int expand_row(weir_expander *x, const uint8_t *row, size_t bytes) {
    uint16_t number = weir_row_table(row, bytes), count;
    if (number <= WEIR_TABLES_MAX) return copy_row(x, row, bytes);
    const weir_template *t = weir_templates_find(x->templates, number);
    if (!t || !weir_row_decode(row, bytes, &number, &count, x->parameters) || count > t->parameters)
        return WEIR_DAMAGED;
    for (unsigned i = count; i < t->parameters; i++)
        x->parameters[i] = (weir_value){.type = WEIR_NULL};
    int status = make_text_room(x, t);
    if (status != WEIR_OK) return status;
    weir_text_buffer *text = x->texts;
    for (unsigned i = 0; i < t->columns && status == WEIR_OK; i++)
        status = make_value(x, &t->source[i], &text, &x->values[i]);
    return status == WEIR_OK ? add_expanded(x, t) : status;
}

static int take_rows(weir_expander *x, weir_cursor *body, uint64_t most, uint32_t *rows) {
    while (*rows < most && x->used < EXPANDED_BYTES) {
        const uint8_t *row;
        size_t bytes;
        weir_cursor next = *body;
        int more = weir_payload_next_row(&next, &row, &bytes);
        int status = more < 0 ? WEIR_DAMAGED : more == 1 ? expand_row(x, row, bytes) : WEIR_OK;
        if (more == 0 || (status != WEIR_OK && *rows > 0)) return WEIR_OK; /* it is met again */
        if (status != WEIR_OK) return status;
        *body = next;
        ++*rows;
    }
    return WEIR_OK;
}

int weir_expander_take(weir_expander *x, weir_cursor *body, uint64_t most, uint32_t *rows,
                       weir_cursor *out) {
    if (x->capacity > USUAL_CAPACITY) { /* for a large row, which is gone */
        free(x->bytes);
        x->bytes = NULL;
        x->capacity = 0;
    }
    x->used = 0;
    *rows = 0;
    weir_text_locale locale = weir_text_locale_begin();
    int status = take_rows(x, body, most < UINT32_MAX ? most : UINT32_MAX, rows);
    weir_text_locale_end(locale);
    *out = weir_cursor_over(x->bytes, x->used);
    return status;
}
