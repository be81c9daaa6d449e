/* Stands in for the library's: nothing here looks at a check. */
#include <stddef.h>
#include <stdint.h>
static inline uint64_t XXH3_64bits(const void *from, size_t bytes) {
    return (uintptr_t)from + bytes;
}
