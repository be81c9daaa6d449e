/* first_sink.c - what stands for the position of a database where a journal has none. */
#include "first_sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/stats/stats_read.h"

/* Which sink was the first only the figures say: the last process had it before all others. Without them,
 * nobody knows of a database that is elsewhere. SQLite's has no record. */
bool weir_first_sink_read(const weir_place *place, weir_sink_record *out) {
    weir_stats_snapshot s;
    weir_error ignored;
    return weir_stats_read(place->os, place->directory, &s, &ignored) == WEIR_OK &&
           s.header.sinks > 0 && !weir_stats_are_sqlites(&s) &&
           weir_sink_record_read(place->os, WEIR_OS_CWD, place->directory, s.sinks[0].name, out,
                                 &ignored) == WEIR_OK &&
           weir_id_equal(out->safe.journal, s.header.journal);
}

int weir_applied_look(const weir_place *place, const char *database, weir_database_view *out) {
    weir_sink_record first;
    int status = weir_database_look(database, out);
    bool own = !database || (place->database && strcmp(database, place->database) == 0);
    if (status != WEIR_OK || !own || place->database_is_there ||
        !weir_first_sink_read(place, &first))
        return status;
    out->positions = malloc(sizeof *out->positions);
    if (!out->positions) return WEIR_NO_MEMORY;
    out->positions[0] = first.safe;
    out->count = first.safe.block ? 1 : 0;
    out->state = WEIR_DATABASE_READ;
    (void)snprintf(out->first_sink, sizeof out->first_sink, "%s", first.name); /* it fits */
    return WEIR_OK;
}
