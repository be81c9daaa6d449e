/* log_encode.h - a message as the record of a row, straight from the call's arguments. Private to
 * this folder.
 *
 * What log_take.h and format/row_encode.h do in two steps is done here in one, for the messages
 * that are logged most: an append of the same values takes as long. */
#ifndef WEIR_LOG_ENCODE_H
#define WEIR_LOG_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "../format/row_encode.h"
#include "log_take.h"

/* The integer arguments, as parameters. False: it is none. */
static inline bool weir_log_take_integer(const weir_log_argument *a, va_list *arguments,
                                         int64_t *out) {
    switch ((weir_log_taken_as)a->as) {
    case WEIR_LOG_INT: *out = va_arg(*arguments, int); return true;
    case WEIR_LOG_CHAR: /* its lowest 8 bits, extended by their sign */
        *out = (int64_t)((uint64_t)va_arg(*arguments, int) << 56) >> 56;
        return true;
    case WEIR_LOG_SHORT: *out = (short)va_arg(*arguments, int); return true;
    case WEIR_LOG_UNSIGNED: *out = va_arg(*arguments, unsigned); return true;
    case WEIR_LOG_UCHAR: *out = (unsigned char)va_arg(*arguments, unsigned); return true;
    case WEIR_LOG_USHORT: *out = (unsigned short)va_arg(*arguments, unsigned); return true;
    case WEIR_LOG_LONG: *out = va_arg(*arguments, long); return true;
    case WEIR_LOG_ULONG: *out = (int64_t)va_arg(*arguments, unsigned long); return true;
    case WEIR_LOG_LLONG: *out = va_arg(*arguments, long long); return true;
    case WEIR_LOG_INTMAX: *out = va_arg(*arguments, intmax_t); return true;
    case WEIR_LOG_SIZE: *out = (int64_t)va_arg(*arguments, size_t); return true;
    case WEIR_LOG_PTRDIFF: *out = va_arg(*arguments, ptrdiff_t); return true;
    case WEIR_LOG_POINTER: *out = (int64_t)(uintptr_t)va_arg(*arguments, void *); return true;
    default: return false;
    }
}

/* A text of at most *room bytes, which it uses; NULL: it is longer. */
static inline uint8_t *weir_log_put_text(uint8_t *at, uint8_t *tag, const char *text, size_t limit,
                                         uint64_t *room) {
    *tag = WEIR_NULL;
    if (!text) return at;
    size_t length = strnlen(text, limit <= *room ? limit : (size_t)*room + 1);
    if (length > *room) return NULL;
    *room -= length;
    return weir_put_string(at, tag, WEIR_TEXT, text, (uint32_t)length);
}

/* As weir_row_encode_small(): at has weir_row_most() bytes and room more. NULL: the texts are
 * longer than room, or an argument is of a kind that is taken in log_take.c alone. */
static inline uint8_t *weir_log_encode(uint8_t *at, const weir_log_template *t,
                                       const weir_log_message *m, uint32_t thread, uint64_t room) {
    at = weir_put_u16(at, t->row.number);
    at = weir_put_u16(at, t->row.columns);
    uint8_t *tag = at;
    int64_t last = 0;
    at = weir_put_integer(at + t->row.columns, tag++, m->time_ns);
    at = weir_put_integer(at, tag++, thread);
    for (const weir_log_argument *a = t->argument, *end = a + t->arguments; a < end; a++, tag++) {
        if (weir_log_take_integer(a, m->arguments, &last)) {
            at = weir_put_integer(at, tag, last);
        } else if (a->as == WEIR_LOG_DOUBLE) {
            at = weir_put_real(at, tag, va_arg(*m->arguments, double));
        } else if (a->as == WEIR_LOG_TEXT) {
            const char *text = va_arg(*m->arguments, const char *);
            at = weir_log_put_text(at, tag, text, weir_log_limit(a, last), &room);
            if (!at) return NULL;
        } else {
            return NULL;
        }
    }
    return at;
}

#endif
