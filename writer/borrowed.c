/* borrowed.c - a descriptor that this process already has of a file, for advice to the kernel. */
#include "borrowed.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

#include "../lib/os.h"

static bool is_it(const weir_borrowed *b, int descriptor) {
    const weir_os *os = weir_os_posix();
    weir_os_info info;
    return os->info_file(os->self, descriptor, &info) >= 0 && info.device == b->device &&
           info.inode == b->inode;
}

/* Ends with the first that is found. */
static int each_descriptor(void *context, const char *name) {
    weir_borrowed *b = context;
    char *end;
    long number = strtol(name, &end, 10);
    if (!*end && number >= 0 && number <= INT_MAX && is_it(b, (int)number))
        b->descriptor = (int)number;
    return b->descriptor >= 0;
}

void weir_borrowed_find(weir_borrowed *out, const char *path) {
    const weir_os *os = weir_os_posix();
    weir_os_info info;
    *out = (weir_borrowed){.descriptor = -1};
    if (!path || os->info(os->self, WEIR_OS_CWD, path, &info) < 0) return;
    out->device = info.device;
    out->inode = info.inode;
    (void)os->list(os->self, WEIR_OS_CWD, "/proc/self/fd", each_descriptor,
                   out); /* or none is found */
}

void weir_borrowed_write_back(weir_borrowed *b) {
    const weir_os *os = weir_os_posix();
    if (b->descriptor >= 0 && !is_it(b, b->descriptor)) b->descriptor = -1;
    if (b->descriptor >= 0) (void)os->write_back(os->self, b->descriptor, 0, 0); /* advice */
}
