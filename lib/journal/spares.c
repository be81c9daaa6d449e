/* spares.c - which spare to take, and which to keep. */
#include "spares.h"

#include <assert.h>

void weir_spares_put(weir_spares *s, weir_spare spare) {
    assert(s->count < WEIR_SPARES_MAX);
    s->list[s->count++] = spare;
}

static weir_spare remove_at(weir_spares *s, size_t index) {
    weir_spare taken = s->list[index];
    s->list[index] = s->list[--s->count];
    return taken;
}

static bool leaves_one_to_keep(const weir_spares *s, size_t index) {
    for (size_t i = 0; i < s->count; i++)
        if (i != index && s->list[i].bytes >= s->keep) return true;
    return false;
}

bool weir_spares_take(weir_spares *s, uint64_t bytes, weir_spare *out) {
    size_t best = s->count;
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].bytes >= bytes && leaves_one_to_keep(s, i) &&
            (best == s->count || s->list[i].bytes < s->list[best].bytes))
            best = i;
    if (best == s->count) return false;
    *out = remove_at(s, best);
    return true;
}

bool weir_spares_take_largest(weir_spares *s, weir_spare *out) {
    if (s->count == 0) return false;
    size_t best = 0;
    for (size_t i = 1; i < s->count; i++)
        if (s->list[i].bytes > s->list[best].bytes) best = i;
    *out = remove_at(s, best);
    return true;
}

bool weir_spares_has(const weir_spares *s, uint64_t bytes) {
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].bytes >= bytes) return true;
    return false;
}
