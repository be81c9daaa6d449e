/* ring.c - making, mapping, claiming and reading the ring file. Its layout stands in ring.h. */
#include "ring.h"

#include <errno.h>
#include <stdlib.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the ring is shared memory in little-endian order; this machine has another"
#endif

static const char ring_magic[8] = {'W', 'E', 'I', 'R', 'R', 'N', 'G', '1'};

enum {
    LANE_STATE_MASK = 0xFF,
    THREAD_ID_MASK = 0xFFFFFF, /* Linux gives ids up to 2^22 */
    GENERATION_SHIFT = 40,     /* a change is lost on whoever sleeps through 2^24 of them */
    HASHED_HEADER = 120,
    POPULATE_FREE = 256 << 10,  /* of a lane that waits for its thread: a burst's worth */
    POPULATE_AHEAD = 512 << 10, /* of the tail of one that has it: more disturbs the syncs of small
                                   programs, which never come that far */
    POPULATE_STEP = 32 << 10,   /* some 15 µs: what the journal thread may be late by */
};

/* ---- header ---------------------------------------------------------------------------- */

uint64_t weir_ring_head_bytes(uint32_t lanes) {
    uint64_t controls = (uint64_t)lanes * WEIR_LANE_CONTROL;
    return WEIR_RING_HEADER + ((controls + 4095) & ~(uint64_t)4095);
}

static void header_encode(uint8_t at[WEIR_RING_HEADER], const weir_ring_header *h) {
    memset(at, 0, WEIR_RING_HEADER);
    uint8_t *p = weir_put_bytes(at, ring_magic, sizeof ring_magic);
    p = weir_put_u32(p, h->version);
    p = weir_put_u32(p, WEIR_RING_HEADER);
    p = weir_put_u32(p, h->incompatible);
    p = weir_put_u32(p, h->compatible);
    p = weir_put_bytes(p, h->id, 16);
    p = weir_put_bytes(p, h->boot, 16);
    p = weir_put_bytes(p, h->journal, 16);
    p = weir_put_u32(p, h->lanes);
    p = weir_put_u32(p, WEIR_LANE_CONTROL);
    p = weir_put_u64(p, WEIR_RING_HEADER);
    p = weir_put_u64(p, h->lane_bytes);
    p = weir_put_u64(p, h->data_offset);
    p = weir_put_u64(p, (uint64_t)h->process);
    p = weir_put_u64(p, (uint64_t)h->wall_ns);
    weir_put_u64(p, weir_hash(at, HASHED_HEADER));
}

/* OURS means readable. Every size is checked here, once, before anything is mapped by it. */
static weir_found_ring header_decode(const uint8_t at[WEIR_RING_HEADER], weir_ring_header *h) {
    weir_cursor c = weir_cursor_over(at, WEIR_RING_HEADER);
    const uint8_t *magic = weir_take(&c, sizeof ring_magic);
    h->version = weir_take_u32(&c);
    uint32_t header_bytes = weir_take_u32(&c);
    h->incompatible = weir_take_u32(&c);
    h->compatible = weir_take_u32(&c);
    weir_take_copy(&c, h->id, 16);
    weir_take_copy(&c, h->boot, 16);
    weir_take_copy(&c, h->journal, 16);
    h->lanes = weir_take_u32(&c);
    uint32_t control_bytes = weir_take_u32(&c);
    uint64_t control_offset = weir_take_u64(&c);
    h->lane_bytes = weir_take_u64(&c);
    h->data_offset = weir_take_u64(&c);
    h->process = (int64_t)weir_take_u64(&c);
    h->wall_ns = (int64_t)weir_take_u64(&c);
    uint64_t hash = weir_take_u64(&c);
    if (memcmp(magic, ring_magic, sizeof ring_magic) != 0 || hash != weir_hash(at, HASHED_HEADER))
        return WEIR_RING_UNREADABLE;
    if (h->version > WEIR_RING_VERSION || h->incompatible) return WEIR_RING_NEWER;
    bool sane = h->version == WEIR_RING_VERSION && header_bytes == WEIR_RING_HEADER &&
                control_bytes == WEIR_LANE_CONTROL && control_offset == WEIR_RING_HEADER &&
                h->lanes >= 1 && h->lanes <= WEIR_LANES_LIMIT &&
                (h->lane_bytes & (h->lane_bytes - 1)) == 0 && h->lane_bytes >= 1u << 16 &&
                h->lane_bytes <= 1u << 30 && h->data_offset == weir_ring_head_bytes(h->lanes);
    return sane ? WEIR_RING_OURS : WEIR_RING_UNREADABLE;
}

