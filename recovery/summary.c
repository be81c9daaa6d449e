/* summary.c - rows counted, and what was found named. */
#include "summary.h"

#include "../lib/stats/stats_read.h"

const char *weir_found_ring_name(weir_found_ring found) {
    static const char *const names[] = {
        [WEIR_RING_ABSENT] = "absent",   [WEIR_RING_OURS] = "ours",
        [WEIR_RING_FOREIGN] = "foreign", [WEIR_RING_UNREADABLE] = "unreadable",
        [WEIR_RING_NEWER] = "newer",     [WEIR_RING_CUT] = "cut",
    };
    return names[found];
}

uint64_t weir_rows_durable(const weir_inventory *i) {
    return i->durable_next_row > 0 ? i->durable_next_row - 1 : 0;
}

uint64_t weir_rows_waiting(const weir_inventory *i) {
    uint64_t durable = weir_rows_durable(i), applied = i->position.row;
    return durable > applied ? durable - applied : 0;
}

uint64_t weir_rows_above_mark(const weir_inventory *i) {
    return i->next_row > i->durable_next_row ? i->next_row - i->durable_next_row : 0;
}

uint64_t weir_rows_to_recover(const weir_inventory *i, const weir_ring_report *ring, bool is_open) {
    /* A database that is not there is made anew by the tool. */
    bool recovers =
        !weir_verdict_refuses(i->verdict) || i->verdict == WEIR_VERDICT_DATABASE_MISSING;
    return recovers && !is_open ? weir_inspection_rows_waiting(i, ring) : 0;
}

uint64_t weir_rows_beyond_damage(const weir_inventory *i) {
    uint64_t rows = 0, lost = UINT64_MAX; /* the first that cannot be read */
    for (size_t d = 0; d < i->damage_count; d++)
        if (i->damages[d].first_row && i->damages[d].first_row < lost)
            lost = i->damages[d].first_row;
    for (size_t e = 0; e < i->extent_count; e++)
        if (i->extents[e].first_row > lost)
            rows += i->extents[e].next_row - i->extents[e].first_row;
    return rows;
}

/* The figures stay when a process dies. */
int weir_told_apply_status(const weir_os *os, const char *directory, const weir_holder *holder) {
    weir_stats_snapshot s;
    weir_error error;
    if (!holder->is_there || weir_stats_read(os, directory, &s, &error) != WEIR_OK) return WEIR_OK;
    bool first = s.header.sinks > 0 && s.figures.state == WEIR_STATS_OPEN;
    return first ? (int)(int64_t)s.sinks[0].figures.status : WEIR_OK;
}

const char *weir_why_rows_wait(const weir_inventory *inventory, int apply_status) {
    if (apply_status == WEIR_OK || weir_rows_waiting(inventory) == 0) return NULL;
    switch (apply_status) {
    case WEIR_BUSY: return "another connection has the database locked";
    case WEIR_SCHEMA:
        return "a table of the database is not as the program declares it; its log names the table";
    default: return weir_status_text(apply_status);
    }
}
