/* values_read.c - the values of one column out of a plan that may be anything. */
#include <string.h>

#include "values.h"

/* ---- texts ---- */

/* One number of the dictionary's index costs a pointer and a length of memory, and it may not cost
 * more than that: there are no more entries than texts. */
static void take_dictionary(weir_plan_reader *plan, uint32_t count, weir_packed_texts *t,
                            uint32_t type) {
    weir_plan_numbers lengths;
    uint32_t entries = weir_take_u32(&plan->plan);
    if (entries > count || entries > WEIR_PACKED_ENTRIES) {
        weir_plan_refuse(plan, WEIR_DAMAGED);
        return;
    }
    weir_plan_take_numbers(plan, entries, &lengths);
    weir_cursor bytes = weir_plan_take_stream(plan);
    weir_value *entry = weir_plan_room(plan, entries, sizeof *entry);
    for (uint32_t i = 0; entry && plan->status == WEIR_OK && i < entries; i++) {
        uint64_t length = weir_plan_next(&lengths);
        const uint8_t *at = length <= UINT32_MAX ? weir_take(&bytes, (size_t)length) : NULL;
        if (!at) {
            weir_plan_refuse(plan, WEIR_DAMAGED);
            return;
        }
        entry[i] = weir_bytes_of_(type, at, (size_t)length);
    }
    if (weir_cursor_left(&bytes)) weir_plan_refuse(plan, WEIR_DAMAGED);
    t->entries = entry;
    t->entry_count = entry ? entries : 0;
    weir_plan_take_numbers(plan, count, &t->indexes);
}

static void take_texts(weir_plan_reader *plan, uint32_t count, weir_packed_texts *t,
                       uint32_t type) {
    if (count == 0) return;
    t->form = weir_take_u8(&plan->plan);
    if (t->form == WEIR_PACKED_TEXTS_PLAIN) {
        weir_plan_take_numbers(plan, count, &t->lengths);
        t->bytes = weir_plan_take_stream(plan);
    } else if (t->form == WEIR_PACKED_TEXTS_DICTIONARY) {
        take_dictionary(plan, count, t, type);
    } else {
        weir_plan_refuse(plan, WEIR_DAMAGED);
    }
}

static bool next_text(weir_packed_texts *t, uint32_t type, weir_value *out) {
    if (t->form == WEIR_PACKED_TEXTS_DICTIONARY) {
        uint64_t i = weir_plan_next(&t->indexes);
        if (i >= t->entry_count) return false;
        *out = t->entries[i];
        return true;
    }
    uint64_t length = weir_plan_next(&t->lengths);
    if (length > weir_cursor_left(&t->bytes)) return false;
    *out = weir_bytes_of_(type, weir_take(&t->bytes, (size_t)length), (size_t)length);
    return true;
}

/* ---- a column ---- */

/* How many values there are of each type; a copy of the types is read for that. */
static void count_types(weir_plan_reader *plan, const weir_packed_source *s, uint32_t rows,
                        uint32_t counts[5]) {
    if (s->type <= WEIR_BLOB) counts[s->type] = rows;
    weir_plan_numbers types = s->types;
    for (uint32_t i = 0; i < types.count; i++) {
        uint64_t type = weir_plan_next(&types);
        if (type <= WEIR_BLOB)
            counts[type]++;
        else
            weir_plan_refuse(plan, WEIR_DAMAGED);
    }
}

void weir_packed_source_take(weir_plan_reader *plan, uint32_t rows, weir_packed_source *s) {
    uint32_t counts[5] = {0};
    *s = (weir_packed_source){.type = weir_take_u8(&plan->plan)};
    if (s->type == WEIR_PACKED_MIXED)
        weir_plan_take_numbers(plan, rows, &s->types);
    else if (s->type > WEIR_BLOB)
        weir_plan_refuse(plan, WEIR_DAMAGED);
    count_types(plan, s, rows, counts);
    weir_plan_take_numbers(plan, counts[WEIR_INTEGER], &s->integers);
    if (counts[WEIR_REAL]) {
        s->scale.form = weir_take_u8(&plan->plan);
        s->scale.digits = weir_take_u8(&plan->plan);
        if (!weir_packed_scale_is_valid(s->scale)) weir_plan_refuse(plan, WEIR_DAMAGED);
        weir_plan_take_numbers(plan, counts[WEIR_REAL], &s->reals);
    }
    take_texts(plan, counts[WEIR_TEXT], &s->texts[0], WEIR_TEXT);
    take_texts(plan, counts[WEIR_BLOB], &s->texts[1], WEIR_BLOB);
}

bool weir_packed_source_next(weir_packed_source *s, weir_value *out) {
    uint64_t bits, type = s->type == WEIR_PACKED_MIXED ? weir_plan_next(&s->types) : s->type;
    switch (type) {
    case WEIR_NULL: *out = weir_null(); return true;
    case WEIR_INTEGER: *out = weir_int((int64_t)weir_plan_next(&s->integers)); return true;
    case WEIR_REAL:
        *out = weir_real(0);
        if (!weir_packed_real(s->scale, weir_plan_next(&s->reals), &bits)) return false;
        memcpy(&out->as.real, &bits, sizeof bits);
        return true;
    case WEIR_TEXT:
    case WEIR_BLOB: return next_text(&s->texts[type - WEIR_TEXT], (uint32_t)type, out);
    default: return false;
    }
}

bool weir_packed_source_done(const weir_packed_source *s) {
    return weir_cursor_left(&s->texts[0].bytes) == 0 && weir_cursor_left(&s->texts[1].bytes) == 0;
}
