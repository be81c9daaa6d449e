/* utf8.c - characters of UTF-8. */
#include "utf8.h"

#include <stdbool.h>

size_t weir_utf8_size(const uint8_t *at, size_t left) {
    if (at[0] < 0x80) return 1;
    size_t size = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : 2;
    if (at[0] < 0xC2 || at[0] > 0xF4 || left < size) return 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    bool overlong = (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xF0 && at[1] < 0x90);
    bool surrogate = at[0] == 0xED && at[1] > 0x9F, beyond = at[0] == 0xF4 && at[1] > 0x8F;
    return overlong || surrogate || beyond ? 0 : size;
}

/* A place where no character begins is in the middle of one, or of bytes that are none. */
size_t weir_utf8_cut(const char *text, size_t limit) {
    size_t at = limit < 3 ? 0 : limit - 3; /* a character has at most four bytes */
    while (at < limit && at + weir_utf8_size((const uint8_t *)text + at, 4) <= limit)
        at++;
    return at;
}

size_t weir_utf8_encode(char at[4], uint32_t c) {
    if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) c = 0xFFFD;
    if (c < 0x80) {
        at[0] = (char)c;
        return 1;
    }
    size_t bytes = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = bytes - 1; i > 0; i--, c >>= 6)
        at[i] = (char)(0x80 | (c & 0x3F));
    at[0] = (char)((0xF00u >> bytes) | c);
    return bytes;
}
