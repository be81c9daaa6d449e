/* inspect.c - read ring and journal of a directory together, as opening does. */
#include "inspect.h"

#include <stdio.h>

#include "../format/names.h"

bool weir_inspection_is_drained(const weir_inventory *inventory, const weir_ring_header *ring,
                                const weir_durable_mark *mark) {
    if (inventory->found.journal != WEIR_JOURNAL_PRESENT) return false;
    bool whole = inventory->end.block >= inventory->durable.block;
    bool named = weir_id_equal(inventory->drained.ring, ring->id);
    bool outlived = mark && !named && inventory->drained_block > mark->block;
    return outlived || (whole && inventory->closed);
}

void weir_inspection_skip_drained(const weir_inventory *inventory, weir_ring *ring) {
    if (!weir_id_equal(inventory->drained.ring, ring->header.id)) return;
    for (uint32_t i = 0; i < inventory->drained.count; i++) {
        const weir_lane_mark *mark = &inventory->drained.marks[i];
        if (mark->lane >= ring->header.lanes) continue;
        weir_lane *lane = &ring->lanes[mark->lane];
        if (mark->position > lane->taken) lane->taken = mark->position;
    }
}

uint64_t weir_inspection_recorder_position(const weir_inventory *inventory,
                                           const weir_ring_header *ring) {
    const weir_drained *drained = &inventory->drained;
    if (memcmp(drained->ring, ring->id, sizeof ring->id) != 0) return 0;
    for (uint32_t i = 0; i < drained->count; i++)
        if (drained->marks[i].lane == ring->lanes) return drained->marks[i].position;
    return 0;
}

/* Up to its mark's block the journal itself says which rows there are. Only blocks that are lost leave
 * that to the mark. */
uint64_t weir_inspection_row_before_ring(const weir_inventory *inventory,
                                         const weir_durable_mark *mark) {
    size_t n = inventory->extent_count;
    const weir_extent *youngest = n ? &inventory->extents[n - 1] : NULL;
    uint64_t block = 0, next_row = 1;
    if (youngest) {
        block = youngest->last_block;
        next_row = youngest->next_row;
    } else if (inventory->damage_count == 0 && inventory->next_row > 0) {
        block = inventory->end.block; /* the last segment's header says it; damage may hide rows */
        next_row = inventory->next_row;
    }
    return mark && mark->block > block && mark->row >= next_row ? mark->row : next_row - 1;
}

uint64_t weir_inspection_known_rows(const weir_inventory *inventory, const weir_durable_mark *mark,
                                    uint64_t applied_row) {
    uint64_t before = weir_inspection_row_before_ring(inventory, mark);
    return applied_row > before ? applied_row - before : 0;
}

uint64_t weir_inspection_rows_waiting(const weir_inventory *inventory,
                                      const weir_ring_report *ring) {
    uint64_t end = inventory->next_row, applied = inventory->position.row;
    return (end > applied + 1 ? end - applied - 1 : 0) + ring->rows + ring->recorded;
}

static int count_recorded(const weir_ring *ring, const weir_inventory_input *in,
                          const weir_inventory *inventory, weir_ring_report *out,
                          weir_error *error) {
    char path[4096];
    weir_recorder_reader recorder;
    weir_found_ring found;
    weir_recorded r;
    (void)snprintf(path, sizeof path, "%s/recorder", in->directory); /* the caller checked */
    int status = weir_recorder_attach(&recorder, in->os, in->dirfd, path, ring, &found, error);
    if (status != WEIR_OK || found != WEIR_RING_OURS) return status;
    weir_recorder_skip(&recorder, weir_inspection_recorder_position(inventory, &ring->header));
    while ((status = weir_recorder_next(&recorder, &r, error)) == WEIR_OK && r.row)
        out->recorded++;
    weir_recorder_close(&recorder);
    return status;
}

static int inspect_recorder(const weir_inventory_input *in, const char *path_of_ring,
                            const weir_inventory *inventory, weir_ring_report *out,
                            weir_error *error) {
    weir_ring ring;
    weir_found_ring found;
    int status = weir_ring_attach(&ring, in->os, in->dirfd, path_of_ring, &found, error);
    if (status != WEIR_OK || found != WEIR_RING_OURS) return status;
    status = count_recorded(&ring, in, inventory, out, error);
    weir_ring_close(&ring);
    return status;
}

static int ring_path(const weir_inventory_input *input, char path[WEIR_PATH_MAX],
                     weir_error *error) {
    int length = snprintf(path, WEIR_PATH_MAX, "%s/ring", input->directory);
    if (length < 0 || length + 4 >= WEIR_PATH_MAX) /* "recorder" is longer */
        return weir_fail(error, WEIR_MISUSE, "the path of the journal's directory is too long");
    return WEIR_OK;
}

/* It is attached anew: a ring in use has other heads by now, and perhaps more lanes. */
int weir_inspect_ring(const weir_inventory_input *input, const weir_inventory *inventory,
                      weir_ring_report *out, weir_error *error) {
    char path[WEIR_PATH_MAX];
    int status = ring_path(input, path, error);
    if (status == WEIR_OK)
        status = weir_ring_inspect(input->os, input->dirfd, path, &inventory->drained, out, error);
    const weir_durable_mark *mark = input->ring_mark;
    if (!mark && status == WEIR_OK && out->has_mark) mark = &out->mark;
    if (status == WEIR_OK && weir_inspection_is_drained(inventory, &out->header, mark))
        out->rows = out->bytes = out->unreadable_bytes = 0;
    else if (status == WEIR_OK)
        status = inspect_recorder(input, path, inventory, out, error);
    return status;
}

int weir_inspect(const weir_inventory_input *input, weir_inspection *out, weir_error *error) {
    char path[WEIR_PATH_MAX];
    weir_inventory_input in = *input;
    *out = (weir_inspection){0};
    int status = ring_path(input, path, error);
    if (status != WEIR_OK) return status;
    /* The ring first: its mark can only be too low for the journal that is read after it. */
    status = weir_ring_identify(input->os, input->dirfd, path, &out->ring, error);
    if (status != WEIR_OK) return status;
    in.ring = out->ring.found;
    in.ring_newer = out->ring.newer;
    in.ring_mark = out->ring.has_mark ? &out->ring.mark : NULL;
    in.ring_journal = weir_ring_is_ours(out->ring.found) ? out->ring.header.journal : NULL;
    status = weir_inventory_take(&in, &out->inventory, error);
    if (status != WEIR_OK) return status;
    /* Its rows now that the journal has said how far it was drained. */
    return weir_inspect_ring(&in, &out->inventory, &out->ring, error);
}

void weir_inspection_free(weir_inspection *look) { weir_inventory_free(&look->inventory); }

int weir_inspect_directory(const weir_inventory_input *input, weir_error *error) {
    weir_inspection look;
    int status = weir_inspect(input, &look, error);
    if (status == WEIR_OK && weir_verdict_refuses(look.inventory.verdict))
        status = weir_fail(error, weir_verdict_status(look.inventory.verdict), "%s",
                           look.inventory.detail);
    weir_inspection_free(&look);
    return status;
}
