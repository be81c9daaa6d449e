#include "message_proxy.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAIRS = 64, BUFFER = 65536 };

/* Bytes of one sender that are not passed on yet begin in the message that is counted last, or at the
 * begin of the next one. */
typedef struct flow {
    char sender; /* 'c' or 's' */
    bool begun;  /* the first message of a client has no type */
    uint8_t bytes[BUFFER];
    size_t from, to;
    uint64_t left;  /* of the message */
    uint64_t until; /* so many bytes of it are left when it is cut */
    int then;       /* proxy_act, at until; PROXY_ACTS: nothing */
} flow;

typedef struct pair {
    int fds[2]; /* client, server; -1: this place is free */
    bool stalled, blocked[2];
    flow flows[2]; /* from each */
} pair;

typedef enum match { OTHER, AWAITED, WAIT } match;

static pair pairs[PAIRS]; /* of the proxy's process */

static int local_socket(const char *path, struct sockaddr_un *address) {
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    (void)snprintf(address->sun_path, sizeof address->sun_path, "%.100s", path);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void end_pair(pair *q) {
    (void)close(q->fds[0]);
    (void)close(q->fds[1]);
    q->fds[0] = q->fds[1] = -1;
}

/* ---- messages -------------------------------------------------------------------------------- */

/* Of a message whose header is there: whether it is the statement that is waited for, or WAIT, as long as
 * there are too few bytes to say. A Parse has an empty name first. */
static match is_awaited(message_proxy *p, const flow *f, uint64_t length) {
    if (!atomic_load(&p->awaits) || f->sender != 'c' || !f->begun) return OTHER;
    const uint8_t *at = f->bytes + f->from;
    size_t wanted = strlen(p->words), skip = at[0] == 'P' ? 6 : 5;
    if ((at[0] != 'Q' && at[0] != 'P') || length + 1 < skip + wanted) return OTHER;
    if (f->to - f->from < skip + wanted) return WAIT;
    if (memcmp(at + skip, p->words, wanted) != 0) return OTHER;
    if (!atomic_load(&p->skipped)) return AWAITED;
    atomic_fetch_sub(&p->skipped, 1);
    return OTHER;
}

/* The header of the next message is whole: count it, and see what becomes of it. */
static bool begin_message(message_proxy *p, flow *f) {
    const size_t type = f->begun || f->sender == 's', head = 4 + type;
    if (f->to - f->from < head) return false;
    const uint8_t *at = f->bytes + f->from;
    uint64_t length = (uint64_t)at[type] << 24 | (uint64_t)at[type + 1] << 16 |
                      (uint64_t)at[type + 2] << 8 | at[type + 3];
    match is = is_awaited(p, f, length);
    if (is == WAIT) return false;
    f->left = length + type;
    f->begun = true;
    uint64_t number = atomic_fetch_add(&p->seen, 1);
    atomic_store(&p->kinds[number % PROXY_KINDS],
                 (uint16_t)((uint16_t)f->sender << 8 | (type ? at[0] : '^')));
    f->then = PROXY_ACTS;
    if (is == AWAITED || number == atomic_load(&p->at)) {
        f->then = atomic_load(&p->act);
        f->until = f->then == PROXY_CUT_BEFORE || f->then == PROXY_STALL_BEFORE ? f->left
                   : f->then == PROXY_CUT_HALF                                  ? f->left / 2
                                                                                : 0;
        atomic_store(&p->at, UINT64_MAX);
        atomic_store(&p->awaits, false);
    }
    return true;
}

static bool is_due(const flow *f) { return f->then != PROXY_ACTS && f->left == f->until; }

/* False: the pair is gone. */
static bool act_now(message_proxy *p, pair *q, flow *f) {
    bool stall = f->then == PROXY_STALL_BEFORE || f->then == PROXY_STALL_BEHIND;
    f->then = PROXY_ACTS;
    q->stalled = stall;
    if (!stall) end_pair(q);
    atomic_fetch_add(&p->acted, 1);
    return stall;
}

/* As far as it goes. False: the pair is gone. */
static bool pass_on(message_proxy *p, pair *q, int side) {
    flow *f = &q->flows[side];
    q->blocked[side] = false;
    while (!q->stalled && (f->left || begin_message(p, f))) {
        if (is_due(f)) {
            if (!act_now(p, q, f)) return false;
            break;
        }
        uint64_t most = f->then == PROXY_ACTS ? f->left : f->left - f->until;
        size_t there = f->to - f->from, length = most < there ? (size_t)most : there;
        if (!length) break;
        ssize_t sent = send(q->fds[!side], f->bytes + f->from, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN) {
            q->blocked[side] = true;
            break;
        }
        if (sent <= 0) {
            end_pair(q);
            return false;
        }
        f->from += (size_t)sent;
        f->left -= (uint64_t)sent;
        if (is_due(f) && !act_now(p, q, f)) return false;
    }
    memmove(f->bytes, f->bytes + f->from, f->to - f->from);
    f->to -= f->from;
    f->from = 0;
    return true;
}

static bool take_in(message_proxy *p, pair *q, int side) {
    flow *f = &q->flows[side];
    ssize_t got = recv(q->fds[side], f->bytes + f->to, BUFFER - f->to, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) {
        end_pair(q);
        return false;
    }
    f->to += (size_t)got;
    return pass_on(p, q, side);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void accept_one(message_proxy *p) {
    struct sockaddr_un address;
    int client = accept(p->listener, NULL, NULL);
    int server = local_socket(p->server, &address);
    pair *q = pairs;
    while (q < pairs + PAIRS && q->fds[0] >= 0)
        q++;
    if (client < 0 || server < 0 || q == pairs + PAIRS ||
        connect(server, (struct sockaddr *)&address, sizeof address) < 0) {
        (void)close(client);
        (void)close(server);
        return;
    }
    memset(q, 0, sizeof *q);
    q->fds[0] = client;
    q->fds[1] = server;
    q->flows[0].sender = 'c';
    q->flows[1].sender = 's';
    q->flows[0].then = q->flows[1].then = PROXY_ACTS;
}

static void serve_pair(message_proxy *p, pair *q, const struct pollfd fds[2]) {
    for (int side = 0; side < 2; side++) {
        if (q->fds[0] < 0 || q->stalled) return;
        if (q->blocked[side] && fds[!side].revents && !pass_on(p, q, side)) return;
        if (!q->blocked[side] && fds[side].revents & ~POLLOUT && !take_in(p, q, side)) return;
    }
}

static void do_as_told(message_proxy *p) {
    uint32_t cut = atomic_load(&p->cut_asked), resume = atomic_load(&p->resume_asked);
    for (pair *q = pairs; q < pairs + PAIRS; q++) {
        if (q->fds[0] < 0) continue;
        if (cut != atomic_load(&p->cut_done)) {
            end_pair(q);
            continue;
        }
        if (resume == atomic_load(&p->resume_done) || !q->stalled) continue;
        q->stalled = false;
        if (pass_on(p, q, 0)) (void)pass_on(p, q, 1);
    }
    atomic_store(&p->cut_done, cut);
    atomic_store(&p->resume_done, resume);
}

/* A stalled pair is not looked at: nobody hears of an end. */
static short wanted(const pair *q, int side) {
    short events = 0;
    if (!q->blocked[side] && q->flows[side].to < BUFFER) events |= POLLIN;
    if (q->blocked[!side]) events |= POLLOUT;
    return events;
}

static void serve(message_proxy *p) {
    for (;;) {
        struct pollfd fds[2 + 2 * PAIRS] = {{.fd = p->bell[0], .events = POLLIN},
                                            {.fd = p->listener, .events = POLLIN}};
        char told[64];
        for (int i = 0; i < 2 * PAIRS; i++) {
            const pair *q = &pairs[i / 2];
            fds[2 + i].fd = q->stalled ? -1 : q->fds[i % 2];
            fds[2 + i].events = wanted(q, i % 2);
        }
        if (poll(fds, 2 + 2 * PAIRS, -1) < 0) continue;
        if (fds[0].revents) {
            (void)!read(p->bell[0], told, sizeof told); /* only to make it quiet */
            do_as_told(p);
            continue;
        }
        for (int i = 0; i < PAIRS; i++)
            if (pairs[i].fds[0] >= 0) serve_pair(p, &pairs[i], fds + 2 + 2 * i);
        if (fds[1].revents) accept_one(p);
    }
}

/* ---- from outside ---------------------------------------------------------------------------- */

static void listen_at(message_proxy *p) {
    struct sockaddr_un address;
    char path[108];
    (void)snprintf(path, sizeof path, "%s/.s.PGSQL.%d", p->directory, p->port);
    p->listener = local_socket(path, &address);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(p->listener, 64), 0);
}

message_proxy *message_proxy_start(const pg_server *server) {
    message_proxy *p =
        mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED);
    memcpy(p->directory, "/var/tmp/weir-proxy-XXXXXX", sizeof "/var/tmp/weir-proxy-XXXXXX");
    assert_non_null(mkdtemp(p->directory));
    p->port = server->port;
    (void)snprintf(p->conninfo, sizeof p->conninfo, "host=%s port=%d user=weir dbname=postgres",
                   p->directory, p->port);
    (void)snprintf(p->server, sizeof p->server, "%s/.s.PGSQL.%d", server->root, p->port);
    atomic_store(&p->at, UINT64_MAX);
    listen_at(p);
    assert_int_equal(pipe(p->bell), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child) {
        p->process = child; /* not in the child, whose memory this is too */
        return p;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGSEGV, SIG_DFL); /* or cmocka's handler would go on in here with its tests */
    for (int i = 0; i < PAIRS; i++)
        pairs[i].fds[0] = pairs[i].fds[1] = -1;
    serve(p);
    _exit(1);
}

