/* life.c - one process of the program under test. */
#include "life.h"

#include <stdio.h>
#include <stdlib.h>

#define MS ((uint64_t)1000000)
#define PATIENCE_MS 60000u

/* Less than the public API allows: a few large rows fill a segment, and there are fewer zeros to look
 * through at every opening. */
enum { SEGMENT_BYTES = 1 << 17 };

/* ---- threads that are steps ------------------------------------------------------------- */

/* A thread that has been told to end has no step left when its handle is gone from under it. */
static bool has_ended(weir_journaler *j) {
    return atomic_load_explicit(&j->stopping, memory_order_relaxed);
}

void sim_life_step_journal(sim_life *life) {
    uint64_t wait_ns = 0;
    if (!life->handle || life->stepping || has_ended(weir_handle_journaler(life->handle))) return;
    life->stepping = true;
    (void)weir_journaler_step(weir_handle_journaler(life->handle), &wait_ns);
    life->stepping = false;
}

void sim_life_step_writer(sim_life *life) {
    if (!life->handle || !life->applier || life->stepping) return;
    life->stepping = true;
    (void)weir_applier_step(life->applier);
    if (life->second && !weir_applier_is_done(life->second)) (void)weir_applier_step(life->second);
    life->stepping = false;
}

static void idle(void *context) {
    sim_life *life = context;
    sim_life_step_journal(life);
    sim_life_step_writer(life);
}

/* ---- hooks of the handle ---------------------------------------------------------------- */

static int check(void *self, const weir_declaration *d, int64_t *next_key, weir_error *error) {
    (void)self, (void)d, (void)error;
    *next_key = 1;
    return WEIR_OK;
}

static void notify(void *self, weir_wake where) {
    sim_life *life = self;
    weir_wakeup_notify(&life->wakeup, sim_os(), where);
}

/* It takes its steps by turns before the ring has gone, and after. */
static void finish(void *self, uint64_t deadline_ns) {
    sim_life *life = self;
    if (life->ending) return;
    weir_applier_finish(life->applier, deadline_ns);
    bool early = life->model.count % 2;
    while (early && !weir_applier_is_done(life->applier))
        life->machine.clock_ns += weir_applier_step(life->applier);
}

static int stop(void *self, uint64_t deadline_ns) {
    sim_life *life = self;
    weir_applier *applier = life->applier;
    life->applier = NULL;
    if (!life->ending) return weir_applier_stop(applier, deadline_ns);
    weir_applier_free(applier);
    return WEIR_OK;
}

static void note_event(void *context, weir_event event, const char *text) {
    sim_life *life = context;
    life->events |= (uint64_t)1 << event;
    (void)snprintf(life->last_event, sizeof life->last_event, "%s", text);
}

/* ---- the tool's eyes -------------------------------------------------------------------- */

int sim_life_inventory(const weir_position *positions, size_t count, bool verify_all,
                       weir_inventory *out, weir_error *error) {
    weir_ring_report ring;
    *out = (weir_inventory){0};
    int status = weir_ring_inspect(sim_os(), WEIR_OS_CWD, SIM_JOURNAL "/ring", NULL, &ring, error);
    if (status != WEIR_OK) return status;
    weir_inventory_input input = {.os = sim_os(),
                                  .directory = SIM_JOURNAL,
                                  .database_has_positions = count > 0,
                                  .positions = positions,
                                  .position_count = count,
                                  .verify_all = verify_all,
                                  .ring = ring.found,
                                  .ring_mark = ring.has_mark ? &ring.mark : NULL,
                                  .ring_journal =
                                      weir_ring_is_ours(ring.found) ? ring.header.journal : NULL};
    return weir_inventory_take(&input, out, error);
}

bool sim_life_watched;

void sim_life_found(const weir_inventory *library) {
    sim_life *life = sim_now->context;
    if (!life || !life->looking) return;
    life->looking = false;
    life->seen(life, &life->tool, library);
}

static int look(sim_life *life, const weir_handle_config *config) {
    weir_inventory library = {0};
    int status = sim_life_inventory(config->positions, config->position_count, true, &life->tool,
                                    &life->error);
    life->looking = status == WEIR_OK;
    if (status != WEIR_OK || sim_life_watched) return status;
    status = sim_life_inventory(config->positions, config->position_count, false, &library,
                                &life->error);
    if (status == WEIR_OK) sim_life_found(&library);
    weir_inventory_free(&library);
    return status;
}

