/* spares.c - which spare to take, and which to keep. */
#include "spares.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { DIGITS = 20 };

void weir_numbered_path(char out[WEIR_PATH_MAX], const char *directory, const char *prefix,
                        uint64_t number) {
    int length = snprintf(out, WEIR_PATH_MAX, "%s/%s-%020llu", directory, prefix,
                          (unsigned long long)number);
    assert(length > 0 && length < WEIR_PATH_MAX);
    (void)length; /* used by the assertion alone */
}

uint64_t weir_number_in_name(const char *name, const char *prefix) {
    size_t length = strlen(name), before = strlen(prefix) + 1;
    if (length < before + DIGITS) return 0;
    const char *digits = name + length - DIGITS;
    if (digits[-1] != '-' || strncmp(digits - before, prefix, before - 1) != 0) return 0;
    uint64_t number = 0;
    for (; *digits; digits++) {
        if (*digits < '0' || *digits > '9') return 0;
        uint64_t digit = (uint64_t)(*digits - '0');
        if (number > (UINT64_MAX - digit) / 10) return 0;
        number = number * 10 + digit;
    }
    return number;
}

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
