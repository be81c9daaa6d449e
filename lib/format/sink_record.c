/* sink_record.c - what a journal keeps of a sink, as bytes and back. */
#include "sink_record.h"

static const char record_magic[8] = {'W', 'E', 'I', 'R', 'S', 'N', 'K', '1'};

enum { HASHED_RECORD = WEIR_SINK_RECORD_BYTES - 8, SPARE_RECORD = 56 };

static uint8_t *put_record_text(uint8_t *p, const char *text, size_t length, size_t room) {
    p = weir_put_bytes(p, text, length);
    return weir_put_zeros(p, room - length);
}

void weir_sink_record_encode(uint8_t bytes[WEIR_SINK_RECORD_BYTES],
                             const weir_sink_record *record) {
    size_t name = strlen(record->name), kind = strlen(record->kind), place = strlen(record->place);
    uint8_t *p = weir_put_bytes(bytes, record_magic, sizeof record_magic);
    p = weir_put_u32(p, WEIR_SINK_RECORD_VERSION);
    p = weir_put_u32(p, WEIR_SINK_RECORD_BYTES);
    p = weir_put_zeros(p, 8); /* features */
    p = weir_put_bytes(p, record->safe.journal, sizeof record->safe.journal);
    p = weir_put_u64(p, record->safe.block);
    p = weir_put_u64(p, record->safe.row);
    p = weir_put_u64(p, record->safe.hash);
    p = weir_put_u64(p, record->begin);
    p = weir_put_u64(p, (uint64_t)record->wall_ns);
    p = weir_put_u64(p, record->lag_limit);
    p = weir_put_u32(p, record->at_limit);
    p = weir_put_u32(p, (uint32_t)record->state);
    p = weir_put_u32(p, (uint32_t)name);
    p = weir_put_u32(p, (uint32_t)kind);
    p = weir_put_u32(p, (uint32_t)place);
    p = weir_put_u32(p, 0);
    p = put_record_text(p, record->name, name, WEIR_NAMED_NAME_MAX);
    p = put_record_text(p, record->kind, kind, WEIR_SINK_KIND_MAX);
    p = put_record_text(p, record->place, place, WEIR_SINK_PLACE_MAX);
    p = weir_put_zeros(p, SPARE_RECORD);
    (void)weir_put_u64(p, weir_hash(bytes, HASHED_RECORD)); /* its end is the file's */
}

/* text has room + 1 bytes. */
static bool take_record_text(weir_cursor *c, uint32_t length, size_t room, char *text) {
    if (length > room) return false;
    weir_take_copy(c, text, length);
    text[length] = '\0';
    weir_take_zeros(c, room - length);
    return strlen(text) == length;
}

static bool is_place_in_journal(const weir_position *at) {
    return !weir_id_is_none(at->journal) && at->block <= INT64_MAX && at->row <= INT64_MAX &&
           (at->block > 0 || at->hash == 0);
}

int weir_sink_record_decode(const uint8_t *bytes, size_t length, weir_sink_record *out) {
    if (length < WEIR_SINK_RECORD_BYTES) return WEIR_DAMAGED;
    weir_cursor c = weir_cursor_over(bytes, WEIR_SINK_RECORD_BYTES);
    weir_sink_record r = {0};
    const uint8_t *magic = weir_take(&c, sizeof record_magic);
    uint32_t version = weir_take_u32(&c), stated = weir_take_u32(&c);
    uint32_t incompatible = weir_take_u32(&c);
    (void)weir_take_u32(&c); /* compatible features: whatever they are, this can be read */
    weir_take_copy(&c, r.safe.journal, sizeof r.safe.journal);
    r.safe.block = weir_take_u64(&c);
    r.safe.row = weir_take_u64(&c);
    r.safe.hash = weir_take_u64(&c);
    r.begin = weir_take_u64(&c);
    r.wall_ns = (int64_t)weir_take_u64(&c);
    r.lag_limit = weir_take_u64(&c);
    r.at_limit = weir_take_u32(&c);
    uint32_t state = weir_take_u32(&c);
    uint32_t name = weir_take_u32(&c), kind = weir_take_u32(&c), place = weir_take_u32(&c);
    uint32_t zero = weir_take_u32(&c);
    bool named = take_record_text(&c, name, WEIR_NAMED_NAME_MAX, r.name) &&
                 weir_named_fits(r.name) &&
                 take_record_text(&c, kind, WEIR_SINK_KIND_MAX, r.kind) &&
                 take_record_text(&c, place, WEIR_SINK_PLACE_MAX, r.place);
    weir_take_zeros(&c, SPARE_RECORD);
    if (memcmp(magic, record_magic, sizeof record_magic) != 0) return WEIR_DAMAGED;
    weir_cursor end = weir_cursor_over(bytes + HASHED_RECORD, 8);
    if (weir_take_u64(&end) != weir_hash(bytes, HASHED_RECORD)) return WEIR_DAMAGED;
    if (version > WEIR_SINK_RECORD_VERSION || incompatible) return WEIR_VERSION;
    bool sane = version == WEIR_SINK_RECORD_VERSION && stated == WEIR_SINK_RECORD_BYTES &&
                length == WEIR_SINK_RECORD_BYTES && zero == 0 && r.at_limit <= 1 &&
                state <= WEIR_SINK_DETACHED && r.begin <= INT64_MAX;
    if (!sane || !named || !weir_cursor_ok(&c) || !is_place_in_journal(&r.safe))
        return WEIR_DAMAGED;
    r.state = (weir_sink_state)state;
    *out = r;
    return WEIR_OK;
}
