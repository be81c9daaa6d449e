/* columns.h - columns of values, wherever they stand: a buffer, a sequence, an Arrow array. */
#ifndef WEIR_PYTHON_COLUMNS_H
#define WEIR_PYTHON_COLUMNS_H

#include "binding.h"

typedef enum source_kind {
    SOURCE_NULL,
    SOURCE_INT8,
    SOURCE_INT16,
    SOURCE_INT32,
    SOURCE_INT64,
    SOURCE_UINT8,
    SOURCE_UINT16,
    SOURCE_UINT32,
    SOURCE_UINT64,
    SOURCE_HALF,
    SOURCE_FLOAT,
    SOURCE_DOUBLE,
    SOURCE_BOOL,  /* a byte */
    SOURCE_BIT,   /* Arrow's */
    SOURCE_BYTES, /* of fixed length, NULs at the end do not count */
    SOURCE_UCS4,  /* of fixed length, as numpy has text */
    SOURCE_OFFSET32,
    SOURCE_OFFSET64, /* Arrow's texts and blobs: offsets into data */
    SOURCE_VIEW,     /* Arrow's views */
    SOURCE_INDEX,    /* Arrow's dictionaries: index is a source of its own */
    SOURCE_VALUES,   /* weir_value, made before */
} source_kind;

/* A part of a column. */
typedef struct source {
    source_kind kind;
    size_t count;
    const char *data; /* of the first value; or offsets, or views */
    ptrdiff_t stride;
    size_t item;          /* bytes of a value of fixed length */
    uint32_t type;        /* WEIR_TEXT or WEIR_BLOB, of what has offsets */
    int64_t factor;       /* integers are multiplied with it; 0: they are not */
    const uint8_t *valid; /* Arrow's bitmap, or NULL */
    size_t first;         /* bit of the first value in it, and in bits */
    const char *mask;     /* bytes: not 0 is NULL; or NULL */
    ptrdiff_t mask_stride;
    const char *text; /* where offsets lead */
    size_t text_bytes;
    const void *const *buffers;        /* where views lead */
    struct source *index, *dictionary; /* owned */
    char *scratch;                     /* owned: UTF-8 of a chunk of SOURCE_UCS4 */
    weir_value *values;                /* owned: of SOURCE_VALUES */
} source;

typedef struct column {
    source *parts; /* owned */
    size_t count, room;
    size_t at, done; /* the part that is read, and values of it that are */
} column;

typedef struct owned_arrow owned_arrow;

/* Columns of one call, and what keeps them alive. */
typedef struct columns {
    column *list;
    size_t count, views_count, views_room;
    uint64_t rows;
    Py_buffer **views;
    held kept;
    owned_arrow *arrows;
} columns;

enum { CHUNK_ROWS = 1024 };

source *column_add(column *c);     /* a part more, zeros; NULL with an exception */
int source_check(const source *s); /* before anything is appended: can every value be had? */
void source_fill(const source *s, size_t start, size_t rows, weir_value *out, size_t step);
void source_clear(source *s);

/* ---- arrow.c ------------------------------------------------------------------------------- */

int columns_add_arrow_array(columns *all, column *c, PyObject *schema, PyObject *array);
int columns_add_arrow_stream(columns *all, column *c, PyObject *stream);
/* A struct's fields as columns by name; names: a tuple. table: schema and array, or a stream. */
int columns_add_arrow_struct(columns *all, PyObject *names, PyObject *schema, PyObject *array);
int columns_add_arrow_struct_stream(columns *all, PyObject *names, PyObject *stream);
void columns_release_arrows(columns *all);

#endif
