/* Blocks come back exactly; a header or payload that breaks one rule does not decode. */
/* Covers: lib/base/id.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <zstd.h>

#include "lib/format/block.h"
#include "scarce.h"

static const uint8_t ring[16] = {0xA1, 0xA2, 0xA3};

static weir_block_header sample(void) {
    weir_block_header h = {
        .version = WEIR_FORMAT_VERSION,
        .kind = WEIR_BLOCK_ROWS,
        .codec = WEIR_CODEC_ZSTD,
        .compatible = 0x80000001u,
        .journal = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
        .incarnation = 3,
        .segment = 9,
        .offset = 5 * WEIR_BLOCK_ALIGN,
        .block = 77,
        .first_row = 1001,
        .rows = 20,
        .stored_bytes = 300,
        .raw_bytes = 1000,
        .wall_ns = -5,
        .previous_hash = 0x1122334455667788u,
        .durable_block = 75,
        .payload_hash = 0x99AABBCCDDEEFF00u,
    };
    return h;
}

static int encode_and_decode(weir_block_header h, weir_block_header *out) {
    uint8_t bytes[WEIR_BLOCK_HEADER];
    weir_block_header_encode(bytes, &h);
    return weir_block_header_decode(bytes, out);
}

static int status_of(weir_block_header h) {
    weir_block_header ignored;
    return encode_and_decode(h, &ignored);
}

/* ---- headers ---- */

static void headers_round_trip(void **state) {
    (void)state;
    weir_block_header h = sample(), back;
    uint8_t bytes[WEIR_BLOCK_HEADER], again[WEIR_BLOCK_HEADER];
    weir_block_header_encode(bytes, &h);
    assert_int_equal(weir_block_header_decode(bytes, &back), WEIR_OK);
    assert_true(back.hash == h.hash);
    assert_true(back.wall_ns == h.wall_ns && back.first_row == h.first_row);
    weir_block_header_encode(again, &back);
    assert_memory_equal(bytes, again, sizeof bytes);
}

static void zeros_are_no_block(void **state) {
    (void)state;
    uint8_t bytes[WEIR_BLOCK_HEADER] = {0};
    weir_block_header out;
    assert_int_equal(weir_block_header_decode(bytes, &out), WEIR_NOT_FOUND);
    bytes[WEIR_BLOCK_HEADER - 1] = 1;
    assert_int_equal(weir_block_header_decode(bytes, &out), WEIR_DAMAGED);
}

