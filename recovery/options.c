/* options.c - the table of the options: which there are, which verbs have them, what they fill. */
#include "options.h"

#define ALL UINT64_MAX
#define READING (WEIR_BIT(STATUS) | WEIR_BIT(VERIFY) | WEIR_BIT(DUMP))
#define WRITING (WEIR_BIT(RECOVER) | WEIR_BIT(REPLAY) | WEIR_BIT(SALVAGE))

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
    {"to", "ROW", "Last row number", WEIR_BIT(DUMP) | WEIR_BIT(REPLAY), ROW(to), 0},
    {"limit", "N", "At most so many rows", WEIR_BIT(DUMP), NUMBER(limit, 0, UINT64_MAX - 1), 0},
    {"into", "FILE", "The database to fill; created if it does not exist", WEIR_BIT(REPLAY),
     TEXT(into), 0},
    {"until", "TIME",
     "No blocks written after this moment, YYYY-MM-DDTHH:MM:SS in UTC or @SECONDS since 1970",
     WEIR_BIT(REPLAY), MOMENT(until_ns), 0},
    {"skip-damage", NULL, "Go on after damaged blocks; their rows are missing, and reported",
     WEIR_BIT(REPLAY), FLAG(skip_damage), 0},
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
    {"help", NULL, "Show this text; after a verb, what the verb does", ALL, FLAG(help), '?'},
    {"usage", NULL, "Show the options in short", ALL, FLAG(usage), 0},
    {"version", NULL, "Show the version", ALL, FLAG(version), 'V'},
    {0},
};
/* clang-format on */
