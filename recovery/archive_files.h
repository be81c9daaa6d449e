/* archive_files.h - what is in a journal's archive/: each file with its rows, blocks, times and bytes, in the
 * order of their numbers. Nothing is changed.
 *
 * Headers are read, of segments and of blocks, and no payloads: `verify --archive` reads those. The
 * segments in the journal's own directory are looked at too, since the header of the next segment
 * says where one ends. The journal may be in use meanwhile. */
#ifndef WEIR_ARCHIVE_FILES_H
#define WEIR_ARCHIVE_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "../lib/base/os.h"
#include "../lib/base/status.h"
#include "../lib/format/segment.h"

typedef enum weir_archived_kind {
    WEIR_ARCHIVED_PLAIN,  /* segment-N, as the journal wrote it */
    WEIR_ARCHIVED_PACKED, /* packed-segment-N, FORMAT.md, section 12 */
    WEIR_ARCHIVED_KINDS,
} weir_archived_kind;

typedef struct weir_archived_file {
    uint64_t number; /* of the segment, as the file's name says */
    weir_archived_kind kind;
    char *path;
    uint64_t bytes; /* of the file */
    /* WEIR_OK: header, and header of each block up to the end, are as they must be. Otherwise why
     * says what is wrong (static text), and the rest is as far as it is known: what it has lost
     * counts as its own, where the next segment says how far it went. */
    int status;
    const char *why;
    weir_segment_header header; /* zeros when it cannot be read */
    bool is_void;               /* it is not on the path of FORMAT.md, 7: nothing in it counts */
    uint64_t end;               /* offset in the segment after its last block; 0: unknown */
    /* Dense: a file without blocks, or without rows, has a first that is above its last. 0, 0:
     * unknown. */
    uint64_t first_block, last_block, first_row, last_row;
    int64_t first_wall_ns, last_wall_ns; /* of its blocks; 0, 0: none, or unknown */
} weir_archived_file;

typedef struct weir_archived_files {
    weir_archived_file *files; /* ascending by number, then by kind */
    size_t count, capacity;
    uint64_t bytes; /* of all */
} weir_archived_files;

/* directory: the journal's. Without an archive the list is empty. WEIR_IO, WEIR_NO_MEMORY: nothing
 * is to be freed. */
int weir_archived_files_take(const weir_os *os, const char *directory, weir_archived_files *out,
                             weir_error *error);
void weir_archived_files_free(weir_archived_files *list);

/* The file's name without its directory. */
const char *weir_archived_name(const weir_archived_file *file);
uint64_t weir_archived_rows(const weir_archived_file *file);
/* Where the file of a segment is, or would be, in this archive. */
void weir_archived_path(char out[4096], const char *archive, weir_archived_kind kind,
                        uint64_t number);
/* The number in a name that an archived file of this kind has; 0: it is no such name. */
uint64_t weir_archived_number(const char *name, weir_archived_kind kind);

#endif