static void every_flipped_bit_is_damage(void **state) {
    (void)state;
    weir_block_header h = sample(), out;
    uint8_t bytes[WEIR_BLOCK_HEADER];
    weir_block_header_encode(bytes, &h);
    for (unsigned bit = 0; bit < WEIR_BLOCK_HEADER * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(weir_block_header_decode(bytes, &out), WEIR_DAMAGED);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* Change one field of the sample and expect a status. */
#define ASSERT_WITH(change, status)                                                                \
    do {                                                                                           \
        weir_block_header h = sample();                                                            \
        change;                                                                                    \
        assert_int_equal(status_of(h), status);                                                    \
    } while (0)

static void newer_headers_are_told_from_damaged_ones(void **state) {
    (void)state;
    ASSERT_WITH(h.version = 2, WEIR_VERSION);
    ASSERT_WITH(h.version = 0xFFFF, WEIR_VERSION);
    ASSERT_WITH(h.incompatible = WEIR_FEATURE_TEMPLATES, WEIR_OK);
    ASSERT_WITH(h.incompatible = 2, WEIR_VERSION);
    ASSERT_WITH(h.incompatible = 3, WEIR_VERSION);
    ASSERT_WITH(h.incompatible = WEIR_FEATURE_SHUFFLED, WEIR_OK);
    ASSERT_WITH(h.incompatible = 8, WEIR_VERSION);
    ASSERT_WITH(h.incompatible = 0x80000000u, WEIR_VERSION);
    ASSERT_WITH(h.version = 0, WEIR_DAMAGED);
    ASSERT_WITH(h.compatible = 0xFFFFFFFFu, WEIR_OK);
    /* A newer version may give any meaning to what this one requires. */
    ASSERT_WITH((h.version = 2, h.kind = 9, h.block = 0), WEIR_VERSION);
}

static void kind_and_codec_are_known(void **state) {
    (void)state;
    ASSERT_WITH(h.kind = 0, WEIR_DAMAGED);
    ASSERT_WITH(h.kind = 4, WEIR_DAMAGED);
    ASSERT_WITH((h.kind = WEIR_BLOCK_MARK, h.rows = 0), WEIR_OK);
    ASSERT_WITH((h.kind = WEIR_BLOCK_DECLARATIONS, h.rows = 0), WEIR_OK);
    ASSERT_WITH(h.codec = 3, WEIR_DAMAGED);
    ASSERT_WITH(h.codec = WEIR_CODEC_SHUFFLED, WEIR_DAMAGED); /* its feature is not named */
    ASSERT_WITH((h.codec = WEIR_CODEC_SHUFFLED, h.incompatible = WEIR_FEATURE_SHUFFLED), WEIR_OK);
    ASSERT_WITH((h.codec = WEIR_CODEC_SHUFFLED, h.incompatible = WEIR_FEATURE_TEMPLATES),
                WEIR_DAMAGED);
    ASSERT_WITH((h.codec = WEIR_CODEC_SHUFFLED, h.incompatible = WEIR_FEATURE_SHUFFLED,
                 h.kind = WEIR_BLOCK_MARK, h.rows = 0),
                WEIR_DAMAGED);
    ASSERT_WITH((h.codec = WEIR_CODEC_SHUFFLED, h.incompatible = WEIR_FEATURE_SHUFFLED,
                 h.stored_bytes = h.raw_bytes),
                WEIR_DAMAGED);
    ASSERT_WITH((h.codec = WEIR_CODEC_RAW, h.stored_bytes = h.raw_bytes), WEIR_OK);
}

static void rows_fit_their_kind_and_bytes(void **state) {
    (void)state;
    ASSERT_WITH(h.rows = 0, WEIR_DAMAGED);
    ASSERT_WITH(h.kind = WEIR_BLOCK_MARK, WEIR_DAMAGED);
    ASSERT_WITH(h.kind = WEIR_BLOCK_DECLARATIONS, WEIR_DAMAGED);
    ASSERT_WITH(h.rows = (1000 - 24) / 9, WEIR_OK);
    ASSERT_WITH(h.rows = (1000 - 24) / 9 + 1, WEIR_DAMAGED);
    ASSERT_WITH(h.first_row = 0, WEIR_DAMAGED);
    ASSERT_WITH(h.first_row = UINT64_MAX - 20, WEIR_OK);
    ASSERT_WITH(h.first_row = UINT64_MAX - 19, WEIR_DAMAGED);
}

static void sizes_are_bounded_and_agree(void **state) {
    (void)state;
    ASSERT_WITH(h.stored_bytes = 0, WEIR_DAMAGED);
    ASSERT_WITH(h.stored_bytes = 999, WEIR_OK);
    ASSERT_WITH(h.stored_bytes = 1000, WEIR_DAMAGED);
    ASSERT_WITH(h.codec = WEIR_CODEC_RAW, WEIR_DAMAGED);
    ASSERT_WITH(h.raw_bytes = WEIR_RAW_MAX, WEIR_OK);
    ASSERT_WITH(h.raw_bytes = WEIR_RAW_MAX + 1, WEIR_DAMAGED);
    ASSERT_WITH((h.kind = WEIR_BLOCK_MARK, h.rows = 0, h.stored_bytes = 23, h.raw_bytes = 24),
                WEIR_OK);
    ASSERT_WITH((h.kind = WEIR_BLOCK_MARK, h.rows = 0, h.stored_bytes = 22, h.raw_bytes = 23),
                WEIR_DAMAGED);
}

static void places_are_aligned_and_in_range(void **state) {
    (void)state;
    ASSERT_WITH(h.segment = 0, WEIR_DAMAGED);
    ASSERT_WITH(h.offset = 0, WEIR_DAMAGED);
    ASSERT_WITH(h.offset = WEIR_BLOCK_ALIGN, WEIR_OK);
    ASSERT_WITH(h.offset = WEIR_BLOCK_ALIGN + 512, WEIR_DAMAGED);
    ASSERT_WITH(h.offset = INT64_MAX - 2 * WEIR_BLOCK_ALIGN + 1, WEIR_OK);
    ASSERT_WITH(h.offset = INT64_MAX - WEIR_BLOCK_ALIGN + 1, WEIR_DAMAGED);
    ASSERT_WITH(h.offset = UINT64_MAX - WEIR_BLOCK_ALIGN + 1, WEIR_DAMAGED);
}

static void the_chain_begins_at_block_one(void **state) {
    (void)state;
    ASSERT_WITH(h.block = 0, WEIR_DAMAGED);
    ASSERT_WITH(h.block = UINT64_MAX - 1, WEIR_OK);
    ASSERT_WITH(h.block = UINT64_MAX, WEIR_DAMAGED);
    ASSERT_WITH(h.durable_block = 77, WEIR_DAMAGED);
    ASSERT_WITH(h.durable_block = 76, WEIR_OK);
    ASSERT_WITH((h.block = 1, h.durable_block = 0), WEIR_DAMAGED);
    ASSERT_WITH((h.block = 1, h.durable_block = 0, h.previous_hash = 0), WEIR_OK);
}

/* Bytes that no field owns, resealed so that only the rule itself can refuse them. */
static void reserved_bytes_are_zero(void **state) {
    (void)state;
    static const unsigned reserved[] = {92, 95, 128, 151};
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        weir_block_header h = sample(), out;
        uint8_t bytes[WEIR_BLOCK_HEADER];
        weir_block_header_encode(bytes, &h);
        bytes[reserved[i]] = 1;
        (void)weir_put_u64(bytes + 152, weir_hash(bytes, 152));
        assert_int_equal(weir_block_header_decode(bytes, &out), WEIR_DAMAGED);
    }
}

static void magic_and_length_are_fixed(void **state) {
    (void)state;
    static const unsigned fixed[] = {0, 7, 8, 9};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        weir_block_header h = sample(), out;
        uint8_t bytes[WEIR_BLOCK_HEADER];
        weir_block_header_encode(bytes, &h);
        bytes[fixed[i]] ^= 1;
        (void)weir_put_u64(bytes + 152, weir_hash(bytes, 152));
        assert_int_equal(weir_block_header_decode(bytes, &out), WEIR_DAMAGED);
    }
}

