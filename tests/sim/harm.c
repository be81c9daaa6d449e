/* harm.c - what may happen to synced bytes while nobody looks. */
#include "harm.h"

#include <stdio.h>
#include <string.h>

typedef struct names {
    char path[SIM_FILES][SIM_PATH];
    size_t count;
} names;

static int take_name(void *context, const char *name) {
    names *n = context;
    if (n->count < SIM_FILES)
        (void)snprintf(n->path[n->count++], SIM_PATH, SIM_JOURNAL "/%.64s", name);
    return 0;
}

static bool is_segment(const char *path) {
    return strncmp(path, SIM_JOURNAL "/segment-", strlen(SIM_JOURNAL "/segment-")) == 0;
}

static void list(const sim_disk *disk, names *n) {
    n->count = 0;
    (void)sim_disk_list(disk, SIM_JOURNAL, take_name, n); /* without a directory there are none */
}

static const weir_segment_note *some_segment(const weir_inventory *b, weir_rng *dice) {
    return b->segment_count ? &b->segments[weir_rng_below(dice, b->segment_count)] : NULL;
}

static bool is_newest(const weir_inventory *b, const weir_segment_note *note) {
    return note == &b->segments[b->segment_count - 1];
}

/* ---- rot -------------------------------------------------------------------------------- */

static void flip(sim_disk *disk, int file, uint64_t offset, weir_rng *dice) {
    uint8_t byte = 0;
    (void)sim_disk_read(disk, file, &byte, 1, offset);
    byte = (uint8_t)(byte ^ 1u << weir_rng_below(dice, 8));
    sim_disk_rot(disk, file, &byte, 1, offset);
}

/* The header of some block of the stream, by walking an extent. */
static int some_block(const sim_disk *disk, const weir_inventory *b, weir_rng *dice,
                      weir_block_header *h) {
    if (b->extent_count == 0) return -1;
    const weir_extent *e = &b->extents[weir_rng_below(dice, b->extent_count)];
    uint64_t wanted = e->first_block + weir_rng_below(dice, e->last_block - e->first_block + 1);
    int file = sim_disk_find(disk, e->path);
    uint64_t at = e->begin;
    for (uint64_t n = e->first_block; file >= 0; n++) {
        uint8_t bytes[WEIR_BLOCK_HEADER];
        (void)sim_disk_read(disk, file, bytes, sizeof bytes, at);
        if (weir_block_header_decode(bytes, h) != WEIR_OK) return -1;
        if (n == wanted) return file;
        at += weir_block_extent(h);
    }
    return -1;
}

static bool hit_block(sim_disk *disk, const weir_inventory *b, sim_injury *i) {
    static const uint8_t zeros[SIM_SECTOR];
    weir_block_header h;
    int file = some_block(disk, b, i->dice, &h);
    if (file < 0) return false;
    uint64_t hashed = WEIR_BLOCK_HEADER + h.stored_bytes;
    uint64_t at = h.offset + weir_rng_below(i->dice, hashed);
    if (i->harm == SIM_HARM_FLIP)
        flip(disk, file, at, i->dice);
    else
        sim_disk_rot(disk, file, zeros, sizeof zeros, h.offset); /* with its header */
    i->block = h.block;
    i->first_row = h.rows ? h.first_row : 0;
    i->last_row = h.rows ? h.first_row + h.rows - 1 : 0;
    i->may_lose = h.block > b->durable.block;
    return true;
}

static bool hit_header(sim_disk *disk, const weir_inventory *b, sim_injury *i) {
    const weir_segment_note *note = some_segment(b, i->dice);
    if (!note) return false;
    flip(disk, sim_disk_find(disk, note->path), weir_rng_below(i->dice, WEIR_SEGMENT_HEADER),
         i->dice);
    return true;
}

static bool hit_ring(sim_disk *disk, sim_injury *i) {
    int file = sim_disk_find(disk, SIM_JOURNAL "/ring");
    if (file < 0) return false;
    flip(disk, file, weir_rng_below(i->dice, 120), i->dice);
    i->may_lose = false;
    return true;
}

/* A version that is not known yet, in a header whose hash is right. */
static bool make_newer(sim_disk *disk, const weir_inventory *b, sim_injury *i) {
    const weir_segment_note *note = some_segment(b, i->dice);
    if (!note) return false;
    uint8_t header[WEIR_SEGMENT_HEADER];
    int file = sim_disk_find(disk, note->path);
    (void)sim_disk_read(disk, file, header, sizeof header, 0);
    (void)weir_put_u16(header + 10, WEIR_FORMAT_VERSION + 1);
    (void)weir_put_u64(header + sizeof header - 8, weir_hash(header, sizeof header - 8));
    sim_disk_rot(disk, file, header, sizeof header, 0);
    return true;
}

