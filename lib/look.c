/* look.c - ring and journal of a directory together, looked at as opening does. */
#include "look.h"

#include <stdio.h>

bool weir_look_is_drained(const weir_inventory *inventory, const weir_ring_header *ring,
                          bool has_mark) {
    bool whole = inventory->found.journal == WEIR_JOURNAL_PRESENT &&
                 inventory->end.block >= inventory->durable.block;
    bool named = memcmp(inventory->ring, ring->id, sizeof ring->id) == 0;
    return whole && (inventory->closed || (has_mark && !named));
}

int weir_look_take(const weir_inventory_input *input, weir_look *out, weir_error *error) {
    char path[4096];
    weir_inventory_input in = *input;
    *out = (weir_look){0};
    int length = snprintf(path, sizeof path, "%s/ring", input->directory);
    if (length < 0 || (size_t)length >= sizeof path)
        return weir_fail(error, WEIR_MISUSE, "the path of the journal's directory is too long");
    /* The ring first: its mark can only be too low for the journal that is read after it. */
    int status = weir_ring_inspect(input->os, input->dirfd, path, NULL, &out->ring, error);
    if (status != WEIR_OK) return status;
    in.ring = out->ring.found;
    in.ring_mark = out->ring.has_mark ? &out->ring.mark : NULL;
    in.ring_journal = out->ring.found == WEIR_RING_OURS ? out->ring.header.journal : NULL;
    status = weir_inventory_take(&in, &out->inventory, error);
    if (status != WEIR_OK) return status;
    /* Once more, now that the journal has said how far the ring was drained. */
    status = weir_ring_inspect(input->os, input->dirfd, path, &out->inventory, &out->ring, error);
    if (weir_look_is_drained(&out->inventory, &out->ring.header, out->ring.has_mark))
        out->ring.rows = out->ring.bytes = out->ring.unreadable_bytes = 0;
    return status;
}

void weir_look_free(weir_look *look) { weir_inventory_free(&look->inventory); }

int weir_look_judge(const weir_os *os, const char *directory, weir_error *error) {
    weir_look look;
    weir_inventory_input input = {.os = os, .directory = directory};
    int status = weir_look_take(&input, &look, error);
    if (status == WEIR_OK && weir_verdict_refuses(look.inventory.verdict))
        status = weir_fail(error, weir_verdict_status(look.inventory.verdict), "%s",
                           look.inventory.detail);
    weir_look_free(&look);
    return status;
}
