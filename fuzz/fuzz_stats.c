/* Aims at: weir_stats_decode, weir_histogram_quantile, weir_metrics_snapshot. The input is a file of
 * figures; where its first byte has bit 0, the header is resealed.
 *
 * Beyond memory: what is read has no more sinks than there is room for, names end, a quantile is
 * never above the longest duration, and each line of the metrics has as many quotes as it opens. */
#include <string.h>

#include "../lib/stats/metrics_text.h"
#include "harness.h"

static char text[1 << 20];
static size_t used;

static int collect(void *context, const char *piece, size_t bytes) {
    (void)context;
    MUST(used + bytes < sizeof text);
    memcpy(text + used, piece, bytes);
    used += bytes;
    return 0;
}

/* A quote within a label is escaped. */
static void check_lines(void) {
    bool inside = false, escaped = false;
    for (size_t i = 0; i < used; i++) {
        if (text[i] == '\n') MUST(!inside);
        if (text[i] == '"' && !escaped) inside = !inside;
        escaped = inside && text[i] == '\\' && !escaped;
    }
    MUST(used > 0 && text[used - 1] == '\n');
}

static void check_snapshot(const weir_stats_snapshot *s) {
    MUST(s->header.sinks <= WEIR_STATS_SINKS_MAX);
    for (uint32_t i = 0; i < s->header.sinks; i++) {
        MUST(strlen(s->sinks[i].name) <= WEIR_STATS_NAME);
        (void)weir_stats_lag_ns(&s->sinks[i].figures, INT64_MAX);
    }
    MUST(strlen(s->header.program) <= WEIR_STATS_PROGRAM);
    MUST(weir_histogram_quantile(s->syncs, 0.99, 1000) <= 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static _Alignas(8) uint8_t file[WEIR_STATS_BYTES];
    static weir_stats_snapshot snapshot;
    size_t length = size ? size - 1 : 0;
    if (length > sizeof file) length = sizeof file;
    memset(file, 0, sizeof file);
    if (size) memcpy(file, data + 1, length);
    if (size && data[0] & 1) (void)weir_put_u64(file + 144, weir_hash(file, 144));
    size_t whole = size && data[0] & 2 ? length : sizeof file; /* else zeros follow */
    if (weir_stats_decode(file, whole, &snapshot) != WEIR_OK) return 0;
    check_snapshot(&snapshot);
    weir_metrics_text metrics = {.write = collect, .journal = "a\"b\\c\n", .prometheus = size & 1};
    used = 0;
    weir_metrics_snapshot(&metrics, &snapshot, 1700000000000000000);
    check_lines();
    return 0;
}
