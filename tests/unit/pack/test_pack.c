/* test_pack.c - segments become packed ones and are read again: whatever rows they hold, whatever call
 * fails, wherever the process dies, whichever byte is hurt. */
/* Covers: pack/buffer.h, pack/plan_write.c, pack/scale.c, pack/values_write.c, pack/heads_write.c,
 * pack/columns_write.c, pack/packer.c, lib/packed/packed.c, lib/packed/plan_read.c,
 * lib/packed/reals.c, lib/packed/values_read.c, lib/packed/heads_read.c,
 * lib/packed/columns_read.c, lib/packed/columns.h, lib/verify/unpack.c, lib/verify/ends.c */
#include <errno.h>
#include <math.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forge.h"
#include "lib/format/row_encode.h"
#include "lib/packed/packed.h"
#include "lib/verify/archive.h"
#include "lib/verify/ends.h"
#include "lib/verify/reader.h"
#include "pack/columns_write.h"
#include "pack/packer.h"
#include "pack/values_write.h"
#include "recovery/archive/pack_segment.h"

enum { SEEDS = 60 };

typedef struct packs {
    forge f;
    weir_os os;
    char archive[300];
    uint8_t *before; /* the segment's file */
    size_t before_bytes;
} packs;

/* ---- segments of random rows ------------------------------------------------------------- */

static uint64_t number_of_size(weir_rng *rng) {
    return weir_rng_next(rng) >> weir_rng_below(rng, 64);
}

static weir_value random_value(weir_rng *rng, uint64_t way) {
    static const char words[] = "household firm bank government";
    static const double reals[] = {0, -0.0, 1e300, 0.1, -2.5, 12345.678, 1.0 / 3};
    switch (way % 7) {
    case 0: return weir_int((int64_t)number_of_size(rng));
    case 1: return weir_real((double)(int64_t)weir_rng_below(rng, 100000) / 100);
    case 2: return weir_real(reals[weir_rng_below(rng, 7)]);
    case 3: return weir_text_n(words + weir_rng_below(rng, 4) * 6, 5);
    case 4: return weir_blob(words, weir_rng_below(rng, sizeof words));
    case 5: return weir_null();
    default: return weir_int(-(int64_t)weir_rng_below(rng, 300));
    }
}

/* Columns that keep to a type, columns that do not, and rows that no table has: with more width than
 * they need, cut off, of table 0. */
static size_t random_row(weir_rng *rng, uint64_t seed, uint64_t i, uint8_t *at) {
    weir_value v[6];
    size_t count = 1 + (seed + i % 3) % 6;
    int status = WEIR_OK;
    for (size_t k = 0; k < count; k++) {
        bool odd = weir_rng_below(rng, 20) == 0 && seed % 3 == 0;
        v[k] = random_value(rng, odd ? weir_rng_next(rng) : seed + k);
    }
    v[0] = i % 2 ? v[0] : weir_int((int64_t)i * 10);
    size_t bytes = weir_row_size(v, count, &status);
    (void)weir_row_encode(at, (uint16_t)(1 + i % 3 * 5000), v, count);
    if (seed % 4 == 1 && weir_rng_below(rng, 10) == 0) at[0] = at[1] = 0;
    if (seed % 4 == 2 && weir_rng_below(rng, 10) == 0) at[4] = 0x99;
    if (weir_rng_below(rng, 10) == 0) { /* an integer of eight bytes that needs one */
        static const uint8_t wide[] = {1, 0, 1, 0, 0x18, 7, 0, 0, 0, 0, 0, 0, 0};
        memcpy(at, wide, sizeof wide);
        bytes = sizeof wide;
    }
    return bytes;
}

static void forge_random_block(forge *f, weir_rng *rng, uint64_t seed) {
    static uint8_t body[FORGE_SEGMENT];
    uint32_t rows = (uint32_t)(1 + weir_rng_below(rng, 120));
    uint8_t *at = body;
    for (uint32_t i = 0; i < rows; i++) {
        size_t bytes = random_row(rng, seed, i, at + 4);
        at = weir_put_u32(at, (uint32_t)bytes) + bytes;
    }
    (void)forge_body(f, WEIR_BLOCK_ROWS, rows, body, (size_t)(at - body));
}

