/* complaints.c - what the options of a verb contradict, or lack. */
#include "complaints.h"

#include <string.h>

#include "dump_filter.h"
#include "server.h"

const char *weir_complain_of_dump(const weir_arguments *a) {
    int begins = (a->after != NULL) + (a->from != 0) + (a->reader != NULL);
    if (a->csv && a->json) return "--csv and --json exclude each other";
    if (a->from > a->to) return "--from is above --to: there is no such row";
    if (a->since_ns > a->until_ns) return "--since is after --until: there is no such moment";
    if (begins > 1)
        return "--after, --from and --reader exclude each other: each says where to begin";
    if (a->follow && a->until_ns != INT64_MAX) return "--follow has no end, so --until has no use";
    if (a->ring && (a->follow || a->csv)) return "--ring goes with neither --follow nor --csv";
    if (a->cursor && a->csv) return "--csv has no column for a cursor";
    if (a->hold_bytes && !a->reader) return "--hold goes only with --reader";
    if (a->level && weir_dump_level(a->level) < 0)
        return "--level takes TRACE, DEBUG, INFO, WARN, ERROR or FATAL";
    return NULL;
}

const char *weir_complain_of_integrity(const weir_arguments *a) {
    const char *how = a->integrity ? a->integrity : "none";
    bool known = strcmp(how, "none") == 0 || strcmp(how, "quick") == 0 || strcmp(how, "full") == 0;
    return known ? NULL : "--integrity is none, quick or full";
}

const char *weir_complain_of_replay(const weir_arguments *a) {
    bool server = weir_is_server(a->into);
    if (!a->into) return "replay needs --into: the database file or the server to fill";
    if (a->schema && !server) return "--schema goes only with a server";
    if (server && a->integrity) return "--integrity is of an SQLite database, and not of a server";
    if (server && a->load) return "--load is for an SQLite database, and not for a server";
    return weir_complain_of_integrity(a);
}

const char *weir_complain_of_recovery(const weir_arguments *a) {
    if (a->adopt && !a->journal) return "--adopt goes only with --journal";
    return weir_complain_of_integrity(a);
}

const char *weir_complain_of_salvage(const weir_arguments *a) {
    if (a->undo && a->save_to) return "--undo and --to exclude each other";
    return weir_complain_of_recovery(a);
}

const char *weir_complain_of_drop(const weir_arguments *a) {
    if (a->all || a->ids || a->table || a->match) return NULL;
    return "say which rows: --id, --table, --match, or --all";
}

const char *weir_complain_of_report(const weir_arguments *a) {
    if (!a->output)
        return "report needs a file for the page: -o page.html, or -o - for standard output";
    if (a->json && strcmp(a->output, "-") == 0)
        return "--json and the page cannot both go to standard output";
    return NULL;
}

const char *weir_complain_of_metrics(const weir_arguments *a) {
    bool known =
        !a->format || strcmp(a->format, "openmetrics") == 0 || strcmp(a->format, "prometheus") == 0;
    if (!known) return "--format is openmetrics or prometheus";
    if (a->listen && a->output) return "--listen and --output exclude each other";
    return a->interval_s && !a->output ? "--interval goes only with --output" : NULL;
}

const char *weir_complain_of_status(const weir_arguments *a) {
    bool limits = a->max_waiting != UINT64_MAX || a->max_lag_s != UINT64_MAX ||
                  a->max_rejects != UINT64_MAX || a->min_free;
    if (a->into && a->check) return "--to and --check exclude each other";
    if (a->schema && !a->into) return "--schema goes only with --to";
    return limits && !a->check ? "limits are for status --check" : NULL;
}

const char *weir_complain_of_check(const weir_arguments *a) {
    return weir_is_server(a->target)
               ? NULL
               : "check takes postgresql://USER@HOST/DATABASE, or \"host=HOST dbname=NAME\" as one "
                 "word; what was given is not shown, since it may hold a password";
}

const char *weir_complain_of_detach(const weir_arguments *a) {
    return a->yes && !a->forget ? "--yes goes only with --forget" : NULL;
}

const char *weir_complain_of_prune(const weir_arguments *a) {
    bool bound = a->passed || a->keep_bytes != UINT64_MAX || a->keep_rows != UINT64_MAX ||
                 a->max_age_s != UINT64_MAX;
    return bound ? NULL
                 : "archive prune needs a bound: --keep-bytes, --keep-rows, --max-age or --passed";
}

const char *weir_complain_of_restore(const weir_arguments *a) {
    return a->into ? NULL : "archive restore needs --into FILE: the database to fill";
}
