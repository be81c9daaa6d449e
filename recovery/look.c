/* look.c - the verbs status and verify: both look at the same things; status reads headers, verify
 * every byte. */
#include <stdio.h>

#include "check.h"
#include "exits.h"
#include "formers.h"
#include "json.h"
#include "loss_file.h"
#include "missing.h"
#include "report.h"
#include "server_verbs.h"
#include "verbs.h"

/* What the database says of lost rows, and the file beside it: each loss once. */
static int join_losses(const weir_place *place, weir_view *view, weir_error *error) {
    weir_losses in_file;
    int status = weir_loss_file_read(place->os, place->directory, &in_file, error);
    if (status != WEIR_OK) return status;
    if (weir_losses_join(&view->database.losses, &in_file) != WEIR_OK)
        status = weir_fail(error, WEIR_NO_MEMORY, "no memory for the list of lost rows");
    weir_losses_free(&in_file);
    return status;
}

static int look_at_journal(const weir_arguments *arguments, const weir_place *place,
                           const weir_os *os, weir_error *error) {
    weir_view view;
    weir_view_input input = {.os = os,
                             .place = place,
                             .database = place->database,
                             .verify_all = arguments->verb == WEIR_VERB_VERIFY};
    int status = weir_view_take(&input, &view, error);
    if (status != WEIR_OK) return weir_report_error(arguments, error);
    status = join_losses(place, &view, error);
    if (status != WEIR_OK) {
        weir_view_free(&view);
        return weir_report_error(arguments, error);
    }
    int code = arguments->check ? weir_check_view(arguments, place, &view)
                                : weir_report_view(arguments, place, &view);
    if (!arguments->check) weir_formers_report(arguments, place);
    weir_view_free(&view);
    return code;
}

/* A database alone: in order if no row can be missing. */
static int look_at_database(const weir_arguments *arguments, const weir_place *place,
                            weir_error *error) {
    weir_missing missing = WEIR_MISSING_NEVER;
    char text[WEIR_MISSING_TEXT];
    int status = weir_missing_judge(place, &missing, text);
    if (status != WEIR_OK)
        (void)weir_fail(error, status, "no memory to read %s", place->database);
    else if (missing == WEIR_MISSING_NEVER)
        (void)weir_fail(error, WEIR_NOT_FOUND, "%s", text);
    if (error->status != WEIR_OK) return weir_report_error(arguments, error);
    const char *verdict = weir_missing_verdict(missing);
    if (arguments->json) {
        weir_json json =
            weir_json_begin(stdout, arguments->verb == WEIR_VERB_VERIFY ? "verify" : "status");
        weir_json_text(&json, "verdict", verdict);
        weir_json_bool(&json, "refuses", false);
        weir_json_text(&json, "text", text);
        weir_json_text(&json, "database", place->database);
        weir_json_text(&json, "journal", place->directory);
        weir_json_null(&json, "journal_id");
        weir_json_bool(&json, "open", false);
        weir_json_end(&json);
    } else {
        printf("%s: %s\n", verdict, text);
    }
    weir_formers_report(arguments, place);
    return missing == WEIR_MISSING_ROWS ? WEIR_EXIT_DAMAGE : WEIR_EXIT_CLEAN;
}

int weir_run_look(const weir_arguments *arguments, const weir_place *place) {
    weir_error error = {0};
    weir_archive archive;
    if (arguments->into && place->journal_is_there) return weir_look_at_server(arguments, place);
    if (!arguments->into && !place->journal_is_there && place->database_is_there)
        return look_at_database(arguments, place, &error);
    if (!place->journal_is_there) {
        (void)weir_fail(&error, WEIR_NOT_FOUND, "there is no journal at %s", place->directory);
        return weir_report_error(arguments, &error);
    }
    if (!arguments->archive) return look_at_journal(arguments, place, place->os, &error);
    if (weir_archive_open(place->os, place->directory, &archive) != WEIR_OK) {
        (void)weir_fail(&error, WEIR_NO_MEMORY, "no memory to open the archive");
        return weir_report_error(arguments, &error);
    }
    int code = look_at_journal(arguments, place, &archive.os, &error);
    weir_archive_close(&archive);
    return code;
}
