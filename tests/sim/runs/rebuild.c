/* rebuild.c - what an archived journal promises: all rows that were ever journaled, for a new
 * database. */
#include <stdlib.h>

#include "../../../lib/verify/archive.h"
#include "../../../writer/apply/replay.h"
#include "runs.h"

typedef struct collecting {
    uint32_t number[2 * SIM_ROWS];
    size_t count;
    weir_position position;
} collecting;

/* ---- a sink that only remembers --------------------------------------------------------- */

static int begin(void *self, const uint8_t journal[16], weir_position *at, weir_error *error) {
    (void)journal, (void)error;
    *at = ((collecting *)self)->position;
    return WEIR_OK;
}

static int declare(void *self, const weir_declaration *d, weir_declare_when when,
                   weir_error *error) {
    (void)self, (void)d, (void)when, (void)error;
    return WEIR_OK;
}

static int apply(void *self, const weir_block_header *header, weir_cursor body,
                 weir_row_range range, weir_error *error) {
    static weir_value values[WEIR_COLUMNS_MAX];
    collecting *c = self;
    const uint8_t *row;
    size_t bytes;
    uint64_t number = header->first_row;
    for (; weir_payload_next_row(&body, &row, &bytes) == 1; number++) {
        uint16_t table, columns;
        if (number < range.first || number > range.last) continue;
        if (!weir_row_decode(row, bytes, &table, &columns, values) || c->count == 2 * SIM_ROWS)
            return weir_fail(error, WEIR_DAMAGED, "row %llu", (unsigned long long)number);
        c->number[c->count++] = (uint32_t)values[0].as.integer;
    }
    return WEIR_OK;
}

static int commit(void *self, const weir_position *to, weir_sink_counts *counts,
                  weir_error *error) {
    (void)error;
    ((collecting *)self)->position = *to;
    *counts = (weir_sink_counts){0};
    return WEIR_OK;
}

static void rollback(void *self) { (void)self; /* a step that fails ends the test */ }

static int harden(void *self, uint64_t applied, uint64_t *safe, weir_error *error) {
    (void)self, (void)error;
    *safe = applied;
    return WEIR_OK;
}

static void close_nothing(void *self) { (void)self; }

/* ---- replaying it all ------------------------------------------------------------------- */

static int replay(const weir_os *os, const weir_inventory *found, collecting *c,
                  weir_error *error) {
    weir_sink sink = {.self = c,
                      .begin = begin,
                      .declare = declare,
                      .apply = apply,
                      .commit = commit,
                      .rollback = rollback,
                      .checkpoint = harden,
                      .close = close_nothing};
    weir_replay *r;
    weir_replay_limits limits = WEIR_REPLAY_ALL;
    weir_replay_result result;
    int status = weir_replay_make(os, weir_inventory_locator(found), found->journal, &sink,
                                  WEIR_REPLAY_STOP_AT_DAMAGE, &r);
    limits.last_block = found->end.block;
    while (status == WEIR_OK)
        status = weir_replay_step(r, &limits, &result, error);
    weir_replay_free(r);
    return status == WEIR_PENDING ? WEIR_OK : status;
}

static int collect(const weir_os *os, collecting *c, weir_error *error) {
    weir_inventory found = {0};
    weir_inventory_input input = {.os = os, .directory = SIM_JOURNAL, .verify_all = true};
    int status = weir_inventory_take(&input, &found, error);
    if (status == WEIR_OK && weir_verdict_refuses(found.verdict))
        status = weir_fail(error, WEIR_DAMAGED, "the archive reads as: %s", found.detail);
    if (status == WEIR_OK) status = replay(os, &found, c, error);
    weir_inventory_free(&found);
    return status;
}

const char *sim_rebuild_check(sim_life *life) {
    static weir_error error;
    static collecting c;
    weir_archive archive;
    c = (collecting){.count = 0};
    error = (weir_error){0};
    if (weir_archive_open(sim_os(), SIM_JOURNAL, &archive) != WEIR_OK) abort();
    int status = collect(&archive.os, &c, &error);
    weir_archive_close(&archive);
    if (status != WEIR_OK) return error.text;
    return sim_model_compare(&life->model, c.number, c.count, WEIR_DURABLE);
}
