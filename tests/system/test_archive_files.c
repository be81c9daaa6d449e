/* test_archive_files.c - what is in an archive, and what archive prune deletes of it. */
/* Covers: recovery/archive_files.c, recovery/archive/list.c, recovery/archive/prune.c */
#include "lib/format/named.h"
#include "lib/journal/sinks.h"
#include "tool.h"

static void archived_path(const fixture *f, int index, char *path) {
    struct dirent **list;
    char archive[300];
    (void)snprintf(archive, sizeof archive, "%s/archive", f->journal);
    int count = scandir(archive, &list, not_dots, alphasort);
    assert_true(count > index);
    (void)snprintf(path, 600, "%s/%.200s", archive, list[index]->d_name);
    for (int i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

static int archived_count(const fixture *f) {
    struct dirent **list;
    char archive[300];
    (void)snprintf(archive, sizeof archive, "%s/archive", f->journal);
    int count = scandir(archive, &list, not_dots, alphasort);
    for (int i = 0; i < count; i++)
        free(list[i]);
    free(list);
    return count;
}

static uint64_t number_after(const char *text, const char *key) {
    const char *at = strstr(text, key);
    if (!at) fail_msg("%s is not in %s", key, text);
    return strtoull(at + strlen(key), NULL, 10);
}

static void files_are_listed_with_their_rows(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_archive);
    uint64_t before = tree_hash(f->journal);
    run(f, "archive", "list", f->database, "--json", NULL);
    expect(f, CLEAN);
    assert_int_equal(lines(f->out), archived_count(f) + 1);
    uint64_t next = 1;
    for (const char *line = f->out; strstr(line, "\"archived\""); line = strchr(line, '\n') + 1) {
        assert_int_equal(number_after(line, "\"first_row\":"), next); /* no gap, no row twice */
        next = number_after(line, "\"last_row\":") + 1;
        assert_non_null(strstr(line, "\"readable\":true"));
    }
    assert_int_equal(number_after(f->out, "\"files\":"), archived_count(f));
    run(f, "archive", "list", f->database, NULL);
    expect(f, CLEAN);
    for (const char *line = f->out; *line; line = strchr(line, '\n') + 1)
        assert_true(strchr(line, '\n') - line <= 80);
    assert_int_equal(tree_hash(f->journal), before);
}

static void a_journal_without_an_archive_has_an_empty_list(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    run(f, "archive", "list", f->database, NULL);
    expect(f, CLEAN);
    expect_text(f->out, "0 files, 0 rows, 0 bytes");
}

static void spoil_byte(const char *path, long at) {
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 1, file), byte ^ 1);
    assert_int_equal(fclose(file), 0);
}

/* What a damaged one held is said by its neighbours. */
static void a_damaged_file_is_named_with_its_rows(void **state) {
    fixture *f = *state;
    static const long places[] = {100, 4096 + 40};
    static const char *const whys[] = {"its header is damaged", "a block in it is damaged"};
    char path[600], rows[80];
    in_a_child(f, leave_archive);
    run(f, "archive", "list", f->database, "--json", NULL);
    const char *second = strchr(f->out, '\n') + 1;
    uint64_t first_row = number_after(second, "\"first_row\":");
    uint64_t last_row = number_after(second, "\"last_row\":");
    (void)snprintf(rows, sizeof rows, "%llu to %llu", (unsigned long long)first_row,
                   (unsigned long long)last_row);
    archived_path(f, 1, path);
    for (int i = 0; i < 2; i++) {
        spoil_byte(path, places[i]);
        run(f, "archive", "list", f->database, NULL);
        expect(f, DAMAGE);
        expect_text(f->out, whys[i]);
        expect_text(f->out, rows);
        spoil_byte(path, places[i]);
    }
}

/* ---- prune ----------------------------------------------------------------------------- */

static void a_bound_is_needed(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_archive);
    run(f, "archive", "prune", f->database, NULL);
    expect(f, USAGE);
    expect_text(f->err, "needs a bound");
    run(f, "archive", "prune", f->database, "--passed", NULL);
    expect(f, FAILED);
    expect_text(f->err, "no named reader");
}