/* ---- files that are gone, or others ------------------------------------------------------ */

static bool lose_segment(sim_disk *disk, const weir_inventory *b, sim_injury *i) {
    const weir_segment_note *note = some_segment(b, i->dice);
    if (!note) return false;
    i->may_lose = is_newest(b, note);
    sim_disk_forget(disk, note->path);
    return true;
}

static bool age_segment(sim_disk *disk, const weir_inventory *b, sim_injury *i) {
    const weir_segment_note *note = some_segment(b, i->dice);
    if (!note || sim_disk_find(i->older, note->path) < 0) return false;
    i->may_lose = is_newest(b, note);
    sim_disk_restore(disk, note->path, i->older, note->path);
    return true;
}

static bool replace_database(sim_disk *disk, const sim_disk *from) {
    sim_disk_forget(disk, SIM_DATABASE);
    sim_disk_forget(disk, SIM_DATABASE "-wal");
    sim_disk_forget(disk, SIM_DATABASE "-journal");
    if (!from) return true;
    if (sim_disk_find(from, SIM_DATABASE) < 0) return false;
    sim_disk_restore(disk, SIM_DATABASE, from, SIM_DATABASE);
    if (sim_disk_find(from, SIM_DATABASE "-wal") >= 0)
        sim_disk_restore(disk, SIM_DATABASE "-wal", from, SIM_DATABASE "-wal");
    return true;
}

static bool replace_journal(sim_disk *disk, const sim_disk *from, sim_injury *i) {
    names n;
    list(disk, &n);
    for (size_t k = 0; k < n.count; k++)
        sim_disk_forget(disk, n.path[k]);
    list(from, &n);
    for (size_t k = 0; k < n.count; k++)
        if (sim_disk_find(from, n.path[k]) >= 0) sim_disk_restore(disk, n.path[k], from, n.path[k]);
    i->may_lose = true; /* a journal alone cannot know that it has a younger brother */
    return true;
}

static bool lose_journal(sim_disk *disk, sim_injury *i) {
    sim_disk_forget(disk, SIM_JOURNAL);
    i->may_lose = true;
    return true;
}

static bool lose_segments(sim_disk *disk, sim_injury *i) {
    names n;
    list(disk, &n);
    for (size_t k = 0; k < n.count; k++)
        if (is_segment(n.path[k])) sim_disk_forget(disk, n.path[k]);
    i->may_lose = true;
    return true;
}

static bool bring_ring(sim_disk *disk, const sim_disk *from) {
    if (sim_disk_find(from, SIM_JOURNAL "/ring") < 0) return false;
    if (!sim_disk_is_directory(disk, SIM_JOURNAL)) return false;
    sim_disk_restore(disk, SIM_JOURNAL "/ring", from, SIM_JOURNAL "/ring");
    return true;
}

static bool bring_segment(sim_disk *disk, const weir_inventory *b, const sim_disk *from) {
    names n;
    list(from, &n);
    for (size_t k = 0; k < n.count; k++) {
        if (!is_segment(n.path[k])) continue;
        char path[SIM_PATH];
        unsigned long long number = b->segment_count ? b->segments[b->segment_count - 1].number : 0;
        (void)snprintf(path, sizeof path, SIM_JOURNAL "/segment-%020llu", number + 1);
        sim_disk_restore(disk, path, from, n.path[k]);
        return number > 0;
    }
    return false;
}

/* ---- names ------------------------------------------------------------------------------ */

/* Rows of the newest segment that nothing outside vouches for cannot be missed. */
static bool rename_segment(sim_disk *disk, const weir_inventory *b, sim_injury *i) {
    const weir_segment_note *note = some_segment(b, i->dice);
    if (!note) return false;
    char path[SIM_PATH];
    unsigned long long number = b->segments[b->segment_count - 1].number;
    number = weir_rng_below(i->dice, 2) ? number + 1 + weir_rng_below(i->dice, 3) : number + 100;
    (void)snprintf(path, sizeof path, SIM_JOURNAL "/segment-%020llu", number);
    i->may_lose = is_newest(b, note);
    sim_disk_restore(disk, path, disk, note->path);
    sim_disk_forget(disk, note->path);
    return true;
}

