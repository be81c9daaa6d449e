/* verbs.h - the verbs of the tool. Each function returns the exit code. */
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

int weir_run_recover(const weir_arguments *arguments, const weir_place *place);
int weir_run_look(const weir_arguments *arguments, const weir_place *place); /* status, verify */
int weir_run_dump(const weir_arguments *arguments, const weir_place *place);
int weir_run_replay(const weir_arguments *arguments, const weir_place *place);
int weir_run_salvage(const weir_arguments *arguments, const weir_place *place);
int weir_run_symbols(const weir_arguments *arguments, const weir_place *place);
int weir_run_forget(const weir_arguments *arguments, const weir_place *place);
int weir_run_rejects_list(const weir_arguments *arguments, const weir_place *place);
int weir_run_rejects_retry(const weir_arguments *arguments, const weir_place *place);
int weir_run_rejects_drop(const weir_arguments *arguments, const weir_place *place);
#endif
