/* view.h - all that the reading verbs show, read together: database, ring, journal. */
#ifndef WEIR_VIEW_H
#define WEIR_VIEW_H

#include "../lib/handle/handle.h"
#include "../lib/verify/archive.h"
#include "../lib/verify/inspect.h"
#include "arguments.h"
#include "database.h"
#include "kept.h"
#include "place.h"
#include "server.h"
#include "sink_view.h"

typedef struct weir_view {
    weir_database_view database;
    weir_ring_report ring;
    weir_inventory inventory;
    weir_holder holder; /* of the journal's lock */
    int apply_status; /* what keeps that process from applying rows, as it says; WEIR_OK: nothing */
    weir_kept kept;
    weir_sink_views sinks; /* that the journal knows by name */
} weir_view;

typedef struct weir_view_input {
    const weir_os *os; /* an archive's, to see archived segments */
    const weir_place *place;
    const char *database; /* whose positions count; usually place->database */
    weir_server *server;  /* whose count in place of them; NULL: there is none */
    bool verify_all;
} weir_view_input;

/* WEIR_OK also when what was found is damaged. On an error it could not be read, and there is
 * nothing to free. */
int weir_view_take(const weir_view_input *input, weir_view *out, weir_error *error);
void weir_view_free(weir_view *view);

/* Has the SQLite database, which is there, had rows of this journal, or been opened with it? */
bool weir_view_knows_journal(const weir_view *view, const weir_place *place);

/* The journal that --journal names must not be another database's. It is refused when the database
 * knows journals but not this one, unless --adopt was given. */
int weir_view_check_owner(const weir_view *view, const weir_arguments *arguments,
                          const weir_place *place, weir_error *error);

#endif