/* ---- mapping --------------------------------------------------------------------------- */

static uint64_t lane_offset(const weir_ring *ring, uint32_t index) {
    return ring->header.data_offset + (uint64_t)index * ring->header.lane_bytes;
}

static int map_controls(weir_ring *ring, weir_error *error) {
    ring->map_bytes = (size_t)ring->header.data_offset;
    ring->map = ring->os->reserve(ring->os->self, ring->map_bytes);
    if (!ring->map) return weir_fail(error, WEIR_NO_MEMORY, "no address space for the ring");
    int mapped =
        ring->os->map(ring->os->self, ring->map, ring->file, 0, ring->map_bytes, ring->writable);
    if (mapped < 0) return weir_fail_os(error, mapped, "cannot map the ring");
    ring->word = (_Atomic uint64_t *)(void *)(ring->map + WEIR_RING_WORD_AT);
    ring->controls = (weir_lane_control *)(void *)(ring->map + WEIR_RING_HEADER);
    weir_cursor id = weir_cursor_over(ring->header.id, 16);
    ring->mark_salt = weir_take_u64(&id);
    return WEIR_OK;
}

/* The same bytes twice in a row, so that a record which starts near the end goes on behind it. */
static int map_lane(weir_ring *ring, uint32_t index, weir_error *error) {
    const weir_os *os = ring->os;
    weir_lane *lane = &ring->lanes[index];
    size_t bytes = (size_t)ring->header.lane_bytes;
    uint8_t *at = os->reserve(os->self, 2 * bytes);
    if (!at) return weir_fail(error, WEIR_NO_MEMORY, "no address space for lane %u", index);
    int mapped = os->map(os->self, at, ring->file, lane_offset(ring, index), bytes, ring->writable);
    if (mapped >= 0)
        mapped = os->map(os->self, at + bytes, ring->file, lane_offset(ring, index), bytes,
                         ring->writable);
    if (mapped < 0) {
        (void)os->unmap(os->self, at, 2 * bytes); /* the error that counts is the first */
        return weir_fail_os(error, mapped, "cannot map lane %u of the ring", index);
    }
    lane->data = at;
    lane->size = bytes;
    lane->index = index;
    lane->control = &ring->controls[index];
    lane->salt = weir_hash(ring->header.id, 16) + index * 0xD6E8FEB86659FD93u;
    return WEIR_OK;
}

void weir_ring_let_go(const weir_ring *ring) {
    const weir_os *os = ring->os;
    if (!ring->writable) return;
    /* Who cannot have that memory either faults when it is used; there is nothing better. */
    (void)os->cover(os->self, ring->map, ring->map_bytes);
    for (uint32_t i = 0; i < ring->header.lanes; i++)
        if (ring->lanes[i].data)
            (void)os->cover(os->self, ring->lanes[i].data, 2 * (size_t)ring->lanes[i].size);
}

/* Each address is forgotten before it is given back: a child that is forked in between would cover
 * what is somebody else's there by then. */
void weir_ring_unmap(weir_ring *ring) {
    const weir_os *os = ring->os;
    uint8_t *map = ring->map;
    int file = ring->file;
    ring->map = NULL;
    ring->file = -1;
    for (uint32_t i = 0; ring->lanes && i < ring->header.lanes; i++) {
        uint8_t *data = ring->lanes[i].data;
        ring->lanes[i].data = NULL;
        atomic_signal_fence(memory_order_seq_cst);
        if (data) (void)os->unmap(os->self, data, 2 * (size_t)ring->lanes[i].size);
    }
    /* Nothing can be done about a mapping or descriptor that will not go: the process keeps it. */
    if (map) (void)os->unmap(os->self, map, ring->map_bytes);
    if (file >= 0) (void)os->close(os->self, file);
}

