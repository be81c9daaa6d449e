/* arguments.h - the command line, checked. */
#ifndef WEIR_ARGUMENTS_H
#define WEIR_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

/* In the order in which --help lists them. */
typedef enum weir_verb {
    WEIR_VERB_STATUS,
    WEIR_VERB_VERIFY,
    WEIR_VERB_WATCH,
    WEIR_VERB_REPORT,
    WEIR_VERB_METRICS,
    WEIR_VERB_CHECK,
    WEIR_VERB_DUMP,
    WEIR_VERB_SYMBOLS,
    WEIR_VERB_RECOVER,
    WEIR_VERB_REPLAY,
    WEIR_VERB_SALVAGE,
    WEIR_VERB_FORGET,
    WEIR_VERB_REJECTS_LIST,
    WEIR_VERB_REJECTS_RETRY,
    WEIR_VERB_REJECTS_DROP,
    WEIR_VERB_BACKUP,
    WEIR_VERB_ARCHIVE_LIST,
    WEIR_VERB_ARCHIVE_PACK,
    WEIR_VERB_ARCHIVE_PRUNE,
    WEIR_VERB_ARCHIVE_PUSH,
    WEIR_VERB_ARCHIVE_RESTORE,
    WEIR_VERB_READERS_LIST,
    WEIR_VERB_READERS_FORGET,
    WEIR_VERB_DETACH,
    WEIR_VERB_ASIDE_LIST,
    WEIR_VERB_ASIDE_DROP,
    WEIR_VERB_COMPLETION,
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
    const char *into;    /* replay: the database or server to fill; status: the server to ask */
    const char *schema;  /* of a server's tables; NULL: the first of its search_path */
    const char *listen;  /* metrics: ADDRESS:PORT to serve them at; or NULL */
    const char *format;  /* metrics: "openmetrics" or "prometheus"; or NULL */
    const char *output;  /* metrics, report: the file that has them; or NULL */
    weir_texts *tables;  /* dump: these only; NULL: all */
    const char *table;   /* rejects: this table only; or NULL */
    const char *match;   /* dump, rejects: rows that contain this; or NULL */
    const char *level, *after, *reader; /* dump; or NULL */
    weir_texts *load, *ids;
    bool json, csv, archive, skip_damage, adopt;
    bool accept_gap, yes, all;
    bool forget;                                  /* detach: the journal's record of the sink too */
    bool follow, ring, cursor;                    /* dump */
    bool values;                                  /* report: values of rows may be on the page */
    bool check;                                   /* status: one line for a monitor */
    uint64_t max_waiting, max_lag_s, max_rejects; /* status --check; UINT64_MAX: no bound */
    uint64_t min_free;                            /* bytes; 0: what the journal needs */
    bool help, usage, version;
    bool dry_run;             /* say what would be done, and change nothing */
    bool undo;                /* salvage: bring in what was lost */
    const char *save_to;      /* salvage: a new database to fill; or NULL */
    const char *integrity;    /* "none", "quick", "full"; NULL: none */
    uint64_t from, to, limit; /* rows; UINT64_MAX: no bound */
    uint64_t hold_bytes;      /* dump: of a reader; 0: not said */
    int64_t until_ns;         /* since 1970; INT64_MAX: no bound */
    int64_t since_ns;         /* likewise; INT64_MIN: no bound */
    uint64_t count;           /* watch: ends after so many looks; UINT64_MAX: never */
    uint32_t interval_s;      /* metrics, watch: from one time to the next; 0: once; watch: 1 */
    uint32_t wait_s;          /* how long to go on without progress */
    /* archive …; UINT64_MAX: no such bound */
    uint64_t keep_bytes, keep_rows, max_age_s;
    uint64_t keep_plain; /* archive pack: segments */
    bool passed, whole, keep_fetched;
    const char *pushed, *endpoint, *region, *id;
    uint32_t every_s, timeout_s;
} weir_arguments;

/* Fill *out from the command line. Does not return when the arguments are wrong (exit 16), or ask
 * for help or the version (exit 0). */
void weir_arguments_parse(int argc, char **argv, weir_arguments *out);

#endif
