/* recorder_file.c - the flight recorder's file: made and mapped; and read when its process is dead.
 * Its layout is in recorder.h. */
#include <errno.h>
#include <stdlib.h>

#include "recorder.h"

static const char recorder_magic[8] = {'W', 'E', 'I', 'R', 'R', 'E', 'C', '1'};

enum { HASHED_RECORDER_HEADER = 88, CHUNK_BYTES = 64 << 10 };

/* ---- header ---------------------------------------------------------------------------- */

static void encode_recorder_header(uint8_t at[WEIR_RECORDER_HEADER],
                                   const weir_recorder_header *h) {
    memset(at, 0, WEIR_RECORDER_HEADER);
    uint8_t *p = weir_put_bytes(at, recorder_magic, sizeof recorder_magic);
    p = weir_put_u32(p, h->version);
    p = weir_put_u32(p, WEIR_RECORDER_HEADER);
    p = weir_put_u32(p, h->incompatible);
    p = weir_put_u32(p, h->compatible);
    p = weir_put_bytes(p, h->id, 16);
    p = weir_put_bytes(p, h->ring, 16);
    p = weir_put_bytes(p, h->journal, 16);
    p = weir_put_u32(p, h->lane);
    p = weir_put_u32(p, h->slots);
    p = weir_put_u32(p, h->slot_bytes);
    p = weir_put_u32(p, 0);
    weir_put_u64(p, weir_hash(at, HASHED_RECORDER_HEADER));
}

/* WEIR_RING_OURS means readable: every size is checked here, once. */
static weir_found_ring decode_recorder_header(const uint8_t at[WEIR_RECORDER_HEADER],
                                              weir_recorder_header *h) {
    weir_cursor c = weir_cursor_over(at, WEIR_RECORDER_HEADER);
    const uint8_t *magic = weir_take(&c, sizeof recorder_magic);
    h->version = weir_take_u32(&c);
    uint32_t header_bytes = weir_take_u32(&c);
    h->incompatible = weir_take_u32(&c);
    h->compatible = weir_take_u32(&c);
    weir_take_copy(&c, h->id, 16);
    weir_take_copy(&c, h->ring, 16);
    weir_take_copy(&c, h->journal, 16);
    h->lane = weir_take_u32(&c);
    h->slots = weir_take_u32(&c);
    h->slot_bytes = weir_take_u32(&c);
    uint32_t zero = weir_take_u32(&c);
    uint64_t hash = weir_take_u64(&c);
    if (memcmp(magic, recorder_magic, sizeof recorder_magic) != 0 ||
        hash != weir_hash(at, HASHED_RECORDER_HEADER))
        return WEIR_RING_UNREADABLE;
    if (h->version > WEIR_RECORDER_VERSION || h->incompatible) return WEIR_RING_NEWER;
    bool sane = h->version == WEIR_RECORDER_VERSION && header_bytes == WEIR_RECORDER_HEADER &&
                h->lane >= 1 && h->lane < WEIR_LANES_LIMIT && h->slots >= 1 &&
                h->slots <= WEIR_RECORDER_SLOTS_MAX && h->slot_bytes % 64 == 0 &&
                h->slot_bytes >= 64 && h->slot_bytes <= WEIR_RECORDER_SLOT_MAX && zero == 0;
    return sane ? WEIR_RING_OURS : WEIR_RING_UNREADABLE;
}

/* ---- of this process ------------------------------------------------------------------- */

static int allocate_recorder(const weir_recorder *r, int file, const char *path,
                             weir_error *error) {
    const weir_os *os = r->os;
    uint8_t header[WEIR_RECORDER_HEADER];
    int done = os->allocate(os->self, file, 0, r->map_bytes);
    if (done == -EOPNOTSUPP)
        return weir_fail(error, WEIR_UNSUPPORTED,
                         "%s: this file system cannot allocate space ahead, so a full disk could "
                         "kill the process",
                         path);
    if (done < 0) return weir_fail_os(error, done, "cannot allocate the flight recorder %s", path);
    encode_recorder_header(header, &r->header);
    done = weir_write_full(os, file, header, sizeof header, 0);
    return done < 0 ? weir_fail_os(error, done, "cannot write the flight recorder %s", path)
                    : WEIR_OK;
}

static int map_recorder(weir_recorder *r, int file, weir_error *error) {
    const weir_os *os = r->os;
    uint8_t *at = os->reserve(os->self, r->map_bytes);
    if (!at) return weir_fail(error, WEIR_NO_MEMORY, "no address space for the flight recorder");
    int mapped = os->map(os->self, at, file, 0, r->map_bytes, 1);
    if (mapped < 0) {
        (void)os->unmap(os->self, at, r->map_bytes); /* the error that counts is the first */
        return weir_fail_os(error, mapped, "cannot map the flight recorder");
    }
    (void)os->populate(os->self, at, r->map_bytes); /* advice */
    r->map = at;
    return WEIR_OK;
}

