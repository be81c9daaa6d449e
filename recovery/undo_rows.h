/* undo_rows.h - rows that a database lacks though it has later ones: read from the journal as it was, and
 * applied without moving the journal's position. */
#ifndef WEIR_UNDO_ROWS_H
#define WEIR_UNDO_ROWS_H

#include "../writer/apply/sink.h"
#include "aside.h"
#include "database.h"
#include "place.h"

typedef struct weir_undo_rows {
    weir_id journal;
    uint64_t first_row, last_row;
    uint64_t rows;    /* of them that can be read */
    uint64_t missing; /* of them that cannot */
    const weir_os *os;
    weir_inventory inventory;
} weir_undo_rows;

/* Find the rows of this loss. The gap is to be freed in either case, and aside must outlive it. */
int weir_undo_read(const weir_aside *aside, const weir_loss *loss, weir_undo_rows *out,
                   weir_error *error);
void weir_undo_free(weir_undo_rows *gap);

/* Why rows are missing, and what to do, into text, which is returned. */
const char *weir_undo_why(const weir_undo_rows *gap, char *text, size_t size);

/* Apply its rows, each once however often this is interrupted and repeated. */
int weir_undo_apply(const weir_undo_rows *gap, weir_sink *sink, weir_error *error);

/* The id under which the position of such an undo is kept while it lasts. */
void weir_undo_id(const weir_id journal, weir_id out);

/* Move the copies of its segments, which nobody needs any more in the journal's directory, to the
 * archive. A note says which, or why not. */
void weir_undo_file_away(const weir_undo_rows *gap, const weir_place *place, uint64_t last_segment);

#endif
