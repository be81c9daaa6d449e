/* text_put.c - text in the making, piece by piece. */
#include "text_put.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "../base/utf8.h"

void weir_text_put(weir_text_buffer *out, const char *text, size_t length) {
    size_t room = weir_text_room(out);
    if (length > room) {
        out->cut = true;
        length = room;
    }
    memcpy(out->bytes + out->length, text, length);
    out->length += length;
}

void weir_text_put_spaces(weir_text_buffer *out, size_t count) {
    size_t room = weir_text_room(out);
    if (count > room) {
        out->cut = true;
        count = room;
    }
    memset(out->bytes + out->length, ' ', count);
    out->length += count;
}

size_t weir_text_put_mark(char text[WEIR_TEXT_MAX]) {
    static const char mark[] = "… [cut]";
    size_t at = weir_utf8_cut(text, WEIR_TEXT_MAX - sizeof mark);
    memcpy(text + at, mark, sizeof mark);
    return at + sizeof mark - 1;
}

char *weir_text_digits(char *end, uint64_t v) {
    do
        *--end = (char)('0' + v % 10);
    while (v /= 10);
    return end;
}

void weir_text_put_decimal(weir_text_buffer *out, uint64_t magnitude, bool negative) {
    char digits[24], *end = digits + sizeof digits, *at = weir_text_digits(end, magnitude);
    if (negative) *--at = '-';
    weir_text_put(out, at, (size_t)(end - at));
}

void weir_text_put_integer(weir_text_buffer *out, int64_t v) {
    weir_text_put_decimal(out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0);
}

void weir_text_put_hexadecimal(weir_text_buffer *out, const uint8_t *bytes, size_t length) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length && !out->cut; i++)
        weir_text_put(out, (const char[]){digits[bytes[i] >> 4], digits[bytes[i] & 15]}, 2);
}

int weir_text_shortest(char text[WEIR_TEXT_SHORTEST], double v) {
    int digits = 15, length;
    do
        length = snprintf(text, WEIR_TEXT_SHORTEST, "%.*g", digits, v);
    while (++digits <= 17 && strtod(text, NULL) != v);
    return length;
}

void weir_text_put_shortest(weir_text_buffer *out, double v) {
    char text[WEIR_TEXT_SHORTEST];
    int length = weir_text_shortest(text, v);
    weir_text_put(out, text, (size_t)length);
}

/* ---- the locale ---- */

weir_text_locale weir_text_locale_begin(void) {
    static locale_t c_locale; /* made anew by threads that race: glibc's is the same static one */
    locale_t c = __atomic_load_n(&c_locale, __ATOMIC_ACQUIRE);
    if (!c) {
        c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
        __atomic_store_n(&c_locale, c, __ATOMIC_RELEASE); /* pairs with the load */
    }
    return (weir_text_locale){uselocale(c)}; /* without memory c is 0: the locale stays */
}

void weir_text_locale_end(weir_text_locale l) { (void)uselocale((locale_t)l.before); }