static long questions_left; /* the last of which is answered with yes; 0: none is */

static bool stop_in_time(void *context, uint64_t bytes) {
    (void)context, (void)bytes;
    return questions_left > 0 && --questions_left == 0;
}

/* Segment 1 with random rows, in an archive of its own, and segment 2 that says where it ends. */
static void set_up_segment(packs *p, uint64_t seed) {
    weir_rng rng = {seed};
    forge *f = &p->f;
    forge_begin(f);
    f->lanes = (uint32_t)(seed % 4);
    forge_segment(f, 1);
    for (uint64_t i = 0; i < 1 + seed % 6; i++)
        if (weir_rng_below(&rng, 5) == 0)
            (void)forge_block(f, WEIR_BLOCK_MARK, 0);
        else
            forge_random_block(f, &rng, seed);
    (void)snprintf(p->archive, sizeof p->archive, "%s/archive", f->directory);
    assert_int_equal(mkdir(p->archive, 0700), 0);
    weir_file_write(weir_temp_path(p->archive, "segment-00000000000000000001"), f->bytes,
                    sizeof f->bytes);
    p->before = weir_file_read(weir_temp_path(p->archive, "segment-00000000000000000001"),
                               &p->before_bytes);
    forge_segment(f, 2);
    (void)forge_block(f, WEIR_BLOCK_ROWS, 10);
    forge_write(f);
    p->os = *weir_os_posix();
}

static void tear_down_segment(packs *p) {
    free(p->before);
    forge_end(&p->f);
}

static int pack_with(packs *p, const weir_os *os, weir_pack_result *result, weir_error *error) {
    weir_archive archive;
    weir_segment_end *ends;
    size_t count;
    assert_int_equal(weir_archive_open(&p->os, p->f.directory, &archive), WEIR_OK);
    weir_inventory_input input = {.os = &archive.os, .directory = p->f.directory};
    assert_int_equal(weir_segment_ends(&input, &ends, &count, error), WEIR_OK);
    assert_true(count == 2 && ends[0].segment == 1 && ends[0].end.segment == 1);
    assert_true(ends[1].segment == 2 && ends[1].end.segment == 0); /* nobody says where 2 ends */
    weir_pack_input in = {.os = os, .archive = p->archive, .stop = stop_in_time};
    in.dirfd = p->os.open_directory(p->os.self, WEIR_OS_CWD, p->archive);
    assert_true(in.dirfd > 0);
    int status = weir_pack_segment(&in, &ends[0], result, error);
    (void)p->os.close(p->os.self, in.dirfd);
    free(ends);
    weir_archive_close(&archive);
    return status;
}

static const char *plain_path(const packs *p) {
    return weir_temp_path(p->archive, "segment-00000000000000000001");
}
static const char *packed_path(const packs *p) {
    return weir_temp_path(p->archive, "packed-segment-00000000000000000001");
}
static bool is_there(const char *path) { return access(path, F_OK) == 0; }

/* Read block by block through journal and archive: every header as it was, every payload as it was.
 * Returns how many blocks could not be read. */
static size_t compare_with_before(packs *p) {
    weir_archive archive;
    weir_inventory inventory;
    weir_reader *reader;
    weir_error error = {0};
    size_t lost = 0;
    assert_int_equal(weir_archive_open(&p->os, p->f.directory, &archive), WEIR_OK);
    weir_inventory_input input = {
        .os = &archive.os, .directory = p->f.directory, .verify_all = true};
    assert_int_equal(weir_inventory_take(&input, &inventory, &error), WEIR_OK);
    assert_int_equal(weir_reader_make(&archive.os, weir_inventory_locator(&inventory), &reader),
                     WEIR_OK);
    for (uint64_t at = WEIR_BLOCK_ALIGN; at < p->before_bytes;) {
        weir_block_header h;
        weir_read_block block;
        if (weir_block_header_decode(p->before + at, &h) != WEIR_OK) break;
        int status = weir_reader_read(reader, h.block, &block, &error);
        if (status != WEIR_OK) {
            lost++;
        } else {
            const uint8_t *raw = block.payload.lane_entries - WEIR_PAYLOAD_HEAD;
            uint8_t head[WEIR_BLOCK_HEADER];
            weir_block_header_encode(head, &block.header);
            assert_memory_equal(head, p->before + at, sizeof head);
            assert_memory_equal(raw, p->before + at + WEIR_BLOCK_HEADER, h.raw_bytes);
        }
        at += weir_block_extent(&h);
    }
    assert_true(inventory.damage_count > 0 || lost == 0);
    assert_true(inventory.damage_count == 0 || lost > 0 || inventory.segments[0].status != WEIR_OK);
    weir_reader_free(reader);
    weir_inventory_free(&inventory);
    weir_archive_close(&archive);
    return lost;
}

