/* copy.c - the lines on stdout. */
#include "copy.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "note.h"
#include "stop.h"

static void end_copy(weir_copy *c, int error) {
    c->over = true;
    c->failed = error != EPIPE && error != 0;
    weir_log_note("stdout: %s; lines are not copied any more, and become rows as before",
                  error ? strerror(error) : "its reader is slow, and a signal came");
}

/* POLLERR, too, says that a write will not wait. */
static bool is_writable(void) {
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    while (!weir_log_stop_wanted())
        if (weir_log_stop_poll(&out, 1, UINT64_MAX)) return true;
    return weir_log_stop_poll(&out, 1, 0);
}

void weir_copy_flush(weir_copy *c) {
    size_t done = 0;
    while (!c->over && done < c->length) {
        if (!is_writable()) {
            end_copy(c, 0);
            break;
        }
        ssize_t wrote = write(STDOUT_FILENO, c->bytes + done, c->length - done);
        if (wrote > 0)
            done += (size_t)wrote;
        else if (wrote < 0 && errno != EAGAIN && errno != EINTR)
            end_copy(c, errno);
    }
    c->length = 0;
}

void weir_copy_add(weir_copy *c, const char *bytes, size_t length) {
    while (length && !c->over) {
        size_t room = sizeof c->bytes - c->length, part = length < room ? length : room;
        memcpy(c->bytes + c->length, bytes, part);
        c->length += part;
        bytes += part;
        length -= part;
        if (c->length == sizeof c->bytes) weir_copy_flush(c);
    }
}
