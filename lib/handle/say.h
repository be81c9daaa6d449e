/* say.h - events of a handle without an on_event: a line each on standard error. Private to this
 * folder. */
#ifndef WEIR_SAY_H
#define WEIR_SAY_H

#include "core.h"

/* Standard error is what descriptor 2 is now. */
void weir_say_begin(weir *w);

/* Say it, unless its kind is normal, or was said and has not passed since. Any thread. */
void weir_say(weir *w, weir_event event, const char *text);

#endif
