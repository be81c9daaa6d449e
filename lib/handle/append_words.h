/* append_words.h - what weir_last_error() says of a row that was not appended.
 *
 * Called on the failing path only, in signal handlers too: facts are noted, and words are made of
 * them when they are asked for (base/status.h). */
#ifndef WEIR_APPEND_WORDS_H
#define WEIR_APPEND_WORDS_H

#include "append_slow.h"

/* Note, for WEIR_FULL, that there was no lane for the thread, or no room in it. */
WEIR_SLOW void weir_append_had_no_lane(weir *w);
WEIR_SLOW void weir_append_had_no_room(const weir *w, bool waited);

#endif
