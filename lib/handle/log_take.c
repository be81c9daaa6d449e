/* log_take.c - the arguments of a message become values. */
#include "log_take.h"

#include <wchar.h>

#include "../base/utf8.h"

/* ---- words ---------------------------------------------------------------------------------- */

static uint64_t collect_word(const weir_log_argument *a, va_list *arguments) {
    double real;
    uint64_t word;
    switch ((weir_log_kind)a->kind) {
    case WEIR_LOG_REAL:
        real = va_arg(*arguments, double);
        memcpy(&word, &real, sizeof word);
        return word;
    case WEIR_LOG_TEXT:
    case WEIR_LOG_WIDE_TEXT: return (uintptr_t)va_arg(*arguments, const void *);
    case WEIR_LOG_WIDE_CHAR: return va_arg(*arguments, wint_t);
    default: return a->unused ? (uint64_t)va_arg(*arguments, int) : va_arg(*arguments, uint64_t);
    }
}

void weir_log_collect(const weir_log_template *t, va_list *arguments, uint64_t *words) {
    for (const weir_log_argument *a = t->argument, *end = a + t->arguments; a < end; a++)
        if (a->kind != WEIR_LOG_ERROR) *words++ = collect_word(a, arguments);
}

/* ---- wide text ------------------------------------------------------------------------------ */

/* Room in which less than a character is left has more in it than a message shows. */
typedef struct wide_room {
    char *at, *end;
} wide_room;

static bool put_wide(wide_room *room, wchar_t c, size_t limit) {
    char character[4];
    size_t bytes = weir_utf8_encode(character, (uint32_t)c);
    if (bytes > limit || bytes > (size_t)(room->end - room->at)) return false;
    memcpy(room->at, character, bytes);
    room->at += bytes;
    return true;
}

/* Whole characters, as many as take no more than limit bytes. */
static weir_value take_wide_text(wide_room *room, const wchar_t *text, size_t limit) {
    const char *from = room->at;
    if (!text) return weir_null();
    while ((size_t)(room->at - from) < limit && *text &&
           put_wide(room, *text, limit - (size_t)(room->at - from)))
        text++;
    return weir_text_n(from, (size_t)(room->at - from));
}

static weir_value take_wide_character(wide_room *room, wchar_t c) {
    const char *from = room->at;
    (void)put_wide(room, c, 4);
    return weir_text_n(from, (size_t)(room->at - from));
}

/* ---- values --------------------------------------------------------------------------------- */

static weir_value take_text(const char *text, size_t limit) {
    return text ? weir_text_n(text, strnlen(text, limit)) : weir_null();
}

/* Static text, where there is one for this errno. */
static weir_value take_error(int error) {
    const char *text = strerrordesc_np(error);
    return text ? weir_text(text) : weir_int(error);
}

static weir_value take_word(const weir_log_argument *a, const uint64_t *word, wide_room *wide) {
    switch ((weir_log_kind)a->kind) {
    case WEIR_LOG_REAL: return weir_real(weir_log_real(*word));
    case WEIR_LOG_TEXT: return take_text(weir_log_pointer(*word), weir_log_limit(a, word));
    case WEIR_LOG_WIDE_TEXT:
        return take_wide_text(wide, weir_log_pointer(*word), weir_log_limit(a, word));
    case WEIR_LOG_WIDE_CHAR: return take_wide_character(wide, (wchar_t)*word);
    default: return weir_int(weir_log_integer(a, *word));
    }
}

void weir_log_take(const weir_log_template *t, const uint64_t *words, int error, weir_value *values,
                   char wide[WEIR_LOG_WIDE_BYTES]) {
    wide_room room = {.end = wide + WEIR_LOG_WIDE_BYTES};
    room.at = wide;
    for (const weir_log_argument *a = t->argument, *end = a + t->arguments; a < end; a++)
        *values++ = a->kind == WEIR_LOG_ERROR ? take_error(error) : take_word(a, words++, &room);
}
