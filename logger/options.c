/* options.c - the command line of weir-log, checked. */
#include "options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
    WAIT_SECONDS = 60,
    WAIT_SECONDS_MOST = 1000000,
    LIMIT_MIB = 16384,
    LIMIT_MIB_LEAST = 16, /* four segments: see target.c */
    LIMIT_MIB_MOST = 1 << 30,
};

enum {
    OPTION_LEVEL = 256,
    OPTION_PREFIXES,
    OPTION_TABLE,
    OPTION_PASS,
    OPTION_SYNC,
    OPTION_JOURNAL,
    OPTION_LIMIT,
    OPTION_WAIT,
    OPTION_TAG = 't',
    OPTION_VERBOSE = 'v',
};

static const struct argp_option log_options[] = {
    {"level", OPTION_LEVEL, "LEVEL", 0,
     "Level of the lines: trace, debug, info, warn, error or fatal (default info)", 0},
    {"prio-prefix", OPTION_PREFIXES, NULL, 0,
     "Take the level from a prefix <N> of the line, N as in syslog(3), and leave the prefix out",
     0},
    {"table", OPTION_TABLE, "NAME", 0, "Table that takes the rows (default log)", 0},
    {"tag", OPTION_TAG, "TEXT", 0, "What the column \"file\" holds (default stdin)", 0},
    {"pass", OPTION_PASS, NULL, 0, "Copy each line to stdout once it is a row", 0},
    {"sync", OPTION_SYNC, "LEVEL", 0,
     "What a line must be before it is copied: published (default), durable or applied", 0},
    {"journal", OPTION_JOURNAL, "DIR", 0, "Use the journal there, not the one beside the database",
     0},
    {"journal-limit", OPTION_LIMIT, "MIB", 0,
     "How large the journal may grow while the database takes no rows (default 16384)", 0},
    {"wait", OPTION_WAIT, "SECONDS", 0,
     "How long lines are held while neither database nor journal can take them, and how long the "
     "end waits for rows to be applied (default 60)",
     0},
    {"verbose", OPTION_VERBOSE, NULL, 0, "Say at the end how many lines became rows", 0},
    {0},
};

static uint64_t count_option(struct argp_state *state, const char *option, const char *text,
                             uint64_t least, uint64_t most) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    bool digits = text[0] >= '0' && text[0] <= '9'; /* strtoull would take signs and blanks */
    if (!digits || *end || errno || value < least || value > most)
        argp_error(state, "--%s takes a number from %llu to %llu, not '%s'", option,
                   (unsigned long long)least, (unsigned long long)most, text);
    return value;
}

static weir_log_level log_level_option(struct argp_state *state, const char *text) {
    for (weir_log_level level = WEIR_TRACE; level <= WEIR_FATAL; level++)
        if (strcasecmp(text, weir_log_level_name(level)) == 0) return level;
    argp_error(state, "--level takes trace, debug, info, warn, error or fatal, not '%s'", text);
    return WEIR_INFO; /* argp_error does not return */
}

static weir_level sync_option(struct argp_state *state, const char *text) {
    static const char *const names[] = {
        [WEIR_PUBLISHED] = "published", [WEIR_DURABLE] = "durable", [WEIR_APPLIED] = "applied"};
    for (weir_level level = WEIR_PUBLISHED; level <= WEIR_APPLIED; level++)
        if (strcasecmp(text, names[level]) == 0) return level;
    argp_error(state, "--sync takes published, durable or applied, not '%s'", text);
    return WEIR_PUBLISHED; /* argp_error does not return */
}

static const char *name_option(struct argp_state *state, const char *option, const char *text) {
    if (!text[0]) argp_error(state, "--%s may not be empty", option);
    return text;
}

static void take_database(struct argp_state *state, weir_logger_options *out, const char *text) {
    if (out->database) argp_error(state, "one database at a time: '%s' is too many", text);
    out->database = text;
}

static error_t take_log_option(int key, char *text, struct argp_state *state) {
    weir_logger_options *out = state->input;
    switch (key) {
    case OPTION_LEVEL: out->level = log_level_option(state, text); return 0;
    case OPTION_PREFIXES: out->prefixes = true; return 0;
    case OPTION_TABLE: out->table = name_option(state, "table", text); return 0;
    case OPTION_TAG: out->tag = text; return 0;
    case OPTION_PASS: out->pass = true; return 0;
    case OPTION_SYNC: out->sync = sync_option(state, text); return 0;
    case OPTION_JOURNAL: out->journal = name_option(state, "journal", text); return 0;
    case OPTION_LIMIT:
        out->limit_bytes =
            count_option(state, "journal-limit", text, LIMIT_MIB_LEAST, LIMIT_MIB_MOST) << 20;
        return 0;
    case OPTION_WAIT:
        out->wait_s = (uint32_t)count_option(state, "wait", text, 0, WAIT_SECONDS_MOST);
        return 0;
    case OPTION_VERBOSE: out->verbose = true; return 0;
    case ARGP_KEY_ARG: take_database(state, out, text); return 0;
    case ARGP_KEY_END:
        if (!out->database || !out->database[0]) argp_error(state, "name a database");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void print_log_version(FILE *stream, struct argp_state *state) {
    (void)state;
    fprintf(stream, "weir-log %s\n", weir_version());
}

static const char log_doc[] =
    "Make each line of standard input a row of a table in an SQLite database.\n"
    "\n"
    "  service 2>&1 | weir-log run.db\n"
    "\n"
    "The table is log(time_ns, level, thread, file, line, message). As soon as a\n"
    "line is read, it is a row that survives the death of this process. While the\n"
    "database is locked, or its disk full, rows wait in the journal beside it.\v"
    "SIGTERM, SIGINT and SIGHUP end it in order: what was read is kept.\n"
    "\n"
    "Exit status: 0 every line is a row; 1 every line is kept, but rows wait in the journal, or "
    "are in the table weir_reject; 4 lines were written to stderr instead, or journal or database "
    "are damaged; 8 could not run, read or copy; 16 usage.\n";

void weir_log_options_parse(int argc, char **argv, weir_logger_options *out) {
    const struct argp argp = {log_options, take_log_option, "DATABASE", log_doc, NULL, NULL, NULL};
    *out = (weir_logger_options){.table = "log",
                                 .tag = "stdin",
                                 .level = WEIR_INFO,
                                 .sync = WEIR_PUBLISHED,
                                 .wait_s = WAIT_SECONDS,
                                 .limit_bytes = (uint64_t)LIMIT_MIB << 20};
    argp_err_exit_status = WEIR_LOGGED_USAGE;
    argp_program_version_hook = print_log_version;
    (void)argp_parse(&argp, argc, argv, 0, NULL, out); /* it exits where it would fail */
}