void weir_ring_close(weir_ring *ring) {
    weir_ring_unmap(ring);
    if (!ring->writable) free(ring->lanes);
    *ring = (weir_ring){.file = -1};
}

/* ---- a new ring ------------------------------------------------------------------------ */

static int know_file(weir_ring *ring, const char *path, weir_error *error) {
    weir_os_info info;
    int done = ring->os->info_file(ring->os->self, ring->file, &info);
    if (done < 0) return weir_fail_os(error, done, "cannot look at the ring %s", path);
    ring->device = info.device;
    ring->inode = info.inode;
    return WEIR_OK;
}

static int write_ring_header(weir_ring *ring, const char *path, weir_error *error) {
    const weir_os *os = ring->os;
    int done = os->allocate(os->self, ring->file, 0, ring->header.data_offset);
    if (done == -EOPNOTSUPP)
        return weir_fail(error, WEIR_UNSUPPORTED,
                         "%s: this file system cannot allocate space ahead, so a full disk could "
                         "kill the process; put the journal on ext4, XFS or tmpfs",
                         path);
    if (done < 0) return weir_fail_os(error, done, "cannot allocate the ring %s", path);
    uint8_t header[WEIR_RING_HEADER];
    header_encode(header, &ring->header);
    done = weir_write_full(os, ring->file, header, sizeof header, 0);
    if (done < 0) return weir_fail_os(error, done, "cannot write the ring %s", path);
    /* After a power cut a stale ring must still be told from a damaged one. */
    done = os->datasync(os->self, ring->file);
    if (done < 0) return weir_fail_os(error, done, "cannot sync the ring %s", path);
    return WEIR_OK;
}

int weir_ring_create(weir_ring *ring, const weir_os *os, int dirfd, const char *path,
                     const weir_ring_header *wanted, weir_lane *lanes, weir_error *error) {
    *ring = (weir_ring){.os = os, .header = *wanted, .file = -1, .lanes = lanes, .writable = true};
    ring->header.version = WEIR_RING_VERSION;
    ring->header.data_offset = weir_ring_head_bytes(wanted->lanes);
    (void)os->unlink(os->self, dirfd,
                     path); /* a leftover of a dead opening; usually there is none */
    ring->file = os->open(os->self, dirfd, path,
                          WEIR_OS_READ | WEIR_OS_WRITE | WEIR_OS_CREATE | WEIR_OS_EXCLUSIVE);
    if (ring->file < 0) return weir_fail_os(error, ring->file, "cannot create the ring %s", path);
    int status = know_file(ring, path, error);
    if (status == WEIR_OK) status = write_ring_header(ring, path, error);
    if (status == WEIR_OK) status = map_controls(ring, error);
    if (status != WEIR_OK) {
        weir_ring_close(ring);
        (void)os->unlink(os->self, dirfd, path);
        return status;
    }
    /* Epoch 1, owned by a lane that does not exist: the first append of every lane takes its
     * own. */
    atomic_store_explicit(ring->word, 1u << WEIR_EPOCH_SHIFT | ((1u << WEIR_EPOCH_SHIFT) - 1),
                          memory_order_relaxed);
    return WEIR_OK;
}

