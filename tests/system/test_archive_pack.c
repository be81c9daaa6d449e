/* test_archive_pack.c - the verb archive pack, on an archive that a real process left. */
/* Covers: recovery/archive/pack.c, recovery/archive/pack_segment.c */
#include "tool.h"

enum { MANY = 400000 };

/* Some segments of rows that do not shrink to nothing. */
static void leave_many_rows(const fixture *f) {
    weir_options options = {.archive = 1, .segment_bytes = 1 << 20};
    weir_rng rng = {1};
    weir *w = open_here(f, &options);
    weir_table *table = declare(w, "t");
    for (int64_t id = 1; id <= MANY; id++)
        must(weir_append(table, weir_int(id), weir_real((double)weir_rng_below(&rng, 1 << 20)),
                         weir_text(id % 3 ? "household" : "firm"), weir_null()),
             12);
    reach(w, WEIR_APPLIED);
    must(weir_close(w), 16);
}

static char archive[300];

static void leave_to_pack(fixture *f) {
    in_a_child(f, leave_many_rows);
    f->binary = WEIR_TOOL;
    (void)snprintf(archive, sizeof archive, "%s/archive", f->journal);
    assert_true(has_name(archive, "segment-"));
}

static size_t count_names(const char *begins) {
    DIR *dir = opendir(archive);
    size_t count = 0;
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += strncmp(entry->d_name, begins, strlen(begins)) == 0;
    closedir(dir);
    return count;
}

static uint64_t dump_hash(fixture *f) {
    run(f, "dump", "--archive", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), MANY);
    return weir_hash(f->out, strlen(f->out));
}

static void packed_segments_are_read_like_others(void **state) {
    fixture *f = *state;
    leave_to_pack(f);
    size_t plain = count_names("segment-");
    assert_true(plain >= 2);
    uint64_t before = dump_hash(f);
    run(f, "archive", "pack", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "segments packed");
    assert_int_equal(count_names("segment-"), 0);
    assert_int_equal(count_names("packed-segment-"), plain);
    assert_int_equal(count_names("packed.new"), 0);
    assert_int_equal(dump_hash(f), before);
    run(f, "verify", "--archive", f->database, NULL), expect(f, CLEAN);
    run(f, "archive", "list", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "packed");
    run(f, "replay", "--into", f->other, f->database, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->other), MANY);
    run(f, "archive", "pack", "--json", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "{\"type\":\"pack\",\"dry_run\":false,\"stopped\":false,\"packed\":0,");
}

/* A program that opens the journal again gives no number twice, and archives beside them. */
static void the_journal_goes_on_beside_packed_segments(void **state) {
    fixture *f = *state;
    leave_to_pack(f);
    run(f, "archive", "pack", f->database, NULL), expect(f, CLEAN);
    in_a_child(f, leave_many_rows);
    run(f, "verify", "--archive", f->database, NULL), expect(f, CLEAN);
    run(f, "replay", "--into", f->other, f->database, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->other), 2 * MANY);
}

static void a_dry_run_changes_nothing(void **state) {
    fixture *f = *state;
    leave_to_pack(f);
    uint64_t before = tree_hash(f->directory);
    run(f, "archive", "pack", "--dry-run", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "would be packed");
    assert_int_equal(tree_hash(f->directory), before);
}

static void the_newest_may_stay_plain(void **state) {
    fixture *f = *state;
    leave_to_pack(f);
    size_t plain = count_names("segment-");
    run(f, "archive", "pack", "--keep-plain", "1", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(count_names("segment-"), 1);
    assert_int_equal(count_names("packed-segment-"), plain - 1);
    run(f, "verify", "--archive", f->database, NULL), expect(f, CLEAN);
}

static const char *first_packed(void) {
    static char path[600];
    struct dirent **list;
    int count = scandir(archive, &list, not_dots, alphasort);
    path[0] = 0;
    for (int i = 0; i < count; i++) {
        if (!path[0] && strncmp(list[i]->d_name, "packed-segment-", 15) == 0)
            (void)snprintf(path, sizeof path, "%s/%s", archive, list[i]->d_name);
        free(list[i]);
    }
    free(list);
    assert_true(path[0]);
    return path;
}

/* As with any other segment: which block, which rows; and what is not hurt can be read. */
static void damage_is_told_with_blocks_and_rows(void **state) {
    fixture *f = *state;
    leave_to_pack(f);
    run(f, "archive", "pack", f->database, NULL), expect(f, CLEAN);
    size_t bytes;
    uint8_t *content = weir_file_read(first_packed(), &bytes);
    uint8_t turned = content[bytes - 2000] ^ 1;
    patch(first_packed(), bytes - 2000, &turned, 1);
    free(content);
    run(f, "verify", "--archive", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "rows ");
    run(f, "verify", "--archive", "--json", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "\"first_row\":");
    run(f, "dump", "--archive", f->database, NULL), expect(f, DAMAGE);
    assert_true(lines(f->out) > 0 && lines(f->out) < MANY);
}

/* A crash between the two names leaves both. */
static void the_plain_one_counts_while_both_are_there(void **state) {
    fixture *f = *state;
    char plain[600];
    size_t bytes;
    leave_to_pack(f);
    (void)snprintf(plain, sizeof plain, "%s/segment-00000000000000000001", archive);
    uint8_t *content = weir_file_read(plain, &bytes);
    uint64_t before = dump_hash(f);
    run(f, "archive", "pack", f->database, NULL), expect(f, CLEAN);
    size_t packed = count_names("packed-segment-");
    weir_file_write(plain, content, bytes);
    free(content);
    weir_file_write(first_packed(), "rubbish", 7);
    assert_int_equal(dump_hash(f), before);
    run(f, "archive", "pack", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(count_names("segment-"), 0);
    assert_int_equal(count_names("packed-segment-"), packed);
    assert_int_equal(dump_hash(f), before);
}

static void one_pack_at_a_time(void **state) {
    fixture *f = *state;
    char lock[600];
    int64_t holder;
    leave_to_pack(f);
    (void)snprintf(lock, sizeof lock, "%s/lock", archive);
    const weir_os *os = weir_os_posix();
    int file = os->open(os->self, WEIR_OS_CWD, lock, WEIR_OS_READ | WEIR_OS_WRITE | WEIR_OS_CREATE);
    assert_true(file > 0);
    assert_int_equal(os->lock(os->self, file, &holder), 0);
    run(f, "archive", "pack", f->database, NULL), expect(f, FAILED);
    expect_text(f->err, "packs this archive");
    assert_int_equal(count_names("packed"), 0);
    assert_true(os->close(os->self, file) >= 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(packed_segments_are_read_like_others),
        TEST(the_journal_goes_on_beside_packed_segments),
        TEST(a_dry_run_changes_nothing),
        TEST(the_newest_may_stay_plain),
        TEST(damage_is_told_with_blocks_and_rows),
        TEST(the_plain_one_counts_while_both_are_there),
        TEST(one_pack_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
