/* borrowed.c - a descriptor that SQLite has of a file. */
#include "borrowed.h"

#include "../../lib/base/os.h"

static bool is_it(const weir_borrowed *b) {
    return weir_os_has_file(weir_os_posix(), b->descriptor, b->device, b->inode);
}

void weir_borrowed_find(weir_borrowed *out, const char *path) {
    const weir_os *os = weir_os_posix();
    weir_os_info info;
    *out = (weir_borrowed){.descriptor = -1};
    if (!path || os->info(os->self, WEIR_OS_CWD, path, &info) < 0) return;
    out->device = info.device;
    out->inode = info.inode;
    out->descriptor = os->find_file(os->self, info.device, info.inode);
}

bool weir_borrowed_find_again(weir_borrowed *b) {
    const weir_os *os = weir_os_posix();
    b->descriptor = b->inode ? os->find_file(os->self, b->device, b->inode) : -1;
    return b->descriptor >= 0;
}

bool weir_borrowed_is_there(weir_borrowed *b) {
    if (!b->inode || b->descriptor < 0) return false;
    return is_it(b) || weir_borrowed_find_again(b);
}

void weir_borrowed_write_back(weir_borrowed *b) {
    const weir_os *os = weir_os_posix();
    if (weir_borrowed_is_there(b)) (void)os->write_back(os->self, b->descriptor, 0, 0); /* advice */
}
