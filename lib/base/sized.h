/* sized.h - structs of the public API that grow from one version to the next.
 *
 * The caller's header passes the size that the struct had there, as zlib's deflateInit does: an
 * inline function of the header calls the exported one, whose name ends in _sized. Fields are only
 * ever added at the end, and zero is the default of each. */
#ifndef WEIR_SIZED_H
#define WEIR_SIZED_H

#include "status.h"

/* Fill own, of own_bytes, from a caller's struct of given_bytes: fields that the caller's header
 * lacks become zero. theirs NULL: all are zero. WEIR_MISUSE when the caller has set a field that
 * this library does not know; what: the struct's name. */
int weir_sized_take(void *own, size_t own_bytes, const void *theirs, size_t given_bytes,
                    const char *what, weir_error *error);

/* Fill a caller's struct of given_bytes from own: fields that this library lacks become zero. */
void weir_sized_give(void *theirs, size_t given_bytes, const void *own, size_t own_bytes);

#endif
