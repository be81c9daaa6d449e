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
};
