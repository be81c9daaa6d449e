/* text_put.c - text in the making, piece by piece. */
#include "text_put.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

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

size_t weir_text_character(const uint8_t *at, size_t left) {
    if (at[0] < 0x80) return 1;
    size_t size = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : 2;
    if (at[0] < 0xC2 || at[0] > 0xF4 || left < size) return 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    bool overlong = (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xF0 && at[1] < 0x90);
    bool surrogate = at[0] == 0xED && at[1] > 0x9F, beyond = at[0] == 0xF4 && at[1] > 0x8F;
    return overlong || surrogate || beyond ? 0 : size;
}

size_t weir_text_put_mark(char text[WEIR_TEXT_MAX]) {
    static const char mark[] = "… [cut]";
    size_t limit = WEIR_TEXT_MAX - sizeof mark,
           at = limit - 3; /* a character has at most 4 bytes */
    while (at < limit && at + weir_text_character((const uint8_t *)text + at, 4) <= limit)
        at++;
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

/* 17 digits tell every double from every other. */
void weir_text_put_shortest(weir_text_buffer *out, double v) {
    char text[40];
    int digits = 15, length;
    do
        length = snprintf(text, sizeof text, "%.*g", digits, v);
    while (++digits <= 17 && strtod(text, NULL) != v);
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