static void extents_are_whole_pages(void **state) {
    (void)state;
    static const struct {
        uint32_t stored;
        uint64_t extent;
    } cases[] = {{1, 4096}, {4096 - 160, 4096}, {4096 - 159, 8192}, {1u << 30, (1u << 30) + 4096}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weir_block_header h = {.stored_bytes = cases[i].stored};
        assert_true(weir_block_extent(&h) == cases[i].extent);
    }
}

/* ---- stored payloads ---- */

typedef struct packed {
    weir_codec *codec;
    weir_block_header header;
    uint8_t *raw, *stored, *back;
} packed;

/* A payload of bytes that repeat every period bytes, encoded. */
static packed pack(size_t bytes, size_t period) {
    packed p = {.header = sample()};
    size_t capacity = weir_sqlite_record_bound(bytes);
    p.raw = malloc(bytes);
    p.stored = malloc(capacity);
    p.back = malloc(bytes);
    assert_true(p.raw && p.stored && p.back);
    uint64_t seed = 88172645463325252u;
    for (size_t i = 0; i < bytes; i++) {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        p.raw[i] = i < period ? (uint8_t)seed : p.raw[i - period];
    }
    assert_int_equal(weir_codec_make(1, &p.codec), WEIR_OK);
    assert_int_equal(weir_payload_encode(p.codec, p.raw, bytes, p.stored, capacity, &p.header),
                     WEIR_OK);
    return p;
}

static int unpack(packed *p, const uint8_t **payload) {
    *payload = NULL;
    int status = weir_payload_verify(&p->header, p->stored);
    return status == WEIR_OK
               ? weir_payload_decode(p->codec, &p->header, p->stored, p->back, payload)
               : status;
}

static void discard(packed *p) {
    weir_codec_free(p->codec);
    free(p->raw);
    free(p->stored);
    free(p->back);
}

static void assert_packs(size_t bytes, size_t period, unsigned codec) {
    packed p = pack(bytes, period);
    assert_int_equal(p.header.codec, codec);
    assert_int_equal(p.header.raw_bytes, bytes);
    assert_true(p.header.payload_hash == weir_hash(p.stored, p.header.stored_bytes));
    const uint8_t *payload;
    assert_int_equal(unpack(&p, &payload), WEIR_OK);
    assert_memory_equal(payload, p.raw, bytes);
    assert_ptr_equal(payload, codec == WEIR_CODEC_RAW ? p.stored : p.back);
    discard(&p);
}

static void payloads_round_trip_and_compress_where_it_pays(void **state) {
    (void)state;
    assert_packs(24, 1, WEIR_CODEC_RAW);
    assert_packs(4096 - 160, 1, WEIR_CODEC_RAW); /* one page either way */
    assert_packs(4096 - 159, 1, WEIR_CODEC_ZSTD);
    assert_packs(100000, 60, WEIR_CODEC_ZSTD);
    assert_packs(100000, 100000, WEIR_CODEC_RAW); /* noise */
    assert_packs(3000000, 300, WEIR_CODEC_ZSTD);
}

/* The longest claim that its bytes can keep is believed, until it is decompressed; one byte more is not,
 * though the frame claims it too. Nobody takes memory for it. */
static void a_frame_claims_no_more_than_it_can_hold(void **state) {
    (void)state;
    enum { SIZE_AT = 5 }; /* in the frame's header (RFC 8878, 3.1.1.1), of a size of four bytes */
    packed p = pack(1 << 18, 1);
    uint32_t most = p.header.stored_bytes / 4 * ZSTD_BLOCKSIZE_MAX;
    assert_int_equal(p.stored[4] >> 5, 5); /* one segment, and such a size */
    for (uint32_t more = 0; more <= 1; more++) {
        p.header.raw_bytes = most + more;
        (void)weir_put_u32(p.stored + SIZE_AT, most + more);
        p.header.payload_hash = weir_hash(p.stored, p.header.stored_bytes);
        assert_int_equal(weir_payload_verify(&p.header, p.stored), more ? WEIR_DAMAGED : WEIR_OK);
    }
    discard(&p);
}

static void levels_out_of_range_work(void **state) {
    (void)state;
    static const int levels[] = {-1000000, 0, 1000};
    for (size_t i = 0; i < 3; i++) {
        weir_codec *codec;
        assert_int_equal(weir_codec_make(levels[i], &codec), WEIR_OK);
        static const uint8_t raw[10000];
        uint8_t stored[11000];
        weir_block_header h = {.kind = WEIR_BLOCK_ROWS};
        assert_int_equal(weir_payload_encode(codec, raw, sizeof raw, stored, sizeof stored, &h),
                         WEIR_OK);
        if (levels[i] >= 0) assert_int_equal(h.codec, WEIR_CODEC_ZSTD);
        weir_codec_free(codec);
    }
    weir_codec_free(NULL);
}

