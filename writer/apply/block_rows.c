/* block_rows.c - rows of a block into a sink, rows of templates expanded. */
#include "block_rows.h"

static int apply_expanded(weir_block_rows *b, const weir_sink *sink, const weir_block_header *h,
                          weir_cursor body, weir_row_range range, weir_error *error) {
    weir_block_header *part = &b->part; /* a header for some of the block's rows */
    weir_cursor rows;
    *part = *h;
    const uint8_t *row;
    size_t bytes;
    for (uint64_t n = h->first_row; n < range.first; n++)
        if (weir_payload_next_row(&body, &row, &bytes) != 1) break;
    for (part->first_row = range.first; part->first_row <= range.last;
         part->first_row += part->rows) {
        int status = weir_expander_take(b->expander, &body, range.last + 1 - part->first_row,
                                        &part->rows, &rows);
        if (status == WEIR_OK && part->rows == 0) status = WEIR_DAMAGED;
        if (status != WEIR_OK)
            return weir_fail(error, status,
                             status == WEIR_DAMAGED
                                 ? "row %llu (block %llu) is not valid, or the journal never "
                                   "declared what it is a row of"
                                 : "row %llu (block %llu) cannot be formatted",
                             (unsigned long long)part->first_row, (unsigned long long)h->block);
        weir_row_range these = {part->first_row, part->first_row + part->rows - 1};
        status = sink->apply(sink->self, part, rows, these, error);
        if (status != WEIR_OK) return status;
    }
    return WEIR_OK;
}

int weir_block_rows_apply(weir_block_rows *b, const weir_templates *templates,
                          const weir_sink *sink, const weir_block_header *header, weir_cursor body,
                          weir_row_range range, weir_error *error) {
    if (!(header->incompatible & WEIR_FEATURE_TEMPLATES) || !weir_has_template_rows(body))
        return sink->apply(sink->self, header, body, range, error);
    int status = b->expander ? WEIR_OK : weir_expander_make(templates, &b->expander);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory to format rows");
    return apply_expanded(b, sink, header, body, range, error);
}

void weir_block_rows_free(weir_block_rows *b) { weir_expander_free(b->expander); }
