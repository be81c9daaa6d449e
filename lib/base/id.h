/* id.h - the ids of journals, rings and boots. */
#ifndef WEIR_ID_H
#define WEIR_ID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t weir_id[16]; /* drawn at random; all zeros: none */

static inline bool weir_id_equal(const weir_id a, const weir_id b) {
    return memcmp(a, b, sizeof(weir_id)) == 0;
}
static inline void weir_id_copy(weir_id to, const weir_id from) {
    memcpy(to, from, sizeof(weir_id));
}
static inline bool weir_id_is_none(const weir_id id) {
    static const weir_id none;
    return weir_id_equal(id, none);
}

#endif
