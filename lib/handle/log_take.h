/* log_take.h - the arguments of a message become values. Private to this folder.
 *
 * Arguments come as words of 64 bits, one each: an integer extended as its type is, the bits of a
 * double, a pointer. The template says what a word is. */
#ifndef WEIR_LOG_TAKE_H
#define WEIR_LOG_TAKE_H

#include <stdarg.h>

#include "log_site.h"

/* For all wide text of a message, as UTF-8. Of more than that nothing is shown. */
enum { WEIR_LOG_WIDE_BYTES = WEIR_LOG_BYTES + 4 };

static inline int64_t weir_log_integer(const weir_log_argument *a, uint64_t word) {
    word <<= a->unused;
    return a->is_signed ? (int64_t)word >> a->unused : (int64_t)(word >> a->unused);
}

static inline double weir_log_real(uint64_t word) {
    double real;
    memcpy(&real, &word, sizeof real);
    return real;
}

static inline const void *weir_log_pointer(uint64_t word) {
    uintptr_t at = (uintptr_t)word;
    const void *pointer;
    memcpy(&pointer, &at, sizeof pointer);
    return pointer;
}

/* The limit of a text: its precision, if that is the argument before it. A negative one counts as
 * none. */
static inline size_t weir_log_limit(const weir_log_argument *a, const uint64_t *word) {
    int before = a->star ? (int)word[-1] : -1;
    if (before < 0) return a->limit;
    return before < WEIR_LOG_BYTES ? (size_t)before : WEIR_LOG_BYTES;
}

/* The words of a call's arguments. words has room for WEIR_LOG_ARGUMENTS. */
void weir_log_collect(const weir_log_template *t, va_list *arguments, uint64_t *words);

/* Values made of words; values has room for them. Wide text is converted into wide. error: errno at
 * the call. */
void weir_log_take(const weir_log_template *t, const uint64_t *words, int error, weir_value *values,
                   char wide[WEIR_LOG_WIDE_BYTES]);

#endif
