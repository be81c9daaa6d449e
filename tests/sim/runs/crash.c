/* crash.c - how a life ends at a crash point, and what follows.
 *
 * Unsynced is each change of a name, each growth of a file, each write, and each page that was
 * changed through a map; each of these n things has one of four fates at a power cut. In short
 * runs, of which every call is a crash point,
 *
 *     n ≤ 4   every combination of all four fates is tried,
 *     n ≤ 10  every combination of kept and lost; and each thing torn, and garbage, with all others
 *             kept and with all others lost,
 *     n > 10  all kept and all lost, but for none, one or two; and torn and garbage as before,
 *
 * with 6 in place of 10 over SQLite, and in the last two cases some mixtures by chance. A state
 * that equals one that was visited before, byte for byte and in what callers had been told, is not
 * visited again. The torn sectors themselves, and what garbage looks like, are drawn. */
#include <stdlib.h>
#include <string.h>

#include "../second.h"
#include "runs.h"

enum {
    EVERY_FATE = 4,
    EVERY_CHOICE = 10,
    EVERY_CHOICE_SQLITE = 6, /* a state costs several times as much there */
    THINGS = 256,
    CHANCE_CUTS = 2,
    LONG_CUTS = 4, /* single things, and mixtures, of a long run's crash point */
};

typedef struct cut {
    sim_kind kind;
    sim_fate fate[THINGS];
    weir_rng dice;
} cut;

static sim_fate fate_of(void *self, size_t unit) {
    if (unit >= THINGS) abort(); /* no workload leaves so many unsynced */
    return ((cut *)self)->fate[unit];
}

static uint64_t draw(void *self, uint64_t limit) {
    return weir_rng_below(&((cut *)self)->dice, limit);
}

static bool is_death(sim_kind k) {
    return k == SIM_PROCESS_DEATH_KIND || k == SIM_DEATH_EVICTED_KIND;
}

static bool one_in(sim_life *life, uint64_t n) { return weir_rng_below(life->dice, n) == 0; }

/* ---- states that were visited ----------------------------------------------------------- */

static struct {
    uint64_t *hash;
    size_t count, capacity;
} known;

static void place(uint64_t *table, size_t capacity, uint64_t hash) {
    size_t at = (size_t)hash & (capacity - 1);
    while (table[at] && table[at] != hash)
        at = (at + 1) & (capacity - 1);
    table[at] = hash;
}

static void grow(void) {
    size_t capacity = known.capacity ? 2 * known.capacity : 1 << 16;
    uint64_t *table = calloc(capacity, sizeof *table);
    if (!table) abort(); /* a test without memory has nothing to say */
    for (size_t i = 0; i < known.capacity; i++)
        if (known.hash[i]) place(table, capacity, known.hash[i]);
    free(known.hash);
    known.hash = table;
    known.capacity = capacity;
}

static bool is_known(uint64_t hash) {
    if (hash == 0) hash = 1;
    if (2 * known.count >= known.capacity) grow();
    size_t at = (size_t)hash & (known.capacity - 1);
    while (known.hash[at] && known.hash[at] != hash)
        at = (at + 1) & (known.capacity - 1);
    bool found = known.hash[at] != 0;
    known.hash[at] = hash;
    known.count += !found;
    return found;
}

static uint64_t state_hash(const sim_life *life, const cut *c) {
    const sim_model *m = &life->model;
    uint64_t what[] = {sim_disk_hash(life->machine.disk, NULL),
                       weir_hash(m->row, (m->count + 1) * sizeof m->row[0]),
                       m->count,
                       is_death(c->kind),
                       life->machine.wall_ns < 0,
                       (uintptr_t)life->base->open};
    return weir_hash(what, sizeof what);
}

/* ---- what follows a crash --------------------------------------------------------------- */

/* After a crash alone there is nothing to refuse. */
static void judge(sim_life *life, const weir_inventory *tool, const weir_inventory *library) {
    (void)life;
    sim_verdicts[tool->verdict]++;
    if (library->verdict != tool->verdict || strcmp(library->detail, tool->detail) != 0)
        sim_broken("the tool says %s: %s; opening says %s: %s", weir_verdict_name(tool->verdict),
                   tool->detail, weir_verdict_name(library->verdict), library->detail);
    if (weir_verdict_refuses(tool->verdict)) sim_broken("a crash alone reads as: %s", tool->detail);
    if (tool->damage_count) sim_broken("a crash alone damaged: %s", tool->damages[0].why);
}

