/* named.c - the file of a named reader, as bytes and back. */
#include "named.h"

static const char named_magic[8] = {'W', 'E', 'I', 'R', 'R', 'D', 'R', '1'};

enum { HASHED_NAMED = WEIR_NAMED_BYTES - 8, SPARE_NAMED = 24 };

static bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

bool weir_named_fits(const char *name) {
    size_t length = 0;
    while (length <= WEIR_NAMED_NAME_MAX && is_name_character(name[length]))
        length++;
    return length > 0 && length <= WEIR_NAMED_NAME_MAX && name[length] == '\0' && name[0] != '.';
}

void weir_named_encode(uint8_t bytes[WEIR_NAMED_BYTES], const weir_named *named) {
    size_t length = strlen(named->name);
    uint8_t *p = weir_put_bytes(bytes, named_magic, sizeof named_magic);
    p = weir_put_u32(p, WEIR_NAMED_VERSION);
    p = weir_put_u32(p, WEIR_NAMED_BYTES);
    p = weir_put_zeros(p, 8); /* features */
    p = weir_put_bytes(p, named->mark.at.journal, sizeof named->mark.at.journal);
    p = weir_put_u64(p, named->mark.at.block);
    p = weir_put_u64(p, named->mark.at.row);
    p = weir_put_u64(p, named->mark.at.hash);
    p = weir_put_u64(p, (uint64_t)named->wall_ns);
    p = weir_put_u64(p, named->hold_bytes);
    p = weir_put_u32(p, (uint32_t)length);
    p = weir_put_u32(p, 0);
    p = weir_put_bytes(p, named->name, length);
    p = weir_put_zeros(p, WEIR_NAMED_NAME_MAX - length);
    p = weir_put_u64(p, named->mark.row_hash);
    p = weir_put_zeros(p, SPARE_NAMED);
    (void)weir_put_u64(p, weir_hash(bytes, HASHED_NAMED)); /* its end is the file's */
}

static bool take_reader_name(weir_cursor *c, uint32_t length, char name[WEIR_NAMED_NAME_MAX + 1]) {
    if (length > WEIR_NAMED_NAME_MAX) return false;
    weir_take_copy(c, name, length);
    name[length] = '\0';
    weir_take_zeros(c, WEIR_NAMED_NAME_MAX - length);
    return strlen(name) == length && weir_named_fits(name);
}

/* It names a block and a row that could be there, or none. */
static bool is_bookmark(const weir_bookmark *mark) {
    const weir_position *at = &mark->at;
    bool empty = (at->block == 0 && at->hash) || (at->row == 0 && mark->row_hash);
    return !weir_id_is_none(at->journal) && at->block <= INT64_MAX && at->row <= INT64_MAX &&
           !empty;
}

int weir_named_decode(const uint8_t *bytes, size_t length, weir_named *out) {
    if (length < WEIR_NAMED_BYTES) return WEIR_DAMAGED;
    weir_cursor c = weir_cursor_over(bytes, WEIR_NAMED_BYTES);
    weir_named n = {0};
    const uint8_t *magic = weir_take(&c, sizeof named_magic);
    uint32_t version = weir_take_u32(&c), stated = weir_take_u32(&c);
    uint32_t incompatible = weir_take_u32(&c);
    (void)weir_take_u32(&c); /* compatible features: whatever they are, this can be read */
    weir_take_copy(&c, n.mark.at.journal, sizeof n.mark.at.journal);
    n.mark.at.block = weir_take_u64(&c);
    n.mark.at.row = weir_take_u64(&c);
    n.mark.at.hash = weir_take_u64(&c);
    n.wall_ns = (int64_t)weir_take_u64(&c);
    n.hold_bytes = weir_take_u64(&c);
    uint32_t name_bytes = weir_take_u32(&c), zero = weir_take_u32(&c);
    bool named = take_reader_name(&c, name_bytes, n.name);
    n.mark.row_hash = weir_take_u64(&c);
    weir_take_zeros(&c, SPARE_NAMED);
    if (memcmp(magic, named_magic, sizeof named_magic) != 0) return WEIR_DAMAGED;
    weir_cursor end = weir_cursor_over(bytes + HASHED_NAMED, 8);
    if (weir_take_u64(&end) != weir_hash(bytes, HASHED_NAMED)) return WEIR_DAMAGED;
    if (version > WEIR_NAMED_VERSION || incompatible) return WEIR_VERSION;
    bool sane = version == WEIR_NAMED_VERSION && stated == WEIR_NAMED_BYTES &&
                length == WEIR_NAMED_BYTES && zero == 0;
    if (!sane || !named || !weir_cursor_ok(&c) || !is_bookmark(&n.mark)) return WEIR_DAMAGED;
    *out = n;
    return WEIR_OK;
}
