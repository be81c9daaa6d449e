/* longer.c - longer workloads, by chance: lives that are troubled, that archive, that have
 * neighbours; and every call of a recovery. */
#include <errno.h>
#include <string.h>

#include "../second.h"
#include "../vfs.h"
#include "runs.h"

#define DAY_NS (24 * (uint64_t)3600000000000)

void sim_run_begin(sim_life *life, const sim_base *base, uint64_t seed) {
    memset(life, 0, sizeof *life);
    life->own = (weir_rng){seed};
    life->dice = &life->own;
    sim_machine_make(&life->machine, sim_disk_make(), weir_rng_next(life->dice));
    life->machine.context = life;
    life->base = base;
    sim_now = &life->machine;
}

/* ---- steps ------------------------------------------------------------------------------ */

static void pass_time(sim_life *life) {
    static const uint64_t ms[] = {1, 12, 60, 150, 1200};
    life->machine.clock_ns += ms[weir_rng_below(life->dice, 5)] * 1000000;
}

/* Who waits would wait for a stranger's lock for as long as it lasts. */
static void wait_for(sim_life *life, weir_level level) {
    sim_stranger_release(life);
    (void)sim_life_wait(life, level); /* how it ends depends on the trouble */
}

static unsigned any_producer(const sim_life *life) {
    return 1 + (unsigned)weir_rng_below(life->dice, SIM_PRODUCERS);
}

/* Some batches are on several pages of the ring, of which a power cut keeps some. */
static uint32_t any_size(const sim_life *life) {
    uint64_t large = weir_rng_below(life->dice, 3) == 0 ? 40 : 0;
    return (uint32_t)(2 + large + weir_rng_below(life->dice, 6 + large));
}

static void one_step(sim_life *life) {
    switch (weir_rng_below(life->dice, 12)) {
    case 0:
    case 1:
    case 2: (void)sim_life_append(life, any_producer(life)); break;
    case 3: (void)sim_life_append_batch(life, any_producer(life), any_size(life)); break;
    case 4:
    case 5:
    case 6: sim_life_step_journal(life); break;
    case 7: sim_life_step_writer(life); break;
    case 8:
    case 9: pass_time(life); break;
    case 10: wait_for(life, WEIR_DURABLE); break;
    default: wait_for(life, WEIR_APPLIED); break;
    }
}

void sim_live(sim_life *life, unsigned steps) {
    for (unsigned i = 0; i < steps; i++) {
        one_step(life);
        if (life->machine.crash_point) life->machine.crash_point(life);
    }
}

static void work(sim_life *life, unsigned rows) {
    for (unsigned i = 0; i < rows; i++)
        (void)sim_life_append(life, any_producer(life));
    sim_must(life, sim_life_wait(life, WEIR_APPLIED), "waiting for applied");
}

static void reopen(sim_life *life) {
    sim_must(life, sim_life_close(life), "closing");
    sim_must(life, sim_life_open(life), "opening again");
}

static void grow_old(sim_life *life) {
    for (int i = 0; i < 3; i++) {
        life->machine.clock_ns += 2000000000;
        sim_life_step_journal(life);
        sim_life_step_writer(life);
    }
}

/* ---- troubles --------------------------------------------------------------------------- */

static const sim_kind profiles[] = {
    SIM_CALM_KIND,         SIM_SYNC_ONCE_KIND, SIM_SYNC_EVER_KIND,       SIM_READ_FAILED_KIND,
    SIM_WRITE_FAILED_KIND, SIM_DISK_FULL_KIND, SIM_SHORT_TRANSFERS_KIND, SIM_CLOCK_BACK_KIND,
    SIM_CLOCK_AHEAD_KIND,
};

/* What troubles a life, from the moment that it is open. */
static void trouble(sim_life *life, sim_kind profile) {
    sim_machine *m = &life->machine;
    uint32_t soon = 1 + (uint32_t)weir_rng_below(life->dice, 8);
    life->profile = (int)profile;
    switch (profile) {
    case SIM_SYNC_ONCE_KIND:
        sim_machine_arm(m, SIM_DATASYNC, 1 + soon % 2, 1, -EIO);
        m->faults[0].below = SIM_JOURNAL;
        break;
    case SIM_SYNC_EVER_KIND: sim_machine_arm(m, SIM_DATASYNC, soon, UINT32_MAX, -EIO); break;
    case SIM_READ_FAILED_KIND: sim_machine_arm(m, SIM_PREAD, soon, 2, -EIO); break;
    case SIM_WRITE_FAILED_KIND: sim_machine_arm(m, SIM_PWRITE, soon, 1, -EIO); break;
    case SIM_DISK_FULL_KIND: m->capacity = sim_disk_bytes(m->disk) + 4096; break;
    case SIM_SHORT_TRANSFERS_KIND: m->short_one_in = 7; break;
    case SIM_CLOCK_BACK_KIND:
        m->wall_ns -= (int64_t)DAY_NS;
        m->jumped = true;
        break;
    case SIM_CLOCK_AHEAD_KIND:
        m->clock_ns += DAY_NS;
        m->jumped = true;
        break;
    default: break;
    }
}

void sim_long_run(sim_life *life, uint64_t seed) {
    life->machine.trickle_one_in = seed % 7 < 3 ? 5 : 0;
    life->machine.crash_point = sim_crash_point;
    sim_must(life, sim_life_open(life), "the first opening");
    trouble(life, profiles[seed % (sizeof profiles / sizeof profiles[0])]); /* each in its turn */
    sim_live(life, 6);
    life->machine.capacity = 0;
    sim_live(life, 6);
}

