/* sqlite_record.h - a row as SQLite stores it: a record of serial types and values
 * (https://www.sqlite.org/fileformat2.html, record format).
 *
 * The record is, byte for byte, what SQLite itself would have written for the same row and columns
 * of those types. A row that SQLite would refuse, or in which it would convert a value, is not
 * written. */
#ifndef WEIR_SQLITE_RECORD_H
#define WEIR_SQLITE_RECORD_H

#include "../../lib/format/row.h"

enum {
    WEIR_VARINT_MAX = 9,
    WEIR_SERIALS_MAX = 5 * WEIR_COLUMNS_MAX, /* a length has 32 bits, and so its serial type 34 */
    WEIR_SQLITE_RECORD_SLACK = 8,            /* integers are stored as whole words */
};

/* A record in the making: serial types go to serial, and values to value, up to end. The rowid is
 * the key's value if there is a key, and otherwise what the caller put there. */
typedef struct weir_sqlite_record {
    uint8_t *serial, *value, *end;
    int64_t rowid;
} weir_sqlite_record;

typedef struct weir_sqlite_record_shape {
    unsigned columns;
    weir_type type[WEIR_COLUMNS_MAX];
    bool not_null[WEIR_COLUMNS_MAX];
} weir_sqlite_record_shape;

/* SQLite's variable-length integer: how many bytes, at most WEIR_VARINT_MAX, were written. */
unsigned weir_varint_put(uint8_t *at, uint64_t v);

/* There must be room for WEIR_SERIALS_MAX bytes of serial types, and for WEIR_SQLITE_RECORD_SLACK bytes
 * more after the end of each part. False: the row is not valid, does not fit, or SQLite would not
 * store it as it is. */
bool weir_sqlite_record_row(weir_sqlite_record *r, const weir_sqlite_record_shape *shape,
                            const uint8_t *bytes, size_t length);

/* Add one value; the caller has made sure that there is room. */
void weir_sqlite_record_integer(weir_sqlite_record *r, int64_t v);
void weir_sqlite_record_text(weir_sqlite_record *r, const char *text, size_t length);

const char *weir_schema_type(weir_type type); /* with which a column is declared in SQL */

#endif
