/* sink_record.h - what a journal keeps of a sink, in sinks/NAME: how far the sink is safe without the
 * journal. Segments after that are kept for it, whether it is attached or not.
 *
 * Little-endian, 512 bytes:
 *
 *     offset  size
 *          0     8  magic "WEIRSNK1"
 *          8     4  version = 1
 *         12     4  file bytes = 512
 *         16     4  incompatible features = 0
 *         20     4  compatible features
 *         24    16  journal id
 *         40     8  block: all up to it is safe; 0: none
 *         48     8  row: the last one that is safe; it may be in the next block
 *         56     8  hash of that block's header; 0 with block 0
 *         64     8  begin: the oldest block of journal and archive when the sink was attached first
 *         72     8  wall clock, ns since 1970: when it was written
 *         80     8  lag limit: so many bytes of segments may wait for it; 0: no limit
 *         88     4  at the limit: 0 hold, 1 detach
 *         92     4  state: 0 attached, 1 detached
 *         96     4  name bytes
 *        100     4  kind bytes
 *        104     4  place bytes
 *        108     4  zero
 *        112    64  name, then zeros
 *        176    16  kind, then zeros
 *        192   256  place, then zeros
 *        448    56  zero
 *        504     8  file hash: XXH3-64 of bytes 0 … 503 */
#ifndef WEIR_SINK_RECORD_H
#define WEIR_SINK_RECORD_H

#include <weir/weir.h>

#include "named.h"

enum {
    WEIR_SINK_RECORD_BYTES = 512,
    WEIR_SINK_RECORD_VERSION = 1,
    WEIR_SINK_KIND_MAX = 16,
    WEIR_SINK_PLACE_MAX = 256,
};

typedef struct weir_sink_record {
    char name[WEIR_NAMED_NAME_MAX + 1]; /* as weir_named_fits says */
    char kind[WEIR_SINK_KIND_MAX + 1];
    char place[WEIR_SINK_PLACE_MAX + 1];
    weir_position safe; /* with its journal */
    uint64_t begin;
    int64_t wall_ns;
    uint64_t lag_limit;
    uint32_t at_limit; /* 0: hold, 1: detach */
    weir_sink_state state;
} weir_sink_record;

void weir_sink_record_encode(uint8_t bytes[WEIR_SINK_RECORD_BYTES], const weir_sink_record *record);
/* WEIR_OK; WEIR_VERSION for an intact file of a newer version, or with an unknown incompatible bit;
 * WEIR_DAMAGED for anything else. *out is filled only by WEIR_OK. length: of the whole file. */
int weir_sink_record_decode(const uint8_t *bytes, size_t length, weir_sink_record *out);

#endif
