/* verbs.c - the table of the verbs: names, words for --help, functions. */
#include "verbs.h"

#include <stddef.h>
#include <string.h>

#include "dump_filter.h"

static const char *complain_of_dump(const weir_arguments *a) {
    int begins = (a->after != NULL) + (a->from != 0) + (a->reader != NULL);
    if (a->csv && a->json) return "--csv and --json exclude each other";
    if (a->from > a->to) return "--from is above --to: there is no such row";
    if (a->since_ns > a->until_ns) return "--since is after --until: there is no such moment";
    if (begins > 1)
        return "--after, --from and --reader exclude each other: each says where to begin";
    if (a->follow && a->until_ns != INT64_MAX) return "--follow has no end, so --until has no use";
    if (a->ring && (a->follow || a->csv)) return "--ring goes with neither --follow nor --csv";
    if (a->cursor && a->csv) return "--csv has no column for a cursor";
    if (a->hold_bytes && !a->reader) return "--hold says something of --reader";
    if (a->level && weir_dump_level(a->level) < 0)
        return "--level takes TRACE, DEBUG, INFO, WARN, ERROR or FATAL";
    return NULL;
}

static const char *complain_of_integrity(const weir_arguments *a) {
    const char *how = a->integrity ? a->integrity : "none";
    bool known = strcmp(how, "none") == 0 || strcmp(how, "quick") == 0 || strcmp(how, "full") == 0;
    return known ? NULL : "--integrity is none, quick or full";
}

static const char *complain_of_replay(const weir_arguments *a) {
    if (!a->into) return "replay needs --into FILE: the database to fill";
    return complain_of_integrity(a);
}

static const char *complain_of_recovery(const weir_arguments *a) {
    if (a->adopt && !a->journal) return "--adopt says something of --journal";
    return complain_of_integrity(a);
}

static const char *complain_of_salvage(const weir_arguments *a) {
    if (a->undo && a->save_to) return "--undo and --to exclude each other";
    return complain_of_recovery(a);
}

static const char *complain_of_drop(const weir_arguments *a) {
    if (a->all || a->ids || a->table || a->match) return NULL;
    return "say which rows: --id, --table, --match, or --all";
}

static const char *complain_of_report(const weir_arguments *a) {
    if (!a->output)
        return "report needs a file for the page: -o page.html, or -o - for standard output";
    if (a->json && strcmp(a->output, "-") == 0)
        return "--json and the page cannot both go to standard output";
    return NULL;
}

static const char *complain_of_metrics(const weir_arguments *a) {
    bool known =
        !a->format || strcmp(a->format, "openmetrics") == 0 || strcmp(a->format, "prometheus") == 0;
    if (!known) return "--format is openmetrics or prometheus";
    if (a->listen && a->output) return "--listen and --output exclude each other";
    return a->interval_s && !a->output ? "--interval says something of --output" : NULL;
}

