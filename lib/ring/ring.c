/* ring.c - what threads do in a mapped ring: claim lanes and give them back, cut, and leave
 * marks. The file is made and mapped in ring_file.c; the protocol is described in ring.h. */
#include "ring.h"

enum {
    LANE_STATE_MASK = 0xFF,
    THREAD_ID_MASK = 0xFFFFFF,  /* Linux gives ids up to 2^22 */
    GENERATION_SHIFT = 40,      /* an owner word repeats after 2^24 changes */
    POPULATE_FREE = 256 << 10,  /* of a lane that waits for its thread: a burst's worth */
    POPULATE_AHEAD = 512 << 10, /* of the tail of one that has it: more disturbs the syncs of small
                                   programs, which never come that far */
    POPULATE_STEP = 32 << 10,   /* some 15 µs, when the pages were never there */
    POPULATE_NS = 15000,        /* no step begins later */
    RENEW_NS = 50000000,        /* what was made writable longer ago is made so again */
    RENEW_AHEAD = 4,            /* times as far as the tail came since */
    RENEW_MOST = 512 << 10,
    PAGE = 4096, /* or a part of one */
};

/* ---- durable marks --------------------------------------------------------------------- */

static uint64_t mark_check(const weir_ring *ring, const uint8_t *at) {
    return weir_hash(at, 24) ^ ring->mark_salt;
}

void weir_ring_store_mark(weir_ring *ring, const weir_durable_mark *mark) {
    uint8_t *at = ring->map + WEIR_RING_MARK_AT + ring->next_mark * WEIR_RING_MARK_STEP;
    uint8_t *p = weir_put_u64(at, mark->block);
    p = weir_put_u64(p, mark->hash);
    p = weir_put_u64(p, mark->row);
    weir_put_u64(p, mark_check(ring, at));
    ring->next_mark ^= 1;
}

bool weir_ring_load_mark(const weir_ring *ring, weir_durable_mark *out) {
    bool any = false;
    for (unsigned copy = 0; copy < 2; copy++) {
        uint8_t bytes[32]; /* a live process may be writing it */
        memcpy(bytes, ring->map + WEIR_RING_MARK_AT + copy * WEIR_RING_MARK_STEP, sizeof bytes);
        weir_cursor c = weir_cursor_over(bytes, sizeof bytes);
        weir_durable_mark mark = {.block = weir_take_u64(&c), .source = "ring"};
        mark.hash = weir_take_u64(&c);
        mark.row = weir_take_u64(&c);
        if (mark.block == 0 || weir_take_u64(&c) != mark_check(ring, bytes)) continue;
        if (mark.block == UINT64_MAX || mark.row == UINT64_MAX) continue; /* none can follow it */
        if (!any || mark.block > out->block) *out = mark;
        any = true;
    }
    return any;
}

/* ---- claiming -------------------------------------------------------------------------- */

static uint64_t owner_state(uint64_t owner) { return owner & LANE_STATE_MASK; }
static uint32_t owner_thread(uint64_t owner) { return weir_owner_thread(owner); }

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

/* The owner word with which the lane was freed makes the previous owner's stores visible. A
 * handler that interrupts this finds no lane here, and claims another. */
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

/* A lane is not free until everything in it is durable: its next owner may write anywhere in it. */
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

/* The holder is cleared first, so that a handler which interrupts this does not find a lane that
 * is being given back. An append that the thread's end interrupted does not go on. */
static bool give_back_lane(weir_ring *ring, uint32_t index) {
    weir_lane_control *control = &ring->controls[index];
    atomic_store_explicit(&ring->lanes[index].holder, 0, memory_order_relaxed);
    atomic_store_explicit(&ring->lanes[index].busy, false, memory_order_relaxed);
    uint64_t owner = with_state(atomic_load_explicit(&control->owner, memory_order_relaxed),
                                WEIR_LANE_OWNED); /* anything else is a stray write */
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

static uint64_t lesser(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* A piece of what is between two positions. False when nothing is. */
static bool populate_piece(const weir_ring *ring, const weir_lane *lane, uint64_t *from,
                           uint64_t until) {
    if (*from >= until) return false;
    uint64_t left_of_lap = lane->size - (*from & (lane->size - 1));
    uint64_t piece = lesser((until - *from + PAGE - 1) / PAGE * PAGE, POPULATE_STEP);
    piece = lesser(piece, left_of_lap);
    (void)ring->os->populate(ring->os->self, weir_lane_at(lane, *from), (size_t)piece); /* advice */
    *from += piece;
    return true;
}

/* In the first lap a page is not there yet. */
static bool populate_lane(const weir_ring *ring, weir_lane *lane, bool owned, uint64_t tail) {
    uint64_t wanted = owned ? tail + POPULATE_AHEAD : POPULATE_FREE;
    return populate_piece(ring, lane, &lane->populated, lesser(wanted, lane->size));
}

/* Nor does it stay writable. The kernel writes a changed page of a file to the disk after some 30
 * seconds, and the next store to it is a fault, which may wait for the file system's own journal
 * (Linux, Documentation/admin-guide/sysctl/vm.rst, dirty_expire_centisecs). So the pages ahead of a
 * tail that moves are made writable time and again; not all of them, since that alone has them
 * written to the disk. It takes some 25 ns a page that still is writable. */
static bool renew_lane(const weir_ring *ring, weir_lane *lane, uint64_t tail, uint64_t now) {
    uint64_t moved = tail - lane->renewed_tail;
    if (moved > 0 && (tail >= lane->renewed_until || now - lane->renewed_at >= RENEW_NS)) {
        lane->renewed = tail - tail % PAGE;
        lane->renewed_until =
            tail + lesser(RENEW_AHEAD * moved, lesser(RENEW_MOST, lane->size - PAGE));
        lane->renewed_tail = tail;
        lane->renewed_at = now;
    }
    return populate_piece(ring, lane, &lane->renewed, lane->renewed_until);
}

static bool populate_step(const weir_ring *ring, weir_lane *lane, uint64_t now, bool renews) {
    uint64_t owner = atomic_load_explicit(&lane->control->owner, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&lane->control->tail, memory_order_relaxed);
    bool owned = owner_state(owner) == WEIR_LANE_OWNED;
    return populate_lane(ring, lane, owned, tail) ||
           (owned && renews && renew_lane(ring, lane, tail, now));
}

bool weir_ring_populate(weir_ring *ring, bool renews) {
    uint64_t began = ring->os->now(ring->os->self);
    uint32_t ready = atomic_load_explicit(&ring->ready, memory_order_relaxed); /* ours alone */
    for (uint32_t i = 0; i < ready; i++)
        while (populate_step(ring, &ring->lanes[i], began, renews))
            if (ring->os->now(ring->os->self) - began >= POPULATE_NS) return true;
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
