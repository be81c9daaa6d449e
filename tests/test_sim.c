/* test_sim.c - the whole of lib and writer on a simulated machine that loses power, dies and fails
 * at every call; see tests/sim/.
 *
 *     test_sim             the suite: every run below
 *     test_sim SEED        that run alone, as it was
 *     test_sim -s SECONDS  more runs, for so long
 *
 * A run is one program whose every call that changes the disk is a crash point. At each, clones of the
 * machine crash in several ways; each clone is opened again, recovered and compared with the
 * model, then lives on for a while and may crash again. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/story.h"
#include "sim/vfs.h"

#define KINDS(X)                                                                                   \
    X(PROCESS_DEATH, "process death")                                                              \
    X(DEATH_EVICTED, "process death, pages of a failed sync evicted")                              \
    X(POWER_ALL_LOST, "power cut, all unsynced lost")                                              \
    X(POWER_ALL_KEPT, "power cut, all unsynced kept")                                              \
    X(POWER_CHOSEN, "power cut, each combination of kept and lost")                                \
    X(POWER_TORN, "power cut, one write torn")                                                     \
    X(POWER_GARBAGE, "power cut, one write garbage")                                               \
    X(POWER_RANDOM, "power cut, all fates mixed")                                                  \
    X(IN_RECOVERY, "crash in the recovery from a crash")                                           \
    X(IN_SECOND_RECOVERY, "crash in the recovery from that")                                       \
    X(PAGE_CACHE_TRAP, "sync failed, process died, opened again, power cut")                       \
    X(RECOVERY_FAULT, "a fault in the recovery")                                                   \
    X(CLOSED, "closed and opened again")                                                           \
    X(CALM, "crash of a life without faults")                                                      \
    X(SYNC_ONCE, "crash in a life in which a sync of the journal failed once")                     \
    X(SYNC_EVER, "crash in a life in which all syncs fail from some moment on")                    \
    X(READ_FAILED, "crash in a life in which reads failed")                                        \
    X(WRITE_FAILED, "crash in a life in which a write failed")                                     \
    X(DISK_FULL, "crash in a life whose disk was full for a while")                                \
    X(SHORT_TRANSFERS, "crash in a life with short reads and writes")                              \
    X(CLOCK_JUMPED, "crash in a life whose clock jumped")

typedef enum kind {
#define KIND_ENUM(name, text) KIND_##name,
    KINDS(KIND_ENUM)
#undef KIND_ENUM
        KIND_COUNT
} kind;

static const char *const kind_text[] = {
#define KIND_TEXT(name, text) text,
    KINDS(KIND_TEXT)
#undef KIND_TEXT
};

uint64_t sim_states, sim_verdicts[WEIR_VERDICT_COUNT], sim_harms[SIM_HARM_COUNT];
static uint64_t visited[KIND_COUNT];
static uint64_t run_seed;

static const char *const harm_text[] = {
#define HARM_TEXT(name, text) text,
    SIM_HARMS(HARM_TEXT)
#undef HARM_TEXT
};

static void visit(kind k) { visited[k]++; }

/* How it came about, from the last crash back to the first. */
static void tell_story(const sim_life *life) {
    if (life && life->last_event[0]) (void)fprintf(stderr, "  last event: %s\n", life->last_event);
    for (; life && life->parent; life = life->parent)
        (void)fprintf(stderr, "  after %s, at %s\n", kind_text[life->how],
                      life->parent->machine.place);
}

void sim_broken(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)fprintf(stderr, "run %" PRIu64 ", state %" PRIu64 ": ", run_seed, sim_states);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    tell_story(sim_now->context);
    (void)fprintf(stderr, "replay it with: test_sim %" PRIu64 "\n", run_seed);
    va_end(arguments);
    exit(1);
}

/* ---- how a machine crashes -------------------------------------------------------------- */

typedef struct cut {
    kind kind;
    uint64_t mask;  /* of the units that are kept */
    size_t special; /* a unit with a fate of its own */
    sim_fate fate;
    weir_rng dice;
} cut;

enum { NO_UNIT = 1 << 30 };

static sim_fate fate_of(void *self, size_t unit) {
    cut *c = self;
    if (unit == c->special) return c->fate;
    if (c->kind == KIND_POWER_RANDOM) return (sim_fate)weir_rng_below(&c->dice, SIM_FATES);
    return unit < 64 && (c->mask >> unit & 1) ? SIM_KEPT : SIM_LOST;
}

