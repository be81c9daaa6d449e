/* log_take.c - the arguments of a message become values. */
#include <wchar.h>

#include "../base/utf8.h"
#include "log_encode.h"

static inline weir_value take_text(const char *text, size_t limit) {
    return text ? weir_text_n(text, strnlen(text, limit)) : weir_null();
}

/* Static text, where there is one for this errno. */
static weir_value take_error(int error) {
    const char *text = strerrordesc_np(error);
    return text ? weir_text(text) : weir_int(error);
}

/* last: the last integer that was taken, which may be a text's precision. */
static weir_value take_argument(const weir_log_argument *a, va_list *arguments, int error,
                                int64_t *last) {
    if (weir_log_take_integer(a, arguments, last)) return weir_int(*last);
    switch ((weir_log_taken_as)a->as) {
    case WEIR_LOG_DOUBLE: return weir_real(va_arg(*arguments, double));
    case WEIR_LOG_ERROR: return take_error(error);
    case WEIR_LOG_TEXT:
        return take_text(va_arg(*arguments, const char *), weir_log_limit(a, *last));
    default: return weir_null(); /* wide: not here */
    }
}

void weir_log_take(const weir_log_template *t, va_list *arguments, int error, weir_value *values) {
    int64_t last = 0;
    for (unsigned i = 0; i < t->arguments; i++)
        values[i] = take_argument(&t->argument[i], arguments, error, &last);
}

/* ---- wide text ------------------------------------------------------------------------------ */

typedef struct wide_room {
    char *at, *end;
} wide_room;

/* Whole characters, as many as take no more than limit bytes. */
static bool take_wide_text(wide_room *room, const wchar_t *text, size_t limit, weir_value *out) {
    char *from = room->at;
    *out = weir_null();
    if (!text) return true;
    for (; (size_t)(room->at - from) < limit && *text; text++) {
        char character[4];
        size_t bytes = weir_utf8_encode(character, (uint32_t)*text);
        if ((size_t)(room->at - from) + bytes > limit) break;
        if ((size_t)(room->end - room->at) < bytes) return false;
        memcpy(room->at, character, bytes);
        room->at += bytes;
    }
    *out = weir_text_n(from, (size_t)(room->at - from));
    return true;
}

static bool take_wide_character(wide_room *room, wint_t c, weir_value *out) {
    if (room->end - room->at < 4) return false;
    size_t bytes = weir_utf8_encode(room->at, (uint32_t)c);
    *out = weir_text_n(room->at, bytes);
    room->at += bytes;
    return true;
}

bool weir_log_take_wide(const weir_log_template *t, va_list *arguments, int error,
                        weir_value *values, char wide[WEIR_LOG_WIDE_BYTES]) {
    wide_room room = {.end = wide + WEIR_LOG_WIDE_BYTES};
    room.at = wide;
    bool fits = true;
    int64_t last = 0;
    for (unsigned i = 0; i < t->arguments && fits; i++) {
        const weir_log_argument *a = &t->argument[i];
        if (a->as == WEIR_LOG_WIDE_TEXT)
            fits = take_wide_text(&room, va_arg(*arguments, const wchar_t *),
                                  weir_log_limit(a, last), &values[i]);
        else if (a->as == WEIR_LOG_WIDE_CHAR)
            fits = take_wide_character(&room, va_arg(*arguments, wint_t), &values[i]);
        else
            values[i] = take_argument(a, arguments, error, &last);
    }
    return fits;
}