static void a_codec_without_memory_is_none(void **state) {
    (void)state;
    weir_codec *codec = NULL;
    long n = 1;
    for (; scarce_arm(n); n++) {
        int status = weir_codec_make(1, &codec);
        if (!scarce_end()) break;
        assert_int_equal(status, WEIR_NO_MEMORY);
        assert_null(codec);
    }
    if (n == 1) return; /* a sanitizer owns the allocator */
    assert_true(n > 3); /* ours, and zstd's two */
    assert_non_null(codec);
    weir_codec_free(codec);
}

/* zstd takes its working memory at its first frame. Without it a block is larger, and no less
 * right. */
static void without_memory_to_compress_it_is_stored_as_it_is(void **state) {
    (void)state;
    static uint8_t raw[50000], stored[60000];
    weir_codec *codec;
    weir_block_header h = {.kind = WEIR_BLOCK_ROWS};
    memset(raw, 'r', sizeof raw);
    assert_int_equal(weir_codec_make(1, &codec), WEIR_OK);
    bool armed = scarce_arm(1);
    int status = weir_payload_encode(codec, raw, sizeof raw, stored, sizeof stored, &h);
    assert_int_equal(scarce_end(), armed);
    assert_int_equal(status, WEIR_OK);
    if (armed) {
        assert_int_equal(h.codec, WEIR_CODEC_RAW);
        assert_int_equal(h.stored_bytes, sizeof raw);
        assert_memory_equal(stored, raw, sizeof raw);
    }
    assert_int_equal(weir_payload_encode(codec, raw, sizeof raw, stored, sizeof stored, &h),
                     WEIR_OK);
    assert_int_equal(h.codec, WEIR_CODEC_ZSTD); /* as soon as there is memory again */
    weir_codec_free(codec);
}

static void without_a_codec_it_is_stored_as_it_is(void **state) {
    (void)state;
    packed p = pack(50000, 1);
    size_t capacity = weir_sqlite_record_bound(50000);
    assert_int_equal(p.header.codec, WEIR_CODEC_ZSTD);
    assert_int_equal(weir_payload_encode(NULL, p.raw, 50000, p.stored, capacity, &p.header),
                     WEIR_OK);
    assert_int_equal(p.header.codec, WEIR_CODEC_RAW);
    assert_int_equal(weir_payload_verify(&p.header, p.stored), WEIR_OK);
    assert_memory_equal(p.stored, p.raw, 50000);
    discard(&p);
}

/* ---- shuffled payloads ---- */

enum { MESSAGES = 2000 };

/* Rows of template or table numbers, with so many columns. */
static packed pack_rows(uint16_t number, unsigned columns, uint32_t features) {
    packed p = {.header = {.version = WEIR_FORMAT_VERSION,
                           .kind = WEIR_BLOCK_ROWS,
                           .incompatible = features,
                           .rows = MESSAGES}};
    size_t capacity = weir_sqlite_record_bound(WEIR_PAYLOAD_HEAD + MESSAGES * 64);
    p.raw = malloc(capacity);
    p.stored = malloc(capacity);
    p.back = malloc(capacity);
    assert_true(p.raw && p.stored && p.back);
    uint8_t *at = weir_payload_head_encode(p.raw, ring, NULL, 0);
    for (unsigned i = 0; i < MESSAGES; i++) {
        unsigned own = columns + (number == 1 && i == MESSAGES / 2);
        at = weir_put_u16(weir_put_u16(weir_put_u32(at, 4 + 9 * own), number), (uint16_t)own);
        for (unsigned k = 0; k < own; k++)
            *at++ = 0x18;
        for (unsigned k = 0; k < own; k++)
            at = weir_put_u64(at, 1790000000000000000u + i * 77777u * (k + 1));
    }
    assert_int_equal(weir_codec_make(1, &p.codec), WEIR_OK);
    assert_int_equal(
        weir_payload_encode(p.codec, p.raw, (size_t)(at - p.raw), p.stored, capacity, &p.header),
        WEIR_OK);
    return p;
}

static void assert_packs_rows(uint16_t number, uint32_t features, unsigned codec) {
    packed p = pack_rows(number, 3, features);
    const uint8_t *payload;
    assert_int_equal(p.header.codec, codec);
    assert_int_equal(p.header.incompatible,
                     features | (codec == WEIR_CODEC_SHUFFLED ? WEIR_FEATURE_SHUFFLED : 0));
    assert_int_equal(unpack(&p, &payload), WEIR_OK);
    assert_memory_equal(payload, p.raw, p.header.raw_bytes);
    discard(&p);
}

static void rows_of_templates_are_shuffled(void **state) {
    (void)state;
    assert_packs_rows(WEIR_TEMPLATE_FIRST, WEIR_FEATURE_TEMPLATES, WEIR_CODEC_SHUFFLED);
    assert_packs_rows(WEIR_TEMPLATE_FIRST, 0, WEIR_CODEC_ZSTD);
    assert_packs_rows(WEIR_TABLES_MAX, WEIR_FEATURE_TEMPLATES, WEIR_CODEC_ZSTD);
    packed rows = pack_rows(WEIR_TEMPLATE_FIRST, 3, 0);
    packed shuffled = pack_rows(WEIR_TEMPLATE_FIRST, 3, WEIR_FEATURE_TEMPLATES);
    assert_true(shuffled.header.stored_bytes * 2 < rows.header.stored_bytes);
    discard(&rows);
    discard(&shuffled);
}

