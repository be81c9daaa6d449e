/* ring.h - the mapped file of lanes: what keeps published rows when the process dies.
 *
 * The file is mapped MAP_SHARED, so its pages are the kernel's and outlive the process. Every byte
 * is allocated before it is mapped: a full disk is an error here, and never SIGBUS in an append.
 * Layout, little-endian:
 *
 *     offset  size
 *          0     8  magic "WEIRRNG1"
 *          8     4  version = 1
 *         12     4  header bytes = 4096
 *         16     4  incompatible features: an unknown bit means: do not read
 *         20     4  compatible features
 *         24    16  ring id
 *         40    16  boot id of the kernel it was made under: decides only what is reported
 *         56    16  journal id
 *         72     4  lanes (the limit)
 *         76     4  bytes of a lane's control = 256
 *         80     8  offset of the controls = 4096
 *         88     8  bytes of a lane's data, a power of two
 *         96     8  offset of the data
 *        104     8  process id
 *        112     8  wall clock, ns since 1970
 *        120     8  header hash: XXH3-64 of bytes 0 … 119
 *        256     8  ownership word: epoch << 12 | lane
 *        320    32  durable mark, first copy:  block, its header's hash, its last row, check
 *        384    32  durable mark, second copy
 *
 * Mark check: XXH3-64 of the 24 bytes before it, exclusive-or the first 8 bytes of the ring id. The
 * copies are written in turn, so that a kill in the middle of one leaves the other; the valid one
 * with the higher block counts. A mark is stored only after the sync, so it can only be too low.
 *
 * Lane i: control at 4096 + 256 i (lane.h); data at data offset + i × lane bytes.
 *
 * OWNERSHIP EPOCHS: the order of records across lanes without a shared write per row.
 *
 * The ownership word holds {epoch, lane}. A producer reads it (acquire); if it names its own lane
 * the record gets that epoch; else the producer swaps in {epoch + 1, own lane} (acquire and
 * release) and the record gets epoch + 1. The journal thread cuts: it adds 1 to the epoch and
 * leaves the lane, then reads every tail (acquire), then takes the records stamped at or below the
 * old epoch, by ascending (epoch, lane).
 *
 *   Order. Let append A return before append B begins, in different lanes. A's stamp comes from a
 *   value of the word at or before the one that B reads (B's read happens after A's, and values of
 *   one word are ordered). If B reads its own lane there, A's value was an earlier one, of smaller
 *   epoch, since each value's epoch names one lane. Else B takes a greater epoch. So epoch(A) <
 *   epoch(B). Within a lane epochs never decrease and records keep their place.
 *
 *   Closure. Let A happen before B and B be in the cut. B's stamp is at or below the old epoch, so
 *   B read or wrote the word before the cut changed it. A's tail was stored before that. So the
 *   cut, reading tails after its change, sees A's record; and A's stamp is not above B's. Hence
 *   whatever happened before a member of the set is in it, and cuts follow each other in order.
 *
 *   What "so the cut sees" relies on: B's read comes before the cut's write of the same word, and
 *   whatever B had seen must be visible to the cut's later reads (read-to-write causality). x86-64
 *   and AArch64 are multi-copy atomic, and the cut has a full fence after its change; on other
 *   machines the cut uses the barrier of the os table (membarrier).
 *
 *   Batches. The records of a batch have one epoch, and each epoch names one lane. So no record of
 *   another lane comes between them, and a cut has all of them or none, since it sees a tail, which
 *   one store moved over all of them.
 *
 *   An append from a signal handler that interrupted an append of its own thread uses a second
 *   lane and always takes a new epoch by compare-and-swap.
 *
 * OWNERS OF LANES: the owner word {generation, thread id, depth, state} and the lane's holder.
 *
 *   FREE -> OWNED    a producer, by compare-and-swap (acquire). The generation goes up by one, so
 *                    that no change that was decided on before it can happen after it, even when
 *                    thread ids are reused (models/owner.pml). Then the producer stores its number
 *                    in holder.
 *   OWNED -> ENDED   the thread itself when it ends (weir_ring_hand_back), or the journal thread
 *                    when the kernel says that there is no such thread (weir_ring_end_dead); both
 *                    by compare-and-swap (release; acquire too where another thread's stores are
 *                    taken on). A thread that cannot be looked at counts as alive.
 *   ENDED -> FREE    the journal thread, or the thread that ends, when all in the lane is durable,
 *                    by compare-and-swap (acquire and release).
 *
 *   A thread finds its own lane by holder alone: that is the thread's number, which no other thread
 *   of the process ever has, whereas a thread id is reused. */
