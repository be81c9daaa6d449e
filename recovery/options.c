/* options.c - the table of the options: which there are, which verbs have them, what they fill. */
#include "options.h"

#define ALL UINT64_MAX
#define READING (WEIR_BIT(STATUS) | WEIR_BIT(VERIFY) | WEIR_BIT(DUMP))
#define WRITING                                                                                    \
    (WEIR_BIT(RECOVER) | WEIR_BIT(REPLAY) | WEIR_BIT(SALVAGE) | WEIR_BIT(ARCHIVE_RESTORE))
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
    {"json", NULL, "Write one JSON object per line", ALL, FLAG(json), 0},
    {"journal", "DIR", "Use the journal there, not the one beside the database", ALL, TEXT(journal),
     0},
    {"archive", NULL, "Include the archived segments", READING, FLAG(archive), 0},
    {"csv", NULL, "Comma-separated values of one table, with a header line", WEIR_BIT(DUMP),
     FLAG(csv), 0},
    {"table", "NAME", "Rows of this table only", WEIR_BIT(DUMP), TEXT(table), 0},
    {"from", "ROW", "First row number", WEIR_BIT(DUMP), ROW(from), 0},
    {"to", "ROW", "Last row number", WEIR_BIT(DUMP) | WEIR_BIT(REPLAY) | WEIR_BIT(ARCHIVE_RESTORE),
     ROW(to), 0},
    {"limit", "N", "At most so many rows", WEIR_BIT(DUMP), NUMBER(limit, 0, UINT64_MAX - 1), 0},
    {"into", "FILE", "The database to fill; created if it does not exist",
     WEIR_BIT(REPLAY) | WEIR_BIT(ARCHIVE_RESTORE), TEXT(into), 0},
    {"until", "TIME",
     "No blocks written after this moment, YYYY-MM-DDTHH:MM:SS in UTC or @SECONDS since 1970",
     WEIR_BIT(REPLAY) | WEIR_BIT(ARCHIVE_RESTORE), MOMENT(until_ns), 0},
    {"skip-damage", NULL, "Go on after damaged blocks; their rows are missing, and reported",
     WEIR_BIT(REPLAY) | WEIR_BIT(ARCHIVE_RESTORE), FLAG(skip_damage), 0},
    {"adopt", NULL, "Take the journal that --journal names, though the database knows only others",
     WEIR_BIT(RECOVER) | WEIR_BIT(SALVAGE), FLAG(adopt), 0},
    {"wait", "SECONDS",
     "Give up after so long without progress, for example while another program locks the database "
     "(default 60)",
     WRITING, NUMBER_32(wait_s, 0, 1000000), 0},
    {"load", "EXTENSION",
     "Load an SQLite extension, FILE or FILE:ENTRYPOINT, whose functions, collations or modules "
     "the "
     "schema uses; may be given again",
     WRITING, LIST(load), 0},
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