static uint64_t draw(void *self, uint64_t limit) {
    return weir_rng_below(&((cut *)self)->dice, limit);
}

static bool is_death(kind k) { return k == KIND_PROCESS_DEATH || k == KIND_DEATH_EVICTED; }

/* ---- what follows a crash --------------------------------------------------------------- */

static void live(sim_life *life, unsigned steps);
static void crash_point(void *context);

void sim_must(const sim_life *life, int status, const char *what) {
    if (status != WEIR_OK)
        sim_broken("%s: %s (%d): %s", what, weir_status_name(status), status, life->error.text);
}

/* After a crash alone there is nothing to refuse. */
static void judge(sim_life *life, const weir_inventory *seen, const weir_inventory *library) {
    (void)life;
    sim_verdicts[seen->verdict]++;
    if (library->verdict != seen->verdict)
        sim_broken("the tool says %s, opening says %s", weir_verdict_name(seen->verdict),
                   weir_verdict_name(library->verdict));
    if (weir_verdict_refuses(seen->verdict)) sim_broken("a crash alone reads as: %s", seen->detail);
}

static void recover(sim_life *life, int least) {
    life->seen = judge;
    sim_must(life, sim_life_open(life), "opening");
    life->seen = NULL;
    sim_must(life, sim_life_wait(life, WEIR_APPLIED), "waiting for applied");
    const char *wrong = sim_life_check(life, least);
    if (wrong) sim_broken("%s", wrong);
}

/* Some of them go on: more rows, more crashes, a clean close. */
static void afterlife(sim_life *life) {
    if (weir_rng_below(life->dice, 4) == 0) live(life, 4);
    if (weir_rng_below(life->dice, 4) == 0) {
        sim_must(life, sim_life_close(life), "closing");
        visit(KIND_CLOSED);
        recover(life, WEIR_PUBLISHED);
    }
}

static sim_life *descend(sim_life *parent, const cut *c) {
    sim_life *life = calloc(1, sizeof *life);
    if (!life) abort();
    sim_machine *m = &life->machine;
    sim_machine_make(m, sim_disk_clone(parent->machine.disk), weir_rng_next(parent->dice));
    m->clock_ns = parent->machine.clock_ns;
    m->wall_ns = parent->machine.wall_ns;
    if (is_death(c->kind)) memcpy(m->boot, parent->machine.boot, sizeof m->boot);
    m->trickle_one_in = parent->machine.trickle_one_in;
    m->short_one_in = parent->machine.short_one_in;
    life->model = parent->model;
    life->base = parent->base;
    life->dice = parent->dice;
    life->depth = parent->depth + 1;
    life->parent = parent;
    life->how = (int)c->kind;
    life->profile = parent->profile;
    life->thorough = parent->thorough;
    return life;
}

static void count(const sim_life *life, const cut *c) {
    sim_states++;
    visit(c->kind);
    if (life->depth == 2) visit(KIND_IN_RECOVERY);
    if (life->depth == 3) visit(KIND_IN_SECOND_RECOVERY);
    const sim_life *before = life->parent->parent;
    if (life->profile) visit((kind)life->profile);
    if (before && before->machine.failed && before->profile == KIND_SYNC_ONCE &&
        !is_death(c->kind) && memcmp(life->parent->machine.boot, before->machine.boot, 16) == 0)
        visit(KIND_PAGE_CACHE_TRAP);
}

static void arm_recovery(sim_life *life) {
    static const int errors[] = {-EIO, -ENOSPC};
    sim_call call = (sim_call)weir_rng_below(life->dice, SIM_CALLS);
    uint32_t n = 1 + (uint32_t)weir_rng_below(life->dice, 4);
    sim_machine_arm(&life->machine, call, n, 1, errors[weir_rng_below(life->dice, 2)]);
}

/* An opening that fails, at whichever call, must leave everything for the next. */
static void try_with_fault(sim_life *life) {
    arm_recovery(life);
    visit(KIND_RECOVERY_FAULT);
    int status = sim_life_open(life);
    sim_machine_disarm(&life->machine);
    if (status != WEIR_OK) return;
    int closed = sim_life_close(life);
    if (closed < 0) life->error.status = closed; /* rows stay in the ring for the next opening */
}

