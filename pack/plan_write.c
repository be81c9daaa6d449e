/* plan_write.c - streams and columns of numbers into a plan. */
#include "plan_write.h"

enum { INLINED_MOST = 256 }; /* bytes of a stream that is not worth a frame of its own */

void weir_plan_writer_free(weir_plan_writer *w) {
    weir_pack_buffer_free(&w->plan);
    weir_pack_buffer_free(&w->rest);
    for (size_t i = 0; i < sizeof w->scratch / sizeof *w->scratch; i++)
        weir_pack_buffer_free(&w->scratch[i]);
}

bool weir_plan_failed(const weir_plan_writer *w) {
    bool failed = w->plan.failed || w->rest.failed;
    for (size_t i = 0; i < sizeof w->scratch / sizeof *w->scratch; i++)
        failed |= w->scratch[i].failed;
    return failed || w->plan.count > UINT32_MAX || w->rest.count > UINT32_MAX;
}

size_t weir_plan_compress(ZSTD_CCtx *zstd, const uint8_t *bytes, size_t length,
                          weir_pack_buffer *out) {
    size_t bound = ZSTD_compressBound(length);
    uint8_t *at = weir_pack_room(out, bound);
    if (!at) return 0;
    size_t stored = ZSTD_compress2(zstd, at, bound, bytes, length);
    if (ZSTD_isError(stored) || stored >= length) { /* as they are: always right */
        (void)weir_put_bytes(at, bytes, length);
        stored = length;
    }
    out->count += stored;
    return stored;
}

void weir_plan_put_stream(weir_plan_writer *w, const uint8_t *bytes, size_t length) {
    weir_pack_uint(&w->plan, length, 4);
    if (length > UINT32_MAX) w->plan.failed = true;
    if (w->inlined || length < INLINED_MOST) {
        weir_pack_uint(&w->plan, 0, 4);
        weir_pack_bytes(&w->plan, bytes, length);
        return;
    }
    weir_pack_uint(&w->plan, weir_plan_compress(w->zstd, bytes, length, &w->rest), 4);
}

/* ---- numbers ---- */

typedef struct range {
    uint64_t base;
    unsigned width;
} range;

static unsigned width_of(uint64_t span) {
    unsigned width = 0;
    for (; span; span >>= 8)
        width++;
    return width;
}

/* The least number, read as two's complement, is the base. */
static range span_of_numbers(const uint64_t *numbers, size_t count) {
    int64_t least = INT64_MAX, most = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        int64_t n = (int64_t)numbers[i];
        if (n < least) least = n;
        if (n > most) most = n;
    }
    return (range){(uint64_t)least, count ? width_of((uint64_t)most - (uint64_t)least) : 0};
}

/* The planes of width bytes, compressed to see how small they are. */
static void put_planes(weir_pack_buffer *planes, const uint64_t *numbers, size_t count, range r) {
    planes->count = 0;
    uint8_t *at = weir_pack_room(planes, count * r.width);
    if (!at) return;
    for (unsigned byte = 0; byte < r.width; byte++)
        for (size_t i = 0; i < count; i++)
            *at++ = (uint8_t)((numbers[i] - r.base) >> 8 * byte);
    planes->count = count * r.width;
}

static size_t compressed_size(weir_plan_writer *w, const weir_pack_buffer *planes) {
    w->scratch[3].count = 0;
    return weir_plan_compress(w->zstd, planes->bytes, planes->count, &w->scratch[3]);
}

static void put_column(weir_plan_writer *w, bool differences, range r, uint64_t first,
                       const weir_pack_buffer *planes) {
    weir_pack_uint(&w->plan, differences, 1);
    weir_pack_uint(&w->plan, r.width, 1);
    weir_pack_uint(&w->plan, r.base, 8);
    if (differences) weir_pack_uint(&w->plan, first, 8);
    if (r.width) weir_plan_put_stream(w, planes->bytes, planes->count);
}

/* Either as they are or as differences, whichever is smaller. */
void weir_plan_put_numbers(weir_plan_writer *w, const uint64_t *numbers, size_t count) {
    if (count == 0) return;
    weir_pack_buffer *plain = &w->scratch[0], *steps = &w->scratch[1], *list = &w->scratch[2];
    list->count = 0;
    uint64_t *step = (uint64_t *)(void *)weir_pack_room(list, count * sizeof *step);
    if (!step) return;
    for (size_t i = 1; i < count; i++)
        step[i - 1] = numbers[i] - numbers[i - 1];
    range as_is = span_of_numbers(numbers, count), as_steps = span_of_numbers(step, count - 1);
    put_planes(plain, numbers, count, as_is);
    put_planes(steps, step, count - 1, as_steps);
    if (plain->failed || steps->failed) return;
    bool differences = as_is.width && as_steps.width <= as_is.width &&
                       (!as_steps.width || compressed_size(w, steps) < compressed_size(w, plain));
    if (differences)
        put_column(w, true, as_steps, numbers[0], steps);
    else
        put_column(w, false, as_is, 0, plain);
}
