/* journal.h - segments as one append-only stream: the append side, opening, recycling.
 *
 * The journal thread appends and syncs; the writer of each sink locates, reads (through a reader of
 * its own) and releases. What they share is guarded by one mutex that no append of a row ever
 * takes. */
#ifndef WEIR_JOURNAL_H
#define WEIR_JOURNAL_H

#include "../format/tables.h"
#include "../verify/inventory.h"
#include "../verify/reader.h"

typedef struct weir_journal weir_journal;

typedef struct weir_journal_config {
    const weir_os *os;
    int dirfd;             /* the directory, open for longer than the journal is; or WEIR_OS_CWD */
    const char *directory; /* its path, copied; it exists, and the caller holds the lock */
    uint64_t segment_bytes;
    uint64_t limit_bytes; /* of segments, without spares */
    uint64_t
        ring_bytes; /* left over when opening has to take the last spare: a ring must be made */
    bool archive;
    bool sinks_recorded; /* every sink has a record (sinks.h): weir_journal_release is not called */
    uint64_t archive_limit_bytes, archive_limit_s; /* 0: none */
    int zstd_level;
    /* Go on despite corruption: continue after every mark. Damaged segments are renamed to
     * damaged-<why>-segment-… when they are released. */
    bool salvage;
    const uint8_t *ring; /* id of the dead ring that will be drained; NULL: there is none */
    /* May be NULL; tells WEIR_EVENT_NO_SPACE, once, and WEIR_EVENT_GROWS_AGAIN when that is over. */
    void (*event)(void *context, weir_event event, const char *text);
    /* May be NULL. WEIR_OK while the directory is this journal's; otherwise nothing is made,
     * moved or deleted in it any more, and the call returns this status and text. Called by the
     * journal thread and by the thread that releases. */
    int (*check_place)(void *context, weir_error *error);
    void *context; /* of both */
} weir_journal_config;

/* Open what the inventory found (taken just before, under the journal's lock): judge, refuse
 * (status and text of the verdict) or start a new segment whose header ends the older ones at
 * the highest mark. Blocks with rows found valid above that mark are written again into the new
 * segment before it gets its name, so every row that was found is durable when this returns. Rows
 * keep their numbers. A fresh journal gets a random id. WEIR_NO_SPACE, WEIR_IO: nothing has
 * changed. */
int weir_journal_open(const weir_journal_config *config, const weir_inventory *found,
                      weir_journal **out, weir_error *error);

/* Does not sync. Spares and segments stay for the next opening, except that a journal which keeps
 * just its newest segment also keeps just one spare. */
void weir_journal_close(weir_journal *j);

/* ---- before a clean close, when the threads that append and release have ended ---- */

/* Everything is applied and synced; what comes is the mark of a clean close and nothing else. If
 * the youngest segment holds much, and the database has all of it, go on in a small one, so that
 * the large one can go. Failures are ignored: the mark then goes where the rows are. */
void weir_journal_shrink(weir_journal *j);
/* The mark is durable: give back the disk that a closed journal does not need. With rows that wait
 * a spare stays in which the next opening can work on a full disk. Failures are ignored. */
void weir_journal_trim(weir_journal *j, bool rows_wait);

const uint8_t *weir_journal_id(const weir_journal *j);
uint64_t weir_journal_incarnation(const weir_journal *j);

/* ---- journal thread ---- */

/* Append one block. The first weir_payload_head_size(drained->count) bytes of payload are room for
 * its head, which is written here and says what drained says; the body follows, as in block.h, raw.
 * bytes counts both. Rolls to a new segment when it must, which syncs first, so that a segment
 * header's end is always durable. Numbers the rows. Remembers declarations for the heads of later
 * segments. WEIR_FULL when no segment can be had for now (the limit, or any failure for which
 * weir_error_passes is true): the block is not appended, try later. After WEIR_IO call
 * weir_journal_restart. WEIR_STOPPED: the directory or the segment's descriptor is not this
 * journal's any more; nothing can be appended. */
int weir_journal_append(weir_journal *j, uint16_t kind, const weir_drained *drained,
                        uint8_t *payload, size_t bytes, uint32_t rows, weir_error *error);
