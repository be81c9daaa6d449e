/* stats_file.c - the file of figures: made, mapped, stored. Its layout is in stats_file.h. */
#include "stats_file.h"

#include <assert.h>
#include <string.h>

#include "../base/cursor.h"
#include "../format/block.h"

static const char stats_magic[8] = {'W', 'E', 'I', 'R', 'S', 'T', 'A', '1'};

enum { HASHED_STATS_HEADER = 144 };

static_assert(sizeof(weir_figures) <= WEIR_STATS_FIGURES_MAX * 8, "they fit");
static_assert(sizeof(weir_sink_figures) <= WEIR_STATS_SINK_FIGURES_MAX * 8, "they fit");

/* ---- header ------------------------------------------------------------------------------- */

void weir_stats_encode_header(uint8_t at[WEIR_STATS_HEADER], const weir_stats_header *h) {
    memset(at, 0, WEIR_STATS_HEADER);
    uint8_t *p = weir_put_bytes(at, stats_magic, sizeof stats_magic);
    p = weir_put_u32(p, h->version);
    p = weir_put_u32(p, WEIR_STATS_HEADER);
    p = weir_put_u32(p, h->incompatible);
    p = weir_put_u32(p, h->compatible);
    p = weir_put_bytes(p, h->journal, 16);
    p = weir_put_bytes(p, h->ring, 16);
    p = weir_put_bytes(p, h->boot, 16);
    p = weir_put_u64(p, (uint64_t)h->process);
    p = weir_put_u64(p, (uint64_t)h->opened_wall_ns);
    p = weir_put_u64(p, h->lane_bytes);
    p = weir_put_u64(p, h->limit_bytes);
    p = weir_put_u32(p, h->lanes_max);
    p = weir_put_u32(p, h->sinks);
    p = weir_put_bytes(p, h->program, WEIR_STATS_PROGRAM);
    weir_put_u64(p, weir_hash(at, HASHED_STATS_HEADER));
}

int weir_stats_decode_header(const uint8_t at[WEIR_STATS_HEADER], weir_stats_header *out) {
    weir_cursor c = weir_cursor_over(at, WEIR_STATS_HEADER);
    *out = (weir_stats_header){0};
    const uint8_t *magic = weir_take(&c, sizeof stats_magic);
    out->version = weir_take_u32(&c);
    uint32_t header_bytes = weir_take_u32(&c);
    out->incompatible = weir_take_u32(&c);
    out->compatible = weir_take_u32(&c);
    weir_take_copy(&c, out->journal, 16);
    weir_take_copy(&c, out->ring, 16);
    weir_take_copy(&c, out->boot, 16);
    out->process = (int64_t)weir_take_u64(&c);
    out->opened_wall_ns = (int64_t)weir_take_u64(&c);
    out->lane_bytes = weir_take_u64(&c);
    out->limit_bytes = weir_take_u64(&c);
    out->lanes_max = weir_take_u32(&c);
    out->sinks = weir_take_u32(&c);
    weir_take_copy(&c, out->program, WEIR_STATS_PROGRAM);
    uint64_t hash = weir_take_u64(&c);
    if (memcmp(magic, stats_magic, sizeof stats_magic) != 0 ||
        hash != weir_hash(at, HASHED_STATS_HEADER))
        return WEIR_DAMAGED;
    if (out->version > WEIR_STATS_VERSION || out->incompatible) return WEIR_VERSION;
    bool sane = out->version == WEIR_STATS_VERSION && header_bytes == WEIR_STATS_HEADER &&
                out->sinks <= WEIR_STATS_SINKS_MAX;
    return sane ? WEIR_OK : WEIR_DAMAGED;
}

/* ---- making ------------------------------------------------------------------------------- */

static int fill_stats_file(const weir_os *os, int file, const weir_stats_header *header,
                           const char *name, weir_error *error) {
    uint8_t page[WEIR_STATS_SINKS + WEIR_STATS_NAME] = {0};
    weir_os_info info;
    int done = os->info_file(os->self, file, &info);
    if (done >= 0 && info.copies_on_write)
        return weir_fail(error, WEIR_UNSUPPORTED, "this file system copies on write");
    if (done >= 0) done = os->allocate(os->self, file, 0, WEIR_STATS_BYTES);
    weir_stats_encode_header(page, header);
    memcpy(page + WEIR_STATS_SINKS, name, strnlen(name, WEIR_STATS_NAME));
    if (done >= 0) done = weir_write_full(os, file, page, sizeof page, 0);
    return done < 0 ? weir_fail_os(error, done, "cannot write it") : WEIR_OK;
}

