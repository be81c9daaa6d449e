/* verbs.h - the verbs of the tool, and the table of them. */
#ifndef WEIR_VERBS_H
#define WEIR_VERBS_H

#include "arguments.h"
#include "place.h"

/* Recover and salvage append no rows of their own, so they open the journal with the smallest sizes
 * that are allowed: space may be scarce when recovery is needed. */
enum {
    WEIR_TOOL_LANE_BYTES = 1 << 16,
    WEIR_TOOL_LANES = 2,
    WEIR_TOOL_SEGMENT_BYTES = 1 << 20,
};

/* Each returns the exit code. */
int weir_run_recover(const weir_arguments *arguments, const weir_place *place);
int weir_run_look(const weir_arguments *arguments, const weir_place *place); /* status, verify */
int weir_run_dump(const weir_arguments *arguments, const weir_place *place);
int weir_run_replay(const weir_arguments *arguments, const weir_place *place);
int weir_run_salvage(const weir_arguments *arguments, const weir_place *place);
int weir_run_completion(const weir_arguments *arguments, const weir_place *place);
int weir_run_backup(const weir_arguments *arguments, const weir_place *place);
int weir_run_symbols(const weir_arguments *arguments, const weir_place *place);
int weir_run_forget(const weir_arguments *arguments, const weir_place *place);
int weir_run_rejects_list(const weir_arguments *arguments, const weir_place *place);
int weir_run_rejects_retry(const weir_arguments *arguments, const weir_place *place);
int weir_run_rejects_drop(const weir_arguments *arguments, const weir_place *place);
int weir_run_report(const weir_arguments *arguments, const weir_place *place);
int weir_run_watch(const weir_arguments *arguments, const weir_place *place);
int weir_run_archive_list(const weir_arguments *arguments, const weir_place *place);
int weir_run_archive_pack(const weir_arguments *arguments, const weir_place *place);
int weir_run_archive_prune(const weir_arguments *arguments, const weir_place *place);
int weir_run_archive_push(const weir_arguments *arguments, const weir_place *place);
int weir_run_archive_restore(const weir_arguments *arguments, const weir_place *place);
int weir_run_readers_list(const weir_arguments *arguments, const weir_place *place);
int weir_run_readers_forget(const weir_arguments *arguments, const weir_place *place);
int weir_run_aside_list(const weir_arguments *arguments, const weir_place *place);
int weir_run_aside_drop(const weir_arguments *arguments, const weir_place *place);
int weir_run_metrics(const weir_arguments *arguments, const weir_place *place);
int weir_run_check_server(const weir_arguments *arguments, const weir_place *place);
int weir_run_detach(const weir_arguments *arguments, const weir_place *place);

typedef struct weir_verb_entry {
    const char *name; /* "verify", or of two words: "archive list" */
    /* "DATABASE|JOURNAL", or two words; one in brackets may be left out. The first is
     * weir_arguments.target, the second weir_arguments.second. */
    const char *operands;
    const char *summary; /* for the list of the verbs; 60 characters at most */
    const char *text;    /* for `weir VERB --help`, after the summary; NULL: nothing more */
    const char *heading; /* over the verb in the list, where it is the first of its kind; or NULL */
    const char *example; /* a line as one types it; or NULL */
    const char *exits;   /* what the exit status says; NULL: what it says with most verbs */
    int (*run)(const weir_arguments *arguments, const weir_place *place);
    /* What the options of the verb contradict, or lack; NULL: they are in order. */
    const char *(*complain)(const weir_arguments *arguments);
    bool elsewhere; /* its first operand is no database and no journal: run gets no place (NULL) */
} weir_verb_entry;

extern const weir_verb_entry weir_verbs[WEIR_VERBS];

#endif