int weir_recorder_create(weir_recorder *r, const weir_os *os, int dirfd, const char *path,
                         const weir_recorder_header *wanted, weir_error *error) {
    r->os = os;
    r->header = *wanted;
    r->header.version = WEIR_RECORDER_VERSION;
    r->header.slot_bytes = WEIR_RECORDER_SLOT;
    r->map_bytes = WEIR_RECORDER_HEADER + (size_t)wanted->slots * WEIR_RECORDER_SLOT;
    r->salt = weir_hash(r->header.id, sizeof r->header.id);
    atomic_store_explicit(&r->sequence, 0, memory_order_relaxed);
    (void)os->unlink(os->self, dirfd, path); /* a leftover; usually there is none */
    int file = os->open(os->self, dirfd, path,
                        WEIR_OS_READ | WEIR_OS_WRITE | WEIR_OS_CREATE | WEIR_OS_EXCLUSIVE);
    if (file < 0) return weir_fail_os(error, file, "cannot create the flight recorder %s", path);
    int status = allocate_recorder(r, file, path, error);
    if (status == WEIR_OK) status = map_recorder(r, file, error);
    (void)os->close(os->self, file); /* the mapping stays; nothing is written through it any more */
    if (status != WEIR_OK) (void)os->unlink(os->self, dirfd, path); /* as far as that can be done */
    return status;
}

void weir_recorder_let_go(const weir_recorder *r) {
    /* A child that cannot have that memory faults when it uses it; nothing better can be done. */
    if (r->map) (void)r->os->cover(r->os->self, r->map, r->map_bytes);
}

/* Cleared before it is unmapped: see weir_ring_unmap. */
void weir_recorder_unmap(weir_recorder *r) {
    uint8_t *map = r->map;
    r->map = NULL;
    atomic_signal_fence(memory_order_seq_cst);
    if (map) (void)r->os->unmap(r->os->self, map, r->map_bytes); /* else the process keeps it */
}

/* ---- of a dead process: slots ---------------------------------------------------------- */

typedef struct dead_slot {
    uint64_t sequence, way;
    weir_recorder_state state;
    const uint8_t *body; /* NULL: what is here is no message */
    size_t bytes;
} dead_slot;

static int read_chunk(weir_recorder_reader *d, uint32_t first, weir_error *error) {
    uint32_t bytes = d->header.slot_bytes, most = CHUNK_BYTES / bytes;
    uint32_t left = d->header.slots - first, slots = left < most ? left : most;
    int got = weir_read_full(d->os, d->file, d->chunk, (size_t)slots * bytes,
                             WEIR_RECORDER_HEADER + (uint64_t)first * bytes);
    if (got < 0) return weir_fail_os(error, got, "cannot read the flight recorder");
    d->chunk_first = first;
    d->chunk_slots = slots;
    return WEIR_OK;
}

static dead_slot decode_slot(const weir_recorder_reader *d, uint32_t index) {
    uint32_t bytes = d->header.slot_bytes;
    weir_cursor c = weir_cursor_over(d->chunk + (size_t)(index - d->chunk_first) * bytes, bytes);
    dead_slot s = {0};
    uint64_t word = weir_take_u64(&c), check = weir_take_u64(&c);
    s.way = weir_take_u64(&c);
    s.bytes = weir_take_u32(&c);
    uint32_t zero = weir_take_u32(&c);
    s.sequence = word >> 2;
    s.state = (weir_recorder_state)(word & 3);
    const uint8_t *body = weir_take(&c, s.bytes);
    if (s.state >= WEIR_RECORDER_RECORDED && s.sequence >= 1 &&
        s.sequence % d->header.slots == index && zero == 0 && body &&
        check == weir_recorder_check(d->salt, s.sequence, body, s.bytes))
        s.body = body;
    return s;
}

/* out->body lives until the next call. */
static int read_slot(weir_recorder_reader *d, uint32_t index, dead_slot *out, weir_error *error) {
    int status = WEIR_OK;
    if (index < d->chunk_first || index - d->chunk_first >= d->chunk_slots)
        status = read_chunk(d, index, error);
    if (status == WEIR_OK) *out = decode_slot(d, index);
    return status;
}

