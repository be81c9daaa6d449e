/* ends.c - which segments are on the path, and where each ends. */
#include "ends.h"

#include <stdlib.h>

#include "chain.h"

static int copy_ends(const weir_chain *chain, weir_segment_end **out, size_t *count,
                     weir_error *error) {
    weir_segment_end *list = calloc(chain->count + 1, sizeof *list);
    if (!list) return weir_fail(error, WEIR_NO_MEMORY, "no memory to list the segments");
    for (size_t i = 0; i < chain->count; i++) {
        const weir_link *link = &chain->links[i];
        if (!link->note || link->note->status != WEIR_OK) continue;
        list[(*count)++] =
            (weir_segment_end){link->number, link->first_block, link->first_row, link->end};
    }
    *out = list;
    return WEIR_OK;
}

int weir_segment_ends(const weir_inventory_input *input, weir_segment_end **out, size_t *count,
                      weir_error *error) {
    weir_inventory inventory = {.dirfd = input->dirfd};
    weir_chain chain = {0};
    *out = NULL;
    *count = 0;
    int status = weir_chain_list(input, &inventory, error);
    /* A segment that is missing has left: whether it should have is not asked here. */
    if (status == WEIR_OK) status = weir_chain_build(input, &inventory, UINT64_MAX, &chain, error);
    if (status == WEIR_OK) status = copy_ends(&chain, out, count, error);
    weir_chain_free(&chain);
    weir_inventory_free(&inventory);
    return status;
}
