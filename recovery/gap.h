/* gap.h - rows that a database lacks though it has later ones: read from the journal as it was, and
 * applied without moving the journal's position. */
#ifndef WEIR_GAP_H
#define WEIR_GAP_H

#include "../writer/apply/sink.h"
#include "aside.h"
#include "database.h"
#include "place.h"

typedef struct weir_gap {
    weir_id journal;
    uint64_t first_row, last_row;
    uint64_t rows;    /* of them that can be read */
    uint64_t missing; /* of them that cannot */
    const weir_os *os;
    weir_inventory inventory;
} weir_gap;

/* Find the rows of this loss. The gap is to be freed in either case, and aside must outlive it. */
int weir_gap_read(const weir_aside *aside, const weir_loss *loss, weir_gap *out, weir_error *error);
void weir_gap_free(weir_gap *gap);

/* Why rows are missing, and what to do, into text, which is returned. */
const char *weir_gap_why(const weir_gap *gap, char *text, size_t size);

/* Apply its rows, each once however often this is interrupted and repeated. */
int weir_gap_apply(const weir_gap *gap, weir_sink *sink, weir_error *error);

/* The id under which the position of such an undo is kept while it lasts. */
void weir_gap_id(const weir_id journal, weir_id out);

/* Move the copies of its segments, which nobody needs any more in the journal's directory, to the
 * archive. A note says which, or why not. */
void weir_gap_file_away(const weir_gap *gap, const weir_place *place, uint64_t last_segment);

#endif