static void crash(sim_life *parent, const cut *plan) {
    cut c = *plan;
    sim_life *life = descend(parent, &c);
    sim_choice choice = {&c, fate_of, draw};
    if (!is_death(c.kind)) {
        sim_disk_cut(life->machine.disk, &choice);
        sim_model_cut(&life->model);
    }
    if (c.kind == KIND_DEATH_EVICTED) sim_disk_evict(life->machine.disk);
    count(life, &c);
    sim_now = &life->machine;
    life->machine.context = life;
    bool again = life->thorough ? life->depth == 1 : weir_rng_below(life->dice, 6) == 0;
    if (parent->machine.failed && parent->profile == KIND_SYNC_ONCE && is_death(c.kind))
        again = true; /* the page-cache trap wants the power to be cut behind it */
    if (again && life->depth < 3) {
        life->machine.crash_point = crash_point;
        life->crash_in = life->thorough ? 0 : 1 + (uint32_t)weir_rng_below(life->dice, 24);
    }
    if (!life->thorough && weir_rng_below(life->dice, 12) == 0) try_with_fault(life);
    recover(life, WEIR_PUBLISHED);
    if (!life->thorough) afterlife(life);
    sim_life_end(life);
    free(life);
    sim_now = &parent->machine;
}

/* ---- every crash at one point ----------------------------------------------------------- */

enum { ALL_COMBINATIONS = 4, RANDOM_CUTS = 4 };

static cut plan(const sim_life *life, kind k, uint64_t mask, size_t special, sim_fate fate) {
    return (cut){k, mask, special, fate, {weir_rng_next(life->dice)}};
}

static void crash_as(sim_life *life, kind k, uint64_t mask, size_t special, sim_fate fate) {
    cut c = plan(life, k, mask, special, fate);
    crash(life, &c);
}

static size_t units_of(const sim_life *life) {
    sim_disk *clone = sim_disk_clone(life->machine.disk);
    size_t units = sim_disk_units(clone);
    sim_disk_free(clone);
    return units;
}

static void crash_every_way(sim_life *life) {
    size_t units = units_of(life);
    crash_as(life, KIND_PROCESS_DEATH, 0, NO_UNIT, SIM_LOST);
    crash_as(life, KIND_POWER_ALL_LOST, 0, NO_UNIT, SIM_LOST);
    if (life->machine.failed) crash_as(life, KIND_DEATH_EVICTED, 0, NO_UNIT, SIM_LOST);
    if (units == 0) return;
    crash_as(life, KIND_POWER_ALL_KEPT, UINT64_MAX, NO_UNIT, SIM_LOST);
    uint64_t combinations = units <= ALL_COMBINATIONS ? (uint64_t)1 << units : 0;
    for (uint64_t mask = 1; mask + 1 < combinations; mask++)
        crash_as(life, KIND_POWER_CHOSEN, mask, NO_UNIT, SIM_LOST);
    for (size_t i = 0; i < units && i < ALL_COMBINATIONS; i++) {
        size_t unit = units <= ALL_COMBINATIONS ? i : (size_t)weir_rng_below(life->dice, units);
        crash_as(life, KIND_POWER_TORN, weir_rng_next(life->dice), unit, SIM_TORN);
        crash_as(life, KIND_POWER_GARBAGE, weir_rng_next(life->dice), unit, SIM_GARBAGE);
    }
    for (int i = 0; i < RANDOM_CUTS; i++)
        crash_as(life, KIND_POWER_RANDOM, 0, NO_UNIT, SIM_LOST);
}

static void crash_some_way(sim_life *life) {
    static const kind kinds[] = {KIND_PROCESS_DEATH, KIND_POWER_ALL_LOST, KIND_POWER_RANDOM,
                                 KIND_POWER_RANDOM};
    crash_as(life, kinds[weir_rng_below(life->dice, 4)], 0, NO_UNIT, SIM_LOST);
}

/* Death, and within the recovery from it the power. */
static void crash_twice(sim_life *life) {
    if (life->depth == 0) {
        crash_as(life, KIND_PROCESS_DEATH, 0, NO_UNIT, SIM_LOST);
        return;
    }
    crash_as(life, KIND_POWER_ALL_LOST, 0, NO_UNIT, SIM_LOST);
    crash_as(life, KIND_POWER_RANDOM, 0, NO_UNIT, SIM_LOST);
}

