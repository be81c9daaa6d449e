/* values_write.c - the values of one column into a plan. */
#include <string.h>
#include <xxhash.h>

#include "values_write.h"

enum { REPEATED = 4 }; /* how often each text comes, on average, where a dictionary is worth it */

void weir_packed_values_add(weir_packed_values *values, const weir_value *v) {
    uint64_t number = (uint64_t)v->as.integer;
    weir_pack_uint(&values->numbers[0], v->type, 8);
    switch (v->type) {
    case WEIR_INTEGER: break;
    case WEIR_REAL: memcpy(&number, &v->as.real, sizeof number); break;
    case WEIR_TEXT:
    case WEIR_BLOB:
        number = v->length;
        weir_pack_bytes(&values->bytes[v->type], v->as.bytes, v->length);
        break;
    default: return;
    }
    weir_pack_uint(&values->numbers[v->type], number, 8);
}

void weir_packed_values_free(weir_packed_values *values) {
    for (size_t i = 0; i < 5; i++) {
        weir_pack_buffer_free(&values->numbers[i]);
        weir_pack_buffer_free(&values->bytes[i]);
    }
}

/* Numbers were stored as the format has them, and this machine's order may be another. */
static uint64_t *numbers_of(weir_pack_buffer *b, size_t *count) {
    *count = b->count / sizeof(uint64_t);
    uint64_t *numbers = (uint64_t *)(void *)b->bytes;
    for (size_t i = 0; i < *count; i++)
        numbers[i] = le64toh(numbers[i]);
    return numbers;
}

/* ---- texts ---- */

typedef struct dictionary {
    uint32_t *slots; /* number of the entry + 1; 0: none */
    size_t mask;
    uint64_t *indexes;                        /* of each text */
    weir_pack_buffer entries, lengths, bytes; /* entries: where in bytes each begins */
    size_t count;
} dictionary;

static uint64_t entry_at(const weir_pack_buffer *b, size_t i) {
    weir_cursor c = weir_cursor_over(b->bytes + i * sizeof(uint64_t), sizeof(uint64_t));
    return weir_take_u64(&c);
}

/* The number of this text's entry. */
static uint64_t enter_text(dictionary *d, const uint8_t *text, uint64_t length) {
    size_t at = (size_t)XXH3_64bits(text, (size_t)length) & d->mask;
    for (; d->slots[at]; at = (at + 1) & d->mask) {
        size_t i = d->slots[at] - 1;
        if (entry_at(&d->lengths, i) == length &&
            (length == 0 ||
             memcmp(d->bytes.bytes + entry_at(&d->entries, i), text, (size_t)length) == 0))
            return i;
    }
    weir_pack_uint(&d->entries, d->bytes.count, 8);
    weir_pack_uint(&d->lengths, length, 8);
    weir_pack_bytes(&d->bytes, text, (size_t)length);
    d->slots[at] = (uint32_t)++d->count;
    return d->count - 1;
}

/* false: there are too many different ones, or no memory. */
static bool fill_dictionary(dictionary *d, const uint64_t *lengths, size_t count,
                            const uint8_t *bytes) {
    size_t most = count / REPEATED, room = 16;
    if (most > WEIR_PACKED_ENTRIES) most = WEIR_PACKED_ENTRIES;
    while (room < 2 * (most + 1))
        room *= 2;
    d->mask = room - 1;
    d->slots = calloc(room, sizeof *d->slots);
    d->indexes = calloc(count + 1, sizeof *d->indexes);
    if (!d->slots || !d->indexes) return false;
    for (size_t i = 0; i < count && d->count <= most; i++) {
        d->indexes[i] = enter_text(d, bytes, lengths[i]);
        bytes += lengths[i];
        if (d->entries.failed || d->lengths.failed || d->bytes.failed) return false;
    }
    return d->count > 0 && d->count <= most;
}

static void put_dictionary(weir_plan_writer *plan, dictionary *d, size_t count) {
    size_t entries;
    uint64_t *lengths = numbers_of(&d->lengths, &entries);
    weir_pack_uint(&plan->plan, WEIR_PACKED_TEXTS_DICTIONARY, 1);
    weir_pack_uint(&plan->plan, entries, 4);
    weir_plan_put_numbers(plan, lengths, entries);
    weir_plan_put_stream(plan, d->bytes.bytes, d->bytes.count);
    weir_plan_put_numbers(plan, d->indexes, count);
}

static void put_texts(weir_plan_writer *plan, weir_pack_buffer *lengths_le,
                      const weir_pack_buffer *bytes) {
    size_t count;
    uint64_t *lengths = numbers_of(lengths_le, &count);
    dictionary d = {0};
    if (fill_dictionary(&d, lengths, count, bytes->bytes)) {
        put_dictionary(plan, &d, count);
    } else {
        weir_pack_uint(&plan->plan, WEIR_PACKED_TEXTS_PLAIN, 1);
        weir_plan_put_numbers(plan, lengths, count);
        weir_plan_put_stream(plan, bytes->bytes, bytes->count);
    }
    free(d.slots);
    free(d.indexes);
    weir_pack_buffer_free(&d.entries);
    weir_pack_buffer_free(&d.lengths);
    weir_pack_buffer_free(&d.bytes);
}

/* ---- a column ---- */

static void put_reals(weir_plan_writer *plan, weir_pack_buffer *bits) {
    size_t count;
    uint64_t *numbers = numbers_of(bits, &count);
    weir_packed_scale scale = weir_packed_scale_reals(numbers, count);
    weir_pack_uint(&plan->plan, scale.form, 1);
    weir_pack_uint(&plan->plan, scale.digits, 1);
    weir_plan_put_numbers(plan, numbers, count);
}

static void put_types(weir_plan_writer *plan, weir_pack_buffer *types_le) {
    size_t count;
    uint64_t *types = numbers_of(types_le, &count);
    bool mixed = false;
    for (size_t i = 1; i < count; i++)
        mixed |= types[i] != types[0];
    weir_pack_uint(&plan->plan, mixed ? WEIR_PACKED_MIXED : types[0], 1);
    if (mixed) weir_plan_put_numbers(plan, types, count);
}

void weir_packed_values_put(weir_packed_values *v, weir_plan_writer *plan) {
    for (size_t i = 0; i < 5; i++)
        if (v->numbers[i].failed || v->bytes[i].failed) plan->plan.failed = true;
    if (plan->plan.failed || v->numbers[0].count == 0) return;
    size_t count;
    put_types(plan, &v->numbers[0]);
    if (v->numbers[WEIR_INTEGER].count) {
        uint64_t *integers = numbers_of(&v->numbers[WEIR_INTEGER], &count);
        weir_plan_put_numbers(plan, integers, count);
    }
    if (v->numbers[WEIR_REAL].count) put_reals(plan, &v->numbers[WEIR_REAL]);
    for (unsigned type = WEIR_TEXT; type <= WEIR_BLOB; type++)
        if (v->numbers[type].count) put_texts(plan, &v->numbers[type], &v->bytes[type]);
}
