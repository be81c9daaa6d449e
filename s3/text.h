/* text.h - what people and servers write: URLs, lines of headers, messages. */
#ifndef WEIR_S3_TEXT_H
#define WEIR_S3_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "../lib/base/status.h"

enum { WEIR_S3_SHA256 = 65 }; /* 64 digits and a NUL */

/* A text with all but letters, digits and -._~/ as %XX; to be freed, or NULL. slash: '/' too. */
char *weir_s3_encoded(const char *text, bool slash);

/* s3://bucket/folder at an endpoint: base is "endpoint/bucket", prefix "" or one that ends in '/'.
 * Both are to be freed, also after a failure; then either may be NULL. WEIR_MISUSE,
 * WEIR_NO_MEMORY. */
int weir_s3_divide_url(const char *url, const char *endpoint, char **base, char **prefix,
                       weir_error *error);

/* A line of an answer's head, without a NUL behind it: the SHA-256 that a put has stored with an
 * object. What is none leaves sha256 as it is. */
void weir_s3_take_header(const char *line, size_t length, char sha256[WEIR_S3_SHA256]);

/* Fill error (may be NULL) and return status. Control characters become '?'. */
int weir_s3_fail(weir_error *error, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
