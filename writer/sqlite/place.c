/* place.c - whether a database file is on the same mount as its directory. */
#include "place.h"

#include <stdlib.h>
#include <string.h>

static char *directory_of(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* Compare mounts rather than devices: within one mount of overlayfs, a file and its directory may
 * have different devices. */
static bool differ(const weir_os *os, const char *a, const char *b) {
    weir_os_info one, other;
    int64_t first = os->mount(os->self, a), second = os->mount(os->self, b);
    if (first >= 0 && second >= 0) return first != second;
    return os->info(os->self, WEIR_OS_CWD, a, &one) >= 0 &&
           os->info(os->self, WEIR_OS_CWD, b, &other) >= 0 && one.device != other.device;
}

bool weir_place_is_apart(const weir_os *os, const char *path) {
    char *directory = directory_of(path);
    bool apart = directory && differ(os, path, directory);
    free(directory);
    return apart;
}
