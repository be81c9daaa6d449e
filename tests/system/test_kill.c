/* test_kill.c - a process with four producers is killed at a random moment, 200 times and more.
 *
 * The child opens a database, declares a table and appends from four threads; two more threads
 * wait, one at each level that can be waited for, and what all have been told stands in shared
 * memory (ledger.h). The parent kills it with SIGKILL, recovers (sometimes killing the recovery
 * too), and holds the database against that memory.
 *
 *     test_kill                      the suite: KILLS kills from seed 1
 *     test_kill SECONDS [SEED]       as many as fit, from that seed; a failure prints the seed
 *     test_kill 0 SEED               that round alone */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "ledger.h"
#include "support.h"

enum { KILLS = 220, KILLS_PER_DATABASE = 5 };

static void kill_after(pid_t child, uint64_t microseconds) {
    usleep((useconds_t)microseconds);
    ledger_kill(child);
}

static void recover(ledger *l, weir_rng *rng) {
    while (weir_rng_below(rng, 3) == 0) /* recovery from a killed recovery */
        kill_after(ledger_start(ledger_recover, l), weir_rng_below(rng, 20000));
    if (ledger_end_of(ledger_start(ledger_recover, l)) != 0 || atomic_load(&l->failure))
        fail_msg("seed %llu: recovery failed", (unsigned long long)l->seed);
}

/* Replaying again changes nothing: the position says that all is applied. */
static void recover_again(ledger *l) {
    uint64_t before = ledger_rows(l);
    assert_int_equal(ledger_end_of(ledger_start(ledger_recover, l)), 0);
    assert_int_equal(ledger_rows(l), before);
}

static void one_round(ledger *l) {
    weir_rng rng = {l->seed ^ 0x5EED};
    pid_t child = ledger_start(ledger_work, l);
    kill_after(child, weir_rng_below(&rng, weir_rng_below(&rng, 4) ? 60000 : 4000));
    if (atomic_load(&l->failure))
        fail_msg("seed %llu: the child failed before it was killed", (unsigned long long)l->seed);
    uint64_t before = ledger_rows(l);
    recover(l, &rng);
    ledger_check(l, WEIR_PUBLISHED);
    assert_true(ledger_rows(l) >= before); /* what readers saw stays, whatever was told */
    if (weir_rng_below(&rng, 4) == 0) recover_again(l);
}

/* Rounds with one seed each; some on one database, so that journals have a past. */
static unsigned rounds(uint64_t first_seed, unsigned count, double seconds) {
    ledger *l = ledger_make();
    time_t begin = time(NULL);
    unsigned done = 0;
    for (bool more = true; more;) {
        char directory[96], path[128];
        snprintf(directory, sizeof directory, "%s", weir_temp_make());
        snprintf(path, sizeof path, "%s/k.db", directory);
        for (unsigned run = 0; run < KILLS_PER_DATABASE && more; run++) {
            ledger_begin(l, first_seed + done++, run, path);
            one_round(l);
            more = count ? done < count : (double)(time(NULL) - begin) < seconds;
        }
        weir_temp_remove(directory);
    }
    ledger_free(l);
    return done;
}

static unsigned asked_rounds = KILLS;
static double asked_seconds;
static uint64_t asked_seed = 1;

static void nothing_acknowledged_is_lost_or_doubled(void **state) {
    (void)state;
    unsigned done = rounds(asked_seed, asked_rounds, asked_seconds);
    print_message("%u kills, seeds %llu to %llu\n", done, (unsigned long long)asked_seed,
                  (unsigned long long)(asked_seed + done - 1));
    if (asked_rounds == KILLS) assert_true(done >= 200);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        asked_seconds = strtod(argv[1], NULL);
        asked_rounds = asked_seconds > 0 ? 0 : 1;
    }
    if (argc > 2) asked_seed = strtoull(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_acknowledged_is_lost_or_doubled)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