static void crash_point(void *context) {
    sim_life *life = context;
    if (life->crash_in > 1) {
        life->crash_in--;
        return;
    }
    void (*kept)(void *) = life->machine.crash_point;
    life->machine.crash_point = NULL; /* what it asks of the handle now is no crash point */
    sim_life_poll(life);
    if (life->thorough)
        crash_twice(life);
    else if (life->depth == 0)
        crash_every_way(life);
    else
        crash_some_way(life);
    life->machine.crash_point = kept;
    if (life->depth && !life->thorough)
        life->crash_in = 1 + (uint32_t)weir_rng_below(life->dice, 60);
}

/* ---- workloads -------------------------------------------------------------------------- */

static void pass_time(sim_life *life) {
    static const uint64_t ms[] = {1, 12, 60, 150, 1200};
    life->machine.clock_ns += ms[weir_rng_below(life->dice, 5)] * 1000000;
}

static void one_step(sim_life *life) {
    switch (weir_rng_below(life->dice, 12)) {
    case 0:
    case 1:
    case 2:
    case 3:
        (void)sim_life_append(life, 1 + (unsigned)weir_rng_below(life->dice, SIM_PRODUCERS));
        break;
    case 4:
    case 5:
    case 6: sim_life_step_journal(life); break;
    case 7: sim_life_step_writer(life); break;
    case 8:
    case 9: pass_time(life); break;
    case 10: (void)sim_life_wait(life, WEIR_DURABLE); break;
    default: (void)sim_life_wait(life, WEIR_APPLIED); break;
    }
}

static void live(sim_life *life, unsigned steps) {
    for (unsigned i = 0; i < steps; i++) {
        one_step(life);
        if (life->machine.crash_point) life->machine.crash_point(life);
    }
}

static void begin_run(sim_life *life, uint64_t seed, weir_rng *dice) {
    run_seed = seed;
    *dice = (weir_rng){seed};
    memset(life, 0, sizeof *life);
    sim_machine_make(&life->machine, sim_disk_make(), weir_rng_next(dice));
    life->dice = dice;
    life->machine.context = life;
    sim_now = &life->machine;
}

/* All workloads of three operations, by number; the third may also be to close. The opening is left to
 * the longer runs. */
enum { OPERATIONS = 4, SHORT_RUNS = OPERATIONS * OPERATIONS * (OPERATIONS + 1) };

static void operate(sim_life *life, uint64_t operation) {
    switch (operation) {
    case 0: (void)sim_life_append(life, 1); break;
    case 1: (void)sim_life_append(life, 2); break;
    case 2: sim_must(life, sim_life_wait(life, WEIR_DURABLE), "waiting for durable"); break;
    case 3: sim_must(life, sim_life_wait(life, WEIR_APPLIED), "waiting for applied"); break;
    default:
        sim_must(life, sim_life_close(life), "closing");
        sim_must(life, sim_life_open(life), "opening again");
        break;
    }
    crash_point(life);
}

static void short_run(sim_life *life, uint64_t number) {
    life->base = sim_base_plain();
    sim_must(life, sim_life_open(life), "the first opening");
    life->machine.crash_point = crash_point;
    operate(life, number % OPERATIONS);
    operate(life, number / OPERATIONS % OPERATIONS);
    operate(life, number / OPERATIONS / OPERATIONS);
}

/* What troubles a life, from the moment that it is open. */
static void trouble(sim_life *life, kind profile) {
    sim_machine *m = &life->machine;
    uint32_t soon = 1 + (uint32_t)weir_rng_below(life->dice, 8);
    life->profile = (int)profile;
    switch (profile) {
    case KIND_SYNC_ONCE:
        sim_machine_arm(m, SIM_DATASYNC, 1 + soon % 2, 1, -EIO);
        m->faults[0].below = SIM_JOURNAL;
        break;
    case KIND_SYNC_EVER: sim_machine_arm(m, SIM_DATASYNC, soon, UINT32_MAX, -EIO); break;
    case KIND_READ_FAILED: sim_machine_arm(m, SIM_PREAD, soon, 2, -EIO); break;
    case KIND_WRITE_FAILED: sim_machine_arm(m, SIM_PWRITE, soon, 1, -EIO); break;
    case KIND_DISK_FULL: m->capacity = sim_disk_bytes(m->disk) + 4096; break;
    case KIND_SHORT_TRANSFERS: m->short_one_in = 7; break;
    case KIND_CLOCK_JUMPED: m->wall_ns -= 86400000000000; break;
    default: break;
    }
}

