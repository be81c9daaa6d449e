/* options.c - the defaults of a handle's options, and the range of each. */
#include "handle.h"

static void default_u64(uint64_t *field, uint64_t value) {
    if (*field == 0) *field = value;
}

static void default_u32(uint32_t *field, uint32_t value) {
    if (*field == 0) *field = value;
}

void weir_options_fill(weir_options *o) {
    default_u64(&o->lane_bytes, 8u << 20);
    default_u32(&o->lanes_max, 64);
    default_u64(&o->segment_bytes, 16u << 20);
    default_u64(&o->journal_limit_bytes, (uint64_t)16 << 30);
    default_u32(&o->full_timeout_ms, 10000);
    default_u32(&o->linger_ms, 10);
    default_u32(&o->apply_linger_ms, 50);
    default_u32(&o->open_timeout_ms, 5000);
    if (o->zstd_level == 0) o->zstd_level = 1;
}

static bool in_range(uint64_t value, uint64_t least, uint64_t most) {
    return value >= least && value <= most;
}

int weir_options_check(const weir_options *o, weir_error *error) {
    if (!weir_lane_bytes_fit(o->lane_bytes))
        return weir_fail(error, WEIR_MISUSE,
                         "options: lane_bytes must be a power of two, 64 KiB to 1 GiB");
    if (!in_range(o->lanes_max, 2, WEIR_LANES_LIMIT))
        return weir_fail(error, WEIR_MISUSE, "options: lanes_max must be 2 to %d",
                         WEIR_LANES_LIMIT);
    if (!in_range(o->segment_bytes, 1u << 20, (uint64_t)4 << 30) ||
        o->segment_bytes % WEIR_BLOCK_ALIGN)
        return weir_fail(error, WEIR_MISUSE,
                         "options: segment_bytes must be a multiple of 4096, 1 MiB to 4 GiB");
    if (o->journal_limit_bytes < 4 * o->segment_bytes)
        return weir_fail(error, WEIR_MISUSE,
                         "options: journal_limit_bytes must hold four segments");
    if (o->full != WEIR_FULL_BLOCK && o->full != WEIR_FULL_FAIL)
        return weir_fail(error, WEIR_MISUSE,
                         "options: full must be WEIR_FULL_BLOCK or WEIR_FULL_FAIL");
    if (o->archive_limit_bytes && o->archive_limit_bytes < o->segment_bytes)
        return weir_fail(error, WEIR_MISUSE,
                         "options: archive_limit_bytes must hold a segment (segment_bytes)");
    if (!o->archive && (o->archive_limit_bytes || o->archive_limit_s))
        return weir_fail(error, WEIR_MISUSE, "options: a limit of the archive takes archive = 1");
    if (!in_range((uint64_t)(int64_t)o->zstd_level + 100, 1, 119))
        return weir_fail(error, WEIR_MISUSE, "options: zstd_level must be -99 to 19");
    return WEIR_OK;
}