int weir_ring_provision(weir_ring *ring, weir_error *error) {
    uint32_t index = atomic_load_explicit(&ring->ready, memory_order_relaxed); /* ours alone */
    if (index >= ring->header.lanes)
        return weir_fail(error, WEIR_NOT_FOUND, "all %u lanes exist", index);
    if (!weir_os_has_file(ring->os, ring->file, ring->device, ring->inode))
        return weir_fail(error, WEIR_STOPPED,
                         "this process closed the descriptor of the ring; close this handle and "
                         "open again");
    int done = ring->os->allocate(ring->os->self, ring->file, lane_offset(ring, index),
                                  ring->header.lane_bytes);
    if (done < 0) return weir_fail_os(error, done, "cannot allocate lane %u of the ring", index);
    int status = map_lane(ring, index, error);
    if (status != WEIR_OK) return status;
    atomic_store_explicit(&ring->controls[index].owner, WEIR_LANE_FREE, memory_order_relaxed);
    /* Release: who sees the count (acquire, in claim) sees the lane's fields. */
    atomic_store_explicit(&ring->ready, index + 1, memory_order_release);
    return WEIR_OK;
}

/* ---- a dead ring ----------------------------------------------------------------------- */

static int map_used_lanes(weir_ring *ring, uint64_t file_bytes, weir_error *error) {
    uint32_t last = 0;
    for (uint32_t i = 0; i < ring->header.lanes; i++) {
        weir_lane_control *control = &ring->controls[i];
        if (atomic_load_explicit(&control->tail, memory_order_acquire) == 0) continue;
        ring->lanes[i].control = control;
        ring->lanes[i].taken = atomic_load_explicit(&control->head, memory_order_acquire);
        if (lane_offset(ring, i) + ring->header.lane_bytes > file_bytes) {
            ring->cut |=
                ring->lanes[i].taken < atomic_load_explicit(&control->tail, memory_order_acquire);
            continue;
        }
        int status = map_lane(ring, i, error);
        if (status != WEIR_OK) return status;
        last = i + 1;
    }
    atomic_store_explicit(&ring->ready, last, memory_order_release);
    return WEIR_OK;
}

static int attach_file(weir_ring *ring, const char *path, weir_found_ring *found,
                       weir_error *error) {
    const weir_os *os = ring->os;
    weir_os_info info;
    int done = os->info_file(os->self, ring->file, &info);
    if (done < 0) return weir_fail_os(error, done, "cannot look at the ring %s", path);
    uint8_t header[WEIR_RING_HEADER];
    done = info.bytes < sizeof header ? -ENODATA
                                      : weir_read_full(os, ring->file, header, sizeof header, 0);
    if (done < 0 && done != -ENODATA)
        return weir_fail_os(error, done, "cannot read the ring %s", path);
    *found = done < 0 ? WEIR_RING_UNREADABLE : header_decode(header, &ring->header);
    if (*found == WEIR_RING_OURS && info.bytes < ring->header.data_offset)
        *found = WEIR_RING_UNREADABLE;
    if (*found != WEIR_RING_OURS) return WEIR_OK;
    ring->lanes = aligned_alloc(WEIR_CACHE_LINE, ring->header.lanes * sizeof *ring->lanes);
    if (!ring->lanes) return weir_fail(error, WEIR_NO_MEMORY, "no memory for the ring's lanes");
    memset(ring->lanes, 0, ring->header.lanes * sizeof *ring->lanes);
    int status = map_controls(ring, error);
    return status == WEIR_OK ? map_used_lanes(ring, info.bytes, error) : status;
}

int weir_ring_attach(weir_ring *ring, const weir_os *os, int dirfd, const char *path,
                     weir_found_ring *found, weir_error *error) {
    *ring = (weir_ring){.os = os, .file = -1};
    *found = WEIR_RING_ABSENT;
    ring->file = os->open(os->self, dirfd, path, WEIR_OS_READ);
    if (ring->file == -ENOENT) return WEIR_OK;
    if (ring->file < 0) return weir_fail_os(error, ring->file, "cannot open the ring %s", path);
    int status = attach_file(ring, path, found, error);
    if (status != WEIR_OK || *found != WEIR_RING_OURS) weir_ring_close(ring);
    return status;
}

weir_found_ring weir_ring_judge(const weir_ring *ring) {
    uint8_t boot[16];
    const weir_os *os = ring->os;
    bool same = os->boot_id(os->self, boot) >= 0 && memcmp(boot, ring->header.boot, 16) == 0;
    return ring->cut && same ? WEIR_RING_CUT : WEIR_RING_OURS;
}