static void the_oldest_go_first(void **state) {
    fixture *f = *state;
    char oldest[600], second[600];
    in_a_child(f, leave_archive);
    int count = archived_count(f);
    char keep[24];
    run(f, "archive", "list", f->database, "--json", NULL);
    const char *sum = strstr(f->out, "\"type\":\"archive\"");
    assert_non_null(sum);
    (void)snprintf(keep, sizeof keep, "%llu", /* what is after the first two */
                   (unsigned long long)(number_after(sum, "\"rows\":") -
                                        number_after(f->out, "\"rows\":") -
                                        number_after(strchr(f->out, '\n'), "\"rows\":")));
    archived_path(f, 1, oldest);
    archived_path(f, 2, second);
    uint64_t before = tree_hash(f->journal);
    run(f, "archive", "prune", f->database, "--keep-rows", keep, "--dry-run", NULL);
    expect(f, CLEAN);
    expect_text(f->out, "would delete 2 files");
    assert_int_equal(tree_hash(f->journal), before);
    run(f, "archive", "prune", f->database, "--keep-rows", keep, NULL);
    expect(f, CLEAN);
    assert_int_equal(archived_count(f), count - 2);
    assert_false(is_there(oldest));
    assert_true(is_there(second));
    run(f, "archive", "prune", f->database, "--max-age", "3600", NULL);
    expect(f, CLEAN);
    assert_int_equal(archived_count(f), count - 2);
    run(f, "archive", "prune", f->database, "--keep-bytes", "1048576", NULL);
    expect(f, CLEAN);
    assert_true(archived_count(f) <= 1); /* one may be larger */
    run(f, "archive", "prune", f->database, "--keep-bytes", "0", NULL);
    expect(f, CLEAN);
    assert_int_equal(archived_count(f), 0);
}

static void what_the_database_lacks_stays(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_archive);
    int count = archived_count(f);
    weir_sql_run(f->database, "UPDATE weir_position SET block = 0, row = 0");
    run(f, "archive", "prune", f->database, "--keep-bytes", "0", NULL);
    expect(f, CLEAN);
    expect_text(f->out, "has not applied all of it");
    assert_int_equal(archived_count(f), count);
    assert_int_equal(unlink(f->database), 0);
    run(f, "archive", "prune", f->journal, "--keep-bytes", "0", NULL);
    expect(f, FAILED);
    assert_int_equal(archived_count(f), count);
}

static void write_named(const fixture *f, uint64_t row) {
    char path[600];
    uint8_t bytes[WEIR_NAMED_BYTES], header[WEIR_SEGMENT_HEADER];
    weir_named reader = {.name = "slow", .hold_bytes = 1, .mark.at.row = row};
    weir_segment_header h;
    archived_path(f, 0, path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(header, 1, sizeof header, file), sizeof header);
    (void)fclose(file);
    assert_int_equal(weir_segment_header_decode(header, &h), WEIR_OK);
    weir_id_copy(reader.mark.at.journal, h.journal);
    if (row) reader.mark.at.block = reader.mark.at.hash = reader.mark.row_hash = 1;
    weir_named_encode(bytes, &reader);
    (void)snprintf(path, sizeof path, "%s/readers", f->journal);
    (void)mkdir(path, 0700);
    (void)snprintf(path, sizeof path, "%s/readers/slow", f->journal);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, sizeof bytes, file), sizeof bytes);
    assert_int_equal(fclose(file), 0);
}

static void what_a_reader_has_not_passed_stays(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_archive);
    int count = archived_count(f);
    run(f, "archive", "list", f->database, "--json", NULL);
    uint64_t last_row = number_after(strchr(f->out, '\n'), "\"last_row\":"); /* of the second */
    write_named(f, last_row - 1);
    run(f, "archive", "prune", f->database, "--keep-bytes", "0", NULL);
    expect(f, CLEAN);
    expect_text(f->out, "this reader has not passed it: slow");
    assert_int_equal(archived_count(f), count - 1); /* the first has no rows */
    write_named(f, last_row);
    run(f, "archive", "prune", f->database, "--passed", NULL);
    expect(f, CLEAN);
    assert_int_equal(archived_count(f), count - 2);
}

/* As one that a user may not read: what it needs is not known, so nothing goes. */
static void a_reader_that_cannot_be_read_holds_everything(void **state) {
    fixture *f = *state;
    char path[600];
    in_a_child(f, leave_archive);
    int count = archived_count(f);
    write_named(f, 1);
    (void)snprintf(path, sizeof path, "%s/readers/slow", f->journal);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("slow", path), 0); /* to itself */
    run(f, "archive", "prune", f->database, "--keep-bytes", "0", NULL);
    expect(f, FAILED);
    expect_text(f->err, "the reader slow cannot be read, so nobody knows what it needs");
    assert_int_equal(archived_count(f), count);
}