static int map_stats_file(const weir_os *os, int file, uint8_t **map, weir_error *error) {
    uint8_t *at = os->reserve(os->self, WEIR_STATS_BYTES);
    if (!at) return weir_fail(error, WEIR_NO_MEMORY, "no address space");
    int mapped = os->map(os->self, at, file, 0, WEIR_STATS_BYTES, 1);
    if (mapped < 0) {
        (void)os->unmap(os->self, at, WEIR_STATS_BYTES); /* the error that counts is the first */
        return weir_fail_os(error, mapped, "cannot map it");
    }
    *map = at;
    return WEIR_OK;
}

int weir_stats_create(const weir_os *os, int dirfd, const char *path,
                      const weir_stats_header *header, const char *name, uint8_t **map,
                      weir_error *error) {
    (void)os->unlink(os->self, dirfd, path); /* that of the opening before; there may be none */
    int file = os->open(os->self, dirfd, path,
                        WEIR_OS_READ | WEIR_OS_WRITE | WEIR_OS_CREATE | WEIR_OS_EXCLUSIVE);
    if (file < 0) return weir_fail_os(error, file, "cannot create %s", path);
    int status = fill_stats_file(os, file, header, name, error);
    if (status == WEIR_OK) status = map_stats_file(os, file, map, error);
    (void)os->close(os->self, file); /* the mapping stays; nothing is written through it any more */
    if (status != WEIR_OK) (void)os->unlink(os->self, dirfd, path); /* as far as that can be done */
    return status;
}

void weir_stats_unmap(const weir_os *os, uint8_t *map) {
    if (map) (void)os->unmap(os->self, map, WEIR_STATS_BYTES); /* else the process keeps it */
}

/* ---- storing ------------------------------------------------------------------------------ */

/* Words of the mapping are aligned, and this machine is little-endian, as the ring demands. Relaxed:
 * the sequence orders them for a reader. */
static _Atomic uint64_t *word_at(uint8_t *map, size_t at) {
    return (_Atomic uint64_t *)(void *)(map + at);
}

static void store_word(uint8_t *map, size_t at, uint64_t value) {
    atomic_store_explicit(word_at(map, at), value, memory_order_relaxed);
}

static void raise_word(uint8_t *map, size_t at, uint64_t by) {
    atomic_fetch_add_explicit(word_at(map, at), by, memory_order_relaxed);
}

static void store_words(uint8_t *map, size_t at, const void *words, size_t bytes) {
    uint64_t word;
    for (size_t i = 0; i < bytes; i += sizeof word) {
        memcpy(&word, (const uint8_t *)words + i, sizeof word);
        store_word(map, at + i, word);
    }
}

static size_t sink_at(uint32_t sink) {
    return WEIR_STATS_SINKS + (size_t)sink * WEIR_STATS_SINK_BYTES;
}

void weir_stats_store(uint8_t *map, const weir_figures *figures, const uint64_t *events,
                      size_t event_count, const weir_sink_figures *sinks, uint32_t sink_count) {
    if (event_count > WEIR_STATS_EVENTS_MAX) event_count = WEIR_STATS_EVENTS_MAX;
    raise_word(map, WEIR_STATS_SEQUENCE, 1);
    atomic_thread_fence(memory_order_release); /* odd before any figure; read in another process */
    store_words(map, WEIR_STATS_FIGURES, figures, sizeof *figures);
    store_words(map, WEIR_STATS_EVENTS, events, event_count * sizeof *events);
    for (uint32_t i = 0; i < sink_count && i < WEIR_STATS_SINKS_MAX; i++)
        store_words(map, sink_at(i) + WEIR_STATS_SINK_FIGURES, &sinks[i], sizeof *sinks);
    atomic_thread_fence(memory_order_release); /* even after all of them */
    raise_word(map, WEIR_STATS_SEQUENCE, 1);
}

void weir_stats_count_sync(uint8_t *map, uint64_t ns, uint64_t times) {
    raise_word(map, WEIR_STATS_SYNCS + 8 * (size_t)weir_histogram_bucket(ns), times);
}

void weir_stats_add_sink(uint8_t *map, const weir_stats_header *header, const char *name) {
    uint8_t bytes[WEIR_STATS_HEADER] = {0}, text[WEIR_STATS_NAME] = {0};
    if (header->sinks == 0 || header->sinks > WEIR_STATS_SINKS_MAX) return;
    weir_stats_encode_header(bytes, header);
    memcpy(text, name, strnlen(name, sizeof text));
    raise_word(map, WEIR_STATS_SEQUENCE, 1);
    atomic_thread_fence(memory_order_release); /* as above */
    store_words(map, sink_at(header->sinks - 1), text, sizeof text);
    store_words(map, 0, bytes, sizeof bytes);
    atomic_thread_fence(memory_order_release);
    raise_word(map, WEIR_STATS_SEQUENCE, 1);
}

void weir_stats_count_commit(uint8_t *map, uint32_t sink, uint64_t ns) {
    size_t at = sink_at(sink) + WEIR_STATS_SINK_COMMITS;
    raise_word(map, at + 8 * (size_t)weir_histogram_bucket(ns), 1);
}