void message_proxy_stop(message_proxy *p) {
    char path[108];
    (void)snprintf(path, sizeof path, "%s/.s.PGSQL.%d", p->directory, p->port);
    (void)kill(p->process, SIGKILL);
    assert_int_equal(waitpid(p->process, NULL, 0), p->process);
    (void)close(p->listener);
    (void)close(p->bell[0]);
    (void)close(p->bell[1]);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(p->directory), 0);
    (void)munmap(p, sizeof *p);
}

void message_proxy_plan(message_proxy *p, uint64_t ahead, proxy_act act) {
    atomic_store(&p->act, act);
    atomic_store(&p->at, atomic_load(&p->seen) + ahead);
}

void message_proxy_plan_at(message_proxy *p, const char *words, uint32_t skipped, proxy_act act) {
    atomic_store(&p->skipped, skipped);
    (void)snprintf(p->words, sizeof p->words, "%s", words);
    atomic_store(&p->act, act);
    atomic_store(&p->awaits, true);
}

void message_proxy_no_plan(message_proxy *p) {
    atomic_store(&p->at, UINT64_MAX);
    atomic_store(&p->awaits, false);
}

static void tell(message_proxy *p, _Atomic uint32_t *asked, const _Atomic uint32_t *done) {
    uint32_t wanted_count = atomic_fetch_add(asked, 1) + 1;
    assert_int_equal(write(p->bell[1], "!", 1), 1);
    for (int i = 0; i < 10000 && atomic_load(done) != wanted_count; i++)
        (void)usleep(1000);
    assert_int_equal(atomic_load(done), wanted_count);
}

void message_proxy_cut(message_proxy *p) { tell(p, &p->cut_asked, &p->cut_done); }
void message_proxy_resume(message_proxy *p) { tell(p, &p->resume_asked, &p->resume_done); }
