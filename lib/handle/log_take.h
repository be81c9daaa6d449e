/* log_take.h - the arguments of a message become values. Private to this folder. */
#ifndef WEIR_LOG_TAKE_H
#define WEIR_LOG_TAKE_H

#include <stdarg.h>

#include "log_site.h"

enum { WEIR_LOG_WIDE_BYTES = 1024 }; /* of all wide text of a message, as UTF-8 */

/* A message under way. */
typedef struct weir_log_message {
    int64_t time_ns;
    va_list *arguments;
} weir_log_message;

enum { WEIR_LOG_NOT_SMALL = 1 }; /* no status */

/* Append the message, if it is a small one of usual arguments, and there is more than enough room;
 * WEIR_LOG_NOT_SMALL, and nothing has happened but that arguments were taken: append its values. */
int weir_append_message(const weir_log_template *t, const weir_log_message *message,
                        weir_share share);

/* The limit of a text: its precision, if that was the argument before it. A negative one counts as
 * none. */
static inline size_t weir_log_limit(const weir_log_argument *a, int64_t before) {
    if (!a->star || before < 0) return a->limit;
    return before < WEIR_LOG_BYTES ? (size_t)before : WEIR_LOG_BYTES;
}

/* Take all arguments but wide text; values has room for them. error: errno at the call. */
void weir_log_take(const weir_log_template *t, va_list *arguments, int error, weir_value *values);
/* The same with wide text, which is converted into wide. False: it does not fit there. */
bool weir_log_take_wide(const weir_log_template *t, va_list *arguments, int error,
                        weir_value *values, char wide[WEIR_LOG_WIDE_BYTES]);

#endif
