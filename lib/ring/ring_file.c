/* ring_file.c - the ring's file: its header, made, mapped and attached. Its layout is in ring.h. */
#include <errno.h>
#include <stdlib.h>

#include "ring.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the ring is shared memory in little-endian order; this machine has another"
#endif

static const char ring_magic[8] = {'W', 'E', 'I', 'R', 'R', 'N', 'G', '1'};

enum { HASHED_HEADER = 120 };

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
    p = weir_put_bytes(p, h->id, sizeof h->id);
    p = weir_put_bytes(p, h->boot, sizeof h->boot);
    p = weir_put_bytes(p, h->journal, sizeof h->journal);
    p = weir_put_u32(p, h->lanes);
    p = weir_put_u32(p, WEIR_LANE_CONTROL);
    p = weir_put_u64(p, WEIR_RING_HEADER);
    p = weir_put_u64(p, h->lane_bytes);
    p = weir_put_u64(p, h->data_offset);
    p = weir_put_u64(p, (uint64_t)h->process);
    p = weir_put_u64(p, (uint64_t)h->wall_ns);
    weir_put_u64(p, weir_hash(at, HASHED_HEADER));
}

/* WEIR_RING_OURS means readable. Every size is checked here, once, before anything is mapped by
 * it. */
static weir_found_ring header_decode(const uint8_t at[WEIR_RING_HEADER], weir_ring_header *h) {
    weir_cursor c = weir_cursor_over(at, WEIR_RING_HEADER);
    const uint8_t *magic = weir_take(&c, sizeof ring_magic);
    h->version = weir_take_u32(&c);
    uint32_t header_bytes = weir_take_u32(&c);
    h->incompatible = weir_take_u32(&c);
    h->compatible = weir_take_u32(&c);
    weir_take_copy(&c, h->id, sizeof h->id);
    weir_take_copy(&c, h->boot, sizeof h->boot);
    weir_take_copy(&c, h->journal, sizeof h->journal);
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
    if (h->version > WEIR_RING_VERSION || h->incompatible & ~(uint32_t)WEIR_RING_FEATURES)
        return WEIR_RING_NEWER;
    bool sane = h->version == WEIR_RING_VERSION && header_bytes == WEIR_RING_HEADER &&
                control_bytes == WEIR_LANE_CONTROL && control_offset == WEIR_RING_HEADER &&
                h->lanes >= 1 && h->lanes <= WEIR_LANES_LIMIT &&
                weir_lane_bytes_fit(h->lane_bytes) &&
                h->data_offset == weir_ring_head_bytes(h->lanes);
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
    weir_cursor id = weir_cursor_over(ring->header.id, sizeof ring->header.id);
    ring->mark_salt = weir_take_u64(&id);
    return WEIR_OK;
}

/* Map the same bytes twice in a row, so that a record which starts near the end continues past
 * it. */
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
    lane->salt = weir_hash(ring->header.id, sizeof ring->header.id) + index * WEIR_RECORD_K1;
    return WEIR_OK;
}

void weir_ring_let_go(const weir_ring *ring) {
    const weir_os *os = ring->os;
    if (!ring->writable) return;
    /* A child that cannot have that memory either faults when it uses it; nothing better can be
     * done. */
    (void)os->cover(os->self, ring->map, ring->map_bytes);
    for (uint32_t i = 0; i < ring->header.lanes; i++)
        if (ring->lanes[i].data)
            (void)os->cover(os->self, ring->lanes[i].data, 2 * (size_t)ring->lanes[i].size);
}

/* Each address is cleared here before it is unmapped: a child that is forked in between would
 * cover a mapping that others have there by then. */
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
    ring->header.incompatible = WEIR_RING_FEATURES;
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
    /* Release: a thread that sees the count (acquire, in claim) sees the lane's fields. */
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