/* One of the rows has a column more; then they are compressed as they are. */
static void rows_that_cannot_be_shuffled_are_stored_in_order(void **state) {
    (void)state;
    assert_packs_rows(1, WEIR_FEATURE_TEMPLATES, WEIR_CODEC_ZSTD);
    packed p = pack_rows(WEIR_TEMPLATE_FIRST, 3, WEIR_FEATURE_TEMPLATES);
    size_t capacity = weir_sqlite_record_bound(p.header.raw_bytes);
    (void)weir_put_u16(p.raw + WEIR_PAYLOAD_HEAD + 6, 2); /* columns: not as many values */
    p.header.incompatible = WEIR_FEATURE_TEMPLATES;
    assert_int_equal(
        weir_payload_encode(p.codec, p.raw, p.header.raw_bytes, p.stored, capacity, &p.header),
        WEIR_OK);
    assert_int_equal(p.header.codec, WEIR_CODEC_ZSTD);
    assert_int_equal(p.header.incompatible, WEIR_FEATURE_TEMPLATES);
    (void)weir_put_u16(p.raw + WEIR_PAYLOAD_HEAD + 6, 3);
    (void)weir_put_u32(p.raw + 16, WEIR_LANES_LIMIT + 1); /* no payload at all */
    assert_int_equal(
        weir_payload_encode(p.codec, p.raw, p.header.raw_bytes, p.stored, capacity, &p.header),
        WEIR_OK);
    assert_int_equal(p.header.codec, WEIR_CODEC_ZSTD);
    (void)weir_put_u32(p.raw + 16, 0);
    p.header.kind = WEIR_BLOCK_DECLARATIONS; /* whatever they look like */
    assert_int_equal(
        weir_payload_encode(p.codec, p.raw, p.header.raw_bytes, p.stored, capacity, &p.header),
        WEIR_OK);
    assert_int_equal(p.header.codec, WEIR_CODEC_ZSTD);
    discard(&p);
}

static void a_frame_of_other_bytes_is_no_shuffled_payload(void **state) {
    (void)state;
    packed p = pack_rows(WEIR_TEMPLATE_FIRST, 3, 0);
    const uint8_t *payload;
    assert_int_equal(p.header.codec, WEIR_CODEC_ZSTD);
    p.header.codec = WEIR_CODEC_SHUFFLED;
    assert_int_equal(unpack(&p, &payload), WEIR_DAMAGED);
    assert_null(payload);
    discard(&p);
}

static void without_memory_a_shuffled_payload_is_not_read(void **state) {
    (void)state;
    packed p = pack_rows(WEIR_TEMPLATE_FIRST, 3, WEIR_FEATURE_TEMPLATES);
    const uint8_t *payload;
    long n = 1;
    for (; scarce_arm(n); n++) { /* what was compressed before left its memory: so another codec */
        weir_codec *other = NULL;
        int status = weir_codec_make(1, &other);
        p.codec = status == WEIR_OK ? (weir_codec_free(p.codec), other) : p.codec;
        if (status == WEIR_OK) status = unpack(&p, &payload);
        if (!scarce_end()) break;
        assert_int_equal(status, WEIR_NO_MEMORY);
    }
    assert_int_equal(unpack(&p, &payload), WEIR_OK);
    assert_memory_equal(payload, p.raw, p.header.raw_bytes);
    discard(&p);
}

/* A block is larger then, and no less right. */
static void without_memory_to_shuffle_rows_are_stored_in_order(void **state) {
    (void)state;
    packed p = pack_rows(WEIR_TEMPLATE_FIRST, 3, WEIR_FEATURE_TEMPLATES);
    size_t capacity = weir_sqlite_record_bound(p.header.raw_bytes);
    unsigned seen = 0;
    const uint8_t *payload;
    for (long n = 1;; n++) {
        weir_codec_free(p.codec);
        assert_int_equal(weir_codec_make(1, &p.codec), WEIR_OK);
        p.header.incompatible = WEIR_FEATURE_TEMPLATES;
        bool armed = scarce_arm(n);
        int status =
            weir_payload_encode(p.codec, p.raw, p.header.raw_bytes, p.stored, capacity, &p.header);
        bool refused = scarce_end();
        assert_int_equal(status, WEIR_OK);
        seen |= 1u << p.header.codec;
        assert_int_equal(unpack(&p, &payload), WEIR_OK);
        assert_memory_equal(payload, p.raw, p.header.raw_bytes);
        if (armed && refused) continue;
        assert_int_equal(seen, armed ? 7 : 1u << WEIR_CODEC_SHUFFLED);
        break;
    }
    discard(&p);
}