/* The tool may look at a journal that is open; it must find nothing wrong there. */
static void look_at_the_living(sim_life *life) {
    weir_inventory found = {0};
    sim_must(life, sim_life_inventory(NULL, 0, true, &found, &life->error), "a look at the living");
    if (found.damage_count || found.found.tail != WEIR_TAIL_CLEAN)
        sim_broken("after recovery the tool says: %s", found.detail);
    weir_inventory_free(&found);
}

void sim_recover(sim_life *life, int least) {
    life->seen = judge;
    sim_must(life, sim_life_open(life), "opening");
    life->seen = NULL;
    sim_must(life, sim_life_wait(life, WEIR_APPLIED), "waiting for applied");
    const char *wrong = sim_life_check(life, least);
    if (!wrong && life->attach_second) wrong = sim_second_check(life, least);
    if (!wrong && life->archive) wrong = sim_rebuild_check(life);
    if (wrong) sim_broken("%s", wrong);
    look_at_the_living(life);
}

/* Some of them go on: more rows, more crashes, a clean close. */
static void afterlife(sim_life *life) {
    uint64_t n = life->short_run ? 64 : 4;
    if (one_in(life, n)) sim_live(life, 4);
    if (!one_in(life, n)) return;
    if (life->base == sim_base_server()) { /* it is well, so it gets the last row, too */
        (void)sim_life_check(life, WEIR_PUBLISHED);
        life->server.calm = true;
        (void)sim_life_append(life, 1);
    }
    sim_must(life, sim_life_close(life), "closing");
    life->server.calm = false;
    sim_visit(SIM_CLOSED_KIND);
    sim_recover(life, WEIR_PUBLISHED);
}

static sim_life *life_after(sim_life *parent, const sim_disk *disk, uint64_t seed, bool same_boot) {
    sim_life *life = calloc(1, sizeof *life);
    if (!life) abort();
    sim_machine *m = &life->machine;
    life->own = (weir_rng){seed};
    life->dice = &life->own;
    sim_machine_make(m, sim_disk_clone(disk), weir_rng_next(life->dice));
    m->clock_ns = parent->machine.clock_ns;
    m->wall_ns = parent->machine.wall_ns;
    if (same_boot) memcpy(m->boot, parent->machine.boot, sizeof m->boot);
    m->trickle_one_in = parent->machine.trickle_one_in;
    m->short_one_in = parent->machine.short_one_in;
    m->context = life;
    life->model = parent->model;
    life->base = parent->base;
    life->server = parent->server;
    life->attach_second = parent->attach_second;
    life->archive = parent->archive;
    life->depth = parent->depth + 1;
    life->parent = parent;
    life->profile = parent->profile;
    life->facts = parent->facts;
    life->struck = parent->struck || parent->machine.struck;
    life->thorough = parent->thorough;
    life->short_run = parent->short_run;
    return life;
}

static void leave(sim_life *life) {
    sim_life *parent = life->parent;
    sim_stranger_leave(life);
    sim_life_end(life);
    free(life);
    sim_now = &parent->machine;
}

static void count(const sim_life *life, const cut *c) {
    sim_states++;
    sim_visit(c->kind);
    if (life->depth == 2) sim_visit(SIM_IN_RECOVERY_KIND);
    if (life->depth == 3) sim_visit(SIM_IN_SECOND_RECOVERY_KIND);
    for (int k = 0; k < SIM_KIND_COUNT; k++)
        if (life->facts >> k & 1) sim_visit((sim_kind)k);
    if (life->profile && (life->struck || life->profile == SIM_CALM_KIND))
        sim_visit((sim_kind)life->profile);
    const sim_life *before = life->parent->parent;
    if (before && before->machine.failed && before->profile == SIM_SYNC_ONCE_KIND &&
        !is_death(c->kind) && memcmp(life->parent->machine.boot, before->machine.boot, 16) == 0)
        sim_visit(SIM_PAGE_CACHE_TRAP_KIND);
}

/* An opening that meets trouble, at whichever call, leaves everything for the next; false: it made
 * no such call any more. */