/* A new ring is drained from now on: blocks and the heads of segments name it, before it has a row.
 * To be called before the first append, when all that was appended is durable. */
void weir_journal_begin_ring(weir_journal *j, const weir_id ring);
/* From now on store payloads uncompressed, because time is worth more than size; not in a
 * journal that is archived. */
void weir_journal_store_plain(weir_journal *j, bool plain);
/* To be called after blocks were appended, before a sync, when the syncs after that one shall be
 * fast: see weir_segment_prezero. */
void weir_journal_prezero(weir_journal *j);
/* fdatasync; on success everything appended is durable. WEIR_IO is final for the segment: call
 * weir_journal_restart. Nothing appended since the last sync: returns at once. */
int weir_journal_sync(weir_journal *j, weir_error *error);
/* After a failed append or sync: forget every block that is not durable and go on in a new
 * segment after the durable end, whatever the limit. The caller appends the rows again from the
 * ring. WEIR_FULL: no segment can be had for now; appending may be tried later. WEIR_IO: may be
 * called again. */
int weir_journal_restart(weir_journal *j, weir_error *error);
/* Once half of the segment is full, have the next one's file made and open, so that a process
 * without a free descriptor, or a full disk, can go on for that long. A failure is ignored: the
 * file is asked for again when it is needed. Costs one descriptor, and a segment's space
 * earlier. */
void weir_journal_look_ahead(weir_journal *j);
/* Delete the largest spare to free its space, which an opening may need more until a reserve is
 * kept again. False: there is none. */
bool weir_journal_free_spare(weir_journal *j);
/* Keep a spare of at least bytes, for draining a dead ring at an opening on a full disk. The
 * first call says that the opening is over and its dead ring drained: until then an append may
 * exceed the limit and take the last spare. On failure what was kept before is still kept. */
int weir_journal_reserve(weir_journal *j, uint64_t bytes, weir_error *error);

/* What the journal has declared so far. Belongs to the journal, and may change with the next
 * append. */
const weir_tables *weir_journal_tables(const weir_journal *j);

/* ---- any thread ---- */

typedef struct weir_journal_state {
    weir_log_end end;          /* appended */
    weir_durable_mark durable; /* block, hash, and row: last durable row */
    /* A durable block names this one as durable. What is between the two an opening after a power cut
     * may write again, under other numbers and hashes. */
    uint64_t vouched;
    uint64_t next_row;
    uint64_t bytes;         /* of segments */
    uint64_t bytes_written; /* extents of blocks made durable since opening */
    size_t segments;
    uint64_t first_block; /* oldest kept; the head of its segment */
    weir_position found;  /* durable end found at opening (block, row, hash) before rewriting */
    uint64_t syncs, sync_ns_total, sync_ns_max;
} weir_journal_state;
void weir_journal_get_state(weir_journal *j, weir_journal_state *out);

/* Would a closed journal that ends like this keep much more than it must? By default: more than
 * 1 MiB in its youngest segment. */
static inline bool weir_journal_is_worth_shrinking(const weir_journal_state *state,
                                                   uint64_t segment_bytes) {
    return state->end.offset > segment_bytes / 16;
}

/* The counts of the state, and the last durable row, without a lock: a program's thread may be
 * interrupted here by a handler whose append waits for the journal thread. Each count is right
 * by itself. */
typedef struct weir_journal_counts {
    uint64_t durable_row, bytes, bytes_written, syncs, sync_ns_total, sync_ns_max;
    uint64_t rows_passed; /* released before a named reader had read them */
} weir_journal_counts;
void weir_journal_get_counts(weir_journal *j, weir_journal_counts *out);

weir_locator weir_journal_locator(weir_journal *j); /* blocks up to the durable end */

/* Everything up to and including block is safe without the journal: recycle or archive the
 * segments that hold nothing else, oldest first, up to the first that a named reader holds back
 * (held.h), and none that a sink with a record (sinks.h) has not got. For the writer of the sink that
 * has no record. Readers of other sinks find what they need: it is not released. */
int weir_journal_release(weir_journal *j, uint64_t block, weir_error *error);

#endif
