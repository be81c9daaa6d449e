/* Aims at: weir_sink_record_decode, weir_sink_record_encode. The first byte says what the rest is: the
 * record of a sink as it is (0), or with its hash made right (1).
 *
 * Beyond memory: what was taken in is written again as the same bytes, but for compatible features; its
 * name can be a file's; and no cut of it is taken in. */
#include "../lib/format/sink_record.h"
#include "harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t file[2 * WEIR_SINK_RECORD_BYTES] = {0}, again[WEIR_SINK_RECORD_BYTES];
    enum { HASHED = WEIR_SINK_RECORD_BYTES - 8 };
    weir_sink_record r;
    if (size == 0) return 0;
    bool seal = data[0] & 1;
    data++, size--;
    if (size > sizeof file) size = sizeof file;
    memcpy(file, data, size);
    if (seal) (void)weir_put_u64(file + HASHED, weir_hash(file, HASHED));
    if (weir_sink_record_decode(file, size, &r) != WEIR_OK) return 0;
    MUST(size == WEIR_SINK_RECORD_BYTES);
    MUST(weir_named_fits(r.name));
    MUST(strlen(r.kind) <= WEIR_SINK_KIND_MAX && strlen(r.place) <= WEIR_SINK_PLACE_MAX);
    MUST(!weir_id_is_none(r.safe.journal) && (r.safe.block || r.safe.hash == 0));
    MUST(r.state == WEIR_SINK_ATTACHED || r.state == WEIR_SINK_DETACHED);
    weir_sink_record_encode(again, &r);
    MUST(memcmp(again, file, 20) == 0 && memcmp(again + 24, file + 24, HASHED - 24) == 0);
    for (size_t cut = 0; cut < size; cut += 31)
        MUST(weir_sink_record_decode(file, cut, &r) == WEIR_DAMAGED);
    return 0;
}
