/* test_sim.c - the whole of lib and writer on a simulated machine that loses power, dies and fails
 * at every call; see tests/sim/.
 *
 *     test_sim                      the suite
 *     test_sim RUN                  that run alone, as it was
 *     test_sim --soak SECONDS SEED  runs that the suite has not, for so long; SEED says which
 *
 * A run is one program whose every call that changes the disk is a crash point. At each, clones of
 * the machine crash in several ways; each clone is opened again, recovered and compared with the
 * model, then may live on for a while and crash again. A run is told by its number:
 *
 *     from CRASHES    a short workload, with every crash
 *     from TROUBLES   a short workload, with every trouble at every call
 *     from SQLITE     those of up to two operations, with every crash, over SQLite
 *     from LONGER     longer workloads, by chance: their kind is told by the number, too
 *     from SERVER     the same, with a database that is a server on another machine
 *     from SECOND     the same, with a second sink that comes and goes */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runs/runs.h"
#include "vfs.h"

enum { CRASHES = 0, TROUBLES = 1000, SQLITE = 2000, LONGER = 3000, SQLITE_WORDS = 83 };
#define SERVER ((uint64_t)1 << 40)
#define SECOND ((uint64_t)1 << 41)

/* Sanitized, a state costs ten times as much: fewer of the runs. Of the longer ones there are more
 * when it takes them to visit every kind. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STRIDE = 16, LONGER_RUNS = 64, SERVER_RUNS = 12, SECOND_RUNS = 4 };
#else
enum { STRIDE = 1, LONGER_RUNS = 128, SERVER_RUNS = 48, SECOND_RUNS = 16 };
#endif
enum { LONGER_MOST = 320 };

/* SQLite makes a state several times as dear as the plain database does, so fewer runs have it. */
static void run_longer(sim_life *life, uint64_t number) {
    uint64_t seed = number - LONGER, which = seed % 32;
    bool sqlite = which % 11 == 5;
    sim_run_begin(life, sqlite ? sim_base_sqlite() : sim_base_plain(), number);
    if (which < 19)
        sim_injured_run(life);
    else if (which < 25)
        sim_long_run(life, seed);
    else if (which < 28)
        sim_archive_run(life, seed);
    else if (which == 28)
        sim_thorough_run(life, seed);
    else if (which == 29)
        sim_public_api_run(life, seed);
    else
        sim_stranger_run(life, seed);
    sim_life_end(life);
}

static void run(uint64_t number) {
    static sim_life life;
    sim_run = number;
    if (number >= SECOND) {
        sim_run_begin(&life, sim_base_plain(), number);
        sim_second_run(&life, number - SECOND);
        sim_life_end(&life);
        return;
    }
    if (number >= SERVER) {
        sim_run_begin(&life, sim_base_server(), number);
        sim_server_run(&life, number - SERVER);
        sim_life_end(&life);
        return;
    }
    if (number >= LONGER) {
        run_longer(&life, number);
        return;
    }
    size_t word = number % 1000;
    if (word >= sim_word_count()) return;
    if (number >= SQLITE)
        sim_word_run(&life, word, sim_base_sqlite());
    else if (number >= TROUBLES)
        sim_word_troubles(&life, word, sim_base_plain());
    else
        sim_word_run(&life, word, sim_base_plain());
}

static double seconds_since(const struct timespec *began) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* this clock is always there */
    return (double)(now.tv_sec - began->tv_sec) + (double)(now.tv_nsec - began->tv_nsec) / 1e9;
}

static int end(const struct timespec *began) {
    sim_report(seconds_since(began));
    return sim_unvisited(true) != 0;
}

static void note_part(const char *part, const struct timespec *began) {
    printf("%-12s %8" PRIu64 " states, %.1f s\n", part, sim_states, seconds_since(began));
    (void)fflush(stdout); /* for whoever watches a slow build */
}

/* Longer runs beyond those of the suite that have found a fault. */
static const uint64_t found[] = {
    LONGER + 158,        /* the guard let go while the database was busy */
    LONGER + 3100001148, /* a spare was taken with what a power cut had left in it */
};

static int suite(const struct timespec *began) {
    uint64_t words = sim_word_count();
    for (uint64_t word = 0; word < words; word += STRIDE)
        run(CRASHES + word);
    note_part("crashes", began);
    for (uint64_t word = 0; word < words; word += STRIDE)
        run(TROUBLES + word);
    note_part("troubles", began);
    for (uint64_t word = 0; word < SQLITE_WORDS; word += STRIDE)
        run(SQLITE + word);
    note_part("sqlite", began);
    for (uint64_t server = 0; server < SERVER_RUNS; server++)
        run(SERVER + server);
    note_part("server", began);
    for (uint64_t second = 0; second < SECOND_RUNS; second++)
        run(SECOND + second);
    note_part("second", began);
    uint64_t longer = 0;
    for (; longer < LONGER_RUNS || (longer < LONGER_MOST && sim_unvisited(false)); longer++)
        run(LONGER + longer);
    for (size_t i = 0; i < sizeof found / sizeof *found; i++)
        run(found[i]);
    note_part("longer", began);
    return end(began);
}

static int soak(const struct timespec *began, double seconds, uint64_t seed) {
    (void)sim_word_count();
    for (uint64_t number = LONGER + 1000 + seed * 1000000; seconds_since(began) < seconds;
         number++) {
        run(number);
        run(SERVER + number);
        run(SECOND + number);
    }
    sim_report(seconds_since(began));
    return 0;
}

int main(int argc, char **argv) {
    struct timespec began;
    (void)clock_gettime(CLOCK_MONOTONIC, &began);
    sim_vfs_register();
    sim_life_watched = true;
    sim_injured_refused = sim_read_around;
    if (argc == 4 && strcmp(argv[1], "--soak") == 0)
        return soak(&began, strtod(argv[2], NULL), strtoull(argv[3], NULL, 10));
    if (argc == 1) return suite(&began);
    char *rest = NULL;
    uint64_t number = argc == 2 ? strtoull(argv[1], &rest, 10) : 0;
    if (!rest || *rest || rest == argv[1]) {
        (void)fprintf(stderr, "usage: test_sim [RUN | --soak SECONDS SEED]\n");
        return 16;
    }
    run(number);
    sim_report(seconds_since(&began));
    return 0;
}