int sim_life_look(sim_life *life, weir_inventory *out) {
    weir_sink sink = {0};
    weir_position *positions = NULL;
    size_t count = 0;
    int status = life->base->open(&sink, &positions, &count, &life->error);
    if (status != WEIR_OK) return status;
    sink.close(sink.self);
    status = sim_life_inventory(positions, count, true, out, &life->error);
    free(positions);
    return status;
}

/* ---- opening ---------------------------------------------------------------------------- */

weir_options sim_life_options(sim_life *life) {
    return (weir_options){.lane_bytes = 1 << 16,
                          .lanes_max = SIM_PRODUCERS + 1,
                          .segment_bytes = SEGMENT_BYTES,
                          .full = WEIR_FULL_FAIL,
                          .archive = life->archive,
                          .on_event = note_event,
                          .event_context = life};
}

static weir_handle_config config_for(sim_life *life, const weir_position *positions, size_t count) {
    weir_handle_config config = {.options = sim_life_options(life),
                                 .directory = SIM_JOURNAL,
                                 .os = sim_os(),
                                 .positions = positions,
                                 .position_count = count,
                                 .database_has_positions = count > 0,
                                 .stepped = true};
    weir_options_fill(&config.options);
    return config;
}

static int declare(sim_life *life) {
    static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"pad", WEIR_BLOB}};
    life->machine.thread = 1;
    weir_handle_switch_thread(life->handle);
    int status = weir_declare(life->handle, "t", columns, 2, &life->table);
    if (status < 0) (void)weir_fail(&life->error, status, "%s", weir_last_error());
    return status;
}

static int start(sim_life *life, weir_sink *sink) {
    int status = weir_applier_make(weir_handle_primary(life->handle), SIM_DATABASE, sink,
                                   &life->wakeup, &life->applier, &life->error);
    if (status != WEIR_OK) return status;
    *sink = (weir_sink){0}; /* the applier has it now */
    weir_hooks hooks = {life, check, notify, finish, stop, "simulated"};
    weir_handle_attach(weir_handle_primary(life->handle), &hooks);
    return declare(life);
}

static int open_in_parts(sim_life *life) {
    weir_sink sink = {0};
    weir_position *positions = NULL;
    size_t count = 0;
    int status = life->base->open(&sink, &positions, &count, &life->error);
    if (status != WEIR_OK) return status;
    weir_handle_config config = config_for(life, positions, count);
    if (life->seen) status = look(life, &config);
    if (status == WEIR_OK) status = weir_handle_open(&config, &life->handle, &life->error);
    free(positions);
    life->looking = false;
    weir_inventory_free(&life->tool);
    if (status == WEIR_OK) status = start(life, &sink);
    if (status == WEIR_OK) return status;
    if (life->handle) (void)weir_close(life->handle); /* the first failure is what counts */
    life->handle = NULL;
    if (sink.close) sink.close(sink.self);
    return status;
}

static int open_at_once(sim_life *life) {
    int status = life->base->open_handle(life);
    if (status != WEIR_OK) return status;
    status = declare(life);
    if (status == WEIR_OK) return status;
    (void)weir_close(life->handle); /* the first failure is what counts */
    life->handle = NULL;
    return status;
}

static int open_second(sim_life *life) {
    bool wanted = life->attach_second && !life->second_away;
    int status = wanted ? life->attach_second(life) : WEIR_OK;
    if (status == WEIR_OK) return status;
    (void)weir_close(life->handle); /* the first failure is what counts */
    life->handle = NULL;
    return status;
}

int sim_life_open(sim_life *life) {
    life->machine.idle = idle;
    life->machine.context = life;
    life->first = life->model.count + 1;
    life->error = (weir_error){0};
    life->applier = life->second = NULL;
    int status = life->base->open_handle ? open_at_once(life) : open_in_parts(life);
    return status == WEIR_OK ? open_second(life) : status;
}

/* ---- producers -------------------------------------------------------------------------- */

static void take_turn(sim_life *life, unsigned producer) {
    if (life->machine.thread == producer) return;
    life->machine.thread = producer;
    weir_handle_switch_thread(life->handle);
}

