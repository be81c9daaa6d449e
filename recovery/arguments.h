/* arguments.h - the command line, checked. */
#ifndef WEIR_ARGUMENTS_H
#define WEIR_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

/* In the order in which --help lists them. */
typedef enum weir_verb {
    WEIR_VERB_RECOVER,
    WEIR_VERB_STATUS,
    WEIR_VERB_VERIFY,
    WEIR_VERB_DUMP,
    WEIR_VERB_REPLAY,
    WEIR_VERB_SALVAGE,
    WEIR_VERB_SYMBOLS,
    WEIR_VERB_ARCHIVE_LIST,
    WEIR_VERB_ARCHIVE_PACK,
    WEIR_VERB_ARCHIVE_PRUNE,
    WEIR_VERB_ARCHIVE_PUSH,
    WEIR_VERB_ARCHIVE_RESTORE,
    WEIR_VERBS,
} weir_verb;

/* What an option that may be given again was given, in that order. */
typedef struct weir_texts {
    const char *text;
    struct weir_texts *next;
} weir_texts;

/* Texts belong to the command line, lists live as long as the process. options.c says which option
 * fills which field. */
typedef struct weir_arguments {
    weir_verb verb;
    const char *target;  /* a database or a journal directory */
    const char *second;  /* the second operand of a verb that has one; or NULL */
    const char *journal; /* its directory, when it is not beside the database; or NULL */
    const char *into;    /* replay: the database to fill */
    const char *table;   /* dump: this table only; or NULL */
    weir_texts *load;
    bool json, csv, archive, skip_damage, adopt;
    bool help, usage, version;
    uint64_t from, to, limit; /* rows; UINT64_MAX: no bound */
    int64_t until_ns;         /* since 1970; INT64_MAX: no bound */
    uint32_t wait_s;          /* how long to go on without progress */
    /* archive …; UINT64_MAX: no such bound */
    uint64_t keep_bytes, keep_rows, max_age_s;
    uint64_t keep_plain; /* archive pack: segments */
    bool passed, dry_run, whole, keep_fetched;
    const char *pushed, *endpoint, *region, *id;
    uint32_t every_s, timeout_s;
} weir_arguments;

/* Fill *out from the command line. Does not return when the arguments are wrong (exit 16), or ask
 * for help or the version (exit 0). */
void weir_arguments_parse(int argc, char **argv, weir_arguments *out);

#endif