static void long_run(sim_life *life, uint64_t seed) {
    life->machine.trickle_one_in = seed % 7 < 3 ? 5 : 0;
    life->machine.crash_point = crash_point;
    sim_must(life, sim_life_open(life), "the first opening");
    trouble(life, (kind)(KIND_CALM + seed % (KIND_COUNT - KIND_CALM)));
    live(life, 6);
    life->machine.capacity = 0;
    if (life->profile == KIND_CLOCK_JUMPED) life->machine.clock_ns += 86400000000000;
    live(life, 6);
}

/* Through the release of a segment, where files change their meaning. */
static void thorough_run(sim_life *life) {
    life->thorough = true;
    sim_must(life, sim_life_open(life), "the first opening");
    live(life, 8);
    sim_must(life, sim_life_close(life), "closing");
    sim_must(life, sim_life_open(life), "opening again");
    (void)sim_life_append(life, 1);
    sim_must(life, sim_life_wait(life, WEIR_APPLIED), "waiting for applied");
    life->machine.clock_ns += 2000000000;
    life->machine.crash_point = crash_point;
    for (int i = 0; i < 3; i++)
        sim_life_step_writer(life);
    (void)sim_life_append(life, 2);
    sim_must(life, sim_life_wait(life, WEIR_DURABLE), "waiting for durable");
}

static void run(uint64_t seed) {
    static sim_life life;
    weir_rng dice;
    begin_run(&life, seed, &dice);
    life.base = seed % 8 == 2 ? sim_base_sqlite() : sim_base_plain();
    if (seed < SHORT_RUNS)
        short_run(&life, seed);
    else if (seed % 3 == 0)
        sim_injured_run(&life);
    else if (seed % 6 == 1)
        thorough_run(&life);
    else
        long_run(&life, seed);
    sim_life_end(&life);
}

/* ---- the suite -------------------------------------------------------------------------- */

/* Sanitized, a state costs ten times as much: fewer of the short runs, and no more of the others
 * than it takes to visit every kind. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STATES = 10000, STATES_MOST = 60000, SHORT_STRIDE = 16 };
#else
enum { STATES = 100000, STATES_MOST = STATES, SHORT_STRIDE = 1 };
#endif

static double seconds_since(const struct timespec *began) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - began->tv_sec) + (double)(now.tv_nsec - began->tv_nsec) / 1e9;
}

static uint64_t unvisited(void) {
    uint64_t never = 0;
    for (int k = 0; k < KIND_COUNT; k++)
        never += visited[k] == 0;
    for (int h = 0; h < SIM_HARM_COUNT; h++)
        never += sim_harms[h] == 0;
    for (int v = 0; v < WEIR_VERDICT_COUNT; v++)
        never += sim_verdicts[v] == 0;
    return never;
}

static void report(const struct timespec *began) {
    printf("%" PRIu64 " crash states in %.1f s\n", sim_states, seconds_since(began));
    for (int k = 0; k < KIND_COUNT; k++)
        printf("%10" PRIu64 "  %s\n", visited[k], kind_text[k]);
    for (int h = 0; h < SIM_HARM_COUNT; h++)
        printf("%10" PRIu64 "  %s\n", sim_harms[h], harm_text[h]);
    for (int v = 0; v < WEIR_VERDICT_COUNT; v++)
        printf("%10" PRIu64 "  verdict %s\n", sim_verdicts[v], weir_verdict_name((weir_verdict)v));
}

static bool wants_more(const struct timespec *began, double seconds) {
    return sim_states < STATES || (unvisited() && sim_states < STATES_MOST) ||
           seconds_since(began) < seconds;
}

static int suite(const struct timespec *began, double seconds) {
    for (uint64_t seed = 0; seed < SHORT_RUNS; seed += SHORT_STRIDE)
        run(seed);
    for (uint64_t seed = SHORT_RUNS; wants_more(began, seconds); seed++)
        run(seed);
    report(began);
    uint64_t never = unvisited();
    if (never) (void)fprintf(stderr, "%" PRIu64 " kinds or verdicts were never visited\n", never);
    return never != 0;
}

int main(int argc, char **argv) {
    struct timespec began;
    (void)clock_gettime(CLOCK_MONOTONIC, &began); /* this clock is always there */
    sim_vfs_register();
    if (argc == 3 && strcmp(argv[1], "-s") == 0) return suite(&began, strtod(argv[2], NULL));
    if (argc != 2) return suite(&began, 0);
    run(strtoull(argv[1], NULL, 10));
    report(&began);
    return 0;
}
