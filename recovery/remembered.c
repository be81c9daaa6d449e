/* remembered.c - the journal that a database names in its table weir_journal. */
#include "remembered.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "database.h"
#include "report.h"

static bool is_there(const char *directory) {
    struct stat st;
    return stat(directory, &st) == 0 && S_ISDIR(st.st_mode);
}

static int go_to(const weir_arguments *arguments, const char *directory, weir_place *place,
                 weir_error *error) {
    weir_report_note("its journal is at %s, as the database says", directory);
    const weir_os *os = place->os;
    weir_place_free(place);
    return weir_place_find(os, arguments->target, directory, place, error);
}

static int choose(const weir_arguments *arguments, const weir_database_view *view,
                  weir_place *place, weir_error *error) {
    const char *one = NULL;
    for (size_t i = 0; i < view->journal_count; i++) {
        const char *directory = view->journals[i];
        if (!is_there(directory)) {
            weir_report_note("there is no journal at %s, where the database says that one was",
                             directory);
        } else if (place->journal_is_there || arguments->journal) {
            if (!weir_is_same_file(directory, place->directory))
                weir_report_note("%s is not its only journal: --journal %s names the other",
                                 place->directory, directory);
        } else if (one) {
            return weir_fail(error, WEIR_MISUSE,
                             "%s has several journals, %s and %s: name the one with --journal",
                             arguments->target, one, directory);
        } else {
            one = directory;
        }
    }
    return one ? go_to(arguments, one, place, error) : WEIR_OK;
}

int weir_remembered_place(const weir_os *os, const weir_arguments *arguments, weir_place *out,
                          weir_error *error) {
    weir_database_view view;
    int status = weir_place_find(os, arguments->target, arguments->journal, out, error);
    if (status != WEIR_OK || out->target_is_journal || !out->database_is_there) return status;
    status = weir_database_look(out->database, &view);
    if (status != WEIR_OK)
        (void)weir_fail(error, status, "no memory to read %s", out->database);
    else
        status = choose(arguments, &view, out, error);
    weir_database_free(&view);
    return status;
}