static int read_ring_header(weir_ring *ring, const char *path, uint64_t file_bytes,
                            weir_found_ring *found, weir_error *error) {
    uint8_t header[WEIR_RING_HEADER];
    int got = file_bytes < sizeof header
                  ? -ENODATA
                  : weir_read_full(ring->os, ring->file, header, sizeof header, 0);
    if (got < 0 && got != -ENODATA)
        return weir_fail_os(error, got, "cannot read the ring %s", path);
    *found = got < 0 ? WEIR_RING_UNREADABLE : header_decode(header, &ring->header);
    if (*found == WEIR_RING_OURS && file_bytes < ring->header.data_offset)
        *found = WEIR_RING_UNREADABLE;
    return WEIR_OK;
}

static int attach_file(weir_ring *ring, const char *path, weir_found_ring *found,
                       weir_error *error) {
    weir_os_info info;
    int looked = ring->os->info_file(ring->os->self, ring->file, &info);
    if (looked < 0) return weir_fail_os(error, looked, "cannot look at the ring %s", path);
    int status = read_ring_header(ring, path, info.bytes, found, error);
    if (status != WEIR_OK || *found != WEIR_RING_OURS) return status;
    ring->lanes = aligned_alloc(WEIR_CACHE_LINE, ring->header.lanes * sizeof *ring->lanes);
    if (!ring->lanes) return weir_fail(error, WEIR_NO_MEMORY, "no memory for the ring's lanes");
    memset(ring->lanes, 0, ring->header.lanes * sizeof *ring->lanes);
    status = map_controls(ring, error);
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
    weir_newer newer = {ring->header.version,
                        ring->header.incompatible & ~(uint32_t)WEIR_RING_FEATURES};
    if (status != WEIR_OK || *found != WEIR_RING_OURS) weir_ring_close(ring);
    if (*found == WEIR_RING_NEWER) ring->newer = newer;
    return status;
}

static int peek_file(weir_ring *ring, const char *path, uint8_t page[WEIR_RING_HEADER],
                     weir_found_ring *found, weir_error *error) {
    int got = weir_read_full(ring->os, ring->file, page, WEIR_RING_HEADER, 0);
    *found = WEIR_RING_UNREADABLE;
    if (got == -ENODATA) return WEIR_OK;
    if (got < 0) return weir_fail_os(error, got, "cannot read the ring %s", path);
    *found = header_decode(page, &ring->header);
    return WEIR_OK;
}

int weir_ring_peek(const weir_os *os, int dirfd, const char *path, weir_found_ring *found,
                   weir_ring_header *header, weir_durable_mark *mark, weir_error *error) {
    uint8_t page[WEIR_RING_HEADER];
    weir_ring ring = {.os = os, .map = page};
    *found = WEIR_RING_ABSENT;
    *mark = (weir_durable_mark){0};
    ring.file = os->open(os->self, dirfd, path, WEIR_OS_READ);
    if (ring.file == -ENOENT) return WEIR_OK;
    if (ring.file < 0) return weir_fail_os(error, ring.file, "cannot open the ring %s", path);
    int status = peek_file(&ring, path, page, found, error);
    (void)os->close(os->self, ring.file); /* only read */
    if (status != WEIR_OK || *found != WEIR_RING_OURS) return status;
    *header = ring.header;
    weir_cursor id = weir_cursor_over(ring.header.id, sizeof ring.header.id);
    ring.mark_salt = weir_take_u64(&id);
    (void)weir_ring_load_mark(&ring, mark); /* it stays 0 where there is none */
    return WEIR_OK;
}

bool weir_ring_is_of_this_boot(const weir_ring *ring) {
    weir_id boot;
    return ring->os->boot_id(ring->os->self, boot) >= 0 && weir_id_equal(boot, ring->header.boot);
}

weir_found_ring weir_ring_judge(const weir_ring *ring) {
    return ring->cut && weir_ring_is_of_this_boot(ring) ? WEIR_RING_CUT : WEIR_RING_OURS;
}