/* ---- tests ------------------------------------------------------------------------------- */

static void whatever_rows_a_segment_has_they_come_back(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        static packs p;
        weir_pack_result result;
        weir_error error = {0};
        set_up_segment(&p, seed);
        int status = pack_with(&p, &p.os, &result, &error);
        if (status != WEIR_OK) fail_msg("seed %llu: %s", (unsigned long long)seed, error.text);
        assert_true(result.packed && result.bytes_after < result.bytes_before);
        assert_false(is_there(plain_path(&p)));
        assert_true(is_there(packed_path(&p)));
        assert_int_equal(compare_with_before(&p), 0);
        tear_down_segment(&p);
    }
}

/* A table that ends the process at the n-th call which changes the disk, or fails there. */
static long calls_left;
static int fail_with; /* 0: the process ends */

static bool is_due(void) {
    if (--calls_left != 0) return false;
    if (fail_with == 0) _exit(42);
    return true;
}

static int due_open(void *self, int dirfd, const char *path, int flags) {
    if ((flags & WEIR_OS_CREATE) && is_due()) return fail_with;
    return weir_os_posix()->open(self, dirfd, path, flags);
}
static int64_t due_pwrite(void *self, int file, const void *from, size_t bytes, uint64_t offset) {
    if (is_due()) return fail_with;
    return weir_os_posix()->pwrite(self, file, from, bytes, offset);
}
static int due_datasync(void *self, int file) {
    return is_due() ? fail_with : weir_os_posix()->datasync(self, file);
}
static int due_rename(void *self, int from_dirfd, const char *from, int to_dirfd, const char *to) {
    if (is_due()) return fail_with;
    return weir_os_posix()->rename(self, from_dirfd, from, to_dirfd, to);
}
static int due_unlink(void *self, int dirfd, const char *path) {
    return is_due() ? fail_with : weir_os_posix()->unlink(self, dirfd, path);
}
static int due_sync_directory(void *self, int dirfd, const char *path) {
    return is_due() ? fail_with : weir_os_posix()->sync_directory(self, dirfd, path);
}

static weir_os table_that_fails(const packs *p, long n, int error) {
    weir_os os = p->os;
    os.open = due_open;
    os.pwrite = due_pwrite;
    os.datasync = due_datasync;
    os.rename = due_rename;
    os.unlink = due_unlink;
    os.sync_directory = due_sync_directory;
    calls_left = n;
    fail_with = error;
    return os;
}

/* true: it was done before that call came. */
static bool dies_at(packs *p, long n) {
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        weir_pack_result result;
        weir_error error = {0};
        weir_os os = table_that_fails(p, n, 0);
        _exit(pack_with(p, &os, &result, &error) == WEIR_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 42));
    return WEXITSTATUS(status) == 0;
}

/* Wherever it dies all is there to be read, and the next one goes on. */
static void a_death_at_any_step_loses_nothing(void **state) {
    (void)state;
    long n = 1;
    for (bool done = false; !done; n++) {
        static packs p;
        weir_pack_result result;
        weir_error error = {0};
        set_up_segment(&p, 7);
        done = dies_at(&p, n);
        assert_true(is_there(plain_path(&p)) || is_there(packed_path(&p)));
        assert_int_equal(compare_with_before(&p), 0);
        if (is_there(plain_path(&p)))
            assert_int_equal(pack_with(&p, &p.os, &result, &error), WEIR_OK);
        assert_false(is_there(plain_path(&p)));
        assert_int_equal(compare_with_before(&p), 0);
        tear_down_segment(&p);
    }
    assert_true(n > 8); /* aside: gone, made, written, synced; named, synced, removed, synced */
}