#ifndef WEIR_RING_H
#define WEIR_RING_H

#include "../base/os.h"
#include "../format/marks.h"
#include "lane.h"

enum {
    WEIR_RING_HEADER = 4096,
    WEIR_RING_VERSION = 1,
    WEIR_RING_FEATURES = WEIR_FEATURE_TEMPLATES | WEIR_FEATURE_BATCHES, /* there may be, later */
    WEIR_RING_WORD_AT = 256,
    WEIR_RING_MARK_AT = 320,
    WEIR_RING_MARK_STEP = 64,
    WEIR_EPOCH_SHIFT = 12,
    WEIR_DEPTHS = 4, /* appends of one thread inside each other: itself and three handlers */
};

typedef struct weir_ring_header {
    uint32_t version, incompatible, compatible;
    weir_id id, boot, journal;
    uint32_t lanes;
    uint64_t lane_bytes, data_offset;
    int64_t process, wall_ns;
} weir_ring_header;

typedef struct weir_ring {
    const weir_os *os;
    weir_ring_header header;
    int file;
    uint8_t *map; /* header and controls */
    size_t map_bytes;
    _Atomic uint64_t *word; /* ownership word */
    weir_lane_control *controls;
    weir_lane *lanes;       /* header.lanes of them; caller's memory */
    _Atomic uint32_t ready; /* lanes below this have their bytes (release; claimers acquire) */
    unsigned next_mark;
    uint64_t mark_salt;
    uint64_t device, inode; /* of a new ring's file */
    bool writable;
    bool cut; /* dead: a lane with rows that may not be durable lies beyond the file's end */
    weir_newer newer; /* of a ring that was found to be newer, and is not attached */
} weir_ring;

uint64_t weir_ring_head_bytes(uint32_t lanes); /* of a ring that has no lane ready yet */

/* dirfd and path of these functions are as os.h says. Make a new ring at path (a temporary name;
 * the caller renames it). lanes: memory for as many lanes as wanted has, which outlives the
 * ring. No lane is ready yet. Errors: NO_SPACE, UNSUPPORTED (the file system cannot allocate),
 * IO, NO_MEMORY. */
int weir_ring_create(weir_ring *ring, const weir_os *os, int dirfd, const char *path,
                     const weir_ring_header *wanted, weir_lane *lanes, weir_error *error);

/* Give one more lane its bytes. NOT_FOUND at the limit; STOPPED when the program has closed the
 * ring's descriptor. Journal thread only. */
int weir_ring_provision(weir_ring *ring, weir_error *error);

/* Populate pages that producers will write next, for some 15 µs, so that they rarely take page
 * faults. renews: make those writable again, too, that the kernel has written to the disk; such a
 * page may have to wait for the file system's own journal, so not while a thread waits for a sync.
 * False when there is nothing left to do for now. Journal thread only. */
bool weir_ring_populate(weir_ring *ring, bool renews);

/* Map a dead ring to read it. *found says what it is. With WEIR_RING_OURS it can be read and is
 * to be closed; the caller compares to which journal it belongs. With any other, and WEIR_OK,
 * there is nothing to close. */
int weir_ring_attach(weir_ring *ring, const weir_os *os, int dirfd, const char *path,
                     weir_found_ring *found, weir_error *error);

/* In a forked child, where the mappings of a writable ring are absent: put zeros of the child's
 * own there, so that an append which the fork interrupted can write to them and end.
 * Async-signal-safe. */
void weir_ring_let_go(const weir_ring *ring);

bool weir_ring_is_of_this_boot(const weir_ring *ring); /* false also when the boot is unknown */
/* Was an attached ring truncated? A file that lacks lanes in the boot that wrote them was
 * (WEIR_RING_CUT). After a reboot they may be missing because of a power cut (WEIR_RING_OURS). */
weir_found_ring weir_ring_judge(const weir_ring *ring);

/* Unmap and close the file; the fields stay. */
void weir_ring_unmap(weir_ring *ring);
/* The same, and clear the fields; an attached ring frees its lanes. */
void weir_ring_close(weir_ring *ring);

void weir_ring_store_mark(weir_ring *ring, const weir_durable_mark *mark);
bool weir_ring_load_mark(const weir_ring *ring, weir_durable_mark *out);

