/* help.h - what --help, --usage and --version print. */
#ifndef WEIR_HELP_H
#define WEIR_HELP_H

#include <stdio.h>

#include "arguments.h"

/* The words that call the verb: "weir verify"; with WEIR_VERBS those of the tool alone. */
const char *weir_help_name(weir_verb verb);

/* Of one verb, or with WEIR_VERBS of the tool. short_only: the options in one paragraph. */
void weir_help_print(FILE *out, weir_verb verb, bool short_only);

#endif
