/* template.h - a template of a row: constants for some columns of a table, text made of a format
 * for others, and parameters, which are all that a row of it stores.
 *
 * Templates are declared in the journal as tables are, with numbers above those of tables. A row
 * whose table number is a template's (row.h) has the parameters as its values; expand.h makes the
 * row of the table.
 *
 *     u16 template    its number, WEIR_TEMPLATE_FIRST … 65535
 *     u16 parameters  n, 1 … WEIR_COLUMNS_MAX
 *     u16 table       number of the table's declaration
 *     u16 columns     m, 1 … WEIR_COLUMNS_MAX
 *     m sources, each u8 kind, then by kind:
 *         1 constant   u8 tag and a value, as in a row
 *         2 parameter  u16 index
 *         3 format     u16 index of the first parameter, u16 bytes, a format (conversion.h)
 *         4 object     u16 index of the first parameter, u16 names, names × (u16 bytes, name)
 *
 * docs/FORMAT.md says when a template is valid. */
#ifndef WEIR_TEMPLATE_H
#define WEIR_TEMPLATE_H

#include "conversion.h"
#include "row.h"

enum {
    WEIR_TEMPLATE_FIRST = WEIR_TABLES_MAX + 1,
    WEIR_TEMPLATE_LAST = 65535,
    WEIR_TEMPLATE_HEAD = 8,
    /* Incompatible feature, of blocks and rings: there may be templates, and rows of them. */
    WEIR_FEATURE_TEMPLATES = 1,
};

typedef enum weir_source_kind {
    WEIR_SOURCE_CONSTANT = 1,
    WEIR_SOURCE_PARAMETER = 2,
    WEIR_SOURCE_FORMAT = 3,
    WEIR_SOURCE_OBJECT = 4,
} weir_source_kind;

/* Where a column's value comes from. */
typedef struct weir_source {
    weir_source_kind kind;
    weir_value constant;
    uint16_t first;               /* parameter */
    uint16_t count;               /* names of an object */
    const char *bytes;            /* a format; or an object's names, each u16 length and text */
    size_t length;                /* of bytes */
    size_t pieces;                /* of a format */
    const weir_conversion *piece; /* each of them, in a template that was decoded */
} weir_source;

typedef struct weir_template {
    uint16_t number, parameters, table, columns;
    const uint8_t *bytes; /* as encoded */
    size_t length;
    size_t pieces;        /* of all its formats */
    weir_source source[]; /* columns of them; they point into bytes */
} weir_template;          /* one allocation: free with weir_template_free */

/* Encode what a caller puts together: bytes, and at NULL only how many. names of an object are
 * encoded already. The result is checked by decoding it. */
size_t weir_template_encode(uint8_t *at, uint16_t number, uint16_t parameters, uint16_t table,
                            const weir_source *sources, uint16_t columns);
/* Parse one template and move the cursor past it. DAMAGED when the bytes are not valid,
 * NO_MEMORY; then *out is NULL. */
int weir_template_decode(weir_cursor *c, weir_template **out);
/* The same row of the same table; the number may differ. */
bool weir_template_equal(const weir_template *a, const weir_template *b);
void weir_template_free(weir_template *t); /* NULL is allowed */

/* The next name of an object's names; false at the end. */
bool weir_source_next_name(weir_cursor *names, const char **name, size_t *length);

/* Does the declaration that the cursor stands before declare a template? The cursor stays. */
static inline bool weir_declares_template(weir_cursor c) {
    return weir_take_u16(&c) > WEIR_TABLES_MAX;
}

/* ---- many of them ---- */

/* By number: the one with number WEIR_TEMPLATE_FIRST + i is list[i], or NULL. */
typedef struct weir_templates {
    weir_template **list;
    size_t count; /* of list */
    size_t held;  /* templates in it */
} weir_templates;

/* Takes t over, also on failure; one of the same number is replaced. WEIR_OK or NO_MEMORY. */
int weir_templates_keep(weir_templates *all, weir_template *t);
const weir_template *weir_templates_find(const weir_templates *all, uint16_t number);
void weir_templates_free(weir_templates *all);

#endif
