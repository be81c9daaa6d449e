/* stats_read.c - a snapshot of the file of figures. */
#include "stats_read.h"

#include <errno.h>
#include <string.h>

#include "../base/cursor.h"
#include "../format/names.h"

enum { READINGS = 64 };

#define TAKE_FIGURE(name) f->name = weir_take_u64(&c);

static void take_figures(const uint8_t *bytes, weir_figures *f) {
    weir_cursor c = weir_cursor_over(bytes + WEIR_STATS_FIGURES, WEIR_STATS_FIGURES_MAX * 8);
    WEIR_FIGURES(TAKE_FIGURE)
}

static void take_sink_figures(const uint8_t *bytes, weir_sink_figures *f) {
    weir_cursor c =
        weir_cursor_over(bytes + WEIR_STATS_SINK_FIGURES, WEIR_STATS_SINK_FIGURES_MAX * 8);
    WEIR_SINK_FIGURES(TAKE_FIGURE)
}

static void take_counts(const uint8_t *bytes, uint64_t *counts, size_t count) {
    weir_cursor c = weir_cursor_over(bytes, count * 8);
    for (size_t i = 0; i < count; i++)
        counts[i] = weir_take_u64(&c);
}

int weir_stats_decode(const uint8_t *bytes, size_t length, weir_stats_snapshot *out) {
    *out = (weir_stats_snapshot){0};
    if (length < WEIR_STATS_BYTES) return WEIR_DAMAGED;
    int status = weir_stats_decode_header(bytes, &out->header);
    if (status != WEIR_OK) return status;
    take_figures(bytes, &out->figures);
    take_counts(bytes + WEIR_STATS_EVENTS, out->events, WEIR_STATS_EVENTS_MAX);
    take_counts(bytes + WEIR_STATS_SYNCS, out->syncs, WEIR_HISTOGRAM_BUCKETS);
    for (uint32_t i = 0; i < out->header.sinks; i++) {
        const uint8_t *at = bytes + WEIR_STATS_SINKS + (size_t)i * WEIR_STATS_SINK_BYTES;
        memcpy(out->sinks[i].name, at, WEIR_STATS_NAME);
        take_sink_figures(at, &out->sinks[i].figures);
        take_counts(at + WEIR_STATS_SINK_COMMITS, out->sinks[i].commits, WEIR_HISTOGRAM_BUCKETS);
    }
    return WEIR_OK;
}

static bool is_being_stored(const uint8_t *bytes) { return bytes[WEIR_STATS_SEQUENCE] & 1; }

/* Until two readings agree; a process that died may have left the sequence odd, and one that stores
 * all the time is taken as it is after many. */
static int read_twice_alike(const weir_os *os, int file, uint8_t bytes[WEIR_STATS_BYTES]) {
    uint8_t again[WEIR_STATS_BYTES];
    int done = weir_read_full(os, file, bytes, WEIR_STATS_BYTES, 0);
    for (int i = 0; done >= 0 && i < READINGS; i++) {
        done = weir_read_full(os, file, again, sizeof again, 0);
        bool alike = done >= 0 && memcmp(bytes, again, sizeof again) == 0;
        if (done >= 0) memcpy(bytes, again, sizeof again);
        if (alike && !is_being_stored(bytes)) break;
    }
    return done;
}

int weir_stats_read(const weir_os *os, const char *directory, weir_stats_snapshot *out,
                    weir_error *error) {
    uint8_t bytes[WEIR_STATS_BYTES];
    char path[WEIR_PATH_MAX];
    if (strlen(directory) + sizeof "/stats" > sizeof path)
        return weir_fail(error, WEIR_MISUSE, "%s: the path is too long", directory);
    weir_path_in(path, directory, "stats");
    int file = os->open(os->self, WEIR_OS_CWD, path, WEIR_OS_READ);
    if (file == -ENOENT)
        return weir_fail(error, WEIR_NOT_FOUND, "there are no figures at %s", path);
    if (file < 0) return weir_fail_os(error, file, "cannot open %s", path);
    int done = read_twice_alike(os, file, bytes);
    (void)os->close(os->self, file); /* it was only read */
    if (done == -ENODATA) return weir_fail(error, WEIR_DAMAGED, "%s is too short", path);
    if (done < 0) return weir_fail_os(error, done, "cannot read %s", path);
    int status = weir_stats_decode(bytes, sizeof bytes, out);
    if (status == WEIR_OK) return status;
    return weir_fail(error, status, "%s: %s", path,
                     status == WEIR_VERSION ? "a newer version wrote it" : "these are no figures");
}

uint64_t weir_stats_lag_ns(const weir_sink_figures *sink, int64_t wall_ns) {
    int64_t since = (int64_t)sink->waiting_since;
    if (!since || wall_ns <= since) return 0;
    return (uint64_t)wall_ns - (uint64_t)since; /* signed it might overflow: the file says since */
}