/* Whenever it is asked to stop, the segment is as it was, and the next one goes on. */
static void a_stop_at_any_block_leaves_the_segment(void **state) {
    (void)state;
    int status = WEIR_PENDING;
    long n = 0;
    uint64_t blocks = 0;
    while (status != WEIR_OK) {
        static packs p;
        weir_pack_result result;
        weir_error error = {0};
        set_up_segment(&p, 5);
        questions_left = ++n;
        status = pack_with(&p, &p.os, &result, &error);
        questions_left = 0;
        assert_false(is_there(weir_temp_path(p.archive, "packed.new")));
        if (status != WEIR_OK) {
            assert_int_equal(status, WEIR_PENDING);
            assert_true(is_there(plain_path(&p)) && !is_there(packed_path(&p)));
            assert_int_equal(pack_with(&p, &p.os, &result, &error), WEIR_OK);
        }
        assert_true(!is_there(plain_path(&p)) && is_there(packed_path(&p)));
        assert_int_equal(compare_with_before(&p), 0);
        blocks = result.blocks;
        tear_down_segment(&p);
    }
    assert_true(n > 2 * (long)blocks); /* while it is written, and while it is compared */
}

static void a_call_that_fails_loses_nothing(void **state) {
    (void)state;
    for (long n = 1; n < 9; n++) {
        static packs p;
        weir_pack_result result;
        weir_error error = {0};
        set_up_segment(&p, 8);
        weir_os os = table_that_fails(&p, n, -ENOSPC);
        int status = pack_with(&p, &os, &result, &error);
        calls_left = 0;
        assert_true(status != WEIR_OK && error.text[0]);
        assert_int_equal(compare_with_before(&p), 0);
        if (is_there(plain_path(&p)))
            assert_int_equal(pack_with(&p, &p.os, &result, &error), WEIR_OK);
        assert_int_equal(compare_with_before(&p), 0);
        tear_down_segment(&p);
    }
}

/* Nothing may be appended to one: only an archive's table reads it. */
static void a_packed_file_is_no_segment_of_the_journal_itself(void **state) {
    static packs p;
    weir_pack_result result;
    weir_error error = {0};
    weir_scan scan;
    weir_segment_header header;
    const uint8_t *bytes;
    (void)state;
    set_up_segment(&p, 5);
    assert_int_equal(pack_with(&p, &p.os, &result, &error), WEIR_OK);
    weir_scan_make(&scan, weir_os_posix(), WEIR_OS_CWD);
    assert_true(weir_scan_open(&scan, packed_path(&p)) >= 0);
    assert_int_equal(weir_scan_bytes(&scan, 0, WEIR_SEGMENT_HEADER, &bytes), WEIR_OK);
    assert_int_equal(weir_segment_header_decode(bytes, &header), WEIR_DAMAGED);
    weir_scan_free(&scan);
    tear_down_segment(&p);
}

/* What was written is not what was meant: pwrite turns a bit. */
/* Whoever bounds the archive deletes the oldest first: a packed one that stayed would be followed by a
 * gap. */
static int rename_of_deleted(void *self, int from_dirfd, const char *from, int to_dirfd,
                             const char *to) {
    const weir_os *os = weir_os_posix();
    assert_int_equal(os->unlink(self, to_dirfd, "archive/segment-00000000000000000001"), 0);
    return os->rename(self, from_dirfd, from, to_dirfd, to);
}

static void what_is_deleted_while_it_is_packed_does_not_come_back(void **state) {
    static packs p;
    weir_pack_result result;
    weir_error error = {0};
    (void)state;
    set_up_segment(&p, 3);
    weir_os os = p.os;
    os.rename = rename_of_deleted;
    assert_int_equal(pack_with(&p, &os, &result, &error), WEIR_NOT_FOUND);
    assert_false(is_there(plain_path(&p)));
    assert_false(is_there(packed_path(&p)));
    tear_down_segment(&p);
}

