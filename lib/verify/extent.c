/* extent.c - which run of blocks holds a block. */
#include "inventory.h"

size_t weir_extent_find(const weir_extent *extents, size_t from, size_t count, uint64_t block) {
    size_t low = from, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (extents[middle].last_block < block)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t weir_extent_nearest(const weir_extent *extents, size_t from, size_t count, uint64_t block,
                             weir_side side) {
    size_t at = weir_extent_find(extents, from, count, block);
    if (at < count && extents[at].first_block <= block) return block;
    if (side == WEIR_ABOVE) return at < count ? extents[at].first_block : 0;
    return at > from ? extents[at - 1].last_block : 0;
}
