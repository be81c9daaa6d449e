/* injured.c - a journal and a database that were harmed: what opening says, and what is left. */
#include <stdlib.h>
#include <string.h>

#include "story.h"

enum { TIMES = 5 }; /* each harm to what a life left */

/* ---- how it was before ------------------------------------------------------------------ */

static void work(sim_life *life, unsigned rows) {
    for (unsigned i = 0; i < rows; i++) {
        (void)sim_life_append(life, 1 + (unsigned)weir_rng_below(life->dice, SIM_PRODUCERS));
        if (weir_rng_below(life->dice, 3) == 0)
            sim_must(life, sim_life_wait(life, WEIR_DURABLE), "waiting for durable");
    }
}

/* Long enough for hardening, which recycles segments. */
static void be_quiet(sim_life *life) {
    for (int i = 0; i < 2; i++) {
        life->machine.clock_ns += 2000000000;
        sim_life_step_writer(life);
    }
}

static void settle(sim_life *life) {
    weir_level level = weir_rng_below(life->dice, 2) ? WEIR_APPLIED : WEIR_DURABLE;
    sim_must(life, sim_life_wait(life, level), "waiting");
    if (weir_rng_below(life->dice, 2)) be_quiet(life);
    if (weir_rng_below(life->dice, 2)) return;
    sim_must(life, sim_life_close(life), "closing");
    sim_must(life, sim_life_open(life), "opening again");
    if (weir_rng_below(life->dice, 2)) return;
    (void)sim_life_append(life, 1);
    sim_must(life, sim_life_wait(life, WEIR_APPLIED), "waiting");
    be_quiet(life);
}

/* So that there are two at least. */
static void begin_segment(sim_life *life) {
    sim_must(life, sim_life_close(life), "closing");
    sim_must(life, sim_life_open(life), "opening again");
    work(life, 2);
    sim_must(life, sim_life_wait(life, WEIR_DURABLE), "waiting");
}

static sim_fate keep(void *self, size_t unit) {
    (void)self, (void)unit;
    return SIM_KEPT;
}

static uint64_t draw(void *self, uint64_t limit) { return weir_rng_below(self, limit); }

/* The disk as a copy of it would be, made while the process stood still. */
sim_disk *sim_injured_copy(const sim_life *life) {
    sim_disk *disk = sim_disk_clone(life->machine.disk);
    sim_choice choice = {life->dice, keep, draw};
    sim_disk_cut(disk, &choice);
    return disk;
}

static sim_life *life_on(const sim_life *like, sim_disk *disk) {
    sim_life *life = calloc(1, sizeof *life);
    if (!life) abort(); /* a test without memory has nothing to say */
    sim_machine_make(&life->machine, disk, weir_rng_next(like->dice));
    life->machine.clock_ns = like->machine.clock_ns;
    memcpy(life->machine.boot, like->machine.boot, sizeof life->machine.boot);
    life->machine.context = life;
    life->model = like->model;
    life->base = like->base;
    life->dice = like->dice;
    sim_now = &life->machine;
    return life;
}

static void leave(sim_life *life, sim_life *back_to) {
    sim_life_end(life);
    free(life);
    sim_now = &back_to->machine;
}

/* Another life goes on from that disk, or from an empty one; what it leaves is a copy like any. */
sim_disk *sim_injured_elsewhere(sim_life *life, sim_disk *from) {
    sim_life *other = life_on(life, from);
    sim_must(other, sim_life_open(other), "opening elsewhere");
    work(other, 3);
    sim_must(other, sim_life_wait(other, WEIR_APPLIED), "waiting elsewhere");
    sim_disk *disk = sim_injured_copy(other);
    leave(other, life);
    return disk;
}

/* ---- what is said of it ----------------------------------------------------------------- */

static struct {
    bool heard;
    sim_harm harm;
    weir_verdict tool, library;
    char tool_detail[400], detail[400];
    size_t damages;
    weir_damage damage; /* the first one, without its path */
} said;

static void hear(sim_life *life, const weir_inventory *tool, const weir_inventory *library) {
    (void)life;
    said.heard = true;
    said.tool = tool->verdict;
    said.library = library->verdict;
    said.damages = tool->damage_count;
    said.damage = tool->damage_count ? tool->damages[0] : (weir_damage){0};
    memcpy(said.tool_detail, tool->detail, sizeof said.tool_detail);
    memcpy(said.detail, library->detail, sizeof said.detail);
    sim_verdicts[tool->verdict]++;
}

static void compare_verdicts(const sim_life *life, int status) {
    if (!said.heard)
        sim_broken("%s: opening ended before it had looked: %s", sim_harm_text(said.harm),
                   life->error.text);
    if (said.tool != said.library || strcmp(said.tool_detail, said.detail) != 0)
        sim_broken("%s: the tool says %s: %s; opening says %s: %s", sim_harm_text(said.harm),
                   weir_verdict_name(said.tool), said.tool_detail, weir_verdict_name(said.library),
                   said.detail);
    if (status != weir_verdict_status(said.library))
        sim_broken("%s: verdict %s, but opening answered %s: %s", sim_harm_text(said.harm),
                   weir_verdict_name(said.library), weir_status_name(status), life->error.text);
    if (weir_verdict_refuses(said.library) && strcmp(said.detail, life->error.text) != 0)
        sim_broken("%s: the tool says: %s; opening says: %s", sim_harm_text(said.harm), said.detail,
                   life->error.text);
}

