/* template.c - templates, both ways, and the collection of them. */
#include "template.h"

#include <stdlib.h>

#include "conversion.h"
#include "row_encode.h"

/* ---- from sources to bytes ---- */

static size_t source_size(const weir_source *s) {
    switch (s->kind) {
    case WEIR_SOURCE_CONSTANT: {
        int status =
            WEIR_OK; /* a value that cannot be stored has a tag alone, and fails decoding */
        size_t row = weir_row_size(&s->constant, 1, &status);
        return row ? row - WEIR_ROW_HEAD + 1 : 2;
    }
    case WEIR_SOURCE_PARAMETER: return 3;
    default: return 5 + s->length;
    }
}

static uint8_t *encode_source(uint8_t *at, const weir_source *s) {
    *at++ = (uint8_t)s->kind;
    if (s->kind == WEIR_SOURCE_CONSTANT) {
        uint8_t *tag = at;
        return weir_values_encode(at + 1, &tag, &s->constant, 1);
    }
    at = weir_put_u16(at, s->first);
    if (s->kind == WEIR_SOURCE_PARAMETER) return at;
    at = weir_put_u16(at, s->kind == WEIR_SOURCE_FORMAT ? (uint16_t)s->length : s->count);
    return weir_put_bytes(at, s->bytes, s->length);
}

size_t weir_template_encode(uint8_t *at, uint16_t number, uint16_t parameters, uint16_t table,
                            const weir_source *sources, uint16_t columns) {
    size_t size = WEIR_TEMPLATE_HEAD;
    for (unsigned i = 0; i < columns; i++)
        size += source_size(&sources[i]);
    if (!at) return size + WEIR_ROW_SLACK; /* a value's last word may go over its end */
    at = weir_put_u16(at, number);
    at = weir_put_u16(at, parameters);
    at = weir_put_u16(at, table);
    at = weir_put_u16(at, columns);
    for (unsigned i = 0; i < columns; i++)
        at = encode_source(at, &sources[i]);
    return size;
}

/* ---- and back ---- */

static bool take_name_of(weir_cursor *c, const char **name, size_t *length) {
    *length = weir_take_u16(c);
    *name = (const char *)weir_take(c, *length);
    return *name && *length >= 1 && *length <= WEIR_NAME_MAX && !memchr(*name, 0, *length);
}

bool weir_source_next_name(weir_cursor *names, const char **name, size_t *length) {
    return weir_cursor_left(names) > 0 && take_name_of(names, name, length);
}

static bool take_format(weir_cursor *c, unsigned parameters, weir_source *s) {
    s->length = weir_take_u16(c);
    s->bytes = (const char *)weir_take(c, s->length);
    if (!weir_cursor_ok(c) || s->length > WEIR_FORMAT_MAX || memchr(s->bytes, 0, s->length))
        return false;
    int values = weir_format_values(s->bytes, s->length, &s->pieces);
    return values >= 0 && s->first + (unsigned)values <= parameters;
}

static bool take_names(weir_cursor *c, unsigned parameters, weir_source *s) {
    const char *name;
    size_t length;
    s->count = weir_take_u16(c);
    if (s->count < 1 || s->first + (unsigned)s->count > parameters) return false;
    s->bytes = (const char *)c->at;
    for (unsigned i = 0; i < s->count; i++)
        if (!take_name_of(c, &name, &length)) return false;
    s->length = (size_t)((const char *)c->at - s->bytes);
    return true;
}

static bool take_source(weir_cursor *c, unsigned parameters, weir_source *s) {
    *s = (weir_source){.kind = (weir_source_kind)weir_take_u8(c)};
    if (s->kind == WEIR_SOURCE_CONSTANT)
        return weir_row_take_value(c, weir_take_u8(c), &s->constant) && weir_cursor_ok(c);
    s->first = weir_take_u16(c);
    if (!weir_cursor_ok(c)) return false;
    switch (s->kind) {
    case WEIR_SOURCE_PARAMETER: return s->first < parameters;
    case WEIR_SOURCE_FORMAT: return take_format(c, parameters, s);
    case WEIR_SOURCE_OBJECT: return take_names(c, parameters, s);
    default: return false;
    }
}

