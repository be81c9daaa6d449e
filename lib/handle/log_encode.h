/* log_encode.h - a message as the record of a row, straight from the words of its arguments. Private to
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

/* A message under way. */
typedef struct weir_log_message {
    int64_t time_ns;
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
    return weir_put_string(at, tag, WEIR_TEXT, text, (uint32_t)length);
}

/* As weir_row_encode_small(): at has weir_row_most() bytes and room more. NULL: the texts are
 * longer than room, or an argument is of a kind that is taken in log_take.c alone. */
static inline uint8_t *weir_log_encode(uint8_t *at, const weir_log_template *t,
                                       const weir_log_message *m, uint32_t thread, uint64_t room) {
    at = weir_put_u16(at, t->row.number);
    at = weir_put_u16(at, t->row.columns);
    uint8_t *tag = at;
    const uint64_t *word = m->words;
    at = weir_put_integer(at + t->row.columns, tag++, m->time_ns);
    at = weir_put_integer(at, tag++, thread);
    for (const weir_log_argument *a = t->argument, *end = a + t->arguments; a < end;
         a++, tag++, word++) {
        if (a->kind == WEIR_LOG_INTEGER)
            at = weir_put_integer(at, tag, weir_log_integer(a, *word));
        else if (a->kind == WEIR_LOG_REAL)
            at = weir_put_real(at, tag, weir_log_real(*word));
        else if (a->kind == WEIR_LOG_TEXT)
            at =
                weir_log_put_text(at, tag, weir_log_pointer(*word), weir_log_limit(a, word), &room);
        else
            return NULL;
        if (!at) return NULL;
    }
    return at;
}

#endif
