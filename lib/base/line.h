/* line.h - a line of text composed piece by piece, in a signal handler too. What does not fit is
 * cut. */
#ifndef WEIR_LINE_H
#define WEIR_LINE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct weir_line {
    size_t length;
    char text[4096 + 512]; /* the longest path, and words beside it; no NUL at its end */
} weir_line;

static inline void weir_line_add_bytes(weir_line *line, const char *text, size_t length) {
    size_t room = sizeof line->text - line->length;
    if (length > room) length = room;
    memcpy(line->text + line->length, text, length);
    line->length += length;
}

static inline void weir_line_add(weir_line *line, const char *text) {
    weir_line_add_bytes(line, text, strlen(text));
}

/* At least least digits, 16 at most. */
static inline void weir_line_add_hex(weir_line *line, uint64_t value, unsigned least) {
    char digits[16];
    size_t at = sizeof digits;
    while (at > 0 && (value || sizeof digits - at < least)) {
        digits[--at] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
    weir_line_add_bytes(line, digits + at, sizeof digits - at);
}

static inline void weir_line_add_number(weir_line *line, int64_t value) {
    char digits[20];
    size_t at = sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        digits[--at] = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0) weir_line_add(line, "-");
    weir_line_add_bytes(line, digits + at, sizeof digits - at);
}

static inline void weir_line_add_address(weir_line *line, uint64_t address) {
    weir_line_add(line, "0x");
    weir_line_add_hex(line, address, 1);
}

#endif
