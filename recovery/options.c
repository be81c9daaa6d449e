/* options.c - the table of the options: which there are, which verbs have them, what they fill. */
#include "options.h"

#define ALL UINT64_MAX
#define TELLING (ALL & ~(WEIR_BIT(METRICS) | WEIR_BIT(COMPLETION)))
#define PLACED (ALL & ~(WEIR_BIT(ARCHIVE_RESTORE) | WEIR_BIT(COMPLETION) | WEIR_BIT(CHECK)))
#define SERVED (WEIR_BIT(REPLAY) | WEIR_BIT(STATUS) | WEIR_BIT(CHECK))
#define READING (WEIR_BIT(STATUS) | WEIR_BIT(VERIFY) | WEIR_BIT(DUMP))
#define REJECTS (WEIR_BIT(REJECTS_LIST) | WEIR_BIT(REJECTS_RETRY) | WEIR_BIT(REJECTS_DROP))
#define CHANGING (WEIR_BIT(FORGET) | WEIR_BIT(REJECTS_RETRY) | WEIR_BIT(REJECTS_DROP))
#define WRITING (WEIR_BIT(RECOVER) | WEIR_BIT(REPLAY) | WEIR_BIT(SALVAGE))
#define FILLING (WRITING | WEIR_BIT(ARCHIVE_RESTORE))
#define STORE (WEIR_BIT(ARCHIVE_PRUNE) | WEIR_BIT(ARCHIVE_PUSH) | WEIR_BIT(ARCHIVE_RESTORE))

/* The kind, and the field that is filled. */
#define FLAG(field) WEIR_OPTION_FLAG, offsetof(weir_arguments, field), 0, 0
#define TEXT(field) WEIR_OPTION_TEXT, offsetof(weir_arguments, field), 0, 0
#define MOMENT(field) WEIR_OPTION_MOMENT, offsetof(weir_arguments, field), 0, 0
#define LIST(field) WEIR_OPTION_LIST, offsetof(weir_arguments, field), 0, 0
#define NUMBER(field, least, most) WEIR_OPTION_NUMBER, offsetof(weir_arguments, field), least, most
#define NUMBER_32(field, least, most)                                                              \
    WEIR_OPTION_NUMBER_32, offsetof(weir_arguments, field), least, most
#define ROW(field) NUMBER(field, 1, UINT64_MAX - 1)

