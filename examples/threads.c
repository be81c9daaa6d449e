/* Four threads append to one table. None of them registers, locks or waits for another: each gets a
 * lane of its own in the ring at its first append. The rows of one thread keep their order. */
#include <pthread.h>
#include <stdio.h>

#include <weir/sqlite.h>

enum { THREADS = 4, STEPS = 50000 };

static weir_table *samples; /* a declared table may be used by every thread */

static void *produce(void *number) {
    int thread = *(const int *)number;
    for (int step = 0; step < STEPS; step++) {
        int status = weir_append(samples, thread, step, step / 8.0);
        if (status != WEIR_OK) { /* WEIR_FULL, say: the row was refused, and nothing is stored */
            fprintf(stderr, "thread %d: %s\n", thread, weir_status_text(status));
            return "failed";
        }
    }
    return NULL;
}

int main(void) {
    weir *w;
    if (weir_open_sqlite("run.db", NULL, &w) < 0) {
        fprintf(stderr, "%s\n", weir_last_error());
        return 1;
    }
    static const weir_column columns[] = {
        {"thread", WEIR_INTEGER}, {"step", WEIR_INTEGER}, {"value", WEIR_REAL}};
    int failed = weir_declare(w, "samples", columns, 3, &samples) != WEIR_OK;
    if (failed) fprintf(stderr, "%s\n", weir_last_error());

    pthread_t threads[THREADS];
    int numbers[THREADS], started = 0;
    while (!failed && started < THREADS) {
        numbers[started] = started;
        failed = pthread_create(&threads[started], NULL, produce, &numbers[started]) != 0;
        if (!failed) started++;
    }
    for (int i = 0; i < started; i++) {
        void *answer;
        if (pthread_join(threads[i], &answer) != 0 || answer) failed = 1;
    }

    /* Every append above has returned, so their rows survive whatever happens to this process. To
     * SELECT them, wait until they are applied. */
    if (!failed && weir_sync(w, WEIR_APPLIED, 30000) != WEIR_OK) failed = 1;
    struct weir_stats stats;
    if (weir_stats(w, &stats) == WEIR_OK)
        printf("%d threads, %llu rows applied in %llu transactions, %llu refused\n", started,
               (unsigned long long)stats.rows_applied, (unsigned long long)stats.transactions,
               (unsigned long long)stats.rows_refused);
    return weir_close(w) < 0 || failed;
}
