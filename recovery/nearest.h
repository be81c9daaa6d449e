/* nearest.h - what somebody may have meant who mistyped a verb or an option. */
#ifndef WEIR_NEAREST_H
#define WEIR_NEAREST_H

#include "options.h"

/* The verb whose name is nearest to word: of a group its second word, with NULL the whole name or the
 * group's. NULL: none is near. The text lives as long as the process, or until the next call. */
const char *weir_nearest_verb(const char *group, const char *word);

/* Likewise the name of an option, of whichever verb; word is without its dashes. */
const char *weir_nearest_option(const char *word);

/* The option that the word of a command line gives: "--name", "--name=value", "--na", one of those that
 * begin so, or "-n". NULL: none. */
const weir_option *weir_option_named(const char *word);

#endif
