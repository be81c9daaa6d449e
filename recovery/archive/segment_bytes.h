/* segment_bytes.h - the bytes of a segment up to an end, in memory, with every hash and the chain
 * checked.
 *
 * In memory, since a file of a living journal may become a spare while it is read: what was checked is
 * what is sent. */
#ifndef WEIR_SEGMENT_BYTES_H
#define WEIR_SEGMENT_BYTES_H

#include "../../lib/base/os.h"
#include "../../lib/format/segment.h"

typedef struct weir_segment_bytes {
    uint8_t *bytes;
    size_t length;
    weir_segment_header header;
} weir_segment_bytes;

/* WEIR_OK; WEIR_NOT_FOUND: the file is gone; WEIR_DAMAGED; WEIR_IO, WEIR_NO_MEMORY. To be freed in
 * either case. */
int weir_segment_bytes_read(const weir_os *os, const char *path, uint64_t number, uint64_t end,
                            weir_segment_bytes *out, weir_error *error);
void weir_segment_bytes_free(weir_segment_bytes *bytes);

#endif
