/* pack_segment.h - one archived segment becomes a packed one, and goes when that is safe.
 *
 * The packed file is written aside and synced, then read again with what reads every packed segment,
 * and every header and raw payload is compared with the segment's. Only then does it get its name,
 * and the segment goes after that name is on the disk. So at each moment, and after a crash at any
 * of them, the segment is there, or a packed one that was found to hold the same. */
#ifndef WEIR_PACK_SEGMENT_H
#define WEIR_PACK_SEGMENT_H

#include "../../lib/verify/ends.h"
#include "../../lib/verify/scan.h"

typedef struct weir_pack_input {
    const weir_os *os;
    int dirfd; /* the archive's, open */
    const char *archive;
    /* Asked after each block, with the bytes of the segment that are done with; true: stop here.
     * Each byte is counted twice, since it is read twice. */
    bool (*stop)(void *context, uint64_t bytes);
    void *context;
} weir_pack_input;

typedef struct weir_pack_result {
    uint64_t bytes_before, bytes_after; /* of the files */
    uint64_t blocks, rows;
    bool packed; /* false: it would not have become smaller, and is as it was */
} weir_pack_result;

/* end: of the segment, as the next one says. WEIR_OK; WEIR_PENDING: it was stopped, and nothing is
 * changed; WEIR_NOT_FOUND: it is not there; WEIR_DAMAGED: it is not whole, or the packed one did
 * not hold the same, and nothing is changed; WEIR_IO, WEIR_NO_SPACE, WEIR_NO_MEMORY: if the segment
 * is still there, nothing is lost by trying again. */
int weir_pack_segment(const weir_pack_input *input, const weir_segment_end *end,
                      weir_pack_result *out, weir_error *error);

/* The names in the archive, for messages too. */
void weir_packed_path(char out[4096], const char *archive, uint64_t segment);

#endif
