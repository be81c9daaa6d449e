/* copy.h - the lines on stdout, for --pass. */
#ifndef WEIR_LOGGER_COPY_H
#define WEIR_LOGGER_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEIR_COPY_BYTES = 4096 }; /* a pipe that is ready takes so much without waiting */

typedef struct weir_copy {
    char bytes[WEIR_COPY_BYTES];
    size_t length;
    bool over;   /* nothing is written any more */
    bool failed; /* for another reason than that nobody reads */
} weir_copy;

/* Written when there is enough, or when it is flushed. Waits for a slow reader, but no longer than
 * until a signal ends the tool. */
void weir_copy_add(weir_copy *c, const char *bytes, size_t length);
void weir_copy_flush(weir_copy *c);

#endif