/* ---- the release of a segment, where files change their meaning --------------------------- */

void sim_thorough_run(sim_life *life, uint64_t seed) {
    (void)seed;
    life->thorough = true;
    sim_must(life, sim_life_open(life), "the first opening");
    sim_live(life, 8);
    reopen(life);
    work(life, 1);
    life->machine.clock_ns += 2000000000;
    life->machine.crash_point = sim_crash_point;
    for (int i = 0; i < 3; i++)
        sim_life_step_writer(life);
    (void)sim_life_append(life, 2);
    sim_must(life, sim_life_wait(life, WEIR_DURABLE), "waiting for durable");
}

/* ---- an archive, the public API, neighbours -------------------------------------------------- */

void sim_archive_run(sim_life *life, uint64_t seed) {
    life->archive = true;
    life->facts = (uint64_t)1 << SIM_ARCHIVED_KIND;
    life->machine.trickle_one_in = seed % 2 ? 5 : 0;
    sim_must(life, sim_life_open(life), "the first opening");
    work(life, 2);
    reopen(life);
    work(life, 2);
    life->machine.crash_point = sim_crash_point;
    grow_old(life);
    sim_live(life, 4);
    life->machine.crash_point = NULL;
    reopen(life);
    work(life, 1);
    grow_old(life);
    const char *wrong = sim_rebuild_check(life);
    if (wrong) sim_broken("%s", wrong);
}

void sim_public_api_run(sim_life *life, uint64_t seed) {
    life->base = sim_base_public_api();
    life->facts = (uint64_t)1 << SIM_FACE_KIND;
    if (seed % 2) life->machine.crash_point = sim_crash_point;
    sim_must(life, sim_life_open(life), "the first opening");
    life->machine.crash_point = sim_crash_point;
    sim_live(life, 6);
    sim_must(life, sim_life_close(life), "closing");
    sim_must(life, sim_life_open(life), "opening again");
    sim_live(life, 2);
}

/* No clean close while a stranger is about: the connection that closes last clears the -wal
 * away. */
void sim_stranger_run(sim_life *life, uint64_t seed) {
    life->base = seed % 4 ? sim_base_sqlite() : sim_base_public_api();
    sim_must(life, sim_life_open(life), "the first opening");
    work(life, 2);
    life->machine.crash_point = sim_crash_point;
    for (int i = 0; i < 6; i++) {
        sim_stranger_act(life);
        sim_live(life, 2);
        if (weir_rng_below(life->dice, 2) == 0) grow_old(life);
    }
    life->machine.crash_point = NULL;
    sim_stranger_release(life);
    work(life, 1);
    const char *wrong = sim_life_check(life, WEIR_PUBLISHED);
    if (wrong) sim_broken("%s", wrong);
    sim_stranger_leave(life);
}

/* Half of them also lose pages at a failed sync, or find the disk full. */
void sim_server_run(sim_life *life, uint64_t seed) {
    life->facts = (uint64_t)1 << SIM_SERVER_KIND;
    life->server.dice = (weir_rng){seed};
    life->machine.crash_point = sim_crash_point;
    sim_must(life, sim_life_open(life), "the first opening");
    if (seed % 2) trouble(life, profiles[seed / 2 % (sizeof profiles / sizeof profiles[0])]);
    for (int i = 0; i < 5; i++) {
        sim_live(life, 2);
        sim_server_act(&life->server);
        if (weir_rng_below(life->dice, 4) == 0) grow_old(life);
    }
    life->machine.crash_point = NULL;
    life->machine.capacity = 0;
    sim_machine_disarm(&life->machine);
    (void)sim_life_close(life); /* where its syncs have failed for good it leaves its rows */
    sim_recover(life, WEIR_PUBLISHED);
}

/* ---- a second sink ------------------------------------------------------------------------ */

static void note_second(sim_life *life) {
    life->facts = (uint64_t)1 << SIM_SECOND_KIND;
    if (!life->second) life->facts |= (uint64_t)1 << SIM_SECOND_LEFT_KIND;
}

/* Attached, detached, or away for a whole opening. */
static void let_second_come_or_go(sim_life *life) {
    switch (weir_rng_below(life->dice, 3)) {
    case 0:
        life->second_away = weir_rng_below(life->dice, 2);
        reopen(life);
        life->second_away = false;
        break;
    default:
        if (life->second)
            sim_second_detach(life);
        else
            sim_must(life, sim_second_attach(life), "attaching");
    }
    note_second(life);
}

static void fill_segments(sim_life *life) {
    unsigned rows = 4 + (unsigned)weir_rng_below(life->dice, 12);
    work(life, rows);
    grow_old(life);
}

/* What it lacks goes to the archive, or stays in the journal; the power is cut at every step of that. */
void sim_second_run(sim_life *life, uint64_t seed) {
    life->attach_second = sim_second_attach;
    life->server.dice = (weir_rng){seed};
    life->server.calm = seed % 3 == 0;
    life->machine.trickle_one_in = seed % 2 ? 5 : 0;
    sim_must(life, sim_life_open(life), "the first opening");
    fill_segments(life);
    note_second(life);
    for (int i = 0; i < 6; i++) {
        if (i % 2) fill_segments(life);
        life->machine.crash_point = sim_crash_point;
        let_second_come_or_go(life);
        if (!life->server.calm) sim_server_act(&life->server);
        sim_live(life, 1);
        grow_old(life);
        life->machine.crash_point = NULL;
    }
    sim_must(life, sim_life_close(life), "closing");
    sim_recover(life, WEIR_PUBLISHED);
}
