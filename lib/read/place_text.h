/* place_text.h - a position in a journal as a line of text that a program can keep: a cursor. */
#ifndef WEIR_PLACE_TEXT_H
#define WEIR_PLACE_TEXT_H

#include "../format/named.h"

/* "weir1:JOURNAL:BLOCK:ROW:HASH:ROWHASH:CHECK": 32 hexadecimal digits, two decimal numbers, twice 16
 * hexadecimal digits, and 8 that are the low half of the XXH3-64 of all before the last colon. */
enum { WEIR_PLACE_TEXT = 160 };

void weir_place_text(const weir_bookmark *mark, char text[WEIR_PLACE_TEXT]);
/* False when it is no such text, or one that was changed. */
bool weir_place_text_parse(const char *text, weir_bookmark *out);

#endif
