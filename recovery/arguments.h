/* arguments.h - the command line, checked. */
#ifndef WEIR_ARGUMENTS_H
#define WEIR_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum weir_verb {
    WEIR_VERB_RECOVER,
    WEIR_VERB_STATUS,
    WEIR_VERB_VERIFY,
    WEIR_VERB_REPLAY,
    WEIR_VERB_DUMP,
    WEIR_VERB_SALVAGE,
    WEIR_VERB_SYMBOLS,
} weir_verb;

/* --load, in the order given. */
typedef struct weir_extension {
    const char *name;
    struct weir_extension *next;
} weir_extension;

typedef struct weir_texts {
    const char *text;
    struct weir_texts *next;
} weir_texts;
typedef struct weir_arguments {
    weir_verb verb;
    const char *target;   /* a database or a journal directory */
    const char *journal;  /* its directory, when it is not beside the database; or NULL */
    const char *into;     /* replay: the database to fill */
    const char *table;    /* dump: this table only; or NULL */
    weir_extension *load; /* lives as long as the process */
    weir_texts *ids;
    const char *match;
    bool accept_gap, yes, dry_run;
    bool json, csv, archive, skip_damage, adopt;
    uint64_t from, to, limit; /* rows; UINT64_MAX: no bound */
    int64_t until_ns;         /* INT64_MAX: no bound */
    uint32_t wait_s;          /* how long to go on without progress */
} weir_arguments;

/* Fill *out from the command line. Does not return when the arguments are wrong (exit 16), or ask
 * for help or the version (exit 0). */
void weir_arguments_parse(int argc, char **argv, weir_arguments *out);

#endif
