/* hammer.c - one thing, done by many threads for a while. */
#include "hammer.h"

#include <pthread.h>
#include <stdatomic.h>

#include "figures.h"

typedef struct work {
    hammer_blow *blow;
    void *context;
    atomic_uint ready; /* these are signals between threads: relaxed, nothing else is handed over */
    atomic_bool begin, stop, failed;
} work;

typedef struct worker {
    work *work;
    pthread_t thread;
    unsigned number;
    uint64_t done;
} worker;

static bool is_set(atomic_bool *flag) { return atomic_load_explicit(flag, memory_order_relaxed); }
static void set(atomic_bool *flag) { atomic_store_explicit(flag, true, memory_order_relaxed); }

static void nap(double seconds) {
    time_t whole = (time_t)seconds;
    struct timespec t = {whole, (long)((seconds - (double)whole) * 1e9)};
    (void)nanosleep(&t, NULL); /* shorter, after a signal: the clock says how long it was */
}

static void strike(worker *w) {
    if (w->work->blow(w->work->context, w->number, w->done++)) return;
    set(&w->work->failed);
    set(&w->work->stop);
}

static void *run_worker(void *context) {
    worker *w = context;
    strike(w);
    atomic_fetch_add_explicit(&w->work->ready, 1, memory_order_relaxed);
    while (!is_set(&w->work->begin))
        nap(1e-4);
    while (!is_set(&w->work->stop))
        strike(w);
    return NULL;
}

static unsigned start_all(worker *workers, unsigned threads, work *shared) {
    unsigned started = 0;
    for (; started < threads; started++) {
        workers[started] = (worker){.work = shared, .number = started};
        if (pthread_create(&workers[started].thread, NULL, run_worker, &workers[started])) break;
    }
    return started;
}

static void wait_until_ready(work *shared, unsigned count) {
    while (atomic_load_explicit(&shared->ready, memory_order_relaxed) < count)
        nap(1e-4);
}

double hammer(unsigned threads, double seconds, hammer_blow *blow, void *context) {
    worker workers[HAMMERS_MAX];
    work shared = {.blow = blow, .context = context};
    uint64_t done = 0;
    unsigned started = start_all(workers, threads, &shared);
    wait_until_ready(&shared, started);
    uint64_t start = now_ns();
    set(&shared.begin);
    if (started == threads) nap(seconds);
    set(&shared.stop);
    for (unsigned i = 0; i < started; i++) {
        pthread_join(workers[i].thread, NULL);
        done += workers[i].done - 1;
    }
    return started < threads || is_set(&shared.failed) ? 0 : (double)done / seconds_since(start);
}
