/* encode.c - a row of a block as COPY BINARY, COPY TEXT or an SQL list has it. */
#include "encode.h"

const uint8_t weir_pg_binary_head[WEIR_PG_BINARY_HEAD] = "PGCOPY\n\377\r\n";
const uint8_t weir_pg_binary_end[WEIR_PG_BINARY_END] = {0xFF, 0xFF};

/* ---- COPY BINARY: numbers of the network's byte order ---------------------------------------- */

static uint8_t *put_network16(uint8_t *at, uint16_t v) {
    v = htobe16(v);
    memcpy(at, &v, sizeof v);
    return at + sizeof v;
}

static uint8_t *put_network32(uint8_t *at, uint32_t v) {
    v = htobe32(v);
    memcpy(at, &v, sizeof v);
    return at + sizeof v;
}

static uint8_t *put_network64(uint8_t *at, uint64_t v) {
    v = htobe64(v);
    memcpy(at, &v, sizeof v);
    return at + sizeof v;
}

static uint8_t *put_float(uint8_t *at, double real) {
    float narrow = (float)real;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    return put_network32(put_network32(at, sizeof bits), bits);
}

static uint8_t *put_double(uint8_t *at, double real) {
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    return put_network64(put_network32(at, sizeof bits), bits);
}

static uint8_t *put_bool(uint8_t *at, bool v) {
    at = put_network32(at, 1);
    *at = v;
    return at + 1;
}

static uint8_t *put_binary(uint8_t *at, weir_pg_kind kind, const weir_pg_cell *c) {
    if (c->form == WEIR_PG_NULL) return put_network32(at, UINT32_MAX);
    switch (kind) {
    case WEIR_PG_INT8: return put_network64(put_network32(at, 8), (uint64_t)c->integer);
    case WEIR_PG_FLOAT8: return put_double(at, c->real);
    case WEIR_PG_INT4: return put_network32(put_network32(at, 4), (uint32_t)c->integer);
    case WEIR_PG_INT2: return put_network16(put_network32(at, 2), (uint16_t)c->integer);
    case WEIR_PG_FLOAT4: return put_float(at, c->real);
    case WEIR_PG_BOOL: return put_bool(at, c->integer != 0);
    default: return weir_put_bytes(put_network32(at, c->length), c->bytes, c->length);
    }
}

/* ---- texts ----------------------------------------------------------------------------------- */

static uint8_t *put_hex(uint8_t *at, const uint8_t *bytes, size_t length) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        *at++ = (uint8_t)digits[bytes[i] >> 4];
        *at++ = (uint8_t)digits[bytes[i] & 15];
    }
    return at;
}

/* A backslash begins an escape, in lines and in E'' alike; that of \x is one of the value's own. */
uint8_t *weir_pg_put_line_hex(uint8_t *at, const uint8_t *bytes, size_t length) {
    return put_hex(weir_put_bytes(at, "\\\\x", 3), bytes, length);
}

uint8_t *weir_pg_put_line_text(uint8_t *at, const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = bytes[i];
        bool special = byte == '\\' || byte == '\n' || byte == '\r' || byte == '\t';
        if (special) *at++ = '\\';
        if (byte == '\n') byte = 'n';
        if (byte == '\r') byte = 'r';
        if (byte == '\t') byte = 't';
        *at++ = byte;
    }
    return at;
}

/* A server with backslash_quote = off takes no quote behind a backslash. */
static uint8_t *put_literal_text(uint8_t *at, const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\\' || bytes[i] == '\'') *at++ = bytes[i];
        *at++ = bytes[i];
    }
    return at;
}

static uint8_t *put_value_text(uint8_t *at, weir_pg_format format, weir_pg_kind kind,
                               const weir_pg_cell *c) {
    char digits[WEIR_PG_DIGITS];
    if (c->form == WEIR_PG_REAL || c->form == WEIR_PG_INTEGER) {
        size_t length = c->form == WEIR_PG_REAL ? weir_pg_real_text(digits, c->real)
                                                : weir_pg_integer_text(digits, c->integer);
        return weir_put_bytes(at, digits, length);
    }
    if (kind == WEIR_PG_BYTEA) return weir_pg_put_line_hex(at, c->bytes, c->length);
    return format == WEIR_PG_LINES ? weir_pg_put_line_text(at, c->bytes, c->length)
                                   : put_literal_text(at, c->bytes, c->length);
}

static uint8_t *put_line(uint8_t *at, weir_pg_kind kind, const weir_pg_cell *c) {
    return c->form == WEIR_PG_NULL ? weir_put_bytes(at, "\\N", 2)
                                   : put_value_text(at, WEIR_PG_LINES, kind, c);
}

