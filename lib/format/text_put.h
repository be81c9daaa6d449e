/* text_put.h - text in the making, piece by piece, in a buffer that may be too small. Private to this
 * folder. */
#ifndef WEIR_TEXT_PUT_H
#define WEIR_TEXT_PUT_H

#include "text.h"

static inline size_t weir_text_room(const weir_text_buffer *out) {
    return WEIR_TEXT_MAX - 1 - out->length;
}

/* Each adds as much as fits, and sets cut if that is not all. */
void weir_text_put(weir_text_buffer *out, const char *text, size_t length);
void weir_text_put_spaces(weir_text_buffer *out, size_t count);
void weir_text_put_decimal(weir_text_buffer *out, uint64_t magnitude, bool negative);
void weir_text_put_integer(weir_text_buffer *out, int64_t v);
/* As weir_text_shortest(). */
void weir_text_put_shortest(weir_text_buffer *out, double v);
void weir_text_put_hexadecimal(weir_text_buffer *out, const uint8_t *bytes, size_t length);

/* Write the digits of v before end; returns the first. At most 20. */
char *weir_text_digits(char *end, uint64_t v);

#endif
