/* tables.c - collecting declarations, and writing them out again. */
#include "tables.h"

#include <stdlib.h>
#include <string.h>

/* Of the declaration with that number, or of where it would be. */
static size_t place_of(const weir_tables *t, uint16_t table) {
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->list[middle]->table < table)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Takes d over, also on failure. */
static int keep_declaration(weir_tables *t, weir_declaration *d) {
    size_t at = place_of(t, d->table);
    if (at < t->count && t->list[at]->table == d->table) {
        weir_declaration_free(t->list[at]);
        t->list[at] = d;
        return WEIR_OK;
    }
    if (t->count == t->capacity) {
        size_t wanted = t->capacity * 2 + 16; /* table numbers are 16 bits wide: no overflow */
        weir_declaration **larger = realloc(t->list, wanted * sizeof *larger);
        if (!larger) {
            weir_declaration_free(d);
            return WEIR_NO_MEMORY;
        }
        t->list = larger;
        t->capacity = wanted;
    }
    memmove(t->list + at + 1, t->list + at, (t->count - at) * sizeof *t->list);
    t->list[at] = d;
    t->count++;
    return WEIR_OK;
}

static int merge_one(weir_tables *t, weir_cursor *body) {
    if (weir_declares_template(*body)) {
        weir_template *template;
        int status = weir_template_decode(body, &template);
        return status == WEIR_OK ? weir_templates_keep(&t->templates, template) : status;
    }
    weir_declaration *d;
    int status = weir_declaration_decode(body, &d);
    return status == WEIR_OK ? keep_declaration(t, d) : status;
}

int weir_tables_merge(weir_tables *t, weir_cursor body) {
    uint32_t count = weir_take_u32(&body);
    for (uint32_t i = 0; i < count; i++) {
        int status = merge_one(t, &body);
        if (status != WEIR_OK) return status;
    }
    return weir_cursor_ok(&body) && weir_cursor_left(&body) == 0 ? WEIR_OK : WEIR_DAMAGED;
}

void weir_tables_free(weir_tables *t) {
    for (size_t i = 0; i < t->count; i++)
        weir_declaration_free(t->list[i]);
    free(t->list);
    weir_templates_free(&t->templates);
    *t = (weir_tables){0};
}

const weir_declaration *weir_tables_find(const weir_tables *t, uint16_t number) {
    size_t at = place_of(t, number);
    return at < t->count && t->list[at]->table == number ? t->list[at] : NULL;
}

unsigned weir_tables_width(const weir_tables *t, uint16_t number) {
    if (number <= WEIR_TABLES_MAX) {
        const weir_declaration *d = weir_tables_find(t, number);
        return d ? d->columns : 0;
    }
    const weir_template *template = weir_templates_find(&t->templates, number);
    if (!template) return 0;
    const weir_declaration *of = weir_tables_find(t, template->table);
    return of && template->columns <= of->columns ? template->parameters : 0;
}

int weir_tables_payload(const weir_tables *t, const weir_drained *drained, uint8_t **payload,
                        size_t *bytes) {
    size_t size = weir_payload_head_size(drained->count) + 4;
    for (size_t i = 0; i < t->count; i++)
        size += weir_declaration_size(t->list[i]);
    const weir_templates *templates = &t->templates;
    for (size_t i = 0; i < templates->count; i++)
        if (templates->list[i]) size += templates->list[i]->length;
    uint8_t *at = malloc(size);
    if (!at) return WEIR_NO_MEMORY;
    *payload = at;
    *bytes = size;
    at = weir_payload_head_encode(at, drained->ring, drained->marks, drained->count);
    at = weir_put_u32(at, (uint32_t)(t->count + templates->held));
    for (size_t i = 0; i < t->count; i++)
        at = weir_declaration_encode(at, t->list[i]);
    for (size_t i = 0; i < templates->count; i++)
        if (templates->list[i])
            at = weir_put_bytes(at, templates->list[i]->bytes, templates->list[i]->length);
    return WEIR_OK;
}