static bool take_template_head(weir_cursor *c, weir_template *t) {
    t->number = weir_take_u16(c);
    t->parameters = weir_take_u16(c);
    t->table = weir_take_u16(c);
    t->columns = weir_take_u16(c);
    return weir_cursor_ok(c) && t->number >= WEIR_TEMPLATE_FIRST && t->parameters >= 1 &&
           t->parameters <= WEIR_COLUMNS_MAX && t->table >= 1 && t->table <= WEIR_TABLES_MAX &&
           t->columns >= 1 && t->columns <= WEIR_COLUMNS_MAX;
}

/* Walks a template without keeping it. pieces: of all its formats. */
static bool measure_template(weir_cursor c, weir_template *head, size_t *pieces) {
    const uint8_t *from = c.at;
    weir_source source;
    if (!take_template_head(&c, head)) return false;
    *pieces = 0;
    for (unsigned i = 0; i < head->columns; i++) {
        if (!take_source(&c, head->parameters, &source)) return false;
        *pieces += source.pieces;
    }
    head->length = (size_t)(c.at - from);
    return true;
}

/* Read each format once, not for each row. The formats were measured, so none has more pieces. */
static void read_formats(weir_template *t, weir_conversion *piece) {
    for (unsigned i = 0; i < t->columns; i++) {
        weir_source *s = &t->source[i];
        if (s->kind != WEIR_SOURCE_FORMAT) continue;
        const char *at = s->bytes, *end = s->bytes + s->length;
        s->piece = piece;
        for (size_t k = 0; k < s->pieces && weir_conversion_next(&at, end, piece) == 1; k++)
            piece++;
    }
}

/* One allocation for the template, its sources, the pieces of its formats and its bytes. A format has
 * no more pieces than bytes, so there are 2000 × 4096 of them at most: no overflow. */
int weir_template_decode(weir_cursor *c, weir_template **out) {
    weir_template head;
    size_t count;
    *out = NULL;
    if (!measure_template(*c, &head, &count)) return WEIR_DAMAGED;
    size_t sources = head.columns * sizeof(weir_source), pieces = count * sizeof(weir_conversion);
    weir_template *t = malloc(sizeof *t + sources + pieces + head.length);
    if (!t) return WEIR_NO_MEMORY;
    *t = head;
    weir_conversion *piece = (weir_conversion *)((uint8_t *)t + sizeof *t + sources);
    uint8_t *bytes = (uint8_t *)piece + pieces;
    memcpy(bytes, weir_take(c, head.length), head.length); /* measured: they are there */
    t->bytes = bytes;
    weir_cursor own = weir_cursor_over(bytes, head.length);
    (void)take_template_head(&own, t); /* as measured, and so the sources: all are taken */
    for (unsigned i = 0; i < t->columns && take_source(&own, t->parameters, &t->source[i]); i++)
        continue;
    read_formats(t, piece);
    *out = t;
    return WEIR_OK;
}

bool weir_template_equal(const weir_template *a, const weir_template *b) {
    return a->length == b->length && memcmp(a->bytes + 2, b->bytes + 2, a->length - 2) == 0;
}

void weir_template_free(weir_template *t) { free(t); }

/* ---- many of them ---- */

int weir_templates_keep(weir_templates *all, weir_template *t) {
    size_t at = t->number - (size_t)WEIR_TEMPLATE_FIRST;
    if (at >= all->count) {
        size_t wanted = 2 * at + 16; /* numbers have 16 bits: no overflow */
        weir_template **larger = realloc(all->list, wanted * sizeof *larger);
        if (!larger) {
            weir_template_free(t);
            return WEIR_NO_MEMORY;
        }
        memset(larger + all->count, 0, (wanted - all->count) * sizeof *larger);
        all->list = larger;
        all->count = wanted;
    }
    all->held += all->list[at] == NULL;
    weir_template_free(all->list[at]);
    all->list[at] = t;
    return WEIR_OK;
}

const weir_template *weir_templates_find(const weir_templates *all, uint16_t number) {
    size_t at = number - (size_t)WEIR_TEMPLATE_FIRST; /* below it: a number above all counts */
    return at < all->count ? all->list[at] : NULL;
}

void weir_templates_free(weir_templates *all) {
    for (size_t i = 0; i < all->count; i++)
        weir_template_free(all->list[i]);
    free(all->list);
    *all = (weir_templates){0};
}
