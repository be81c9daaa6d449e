/* look.c - the verbs status and verify: both look at the same things; status reads headers, verify
 * every byte. */
#include <stdio.h>

#include "check.h"
#include "exits.h"
#include "report.h"
#include "verbs.h"

static int look_at_journal(const weir_arguments *arguments, const weir_place *place,
                           const weir_os *os, weir_error *error) {
    weir_view view;
    weir_view_input input = {.os = os,
                             .place = place,
                             .database = place->database,
                             .verify_all = arguments->verb == WEIR_VERB_VERIFY};
    int status = weir_view_take(&input, &view, error);
    if (status != WEIR_OK) return weir_report_error(arguments, error);
    int code = arguments->check ? weir_check_view(arguments, place, &view)
                                : weir_report_view(arguments, place, &view);
    weir_view_free(&view);
    return code;
}

int weir_run_look(const weir_arguments *arguments, const weir_place *place) {
    weir_error error = {0};
    weir_archive archive;
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
