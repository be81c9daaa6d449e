/* catalog.h - what a live journal keeps: its files, oldest first, and where each durable block is.
 *
 * No I/O and no lock of its own; the journal's mutex guards it. */
#ifndef WEIR_CATALOG_H
#define WEIR_CATALOG_H

#include "../verify/inventory.h"

typedef struct weir_kept_file {
    uint64_t number, bytes;
    uint64_t last_block; /* of the durable stream; 0: it holds none of it */
    uint64_t filled;     /* how many of its first bytes have been written once */
    bool empty;          /* nothing but zeros: it counts as absent */
    const char *why;     /* damaged: a word for its new name; NULL otherwise */
    char *path;
} weir_kept_file;

/* Entries that have left stay at the front of the arrays until there are many of them. */
typedef struct weir_catalog {
    weir_kept_file *files; /* kept: files_gone … file_count - 1 */
    size_t files_gone, file_count, file_capacity;
    weir_extent *extents; /* likewise, in order; paths belong to the files */
    size_t extents_gone, extent_count, extent_capacity;
    uint64_t bytes; /* of all files */
} weir_catalog;

/* Take over what an inventory found, up to the durable end. */
int weir_catalog_adopt(weir_catalog *c, const weir_inventory *found);
void weir_catalog_free(weir_catalog *c);

/* Make room for one more file, so that adding it cannot fail. */
int weir_catalog_reserve(weir_catalog *c);
/* A new newest file (its path is taken over) with an empty extent that begins at begin. */
void weir_catalog_add(weir_catalog *c, weir_kept_file file, uint64_t begin, uint64_t first_block,
                      uint64_t first_row);
/* The newest file is now durable up to end. */
void weir_catalog_extend(weir_catalog *c, const weir_log_end *end, uint64_t next_row);

/* Answers like weir_locator, for blocks that are not above the durable end. */
int weir_catalog_locate(const weir_catalog *c, uint64_t block, weir_extent *out);
/* This number, or the nearest of them on that side of it; 0: there is none. */
uint64_t weir_catalog_nearest(const weir_catalog *c, uint64_t block, weir_side side);
/* The oldest file, when it is not the newest and holds nothing above block; else NULL. */
const weir_kept_file *weir_catalog_oldest(const weir_catalog *c, uint64_t block);
void weir_catalog_drop_oldest(weir_catalog *c);
/* The rows that it holds. There is one file at least. */
void weir_catalog_oldest_rows(const weir_catalog *c, uint64_t *first, uint64_t *next);
/* Of all files but the newest that hold nothing above block. */
uint64_t weir_catalog_bytes_up_to(const weir_catalog *c, uint64_t block);
/* Where the last extent ends that holds nothing above block; *at is left alone when there is none. */
void weir_catalog_end_up_to(const weir_catalog *c, uint64_t block, weir_position *at);
size_t weir_catalog_files(const weir_catalog *c); /* kept */
/* Number of the oldest block kept; 0 when there is none. */
uint64_t weir_catalog_first_block(const weir_catalog *c);

#endif
