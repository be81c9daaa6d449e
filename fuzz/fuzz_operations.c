/* Aims at: the whole of lib and of the writer's replay, by what is done to them and not by bytes. An
 * input is a program (operations.h): it opens, declares, appends rows of any type and size, syncs, is
 * killed, loses power in the middle of a call, has its disk harmed, recovers, verifies; on the disk,
 * clock and machine of tests/sim.
 *
 * Beyond memory: after each opening the database is what the model of tests/sim says: nothing durable is
 * missing, rows are a prefix of what each producer appended, none stands twice, all in order, every
 * value as it was appended; after a crash alone nothing is refused; damage is named with its exact
 * rows, by the tool as by the library. */
#include "operations.h"

#include <errno.h>
#include <string.h>

#include "../tests/sim/story.h"
#include "harness.h"

#define MS ((uint64_t)1000000)
enum { SEED = 20, ROWS_AT_ONCE = 5, TROUBLED_MS = 60, CUTS = 5 };

typedef struct crash {
    bool armed, taken;
    uint32_t countdown; /* changes of the disk */
    bool cut;           /* the power; or the process alone dies */
    uint8_t how, fates;
    sim_life *life; /* what is left of it, when it is taken */
} crash;

typedef struct program {
    sim_life *life;
    weir_table *tables[SHAPES];
    sim_disk *older; /* an earlier state of the same journal, which no crash has made another's */
    bool troubled;   /* something may fail now, for which nobody is to blame */
    weir_rng dice;
    crash later;
    size_t operation; /* which is under way */
} program;

static program now;

uint64_t sim_states, sim_verdicts[WEIR_VERDICT_COUNT], sim_harms[SIM_HARM_COUNT];

void sim_broken(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    const sim_life *life = sim_now->context;
    (void)fprintf(stderr, "\n  operation %zu; last event: %s\n", now.operation,
                  life->last_event[0] ? life->last_event : "none");
    va_end(arguments);
    abort();
}

void sim_must(const sim_life *life, int status, const char *what) {
    if (status != WEIR_OK)
        sim_broken("%s: %s: %s", what, weir_status_name(status), life->error.text);
}

/* ---- how a machine crashes --------------------------------------------------------------- */

typedef struct plan {
    uint8_t how, fates;
    weir_rng dice;
} plan;

static sim_fate fate_of(void *self, size_t unit) {
    plan *p = self;
    switch (p->how % CUTS) {
    case 0: return SIM_LOST;
    case 1: return SIM_KEPT;
    case 2: return p->fates >> unit % 8 & 1 ? SIM_KEPT : SIM_LOST;
    case 3: return (sim_fate)(unit == p->fates % 16u ? p->how >> 4 : p->fates >> 4) % SIM_FATES;
    default: return (sim_fate)weir_rng_below(&p->dice, SIM_FATES);
    }
}

static uint64_t draw(void *self, uint64_t limit) {
    return weir_rng_below(&((plan *)self)->dice, limit);
}

/* The machine as it stands, in a life of its own that has not begun. */
static sim_life *descend(const sim_life *from, bool same_boot) {
    sim_life *life = calloc(1, sizeof *life);
    MUST(life);
    sim_machine *m = &life->machine;
    sim_machine_make(m, sim_disk_clone(from->machine.disk), weir_rng_next(&now.dice));
    m->clock_ns = from->machine.clock_ns;
    m->wall_ns = from->machine.wall_ns;
    if (same_boot) memcpy(m->boot, from->machine.boot, sizeof m->boot);
    m->process = from->machine.process + 1; /* the same in every run of this input */
    m->trickle_one_in = from->machine.trickle_one_in;
    m->short_one_in = from->machine.short_one_in;
    life->model = from->model;
    life->base = from->base;
    life->dice = &now.dice;
    return life;
}

static void end(sim_life *life) {
    sim_life_end(life);
    free(life);
}

/* A cut makes another history of what was copied before: the copy may hold what is lost now. */
static void forget_older(void) {
    sim_disk_free(now.older);
    now.older = NULL;
}

static sim_life *crashed(const sim_life *from, bool cut, uint8_t how, uint8_t fates) {
    sim_life *life = descend(from, !cut);
    plan p = {how, fates, {weir_rng_next(&now.dice)}};
    sim_choice choice = {&p, fate_of, draw};
    if (cut) {
        sim_disk_cut(life->machine.disk, &choice);
        sim_model_cut(&life->model);
    } else if (how % 4 == 3) {
        sim_disk_evict(life->machine.disk);
    }
    return life;
}

