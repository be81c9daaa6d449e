/* image.h - rows as the pages of an SQLite database in memory, for SQLite to copy.
 *
 * INSERT … SELECT * between two tables of the same shape, without indexes, moves whole records and
 * never takes them apart (SQLite's transfer optimization). Measured with six columns, that takes 80
 * ns a row, and a virtual table takes 185. So the rows of a transaction are written here as
 * records, cells and pages of SQLite's own format, version 3:
 * https://www.sqlite.org/fileformat2.html.
 *
 * SQLite sees a read-only file. Its change counter moves with each clear, as the counter of a file
 * does when another process has written to it; so the next transaction drops what SQLite has
 * cached. From BEGIN to COMMIT, SQLite may keep page 1, which only a definition changes. It reads
 * the other pages when a statement reads a table, which happens after the seal. Where SQLite keeps
 * copies of them (image_vfs.h), an image can be filled and read once in a transaction; where it
 * reads them in place, any number of times. One thread at a time. */
#ifndef WEIR_IMAGE_H
#define WEIR_IMAGE_H

#include "../../lib/format/row.h"

enum { WEIR_IMAGE_TABLES = 64 };

typedef struct weir_image weir_image;

int weir_image_make(weir_image **out);   /* WEIR_OK or WEIR_NO_MEMORY */
void weir_image_free(weir_image *image); /* NULL is allowed */

/* What slot (0 … WEIR_IMAGE_TABLES - 1) holds from now on, as table t<slot>: columns of the
 * declared types, in order, with the collation and not_null of the destination's columns. False
 * when there is no room for the definition, or no memory; the slot then takes no rows. Only between
 * transactions. */
typedef struct weir_image_column {
    weir_type type;
    const char *collation;
    bool not_null;
} weir_image_column;
bool weir_image_define(weir_image *image, unsigned slot, const weir_image_column *column,
                       unsigned columns);

/* Forget the rows, but not the definitions. Between transactions, or where pages are read in
 * place. */
void weir_image_clear(weir_image *image);

/* Add the row, encoded as lib/format/row.h says, after those that the slot holds. False, and
 * nothing has changed: it is not valid; SQLite would not store it as it is, but convert a value or
 * refuse it; its key is not greater than all before; or there is no more room. */
bool weir_image_take(weir_image *image, unsigned slot, const uint8_t *bytes, size_t length);

/* It holds as much as the processor's cache keeps well. If it can be copied now, it should be. */
bool weir_image_is_due(const weir_image *image);

/* Make what was taken readable. Until the next clear nothing more can be taken. */
void weir_image_seal(weir_image *image);

/* A page of the file, which always has the same size. Pages are numbered from 1; NULL: nothing
 * refers to the page. */
enum { WEIR_IMAGE_PAGE = 32768, WEIR_IMAGE_PAGES = 1 + WEIR_IMAGE_TABLES + 256 };
const uint8_t *weir_image_page(const weir_image *image, uint32_t number);

#endif
