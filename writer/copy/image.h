/* image.h - rows as the pages of an SQLite database in memory, for SQLite to copy.
 *
 * INSERT … SELECT * between two tables of one shape, without indexes, moves whole records and never
 * takes them apart (SQLite's transfer optimization); measured with six columns, that is 80 ns a row
 * where a virtual table costs 185. So the rows of a transaction are written here as records, cells
 * and pages of SQLite's own format, version 3, as https://www.sqlite.org/fileformat2.html has it.
 *
 * SQLite sees a read-only file. Its change counter moves with each clear, as it does when another
 * process has written a file; so the next transaction drops what SQLite has cached. From BEGIN to
 * COMMIT it may keep page 1, which only a definition changes. To the other pages it comes when a
 * statement reads a table, and that is behind the seal. Where it keeps copies of them (image_file.h),
 * an image is filled and read once in a transaction; where it reads them in place, as often as one
 * likes. One thread at a time. */
#ifndef WEIR_IMAGE_H
#define WEIR_IMAGE_H

#include "../../lib/format/row.h"

enum { WEIR_IMAGE_TABLES = 64 };

typedef struct weir_image weir_image;

int weir_image_make(weir_image **out);   /* WEIR_OK or WEIR_NO_MEMORY */
void weir_image_free(weir_image *image); /* NULL is allowed */

/* What slot (0 … WEIR_IMAGE_TABLES - 1) holds from now on, as table t<slot>: columns of the
 * declared types, in order; collation and not_null: what the destination has, for each column.
 * False when there is no room for its definition, or no memory; the slot then takes no rows. Only
 * between transactions. */
typedef struct weir_image_column {
    weir_type type;
    const char *collation;
    bool not_null;
} weir_image_column;
bool weir_image_define(weir_image *image, unsigned slot, const weir_image_column *column,
                       unsigned columns);

/* Forget the rows, between transactions or where pages are read in place; definitions stay. */
void weir_image_clear(weir_image *image);

/* Write the row, as lib/format/row.h has it, behind those that the slot holds. False: it is not valid, or
 * SQLite would not store it as it stands (it would convert a value, or refuse it), its key is not
 * the greatest yet, or there is no more room; nothing has changed. */
bool weir_image_take(weir_image *image, unsigned slot, const uint8_t *bytes, size_t length);

/* It holds as much as the processor's cache keeps well: who can copy it now, should. */
bool weir_image_is_due(const weir_image *image);

/* Make what was taken readable. Until the next clear nothing more can be taken. */
void weir_image_seal(weir_image *image);

/* The file, for who reads it, always of one size. Pages are numbered from 1; NULL: nothing refers
 * to it. */
enum { WEIR_IMAGE_PAGE = 32768, WEIR_IMAGE_PAGES = 1 + WEIR_IMAGE_TABLES + 256 };
const uint8_t *weir_image_page(const weir_image *image, uint32_t number);

#endif