static void note_published(sim_life *life, unsigned producer, size_t rows, weir_ticket ticket) {
    uint32_t batch = life->model.count + 1;
    for (size_t i = 0; i < rows; i++) {
        uint32_t n = ++life->model.count;
        life->model.row[n] =
            (sim_row){.producer = (uint8_t)producer, .level = WEIR_PUBLISHED, .batch = batch};
        life->ticket[n] = ticket;
    }
}

int sim_life_append_rows(sim_life *life, unsigned producer, weir_table *table,
                         const weir_value *values, size_t count, size_t rows) {
    weir_ticket ticket = {0};
    if (rows > SIM_ROWS - life->model.count) return WEIR_FULL;
    take_turn(life, producer);
    int status = rows == 1 ? weir_append_row(table, values, count, &ticket)
                           : weir_append_rows(table, values, count, rows, &ticket);
    if (status == WEIR_OK) note_published(life, producer, rows, ticket);
    return status;
}

int sim_life_append(sim_life *life, unsigned producer) {
    uint8_t pad[1 << 15]; /* not static: while this append waits, other lives may append */
    uint32_t n = life->model.count + 1;
    size_t bytes = sim_model_pad(n, pad, sizeof pad);
    weir_value values[] = {weir_int(n), weir_blob(pad, bytes)};
    return sim_life_append_rows(life, producer, life->table, values, 2, 1);
}

static int add_to_batch(const sim_life *life, weir_batch *b, uint32_t n) {
    uint8_t pad[1 << 15];
    size_t bytes = sim_model_pad(n, pad, sizeof pad);
    weir_value values[] = {weir_int(n), weir_blob(pad, bytes)};
    return weir_batch_row(b, life->table, values, 2);
}

int sim_life_append_batch(sim_life *life, unsigned producer, uint32_t rows) {
    weir_batch *b;
    weir_ticket ticket;
    if (rows > SIM_ROWS - life->model.count) return WEIR_FULL;
    take_turn(life, producer);
    int status = weir_begin(life->handle, &b);
    if (status != WEIR_OK) return status;
    for (uint32_t i = 1; i <= rows && status == WEIR_OK; i++)
        status = add_to_batch(life, b, life->model.count + i);
    if (status == WEIR_OK) status = weir_commit(b, &ticket);
    if (status == WEIR_OK)
        note_published(life, producer, rows, ticket);
    else
        weir_rollback(b);
    return status;
}

void sim_life_poll(sim_life *life) {
    if (!life->handle) return;
    for (uint32_t n = life->first; n <= life->model.count; n++) {
        sim_row *row = &life->model.row[n];
        for (int level = row->level + 1; level <= WEIR_APPLIED; level++)
            if (weir_wait(life->handle, life->ticket[n], (weir_level)level, 0) == WEIR_OK)
                row->level = (int8_t)level;
    }
}

int sim_life_wait(sim_life *life, weir_level level) {
    int status = weir_sync(life->handle, level, PATIENCE_MS);
    sim_life_poll(life);
    return status;
}

/* ---- ends ------------------------------------------------------------------------------- */

int sim_life_close(sim_life *life) {
    for (int i = 0; i < 100 && weir_sync(life->handle, WEIR_DURABLE, 0) == WEIR_PENDING; i++) {
        life->machine.clock_ns += 20 * MS;
        sim_life_step_journal(life);
    }
    sim_life_poll(life);
    int status = weir_close(life->handle);
    life->handle = NULL;
    return status;
}

void sim_life_end(sim_life *life) {
    life->machine.dead = true;
    life->ending = true;
    life->machine.crash_point = NULL;
    life->machine.idle = NULL;
    if (life->handle) (void)weir_close(life->handle); /* it cannot leave anything on a dead disk */
    life->handle = NULL;
    sim_machine_free(&life->machine);
}

/* ---- looking ---------------------------------------------------------------------------- */

const char *sim_life_check(sim_life *life, int least) {
    static weir_error error;
    static uint32_t numbers[2 * SIM_ROWS];
    long count = life->base->rows(numbers, 2 * SIM_ROWS, &error);
    if (count < 0) return error.text;
    return sim_model_compare(&life->model, numbers, (size_t)count, least);
}
