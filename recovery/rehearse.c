/* rehearse.c - a replay into a sink that only counts. */
#include "rehearse.h"

#include <inttypes.h>
#include <stdio.h>

#include "deadring.h"
#include "json.h"

typedef struct counting_sink {
    weir_position at;
    uint64_t rows; /* of the transaction */
} counting_sink;

static int begin_counting(void *self, const weir_id journal, weir_position *at, weir_error *error) {
    counting_sink *c = self;
    (void)error;
    c->rows = 0;
    *at = c->at;
    weir_id_copy(at->journal, journal);
    return WEIR_OK;
}

static int declare_nothing(void *self, const weir_declaration *d, weir_declare_when when,
                           weir_error *error) {
    (void)self, (void)d, (void)when, (void)error;
    return WEIR_OK;
}

static int count_range(void *self, const weir_block_header *header, weir_cursor body,
                       weir_row_range range, weir_error *error) {
    counting_sink *c = self;
    (void)body, (void)error;
    uint64_t first = header->first_row > range.first ? header->first_row : range.first;
    uint64_t end = header->first_row + header->rows; /* at most 2^64 - 1: FORMAT, section 4 */
    if (range.last < end - 1) end = range.last + 1;
    if (end > first) c->rows += end - first;
    return WEIR_OK;
}

static int commit_count(void *self, const weir_position *to, weir_sink_counts *counts,
                        weir_error *error) {
    counting_sink *c = self;
    (void)error;
    *counts = (weir_sink_counts){.rows = c->rows};
    c->at = *to;
    return WEIR_OK;
}

static void forget_count(void *self) { ((counting_sink *)self)->rows = 0; }

static int checkpoint_nothing(void *self, uint64_t applied, uint64_t *safe, weir_error *error) {
    (void)self, (void)error;
    *safe = applied;
    return WEIR_OK;
}

static void close_nothing(void *self) { (void)self; }

static weir_sink sink_that_counts(counting_sink *counting) {
    return (weir_sink){.self = counting,
                       .begin = begin_counting,
                       .declare = declare_nothing,
                       .apply = count_range,
                       .commit = commit_count,
                       .rollback = forget_count,
                       .checkpoint = checkpoint_nothing,
                       .close = close_nothing};
}

int weir_rehearse(const weir_arguments *arguments, const weir_os *os, const weir_place *place,
                  const weir_view *view, bool with_ring, weir_replay_damage at_damage,
                  weir_replay_limits limits, weir_applied *out, weir_error *error) {
    const weir_inventory *i = &view->inventory;
    counting_sink counting = {.at = i->position};
    weir_sink sink = sink_that_counts(&counting);
    weir_apply_input input = {.os = os,
                              .locator = weir_inventory_locator(i),
                              .journal = i->journal,
                              .start = i->position,
                              .sink = &sink,
                              .at_damage = at_damage,
                              .limits = limits,
                              .ring = with_ring ? view : NULL,
                              .place = place,
                              .wait_s = arguments->wait_s};
    return weir_apply_all(&input, out, error);
}

/* Salvage writes a new segment, whose head has all declarations that are left. A replay of what is
 * there now could not begin where the old head is lost. */
int weir_rehearse_salvage(const weir_os *os, const weir_place *place, const weir_view *view,
                          weir_applied *out, weir_error *error) {
    const weir_inventory *i = &view->inventory;
    counting_sink counting = {.at = i->position};
    weir_sink sink = sink_that_counts(&counting);
    weir_apply_input input = {.os = os,
                              .journal = i->journal,
                              .sink = &sink,
                              .limits = WEIR_REPLAY_ALL,
                              .ring = view,
                              .place = place};
    *out = (weir_applied){.position = i->position};
    int status = weir_apply_ring(&input, out, error);
    uint64_t last = i->position.row;
    for (size_t e = 0; e < i->extent_count; e++) {
        uint64_t first = i->extents[e].first_row, end = i->extents[e].next_row;
        if (first <= i->position.row) first = i->position.row + 1;
        if (end <= first) continue;
        out->rows += end - first;
        last = end - 1;
    }
    if (out->position.row < last) out->position.row = last;
    return status;
}

void weir_report_rehearsal(const weir_arguments *arguments, const char *database,
                           const weir_applied *applied, uint64_t lost, bool lost_unknown) {
    if (arguments->json) {
        weir_json json = weir_json_begin(stdout, "dry_run");
        weir_json_text(&json, "database", database);
        weir_json_uint(&json, "rows", applied->rows);
        weir_json_uint(&json, "from_ring", applied->from_ring);
        weir_json_uint(&json, "last_row", applied->position.row);
        weir_json_uint(&json, "lost", lost);
        weir_json_bool(&json, "lost_unknown", lost_unknown);
        weir_json_end(&json);
        return;
    }
    printf("%s: would apply %" PRIu64 " rows, lose %" PRIu64, database, applied->rows, lost);
    if (lost_unknown) printf(", and others of which nobody knows the number");
    if (applied->position.row) printf("; up to row %" PRIu64, applied->position.row);
    puts("; nothing was changed");
}