/* ---- durable marks --------------------------------------------------------------------- */

static uint64_t mark_check(const weir_ring *ring, const uint8_t *at) {
    return weir_hash(at, 24) ^ ring->mark_salt;
}

void weir_ring_store_mark(weir_ring *ring, const weir_mark *mark) {
    uint8_t *at = ring->map + WEIR_RING_MARK_AT + ring->next_mark * WEIR_RING_MARK_STEP;
    uint8_t *p = weir_put_u64(at, mark->block);
    p = weir_put_u64(p, mark->hash);
    p = weir_put_u64(p, mark->row);
    weir_put_u64(p, mark_check(ring, at));
    ring->next_mark ^= 1;
}

bool weir_ring_load_mark(const weir_ring *ring, weir_mark *out) {
    bool any = false;
    for (unsigned copy = 0; copy < 2; copy++) {
        uint8_t bytes[32]; /* a live process may be writing it */
        memcpy(bytes, ring->map + WEIR_RING_MARK_AT + copy * WEIR_RING_MARK_STEP, sizeof bytes);
        weir_cursor c = weir_cursor_over(bytes, sizeof bytes);
        weir_mark mark = {.block = weir_take_u64(&c), .source = "ring"};
        mark.hash = weir_take_u64(&c);
        mark.row = weir_take_u64(&c);
        if (mark.block == 0 || weir_take_u64(&c) != mark_check(ring, bytes)) continue;
        if (!any || mark.block > out->block) *out = mark;
        any = true;
    }
    return any;
}

/* ---- claiming -------------------------------------------------------------------------- */

static uint64_t owner_state(uint64_t owner) { return owner & LANE_STATE_MASK; }
static uint32_t owner_thread(uint64_t owner) { return (uint32_t)(owner >> 16) & THREAD_ID_MASK; }

static uint64_t with_state(uint64_t owner, weir_lane_state state) {
    return (owner & ~(uint64_t)LANE_STATE_MASK) | state;
}

static uint64_t next_owner(uint64_t owner, uint32_t thread, unsigned depth) {
    return ((owner >> GENERATION_SHIFT) + 1) << GENERATION_SHIFT |
           (uint64_t)(thread & THREAD_ID_MASK) << 16 | depth << 8 | WEIR_LANE_OWNED;
}

static uint64_t holder_word(uint64_t thread, unsigned depth) { return thread << 8 | depth; }

static bool change_hands(weir_lane_control *control, uint64_t owner, uint64_t next) {
    return atomic_compare_exchange_strong_explicit(&control->owner, &owner, next,
                                                   memory_order_acq_rel, memory_order_relaxed);
}

weir_lane *weir_ring_find(const weir_ring *ring, uint64_t thread, unsigned depth) {
    uint32_t ready = atomic_load_explicit(&ring->ready, memory_order_acquire);
    for (uint32_t i = 0; i < ready; i++)
        if (atomic_load_explicit(&ring->lanes[i].holder, memory_order_relaxed) ==
            holder_word(thread, depth))
            return &ring->lanes[i];
    return NULL;
}

/* The previous owner's stores are visible by the word that it was freed with. A handler that
 * interrupts this finds no lane here, and claims another. */
static weir_lane *take_over(weir_ring *ring, uint32_t index, uint64_t holder) {
    weir_lane *lane = &ring->lanes[index];
    lane->tail = atomic_load_explicit(&ring->controls[index].tail, memory_order_relaxed);
    lane->limit = lane->tail;
    atomic_store_explicit(&lane->busy, false, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&lane->holder, holder, memory_order_relaxed);
    return lane;
}

weir_lane *weir_ring_claim(weir_ring *ring, uint64_t thread, unsigned depth) {
    uint32_t ready = atomic_load_explicit(&ring->ready, memory_order_acquire);
    for (uint32_t i = 0; i < ready; i++) {
        weir_lane_control *control = &ring->controls[i];
        uint64_t owner = atomic_load_explicit(&control->owner, memory_order_relaxed);
        if (owner_state(owner) != WEIR_LANE_FREE) continue;
        uint32_t id = ring->os->thread_id(ring->os->self);
        if (change_hands(control, owner, next_owner(owner, id, depth)))
            return take_over(ring, i, holder_word(thread, depth));
    }
    return NULL;
}

