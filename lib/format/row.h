/* row.h - typed rows and table declarations, as bytes and back.
 *
 * A row, as in a lane's record and in a block's payload:
 *
 *     u16 table     number of the declaration, from 1; above WEIR_TABLES_MAX: of a template
 *                   (template.h), whose parameters the values then are
 *     u16 columns   n, 1 … WEIR_COLUMNS_MAX
 *     u8  tag[n]    type << 4 | width
 *     values        in column order, packed; per tag:
 *         0x00        NULL      nothing
 *         0x11…0x18   INTEGER   width bytes, little-endian two's complement, sign-extended
 *         0x28        REAL      8 bytes, IEEE 754 binary64, little-endian
 *         0x31…0x34   TEXT      length in width bytes, then so many bytes
 *         0x41…0x44   BLOB      likewise
 *
 * A row is valid if and only if its tags are of this list, its values fill it exactly, and table
 * and columns are in range. Writers use the least width; readers accept any. The tags come first,
 * together, because a column's tag rarely changes from row to row and zstd finds that at once.
 *
 * A declaration:
 *
 *     u16 table, u16 columns, u16 name length, name,
 *     per column: u8 type (1 … 5: weir_type), u16 name length, name
 *
 * A declaration is valid if and only if table and columns are in range; every name has 1 …
 * WEIR_NAME_MAX bytes, none of them zero; no two columns have names that are equal but for the case
 * of ASCII letters; types are in range; and at most one column is a WEIR_KEY.
 *
 * weir_row_size() and weir_row_encode() are in row_encode.h. */
#ifndef WEIR_ROW_H
#define WEIR_ROW_H

#include "../base/cursor.h"
#include "../base/status.h"

enum {
    WEIR_COLUMNS_MAX = 2000, /* SQLite's own default limit */
    WEIR_NAME_MAX = 1024,    /* bytes of a table's or column's name */
    WEIR_TABLES_MAX = 4096,
    WEIR_ROW_HEAD = 4,
    WEIR_ROW_SLACK = 8, /* bytes after a row that encoding it may overwrite */
    WEIR_DECLARATION_HEAD = 6,
    WEIR_COLUMN_HEAD = 3,
};

/* Parse the whole of length bytes as one row. values has room for WEIR_COLUMNS_MAX; text and blobs
 * point into bytes. False when the row is not valid; values may then hold anything. */
bool weir_row_decode(const uint8_t *bytes, size_t length, uint16_t *table, uint16_t *count,
                     weir_value *values);
/* Take the value that this tag announces. False when no row may hold it; check the cursor too. */
bool weir_row_take_value(weir_cursor *c, unsigned tag, weir_value *v);
/* The table's number, in a row or a declaration; 0 when there are no two bytes. */
static inline uint16_t weir_row_table(const uint8_t *bytes, size_t length) {
    weir_cursor c = weir_cursor_over(bytes, length);
    return weir_take_u16(&c);
}

typedef struct weir_declaration {
    uint16_t table, columns;
    char *name;          /* NUL-terminated */
    weir_column *column; /* columns of them */
} weir_declaration;      /* one allocation: free with weir_declaration_free */

/* Copy what a caller declares. MISUSE when it is not valid (see above), NO_MEMORY. *out is NULL on
 * failure. */
int weir_declaration_make(uint16_t table, const char *name, const weir_column *columns,
                          size_t count, weir_declaration **out, weir_error *error);
size_t weir_declaration_size(const weir_declaration *d);
/* at has weir_declaration_size() bytes; nothing after them is touched. Returns the end. */
uint8_t *weir_declaration_encode(uint8_t *at, const weir_declaration *d);
/* Parse one declaration and move the cursor past it. DAMAGED when the bytes are not valid,
 * NO_MEMORY; then *out is NULL. */
int weir_declaration_decode(weir_cursor *c, weir_declaration **out);
/* As SQLite compares names: ignoring the case of ASCII letters. */
bool weir_names_equal(const char *a, const char *b);
/* Same names, case included, and same types; the number may differ. */
bool weir_declaration_equal(const weir_declaration *a, const weir_declaration *b);
int weir_declaration_key(const weir_declaration *d); /* index of the WEIR_KEY column, or -1 */
void weir_declaration_free(weir_declaration *d);

#endif