/* clang-format off: a line is a row of a table */
const weir_option weir_options_table[] = {
    {"json", NULL, "Write one JSON object per line", TELLING, FLAG(json), 0},
    {"journal", "DIR", "Use the journal there, not the one beside the database", PLACED,
     TEXT(journal), 0},
    {"archive", NULL, "Include the archived segments", READING, FLAG(archive), 0},
    {"csv", NULL, "Comma-separated values of one table, with a header line, instead of NDJSON",
     WEIR_BIT(DUMP), FLAG(csv), 0},
    {"table", "NAME", "Refused rows of this table only", REJECTS, TEXT(table), 0},
    {"id", "ID", "The refused row of this id; may be given again", REJECTS, LIST(ids), 0},
    {"match", "TEXT", "Refused rows whose values or reason contain this text", REJECTS, TEXT(match),
     0},
    {"all", NULL, "Every refused row", WEIR_BIT(REJECTS_DROP), FLAG(all), 0},
    {"all", NULL, "Those too that are needed", WEIR_BIT(ASIDE_DROP), FLAG(all), 0},
    {"dry-run", NULL, "Say what would be deleted, and delete nothing", WEIR_BIT(ASIDE_DROP),
     FLAG(dry_run), 0},
    {"table", "NAME", "Rows of this table only; may be given again", WEIR_BIT(DUMP), LIST(tables),
     0},
    {"level", "LEVEL",
     "Messages of this level and above only: TRACE, DEBUG, INFO, WARN, ERROR or FATAL; rows of "
     "tables without a column level are left out",
     WEIR_BIT(DUMP), TEXT(level), 0},
    {"match", "TEXT",
     "Rows only of which a text contains this: plain bytes, no pattern, case included",
     WEIR_BIT(DUMP), TEXT(match), 0},
    {"since", "TIME",
     "Rows of blocks written from this moment on, YYYY-MM-DDTHH:MM:SS in UTC or @SECONDS since "
     "1970",
     WEIR_BIT(DUMP), MOMENT(since_ns), 0},
    {"until", "TIME", "Rows of blocks written up to this moment", WEIR_BIT(DUMP), MOMENT(until_ns),
     0},
    {"after", "CURSOR", "Rows after this place, which an earlier --cursor wrote", WEIR_BIT(DUMP),
     TEXT(after), 0},
    {"cursor", NULL,
     "Add to each line the place after it, and write the last place to stderr at the end",
     WEIR_BIT(DUMP), FLAG(cursor), 0},
    {"follow", NULL,
     "Go on with rows as they become durable, also in a program that is started again, until "
     "Ctrl-C",
     WEIR_BIT(DUMP), FLAG(follow), 0},
    {"ring", NULL,
     "After the durable rows those that are in the ring of a process alone, marked as such",
     WEIR_BIT(DUMP), FLAG(ring), 0},
    {"reader", "NAME",
     "Go on where this reader was, and write down how far rows were written to stdout; a new name "
     "begins at the first row",
     WEIR_BIT(DUMP), TEXT(reader), 0},
    {"hold", "BYTES", "With --reader: so many bytes of segments may be held back for it",
     WEIR_BIT(DUMP), NUMBER(hold_bytes, 1, INT64_MAX), 0},
    {"from", "ROW", "First row number", WEIR_BIT(DUMP), ROW(from), 0},
    {"to", "ROW", "Last row number", WEIR_BIT(DUMP) | WEIR_BIT(REPLAY) | WEIR_BIT(ARCHIVE_RESTORE),
     ROW(to), 0},
    {"limit", "N", "At most so many rows", WEIR_BIT(DUMP), NUMBER(limit, 0, UINT64_MAX - 1), 0},
    {"into", "FILE|SERVER",
     "The database to fill, created if it does not exist; or a PostgreSQL server, "
     "postgresql://USER@HOST/DATABASE",
     WEIR_BIT(REPLAY), TEXT(into), 0},
    {"into", "FILE", "The database to fill; created if it does not exist",
     WEIR_BIT(ARCHIVE_RESTORE), TEXT(into), 0},
    {"schema", "NAME", "The schema of the server's tables (default: the first of search_path)",
     SERVED, TEXT(schema), 0},
    {"until", "TIME",
     "No blocks written after this moment, YYYY-MM-DDTHH:MM:SS in UTC or @SECONDS since 1970",
     WEIR_BIT(REPLAY) | WEIR_BIT(ARCHIVE_RESTORE), MOMENT(until_ns), 0},
    {"skip-damage", NULL, "Go on after damaged blocks; their rows are missing, and reported",
     WEIR_BIT(REPLAY) | WEIR_BIT(ARCHIVE_RESTORE), FLAG(skip_damage), 0},
    {"adopt", NULL, "Take the journal that --journal names, though the database knows only others",
     WEIR_BIT(RECOVER) | WEIR_BIT(SALVAGE) | WEIR_BIT(FORGET), FLAG(adopt), 0},
    {"accept-gap", NULL,
     "Go on after rows that have left the journal before this database had them: they are recorded "
     "in its table weir_loss, and those that follow are applied",
     WEIR_BIT(RECOVER), FLAG(accept_gap), 0},
    {"yes", NULL, "Also when the journal has rows that the database does not have; they stay there",
     WEIR_BIT(FORGET), FLAG(yes), 0},
    {"forget", NULL,
     "Let go of a sink that is detached: the journal and its archive keep nothing for it any more",
     WEIR_BIT(DETACH), FLAG(forget), 0},
    {"yes", NULL, "With --forget: also when rows are left that the sink does not have",
     WEIR_BIT(DETACH), FLAG(yes), 0},
    {"wait", "SECONDS",
     "Give up after so long without progress, for example while another program locks the database "
     "(default 60)",
     FILLING | CHANGING | WEIR_BIT(BACKUP), NUMBER_32(wait_s, 0, 1000000), 0},
    {"integrity", "HOW", "SQLite's check of the copy: none, quick (the default) or full",
     WEIR_BIT(BACKUP), TEXT(integrity), 0},
    {"dry-run", NULL, "Say what would be copied, and copy nothing", WEIR_BIT(BACKUP), FLAG(dry_run),
     0},
    {"check", NULL, "One line for a monitor; what is wrong has an exit code of its own",
     WEIR_BIT(STATUS), FLAG(check), 0},
    {"max-waiting", "ROWS", "With --check: so many rows may wait", WEIR_BIT(STATUS),
     NUMBER(max_waiting, 0, UINT64_MAX - 1), 0},
    {"max-lag", "SECONDS", "With --check: the oldest row may wait for less than this",
     WEIR_BIT(STATUS), NUMBER(max_lag_s, 1, UINT64_MAX - 1), 0},
    {"max-rejects", "N", "With --check: so many rows in weir_reject are known of", WEIR_BIT(STATUS),
     NUMBER(max_rejects, 0, UINT64_MAX - 1), 0},
    {"min-free", "BYTES", "With --check: so much disk must be free (default: a segment)",
     WEIR_BIT(STATUS), NUMBER(min_free, 1, UINT64_MAX - 1), 0},
    {"load", "EXTENSION",
     "Load an SQLite extension, FILE or FILE:ENTRYPOINT, whose functions, collations or modules "
     "the "
     "schema uses; may be given again",
     FILLING | WEIR_BIT(REJECTS_RETRY) | WEIR_BIT(REJECTS_DROP), LIST(load), 0},
    {"output", "FILE", "Where the page goes; - is standard output", WEIR_BIT(REPORT), TEXT(output),
     'o'},
    {"values", NULL,
     "Put values on the page too: of some rows around each damage, and of the last rejects",
     WEIR_BIT(REPORT), FLAG(values), 0},
    {"interval", "SECONDS", "From one look to the next (default 1)", WEIR_BIT(WATCH),
     NUMBER_32(interval_s, 1, 86400), 0},
    {"count", "N", "End after so many looks", WEIR_BIT(WATCH), NUMBER(count, 1, UINT64_MAX - 1), 0},
    {"output", "FILE", "Write the metrics there, aside first, and rename the file",
     WEIR_BIT(METRICS), TEXT(output), 'o'},
    {"interval", "SECONDS", "With --output: write them again and again", WEIR_BIT(METRICS),
     NUMBER_32(interval_s, 1, 86400), 0},
    {"format", "NAME",
     "openmetrics, or prometheus: the older text format 0.0.4, which is the default with --output",
     WEIR_BIT(METRICS), TEXT(format), 0},
    {"listen", "ADDRESS:PORT",
     "Serve the metrics at http://ADDRESS:PORT/metrics; [::1]:PORT for IPv6 (by weir-exporter, a "
     "package of its own)",
     WEIR_BIT(METRICS), TEXT(listen), 0},
    {"dry-run", NULL,
     "Say how many rows would be applied and lost, with the exit status that the real run would "
     "have, and change nothing",
     WRITING, FLAG(dry_run), 0},
    {"dry-run", NULL, "Say what would be done, and change nothing", CHANGING, FLAG(dry_run), 0},
    {"integrity", "HOW",
     "Check the resulting database with SQLite's quick_check (quick) or integrity_check (full), "
     "which read all of it; none is the default",
     WRITING, TEXT(integrity), 0},
    {"to", "SERVER",
     "Say how far this PostgreSQL server has applied the journal: postgresql://USER@HOST/DATABASE",
     WEIR_BIT(STATUS), TEXT(into), 0},
    {"to", "FILE",
     "Touch nothing that is there, and fill this new database with all that can be read of the old "
     "database and of the journal",
     WEIR_BIT(SALVAGE), TEXT(save_to), 0},
    {"undo", NULL,
     "Bring in the rows that an earlier salvage had to leave out, now that a sound copy of their "
     "segment is there",
     WEIR_BIT(SALVAGE), FLAG(undo), 0},
    {"keep-bytes", "BYTES", "Delete the oldest files until no more than this is left",
     WEIR_BIT(ARCHIVE_PRUNE), NUMBER(keep_bytes, 0, UINT64_MAX - 1), 0},
    {"keep-rows", "ROWS", "Delete the oldest files, but keep so many of the newest archived rows",
     WEIR_BIT(ARCHIVE_PRUNE), NUMBER(keep_rows, 0, UINT64_MAX - 1), 0},
    {"max-age", "SECONDS", "Delete files whose last block was written longer ago",
     WEIR_BIT(ARCHIVE_PRUNE), NUMBER(max_age_s, 0, UINT64_MAX - 1), 0},
    {"passed", NULL, "Delete files that every named reader has passed", WEIR_BIT(ARCHIVE_PRUNE),
     FLAG(passed), 0},
    {"pushed", "URL", "Delete only what stands in that store, s3://BUCKET/PREFIX",
     WEIR_BIT(ARCHIVE_PRUNE), TEXT(pushed), 0},
    {"dry-run", NULL, "Change nothing; say what would be deleted", WEIR_BIT(ARCHIVE_PRUNE),
     FLAG(dry_run), 0},
    {"dry-run", NULL, "Change nothing; say what would be packed", WEIR_BIT(ARCHIVE_PACK),
     FLAG(dry_run), 0},
    {"keep-plain", "N", "Leave the newest N segments as they are (default 0)",
     WEIR_BIT(ARCHIVE_PACK), NUMBER(keep_plain, 0, UINT32_MAX), 0},
    {"endpoint", "URL",
     "Address of the S3 server, for example http://127.0.0.1:9000 (default: "
     "$AWS_ENDPOINT_URL_S3, $AWS_ENDPOINT_URL, or that of AWS)",
     STORE, TEXT(endpoint), 0},
    {"region", "NAME", "Region of the bucket (default: $AWS_REGION, or us-east-1)", STORE,
     TEXT(region), 0},
    {"timeout", "SECONDS", "Try again after so long without an answer or a byte (default 30)",
     STORE, NUMBER_32(timeout_s, 1, 3600), 0},
    {"every", "SECONDS", "Go on pushing, with such pauses, until SIGTERM or Ctrl-C",
     WEIR_BIT(ARCHIVE_PUSH), NUMBER_32(every_s, 1, 1000000), 0},
    {"whole", NULL,
     "Send only segments that are whole, and not what is durable of the youngest one",
     WEIR_BIT(ARCHIVE_PUSH), FLAG(whole), 0},
    {"id", "JOURNAL", "Restore this journal, 32 hexadecimal digits, where the store has several",
     WEIR_BIT(ARCHIVE_RESTORE), TEXT(id), 0},
    {"keep-fetched", NULL, "Leave what was fetched in FILE.restore", WEIR_BIT(ARCHIVE_RESTORE),
     FLAG(keep_fetched), 0},
    {"help", NULL, "Show this text; after a verb, what the verb does", ALL, FLAG(help), '?'},
    {"usage", NULL, "Show the options in short", ALL, FLAG(usage), 0},
    {"version", NULL, "Show the version", ALL, FLAG(version), 'V'},
    {0},
};
/* clang-format on */

bool weir_option_is_common(const weir_option *o) {
    uint64_t verbs = o->verbs & ((UINT64_C(1) << WEIR_VERBS) - 1);
    return __builtin_popcountll(verbs) > WEIR_VERBS / 2;
}