/* The hook of the machine: at a change of the disk, in the middle of whatever call. The call goes on
 * in a world that is forgotten when the operation ends. */
static void crash_point(void *context) {
    sim_life *life = context;
    if (!now.later.armed || --now.later.countdown > 0) return;
    now.later.armed = false;
    now.later.taken = true;
    life->machine.crash_point = NULL; /* what it asks of the handle now is no crash point */
    sim_life_poll(life);
    now.later.life = crashed(life, now.later.cut, now.later.how, now.later.fates);
}

/* ---- living on --------------------------------------------------------------------------- */

static void become(sim_life *life) {
    if (now.life) end(now.life);
    now.life = life;
    now.troubled = false;
    memset(now.tables, 0, sizeof now.tables);
    sim_now = &life->machine;
    life->machine.context = life;
    if (now.later.armed) life->machine.crash_point = crash_point;
}

/* After a crash alone there is nothing to refuse. */
static void judge(sim_life *life, const weir_inventory *seen, const weir_inventory *library) {
    (void)life;
    fuzz_check_inventory(seen);
    fuzz_check_inventory(library);
    MUST(library->verdict == seen->verdict);
    if (weir_verdict_refuses(seen->verdict)) sim_broken("a crash alone reads as: %s", seen->detail);
}

static void recover(void) {
    sim_life *life = now.life;
    life->seen = judge;
    sim_must(life, sim_life_open(life), "opening");
    life->seen = NULL;
    sim_must(life, sim_life_wait(life, WEIR_APPLIED), "waiting for applied");
    const char *wrong = sim_life_check(life, WEIR_PUBLISHED);
    if (wrong) sim_broken("%s", wrong);
}

/* A crash that was asked for has come: what it left is what there is from now on. */
static void settle(void) {
    while (now.later.taken) {
        bool cut = now.later.cut;
        now.later.taken = false;
        if (cut || now.later.how % 4 == 3) forget_older();
        become(now.later.life);
        now.later.life = NULL;
        recover();
    }
}

static void calm(void) {
    sim_machine *m = &now.life->machine;
    sim_machine_disarm(m);
    m->capacity = 0;
    m->short_one_in = m->trickle_one_in = 0;
    now.troubled = now.life->machine.failed > 0; /* what failed may have stopped it for good */
}

static void do_crash(bool cut, uint8_t how, uint8_t fates) {
    sim_life_poll(now.life);
    if (cut || how % 4 == 3) forget_older();
    become(crashed(now.life, cut, how, fates));
}

static void do_close(void) {
    calm();
    int status = sim_life_close(now.life);
    if (status != WEIR_OK && !now.troubled) sim_broken("closing: %s", weir_status_name(status));
    memset(now.tables, 0, sizeof now.tables);
    now.life->machine.failed = 0;
    now.troubled = false;
    recover();
}

/* ---- appending --------------------------------------------------------------------------- */

static unsigned producer_of(uint8_t a) { return 1 + a % SIM_PRODUCERS; }

static weir_table *declare(unsigned shape) {
    weir_column columns[SHAPE_COLUMNS];
    weir_table *table = NULL;
    char name[32];
    size_t count = operations_columns(shape, columns);
    (void)snprintf(name, sizeof name, "shape %u", shape);
    int status = weir_declare(now.life->handle, name, columns, count, &table);
    MUST((status == WEIR_OK) == (table != NULL));
    MUST(!now.tables[shape] || !table || table == now.tables[shape]);
    if (table) now.tables[shape] = table;
    return now.tables[shape];
}

static void append_typed(uint8_t a, uint32_t seed, size_t rows) {
    static weir_value values[ROWS_AT_ONCE * SHAPE_COLUMNS];
    weir_column columns[SHAPE_COLUMNS];
    unsigned shape = a / SIM_PRODUCERS % SHAPES;
    size_t count = operations_columns(shape, columns);
    weir_table *table = now.tables[shape] ? now.tables[shape] : declare(shape);
    if (!table) return;
    for (size_t i = 0; i < rows; i++)
        operations_values(shape, now.life->model.count + 1 + (uint32_t)i, seed, values + i * count);
    (void)sim_life_append_rows(now.life, producer_of(a), table, values, count,
                               rows); /* refused: not in the model */
}

