/* second.c - a second sink of a life, beside its database. */
#include "second.h"

#include <stdlib.h>

#include "../../lib/journal/sinks.h"
#include "runs/runs.h"

static const char second_name[] = "second";

/* ---- hooks of the handle ---------------------------------------------------------------- */

static void notify_second(void *self, weir_wake where) {
    sim_life *life = self;
    weir_wakeup_notify(&life->second_wakeup, sim_os(), where);
}

static void finish_second(void *self, uint64_t deadline_ns) {
    sim_life *life = self;
    if (!life->ending) weir_applier_finish(life->second, deadline_ns);
}

static int stop_second(void *self, uint64_t deadline_ns) {
    sim_life *life = self;
    weir_applier *applier = life->second;
    life->second = NULL;
    if (!life->ending) return weir_applier_stop(applier, deadline_ns);
    weir_applier_free(applier);
    return WEIR_OK;
}

/* ---- coming and going ------------------------------------------------------------------- */

static bool has_up_to(const sim_node *node, const weir_position *safe) {
    return memcmp(node->position.journal, safe->journal, 16) == 0 &&
           node->position.block >= safe->block;
}

/* What the record says is released: so the server has it, and the standby too. */
static void check_record(const sim_life *life) {
    weir_sink_record record;
    int status =
        weir_sink_record_read(sim_os(), WEIR_OS_CWD, SIM_JOURNAL, second_name, &record, NULL);
    if (status == WEIR_NOT_FOUND) return;
    if (status != WEIR_OK && !life->machine.struck)
        sim_broken("the record of the second sink: %s", weir_status_text(status));
    if (status != WEIR_OK || record.safe.block == 0) return;
    const sim_server *s = &life->server;
    if (!has_up_to(&s->node, &record.safe) || !has_up_to(&s->standby, &record.safe))
        sim_broken("the record of the second sink is at block %llu, the server at %llu and %llu",
                   (unsigned long long)record.safe.block,
                   (unsigned long long)s->node.position.block,
                   (unsigned long long)s->standby.position.block);
}

static void note_archive(sim_life *life, const weir_sink_record *record) {
    weir_journal_state state;
    weir_journal_get_state(weir_handle_journal(life->handle), &state);
    uint64_t next = record->safe.block ? record->safe.block + 1 : record->begin;
    if (next < state.first_block) sim_visit(SIM_FROM_ARCHIVE_KIND);
}

typedef struct starting {
    sim_life *life;
    weir_sink *sink;
} starting;

static int make_second(void *self, weir_attached *attached, weir_hooks *hooks, weir_error *error) {
    const starting *of = self;
    sim_life *life = of->life;
    int status = weir_applier_make(attached, second_name, of->sink, &life->second_wakeup,
                                   &life->second, error);
    if (status != WEIR_OK) return status;
    *of->sink = (weir_sink){0}; /* the applier has it now */
    *hooks = (weir_hooks){life, NULL, notify_second, finish_second, stop_second, "simulated"};
    return WEIR_OK;
}

static int start_second(sim_life *life, weir_sink *sink) {
    starting of = {life, sink};
    weir_sink_record record = {.name = "second", .kind = "simulated", .place = "elsewhere"};
    record.at_limit = life->model.count % 2; /* of no limit: but such a one holds nothing behind */
    int status = weir_handle_add_sink(life->handle, &record, make_second, &of, &life->error);
    if (status == WEIR_OK) note_archive(life, &record);
    return status;
}

int sim_second_attach(sim_life *life) {
    weir_sink sink = {0};
    weir_position *positions = NULL;
    size_t count;
    check_record(life);
    int status = sim_base_server()->open(&sink, &positions, &count, &life->error);
    free(positions);
    if (status != WEIR_OK) return status;
    status = start_second(life, &sink);
    if (sink.close) sink.close(sink.self);
    return status;
}

void sim_second_detach(sim_life *life) {
    life->stepping = true; /* it waits for the writer, which takes its steps by itself */
    int status = weir_detach(life->handle, second_name);
    life->stepping = false;
    if (status != WEIR_OK && !life->machine.struck)
        sim_broken("detaching: %s", weir_status_text(status));
    check_record(life);
}

const char *sim_second_check(sim_life *life, int least) {
    static weir_error error;
    static uint32_t numbers[2 * SIM_ROWS];
    long count = sim_base_server()->rows(numbers, 2 * SIM_ROWS, &error);
    if (count < 0) return error.text;
    check_record(life);
    return sim_model_compare(&life->model, numbers, (size_t)count, least);
}
