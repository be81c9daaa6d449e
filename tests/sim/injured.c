/* injured.c - a journal and a database that were harmed: what opening says, and what is left. */
#include <stdlib.h>
#include <string.h>

#include "story.h"

/* ---- how it was before ------------------------------------------------------------------ */

static void work(sim_life *life, unsigned rows) {
    for (unsigned i = 0; i < rows; i++) {
        (void)sim_life_append(life, 1 + (unsigned)weir_rng_below(life->dice, SIM_PRODUCERS));
        if (weir_rng_below(life->dice, 3) == 0)
            sim_must(life, sim_life_wait(life, WEIR_DURABLE), "waiting for durable");
    }
}

static void settle(sim_life *life) {
    weir_level level = weir_rng_below(life->dice, 2) ? WEIR_APPLIED : WEIR_DURABLE;
    sim_must(life, sim_life_wait(life, level), "waiting");
    if (weir_rng_below(life->dice, 2)) { /* long enough for hardening, which recycles segments */
        life->machine.clock_ns += 2000000000;
        sim_life_step_writer(life);
    }
    if (weir_rng_below(life->dice, 3)) return;
    sim_must(life, sim_life_close(life), "closing");
    sim_must(life, sim_life_open(life), "opening again");
}

static sim_fate keep(void *self, size_t unit) {
    (void)self, (void)unit;
    return SIM_KEPT;
}

static uint64_t draw(void *self, uint64_t limit) { return weir_rng_below(self, limit); }

/* The disk as a copy of it would be, made while the process stood still. */
static sim_disk *copy_of(const sim_life *life) {
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
static sim_disk *elsewhere(sim_life *life, sim_disk *from) {
    sim_life *other = life_on(life, from);
    sim_must(other, sim_life_open(other), "opening elsewhere");
    work(other, 3);
    sim_must(other, sim_life_wait(other, WEIR_APPLIED), "waiting elsewhere");
    sim_disk *disk = copy_of(other);
    leave(other, life);
    return disk;
}

/* ---- what is said of it ----------------------------------------------------------------- */

static struct {
    weir_verdict tool, library;
    char detail[400];
    size_t damages;
    weir_damage damage; /* the first one, without its path */
    uint64_t position;  /* block */
} said;

static void hear(sim_life *life, const weir_inventory *tool, const weir_inventory *library) {
    (void)life;
    said.tool = tool->verdict;
    said.library = library->verdict;
    said.damages = tool->damage_count;
    said.damage = tool->damage_count ? tool->damages[0] : (weir_damage){0};
    said.position = tool->position.block;
    memcpy(said.detail, library->detail, sizeof said.detail);
    sim_verdicts[tool->verdict]++;
}

/* Opening does not read again what is applied: only there may the tool know more. */
static void compare_verdicts(const sim_life *life, int status) {
    if (said.tool != said.library &&
        !(said.tool == WEIR_VERDICT_ROT && said.damage.last_block <= said.position))
        sim_broken("the tool says %s, opening says %s", weir_verdict_name(said.tool),
                   weir_verdict_name(said.library));
    bool needed = said.tool == WEIR_VERDICT_ROT && status == WEIR_DAMAGED; /* by opening itself */
    if (status != weir_verdict_status(said.library) && !needed)
        sim_broken("verdict %s, but opening answered %s: %s", weir_verdict_name(said.library),
                   weir_status_name(status), life->error.text);
    if (weir_verdict_refuses(said.library) && strcmp(said.detail, life->error.text) != 0)
        sim_broken("the tool says: %s; opening says: %s", said.detail, life->error.text);
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

static void take_baseline(sim_life *life, weir_inventory *out) {
    weir_sink sink = {0};
    weir_position *positions = NULL;
    size_t count = 0;
    sim_must(life, life->base->open(&sink, &positions, &count, &life->error), "a first look");
    sink.close(sink.self);
    sim_must(life, sim_life_inventory(positions, count, true, out, &life->error), "a first look");
    free(positions);
}

static void forgive(sim_model *model) {
    for (uint32_t n = 1; n <= model->count; n++)
        if (model->row[n].level < WEIR_APPLIED) model->row[n].level = SIM_UNSURE;
}

static void harm(sim_life *life, const sim_disk *disk, sim_injury *injury) {
    sim_life *victim = life_on(life, sim_disk_clone(disk));
    weir_inventory baseline = {0};
    take_baseline(victim, &baseline);
    if (sim_harm_do(victim->machine.disk, &baseline, injury)) {
        sim_states++;
        sim_harms[injury->harm]++;
        if (injury->may_lose) forgive(&victim->model);
        victim->seen = hear;
        int status = sim_life_open(victim);
        compare_verdicts(victim, status);
        check_names(injury);
        if (status == WEIR_OK && said.tool == said.library) {
            sim_must(victim, sim_life_wait(victim, WEIR_APPLIED), "waiting for applied");
            const char *wrong = sim_life_check(victim, WEIR_PUBLISHED);
            if (wrong) sim_broken("%s, and opening only said: %s", wrong, said.detail);
        }
    }
    weir_inventory_free(&baseline);
    leave(victim, life);
}

void sim_injured_run(sim_life *life) {
    sim_must(life, sim_life_open(life), "the first opening");
    work(life, 4);
    settle(life);
    sim_disk *older = copy_of(life);
    sim_disk *twin = elsewhere(life, sim_disk_clone(older));
    sim_disk *other = elsewhere(life, sim_disk_make());
    work(life, 4);
    settle(life);
    sim_life_poll(life);
    sim_disk *disk = copy_of(life);
    sim_injury injury = {.older = older, .other = other, .twin = twin, .dice = life->dice};
    for (int h = 0; h < SIM_HARM_COUNT; h++)
        for (int i = 0; i < 3; i++) {
            injury.harm = (sim_harm)h;
            harm(life, disk, &injury);
        }
    sim_disk_free(disk);
    sim_disk_free(older);
    sim_disk_free(twin);
    sim_disk_free(other);
}
