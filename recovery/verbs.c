/* verbs.c - the table of the verbs: names, words for --help, functions. */
#include "verbs.h"

#include <stddef.h>

static const char *complain_of_dump(const weir_arguments *a) {
    if (a->csv && a->json) return "--csv and --json exclude each other";
    if (a->from > a->to) return "--from is above --to: there is no such row";
    return NULL;
}

static const char *complain_of_replay(const weir_arguments *a) {
    return a->into ? NULL : "replay needs --into FILE: the database to fill";
}

static const char *complain_of_adoption(const weir_arguments *a) {
    return a->adopt && !a->journal ? "--adopt says something of --journal" : NULL;
}

static const char *complain_of_prune(const weir_arguments *a) {
    bool bound = a->passed || a->keep_bytes != UINT64_MAX || a->keep_rows != UINT64_MAX ||
                 a->max_age_s != UINT64_MAX;
    return bound ? NULL
                 : "archive prune needs a bound: --keep-bytes, --keep-rows, --max-age or --passed";
}

static const char *complain_of_restore(const weir_arguments *a) {
    return a->into ? NULL : "archive restore needs --into FILE: the database to fill";
}

const weir_verb_entry weir_verbs[WEIR_VERBS] = {
    [WEIR_VERB_RECOVER] = {.name = "recover",
                           .operands = "DATABASE|JOURNAL",
                           .summary = "bring the database up to date from its journal",
                           .text = "Take over the rows that a dead process left in the ring, "
                                   "apply every row of the journal, and "
                                   "say what was found. `weir-recover DATABASE` does the same.",
                           .run = weir_run_recover,
                           .complain = complain_of_adoption},
    [WEIR_VERB_STATUS] = {.name = "status",
                          .operands = "DATABASE|JOURNAL",
                          .summary = "say what is there: rows, ring, verdict, damage",
                          .text = "It reads headers, takes no lock, changes nothing, and stops at "
                                  "the durable mark.",
                          .run = weir_run_look},
    [WEIR_VERB_VERIFY] = {.name = "verify",
                          .operands = "DATABASE|JOURNAL",
                          .summary = "read every byte and name what is damaged",
                          .text = "It takes no lock, changes nothing, and stops at the durable "
                                  "mark.",
                          .run = weir_run_look},
    [WEIR_VERB_DUMP] = {.name = "dump",
                        .operands = "DATABASE|JOURNAL",
                        .summary = "write the journal's rows as NDJSON or CSV",
                        .text = "It takes no lock, changes nothing, and stops at the durable mark.",
                        .run = weir_run_dump,
                        .complain = complain_of_dump},
    [WEIR_VERB_REPLAY] = {.name = "replay",
                          .operands = "DATABASE|JOURNAL",
                          .summary = "apply a journal, archive included, to another database",
                          .text = "The journal, its archive and a dead process's ring are read and "
                                  "not changed. A database that an earlier replay filled is "
                                  "continued.",
                          .run = weir_run_replay,
                          .complain = complain_of_replay},
    [WEIR_VERB_SALVAGE] = {.name = "salvage",
                           .operands = "DATABASE|JOURNAL",
                           .summary = "recover past damage, and name the rows that are lost",
                           .text =
                               "Every readable row is applied. Rows that are lost are named, in "
                               "the table weir_loss too. Damaged segments are set aside, nothing "
                               "is deleted.",
                           .run = weir_run_salvage,
                           .complain = complain_of_adoption},
    [WEIR_VERB_SYMBOLS] = {.name = "symbols",
                           .operands = "DATABASE",
                           .summary = "print the crashes that the database's log tells",
                           .text = "Of what <weir/crash.h> logged, with functions and lines by "
                                   "addr2line of binutils. It takes no lock and changes nothing.",
                           .run = weir_run_symbols},
    [WEIR_VERB_ARCHIVE_LIST] = {.name = "archive list",
                                .operands = "DATABASE|JOURNAL",
                                .summary = "list the archived segments: rows, bytes, times",
                                .text = "It reads headers, takes no lock and changes nothing.",
                                .run = weir_run_archive_list},
    [WEIR_VERB_ARCHIVE_PACK] =
        {.name = "archive pack",
         .operands = "DATABASE|JOURNAL",
         .summary = "make archived segments small, column by column",
         .text =
             "Each archived segment is written anew, column by column, read back and compared, and "
             "only then replaced. verify, dump and replay read both. It changes nothing but the "
             "archive, and may run beside the program; after Ctrl-C or a crash the same command "
             "goes on. `archive push` sends segments that are not packed: push first.",
         .run = weir_run_archive_pack},
    [WEIR_VERB_ARCHIVE_PRUNE] =
        {.name = "archive prune",
         .operands = "DATABASE|JOURNAL",
         .summary = "delete the oldest archived segments, up to a bound",
         .text =
             "A file goes when one of the bounds given wants it, the oldest first, so that the "
             "archive stays without a gap. It never goes while the database has not applied all "
             "of it, or a named reader has not passed it; with --pushed, not before it stands in "
             "the store.",
         .run = weir_run_archive_prune,
         .complain = complain_of_prune},
    [WEIR_VERB_ARCHIVE_PUSH] =
        {.name = "archive push",
         .operands = "DATABASE|JOURNAL URL",
         .summary = "send what is durable to S3-compatible storage",
         .text =
             "URL is s3://BUCKET/PREFIX. What is not there yet is sent: archived segments, those "
             "that still stand in the journal, and what is durable of the youngest one. Objects "
             "are put once and never overwritten. Keys come from AWS_ACCESS_KEY_ID and "
             "AWS_SECRET_ACCESS_KEY, or ~/.aws/credentials. It takes no lock, and may run beside "
             "the program.",
         .run = weir_run_archive_push},
    [WEIR_VERB_ARCHIVE_RESTORE] =
        {.name = "archive restore",
         .operands = "URL",
         .summary = "make a database from what was pushed",
         .text =
             "The segments of a journal are fetched from s3://BUCKET/PREFIX into FILE.restore and "
             "replayed into FILE, all of them or up to a row or a moment. Rows that the store "
             "lacks or has damaged are named.",
         .run = weir_run_archive_restore,
         .complain = complain_of_restore,
         .elsewhere = true},
};
