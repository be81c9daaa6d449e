/* log_encode.h - a message as the record of a row, straight from the words of its arguments. Private
 * to this folder.
 *
 * What log_take.h and format/row_encode.h do in two steps is done here in one, for the messages
 * that are logged most: but for the clock, an append of the same values takes as long. */
#ifndef WEIR_LOG_ENCODE_H
#define WEIR_LOG_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "../format/row_encode.h"
#include "log_take.h"

/* A message under way. */
typedef struct weir_log_message {
    weir_clock *clock;
    const uint64_t *words;
} weir_log_message;

/* A text of at most *room bytes, which it uses; NULL: it is longer. */
static inline uint8_t *weir_log_put_text(uint8_t *at, uint8_t *tag, const char *text, size_t limit,
                                         uint64_t *room) {
    *tag = WEIR_NULL;
    if (!text) return at;
    size_t length = strnlen(text, limit <= *room ? limit : (size_t)*room + 1);
    if (length > *room) return NULL;
    *room -= length;
    return weir_put_short(at, tag, WEIR_TEXT, text, length);
}

/* As weir_row_encode_small(): at has weir_row_most() bytes and room more. NULL: the texts are
 * longer than room, an argument is of a kind that is taken in log_take.c alone, or the time does not
 * take eight bytes, as it has since 1971.
 *
 * The clock is read last: in a virtual machine rdtsc waits for all that was begun, so what follows
 * it goes on together with the next message. */
static inline uint8_t *weir_log_encode(uint8_t *at, const weir_log_template *t,
                                       const weir_log_message *m, uint32_t thread, uint64_t room) {
    uint8_t *tag = weir_put_u32(at, t->head), *time = tag + t->row.columns;
    at = weir_put_integer(time + 8, tag + 1, thread);
    *tag = WEIR_INTEGER << 4 | 8;
    tag += WEIR_LOG_FIXED;
    for (size_t i = 0, count = t->arguments; i < count; i++) {
        const weir_log_argument *a = &t->argument[i];
        const uint64_t *word = &m->words[i];
        if (a->kind == WEIR_LOG_INTEGER) {
            at = weir_put_integer(at, &tag[i], weir_log_integer(a, *word));
        } else if (a->kind == WEIR_LOG_REAL) {
            at = weir_put_real(at, &tag[i], weir_log_real(*word));
        } else {
            if (a->kind != WEIR_LOG_TEXT) return NULL;
            at = weir_log_put_text(at, &tag[i], weir_log_pointer(*word), weir_log_limit(a, word),
                                   &room);
            if (!at) return NULL;
        }
    }
    int64_t now = weir_clock_now(m->clock);
    (void)weir_put_u64(time, (uint64_t)now);
    return __builtin_expect(now >= (int64_t)1 << 55, 1) ? at : NULL;
}

#endif