/* Killed between publishing the row in the ring and saying so here? */
static bool is_out(const weir_recorder_reader *d, const dead_slot *s) {
    uint32_t lane = (uint32_t)(s->way & ((1u << WEIR_RECORDER_WAY_SHIFT) - 1));
    if (s->state != WEIR_RECORDER_LEAVING || !s->way || lane >= d->ring->header.lanes) return false;
    uint64_t tail = atomic_load_explicit(&d->ring->controls[lane].tail, memory_order_acquire);
    return tail >= s->way >> WEIR_RECORDER_WAY_SHIFT;
}

/* ---- of a dead process: the file ------------------------------------------------------- */

/* Find the youngest message, and count what is none. */
static int survey_slots(weir_recorder_reader *d, weir_error *error) {
    dead_slot s;
    for (uint32_t i = 0; i < d->header.slots; i++) {
        int status = read_slot(d, i, &s, error);
        if (status != WEIR_OK) return status;
        if (s.body && s.sequence > d->last) d->last = s.sequence;
        d->left_out += !s.body && s.state != WEIR_RECORDER_EMPTY;
    }
    d->next = d->last > d->header.slots ? d->last - d->header.slots + 1 : 1;
    return WEIR_OK;
}

/* Is it whole, and that ring's? */
static weir_found_ring judge_recorder(const weir_recorder_header *h, uint64_t file_bytes,
                                      const weir_ring *ring) {
    if (file_bytes < WEIR_RECORDER_HEADER + (uint64_t)h->slots * h->slot_bytes)
        return WEIR_RING_UNREADABLE;
    bool ours = memcmp(h->ring, ring->header.id, sizeof h->ring) == 0 &&
                memcmp(h->journal, ring->header.journal, sizeof h->journal) == 0 &&
                h->lane == ring->header.lanes;
    return ours ? WEIR_RING_OURS : WEIR_RING_FOREIGN;
}

static int attach_recorder_file(weir_recorder_reader *d, const char *path, weir_found_ring *found,
                                weir_error *error) {
    uint8_t header[WEIR_RECORDER_HEADER];
    weir_os_info info;
    int done = d->os->info_file(d->os->self, d->file, &info);
    if (done >= 0 && info.bytes >= sizeof header)
        done = weir_read_full(d->os, d->file, header, sizeof header, 0);
    if (done < 0) return weir_fail_os(error, done, "cannot read the flight recorder %s", path);
    *found = info.bytes < sizeof header ? WEIR_RING_UNREADABLE
                                        : decode_recorder_header(header, &d->header);
    if (*found == WEIR_RING_OURS) *found = judge_recorder(&d->header, info.bytes, d->ring);
    if (*found != WEIR_RING_OURS) return WEIR_OK;
    d->salt = weir_hash(d->header.id, sizeof d->header.id);
    d->chunk = malloc(CHUNK_BYTES);
    if (!d->chunk) return weir_fail(error, WEIR_NO_MEMORY, "no memory to read %s", path);
    return survey_slots(d, error);
}

int weir_recorder_attach(weir_recorder_reader *reader, const weir_os *os, int dirfd,
                         const char *path, const weir_ring *ring, weir_found_ring *found,
                         weir_error *error) {
    *reader = (weir_recorder_reader){.os = os, .ring = ring, .file = -1};
    *found = WEIR_RING_ABSENT;
    reader->file = os->open(os->self, dirfd, path, WEIR_OS_READ);
    if (reader->file == -ENOENT) return WEIR_OK;
    if (reader->file < 0)
        return weir_fail_os(error, reader->file, "cannot open the flight recorder %s", path);
    int status = attach_recorder_file(reader, path, found, error);
    if (status != WEIR_OK || *found != WEIR_RING_OURS) weir_recorder_close(reader);
    return status;
}

void weir_recorder_skip(weir_recorder_reader *reader, uint64_t sequence) {
    if (sequence >= reader->next) reader->next = sequence < UINT64_MAX ? sequence + 1 : sequence;
}

int weir_recorder_next(weir_recorder_reader *reader, weir_recorded *out, weir_error *error) {
    dead_slot s;
    *out = (weir_recorded){0};
    while (!out->row && reader->next <= reader->last) {
        uint64_t sequence = reader->next++;
        int status = read_slot(reader, (uint32_t)(sequence % reader->header.slots), &s, error);
        if (status != WEIR_OK) return status;
        if (s.body && s.sequence == sequence && !is_out(reader, &s))
            *out = (weir_recorded){sequence, s.body, s.bytes};
    }
    return WEIR_OK;
}

void weir_recorder_close(weir_recorder_reader *reader) {
    if (reader->file >= 0) (void)reader->os->close(reader->os->self, reader->file); /* only read */
    free(reader->chunk);
    *reader = (weir_recorder_reader){.file = -1};
}
