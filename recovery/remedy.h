/* remedy.h - what to do about what was found, for the person at the terminal: fit for the case, and
 * never the verb that one is in. */
#ifndef WEIR_REMEDY_H
#define WEIR_REMEDY_H

#include "../lib/verify/inventory.h"
#include "arguments.h"

enum { WEIR_REMEDY_TEXT = 1000 };

/* The verdict in words, what to do included. Into text, which is returned. */
const char *weir_remedy_of_verdict(const weir_arguments *arguments, const weir_inventory *inventory,
                                   char text[WEIR_REMEDY_TEXT]);

/* What to do about one damage; likewise. */
const char *weir_remedy_of_damage(const weir_arguments *arguments, const weir_inventory *inventory,
                                  const weir_damage *damage, char text[WEIR_REMEDY_TEXT]);

/* What a command takes to look at the same journal: "DATABASE", or "--journal DIR DATABASE". */
const char *weir_remedy_operand(const weir_arguments *arguments, const char *target,
                                char text[WEIR_REMEDY_TEXT]);

#endif
