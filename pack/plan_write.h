/* plan_write.h - writes the plan of a group, and the streams behind it: ../lib/packed/plan.h says what
 * they are. */
#ifndef WEIR_PLAN_WRITE_H
#define WEIR_PLAN_WRITE_H

#include <zstd.h>

#include "buffer.h"

enum { WEIR_PLAN_LEVEL = 9 }; /* of zstd: off the hot path */

typedef struct weir_plan_writer {
    ZSTD_CCtx *zstd; /* the caller's */
    bool inlined;    /* all streams stand in the plan */
    weir_pack_buffer plan, rest;
    weir_pack_buffer scratch[4];
} weir_plan_writer;

void weir_plan_writer_free(weir_plan_writer *w);
/* Something could not be had, or is longer than the format allows. */
bool weir_plan_failed(const weir_plan_writer *w);
void weir_plan_put_stream(weir_plan_writer *w, const uint8_t *bytes, size_t length);
void weir_plan_put_numbers(weir_plan_writer *w, const uint64_t *numbers, size_t count);
/* One frame at the end of out, or the bytes as they are where that is not smaller. Returns how many
 * were stored; 0 where out failed. */
size_t weir_plan_compress(ZSTD_CCtx *zstd, const uint8_t *bytes, size_t length,
                          weir_pack_buffer *out);

#endif
