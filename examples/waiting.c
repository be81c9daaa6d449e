/* How far is my row? The three levels, a ticket for one row, and weir_sync for all.
 *
 *   published   weir_append has returned: the row survives the death of the process
 *   durable     it survives a power cut as well
 *   applied     it is in SQLite, and can be SELECTed */
#include <stdio.h>
#include <time.h>

#include <weir/sqlite.h>

static double now_us(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* this clock is always there */
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int show(weir_table *payments, weir *w) {
    double begin = now_us();
    weir_ticket ticket; /* names one row, to wait for it; means nothing to another handle */
    int status = weir_append_ticket(payments, &ticket, "rent", 812.50);
    if (status != WEIR_OK) return status;
    printf("published after %8.1f us: kill -9 cannot take it any more\n", now_us() - begin);

    /* Ask without waiting: a timeout of 0. WEIR_PENDING is positive, and is no failure. */
    status = weir_wait(w, ticket, WEIR_APPLIED, 0);
    if (status < 0) return status;
    printf("already applied? %s\n", weir_status_name(status));

    /* Before you promise something to somebody else (a reply, an e-mail), wait for this one. */
    status = weir_wait(w, ticket, WEIR_DURABLE, 5000);
    if (status != WEIR_OK) return status;
    printf("durable after   %8.1f us: nor can a power cut\n", now_us() - begin);

    status = weir_wait(w, ticket, WEIR_APPLIED, 5000);
    if (status != WEIR_OK) return status;
    printf("applied after   %8.1f us: SELECT finds it\n", now_us() - begin);

    /* Of many rows, the last ticket is enough: rows of a thread keep their order. weir_sync waits
     * for the rows of all threads, of every append that has returned. */
    begin = now_us();
    for (int i = 0; status == WEIR_OK && i < 10000; i++)
        status = weir_append(payments, "coffee", 2.80);
    if (status == WEIR_OK) status = weir_sync(w, WEIR_DURABLE, 5000);
    if (status == WEIR_OK)
        printf("10000 more rows are durable after %.1f us, with one wait\n", now_us() - begin);
    return status == WEIR_OK ? weir_sync(w, WEIR_APPLIED, 5000) : status;
}

int main(void) {
    weir *w;
    if (weir_open_sqlite("run.db", NULL, &w) < 0) {
        fprintf(stderr, "%s\n", weir_last_error());
        return 1;
    }
    static const weir_column columns[] = {{"what", WEIR_TEXT}, {"amount", WEIR_REAL}};
    weir_table *payments;
    int status = weir_declare(w, "payments", columns, 2, &payments);
    if (status == WEIR_OK) status = show(payments, w);
    if (status != WEIR_OK)
        fprintf(stderr, "%s: %s\n", weir_status_name(status), weir_status_text(status));
    return weir_close(w) < 0 || status != WEIR_OK;
}