/* The header and the mark of a ring in use or dead, by one read and without a mapping, for a look
 * that is repeated: WEIR_OK with *found OURS, and mark->block 0 where it has no mark yet. */
int weir_ring_peek(const weir_os *os, int dirfd, const char *path, weir_found_ring *found,
                   weir_ring_header *header, weir_durable_mark *mark, weir_error *error);

/* In these, thread is the caller's number (os->thread_number). find: the lane that it has for
 * that depth. claim: one that was free, and is the caller's now. NULL when there is none.
 * Async-signal-safe. */
weir_lane *weir_ring_find(const weir_ring *ring, uint64_t thread, unsigned depth);
/* The thread id in an owner word. */
static inline uint32_t weir_owner_thread(uint64_t owner) {
    return (uint32_t)(owner >> 16) & 0xFFFFFF;
}
/* The kernel's id of the thread that owns the lane, which is the caller: so relaxed. */
static inline uint32_t weir_lane_thread(const weir_lane *lane) {
    return weir_owner_thread(atomic_load_explicit(&lane->control->owner, memory_order_relaxed));
}
weir_lane *weir_ring_claim(weir_ring *ring, uint64_t thread, unsigned depth);
/* The thread ends, or is done with the ring, and gives back its lanes. True when one of them is
 * free at once, and has not to be drained first. */
bool weir_ring_hand_back(weir_ring *ring, uint64_t thread);
/* For the journal thread only, or for the thread that has joined it. end_dead: end the lanes of
 * threads that ended without giving them back. free_ended: free the ended lanes that are
 * drained; true when there was one. */
void weir_ring_end_dead(weir_ring *ring);
bool weir_ring_free_ended(weir_ring *ring);
uint32_t weir_ring_owned(const weir_ring *ring); /* lanes in use, or not drained since */

/* The epoch for a record of this lane (see above). fresh: take a new one whatever the word says. */
static inline uint64_t weir_ring_stamp(weir_ring *ring, const weir_lane *lane, bool fresh) {
    uint64_t word = atomic_load_explicit(ring->word, memory_order_acquire);
    if (!fresh && (word & ((1u << WEIR_EPOCH_SHIFT) - 1)) == lane->index)
        return word >> WEIR_EPOCH_SHIFT;
    uint64_t mine;
    do {
        mine = ((word >> WEIR_EPOCH_SHIFT) + 1) << WEIR_EPOCH_SHIFT | lane->index;
    } while (!atomic_compare_exchange_weak_explicit(ring->word, &word, mine, memory_order_acq_rel,
                                                    memory_order_acquire));
    return mine >> WEIR_EPOCH_SHIFT;
}

/* Cut: returns the old epoch, and leaves in each ready lane's cut the tail seen. Journal thread
 * only. */
uint64_t weir_ring_cut(weir_ring *ring);

/* Bytes of records, in all lanes, that were not taken yet. */
uint64_t weir_ring_pending(const weir_ring *ring);

/* What the tool says of a ring, without changing it. */
typedef struct weir_ring_report {
    weir_found_ring found;
    weir_newer newer; /* with WEIR_RING_NEWER */
    weir_ring_header header;
    bool same_boot;
    bool has_mark;
    weir_durable_mark mark;
    uint32_t lanes_used;
    uint64_t rows, bytes;      /* readable records that wait, not yet durable */
    uint64_t recorded;         /* rows in the flight recorder beside it; filled by weir_inspect */
    uint64_t unreadable_bytes; /* from the first bad record of a lane, or the end of the file, on */
} weir_ring_report;
/* The first fields of the report, down to the mark, without a look at the lanes. */
int weir_ring_identify(const weir_os *os, int dirfd, const char *path, weir_ring_report *out,
                       weir_error *error);
/* All of it. drained: what the journal says of this ring (NULL when nothing). */
int weir_ring_inspect(const weir_os *os, int dirfd, const char *path, const weir_drained *drained,
                      weir_ring_report *out, weir_error *error);

/* One lane of it. Positions as in lane.h; head is that of the lane, or what the journal says of it
 * if that is higher: what is between the two is not durable. */
typedef struct weir_lane_report {
    uint64_t head, tail;
    uint64_t rows, bytes, unreadable_bytes; /* as in weir_ring_report */
} weir_lane_report;
/* Of an attached ring. False: the lane was never used, and *out is as it was. */
bool weir_ring_inspect_lane(const weir_ring *ring, uint32_t index, const weir_drained *drained,
                            weir_lane_report *out);

#endif