/* What no program should ask for is refused, with words where words are due, and changes nothing. */
static void misuse(uint8_t a) {
    static char name[WEIR_NAME_MAX + 2];
    static weir_column columns[WEIR_COLUMNS_MAX + 1];
    weir_column column = {"c", WEIR_TEXT};
    weir_table *table = NULL;
    weir_value values[] = {weir_int(1), {.type = a % 2 ? WEIR_OVERLONG : 99}};
    memset(name, 'n', sizeof name - 1);
    const char *called = a % 5 == 1 ? "" : a % 5 == 2 ? name : "t2";
    if (a % 5 == 3) column.name = a & 16 ? "" : name;
    if (a % 5 == 4) column.type = (weir_type)(a & 16 ? 0 : 77);
    size_t count = a & 32 ? WEIR_COLUMNS_MAX + 1 : 0;
    columns[0] = column;
    if (a % 5) count = 1;
    MUST(weir_declare(now.life->handle, called, columns, count, &table) < 0 && !table);
    MUST(weir_last_error()[0]);
    MUST(weir_append_row(now.life->table, values, 2, NULL) < 0);
    MUST(weir_append_row(now.life->table, values, 1, NULL) == WEIR_MISUSE);
}

/* ---- waiting and looking ----------------------------------------------------------------- */

static void pass_time(uint8_t a) {
    static const uint64_t ms[] = {1, 12, 60, 150, 1200, 60000};
    now.life->machine.clock_ns += ms[a % 6] * MS;
}

/* Nothing is promised while something fails, and nobody need wait long for that. */
static void sync_life(uint8_t a) {
    weir_level level = a % 2 ? WEIR_APPLIED : WEIR_DURABLE;
    if (now.troubled) {
        (void)weir_sync(now.life->handle, level, TROUBLED_MS);
        sim_life_poll(now.life);
        return;
    }
    int status = sim_life_wait(now.life, level);
    if (status != WEIR_OK) sim_broken("syncing: %s", weir_status_name(status));
}

/* As somebody else sees it, who changes nothing. */
static void verify(void) {
    weir_sink sink = {0};
    weir_position *positions = NULL;
    size_t count = 0;
    weir_inventory inventory;
    sim_life *life = now.life;
    if (now.troubled) return;
    sim_life_poll(life);
    sim_must(life, life->base->open(&sink, &positions, &count, &life->error), "looking");
    sink.close(sink.self);
    sim_must(life, sim_life_inventory(positions, count, true, &inventory, &life->error), "looking");
    fuzz_check_inventory(&inventory);
    if (weir_verdict_refuses(inventory.verdict))
        sim_broken("a living journal reads as: %s", inventory.detail);
    weir_inventory_free(&inventory);
    free(positions);
    sim_model model = life->model; /* what is missing now may still come */
    const char *wrong = sim_life_check(life, WEIR_APPLIED);
    if (wrong) sim_broken("%s", wrong);
    life->model = model;
}

/* ---- harm -------------------------------------------------------------------------------- */

/* A copy of a life that stands still; NULL where nothing can be said of it. Its last rows are synced by
 * this process, so that the ring vouches for them. */
static sim_disk *still_copy(uint8_t a) {
    if (now.troubled || now.later.armed) return NULL;
    sync_life(a);
    if (sim_life_append(now.life, producer_of(a)) != WEIR_OK) return NULL;
    sync_life(a);
    return sim_injured_copy(now.life);
}

/* Another journal, made once: before the first input, so that all inputs meet the same. */
static sim_disk *other;

static void damage(uint8_t a, uint8_t b, uint8_t c) {
    sim_injury injury = {.harm = (sim_harm)(a % SIM_HARM_COUNT), .other = other};
    weir_rng dice = {(uint64_t)b << 8 | c};
    sim_disk *disk = still_copy(b), *twin = NULL;
    if (!disk) return;
    injury.older = now.older ? now.older : disk;
    if (injury.harm == SIM_HARM_OTHER_HISTORY)
        twin = sim_injured_elsewhere(now.life, sim_disk_clone(injury.older));
    injury.twin = twin;
    injury.dice = &dice;
    sim_injured_open(now.life, disk, &injury);
    sim_disk_free(twin);
    sim_disk_free(disk);
}

static void keep_copy(uint8_t a) {
    sim_disk *disk = still_copy(a);
    if (!disk) return;
    forget_older();
    now.older = disk;
}

/* ---- trouble ----------------------------------------------------------------------------- */

static void arm(uint8_t a, uint8_t b, uint8_t c) {
    static const int errors[] = {-EIO, -ENOSPC, -EINTR, -EMFILE};
    sim_call call = (sim_call)(a % SIM_CALLS);
    int error = errors[a / SIM_CALLS % 2];
    if (call == SIM_OPEN && a / SIM_CALLS % 4 > 1) error = errors[3];
    uint32_t times = c % 8 == 7 ? UINT32_MAX : 1 + c % 3u;
    sim_machine_arm(&now.life->machine, call, 1 + b % 32u, times, error);
    now.troubled = true;
}