static void encode_refuses_what_it_cannot_hold(void **state) {
    (void)state;
    packed p = pack(5000, 1);
    assert_int_equal(weir_payload_encode(p.codec, p.raw, 23, p.stored, 5000, &p.header),
                     WEIR_MISUSE);
    assert_int_equal(weir_payload_encode(p.codec, p.raw, (size_t)WEIR_RAW_MAX + 1, p.stored,
                                         SIZE_MAX, &p.header),
                     WEIR_MISUSE);
    assert_int_equal(weir_payload_encode(p.codec, p.raw, 5000, p.stored, 4999, &p.header),
                     WEIR_MISUSE);
    discard(&p);
}

static void changed_bytes_fail_the_hash(void **state) {
    (void)state;
    for (size_t period = 60; period <= 9000; period += 8940) {
        packed p = pack(9000, period);
        const uint8_t *payload;
        p.stored[p.header.stored_bytes / 2] ^= 4;
        assert_int_equal(unpack(&p, &payload), WEIR_DAMAGED);
        assert_null(payload);
        discard(&p);
    }
}

/* Seal whatever stands in stored, as an attacker or a broken writer would. */
static int unpack_sealed(packed *p, uint32_t stored_bytes) {
    const uint8_t *payload;
    p->header.stored_bytes = stored_bytes;
    p->header.payload_hash = weir_hash(p->stored, stored_bytes);
    return unpack(p, &payload);
}

static void a_frame_fills_the_stored_bytes_exactly(void **state) {
    (void)state;
    packed p = pack(9000, 60);
    uint32_t whole = p.header.stored_bytes;
    assert_int_equal(unpack_sealed(&p, whole), WEIR_OK);
    assert_int_equal(unpack_sealed(&p, whole + 1), WEIR_DAMAGED);
    for (uint32_t cut = 1; cut < whole; cut++)
        assert_int_equal(unpack_sealed(&p, cut), WEIR_DAMAGED);
    discard(&p);
}

static void the_frame_says_the_raw_size(void **state) {
    (void)state;
    packed p = pack(9000, 60);
    uint32_t whole = p.header.stored_bytes;
    p.header.raw_bytes = 8999;
    assert_int_equal(unpack_sealed(&p, whole), WEIR_DAMAGED);
    p.header.raw_bytes = 9000;
    ZSTD_CCtx *context = ZSTD_createCCtx();
    assert_non_null(context);
    (void)ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    size_t bytes = ZSTD_compress2(context, p.stored, weir_sqlite_record_bound(9000), p.raw, 9000);
    assert_false(ZSTD_isError(bytes));
    assert_int_equal(unpack_sealed(&p, (uint32_t)bytes), WEIR_DAMAGED);
    ZSTD_freeCCtx(context);
    discard(&p);
}

static void two_frames_and_skippable_ones_are_refused(void **state) {
    (void)state;
    packed p = pack(9000, 60);
    size_t first = ZSTD_compress(p.stored, 4000, p.raw, 4500, 1);
    size_t second = ZSTD_compress(p.stored + first, 4000, p.raw + 4500, 4500, 1);
    assert_int_equal(unpack_sealed(&p, (uint32_t)(first + second)), WEIR_DAMAGED);
    static const uint8_t skippable[8] = {0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0};
    memcpy(p.stored, skippable, 8);
    assert_int_equal(unpack_sealed(&p, 8), WEIR_DAMAGED);
    size_t whole = ZSTD_compress(p.stored + 8, 8000, p.raw, 9000, 1);
    assert_int_equal(unpack_sealed(&p, (uint32_t)(8 + whole)), WEIR_DAMAGED);
    discard(&p);
}

