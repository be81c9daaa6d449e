/* segment_bytes.h - the bytes of a segment up to an end, or of a packed one, in memory, with every hash
 * and the chain checked.
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
    bool packed; /* all bytes of the file of a packed segment */
    weir_segment_header header;
    uint64_t end_hash; /* of the header of its last block; of the one before it, if it has none */
} weir_segment_bytes;

/* end: of a plain segment; a packed one says itself where it ends. WEIR_OK; WEIR_NOT_FOUND: the file is
 * gone; WEIR_DAMAGED; WEIR_IO, WEIR_NO_MEMORY. To be freed in either case. */
int weir_segment_bytes_read(const weir_os *os, const char *path, uint64_t number, uint64_t end,
                            weir_segment_bytes *out, weir_error *error);
/* The same of an open file, which stays open; path is for messages. */
int weir_segment_bytes_of(const weir_os *os, int file, const char *path, uint64_t number,
                          uint64_t end, weir_segment_bytes *out, weir_error *error);
void weir_segment_bytes_free(weir_segment_bytes *bytes);

#endif
