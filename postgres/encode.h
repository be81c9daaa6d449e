/* encode.h - a row of a block as COPY BINARY, COPY TEXT or an SQL list has it. Knows no server. */
#ifndef WEIR_PG_ENCODE_H
#define WEIR_PG_ENCODE_H

#include "../lib/format/row.h"
#include "convert.h"

typedef enum weir_pg_format {
    WEIR_PG_BINARY, /* for columns of which each has a kind of its own, domains excluded */
    WEIR_PG_LINES,  /* COPY TEXT: the server reads every value by its column's type */
    WEIR_PG_LISTS,  /* ",(E'…',NULL)" for INSERT … VALUES: the same texts as literals */
} weir_pg_format;

/* How rows of one declaration are encoded. */
typedef struct weir_pg_shape {
    weir_pg_format format;
    uint16_t columns;    /* declared; a row may have fewer, whose rest is NULL */
    bool numbered;       /* one more field, the row's number */
    const uint8_t *kind; /* weir_pg_kind of each column */
} weir_pg_shape;

/* Why a row is refused: a column cannot have its value. */
typedef struct weir_pg_refusal {
    const weir_pg_reason *reason;
    unsigned column;
} weir_pg_refusal;

/* Bytes that are enough for a row of this length. */
static inline size_t weir_pg_row_room(const weir_pg_shape *s, size_t length) {
    return 2 * length + ((size_t)s->columns + 2) * (WEIR_PG_DIGITS + 8);
}

/* Encode the row at *at, which has weir_pg_row_room() bytes, and move it. WEIR_OK; WEIR_REJECTED: why
 * says it; WEIR_DAMAGED: these bytes are no row. */
int weir_pg_encode_row(const weir_pg_shape *s, const uint8_t *bytes, size_t length, uint64_t number,
                       uint8_t **at, weir_pg_refusal *why);

/* Before and after the rows of a COPY BINARY. */
enum { WEIR_PG_BINARY_HEAD = 19, WEIR_PG_BINARY_END = 2 };
extern const uint8_t weir_pg_binary_head[WEIR_PG_BINARY_HEAD];
extern const uint8_t weir_pg_binary_end[WEIR_PG_BINARY_END];

/* Each returns the end. Of so many bytes as a field of a COPY TEXT: at most twice as many; as \x and
 * hexadecimal digits, for a field of a COPY TEXT: twice as many and three. */
uint8_t *weir_pg_put_line_text(uint8_t *at, const uint8_t *bytes, size_t length);
uint8_t *weir_pg_put_line_hex(uint8_t *at, const uint8_t *bytes, size_t length);

#endif
