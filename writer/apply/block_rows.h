/* block_rows.h - rows of a block into a sink, rows of templates expanded. */
#ifndef WEIR_BLOCK_ROWS_H
#define WEIR_BLOCK_ROWS_H

#include "../../lib/format/expand.h"
#include "sink.h"

typedef struct weir_block_rows {
    weir_expander *expander; /* made when a row needs it */
    weir_block_header part;  /* what the sink was told last of expanded rows */
} weir_block_rows;

/* Hand those rows of the block to the sink, inside its transaction. templates: those declared so
 * far; the same ones in all calls. Returns what the sink's apply may, or WEIR_DAMAGED. */
int weir_block_rows_apply(weir_block_rows *b, const weir_templates *templates,
                          const weir_sink *sink, const weir_block_header *header, weir_cursor body,
                          weir_row_range range, weir_error *error);
void weir_block_rows_free(weir_block_rows *b);

#endif