static const char *complain_of_status(const weir_arguments *a) {
    bool limits = a->max_waiting != UINT64_MAX || a->max_lag_s != UINT64_MAX ||
                  a->max_rejects != UINT64_MAX || a->min_free;
    return limits && !a->check ? "limits are for status --check" : NULL;
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

static const char exits_of_applying[] =
    "0 in order, nothing to apply; 1 rows were recovered; 4 damage is left, or rows are lost, or "
    "journal and database do not belong together; 8 could not run; 16 usage.";

static const char exits_of_status[] =
    "0 in order; 4 damage, or rows are lost, or journal and database do not belong together; 8 "
    "could not look; 16 usage. With --check alone also, and of several the gravest: 20 more rows "
    "in weir_reject than --max-rejects; 21 more rows wait than --max-waiting; 22 the oldest row "
    "waits for longer than --max-lag; 23 less disk is free than the journal needs, or --min-free; "
    "24 rows wait and no process has the journal open; 25 the database is missing, unreadable or "
    "read-only; 26 a sink lacks rows, is beyond its lag limit, or is detached while rows wait.";

const weir_verb_entry weir_verbs[WEIR_VERBS] = {
    [WEIR_VERB_STATUS] = {.name = "status",
                          .operands = "DATABASE|JOURNAL",
                          .summary = "say what is there: rows, ring, verdict, damage",
                          .text = "It reads headers, takes no lock, changes nothing, and stops at "
                                  "the durable mark. With --check it prints one line for a "
                                  "monitor, and what is wrong has an exit status of its own.",
                          .heading = "Look",
                          .example = "weir status --check --max-waiting 10000 run.db",
                          .exits = exits_of_status,
                          .run = weir_run_look,
                          .complain = complain_of_status},
    [WEIR_VERB_VERIFY] = {.name = "verify",
                          .operands = "DATABASE|JOURNAL",
                          .summary = "read every byte, and name what is damaged",
                          .text = "It takes no lock, changes nothing, and stops at the durable "
                                  "mark.",
                          .example = "weir verify --archive run.db",
                          .run = weir_run_look},
    [WEIR_VERB_WATCH] =
        {.name = "watch",
         .operands = "DATABASE|JOURNAL",
         .summary = "show lanes, rates, lag and disk as they change",
         .text = "On a terminal a screen, which q or Ctrl-C ends; else, and with --json, a line "
                 "for each look. It takes no lock, changes nothing, and asks nothing of the "
                 "program; it says when that is closed, has died, or was started again. Without "
                 "colours where NO_COLOR is set.",
         .example = "weir watch --json --count 1 run.db",
         .run = weir_run_watch},
    [WEIR_VERB_REPORT] =
        {.name = "report",
         .operands = "DATABASE|JOURNAL",
         .summary = "write one HTML page that shows all of it",
         .text = "The page has the verdict in words, the segments as a picture, losses, lanes, "
                 "rejects, a time line, and what a bug report needs of the machine. It is one file "
                 "without scripts, fetches nothing, and has names of files, tables and columns, "
                 "but no values of rows unless --values asks for some. It takes no lock and "
                 "changes nothing, also beside a running program. The exit status is that of "
                 "verify.",
         .example = "weir report -o page.html run.db",
         .run = weir_run_report,
         .complain = complain_of_report},
    [WEIR_VERB_METRICS] =
        {.name = "metrics",
         .operands = "DATABASE|JOURNAL",
         .summary = "write figures as OpenMetrics text, for Prometheus",
         .text = "The figures are those of the process that has the journal open, or "
                 "of the last one that had. It takes no lock, disturbs nobody and changes nothing.",
         .example = "weir metrics -o /var/lib/node_exporter/run.prom run.db",
         .run = weir_run_metrics,
         .complain = complain_of_metrics},
    [WEIR_VERB_DUMP] = {.name = "dump",
                        .operands = "DATABASE|JOURNAL",
                        .summary = "write the journal's rows as NDJSON or CSV",
                        .text =
                            "It takes no lock, changes nothing but the place of a reader that "
                            "--reader names, and stops at the durable mark. With --follow it waits "
                            "there for more. Rows that are missing are named on stderr. A reader "
                            "gets each row at least once: its place is written down after lines "
                            "were written.",
                        .example = "weir dump --table log --level WARN --follow run.db",
                        .run = weir_run_dump,
                        .complain = complain_of_dump},
    [WEIR_VERB_SYMBOLS] =
        {.name = "symbols",
         .operands = "DATABASE",
         .summary = "print the crashes that the database's log tells",
         .text = "<weir/crash.h> logged them; addr2line of binutils gives functions and lines. "
                 "It takes no lock and changes nothing.",
         .run = weir_run_symbols},
    [WEIR_VERB_RECOVER] = {.name = "recover",
                           .operands = "DATABASE|JOURNAL",
                           .summary = "bring the database up to date from its journal",
                           .text = "Take over the rows that a dead process left in the ring, "
                                   "apply every row of the journal, and "
                                   "say what was found. `weir-recover DATABASE` does the same.",
                           .heading = "Bring back",
                           .example = "weir recover run.db",
                           .exits = exits_of_applying,
                           .run = weir_run_recover,
                           .complain = complain_of_recovery},
    [WEIR_VERB_REPLAY] = {.name = "replay",
                          .operands = "DATABASE|JOURNAL",
                          .summary = "apply a journal, archive included, to another database",
                          .text = "The journal, its archive and a dead process's ring are read and "
                                  "not changed. A database that an earlier replay filled is "
                                  "continued.",
                          .example = "weir replay --into rebuilt.db run.db-weir",
                          .exits = exits_of_applying,
                          .run = weir_run_replay,
                          .complain = complain_of_replay},
    [WEIR_VERB_SALVAGE] = {.name = "salvage",
                           .operands = "DATABASE|JOURNAL",
                           .summary = "recover past damage, and name the rows that are lost",
                           .text =
                               "Every readable row is applied. Rows that are lost are named, in "
                               "the table weir_loss and the journal's file losses too. Damaged "
                               "segments are set aside, nothing is deleted. With --to nothing that "
                               "is there is touched: a new file gets what the old database has, "
                               "and then what the journal has beyond that, as replay "
                               "--skip-damage would apply it; its table weir_salvage and the file "
                               "FILE-salvage.json list what could not be read. With --undo rows "
                               "that were lost are brought in from a sound copy of their segment, "
                               "which may stand in the journal's directory, in its archive, or "
                               "in place of the damaged one; what was applied stays.",
                           .example = "weir salvage --dry-run run.db",
                           .exits = exits_of_applying,
                           .run = weir_run_salvage,
                           .complain = complain_of_salvage},
    [WEIR_VERB_FORGET] =
        {.name = "forget",
         .operands = "DATABASE",
         .summary = "accept the database as it is, begin a new journal",
         .text = "It is for an older backup that was put back, a new database in the place "
                 "of another, or one that is ahead of its journal. The old journal is "
                 "renamed to DIRECTORY-forgotten-N, and nothing of it is deleted; what "
                 "the database does not have is recorded in its table weir_forgotten. "
                 "It is refused while a process has the journal open; and without --yes "
                 "while the journal has rows that the database does not have.",
         .example = "weir forget --dry-run run.db",
         .run = weir_run_forget,
         .complain = complain_of_recovery},
    [WEIR_VERB_REJECTS_LIST] =
        {.name = "rejects list",
         .operands = "DATABASE",
         .summary = "list the rows that SQLite refused",
         .text = "They are in the table weir_reject, with SQLite's reason and the "
                 "values. It takes no lock and changes nothing.",
         .run = weir_run_rejects_list},
    [WEIR_VERB_REJECTS_RETRY] =
        {.name = "rejects retry",
         .operands = "DATABASE",
         .summary = "insert refused rows again, once each",
         .text = "Use it after the schema was mended. Each row leaves weir_reject in "
                 "the transaction that inserts it; one that is refused again "
                 "stays, with the new reason. All rows, unless --id, --table or "
                 "--match chooses. A program may have the database open.",
         .example = "weir rejects retry --table prices run.db",
         .run = weir_run_rejects_retry},
    [WEIR_VERB_REJECTS_DROP] = {.name = "rejects drop",
                                .operands = "DATABASE",
                                .summary = "delete refused rows that nobody wants",
                                .text = "Say which: --id, --table, --match, or --all. A "
                                        "program may have the database open.",
                                .example = "weir rejects drop --id 7 --id 9 run.db",
                                .run = weir_run_rejects_drop,
                                .complain = complain_of_drop},
    [WEIR_VERB_BACKUP] =
        {.name = "backup",
         .operands = "DATABASE TO",
         .summary = "copy database and journal as of one moment, and verify it",
         .text = "TO is a directory that does not exist yet; it gets the database, its journal and "
                 "weir-backup.json, which says what is in it. The program may run meanwhile. Every "
                 "row that was durable is in the copy, once. Until it is whole, the copy is called "
                 "TO.part.",
         .heading = "Keep",
         .example = "weir backup run.db /backup/run",
         .run = weir_run_backup,
         .complain = complain_of_integrity},
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
             "goes on. `archive push` sends either form.",
         .example = "weir archive pack --keep-plain 2 run.db",
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
         .example = "weir archive prune --max-age 2592000 --dry-run run.db",
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
         .example = "weir archive push run.db s3://bucket/weir",
         .run = weir_run_archive_push},
    [WEIR_VERB_ARCHIVE_RESTORE] =
        {.name = "archive restore",
         .operands = "URL",
         .summary = "make a database from what was pushed",
         .text =
             "The segments of a journal are fetched from s3://BUCKET/PREFIX into FILE.restore and "
             "replayed into FILE, all of them or up to a row or a moment. Rows that the store "
             "lacks or has damaged are named.",
         .example = "weir archive restore --into run.db s3://bucket/weir",
         .exits = exits_of_applying,
         .run = weir_run_archive_restore,
         .complain = complain_of_restore,
         .elsewhere = true},
    [WEIR_VERB_READERS_LIST] =
        {.name = "readers list",
         .operands = "DATABASE|JOURNAL",
         .summary = "name the readers, how far they are, what they hold back",
         .text =
             "A reader with a name (dump --reader, <weir/read.h>) keeps applied segments in the "
             "journal until it has read them, up to a limit of its own. It takes no lock and "
             "changes nothing.",
         .run = weir_run_readers_list},
    [WEIR_VERB_READERS_FORGET] =
        {.name = "readers forget",
         .operands = "DATABASE|JOURNAL NAME",
         .summary = "remove a reader: nothing is kept for it any more",
         .text =
             "It is for a reader that is gone for good. One that comes back under that name begins "
             "at the first row that is there. What was kept for it goes at the next release, "
             "when the program has applied more rows.",
         .example = "weir readers forget run.db shipper",
         .run = weir_run_readers_forget},
    [WEIR_VERB_ASIDE_LIST] =
        {.name = "aside list",
         .operands = "DATABASE|JOURNAL",
         .summary = "say which damaged segments are kept, and which are needed",
         .text = "Salvage renames a damaged segment to damaged-* and deletes nothing. Such a file "
                 "is needed while it may hold rows that the database has not, or rows that are "
                 "lost: in the table weir_loss, or in the journal's file losses. It takes no lock "
                 "and changes nothing.",
         .example = "weir aside list run.db",
         .run = weir_run_aside_list},
    [WEIR_VERB_ASIDE_DROP] =
        {.name = "aside drop",
         .operands = "DATABASE|JOURNAL",
         .summary = "delete damaged segments that nobody needs any more",
         .text = "Those that `aside list` calls not needed. The others stay, and it says why; "
                 "with --all they go too, and what is given up with them is said. Rows of a "
                 "file that was given up cannot be brought back by salvage --undo but from "
                 "another copy. A program may have the journal open.",
         .example = "weir aside drop --dry-run run.db",
         .run = weir_run_aside_drop},
    [WEIR_VERB_COMPLETION] =
        {.name = "completion",
         .operands = "bash|zsh|fish|mdoc",
         .summary = "write what a shell completes verbs and options with",
         .text = "With mdoc, the part of the manual page that the tables of "
                 "verbs and options give.",
         .heading = "Other",
         .example = "weir completion bash > ~/.local/share/bash-completion/completions/weir",
         .run = weir_run_completion,
         .elsewhere = true},
};