static bool open_under(sim_life *victim, const sim_disk *disk, sim_trouble trouble, uint64_t call) {
    sim_life *life = life_after(victim, disk, weir_rng_next(victim->dice), true);
    sim_now = &life->machine;
    life->how = victim->how;
    life->machine.trouble = trouble;
    life->machine.strike_at = call;
    int status = sim_life_open(life);
    bool struck = life->machine.struck, called = life->machine.calls >= call;
    life->machine.strike_at = 0;
    life->machine.capacity = 0;
    sim_machine_disarm(&life->machine);
    if (struck) {
        sim_states++;
        sim_visit(trouble == SIM_FULL ? SIM_RECOVERY_FULL_KIND : SIM_RECOVERY_FAULT_KIND);
        /* Rows that cannot be journaled stay in the ring for the next opening. */
        if (status == WEIR_OK) (void)sim_life_close(life);
        sim_recover(life, WEIR_PUBLISHED);
    }
    leave(life);
    return called;
}

/* Every trouble at every call of the opening that follows this crash. */
static void open_under_all(sim_life *victim) {
    sim_disk *disk = sim_disk_clone(victim->machine.disk);
    for (int t = SIM_FAILS; t <= SIM_FULL; t++)
        for (uint64_t call = 1; open_under(victim, disk, (sim_trouble)t, call);)
            call++;
    sim_disk_free(disk);
    sim_now = &victim->machine;
}

static void crash(sim_life *parent, const sim_disk *disk, const cut *plan) {
    cut c = *plan;
    uint64_t seed = weir_rng_next(&c.dice);
    sim_life *life = life_after(parent, disk, seed, is_death(c.kind));
    life->how = (int)c.kind;
    sim_choice choice = {&c, fate_of, draw};
    if (!is_death(c.kind)) {
        sim_disk_cut(life->machine.disk, &choice);
        sim_model_cut(&life->model);
    }
    if (c.kind == SIM_DEATH_EVICTED_KIND) sim_disk_evict(life->machine.disk);
    sim_now = &life->machine;
    if (life->short_run && life->depth == 1 && is_known(state_hash(life, &c))) {
        sim_point_count.repeated++;
        leave(life);
        return;
    }
    count(life, &c);
    bool again = life->thorough ? life->depth == 1 : one_in(life, life->short_run ? 48 : 6);
    if (parent->machine.failed && parent->profile == SIM_SYNC_ONCE_KIND && is_death(c.kind))
        again = true; /* the page-cache trap wants the power to be cut behind it */
    if (again && life->depth < 3) {
        life->machine.crash_point = sim_crash_point;
        life->crash_in = life->thorough ? 0 : 1 + (uint32_t)weir_rng_below(life->dice, 24);
    }
    if (life->depth < 3 && one_in(life, 4096)) open_under_all(life);
    sim_recover(life, WEIR_PUBLISHED);
    if (!life->thorough) afterlife(life);
    leave(life);
}

/* ---- the ways at one point -------------------------------------------------------------- */

typedef struct point {
    sim_life *life;
    sim_disk *disk; /* as it stands here; nothing is open on it */
    size_t things;
    cut c;
} point;

static point begin_point(sim_life *life) {
    point p = {.life = life, .disk = sim_disk_clone(life->machine.disk)};
    p.things = sim_disk_units(p.disk);
    if (p.things > sim_point_count.most_units) sim_point_count.most_units = p.things;
    return p;
}

static void crash_here(point *p, sim_kind kind) {
    p->c.kind = kind;
    p->c.dice = (weir_rng){weir_rng_next(p->life->dice)};
    crash(p->life, p->disk, &p->c);
}

static void all_are(point *p, sim_fate fate) {
    for (size_t i = 0; i < THINGS; i++)
        p->c.fate[i] = fate;
}

static void die(point *p) {
    crash_here(p, SIM_PROCESS_DEATH_KIND);
    if (p->life->machine.failed) crash_here(p, SIM_DEATH_EVICTED_KIND);
}

/* Every combination of the first so many fates; fates is a power of two, bits its exponent. */
static void every_combination(point *p, unsigned bits, sim_kind kind) {
    for (uint64_t code = 0; code < (uint64_t)1 << bits * p->things; code++) {
        for (size_t i = 0; i < p->things; i++)
            p->c.fate[i] = (sim_fate)(code >> bits * i & ((1u << bits) - 1));
        crash_here(p, kind);
    }
}

static sim_fate opposite(sim_fate fate) { return fate == SIM_KEPT ? SIM_LOST : SIM_KEPT; }

static void one_or_two(point *p, sim_fate others) {
    all_are(p, others);
    crash_here(p, SIM_POWER_ONE_OR_TWO_KIND);
    for (size_t i = 0; i < p->things; i++) {
        p->c.fate[i] = opposite(others);
        crash_here(p, SIM_POWER_ONE_OR_TWO_KIND);
        for (size_t k = i + 1; k < p->things; k++) {
            p->c.fate[k] = opposite(others);
            crash_here(p, SIM_POWER_ONE_OR_TWO_KIND);
            p->c.fate[k] = others;
        }
        p->c.fate[i] = others;
    }
}

