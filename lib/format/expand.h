/* expand.h - rows of templates become rows of tables.
 *
 * This happens where rows leave the journal: in replay, in a dump. What comes out is encoded as
 * row.h says, so that whoever takes rows knows no templates. */
#ifndef WEIR_EXPAND_H
#define WEIR_EXPAND_H

#include "template.h"
#include "text.h"

typedef struct weir_expander {
    const weir_templates *templates; /* the caller's: those declared so far */
    uint8_t *bytes;                  /* what was made; capacity */
    size_t used, capacity;
    weir_value *parameters, *values;
    weir_text_buffer *texts; /* of one row: one for each format or object; capacity */
    size_t texts_capacity;
} weir_expander;

int weir_expander_make(const weir_templates *templates, weir_expander **out); /* or NO_MEMORY */
void weir_expander_free(weir_expander *x);                                    /* NULL is allowed */

/* Take rows from a block's body: those of tables as they are, those of templates expanded. At most
 * so many, and some MiB of what is made. *rows: how many were taken; *out: they, as a body has
 * them, valid until the next call. WEIR_OK, also at the end of the body, where *rows is 0;
 * WEIR_DAMAGED: the first row that is left is not valid, or its template is not declared, or has
 * fewer parameters than the row has values, or it becomes larger than WEIR_RAW_MAX. WEIR_NO_MEMORY.
 * After a failure *rows is 0. */
int weir_expander_take(weir_expander *x, weir_cursor *body, uint64_t most, uint32_t *rows,
                       weir_cursor *out);

#endif
