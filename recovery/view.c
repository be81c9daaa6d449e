/* view.c - all that the reading verbs show, read together. */
#include "view.h"

#include <string.h>

#include "first_sink.h"
#include "progress.h"
#include "summary.h"

enum { TRIES_WHILE_LIVE = 5 };

static weir_inventory_input inventory_input(const weir_view_input *input, const weir_view *view) {
    const weir_place *place = input->place;
    /* Another one, to be filled, may be new. */
    bool own = place->database && input->database == place->database;
    return (weir_inventory_input){
        .os = input->os,
        .directory = place->directory,
        .database = input->server ? input->server->name : place->database,
        .database_is_server = input->server || view->database.first_sink[0],
        .database_missing = own && !place->database_is_there && !view->database.first_sink[0],
        .database_broken =
            view->database.state == WEIR_DATABASE_UNREADABLE ? view->database.why : NULL,
        .database_shut = view->database.locked || view->database.forbidden || view->database.newer,
        .database_has_positions = view->database.count > 0,
        .positions = view->database.positions,
        .position_count = view->database.count,
        .verify_all = input->verify_all,
    };
}

/* The database is read first: then its position can only be too low for the journal read after
 * it. */
static int look_at_positions(const weir_view_input *input, weir_view *view, weir_error *error) {
    if (input->server) return weir_server_look(input->server, &view->database, error);
    int status = weir_applied_look(input->place, input->database, &view->database);
    return status == WEIR_OK ? status
                             : weir_fail(error, status, "no memory to read %s", input->database);
}

static int take_view_once(const weir_view_input *input, weir_view *view, weir_error *error) {
    *view = (weir_view){.holder = weir_handle_holder(input->os, input->place->directory)};
    int status = look_at_positions(input, view, error);
    if (status != WEIR_OK) return status;
    weir_inspection look;
    weir_progress progress = weir_progress_start("bytes read");
    weir_inventory_input in = inventory_input(input, view);
    in.progress = weir_progress_show;
    in.progress_context = &progress;
    status = weir_inspect(&in, &look, error);
    weir_progress_end(&progress);
    view->ring = look.ring;
    view->inventory = look.inventory;
    return status;
}

/* Its record says what is safe there; what it has applied counts, as of a database. */
static void count_first_sink(weir_view *v) {
    weir_position *at = &v->inventory.position;
    for (size_t i = 0; i < v->sinks.count && v->database.first_sink[0]; i++) {
        const weir_sink_view *s = &v->sinks.list[i];
        if (strcmp(s->note.record.name, v->database.first_sink) == 0 && s->applied > at->row)
            at->row = s->applied;
    }
}

int weir_view_take(const weir_view_input *input, weir_view *out, weir_error *error) {
    int status = WEIR_OK;
    for (int i = 0; i < TRIES_WHILE_LIVE; i++) {
        status = take_view_once(input, out, error);
        if (status != WEIR_OK) {
            weir_view_free(out);
            return status;
        }
        /* A live journal may move on while it is read. What is seen each time is damage. */
        if (!out->holder.is_there || !weir_verdict_refuses(out->inventory.verdict)) break;
        if (i + 1 < TRIES_WHILE_LIVE) weir_view_free(out);
    }
    out->apply_status = weir_told_apply_status(input->os, input->place->directory, &out->holder);
    out->kept = weir_kept_take(input->place->os, input->place->directory);
    status = weir_sink_views_take(input->place, &out->inventory, &out->sinks, error);
    if (status != WEIR_OK)
        weir_view_free(out);
    else
        count_first_sink(out);
    return status;
}

void weir_view_free(weir_view *view) {
    weir_sink_views_free(&view->sinks);
    weir_inventory_free(&view->inventory);
    weir_database_free(&view->database);
}

/* By its table weir_journal, which an opening writes before any row is applied. */
static bool names_journal(const weir_database_view *database, const char *directory) {
    for (size_t i = 0; i < database->journal_count; i++)
        if (weir_is_same_file(database->journals[i], directory)) return true;
    return false;
}

bool weir_view_knows_journal(const weir_view *view, const weir_place *place) {
    weir_found_position position = view->inventory.found.position;
    bool known = position != WEIR_POSITION_NONE && position != WEIR_POSITION_OTHER;
    return (known && !view->database.first_sink[0]) ||
           names_journal(&view->database, place->directory);
}

int weir_view_check_owner(const weir_view *view, const weir_arguments *arguments,
                          const weir_place *place, weir_error *error) {
    const weir_findings *found = &view->inventory.found;
    bool stranger =
        found->journal == WEIR_JOURNAL_PRESENT && found->position == WEIR_POSITION_OTHER;
    if (!arguments->journal || !stranger || arguments->adopt ||
        names_journal(&view->database, place->directory))
        return WEIR_OK;
    return weir_fail(error, WEIR_FOREIGN,
                     "%s was filled from other journals and does not know %s; if that is its "
                     "journal all the same, use --adopt",
                     place->database, place->directory);
}
