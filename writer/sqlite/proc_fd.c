/* proc_fd.c - a descriptor that SQLite has of a file. */
#include "proc_fd.h"

void weir_proc_fd_find(weir_proc_fd *out, const weir_os *os, const char *path) {
    weir_os_info info;
    *out = (weir_proc_fd){.os = os, .descriptor = -1};
    if (!path || os->info(os->self, WEIR_OS_CWD, path, &info) < 0) return;
    out->device = info.device;
    out->inode = info.inode;
    out->descriptor = os->find_file(os->self, info.device, info.inode);
}

bool weir_proc_fd_find_again(weir_proc_fd *b) {
    b->descriptor = b->inode ? b->os->find_file(b->os->self, b->device, b->inode) : -1;
    return b->descriptor >= 0;
}

bool weir_proc_fd_is_there(weir_proc_fd *b) {
    if (!b->inode || b->descriptor < 0) return false;
    return weir_os_has_file(b->os, b->descriptor, b->device, b->inode) ||
           weir_proc_fd_find_again(b);
}

void weir_borrowed_write_back(weir_proc_fd *b) {
    if (weir_proc_fd_is_there(b))
        (void)b->os->write_back(b->os->self, b->descriptor, 0, 0); /* advice */
}