static uint8_t *put_literal(uint8_t *at, weir_pg_kind kind, const weir_pg_cell *c) {
    if (c->form == WEIR_PG_NULL) return weir_put_bytes(at, "NULL", 4);
    at = put_value_text(weir_put_bytes(at, "E'", 2), WEIR_PG_LISTS, kind, c);
    *at = '\'';
    return at + 1;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static uint8_t *put_row_head(uint8_t *at, const weir_pg_shape *s) {
    if (s->format == WEIR_PG_BINARY) return put_network16(at, (uint16_t)(s->columns + s->numbered));
    return s->format == WEIR_PG_LISTS ? weir_put_bytes(at, ",(", 2) : at;
}

/* Between two fields. */
static inline uint8_t *put_between(uint8_t *at, const weir_pg_shape *s, unsigned index) {
    if (s->format == WEIR_PG_BINARY || !index) return at;
    *at = s->format == WEIR_PG_LISTS ? ',' : '\t';
    return at + 1;
}

static uint8_t *put_after(uint8_t *at, const weir_pg_shape *s) {
    if (s->format == WEIR_PG_BINARY) return at;
    *at = s->format == WEIR_PG_LISTS ? ')' : '\n';
    return at + 1;
}

static uint8_t *put_encoded(uint8_t *at, const weir_pg_shape *s, weir_pg_kind kind,
                            const weir_pg_cell *c) {
    if (s->format == WEIR_PG_BINARY) return put_binary(at, kind, c);
    return s->format == WEIR_PG_LINES ? put_line(at, kind, c) : put_literal(at, kind, c);
}

/* Most values are numbers, in columns that hold just those: they need no conversion. */
static inline bool put_number(uint8_t **at, weir_pg_kind kind, const weir_value *v) {
    if (v->type == WEIR_INTEGER && kind == WEIR_PG_INT8)
        *at = put_network64(put_network32(*at, 8), (uint64_t)v->as.integer);
    else if (v->type == WEIR_REAL && kind == WEIR_PG_FLOAT8)
        *at = put_double(*at, v->as.real);
    else
        return false;
    return true;
}

static const weir_pg_reason *put_converted(uint8_t **at, const weir_pg_shape *s, weir_pg_kind kind,
                                           const weir_value *v) {
    weir_pg_cell cell;
    const weir_pg_reason *reason = weir_pg_convert(kind, v, &cell);
    if (!reason) *at = put_encoded(*at, s, kind, &cell);
    return reason;
}

/* All values are parsed, also behind one that is refused: whether the bytes are a row is not to depend
 * on the server's columns. */
int weir_pg_encode_row(const weir_pg_shape *s, const uint8_t *bytes, size_t length, uint64_t number,
                       uint8_t **at, weir_pg_refusal *why) {
    weir_cursor c = weir_cursor_over(bytes, length);
    uint8_t *to = *at;
    weir_pg_cell cell;
    int status = WEIR_OK;
    bool binary = s->format == WEIR_PG_BINARY;
    (void)weir_take_u16(&c); /* the table, which the caller looked up */
    unsigned count = weir_take_u16(&c);
    const uint8_t *tags = weir_take(&c, count);
    if (!tags || count < 1 || count > s->columns) return WEIR_DAMAGED;
    to = put_row_head(to, s);
    for (unsigned i = 0; i < count; i++) {
        weir_value v;
        if (!weir_row_take_value(&c, tags[i], &v) || !weir_cursor_ok(&c)) return WEIR_DAMAGED;
        if (status != WEIR_OK) continue;
        to = put_between(to, s, i);
        if (binary && put_number(&to, s->kind[i], &v)) continue;
        const weir_pg_reason *reason = put_converted(&to, s, s->kind[i], &v);
        if (!reason) continue;
        *why = (weir_pg_refusal){reason, i};
        status = WEIR_REJECTED;
    }
    if (weir_cursor_left(&c)) return WEIR_DAMAGED;
    if (status != WEIR_OK) return status;
    cell.form = WEIR_PG_NULL;
    for (unsigned i = count; i < s->columns; i++)
        to = put_encoded(put_between(to, s, i), s, s->kind[i], &cell);
    cell.form = WEIR_PG_INTEGER;
    cell.integer = (int64_t)number;
    if (s->numbered) to = put_encoded(put_between(to, s, s->columns), s, WEIR_PG_INT8, &cell);
    *at = put_after(to, s);
    return WEIR_OK;
}
