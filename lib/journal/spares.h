/* spares.h - the spare files of a journal: empty segments that wait to be used.
 *
 * The largest one is kept back: normal rolling never takes the last spare that is as large as keep,
 * so that an opening on a full disk has a place to drain a dead ring into. The list has no lock of
 * its own; the journal's mutex guards it. Nothing here touches a file. */
#ifndef WEIR_SPARES_H
#define WEIR_SPARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEIR_SPARES_MAX = 4, WEIR_SPARES_RECYCLE = 3 };

typedef struct weir_spare {
    uint64_t number, bytes;
    uint64_t filled; /* how many of its first bytes have been written once */
    int file;        /* open; 0: it is not. None in a list is */
    bool unknown;    /* it may hold anything */
} weir_spare;

typedef struct weir_spares {
    weir_spare list[WEIR_SPARES_MAX];
    size_t count;
    uint64_t next_number;
    uint64_t keep; /* a spare of at least so many bytes stays */
} weir_spares;

void weir_spares_put(weir_spares *s, weir_spare spare); /* there is room: count < WEIR_SPARES_MAX */
/* The smallest of at least bytes, if taking it leaves one to keep. */
bool weir_spares_take(weir_spares *s, uint64_t bytes, weir_spare *out);
bool weir_spares_take_largest(weir_spares *s, weir_spare *out);
bool weir_spares_has(const weir_spares *s, uint64_t bytes); /* one of at least so many */

#endif
