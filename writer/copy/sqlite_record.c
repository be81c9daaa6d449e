/* sqlite_record.c - a row as SQLite stores it. */
#include "sqlite_record.h"

/* Seven bits a byte, the highest first; the ninth byte has eight. */
unsigned weir_varint_put(uint8_t *at, uint64_t v) {
    uint8_t reversed[WEIR_VARINT_MAX];
    unsigned n = 0;
    if (v < 128) {
        *at = (uint8_t)v;
        return 1;
    }
    if (v >> 56) {
        at[8] = (uint8_t)v;
        v >>= 8;
        for (unsigned i = 8; i-- > 0; v >>= 7)
            at[i] = (uint8_t)(v | 128);
        return WEIR_VARINT_MAX;
    }
    for (; v; v >>= 7)
        reversed[n++] = (uint8_t)(v | 128);
    reversed[0] &= 127;
    for (unsigned i = 0; i < n; i++)
        at[i] = reversed[n - 1 - i];
    return n;
}

static void put_serial(weir_sqlite_record *r, uint64_t type) {
    r->serial += weir_varint_put(r->serial, type);
}

/* Indexed by the number of bytes that the value needs, with its sign bit. */
static const struct {
    uint8_t serial, bytes;
} integers[9] = {{0, 0}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 6}, {5, 6}, {6, 8}, {6, 8}};

void weir_sqlite_record_integer(weir_sqlite_record *r, int64_t v) {
    if (v == 0 || v == 1) {
        *r->serial++ = (uint8_t)(8 + v);
        return;
    }
    uint64_t digits = (uint64_t)(v < 0 ? ~v : v) | 1;
    unsigned size = (unsigned)(64 - __builtin_clzll(digits) + 8) / 8; /* with a bit for the sign */
    unsigned bytes = integers[size].bytes;
    uint64_t word = htobe64((uint64_t)v << (64 - 8 * bytes));
    *r->serial++ = integers[size].serial;
    memcpy(r->value, &word, sizeof word); /* the next value overwrites the excess */
    r->value += bytes;
}

static void put_real(weir_sqlite_record *r, double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    bits = htobe64(bits);
    *r->serial++ = 7;
    memcpy(r->value, &bits, sizeof bits);
    r->value += sizeof bits;
}

#define SHORT_MOST ((int64_t)1 << 47) /* six bytes hold what is below it */

/* A column of REAL affinity stores whole numbers as integers, if six bytes hold them. */
static bool is_short_whole(double v, int64_t *whole) {
    if (!(v >= (double)-SHORT_MOST && v < (double)SHORT_MOST)) return false;
    *whole = (int64_t)v;
    return (double)*whole == v;
}

static bool put_bytes(weir_sqlite_record *r, weir_cursor *c, unsigned width, unsigned kind) {
    if (width < 1 || width > 4) return false;
    uint64_t length = weir_take_uint(c, width);
    if (length > (uint64_t)(r->end - r->value)) return false;
    const uint8_t *bytes = weir_take(c, (size_t)length);
    if (!weir_cursor_ok(c)) return false;
    put_serial(r, 2 * length + kind);
    if (length) memcpy(r->value, bytes, (size_t)length);
    r->value += length;
    return true;
}

static bool take_integer(weir_sqlite_record *r, weir_cursor *c, unsigned width, weir_type column) {
    if (width - 1 >= 8) return false;
    int64_t v = weir_take_int(c, width);
    if (column == WEIR_KEY) {
        r->rowid = v;
        *r->serial++ = 0; /* NULL: SQLite takes the rowid instead */
        return true;
    }
    if (column == WEIR_TEXT) return false;
    if (column == WEIR_REAL && (v < -SHORT_MOST || v >= SHORT_MOST))
        return false; /* it would become a real */
    weir_sqlite_record_integer(r, v);
    return true;
}

static bool store_real(weir_sqlite_record *r, weir_cursor *c, unsigned width, weir_type column,
                       bool not_null) {
    int64_t whole;
    double v;
    if (width != 8 || (column != WEIR_REAL && column != WEIR_BLOB)) return false;
    uint64_t bits = weir_take_u64(c);
    memcpy(&v, &bits, sizeof v);
    if (v != v) { /* SQLite has no NaN */
        *r->serial++ = 0;
        return !not_null;
    }
    if (column == WEIR_REAL && is_short_whole(v, &whole))
        weir_sqlite_record_integer(r, whole);
    else
        put_real(r, v);
    return true;
}

/* The column's type is its affinity. A value that the affinity would convert is not stored. */
static bool store_value(weir_sqlite_record *r, weir_cursor *c, unsigned tag, weir_type column,
                        bool not_null) {
    unsigned width = tag & 15;
    if (r->end - r->value < 8) return false;
    switch (tag >> 4) {
    case WEIR_INTEGER: return take_integer(r, c, width, column);
    case WEIR_REAL: return store_real(r, c, width, column, not_null);
    case WEIR_TEXT:
        return (column == WEIR_TEXT || column == WEIR_BLOB) && put_bytes(r, c, width, 13);
    case WEIR_BLOB: return column != WEIR_KEY && put_bytes(r, c, width, 12);
    default: *r->serial++ = 0; return tag == WEIR_NULL && !not_null && column != WEIR_KEY;
    }
}

/* A row of an older declaration may have fewer columns; the others are NULL. */
bool weir_sqlite_record_row(weir_sqlite_record *r, const weir_sqlite_record_shape *shape,
                            const uint8_t *bytes, size_t length) {
    weir_cursor c = weir_cursor_over(bytes, length);
    (void)weir_take_u16(&c); /* the table's number: the caller chose the slot by it */
    unsigned columns = weir_take_u16(&c);
    if (columns < 1 || columns > shape->columns) return false;
    const uint8_t *tags = weir_take(&c, columns);
    if (!tags) return false;
    for (unsigned i = 0; i < columns; i++)
        if (!store_value(r, &c, tags[i], shape->type[i], shape->not_null[i])) return false;
    for (unsigned i = columns; i < shape->columns; i++) {
        if (shape->not_null[i] || shape->type[i] == WEIR_KEY) return false;
        *r->serial++ = 0;
    }
    return weir_cursor_ok(&c) && weir_cursor_left(&c) == 0;
}

void weir_sqlite_record_text(weir_sqlite_record *r, const char *text, size_t length) {
    put_serial(r, 2 * (uint64_t)length + 13);
    r->value = weir_put_bytes(r->value, text, length);
}

const char *weir_schema_type(weir_type type) {
    switch (type) {
    case WEIR_INTEGER: return "INTEGER";
    case WEIR_REAL: return "REAL";
    case WEIR_TEXT: return "TEXT";
    case WEIR_KEY: return "INTEGER PRIMARY KEY";
    default: return "BLOB";
    }
}
