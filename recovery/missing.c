/* missing.c - a database whose journal is not there. */
#include "missing.h"

#include <inttypes.h>
#include <stdio.h>

#include "../lib/base/shell_word.h"
#include "formers.h"

const char *weir_missing_verdict(weir_missing missing) {
    return missing == WEIR_MISSING_ROWS ? "journal_missing" : "no_journal";
}

int weir_missing_judge(const weir_place *place, weir_missing *out, char text[WEIR_MISSING_TEXT]) {
    weir_formers f;
    int status = weir_formers_look(place->database, &f);
    if (status != WEIR_OK) return status;
    *out = !f.fed ? WEIR_MISSING_NEVER : f.settled ? WEIR_MISSING_NONE : WEIR_MISSING_ROWS;
    const char *directory = place->directory, *database = place->database;
    if (*out == WEIR_MISSING_NEVER)
        (void)snprintf(text, WEIR_MISSING_TEXT, "there is no journal at %s", directory);
    else if (*out == WEIR_MISSING_NONE)
        (void)snprintf(text, WEIR_MISSING_TEXT,
                       "there is no journal at %s; no row waited in the one that filled %s",
                       directory, database);
    else
        (void)snprintf(
            text, WEIR_MISSING_TEXT,
            "there is no journal at %.200s, though %.160s was filled from one that was in "
            "use when the database was written last: rows after row %" PRIu64
            " may be missing; if the database was moved or the journal removed, bring the journal "
            "back, or "
            "name it with --journal; if this is a copy that was made beside a running program "
            "(VACUUM "
            "INTO, .backup), or the journal is gone for good, keep the database as it is (weir "
            "forget "
            "%.160s)",
            directory, database, f.missed_row,
            weir_shell_quote(database, 160).text); /* a cut text is still a text */
    weir_formers_free(&f);
    return WEIR_OK;
}