static int64_t wrong_pwrite(void *self, int file, const void *from, size_t bytes, uint64_t offset) {
    uint8_t *copy = malloc(bytes);
    assert_non_null(copy);
    memcpy(copy, from, bytes);
    if (offset == WEIR_BLOCK_ALIGN / 8) copy[bytes / 2] ^= 1;
    int64_t result = weir_os_posix()->pwrite(self, file, copy, bytes, offset);
    free(copy);
    return result;
}

static void what_cannot_be_read_back_replaces_nothing(void **state) {
    (void)state;
    static packs p;
    weir_pack_result result;
    weir_error error = {0};
    set_up_segment(&p, 9);
    weir_os os = p.os;
    os.pwrite = wrong_pwrite;
    assert_int_equal(pack_with(&p, &os, &result, &error), WEIR_DAMAGED);
    assert_true(is_there(plain_path(&p)));
    assert_false(is_there(packed_path(&p)));
    assert_int_equal(compare_with_before(&p), 0);
    tear_down_segment(&p);
}

static void a_damaged_segment_stays_as_it_is(void **state) {
    (void)state;
    static packs p;
    weir_pack_result result;
    weir_error error = {0};
    set_up_segment(&p, 11);
    uint8_t wrong = 0x77;
    FILE *file = fopen(plain_path(&p), "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)WEIR_BLOCK_ALIGN * 2 + 200, SEEK_SET), 0);
    assert_int_equal(fwrite(&wrong, 1, 1, file), 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(pack_with(&p, &p.os, &result, &error), WEIR_DAMAGED);
    assert_true(is_there(plain_path(&p)) && !is_there(packed_path(&p)));
    tear_down_segment(&p);
}

/* Does the inventory, with every block decoded or not, say that something is damaged? */
static bool is_seen(const packs *p, bool decoded) {
    weir_archive archive;
    weir_inventory inventory;
    weir_error error = {0};
    assert_int_equal(weir_archive_open(&p->os, p->f.directory, &archive), WEIR_OK);
    weir_inventory_input input = {
        .os = &archive.os, .directory = p->f.directory, .verify_all = decoded};
    assert_int_equal(weir_inventory_take(&input, &inventory, &error), WEIR_OK);
    bool seen = inventory.damage_count > 0;
    weir_inventory_free(&inventory);
    weir_archive_close(&archive);
    return seen;
}

/* Each byte of the packed file in turn: what is read is right, or it is told that it is not. Bytes
 * that fill up a group to the next multiple are the only ones that may be hurt unseen. */
static void every_byte_is_covered(void **state) {
    (void)state;
    static packs p;
    weir_pack_result result;
    weir_error error = {0};
    size_t bytes, unseen = 0, unseen_unread = 0;
    set_up_segment(&p, 14);
    assert_int_equal(pack_with(&p, &p.os, &result, &error), WEIR_OK);
    uint8_t *file = weir_file_read(packed_path(&p), &bytes);
    for (size_t at = 0; at < bytes; at += 3) {
        if (at > WEIR_BLOCK_ALIGN) at += 61;
        if (at >= bytes) break;
        file[at] ^= 0x10;
        weir_file_write(packed_path(&p), file, bytes);
        unseen += !is_seen(&p, true);
        unseen_unread += !is_seen(&p, false);
        (void)compare_with_before(&p);
        file[at] ^= 0x10;
    }
    assert_true(unseen < 200); /* fewer than the padding of a group has */
    assert_true(unseen_unread == unseen);
    free(file);
    tear_down_segment(&p);
}

static void reals_become_integers_where_that_is_exact(void **state) {
    (void)state;
    const double prices[] = {1.25, 19.99, -0.01, 1e6}, dyadic[] = {0.015625, 3, -7.5};
    const double zeros[] = {0.0, -0.0}, odd[] = {1.0 / 3, 2}, never[] = {NAN, INFINITY};
    uint64_t n[4], bits;
    memcpy(n, prices, sizeof prices);
    weir_packed_scale s = weir_packed_scale_reals(n, 4);
    assert_true(s.form == WEIR_PACKED_REALS_DECIMAL && s.digits == 2);
    assert_true(n[0] == 125 && n[1] == 1999 && (int64_t)n[2] == -1 && n[3] == 100000000);
    assert_true(weir_packed_real(s, n[1], &bits) && memcmp(&bits, &prices[1], 8) == 0);
    memcpy(n, dyadic, sizeof dyadic);
    s = weir_packed_scale_reals(n, 3);
    assert_true(s.form == WEIR_PACKED_REALS_BINARY && s.digits == 6 && n[0] == 1);
    memcpy(n, zeros, sizeof zeros); /* the sign of a zero would be lost */
    assert_int_equal(weir_packed_scale_reals(n, 2).form, WEIR_PACKED_REALS_BITS);
    memcpy(n, odd, sizeof odd);
    assert_int_equal(weir_packed_scale_reals(n, 2).form, WEIR_PACKED_REALS_BITS);
    memcpy(n, never, sizeof never);
    assert_int_equal(weir_packed_scale_reals(n, 2).form, WEIR_PACKED_REALS_BITS);
    assert_false(weir_packed_real((weir_packed_scale){WEIR_PACKED_REALS_DECIMAL, 1},
                                  (uint64_t)INT64_MAX, &bits));
}

/* ---- the parts by themselves ------------------------------------------------------------- */

static void headers_come_back(void **state) {
    (void)state;
    uint8_t bytes[WEIR_PACKED_HEADER], group[WEIR_PACKED_GROUP_HEADER];
    weir_segment_header segment = {.version = 1,
                                   .hash_algorithm = WEIR_HASH_XXH3_64,
                                   .journal = {1},
                                   .incarnation = 1,
                                   .segment = 3,
                                   .bytes = 1 << 20,
                                   .first_block = 1,
                                   .first_row = 1};
    weir_packed_header h = {.version = 1,
                            .hash_algorithm = WEIR_HASH_XXH3_64,
                            .file_bytes = 1 << 20,
                            .end = {3, 8192, 9, 77},
                            .next_row = 5,
                            .last_wall_ns = 6},
                       again;
    weir_segment_header_encode(h.segment_header, &segment);
    weir_packed_header_encode(bytes, &h);
    assert_int_equal(weir_packed_header_decode(bytes, &again), WEIR_OK);
    assert_true(again.end.hash == 77 && again.next_row == 5 && again.segment.segment == 3);
    h.version = 2;
    weir_packed_header_encode(bytes, &h);
    assert_int_equal(weir_packed_header_decode(bytes, &again), WEIR_VERSION);
    bytes[300] ^= 1;
    assert_int_equal(weir_packed_header_decode(bytes, &again), WEIR_DAMAGED);
    bytes[0] ^= 1;
    assert_int_equal(weir_packed_header_decode(bytes, &again), WEIR_NOT_FOUND);
    weir_packed_group g = {.segment = 3,
                           .place = 512,
                           .first_block = 1,
                           .first_offset = 4096,
                           .end_offset = 12288,
                           .blocks = 2,
                           .coding = WEIR_PACKED_COLUMNS,
                           .heads_raw = 9,
                           .heads_stored = 9,
                           .plan_raw = 5,
                           .plan_stored = 4,
                           .rest_stored = 3,
                           .raw_bytes = 99},
                      read;
    weir_packed_group_encode(group, &g);
    assert_int_equal(weir_packed_group_decode(group, &read), WEIR_OK);
    assert_true(weir_packed_body(&read) == 7 && weir_packed_extent(&read) == 512);
    g.raw_bytes = WEIR_PACKED_GROUP_RAW + 1; /* which only one block alone may have */
    weir_packed_group_encode(group, &g);
    assert_int_equal(weir_packed_group_decode(group, &read), WEIR_DAMAGED);
}

enum { NUMBERS = 1000 };

/* Write with put, read with take, in one plan. */
static void begin_plan(weir_plan_writer *w) {
    *w = (weir_plan_writer){.zstd = ZSTD_createCCtx()};
    assert_non_null(w->zstd);
}

static void read_plan(weir_plan_writer *w, weir_plan_reader *r) {
    assert_false(weir_plan_failed(w));
    weir_plan_read(r, ZSTD_createDCtx(), w->plan.bytes, (uint32_t)w->plan.count,
                   (uint32_t)w->plan.count, 1 << 20);
    r->rest = weir_cursor_over(w->rest.bytes, w->rest.count);
    assert_int_equal(r->status, WEIR_OK);
}

static void end_plan(weir_plan_writer *w, weir_plan_reader *r) {
    (void)ZSTD_freeCCtx(w->zstd);
    (void)ZSTD_freeDCtx(r->zstd);
    weir_plan_reader_free(r);
    weir_plan_writer_free(w);
}

static void numbers_and_streams_come_back(void **state) {
    (void)state;
    static uint64_t n[5][NUMBERS];
    weir_rng rng = {5};
    weir_plan_writer w;
    weir_plan_reader r;
    weir_plan_numbers read;
    for (size_t i = 0; i < NUMBERS; i++) {
        n[0][i] = 7;
        n[1][i] = UINT64_MAX - 3 * i; /* differences of one size */
        n[2][i] = weir_rng_next(&rng);
        n[3][i] = i % 2 ? (uint64_t)INT64_MIN : INT64_MAX;
        n[4][i] = i / 20;
    }
    begin_plan(&w);
    for (size_t k = 0; k < 5; k++)
        weir_plan_put_numbers(&w, n[k], NUMBERS);
    weir_plan_put_numbers(&w, n[2], 1);
    weir_plan_put_numbers(&w, n[2], 0);
    weir_plan_put_stream(&w, (const uint8_t *)"few", 3);
    weir_plan_put_stream(&w, (const uint8_t *)n, sizeof n);
    read_plan(&w, &r);
    for (size_t k = 0; k < 5; k++) {
        weir_plan_take_numbers(&r, NUMBERS, &read);
        for (size_t i = 0; i < NUMBERS; i++)
            assert_true(weir_plan_next(&read) == n[k][i]);
        assert_int_equal(weir_plan_next(&read), 0);
    }
    weir_plan_take_numbers(&r, 1, &read);
    assert_true(weir_plan_next(&read) == n[2][0]);
    weir_cursor few = weir_plan_take_stream(&r), all = weir_plan_take_stream(&r);
    assert_memory_equal(few.at, "few", 3);
    assert_memory_equal(weir_take(&all, sizeof n), n, sizeof n);
    assert_true(weir_plan_done(&r));
    weir_plan_take_numbers(&r, 5, &read); /* there are none */
    assert_int_equal(r.status, WEIR_DAMAGED);
    end_plan(&w, &r);
}

static void values_of_a_column_come_back(void **state) {
    (void)state;
    weir_packed_values values = {0};
    weir_packed_source source;
    weir_plan_writer w;
    weir_plan_reader r;
    weir_value v;
    begin_plan(&w);
    for (uint64_t i = 0; i < NUMBERS; i++) {
        weir_rng rng = {i + 1};
        v = random_value(&rng, i);
        weir_packed_values_add(&values, &v);
    }
    weir_packed_values_put(&values, &w);
    read_plan(&w, &r);
    weir_packed_source_take(&r, NUMBERS, &source);
    for (uint64_t i = 0; i < NUMBERS; i++) {
        weir_rng rng = {i + 1};
        weir_value was = random_value(&rng, i);
        assert_true(weir_packed_source_next(&source, &v) && v.type == was.type);
        if (v.type == WEIR_INTEGER) assert_true(v.as.integer == was.as.integer);
        if (v.type == WEIR_REAL) assert_memory_equal(&v.as.real, &was.as.real, sizeof(double));
        if (v.type < WEIR_TEXT) continue;
        assert_int_equal(v.length, was.length);
        assert_memory_equal(v.as.bytes, was.as.bytes, v.length);
    }
    assert_true(weir_packed_source_done(&source) && weir_plan_done(&r));
    weir_packed_values_free(&values);
    end_plan(&w, &r);
}

/* The headers and the payloads of a segment's blocks, without a file. */
static void heads_and_columns_come_back(void **state) {
    (void)state;
    static packs p;
    static uint8_t heads[64 * WEIR_BLOCK_HEADER], raw[FORGE_SEGMENT + 8], again[FORGE_SEGMENT + 8];
    weir_block_header h[64];
    weir_plan_writer w;
    weir_plan_reader r;
    uint32_t count = 0;
    size_t bytes = 0;
    set_up_segment(&p, 17);
    for (uint64_t at = WEIR_BLOCK_ALIGN; at < p.before_bytes;
         at += weir_block_extent(&h[count++])) {
        if (weir_block_header_decode(p.before + at, &h[count]) != WEIR_OK) break;
        memcpy(heads + (size_t)count * WEIR_BLOCK_HEADER, p.before + at, WEIR_BLOCK_HEADER);
        memcpy(raw + bytes, p.before + at + WEIR_BLOCK_HEADER, h[count].raw_bytes);
        bytes += h[count].raw_bytes;
    }
    assert_true(count > 2);
    begin_plan(&w);
    w.inlined = true;
    weir_heads_encode(heads, count, &w);
    read_plan(&w, &r);
    assert_int_equal(weir_heads_decode(&r, h[0].previous_hash, count, again), WEIR_OK);
    assert_memory_equal(again, heads, (size_t)count * WEIR_BLOCK_HEADER);
    end_plan(&w, &r);
    begin_plan(&w);
    assert_int_equal(weir_columns_encode(h, count, raw, &w), WEIR_OK);
    read_plan(&w, &r);
    assert_true(weir_columns_budget((uint32_t)bytes) > bytes);
    assert_int_equal(weir_columns_decode(&r, h, count, again), WEIR_OK);
    assert_memory_equal(again, raw, bytes);
    end_plan(&w, &r);
    tear_down_segment(&p);
}

/* Into a descriptor that nothing can be written to. */
static void a_packer_says_what_failed(void **state) {
    (void)state;
    static packs p;
    weir_packer *packer;
    int64_t result = 0;
    set_up_segment(&p, 3);
    assert_int_equal(weir_packer_make(&p.os, -1, p.before, 1 << 20, &packer), WEIR_OK);
    assert_int_equal(weir_packer_add(packer, p.before + WEIR_BLOCK_ALIGN,
                                     p.before + WEIR_BLOCK_ALIGN + WEIR_BLOCK_HEADER, &result),
                     WEIR_OK);
    assert_int_equal(weir_packer_finish(packer, &result), WEIR_IO);
    assert_int_equal(result, -EBADF);
    assert_int_equal(weir_packer_bytes(packer), WEIR_PACKED_HEADER);
    weir_packer_free(packer);
    assert_int_equal(weir_packer_make(&p.os, -1, p.before + 1, 1 << 20, &packer), WEIR_DAMAGED);
    tear_down_segment(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_and_columns_come_back),
        cmocka_unit_test(a_packer_says_what_failed),
        cmocka_unit_test(headers_come_back),
        cmocka_unit_test(numbers_and_streams_come_back),
        cmocka_unit_test(values_of_a_column_come_back),
        cmocka_unit_test(whatever_rows_a_segment_has_they_come_back),
        cmocka_unit_test(a_death_at_any_step_loses_nothing),
        cmocka_unit_test(a_stop_at_any_block_leaves_the_segment),
        cmocka_unit_test(a_call_that_fails_loses_nothing),
        cmocka_unit_test(a_packed_file_is_no_segment_of_the_journal_itself),
        cmocka_unit_test(what_is_deleted_while_it_is_packed_does_not_come_back),
        cmocka_unit_test(what_cannot_be_read_back_replaces_nothing),
        cmocka_unit_test(a_damaged_segment_stays_as_it_is),
        cmocka_unit_test(every_byte_is_covered),
        cmocka_unit_test(reals_become_integers_where_that_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