/* Until all in it is durable, a lane is not free: who claims it may write everywhere. */
static bool free_if_drained(weir_lane_control *control) {
    uint64_t owner = atomic_load_explicit(&control->owner, memory_order_acquire);
    if (owner_state(owner) != WEIR_LANE_ENDED) return false;
    uint64_t tail = atomic_load_explicit(&control->tail, memory_order_acquire);
    if (tail != atomic_load_explicit(&control->head, memory_order_acquire)) return false;
    return change_hands(control, owner, with_state(owner, WEIR_LANE_FREE));
}

bool weir_ring_free_ended(weir_ring *ring) {
    bool any = false;
    uint32_t ready = atomic_load_explicit(&ring->ready, memory_order_relaxed); /* ours alone */
    for (uint32_t i = 0; i < ready; i++)
        any |= free_if_drained(&ring->controls[i]);
    return any;
}

/* The holder goes first: a handler that interrupts this shall not find what is being given back. An
 * append that the thread's end interrupted will not go on. */
static bool give_back_lane(weir_ring *ring, uint32_t index) {
    weir_lane_control *control = &ring->controls[index];
    atomic_store_explicit(&ring->lanes[index].holder, 0, memory_order_relaxed);
    atomic_store_explicit(&ring->lanes[index].busy, false, memory_order_relaxed);
    uint64_t owner = with_state(atomic_load_explicit(&control->owner, memory_order_relaxed),
                                WEIR_LANE_OWNED); /* or somebody wrote wildly */
    return change_hands(control, owner, with_state(owner, WEIR_LANE_ENDED)) &&
           free_if_drained(control);
}

bool weir_ring_hand_back(weir_ring *ring, uint64_t thread) {
    bool any = false;
    uint32_t ready = atomic_load_explicit(&ring->ready, memory_order_acquire);
    for (uint32_t i = 0; i < ready; i++)
        if (atomic_load_explicit(&ring->lanes[i].holder, memory_order_relaxed) >> 8 == thread)
            any |= give_back_lane(ring, i);
    return any;
}

void weir_ring_end_dead(weir_ring *ring) {
    const weir_os *os = ring->os;
    uint32_t ready = atomic_load_explicit(&ring->ready, memory_order_relaxed); /* ours alone */
    for (uint32_t i = 0; i < ready; i++) {
        weir_lane_control *control = &ring->controls[i];
        uint64_t owner = atomic_load_explicit(&control->owner, memory_order_relaxed);
        if (owner_state(owner) == WEIR_LANE_OWNED &&
            os->thread_life(os->self, owner_thread(owner)) == WEIR_OS_DEAD &&
            change_hands(control, owner, with_state(owner, WEIR_LANE_ENDED)))
            atomic_store_explicit(&ring->lanes[i].busy, false, memory_order_relaxed);
    }
}

uint32_t weir_ring_owned(const weir_ring *ring) {
    uint32_t ready = atomic_load_explicit(&ring->ready, memory_order_acquire), owned = 0;
    for (uint32_t i = 0; i < ready; i++) {
        uint64_t owner = atomic_load_explicit(&ring->controls[i].owner, memory_order_relaxed);
        owned += owner_state(owner) == WEIR_LANE_OWNED || owner_state(owner) == WEIR_LANE_ENDED;
    }
    return owned;
}

/* ---- populating ------------------------------------------------------------------------ */

static uint64_t populated_wanted(const weir_lane *lane) {
    uint64_t owner = atomic_load_explicit(&lane->control->owner, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&lane->control->tail, memory_order_relaxed);
    uint64_t wanted = owner_state(owner) == WEIR_LANE_OWNED ? tail + POPULATE_AHEAD : POPULATE_FREE;
    return wanted < lane->size ? wanted : lane->size;
}

