/* os.c - helpers on top of any table. */
#include "os.h"

#include <errno.h>

bool weir_os_has_file(const weir_os *os, int file, uint64_t device, uint64_t inode) {
    weir_os_info info;
    return os->info_file(os->self, file, &info) >= 0 && info.device == device &&
           info.inode == inode;
}

int weir_read_full(const weir_os *os, int file, void *into, size_t bytes, uint64_t offset) {
    uint8_t *at = into;
    while (bytes) {
        int64_t n = os->pread(os->self, file, at, bytes, offset);
        if (n < 0) return (int)n;
        if (n == 0) return -ENODATA;
        at += n;
        bytes -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int weir_write_full(const weir_os *os, int file, const void *from, size_t bytes, uint64_t offset) {
    const uint8_t *at = from;
    while (bytes) {
        int64_t n = os->pwrite(os->self, file, at, bytes, offset);
        if (n < 0) return (int)n;
        if (n == 0) return -EIO; /* a write that moves nothing would be asked for ever */
        at += n;
        bytes -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}
