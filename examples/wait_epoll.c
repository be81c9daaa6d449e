/* wait_epoll.c - an event loop that answers each order once its row is on the disk, and blocks for
 * nothing else: no thread waits for weir, a descriptor becomes readable instead. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <weir/sqlite.h>

enum { ORDERS = 1000, EVENTS = 2 };

/* Orders that are appended and not yet answered, oldest first. */
static weir_ticket tickets[ORDERS];
static int appended, answered;

static void die(const char *what) {
    fprintf(stderr, "%s: %s\n", what, weir_last_error());
    exit(1);
}

static void take_orders(weir *w, weir_table *orders, int how_many) {
    for (int i = 0; i < how_many && appended < ORDERS; i++, appended++)
        if (weir_append_ticket(orders, &tickets[appended], appended, "apples") != WEIR_OK)
            die("append");
    /* One request for all of them. Without it they would become durable within linger_ms. */
    if (weir_request(w, WEIR_DURABLE) != WEIR_OK) die("request");
}

/* Rows of one thread become durable in their order, so the first that is not ends the search. */
static void answer_orders(weir *w) {
    while (answered < appended) {
        int status = weir_wait(w, tickets[answered], WEIR_DURABLE, 0);
        if (status == WEIR_PENDING) return;
        if (status != WEIR_OK) die("wait"); /* it will never be durable */
        answered++;                         /* here the customer would be told */
    }
}

static void watch(int loop, int fd) {
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e) < 0) {
        perror("epoll_ctl");
        exit(1);
    }
}

/* Both descriptors give a number of 8 bytes. EAGAIN: somebody has read it already. */
static void take_news(int fd) {
    uint64_t news;
    if (read(fd, &news, sizeof news) < 0 && errno != EAGAIN) {
        perror("read");
        exit(1);
    }
}

static void run_loop(weir *w, weir_table *orders, int loop, int durable) {
    while (answered < ORDERS) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(loop, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            take_news(events[i].data.fd); /* before asking: see weir_descriptor */
            if (events[i].data.fd == durable)
                answer_orders(w);
            else
                take_orders(w, orders, 20);
        }
    }
}

int main(void) {
    weir *w;
    if (weir_open_sqlite("orders.db", NULL, &w) < 0) die("open");
    static const weir_column columns[] = {{"number", WEIR_INTEGER}, {"what", WEIR_TEXT}};
    weir_table *orders;
    if (weir_declare(w, "orders", columns, 2, &orders) != WEIR_OK) die("declare");

    int durable, loop = epoll_create1(EPOLL_CLOEXEC);
    if (weir_descriptor(w, WEIR_DURABLE, &durable) != WEIR_OK) die("descriptor");
    /* Orders come every millisecond. */
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    struct itimerspec every = {.it_interval.tv_nsec = 1000000, .it_value.tv_nsec = 1000000};
    if (loop < 0 || timer < 0 || timerfd_settime(timer, 0, &every, NULL) < 0) {
        perror("epoll");
        return 1;
    }
    watch(loop, durable);
    watch(loop, timer);
    run_loop(w, orders, loop, durable);

    close(loop); /* before weir_close, which closes the descriptor */
    close(timer);
    printf("%d orders answered, each once it was durable\n", answered);
    return weir_close(w) < 0;
}
