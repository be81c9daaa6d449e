/* store.h - an archive in an object store: which objects there are of a journal, and their names.
 *
 * Below the URL each journal has a folder, named by its id. In it stand
 *
 *     segment-00000000000000000007                   segment 7 up to its end, whole
 *     packed-segment-00000000000000000007            the same, packed before it was pushed
 *     tail/segment-00000000000000000008-BEGIN-END    bytes BEGIN to END of segment 8, while it is the
 *                                                    youngest; 12 digits each
 *
 * Bytes that were promised are never written
 * again, so no object ever has to be replaced. */
#ifndef WEIR_ARCHIVE_STORE_H
#define WEIR_ARCHIVE_STORE_H

#include "../archive_files.h"
#include "../arguments.h"
#include "store_part.h"

/* One object of a journal's. */
typedef struct weir_stored {
    weir_id journal;
    uint64_t number; /* of the segment */
    bool is_tail;
    weir_archived_kind kind;
    uint64_t begin, end; /* of a tail; otherwise 0 and bytes */
    uint64_t bytes;
    char *name; /* below the URL */
} weir_stored;

typedef struct weir_stored_list {
    weir_stored
        *list; /* by journal, then whole ones before tails, then by number, kind and begin */
    size_t count, capacity;
    uint64_t strangers; /* names below the URL that are none of ours */
} weir_stored_list;

typedef struct weir_remote {
    const weir_store_part *part;
    weir_store *store;
    void *module;
} weir_remote;

/* Load the part and open the store of the URL, with --endpoint, --region and --timeout. */
int weir_remote_open(const char *url, const weir_arguments *arguments, weir_remote *out,
                     weir_error *error);
void weir_remote_close(weir_remote *remote);

/* journal NULL: of all journals. To be freed in either case. */
int weir_stored_take(const weir_remote *remote, const uint8_t *journal, weir_stored_list *out,
                     weir_error *error);
void weir_stored_free(weir_stored_list *list);

/* The whole object of that segment, of any kind; NULL: there is none. The list is of one journal. */
const weir_stored *weir_stored_whole(const weir_stored_list *list, uint64_t number);
/* How far the tails of that segment reach from its beginning without a gap. */
uint64_t weir_stored_tail_end(const weir_stored_list *list, uint64_t number);

enum { WEIR_ID_TEXT = 33 };
void weir_id_text(const weir_id id, char out[WEIR_ID_TEXT]);

#endif
