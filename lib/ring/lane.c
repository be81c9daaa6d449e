/* lane.c - read records that a process which died may have written, or that are just bytes. */
#include "lane.h"

bool weir_lane_read(const weir_lane *lane, uint64_t position, uint64_t end, weir_record *out) {
    if (position > end || end - position < WEIR_RECORD_HEAD || end - position > lane->size)
        return false;
    const uint8_t *record = weir_lane_at(lane, position);
    weir_cursor c = weir_cursor_over(record, (size_t)(end - position));
    uint32_t body = weir_take_u32(&c);
    uint32_t check = weir_take_u32(&c);
    uint64_t stamp = weir_take_u64(&c);
    if (body < WEIR_RECORD_BODY_MIN || body > lane->size / 2) return false;
    if (weir_record_bytes(body) > end - position) return false;
    if (check != weir_record_check(record, body, lane->salt, position)) return false;
    if ((stamp & 0xFF) > WEIR_RECORD_ROW_CONTINUED) return false;
    *out = (weir_record){.body = weir_take(&c, body),
                         .bytes = body,
                         .kind = (unsigned)(stamp & 0xFF),
                         .epoch = stamp >> 8,
                         .next = position + weir_record_bytes(body)};
    return weir_cursor_ok(&c);
}

bool weir_lane_read_batch(const weir_lane *lane, uint64_t begin, uint64_t end,
                          weir_record *record) {
    uint64_t epoch = record->epoch;
    return weir_lane_read(lane, record->next, end, record) && record->epoch == epoch &&
           record->kind != WEIR_RECORD_DECLARATION && record->next - begin <= lane->size / 2;
}
