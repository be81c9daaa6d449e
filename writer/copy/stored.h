/* stored.h - a row as SQLite stores it: a record of serial types and values, as
 * https://www.sqlite.org/fileformat2.html (record format) has it.
 *
 * What is written is what SQLite itself would have written of the same row into columns of those
 * types, byte for byte; a row of which SQLite would convert a value, or which it would refuse, is
 * not written. */
#ifndef WEIR_STORED_H
#define WEIR_STORED_H

#include "../../lib/format/row.h"

enum {
    WEIR_VARINT_MAX = 9,
    WEIR_SERIALS_MAX = 5 * WEIR_COLUMNS_MAX, /* a length has 32 bits, and its serial type 34 */
    WEIR_STORED_SLACK = 8,                   /* integers are stored as whole words */
};

/* A record in the making: serial types here, values there, up to end. The rowid is the key's value
 * where there is a key, else what the caller put there. */
typedef struct weir_stored {
    uint8_t *serial, *value, *end;
    int64_t rowid;
} weir_stored;

typedef struct weir_stored_shape {
    unsigned columns;
    weir_type type[WEIR_COLUMNS_MAX];
    bool not_null[WEIR_COLUMNS_MAX];
} weir_stored_shape;

/* SQLite's variable-length integer: how many bytes, at most WEIR_VARINT_MAX, were written. */
unsigned weir_varint_put(uint8_t *at, uint64_t v);

/* Room: WEIR_SERIALS_MAX for serial types; each has WEIR_STORED_SLACK behind its end. False: the
 * row is not valid, does not fit, or would not be stored as it stands. */
bool weir_stored_row(weir_stored *r, const weir_stored_shape *shape, const uint8_t *bytes,
                     size_t length);

/* One value more; the caller has the room. */
void weir_stored_integer(weir_stored *r, int64_t v);
void weir_stored_text(weir_stored *r, const char *text, size_t length);

const char *weir_schema_type(weir_type type); /* what a column of it is declared as */

#endif
