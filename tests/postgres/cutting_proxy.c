#include "cutting_proxy.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static int local_socket(const char *directory, int port, struct sockaddr_un *address) {
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    (void)snprintf(address->sun_path, sizeof address->sun_path, "%.80s/.s.PGSQL.%d", directory,
                   port);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* Whole, or the connection ends. */
static bool pass(int to, const char *bytes, ssize_t length) {
    while (length > 0) {
        ssize_t sent = send(to, bytes, (size_t)length, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes += sent;
        length -= sent;
    }
    return true;
}

/* A COMMIT is a message of its own, and short: it is read in one piece. */
static void serve(cutting_proxy *p, int client, int server) {
    char bytes[65536];
    for (bool silent = false;;) {
        struct pollfd fds[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0) continue;
        if (fds[0].revents) {
            ssize_t got = recv(client, bytes, sizeof bytes, 0);
            if (got <= 0) return;
            bool commit = memmem(bytes, (size_t)got, "COMMIT", sizeof "COMMIT") != NULL;
            int what = commit ? atomic_exchange(&p->what, CUT_NOTHING) : CUT_NOTHING;
            if (what == CUT_BEFORE_COMMIT) return;
            silent = what == CUT_BEFORE_ANSWER;
            if (!pass(server, bytes, got)) return;
        }
        if (fds[1].revents) {
            ssize_t got = recv(server, bytes, sizeof bytes, 0);
            if (got <= 0 || silent || !pass(client, bytes, got)) return;
        }
    }
}

/* One connection after the other. */
static void *run(void *self) {
    cutting_proxy *p = self;
    for (;;) {
        struct sockaddr_un address;
        int client = accept(p->listener, NULL, NULL);
        if (client < 0) return NULL; /* it was shut down */
        int server = local_socket(p->server->root, p->server->port, &address);
        if (connect(server, (struct sockaddr *)&address, sizeof address) == 0)
            serve(p, client, server);
        (void)close(server);
        (void)close(client);
    }
}

void cutting_proxy_start(cutting_proxy *p, const pg_server *server) {
    struct sockaddr_un address;
    *p = (cutting_proxy){.server = server, .directory = "/var/tmp/weir-proxy-XXXXXX"};
    assert_non_null(mkdtemp(p->directory));
    (void)snprintf(p->conninfo, sizeof p->conninfo, "host=%s port=%d user=weir dbname=postgres",
                   p->directory, server->port);
    p->listener = local_socket(p->directory, server->port, &address);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(p->listener, 8), 0);
    assert_int_equal(pthread_create(&p->thread, NULL, run, p), 0);
}

/* The clients are gone. */
void cutting_proxy_stop(cutting_proxy *p) {
    struct sockaddr_un address;
    assert_int_equal(shutdown(p->listener, SHUT_RDWR), 0);
    assert_int_equal(pthread_join(p->thread, NULL), 0);
    (void)close(p->listener);
    (void)close(local_socket(p->directory, p->server->port, &address));
    assert_int_equal(unlink(address.sun_path), 0);
    assert_int_equal(rmdir(p->directory), 0);
}
