/* test_archive_pack.c - the verb archive pack, on an archive that a real process left. */
/* Covers: recovery/archive/pack.c, recovery/archive/pack_segment.c */
#include <signal.h>

#include <weir/read.h>

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

/* Not applied by anybody when the process ends: they stay in the journal. */
static void leave_more_rows(const fixture *f) {
    weir *w = open_here(f, &(weir_options){.archive = 1, .segment_bytes = 1 << 20});
    weir_table *table = declare(w, "t");
    for (int64_t id = MANY + 1; id <= MANY + 100; id++)
        must(weir_append(table, weir_int(id), weir_real(0.5), weir_text("new"), weir_null()), 12);
    reach(w, WEIR_DURABLE);
    die();
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

/* ---- Ctrl-C ---------------------------------------------------------------------------------- */

/* Some time after it has begun to write. false: it was faster. */
static bool pack_and_interrupt(fixture *f, unsigned delay_us) {
    char *arguments[] = {(char *)(uintptr_t) "weir", (char *)(uintptr_t) "archive",
                         (char *)(uintptr_t) "pack", f->database, NULL};
    char out[300], err[300], aside[600];
    int status;
    (void)snprintf(out, sizeof out, "%s/pack.out", f->directory);
    (void)snprintf(err, sizeof err, "%s/pack.err", f->directory);
    (void)snprintf(aside, sizeof aside, "%s/packed.new", archive);
    pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGINT, SIG_DFL); /* whoever started the tests may have it ignored */
        become_the_tool(f, arguments, out, err);
    }
    pid_t ended = 0;
    while (!is_there(aside) && (ended = waitpid(child, &status, WNOHANG)) == 0)
        (void)usleep(100);
    (void)usleep(delay_us);
    if (ended == 0) {
        assert_int_equal(kill(child, SIGINT), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == CLEAN) return false;
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    char *said = weir_file_text(err);
    expect_text(said, "stopped before segment ");
    expect_text(said, "the same command goes on there");
    free(said);
    return true;
}

