/* Aims at: weir_named_decode, weir_named_fits, weir_named_encode. The input is the file of a named
 * reader.
 *
 * Beyond memory: what was taken in is written again as the same bytes, but for the compatible
 * features; its name can be a file's, and its position is one that a journal could have. */
#include "../lib/format/named.h"
#include "harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    weir_named n;
    uint8_t again[WEIR_NAMED_BYTES];
    if (weir_named_decode(data, size, &n) != WEIR_OK) return 0;
    MUST(size == WEIR_NAMED_BYTES);
    MUST(weir_named_fits(n.name));
    MUST(strchr(n.name, '/') == NULL && n.name[0] != '.');
    MUST(n.mark.at.block || n.mark.at.hash == 0);
    weir_named_encode(again, &n);
    MUST(memcmp(again, data, 20) == 0 && memcmp(again + 24, data + 24, WEIR_NAMED_BYTES - 32) == 0);
    return 0;
}
