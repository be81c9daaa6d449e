/* verbs.c - the table of the verbs: names, words for --help, functions. */
#include "verbs.h"

#include <stddef.h>

#include "complaints.h"

static const char exits_of_applying[] =
    "0 in order, nothing to apply; 1 rows were recovered; 4 damage is left, or rows are lost, or "
    "journal and database do not belong together; 8 could not run; 16 usage.";

static const char exits_of_checking[] =
    "0 in order: the server fits; 4 something that weir needs does not hold there; 8 it could not "
    "be tried; 16 usage.";

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
                                  "monitor, and what is wrong has an exit status of its own. With "
                                  "--to it asks a PostgreSQL server how far that has applied the "
                                  "journal, and changes nothing there.",
                          .heading = "Look",
                          .example = "weir status --check --max-waiting 10000 run.db",
                          .exits = exits_of_status,
                          .run = weir_run_look,
                          .complain = weir_complain_of_status},
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
         .complain = weir_complain_of_report},
    [WEIR_VERB_METRICS] =
        {.name = "metrics",
         .operands = "DATABASE|JOURNAL",
         .summary = "write figures as OpenMetrics text, for Prometheus",
         .text = "The figures are those of the process that has the journal open, or "
                 "of the last one that had. It takes no lock, disturbs nobody and changes nothing.",
         .example = "weir metrics -o /var/lib/node_exporter/run.prom run.db",
         .run = weir_run_metrics,
         .complain = weir_complain_of_metrics},
    [WEIR_VERB_CHECK] =
        {.name = "check",
         .operands = "SERVER",
         .summary = "try whether a PostgreSQL server can be relied on",
         .text =
             "SERVER is postgresql://USER@HOST/DATABASE, or libpq's \"host=HOST dbname=NAME\": "
             "it begins with one of libpq's keywords and =, and a file of such a name is "
             "./NAME. What "
             "exactly-once rests on is tried there, point by point, with two connections and in "
             "two tables weir_check_*, which are dropped again: settings, rights, COPY in a "
             "transaction, locks, and a session that is taken over from. It is also for "
             "engines that speak PostgreSQL's protocol. A point is yes, NO, or - where it does not "
             "hold and weir can do without. That a commit outlives a power cut "
             "cannot be tried from here. A password belongs into PGPASSFILE or a service file: "
             "others may see a command line.",
         .example = "weir check postgresql://weir@db.example/central",
         .exits = exits_of_checking,
         .run = weir_run_check_server,
         .complain = weir_complain_of_check,
         .elsewhere = true},
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
                        .complain = weir_complain_of_dump},
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
                           .complain = weir_complain_of_recovery},
    [WEIR_VERB_REPLAY] = {.name = "replay",
                          .operands = "DATABASE|JOURNAL",
                          .summary = "apply a journal, archive included, to another database",
                          .text = "The journal, its archive and a dead process's ring are read and "
                                  "not changed. A database that an earlier replay filled is "
                                  "continued. A server gets what the journal's own headers call "
                                  "durable, and nothing of a ring; what is left comes when the "
                                  "program has opened the journal again, or recover has. A "
                                  "password belongs into PGPASSFILE or a service file: others may "
                                  "see a command line.",
                          .example = "weir replay --into rebuilt.db run.db-weir",
                          .exits = exits_of_applying,
                          .run = weir_run_replay,
                          .complain = weir_complain_of_replay},
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
                           .complain = weir_complain_of_salvage},
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
         .complain = weir_complain_of_recovery},
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
                                .complain = weir_complain_of_drop},
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
         .complain = weir_complain_of_integrity},
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
         .complain = weir_complain_of_prune},
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
         .complain = weir_complain_of_restore,
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
    [WEIR_VERB_DETACH] =
        {.name = "detach",
         .operands = "NAME DATABASE|JOURNAL",
         .summary = "let a sink's rows wait in the archive, not in the journal",
         .text = "It is for a sink, such as a PostgreSQL server, that will be away for long: its "
                 "rows go to the archive until the program attaches it again, under the same "
                 "name. With --forget nothing is kept for it any more. It is refused while a "
                 "process has the journal open, which does it by weir_detach.",
         .example = "weir detach central run.db",
         .run = weir_run_detach,
         .complain = weir_complain_of_detach},
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
