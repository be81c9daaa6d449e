/* verbs.h - what the tool can do; each returns the exit code. */
#ifndef WEIR_VERBS_H
#define WEIR_VERBS_H

#include "arguments.h"
#include "place.h"

int weir_run_recover(const weir_arguments *arguments, const weir_place *place);
int weir_run_look(const weir_arguments *arguments, const weir_place *place); /* status, verify */
int weir_run_dump(const weir_arguments *arguments, const weir_place *place);
int weir_run_replay(const weir_arguments *arguments, const weir_place *place);
int weir_run_salvage(const weir_arguments *arguments, const weir_place *place);

#endif