static bool exchange_segments(sim_disk *disk, const weir_inventory *b, sim_injury *i) {
    static const char *const aside = "/aside";
    if (b->segment_count < 2) return false;
    size_t first = (size_t)weir_rng_below(i->dice, b->segment_count - 1);
    const char *one = b->segments[first].path, *other = b->segments[first + 1].path;
    i->may_lose = first + 2 == b->segment_count;
    sim_disk_restore(disk, aside, disk, one);
    sim_disk_restore(disk, one, disk, other);
    sim_disk_restore(disk, other, disk, aside);
    sim_disk_forget(disk, aside);
    return true;
}

/* Of an older copy of the same ring, or of a former one. What is durable does not need the ring. */
static bool age_ring_page(sim_disk *disk, const sim_disk *from, sim_injury *i) {
    uint8_t page[SIM_PAGE];
    int file = sim_disk_find(disk, SIM_JOURNAL "/ring");
    int old = sim_disk_find(from, SIM_JOURNAL "/ring");
    if (file < 0 || old < 0) return false;
    uint64_t pages = sim_disk_size(from, old) / SIM_PAGE,
             own = sim_disk_size(disk, file) / SIM_PAGE;
    if (pages > 20) pages = 20; /* header, controls, the first lane, and the second's beginning */
    uint64_t at = weir_rng_below(i->dice, pages < own ? pages : own) * SIM_PAGE;
    if (sim_disk_read(from, old, page, sizeof page, at) < sizeof page) return false;
    sim_disk_rot(disk, file, page, sizeof page, at);
    return true;
}

/* A row that is published, and whose lane goes with the end of the file. All others are durable. */
static bool cut_ring(sim_disk *disk) {
    enum { CONTROL = 4096, HEAD = 64, DATA_OFFSET = 96, ROW = 64 };
    uint8_t word[8];
    int file = sim_disk_find(disk, SIM_JOURNAL "/ring");
    if (file < 0) return false;
    (void)sim_disk_read(disk, file, word, sizeof word, CONTROL + HEAD);
    weir_cursor head = weir_cursor_over(word, sizeof word);
    (void)weir_put_u64(word, weir_take_u64(&head) + ROW);
    sim_disk_rot(disk, file, word, sizeof word, CONTROL);
    (void)sim_disk_read(disk, file, word, sizeof word, DATA_OFFSET);
    weir_cursor data = weir_cursor_over(word, sizeof word);
    sim_disk_resize(disk, file, weir_take_u64(&data));
    sim_disk_sync(disk, file);
    return true;
}

static bool use_last_number(sim_disk *disk) {
    if (!sim_disk_is_directory(disk, SIM_JOURNAL)) return false;
    sim_disk_sync(disk, sim_disk_create(disk, SIM_JOURNAL "/segment-18446744073709551615"));
    (void)sim_disk_sync_directory(disk, SIM_JOURNAL); /* it is there */
    return true;
}

const char *sim_harm_text(sim_harm harm) {
    static const char *const text[] = {
#define HARM_TEXT(name, text) text,
        SIM_HARMS(HARM_TEXT)
#undef HARM_TEXT
    };
    return text[harm];
}

bool sim_harm_do(sim_disk *disk, const weir_inventory *b, sim_injury *i) {
    i->first_row = i->last_row = i->block = 0;
    i->may_lose = false;
    switch (i->harm) {
    case SIM_HARM_FLIP:
    case SIM_HARM_ZERO: return hit_block(disk, b, i);
    case SIM_HARM_HEADER: return hit_header(disk, b, i);
    case SIM_HARM_RING: return hit_ring(disk, i);
    case SIM_HARM_MISSING: return lose_segment(disk, b, i);
    case SIM_HARM_OLD_SEGMENT: return age_segment(disk, b, i);
    case SIM_HARM_OLD_DATABASE: return replace_database(disk, i->older);
    case SIM_HARM_NO_DATABASE: return replace_database(disk, NULL);
    case SIM_HARM_OLD_JOURNAL: return replace_journal(disk, i->older, i);
    case SIM_HARM_NO_JOURNAL: return lose_journal(disk, i);
    case SIM_HARM_NO_SEGMENTS: return lose_segments(disk, i);
    case SIM_HARM_OTHER_RING: return bring_ring(disk, i->other);
    case SIM_HARM_OTHER_SEGMENT: return bring_segment(disk, b, i->other);
    case SIM_HARM_OTHER_HISTORY: return replace_database(disk, i->twin);
    case SIM_HARM_RENAMED: return rename_segment(disk, b, i);
    case SIM_HARM_EXCHANGED: return exchange_segments(disk, b, i);
    case SIM_HARM_RING_PAGE: return age_ring_page(disk, i->older, i);
    case SIM_HARM_CUT_RING: return cut_ring(disk);
    case SIM_HARM_LAST_NUMBER: return use_last_number(disk);
    default: return make_newer(disk, b, i);
    }
}