static void sealed_garbage_is_refused(void **state) {
    (void)state;
    packed p = pack(9000, 60);
    uint32_t whole = p.header.stored_bytes;
    for (uint32_t bit = 0; bit < whole * 8; bit++) {
        p.stored[bit / 8] ^= (uint8_t)(1u << bit % 8);
        (void)unpack_sealed(&p, whole); /* may be valid by chance: the sanitizers judge here */
        p.stored[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    discard(&p);
}

/* ---- payloads ---- */

static uint8_t *put_row(uint8_t *at, const char *bytes, uint32_t length) {
    at = weir_put_u32(at, length);
    return weir_put_bytes(at, bytes, length);
}

static void payload_heads_round_trip(void **state) {
    (void)state;
    static const weir_lane_mark marks[] = {{0, 4096}, {5, UINT64_MAX}, {1023, 0}};
    uint8_t raw[200];
    uint8_t *end = weir_payload_head_encode(raw, ring, marks, 3);
    assert_int_equal(end - raw, weir_payload_head_size(3));
    weir_payload p;
    assert_true(weir_payload_parse(raw, (size_t)(end - raw), &p));
    assert_memory_equal(p.ring, ring, 16);
    assert_int_equal(p.lanes, 3);
    assert_int_equal(weir_cursor_left(&p.body), 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(weir_payload_lane(&p, i).lane, marks[i].lane);
        assert_true(weir_payload_lane(&p, i).position == marks[i].position);
    }
    for (size_t cut = 0; cut < weir_payload_head_size(3); cut++)
        assert_false(weir_payload_parse(raw, cut, &p));
}

static bool head_is_valid(const weir_lane_mark *marks, uint32_t lanes) {
    uint8_t raw[100];
    uint8_t *end = weir_payload_head_encode(raw, ring, marks, lanes);
    weir_payload p;
    return weir_payload_parse(raw, (size_t)(end - raw), &p);
}

static void lanes_ascend_below_the_limit(void **state) {
    (void)state;
    assert_true(head_is_valid(NULL, 0));
    assert_true(head_is_valid((weir_lane_mark[]){{1, 0}, {2, 0}}, 2));
    assert_false(head_is_valid((weir_lane_mark[]){{2, 0}, {1, 0}}, 2));
    assert_false(head_is_valid((weir_lane_mark[]){{1, 0}, {1, 0}}, 2));
    assert_false(head_is_valid((weir_lane_mark[]){{1024, 0}}, 1));
    assert_false(head_is_valid((weir_lane_mark[]){{UINT32_MAX, 0}}, 1));
}

static void lane_counts_are_believed_only_within_the_limit(void **state) {
    (void)state;
    static uint8_t raw[24 + 1025 * 16];
    weir_payload p;
    for (uint32_t i = 0; i < 1025; i++)
        (void)weir_put_u32(raw + 24 + 16 * i, i);
    (void)weir_put_u32(raw + 16, 1024);
    assert_true(weir_payload_parse(raw, sizeof raw, &p));
    (void)weir_put_u32(raw + 16, 1025);
    assert_false(weir_payload_parse(raw, sizeof raw, &p));
    (void)weir_put_u32(raw + 16, UINT32_MAX);
    assert_false(weir_payload_parse(raw, sizeof raw, &p));
}

static void reserved_bytes_of_a_payload_are_zero(void **state) {
    (void)state;
    uint8_t raw[40];
    weir_payload p;
    (void)weir_payload_head_encode(raw, ring, &(weir_lane_mark){1, 2}, 1);
    static const unsigned reserved[] = {20, 23, 28, 31};
    for (size_t i = 0; i < 4; i++) {
        raw[reserved[i]] = 1;
        assert_false(weir_payload_parse(raw, sizeof raw, &p));
        raw[reserved[i]] = 0;
    }
    assert_true(weir_payload_parse(raw, sizeof raw, &p));
}

static void rows_are_walked_to_the_end(void **state) {
    (void)state;
    uint8_t raw[100];
    uint8_t *at = weir_payload_head_encode(raw, ring, NULL, 0);
    at = put_row(at, "first", 5);
    at = put_row(at, "2nd", 3);
    weir_payload p;
    const uint8_t *row;
    size_t bytes;
    assert_true(weir_payload_parse(raw, (size_t)(at - raw), &p));
    assert_int_equal(weir_payload_next_row(&p.body, &row, &bytes), 1);
    assert_int_equal(bytes, 5);
    assert_memory_equal(row, "first", 5);
    assert_int_equal(weir_payload_next_row(&p.body, &row, &bytes), 1);
    assert_memory_equal(row, "2nd", 3);
    assert_int_equal(weir_payload_next_row(&p.body, &row, &bytes), 0);
}

static void a_row_beyond_the_payload_is_invalid(void **state) {
    (void)state;
    uint8_t raw[100];
    uint8_t *at = weir_payload_head_encode(raw, ring, NULL, 0);
    at = put_row(at, "first", 5);
    for (size_t cut = 1; cut <= 8; cut++) {
        weir_payload p;
        const uint8_t *row;
        size_t bytes;
        assert_true(weir_payload_parse(raw, (size_t)(at - raw) - cut, &p));
        assert_int_equal(weir_payload_next_row(&p.body, &row, &bytes), -1);
        assert_int_equal(weir_payload_next_row(&p.body, &row, &bytes), -1);
    }
}

static uint32_t features; /* of the blocks that follow */

static int check_body(unsigned kind, uint32_t rows, const char *body, size_t bytes) {
    uint8_t raw[200];
    uint8_t *at = weir_payload_head_encode(raw, ring, NULL, 0);
    at = weir_put_bytes(at, body, bytes);
    weir_payload p;
    assert_true(weir_payload_parse(raw, (size_t)(at - raw), &p));
    weir_block_header h = {.kind = (uint16_t)kind, .incompatible = features, .rows = rows};
    return weir_payload_check(&p, &h);
}
#define CHECK_BODY(kind, rows, body) check_body(kind, rows, body, sizeof(body) - 1)

static void bodies_hold_what_the_header_says(void **state) {
    (void)state;
    static const char two_rows[] = "\5\0\0\0\1\0\1\0\0"
                                   "\5\0\0\0\1\0\1\0\0";
    assert_int_equal(CHECK_BODY(WEIR_BLOCK_ROWS, 2, two_rows), WEIR_OK);
    assert_int_equal(CHECK_BODY(WEIR_BLOCK_ROWS, 1, two_rows), WEIR_DAMAGED);
    assert_int_equal(CHECK_BODY(WEIR_BLOCK_ROWS, 3, two_rows), WEIR_DAMAGED);
    assert_int_equal(check_body(WEIR_BLOCK_ROWS, 2, two_rows, 17), WEIR_DAMAGED);
    assert_int_equal(CHECK_BODY(WEIR_BLOCK_MARK, 0, ""), WEIR_OK);
    assert_int_equal(CHECK_BODY(WEIR_BLOCK_MARK, 0, "x"), WEIR_DAMAGED);
#define ONE "\1\0\1\0\1\0t\1\1\0a"
    assert_int_equal(CHECK_BODY(WEIR_BLOCK_DECLARATIONS, 0, "\0\0\0\0"), WEIR_OK);
    assert_int_equal(CHECK_BODY(WEIR_BLOCK_DECLARATIONS, 0, "\2\0\0\0" ONE ONE), WEIR_OK);
    assert_int_equal(CHECK_BODY(WEIR_BLOCK_DECLARATIONS, 0, "\1\0\0\0" ONE ONE), WEIR_DAMAGED);
    assert_int_equal(CHECK_BODY(WEIR_BLOCK_DECLARATIONS, 0, "\3\0\0\0" ONE ONE), WEIR_DAMAGED);
    assert_int_equal(CHECK_BODY(WEIR_BLOCK_DECLARATIONS, 0, "\xFF\xFF\xFF\xFF" ONE), WEIR_DAMAGED);
    assert_int_equal(CHECK_BODY(WEIR_BLOCK_DECLARATIONS, 0, ""), WEIR_DAMAGED);
}

static void templates_are_declared_where_the_feature_is(void **state) {
    (void)state;
    features = WEIR_FEATURE_TEMPLATES;
#define TEMPLATE "\1\x10\1\0\1\0\1\0\2\0\0" /* number 4097, of table 1: a column is a parameter */
    assert_int_equal(CHECK_BODY(WEIR_BLOCK_DECLARATIONS, 0, "\2\0\0\0" ONE TEMPLATE), WEIR_OK);
    assert_int_equal(CHECK_BODY(WEIR_BLOCK_DECLARATIONS, 0, "\2\0\0\0" TEMPLATE ONE), WEIR_OK);
    assert_int_equal(CHECK_BODY(WEIR_BLOCK_DECLARATIONS, 0, "\1\0\0\0" TEMPLATE "\0"),
                     WEIR_DAMAGED);
    assert_int_equal(CHECK_BODY(WEIR_BLOCK_DECLARATIONS, 0, "\1\0\0\0\1\x10\1\0\1\0\1\0\2\0"),
                     WEIR_DAMAGED); /* cut */
    features = 0;
    assert_int_equal(CHECK_BODY(WEIR_BLOCK_DECLARATIONS, 0, "\1\0\0\0" ONE), WEIR_OK);
    assert_int_equal(CHECK_BODY(WEIR_BLOCK_DECLARATIONS, 0, "\1\0\0\0" TEMPLATE), WEIR_DAMAGED);
#undef TEMPLATE
#undef ONE
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_round_trip),
        cmocka_unit_test(zeros_are_no_block),
        cmocka_unit_test(every_flipped_bit_is_damage),
        cmocka_unit_test(newer_headers_are_told_from_damaged_ones),
        cmocka_unit_test(kind_and_codec_are_known),
        cmocka_unit_test(rows_fit_their_kind_and_bytes),
        cmocka_unit_test(sizes_are_bounded_and_agree),
        cmocka_unit_test(places_are_aligned_and_in_range),
        cmocka_unit_test(the_chain_begins_at_block_one),
        cmocka_unit_test(reserved_bytes_are_zero),
        cmocka_unit_test(magic_and_length_are_fixed),
        cmocka_unit_test(extents_are_whole_pages),
        cmocka_unit_test(payloads_round_trip_and_compress_where_it_pays),
        cmocka_unit_test(levels_out_of_range_work),
        cmocka_unit_test(a_codec_without_memory_is_none),
        cmocka_unit_test(without_memory_to_compress_it_is_stored_as_it_is),
        cmocka_unit_test(without_a_codec_it_is_stored_as_it_is),
        cmocka_unit_test(rows_of_templates_are_shuffled),
        cmocka_unit_test(rows_that_cannot_be_shuffled_are_stored_in_order),
        cmocka_unit_test(a_frame_of_other_bytes_is_no_shuffled_payload),
        cmocka_unit_test(without_memory_a_shuffled_payload_is_not_read),
        cmocka_unit_test(without_memory_to_shuffle_rows_are_stored_in_order),
        cmocka_unit_test(encode_refuses_what_it_cannot_hold),
        cmocka_unit_test(changed_bytes_fail_the_hash),
        cmocka_unit_test(a_frame_fills_the_stored_bytes_exactly),
        cmocka_unit_test(the_frame_says_the_raw_size),
        cmocka_unit_test(two_frames_and_skippable_ones_are_refused),
        cmocka_unit_test(sealed_garbage_is_refused),
        cmocka_unit_test(payload_heads_round_trip),
        cmocka_unit_test(lanes_ascend_below_the_limit),
        cmocka_unit_test(lane_counts_are_believed_only_within_the_limit),
        cmocka_unit_test(reserved_bytes_of_a_payload_are_zero),
        cmocka_unit_test(rows_are_walked_to_the_end),
        cmocka_unit_test(a_row_beyond_the_payload_is_invalid),
        cmocka_unit_test(bodies_hold_what_the_header_says),
        cmocka_unit_test(templates_are_declared_where_the_feature_is),
        cmocka_unit_test(a_frame_claims_no_more_than_it_can_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