/* In the middle of a segment, at several moments. */
static void after_an_interrupt_the_same_command_goes_on(void **state) {
    static const unsigned delays_us[] = {0, 0, 3000, 10000, 30000};
    fixture *f = *state;
    leave_to_pack(f);
    size_t segments = count_names("segment-"), stops = 0;
    uint64_t before = dump_hash(f);
    for (size_t i = 0; i < sizeof delays_us / sizeof *delays_us; i++) {
        stops += pack_and_interrupt(f, delays_us[i]);
        assert_int_equal(count_names("packed.new"), 0);
        assert_int_equal(count_names("segment-") + count_names("packed-segment-"), segments);
        assert_int_equal(dump_hash(f), before);
    }
    assert_true(stops > 0);
    run(f, "archive", "pack", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(count_names("segment-"), 0);
    assert_int_equal(count_names("packed-segment-"), segments);
    assert_int_equal(dump_hash(f), before);
}

/* ---- <weir/read.h> --------------------------------------------------------------------------- */

static weir_reading *reading;
static struct weir_read_item item;
static int64_t next_id; /* which is the row's number too */

static void begin_reading(const fixture *f) {
    must(weir_read_open(f->journal, &(weir_read_options){.from_row = 1}, &reading), 30);
    next_id = 1;
}

static int read_item(void) {
    int status;
    do
        status = weir_read_next(reading, &item);
    while (status == WEIR_OK && item.kind == WEIR_READ_OPENED);
    return status;
}

/* Each once and in order; a gap or a loss is none of them. */
static void read_up_to(int64_t last) {
    for (; next_id <= last; next_id++) {
        int status = read_item();
        if (status != WEIR_OK || item.kind != WEIR_READ_ROW)
            fail_msg("row %lld: %s, %s", (long long)next_id, weir_status_name(status),
                     item.text ? item.text : weir_last_error());
        assert_int_equal(item.row, next_id);
        assert_int_equal(item.values[0].as.integer, next_id);
        assert_string_equal(item.table, "t");
    }
}

static void end_reading(void) {
    assert_int_equal(read_item(), WEIR_PENDING);
    weir_read_close(reading);
}

static void a_reading_goes_from_packed_segments_into_live_ones(void **state) {
    fixture *f = *state;
    leave_to_pack(f);
    run(f, "archive", "pack", f->database, NULL), expect(f, CLEAN);
    begin_reading(f);
    read_up_to(MANY);
    in_a_child(f, leave_more_rows);
    must(weir_read_wait(reading, 10000), 31);
    read_up_to(MANY + 100);
    end_reading();
    begin_reading(f); /* all at once */
    read_up_to(MANY + 100);
    end_reading();
}

/* A segment that is read, those after it, and those that a reading waits for. */
static void a_reading_goes_on_while_segments_are_packed_beneath_it(void **state) {
    fixture *f = *state;
    leave_to_pack(f);
    begin_reading(f);
    read_up_to(MANY / 100);
    run(f, "archive", "pack", "--keep-plain", "1", f->database, NULL), expect(f, CLEAN);
    read_up_to(MANY - MANY / 100);
    run(f, "archive", "pack", f->database, NULL), expect(f, CLEAN);
    read_up_to(MANY);
    assert_int_equal(read_item(), WEIR_PENDING);
    in_a_child(f, leave_many_rows);
    run(f, "archive", "pack", f->database, NULL), expect(f, CLEAN);
    must(weir_read_wait(reading, 10000), 32);
    for (int64_t id = 1; id <= MANY; id++) {
        if (read_item() != WEIR_OK || item.kind != WEIR_READ_ROW)
            fail_msg("row %lld: %s", (long long)(MANY + id), item.text ? item.text : "none");
        assert_int_equal(item.row, MANY + id);
        assert_int_equal(item.values[0].as.integer, id);
    }
    end_reading();
}

/* Reads to the end. Returns how many rows are lost, each range in words. */
static int64_t read_past_damage(void) {
    int64_t lost = 0;
    int status;
    while ((status = read_item()) != WEIR_PENDING) {
        assert_int_equal(item.row, next_id);
        if (status == WEIR_OK) {
            assert_int_equal(item.kind, WEIR_READ_ROW);
            assert_int_equal(item.values[0].as.integer, next_id++);
            continue;
        }
        assert_int_equal(status, WEIR_DAMAGED);
        assert_int_equal(item.kind, WEIR_READ_LOST);
        expect_text(item.text, "are damaged or missing: ");
        lost += (int64_t)(item.last_row - item.row + 1);
        next_id = (int64_t)item.last_row + 1;
    }
    assert_int_equal(next_id, MANY + 1);
    weir_read_close(reading);
    return lost;
}

/* In a group's columns, in its header, in the file's header; and nothing that is packed at all. */
static void a_damaged_packed_segment_is_a_loss_in_words(void **state) {
    fixture *f = *state;
    size_t bytes;
    static const uint8_t noise[512] = {7, 7, 7};
    leave_to_pack(f);
    run(f, "archive", "pack", f->database, NULL), expect(f, CLEAN);
    uint8_t *sound = weir_file_read(first_packed(), &bytes);
    const uint64_t places[] = {bytes - 2000, 512, 0};
    for (size_t i = 0; i < 3; i++) {
        patch(first_packed(), places[i], noise, sizeof noise);
        begin_reading(f);
        int64_t lost = read_past_damage();
        /* The groups and the next segment say all that the file's header does. */
        assert_true(places[i] ? lost > 0 && lost < MANY : lost == 0);
        weir_file_write(first_packed(), sound, bytes);
    }
    weir_file_write(first_packed(), "rubbish", 7);
    begin_reading(f);
    assert_true(read_past_damage() > 0);
    weir_file_write(first_packed(), sound, bytes);
    free(sound);
    begin_reading(f);
    read_up_to(MANY);
    end_reading();
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
        TEST(after_an_interrupt_the_same_command_goes_on),
        TEST(a_reading_goes_from_packed_segments_into_live_ones),
        TEST(a_reading_goes_on_while_segments_are_packed_beneath_it),
        TEST(a_damaged_packed_segment_is_a_loss_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
