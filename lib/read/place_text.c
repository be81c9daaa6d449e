/* place_text.c - a position as text and back. */
#include "place_text.h"

#include <inttypes.h>
#include <stdio.h>

static uint32_t check_of(const char *text, size_t length) {
    return (uint32_t)weir_hash(text, length);
}

void weir_place_text(const weir_bookmark *mark, char text[WEIR_PLACE_TEXT]) {
    const weir_position *at = &mark->at;
    char journal[33];
    for (size_t i = 0; i < sizeof at->journal; i++)
        (void)snprintf(journal + 2 * i, 3, "%02x", at->journal[i]);
    int length = snprintf(text, WEIR_PLACE_TEXT,
                          "weir1:%s:%" PRIu64 ":%" PRIu64 ":%016" PRIx64 ":%016" PRIx64, journal,
                          at->block, at->row, at->hash, mark->row_hash); /* at most 114 bytes */
    (void)snprintf(text + length, WEIR_PLACE_TEXT - (size_t)length, ":%08" PRIx32,
                   check_of(text, (size_t)length));
}

static bool take_literal(weir_cursor *c, const char *literal) {
    size_t length = strlen(literal);
    const uint8_t *bytes = weir_take(c, length);
    return bytes && memcmp(bytes, literal, length) == 0;
}

static int digit_of(uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint64_t take_hex_digits(weir_cursor *c, unsigned digits) {
    uint64_t number = 0;
    for (unsigned i = 0; i < digits; i++) {
        int digit = digit_of(weir_take_u8(c));
        if (digit < 0) c->bad = true;
        number = number << 4 | (uint64_t)(digit & 15);
    }
    return number;
}

/* Digits up to the next colon, which is taken too. */
static uint64_t take_decimal(weir_cursor *c) {
    uint64_t number = 0;
    for (unsigned digits = 0; weir_cursor_ok(c); digits++) {
        uint8_t next = weir_take_u8(c);
        if (next == ':' && digits) return number;
        if (next < '0' || next > '9' || number > (UINT64_MAX - 9) / 10) c->bad = true;
        number = number * 10 + (uint64_t)(next - '0');
    }
    return 0;
}

bool weir_place_text_parse(const char *text, weir_bookmark *out) {
    weir_bookmark mark = {0};
    weir_position *at = &mark.at;
    size_t length = strnlen(text, WEIR_PLACE_TEXT);
    weir_cursor c = weir_cursor_over(text, length);
    if (!take_literal(&c, "weir1:")) return false;
    for (size_t i = 0; i < sizeof at->journal; i++)
        at->journal[i] = (uint8_t)take_hex_digits(&c, 2);
    if (!take_literal(&c, ":")) return false;
    at->block = take_decimal(&c);
    at->row = take_decimal(&c);
    at->hash = take_hex_digits(&c, 16);
    if (!take_literal(&c, ":")) return false;
    mark.row_hash = take_hex_digits(&c, 16);
    size_t checked = length - weir_cursor_left(&c);
    if (!weir_cursor_ok(&c) || !take_literal(&c, ":")) return false;
    bool right = take_hex_digits(&c, 8) == check_of(text, checked);
    if (!right || !weir_cursor_ok(&c) || weir_cursor_left(&c)) return false;
    *out = mark;
    return true;
}
