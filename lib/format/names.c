/* names.c - names of files in a journal's directory. */
#include "names.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { DIGITS = 20 };

void weir_path_in(char out[WEIR_PATH_MAX], const char *directory, const char *name) {
    int length = snprintf(out, WEIR_PATH_MAX, "%s/%s", directory, name);
    assert(length > 0 && length < WEIR_PATH_MAX);
    (void)length; /* used by the assertion alone */
}

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
