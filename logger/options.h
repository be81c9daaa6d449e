/* options.h - the command line of weir-log, checked; and its exit codes, as the man page and --help
 * give them. */
#ifndef WEIR_LOGGER_OPTIONS_H
#define WEIR_LOGGER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/log.h>

enum {
    WEIR_LOGGED = 0,
    WEIR_LOGGED_WAITS = 1, /* every line is kept, but rows wait in the journal or were refused */
    WEIR_LOGGED_NOT = 4,   /* lines went to stderr instead, or journal or database are damaged */
    WEIR_LOGGED_FAILED = 8,
    WEIR_LOGGED_USAGE = 16,
};

typedef struct weir_logger_options {
    const char *database;
    const char *journal; /* its directory, when it is not beside the database; or NULL */
    const char *table, *tag;
    weir_log_level level; /* of a line without a prefix */
    weir_level sync;      /* what a line must have reached before it is copied and forgotten */
    bool prefixes, pass, verbose;
    uint32_t wait_s;
    uint64_t limit_bytes; /* of the journal */
} weir_logger_options;

/* Fill *out from the command line. Does not return when it is wrong (exit 16), or asks for help or
 * the version (exit 0). */
void weir_log_options_parse(int argc, char **argv, weir_logger_options *out);

#endif