bool weir_ring_populate(weir_ring *ring) {
    uint32_t ready = atomic_load_explicit(&ring->ready, memory_order_relaxed); /* ours alone */
    for (uint32_t i = 0; i < ready; i++) {
        weir_lane *lane = &ring->lanes[i];
        if (lane->populated >= populated_wanted(lane)) continue;
        uint64_t left = lane->size - lane->populated;
        size_t piece = left < POPULATE_STEP ? (size_t)left : POPULATE_STEP;
        (void)ring->os->populate(ring->os->self, lane->data + lane->populated, piece); /* advice */
        lane->populated += piece;
        return true;
    }
    return false;
}

/* ---- cutting --------------------------------------------------------------------------- */

uint64_t weir_ring_cut(weir_ring *ring) {
    uint64_t old = atomic_fetch_add_explicit(ring->word, (uint64_t)1 << WEIR_EPOCH_SHIFT,
                                             memory_order_seq_cst);
    atomic_thread_fence(memory_order_seq_cst); /* before the tails: see "Closure" in ring.h */
#if !defined(__x86_64__) && !defined(__aarch64__)
    (void)ring->os->barrier(ring->os->self); /* opening has made sure that it is there */
#endif
    uint32_t ready = atomic_load_explicit(&ring->ready, memory_order_relaxed);
    for (uint32_t i = 0; i < ready; i++)
        ring->lanes[i].cut = atomic_load_explicit(&ring->controls[i].tail, memory_order_acquire);
    return old >> WEIR_EPOCH_SHIFT;
}

uint64_t weir_ring_pending(const weir_ring *ring) {
    uint64_t bytes = 0;
    uint32_t ready = atomic_load_explicit(&ring->ready, memory_order_relaxed);
    for (uint32_t i = 0; i < ready; i++)
        bytes += atomic_load_explicit(&ring->controls[i].tail, memory_order_acquire) -
                 ring->lanes[i].taken;
    return bytes;
}

/* ---- inspecting ------------------------------------------------------------------------ */

static uint64_t drained_to(const weir_ring *ring, const weir_drained *drained, uint32_t lane) {
    for (uint32_t i = 0; drained && i < drained->lane_count; i++)
        if (drained->lanes[i].lane == lane && memcmp(drained->ring, ring->header.id, 16) == 0)
            return drained->lanes[i].position;
    return 0;
}

static void inspect_lane(weir_ring *ring, uint32_t index, const weir_drained *drained,
                         weir_ring_report *out) {
    weir_lane *lane = &ring->lanes[index];
    if (!lane->control) return; /* never used */
    uint64_t tail = atomic_load_explicit(&lane->control->tail, memory_order_acquire);
    uint64_t at = drained_to(ring, drained, index);
    if (lane->taken > at) at = lane->taken;
    weir_record record;
    for (; lane->data && at < tail && weir_lane_read(lane, at, tail, &record); at = record.next) {
        out->rows += record.kind == WEIR_RECORD_ROW;
        out->bytes += record.next - at;
    }
    if (at < tail) out->unreadable_bytes += tail - at;
    out->lanes_used++;
}

int weir_ring_inspect(const weir_os *os, int dirfd, const char *path, const weir_drained *drained,
                      weir_ring_report *out, weir_error *error) {
    *out = (weir_ring_report){0};
    weir_ring ring;
    int status = weir_ring_attach(&ring, os, dirfd, path, &out->found, error);
    if (status != WEIR_OK || out->found != WEIR_RING_OURS) return status;
    out->header = ring.header;
    uint8_t boot[16];
    out->same_boot = os->boot_id(os->self, boot) >= 0 && memcmp(boot, ring.header.boot, 16) == 0;
    out->has_mark = weir_ring_load_mark(&ring, &out->mark);
    out->found = weir_ring_judge(&ring);
    for (uint32_t i = 0; i < ring.header.lanes; i++)
        inspect_lane(&ring, i, drained, out);
    weir_ring_close(&ring);
    return WEIR_OK;
}
