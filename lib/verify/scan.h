/* scan.h - the bytes of one segment file: headers, payloads, and the search for blocks after
 * damage.
 *
 * One window slides over the file. It is read in large pieces while reading is sequential, and
 * only as much as is asked for after a jump. Memory: the window, or one payload where that is
 * larger, and never more than the file has. Nothing beyond limit is looked at. One thread at a
 * time.
 *
 * Where the os table says so, a file may be a packed segment (unpack.h). It is then read as if it were
 * the segment, but for its stored payloads, which it does not have. */
#ifndef WEIR_SCAN_H
#define WEIR_SCAN_H

#include "../base/os.h"
#include "../format/block.h"

typedef struct weir_scan {
    const weir_os *os;
    int dirfd;      /* in which paths are looked up, as os.h says */
    int file;       /* < 0: none is open */
    uint64_t limit; /* bytes that may be looked at; at opening the size of the file */
    int64_t result; /* the negative errno of the last WEIR_IO */
    uint8_t *window;
    size_t capacity, bytes;
    uint64_t at; /* where in the file the window begins */
    struct weir_unpacked
        *packed; /* the packed segment that it is; NULL: it is a segment as it is */
} weir_scan;

/* Which blocks count: blocks of another journal, segment or opening in the same file were left
 * by its former use. */
typedef struct weir_identity {
    weir_id journal; /* all zero: any */
    uint64_t segment;
    uint64_t incarnation; /* 0: any */
} weir_identity;

void weir_scan_make(weir_scan *scan, const weir_os *os, int dirfd);
void weir_scan_free(weir_scan *scan); /* closes too */

/* Opens another file instead of the last. Negative errno on failure. */
int weir_scan_open(weir_scan *scan, const char *path);
void weir_scan_close(weir_scan *scan);

/* bytes of the file at offset; they live until the next call. WEIR_DAMAGED when the file ends
 * before (or at limit), WEIR_IO, WEIR_NO_MEMORY. */
int weir_scan_bytes(weir_scan *scan, uint64_t offset, size_t bytes, const uint8_t **out);

/* Answers like weir_block_header_decode; also WEIR_DAMAGED when the block is not of this
 * identity, names another place, or reaches beyond limit. WEIR_VERSION only for a block of this
 * identity. */
int weir_scan_header(weir_scan *scan, const weir_identity *whose, uint64_t offset,
                     weir_block_header *out);

/* The stored bytes of the block, with their hash checked. Of a packed segment *stored is NULL,
 * and what it has of the block is checked. */
int weir_scan_payload(weir_scan *scan, const weir_block_header *h, const uint8_t **stored);

/* The raw payload of a block of a packed segment; it lives until the next call. */
int weir_scan_raw(weir_scan *scan, const weir_block_header *h, const uint8_t **raw);

/* The first valid header at or after from whose number is greater than above. WEIR_NOT_FOUND:
 * none. */
int weir_scan_next(weir_scan *scan, const weir_identity *whose, uint64_t from, uint64_t above,
                   weir_block_header *out);

/* What is between an offset and the limit. */
typedef struct weir_tail {
    bool empty;       /* nothing but zeros */
    bool own;         /* a valid header of this identity */
    bool torn;        /* own, or bytes that neither a former use nor zero-filling leaves */
    uint64_t durable; /* highest durable block that such headers name */
    uint64_t bytes;   /* up to the last byte that is of interest */
} weir_tail;

int weir_scan_tail(weir_scan *scan, const weir_identity *whose, uint64_t from, weir_tail *out);

#endif
