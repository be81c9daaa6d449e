/* chain.h - which files there are, and how their headers chain into one stream. Private to this
 * folder.
 *
 * The header of the newest segment says where everything before it ends. The segment of that end
 * has a header that says the same of what is before it, and so on. Files between two links of
 * this chain are void. */
#ifndef WEIR_CHAIN_H
#define WEIR_CHAIN_H

#include "inventory.h"
#include "scan.h"

typedef struct weir_link {
    uint64_t number;
    const weir_segment_note *note; /* NULL: the file is missing */
    weir_identity whose;
    uint64_t begin;       /* offset of the first block to be read */
    uint64_t first_block; /* 0: unknown, and so are the next two */
    uint64_t first_row, before_hash;
    weir_log_end end;  /* as the next link's header says; segment 0: unknown */
    uint64_t promised; /* blocks up to here are promised by a later link; 0 in the last */
    uint64_t limit;    /* bytes of the file that count */
} weir_link;

typedef struct weir_chain {
    weir_link *links; /* oldest first */
    size_t count, capacity;
} weir_chain;

/* List the directory, read every segment's header: fills segments, bytes, incarnation, journal,
 * read_only and found.journal. WEIR_NOT_FOUND: a file went away after it was listed; list again. */
int weir_chain_list(const weir_inventory_input *input, weir_inventory *inventory,
                    weir_error *error);

/* Chain them. applied: the block up to which the database has everything; a missing segment that
 * held nothing above it was recycled. Answers like weir_chain_list. */
int weir_chain_build(const weir_inventory_input *input, weir_inventory *inventory, uint64_t applied,
                     weir_chain *out, weir_error *error);
void weir_chain_free(weir_chain *chain);

/* Fill error for a scan of path that answered WEIR_IO or WEIR_NO_MEMORY; returns status. */
int weir_scan_failed(const weir_scan *scan, int status, const char *path, weir_error *error);
/* Likewise for a failed weir_scan_open; a file that is gone is WEIR_NOT_FOUND. */
int weir_open_failed(int result, const char *path, weir_error *error);

#endif
