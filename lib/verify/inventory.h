/* inventory.h - read a journal directory whole, change nothing, and say what is there.
 *
 * Opening, verifying and every reading verb of the tool begin here, so they cannot disagree.
 * Every byte of the stream is read and its hashes are checked, whether it is applied or not. The
 * blocks of the youngest segment and all blocks without rows are also decoded, or every block
 * with verify_all: so opening reads nothing that has not been judged. What follows the stream's
 * end is searched for blocks that say that more had been durable. Memory: proportional to the
 * number of segments and damages and of the blocks above the durable mark, and one block; not to
 * the bytes of the journal. */
#ifndef WEIR_INVENTORY_H
#define WEIR_INVENTORY_H

#include "../format/marks.h"
#include "../format/segment.h"
#include "verdict.h"

/* A run of valid blocks of one segment that belong to the stream. */
typedef struct weir_extent {
    uint64_t segment, begin, end; /* byte offsets: of the first block, and after the last */
    uint64_t first_block, last_block, first_row, next_row;
    uint64_t last_hash;
    char *path; /* belongs to the inventory, or to the journal that answers locate */
} weir_extent;

/* Of extents[from] … extents[count - 1], which are in the order of their blocks: the first that does
 * not end below block; count when all do. */
size_t weir_extent_find(const weir_extent *extents, size_t from, size_t count, uint64_t block);
typedef enum weir_side { WEIR_BELOW, WEIR_ABOVE } weir_side;
/* block itself if one of them holds it; or the nearest number on that side of it that one of them
 * holds. 0: there is none. */
uint64_t weir_extent_nearest(const weir_extent *extents, size_t from, size_t count, uint64_t block,
                             weir_side side);

/* Promised blocks or rows that cannot be read. Ranges are inclusive; 0, 0 where there is none or
 * it is unknown (then why says from which row on). path is NULL where the file is missing. */
typedef struct weir_damage {
    uint64_t segment, offset;
    uint64_t first_block, last_block, first_row, last_row;
    bool rows_unknown; /* some are lost, and it is not known how many */
    bool missing;      /* nothing is wrong with the bytes: a file, or the end of one, is not here */
    char *path;
    char why[160];
} weir_damage;

typedef struct weir_inventory_input {
    const weir_os *os;
    int dirfd; /* the directory, open for as long as its files are read; or WEIR_OS_CWD */
    const char *directory;
    const char *database;        /* its name in messages; NULL: it is not known */
    bool database_is_server;     /* it is none of SQLite's: other commands mend the journal */
    bool database_missing;       /* there is no file of that name */
    const char *database_broken; /* why it cannot be read; NULL: it can, or it does not exist */
    bool database_shut;          /* with that: by a lock or for want of rights; it may be sound */
    bool database_has_positions; /* it knows some journal */
    const weir_position *positions; /* all that the database knows */
    size_t position_count;
    const weir_durable_mark *ring_mark; /* NULL when there is none */
    weir_found_ring ring;
    weir_newer ring_newer;       /* with WEIR_RING_NEWER */
    const uint8_t *ring_journal; /* its journal id; NULL unless the ring was readable */
    bool verify_all;             /* decode older rows too; damage is found without that */
    void (*progress)(void *context, uint64_t bytes_done, uint64_t bytes_total); /* may be NULL */
    void *progress_context;
} weir_inventory_input;

/* A file that has the name of a segment. One that is empty or all zeros counts as absent: the
 * journal leaves none (a segment is named after its header is synced), but an interrupted copy
 * does. */
typedef struct weir_segment_note {
    uint64_t number;            /* as its name says */
    weir_segment_header header; /* zeros when it cannot be read */
    char *path;
    uint64_t file_bytes;
    int status;      /* WEIR_OK, WEIR_DAMAGED, WEIR_VERSION, WEIR_IO, WEIR_NOT_FOUND: all zero */
    const char *why; /* what is wrong with it; NULL with WEIR_OK; static */
} weir_segment_note;

typedef struct weir_inventory {
    int dirfd; /* as it was given */
    weir_findings found;
    weir_verdict verdict;
    weir_id journal;
    uint64_t incarnation; /* highest seen */
    uint64_t
        last_segment; /* highest number that a file or a header bears, archived ones included */
    weir_segment_note *segments; /* ascending by number */
    size_t segment_count;
    weir_extent *extents; /* the stream, in order; a gap between two is a damage */
    size_t extent_count;
    weir_damage *damages;
    size_t damage_count;
    weir_log_end begin; /* before the first block kept: its number and hash; zeros: block 1 */
    weir_log_end end;   /* after the last valid block of the stream */
    uint64_t next_row;  /* number after the last row of the stream (or promised by a mark) */
    weir_durable_mark durable; /* the highest mark of all sources */
    /* The highest block that the header of a block or of a segment names as durable: what the journal
     * itself has, whatever becomes of its ring and its database. */
    uint64_t vouched;
    /* The stream's end at that mark, and the row that comes next there. When promised blocks are
     * lost this is the mark's block (hash 0 if unknown) and the place where the last readable
     * block at or below it ends. */
    weir_log_end durable_end;
    uint64_t durable_next_row;
    weir_position position; /* the database's position in this journal; zeros if none */
    uint64_t torn_bytes;    /* void after the end, in the last segment; 0 if that ends in damage */
    uint64_t bytes;         /* of all segments */
    bool read_only;         /* an unknown compatible bit: read, but do not append */
    const char *newer_path; /* of a segment of a newer version; NULL: there is none */
    weir_newer newer;       /* what that says */
    bool closed;            /* the last block is the mark that a clean close leaves (no lanes) */
    /* As the last block of the stream says, which is drained_block; zeros when there is none, or
     * it cannot be decoded. The marks belong to the inventory. */
    weir_drained drained;
    uint64_t drained_block;
    int64_t first_wall_ns, last_wall_ns;
    char detail[480]; /* the verdict in words: what, where, which rows, what to do */
    size_t remedy;    /* where in it what to do begins, after "; "; 0: it is not told apart */
} weir_inventory;

/* WEIR_OK also when the verdict refuses; an error only when reading itself failed (rights, memory,
 * I/O: a disk that refuses to be read is never taken for a torn tail). out is to be freed in either
 * case. A journal that looks damaged is read again until it looks the same twice: a live one
 * recycles its segments and writes blocks meanwhile.
 *
 * A journal that is whole but ends below the database's position is not corrupt, as its rows are
 * in the database: its position is BEYOND, its tail is clean, and one damage names the rows. */
int weir_inventory_take(const weir_inventory_input *input, weir_inventory *out, weir_error *error);
void weir_inventory_free(weir_inventory *inventory);

#endif
