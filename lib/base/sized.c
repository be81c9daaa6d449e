/* sized.c - structs of the public API, of this version and of the caller's. */
#include "sized.h"

static size_t common_bytes(size_t own_bytes, size_t given_bytes) {
    return own_bytes < given_bytes ? own_bytes : given_bytes;
}

int weir_sized_take(void *own, size_t own_bytes, const void *theirs, size_t given_bytes,
                    const char *what, weir_error *error) {
    memset(own, 0, own_bytes);
    if (!theirs) return WEIR_OK;
    const unsigned char *bytes = theirs;
    memcpy(own, bytes, common_bytes(own_bytes, given_bytes));
    for (size_t i = own_bytes; i < given_bytes; i++)
        if (bytes[i])
            return weir_fail(error, WEIR_MISUSE,
                             "%s: a field is set that this libweir, %s, does not know: the program "
                             "was compiled with a newer header; install that version, or leave the "
                             "field 0",
                             what, weir_version());
    return WEIR_OK;
}

void weir_sized_give(void *theirs, size_t given_bytes, const void *own, size_t own_bytes) {
    memset(theirs, 0, given_bytes);
    memcpy(theirs, own, common_bytes(own_bytes, given_bytes));
}