/* ---- prune, and sinks ------------------------------------------------------------------- */

static void first_header(const fixture *f, int index, weir_segment_header *h) {
    char path[600];
    uint8_t header[WEIR_SEGMENT_HEADER];
    archived_path(f, index, path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(header, 1, sizeof header, file), sizeof header);
    (void)fclose(file);
    assert_int_equal(weir_segment_header_decode(header, h), WEIR_OK);
}

/* A sink of that journal which has all before the archived file of this index. */
static void write_sink(const fixture *f, int index, const weir_id journal, weir_sink_state state) {
    weir_segment_header h;
    weir_error error = {0};
    weir_sink_record record = {.name = "central", .kind = "postgres", .state = state};
    first_header(f, index, &h);
    record.safe.block = h.first_block - 1;
    record.safe.row = h.first_row - 1;
    record.safe.hash = h.before.hash;
    record.begin = 1;
    weir_id_copy(record.safe.journal, journal ? journal : h.journal);
    if (weir_sink_record_write(weir_os_posix(), WEIR_OS_CWD, f->journal, &record, &error) !=
        WEIR_OK)
        fail_msg("%s", error.text);
}

static void what_a_sink_lacks_stays(void **state) {
    fixture *f = *state;
    static const weir_id other = {1, 2, 3};
    in_a_child(f, leave_archive);
    int count = archived_count(f);
    assert_true(count > 3);
    for (int held = WEIR_SINK_ATTACHED; held <= WEIR_SINK_DETACHED; held++) {
        write_sink(f, 1, NULL, (weir_sink_state)held);
        run(f, "archive", "prune", f->database, "--keep-bytes", "0", NULL);
        expect(f, CLEAN);
        expect_text(f->out, "this sink has not got it: central");
        assert_int_equal(archived_count(f), --count); /* the first it has */
    }
    write_sink(f, 0, other, WEIR_SINK_DETACHED);
    run(f, "archive", "prune", f->database, "--keep-bytes", "0", NULL);
    expect(f, CLEAN);
    assert_int_equal(archived_count(f), 0);
}

static void a_sink_that_cannot_be_read_holds_everything(void **state) {
    fixture *f = *state;
    char path[600];
    in_a_child(f, leave_archive);
    int count = archived_count(f);
    write_sink(f, 0, NULL, WEIR_SINK_DETACHED);
    (void)snprintf(path, sizeof path, "%s/sinks/central", f->journal);
    spoil_byte(path, 44);
    for (int i = 0; i < 2; i++) {
        run(f, "archive", "prune", f->database, "--keep-bytes", "0", NULL);
        expect(f, FAILED);
        expect_text(f->err, "sinks/central cannot be read, so nobody knows what this sink needs");
        assert_int_equal(archived_count(f), count);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("central", path), 0); /* to itself */
    }
}

/* Its record gets its name while files are deleted. */
static void what_a_new_sink_begins_with_stays(void **state) {
    fixture *f = *state;
    char late[600], name[600];
    if (WEIR_SANITIZED) skip();
    in_a_child(f, leave_archive);
    int count = archived_count(f);
    write_sink(f, 1, NULL, WEIR_SINK_ATTACHED);
    (void)snprintf(name, sizeof name, "%s/sinks/central", f->journal);
    (void)snprintf(late, sizeof late, "%s/central", f->journal);
    assert_int_equal(rename(name, late), 0);
    (void)setenv("WEIR_LATE", late, 1);
    (void)setenv("WEIR_LATE_NAME", name, 1);
    (void)setenv("LD_PRELOAD", WEIR_LATE, 1);
    run(f, "archive", "prune", f->database, "--keep-bytes", "0", NULL);
    (void)unsetenv("LD_PRELOAD");
    expect(f, CLEAN);
    expect_text(f->out, "this sink has not got it: central");
    assert_int_equal(archived_count(f), count - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(files_are_listed_with_their_rows),
        TEST(a_journal_without_an_archive_has_an_empty_list),
        TEST(a_damaged_file_is_named_with_its_rows),
        TEST(a_bound_is_needed),
        TEST(the_oldest_go_first),
        TEST(what_the_database_lacks_stays),
        TEST(what_a_reader_has_not_passed_stays),
        TEST(a_reader_that_cannot_be_read_holds_everything),
        TEST(what_a_sink_lacks_stays),
        TEST(a_sink_that_cannot_be_read_holds_everything),
        TEST(what_a_new_sink_begins_with_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
