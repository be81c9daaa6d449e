/* apply.h - replay a journal into a database until nothing is left, with a progress line and a
 * limit to waiting: what the verbs replay and salvage have in common. */
#ifndef WEIR_APPLY_H
#define WEIR_APPLY_H

#include "../writer/apply/replay.h"
#include "arguments.h"
#include "view.h"

typedef struct weir_applied {
    uint64_t rows, rejected, ignored;
    weir_position position; /* how far the database is now */
    uint64_t safe_block;    /* up to this block the rows are safe without the journal */
    uint64_t from_ring;     /* how many of the rows came from the ring, not from a block */
    uint64_t late;          /* rows left out as too late, though later rows were applied */
    weir_losses passed; /* rows that the position moved over without applying them; to be freed */
} weir_applied;

typedef struct weir_apply_input {
    const weir_os *os;
    weir_locator locator;
    const uint8_t *journal; /* id */
    weir_position start;    /* of the database now; zeros: it has none for this journal */
    weir_sink *sink;
    weir_replay_damage at_damage;
    bool settle; /* at the end, move the position over blocks without rows */
    weir_replay_limits limits;
    const weir_view *ring; /* whose dead ring is applied after the journal; NULL: no ring */
    const weir_place *place;
    uint32_t wait_s;
    uint64_t rows_expected; /* for the progress line; 0: unknown */
} weir_apply_input;

/* On failure, too, out says how far it came: what is committed stays. */
int weir_apply_all(const weir_apply_input *input, weir_applied *out, weir_error *error);

/* Print the line or object that ends the verb. type: "replayed" or "salvaged". */
void weir_report_applied(const weir_arguments *arguments, const char *type, const char *database,
                         const weir_applied *applied, uint64_t lost);

#endif