/* Promised rows that were hit are named, these and no others. */
static void check_names(const sim_injury *i) {
    if (!i->block || i->may_lose) return;
    const weir_damage *d = &said.damage;
    bool rows = d->first_row == i->first_row && d->last_row == i->last_row;
    bool block = d->first_block <= i->block && i->block <= d->last_block;
    if (said.tool == WEIR_VERDICT_ROT && said.damages == 1 && rows && block) return;
    sim_broken(
        "block %llu with rows %llu to %llu was hit; the tool says %s, %zu places, blocks %llu "
        "to %llu, rows %llu to %llu",
        (unsigned long long)i->block, (unsigned long long)i->first_row,
        (unsigned long long)i->last_row, weir_verdict_name(said.tool), said.damages,
        (unsigned long long)d->first_block, (unsigned long long)d->last_block,
        (unsigned long long)d->first_row, (unsigned long long)d->last_row);
}

/* ---- one harm --------------------------------------------------------------------------- */

static void forgive(sim_model *model) {
    for (uint32_t n = 1; n <= model->count; n++)
        if (model->row[n].level < WEIR_APPLIED) model->row[n].level = SIM_UNSURE;
}

static bool is_lock(const char *path) { return strcmp(path, SIM_JOURNAL "/lock") == 0; }

/* SQLite may have made the file, or cleared its -wal away. */
static bool is_lock_or_database(const char *path) {
    return is_lock(path) || strncmp(path, SIM_DATABASE, strlen(SIM_DATABASE)) == 0;
}

/* Whatever may be asked of the files later is still there: opening that refuses has changed nothing
 * but the lock, which it needs before it may look. A database that was not there is there,
 * empty. */
static uint64_t fingerprint(const sim_life *life) {
    bool database = life->base == sim_base_plain() && said.harm != SIM_HARM_NO_DATABASE;
    return sim_disk_hash(life->machine.disk, database ? is_lock : is_lock_or_database);
}

/* Harm a life's disk, and open it: false when there was nothing to harm. */
static bool open_harmed(sim_life *victim, sim_injury *injury, int *status) {
    weir_inventory baseline = {0};
    sim_must(victim, sim_life_look(victim, &baseline), "a first look");
    said.heard = false;
    said.harm = injury->harm;
    bool harmed = sim_harm_do(victim->machine.disk, &baseline, injury);
    weir_inventory_free(&baseline);
    if (!harmed) return false;
    if (injury->may_lose) forgive(&victim->model);
    victim->seen = hear;
    uint64_t before = fingerprint(victim);
    *status = sim_life_open(victim);
    victim->seen = NULL;
    compare_verdicts(victim, *status);
    check_names(injury);
    if (*status != WEIR_OK && fingerprint(victim) != before)
        sim_broken("%s: opening refused (%s), and changed a file", sim_harm_text(said.harm),
                   said.detail);
    return true;
}

static void check_opened(sim_life *victim) {
    sim_must(victim, sim_life_wait(victim, WEIR_APPLIED), "waiting for applied");
    const char *wrong = sim_life_check(victim, WEIR_PUBLISHED);
    if (wrong)
        sim_broken("%s: %s, and opening only said: %s", sim_harm_text(said.harm), wrong,
                   said.detail);
}

void (*sim_injured_refused)(sim_life *victim, const sim_injury *injury);

void sim_injured_open(sim_life *life, const sim_disk *disk, sim_injury *injury) {
    sim_life *victim = life_on(life, sim_disk_clone(disk));
    int status;
    if (open_harmed(victim, injury, &status)) {
        sim_states++;
        sim_harms[injury->harm]++;
        if (status == WEIR_OK)
            check_opened(victim);
        else if (sim_injured_refused)
            sim_injured_refused(victim, injury);
    }
    leave(victim, life);
}

void sim_injured_run(sim_life *life) {
    sim_must(life, sim_life_open(life), "the first opening");
    work(life, 4);
    settle(life);
    sim_disk *older = sim_injured_copy(life);
    sim_disk *twin = sim_injured_elsewhere(life, sim_disk_clone(older));
    sim_disk *other = sim_injured_elsewhere(life, sim_disk_make());
    work(life, 4);
    settle(life);
    if (weir_rng_below(life->dice, 2)) begin_segment(life);
    sim_life_poll(life);
    sim_disk *disk = sim_injured_copy(life);
    sim_injury injury = {.older = older, .other = other, .twin = twin, .dice = life->dice};
    for (int h = 0; h < SIM_HARM_COUNT; h++)
        for (int i = 0; i < TIMES; i++) {
            injury.harm = (sim_harm)h;
            sim_injured_open(life, disk, &injury);
        }
    sim_disk_free(disk);
    sim_disk_free(older);
    sim_disk_free(twin);
    sim_disk_free(other);
}