static void one_apart(point *p, size_t thing, sim_fate others) {
    all_are(p, others);
    p->c.fate[thing] = SIM_TORN;
    crash_here(p, SIM_POWER_TORN_KIND);
    p->c.fate[thing] = SIM_GARBAGE;
    crash_here(p, SIM_POWER_GARBAGE_KIND);
}

static void by_chance(point *p, size_t cuts) {
    for (size_t n = 0; n < cuts; n++) {
        for (size_t i = 0; i < THINGS; i++)
            p->c.fate[i] = (sim_fate)weir_rng_below(p->life->dice, SIM_FATES);
        crash_here(p, SIM_POWER_RANDOM_KIND);
    }
}

static void cut_every_way(point *p) {
    if (p->things <= EVERY_FATE) {
        sim_point_count.every_fate++;
        every_combination(p, 2, SIM_POWER_EVERY_FATE_KIND);
        return;
    }
    bool plain = p->life->base == sim_base_plain();
    if (p->things <= (plain ? EVERY_CHOICE : EVERY_CHOICE_SQLITE)) {
        sim_point_count.every_choice++;
        every_combination(p, 1, SIM_POWER_EVERY_CHOICE_KIND);
    } else {
        sim_point_count.one_or_two++;
        one_or_two(p, SIM_LOST);
        one_or_two(p, SIM_KEPT);
    }
    for (size_t i = 0; i < p->things; i++) {
        one_apart(p, i, SIM_LOST);
        one_apart(p, i, SIM_KEPT);
    }
    by_chance(p, CHANCE_CUTS);
}

/* Of a long run: what the short ones do not sample as well in longer histories. */
static void cut_some_ways(point *p) {
    all_are(p, SIM_LOST);
    crash_here(p, SIM_POWER_ONE_OR_TWO_KIND);
    if (p->things == 0) return;
    all_are(p, SIM_KEPT);
    crash_here(p, SIM_POWER_ONE_OR_TWO_KIND);
    for (size_t n = 0; n < LONG_CUTS / 2 && n < p->things; n++) {
        size_t thing = (size_t)weir_rng_below(p->life->dice, p->things);
        one_apart(p, thing, one_in(p->life, 2) ? SIM_LOST : SIM_KEPT);
    }
    by_chance(p, LONG_CUTS);
}

void sim_crash_every_way(sim_life *life) {
    sim_life_poll(life);
    point p = begin_point(life);
    die(&p);
    if (life->short_run)
        cut_every_way(&p);
    else
        cut_some_ways(&p);
    sim_disk_free(p.disk);
}

void sim_crash_after_fault(sim_life *life) {
    sim_life_poll(life);
    point p = begin_point(life);
    die(&p);
    all_are(&p, SIM_LOST);
    crash_here(&p, SIM_POWER_ONE_OR_TWO_KIND);
    all_are(&p, SIM_KEPT);
    crash_here(&p, SIM_POWER_ONE_OR_TWO_KIND);
    by_chance(&p, 1);
    sim_disk_free(p.disk);
}

static void crash_some_way(sim_life *life) {
    point p = begin_point(life);
    all_are(&p, SIM_LOST);
    uint64_t which = weir_rng_below(life->dice, 4);
    if (which == 0)
        crash_here(&p, SIM_PROCESS_DEATH_KIND);
    else if (which == 1)
        crash_here(&p, SIM_POWER_ONE_OR_TWO_KIND);
    else
        by_chance(&p, 1);
    sim_disk_free(p.disk);
}

/* Death, and within the recovery from it the power. */
static void crash_twice(sim_life *life) {
    point p = begin_point(life);
    if (life->depth == 0) {
        crash_here(&p, SIM_PROCESS_DEATH_KIND);
    } else {
        all_are(&p, SIM_LOST);
        crash_here(&p, SIM_POWER_ONE_OR_TWO_KIND);
        by_chance(&p, 1);
    }
    sim_disk_free(p.disk);
}

void sim_crash_point(void *context) {
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
        sim_crash_every_way(life);
    else
        crash_some_way(life);
    life->machine.crash_point = kept;
    if (life->depth && !life->thorough)
        life->crash_in = 1 + (uint32_t)weir_rng_below(life->dice, 60);
}
