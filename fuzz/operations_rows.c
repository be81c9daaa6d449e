/* operations_rows.c - rows of any type and size, which whoever reads them back can check. */
#include <string.h>

#include "operations.h"

enum { PATTERN = 1 << 16 };

/* Half of it can be compressed, half cannot. */
static const uint8_t *pattern(void) {
    static uint8_t bytes[PATTERN];
    uint64_t x = 88172645463325252u;
    if (bytes[0]) return bytes;
    for (size_t i = 0; i < PATTERN; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        bytes[i] = i < PATTERN / 2 ? (uint8_t)('a' + i / 61 % 26) : (uint8_t)x;
    }
    return bytes;
}

static uint32_t mix(uint32_t seed, uint32_t salt) {
    uint64_t x = ((uint64_t)seed << 32 | salt) * 0x9E3779B97F4A7C15u;
    return (uint32_t)((x ^ x >> 29) * 0xBF58476D1CE4E5B9u >> 32);
}

static weir_value bytes_value(uint32_t x) {
    /* The last is more than half a lane: refused. */
    static const uint32_t sizes[] = {0,  1,   2,   3,   7,    8,    23,    24,
                                     63, 127, 128, 255, 4096, 9000, 30000, 33000};
    uint32_t large = x >> 8 & 7; /* the large ones seldom, since a lane holds two of them */
    uint32_t size = sizes[large ? x >> 4 & 7 : x >> 4 & 15];
    const uint8_t *from = pattern() + (x >> 12) % (PATTERN - 33000);
    return x & 1 ? weir_text_n((const char *)from, size) : weir_blob(from, size);
}

static weir_value any_value(uint32_t x) {
    double real;
    uint64_t bits = (uint64_t)x * 0x9E3779B97F4A7C15u;
    switch (x >> 1 & 7) {
    case 0: return weir_null();
    case 1: return weir_int((int64_t)bits >> (x >> 4 & 63)); /* of every length */
    case 2: return weir_int(x & 16 ? INT64_MIN : INT64_MAX);
    case 3: memcpy(&real, &bits, sizeof real); return weir_real(real); /* NaN and all */
    default: return bytes_value(x);
    }
}

/* "n" and "seed", then as many as the shape has; the life's own table is the one with two columns. */
size_t operations_columns(unsigned shape, weir_column *columns) {
    static const char *const names[] = {"n", "seed", "select", "b\"", "c'", "\xFF"};
    static const weir_type types[] = {WEIR_INTEGER, WEIR_REAL, WEIR_TEXT, WEIR_BLOB};
    size_t count = 3 + shape % (SHAPE_COLUMNS - 2);
    for (unsigned i = 0; i < count; i++)
        columns[i] = (weir_column){names[i], i < 2 ? WEIR_INTEGER : types[(shape + i) % 4]};
    return count;
}

void operations_values(unsigned shape, uint32_t n, uint32_t seed, weir_value *values) {
    weir_column columns[SHAPE_COLUMNS];
    size_t count = operations_columns(shape, columns);
    values[0] = weir_int(n);
    values[1] = weir_int((int64_t)seed << 8 | shape);
    for (size_t i = 2; i < count; i++)
        values[i] = any_value(mix(seed + n, (uint32_t)i));
}

static bool is_same(const weir_value *a, const weir_value *b) {
    if (a->type != b->type) return false;
    if (a->type == WEIR_NULL) return true;
    if (a->type != WEIR_TEXT && a->type != WEIR_BLOB)
        return memcmp(&a->as.integer, &b->as.integer, sizeof a->as.integer) == 0;
    return a->length == b->length &&
           (a->length == 0 || memcmp(a->as.bytes, b->as.bytes, a->length) == 0);
}

bool operations_judge(const weir_value *values, uint16_t count) {
    weir_column columns[SHAPE_COLUMNS];
    weir_value wanted[SHAPE_COLUMNS];
    if (count < 3 || values[0].type != WEIR_INTEGER || values[1].type != WEIR_INTEGER) return false;
    unsigned shape = (unsigned)(values[1].as.integer & 0xFF);
    if (shape >= SHAPES || operations_columns(shape, columns) != count) return false;
    operations_values(shape, (uint32_t)values[0].as.integer, (uint32_t)(values[1].as.integer >> 8),
                      wanted);
    for (uint16_t i = 0; i < count; i++)
        if (!is_same(&values[i], &wanted[i])) return false;
    return true;
}
