/* room.h - memory for bytes of a size that is known at each use, kept for the next one. */
#ifndef WEIR_ROOM_H
#define WEIR_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

enum { WEIR_ROOM_USUAL = 16 << 20 };

typedef struct weir_room { /* zeros at first; free(bytes) in the end */
    uint8_t *bytes;
    size_t capacity;
} weir_room;

/* Room for so many bytes, not 0, of any content. More than the usual size is given back when much
 * less is wanted. False: no memory, and there is no room. */
static inline bool weir_room_make(weir_room *r, size_t bytes) {
    bool too_much = r->capacity > WEIR_ROOM_USUAL && bytes < r->capacity / 4;
    if (bytes <= r->capacity && !too_much) return true;
    free(r->bytes); /* nothing in it is worth a copy */
    r->bytes = malloc(bytes);
    r->capacity = r->bytes ? bytes : 0;
    return r->bytes != NULL;
}

#endif
