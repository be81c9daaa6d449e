/* block_map.h - every block of the journal, counted into cells of bounded number.
 *
 * A band is a segment; where there are more than WEIR_BANDS_MAX, as many neighbours as it takes. A
 * thing is a block, a damage, or the torn tail. The things of a band are in cells, in their order,
 * the same number in each, so that a band has at most WEIR_CELLS_MAX: a cell of a small journal is
 * one block, and one of a large journal stands for thousands. */
#ifndef WEIR_BLOCK_MAP_H
#define WEIR_BLOCK_MAP_H

#include "../view.h"

enum { WEIR_BANDS_MAX = 48, WEIR_CELLS_MAX = 96 };

/* From the best to the worst: a cell shows the worst of its things. */
typedef enum weir_block_class {
    WEIR_BLOCK_APPLIED,    /* the database has its rows, or it has none */
    WEIR_BLOCK_WAITING,    /* durable, and not applied */
    WEIR_BLOCK_ABOVE_MARK, /* intact, above every durable mark */
    WEIR_BLOCK_PASSED,     /* it left a living journal before it was looked at */
    WEIR_BLOCK_TORN,       /* what is after the end */
    WEIR_BLOCK_DAMAGED,
    WEIR_BLOCK_MISSING, /* its segment's file is not there */
    WEIR_BLOCK_CLASSES,
} weir_block_class;

typedef struct weir_cell {
    uint64_t things[WEIR_BLOCK_CLASSES];
    uint64_t first_block, last_block, first_row, next_row; /* 0: unknown */
    uint64_t rows, bytes;
    int64_t from_ns, until_ns; /* of its blocks' clocks; 0, 0: it has none */
} weir_cell;

typedef struct weir_band {
    uint64_t first_segment, last_segment;
    size_t files, first_cell, cells;
    uint64_t file_bytes, used_bytes;
    uint64_t things, per_cell, placed;
    uint64_t of_class[WEIR_BLOCK_CLASSES];
    uint64_t first_block, last_block, rows;
    const char *why; /* what is wrong with a file of it; static */
} weir_band;

typedef struct weir_block_map {
    weir_band *bands;
    size_t band_count;
    weir_cell *cells;
    size_t cell_count, cell_capacity;
    uint64_t of_class[WEIR_BLOCK_CLASSES]; /* blocks; of the last three: places */
    uint64_t blocks, rows, stored_bytes, raw_bytes;
    uint64_t jumps; /* blocks whose clock is below that of the block before */
} weir_block_map;

/* Reads the header of each block. WEIR_NO_MEMORY, or WEIR_OK: what cannot be read is in it as
 * WEIR_BLOCK_PASSED. */
int weir_block_map_take(const weir_os *os, const weir_view *view, weir_block_map *out);
void weir_block_map_free(weir_block_map *map);

weir_block_class weir_cell_class(const weir_cell *cell);
const char *weir_block_class_name(weir_block_class class); /* "above the mark" */

#endif
