/* os_posix_send.c - one datagram to a local socket, as systemd's protocol wants it (sd_notify(3)). */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "os_posix.h"

/* A name that begins with @ is abstract: its first byte is 0, and it has no end but its length. */
int weir_posix_send(void *self, const char *address, const char *text, size_t bytes) {
    (void)self;
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t length = strlen(address);
    if (length < 2 || length >= sizeof to.sun_path) return -ENAMETOOLONG;
    if (*address != '/' && *address != '@') return -EAFNOSUPPORT;
    memcpy(to.sun_path, address, length);
    if (*address == '@') to.sun_path[0] = '\0';
    int file = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (file < 0) return -errno;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    ssize_t sent;
    do
        sent = sendto(file, text, bytes, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&to,
                      size);
    while (sent < 0 && errno == EINTR);
    int result = sent < 0 ? -errno : 0;
    (void)close(file); /* what was sent is the receiver's by now */
    return result;
}