/* An opening that fails, at whichever call, must leave everything for the next. */
static void open_with_fault(uint8_t a, uint8_t b, uint8_t c) {
    do_crash(false, 0, 0);
    arm(a, b, c);
    int status = sim_life_open(now.life);
    sim_machine_disarm(&now.life->machine);
    if (status == WEIR_OK) (void)sim_life_close(now.life); /* rows stay for the next opening */
    now.life->machine.failed = 0;
    now.troubled = false;
    recover();
}

static void disturb(uint8_t a, uint8_t b, uint8_t c) {
    sim_machine *m = &now.life->machine;
    m->short_one_in = a % 8;
    m->trickle_one_in = b % 8;
    if (c % 4 == 1) m->wall_ns -= 86400000 * (int64_t)MS;
    if (c % 4 == 2) m->clock_ns += 86400000 * MS;
}

static void crash_later(uint8_t a, uint8_t b, uint8_t c) {
    if (now.later.armed) return;
    now.later = (crash){.armed = true, .countdown = 1 + b, .cut = a & 1, .how = a >> 1, .fates = c};
    now.life->machine.crash_point = crash_point;
}

/* ---- programs ---------------------------------------------------------------------------- */

static void repeat(void (*step)(sim_life *), uint8_t a) {
    for (unsigned i = 0; i <= a % 3u; i++)
        step(now.life);
}

static void operate(operation what, uint8_t a, uint8_t b, uint8_t c) {
    uint32_t seed = (uint32_t)b << 8 | c;
    switch (what) {
    case DO_APPEND: (void)sim_life_append(now.life, producer_of(a)); break; /* full: no row */
    case DO_APPEND_TYPED: append_typed(a, seed, 1); break;
    case DO_APPEND_MANY: append_typed(a, seed, 2 + c % (ROWS_AT_ONCE - 1)); break;
    case DO_DECLARE: (void)declare(a % SHAPES); break; /* may be refused: later ones try again */
    case DO_STEP_JOURNAL: repeat(sim_life_step_journal, a); break;
    case DO_STEP_WRITER: repeat(sim_life_step_writer, a); break;
    case DO_PASS_TIME: pass_time(a); break;
    case DO_SYNC: sync_life(a); break;
    case DO_CLOSE: do_close(); break;
    case DO_KILL: do_crash(false, a, 0), recover(); break;
    case DO_CUT: do_crash(true, a, b), recover(); break;
    case DO_CRASH_LATER: crash_later(a, b, c); break;
    case DO_COPY: keep_copy(a); break;
    case DO_DAMAGE: damage(a, b, c); break;
    case DO_VERIFY: verify(); break;
    case DO_FAULT: arm(a, b, c); break;
    case DO_FAULT_OPENING: open_with_fault(a, b, c); break;
    case DO_FILL_DISK:
        now.life->machine.capacity =
            sim_disk_bytes(now.life->machine.disk) + SIM_PAGE * (uint64_t)a;
        now.troubled = true;
        break;
    case DO_DISTURB: disturb(a, b, c); break;
    case DO_MISUSE: misuse(a); break;
    default: calm(); break;
    }
}

static void begin(uint64_t seed) {
    now = (program){.dice = {seed}};
    sim_life *life = calloc(1, sizeof *life);
    MUST(life);
    sim_machine_make(&life->machine, sim_disk_make(), weir_rng_next(&now.dice));
    life->machine.process = (int64_t)1 << 32; /* none of those that tests/sim gives out */
    life->base = sim_base_plain();
    life->dice = &now.dice;
    become(life);
    sim_must(life, sim_life_open(life), "the first opening");
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    sim_base_plain_judge = operations_judge;
    begin(0);
    other = sim_injured_elsewhere(now.life, sim_disk_make());
    end(now.life);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t count = size / OPERATION_BYTES;
    if (count > OPERATIONS_MAX) count = OPERATIONS_MAX;
    begin(SEED);
    for (size_t i = 0; i < count; i++, data += OPERATION_BYTES) {
        now.operation = i;
        operate((operation)(data[0] % OPERATIONS), data[1], data[2], data[3]);
        settle();
    }
    do_crash(false, 0, 0);
    recover();
    settle();
    end(now.life);
    forget_older();
    return 0;
}
