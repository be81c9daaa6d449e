/* model.c - what a database must hold, and must not. */
#include "model.h"

#include <stdio.h>
#include <weir/weir.h>

enum { SMALL = 24, LARGE = 30000 };

/* Most rows are small; some are so large that a few of them fill a segment. */
static size_t pad_bytes(uint32_t n) { return n % 61 == 60 ? LARGE : (n * 7) % SMALL; }

/* Not to be compressed away. */
static uint8_t pad_byte(uint32_t n, size_t i) {
    uint64_t x = (n * 0x9E3779B97F4A7C15u) ^ (i * 0xD6E8FEB86659FD93u);
    return (uint8_t)((x * 0xFF51AFD7ED558CCDu) >> 56);
}

size_t sim_model_pad(uint32_t n, uint8_t *into, size_t limit) {
    size_t bytes = pad_bytes(n);
    if (bytes > limit) bytes = limit;
    for (size_t i = 0; i < bytes; i++)
        into[i] = pad_byte(n, i);
    return bytes;
}

bool sim_model_pad_fits(uint32_t n, const uint8_t *bytes, size_t length) {
    if (length != pad_bytes(n)) return false;
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != pad_byte(n, i)) return false;
    return true;
}

static char text[200];

static const char *wrong(const char *what, uint32_t n, const sim_model *m) {
    int producer = n <= m->count ? m->row[n].producer : 0,
        level = n <= m->count ? m->row[n].level : 0;
    (void)snprintf(text, sizeof text, "row %u of %u (producer %d, level %d): %s", n, m->count,
                   producer, level, what);
    return text;
}

static const char *check_found(const sim_model *m, const uint32_t *found, size_t count,
                               bool *there) {
    uint32_t last = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t n = found[i];
        if (n == 0 || n > m->count) return wrong("nobody appended it", n, m);
        if (there[n]) return wrong("it stands there twice", n, m);
        if (n < last) return wrong("it stands behind a later one", n, m);
        if (m->row[n].gone) return wrong("it was lost at a power cut, and came back", n, m);
        there[n] = true;
        last = n;
    }
    return NULL;
}

void sim_model_cut(sim_model *m) {
    for (uint32_t n = 1; n <= m->count; n++)
        if (m->row[n].level < WEIR_DURABLE) m->row[n].level = SIM_UNSURE;
}

/* All rows of a batch are there, or none. */
static const char *check_batches(const sim_model *m, const bool *there) {
    for (uint32_t n = 1; n <= m->count; n++)
        if (there[n] != there[m->row[n].batch])
            return wrong("it does not go with the first row of its batch", n, m);
    return NULL;
}

const char *sim_model_compare(sim_model *m, const uint32_t *found, size_t count, int least) {
    bool there[SIM_ROWS + 1] = {false}, ended[SIM_PRODUCERS + 1] = {false};
    const char *complaint = check_found(m, found, count, there);
    if (!complaint) complaint = check_batches(m, there);
    if (complaint) return complaint;
    for (uint32_t n = 1; n <= m->count; n++) {
        sim_row *row = &m->row[n];
        if (row->gone) continue;
        if (there[n] && ended[row->producer])
            return wrong("an earlier row of its producer is missing", n, m);
        if (there[n]) {
            row->level = WEIR_APPLIED;
            continue;
        }
        if (row->level >= least) return wrong("it is missing", n, m);
        ended[row->producer] = true;
        row->gone = true;
    }
    return NULL;
}
