/* test_reading.c - <weir/read.h> on journals that a program writes meanwhile, or wrote once.
 *
 * Row n of the journal holds the number n, so whatever is read can be judged without a second list. */
/* Covers: lib/read/read.c, lib/read/stretch.c, lib/read/settle.c, lib/read/missing.c,
 * lib/read/place_text.c, lib/verify/archive.c, lib/journal/held.c */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/log.h>
#include <weir/read.h>
#include <weir/sqlite.h>

#include "forge.h"
#include "lib/verify/readers.h"

enum { SEGMENT = 1 << 20, TEXT = 20000, WAIT_MS = 10000 };

static char directory[256], database[300], journal[310];
static weir *w;
static weir_table *table;
static weir_reading *r;
static int64_t written;
static struct weir_read_item item;
static _Atomic int passed, answered; /* events, and those in which the library answered */
static char text[TEXT];
static weir_rng rng = {7};

/* With the calls that the header allows there. */
static void count_passed(void *context, weir_event event, const char *words) {
    (void)context;
    if (event != WEIR_EVENT_READER_PASSED) return;
    struct weir_stats stats = {0};
    atomic_fetch_add(&passed, 1);
    bool right = weir_stats(w, &stats) == WEIR_OK && stats.rows_passed > 0 && *words &&
                 *weir_version() && *weir_status_text(WEIR_OK);
    if (right) atomic_fetch_add(&answered, 1);
}

static int set_up(void **state) {
    (void)state;
    (void)snprintf(directory, sizeof directory, "%s", weir_temp_make());
    (void)snprintf(database, sizeof database, "%s/r.db", directory);
    (void)snprintf(journal, sizeof journal, "%s-weir", database);
    w = NULL;
    r = NULL;
    written = 0;
    atomic_store(&passed, 0);
    atomic_store(&answered, 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    weir_read_close(r);
    if (w) (void)weir_close(w);
    weir_temp_remove(directory);
    return 0;
}

static void must(int status) {
    if (status != WEIR_OK) fail_msg("%s: %s", weir_status_name(status), weir_last_error());
}

static void open_as(const weir_options *o) {
    static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"text", WEIR_TEXT}};
    weir_options all = *o;
    all.segment_bytes = SEGMENT;
    all.lane_bytes = 1 << 20;
    all.on_event = count_passed;
    must(weir_open_sqlite(database, &all, &w));
    must(weir_declare(w, "t", columns, 2, &table));
}

/* An empty file, which takes the rows of the journal; one that is missing would be refused. */
static void make_database(void) { weir_file_write(database, "", 0); }

static void open_writer(void) {
    const weir_options o = {0};
    open_as(&o);
}

static void close_writer(void) {
    must(weir_close(w));
    w = NULL;
}

/* Rows of some 10 KB that zstd cannot make smaller: a hundred fill a segment. */
static void make_text(void) {
    weir_rng_fill(&rng, text, sizeof text / 2);
    for (size_t k = 0; k < sizeof text / 2; k++)
        text[k] = (char)('0' + (text[k] & 63));
}

static void append_rows(int rows) {
    for (int i = 0; i < rows; i++) {
        make_text();
        weir_value values[] = {weir_int(++written), weir_text_n(text, sizeof text / 2)};
        must(weir_append_row(table, values, 2, NULL));
    }
    must(weir_sync(w, WEIR_DURABLE, WAIT_MS));
}

/* A block never ends within a batch. */
static void append_one_block(void) {
    weir_value values[10 * 2];
    make_text();
    for (size_t i = 0; i < 10; i++) {
        values[2 * i] = weir_int(++written);
        values[2 * i + 1] = weir_text_n(text, sizeof text / 2);
    }
    must(weir_append_rows(table, values, 2, 10, NULL));
    must(weir_sync(w, WEIR_DURABLE, WAIT_MS));
}

static size_t segments_now(void) {
    size_t count = 0;
    DIR *dir = opendir(journal);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));)
        count += strncmp(e->d_name, "segment-", 8) == 0;
    closedir(dir);
    return count;
}

/* All is applied, and what may leave the journal has: the writer looks 100 ms later. */
static void settle_down(size_t segments) {
    must(weir_sync(w, WEIR_APPLIED, WAIT_MS));
    for (int i = 0; i < 500 && segments_now() > segments; i++)
        (void)usleep(10000);
    assert_true(segments_now() <= segments);
}

/* How many rows readers miss, once that grows no more. */
static uint64_t rows_passed(void) {
    struct weir_stats before = {0}, now = {0};
    for (int i = 0; i < 30; i++, before = now) {
        (void)usleep(400000);
        must(weir_stats(w, &now));
        if (now.rows_passed && now.rows_passed == before.rows_passed) return now.rows_passed;
    }
    fail_msg("%llu rows were passed", (unsigned long long)now.rows_passed);
    return 0;
}

static void open_reading(const weir_read_options *o) { must(weir_read_open(journal, o, &r)); }

static void close_reading(void) {
    weir_read_close(r);
    r = NULL;
}

static int next(void) { return weir_read_next(r, &item); }

static void expect_row(int64_t n) {
    int status = next();
    if (status != WEIR_OK)
        fail_msg("row %lld: %s (%s)", (long long)n, weir_status_name(status), weir_last_error());
    assert_int_equal(item.kind, WEIR_READ_ROW);
    assert_int_equal(item.row, n);
    assert_int_equal(item.values[0].as.integer, n);
    assert_string_equal(item.table, "t");
    assert_string_equal(item.column[1].name, "text");
    assert_int_equal(item.count, 2);
    assert_int_equal(item.values[1].length, sizeof text / 2);
    assert_true(item.time_ns > 0);
}

static void expect_rows(int64_t first, int64_t last) {
    for (int64_t n = first; n <= last; n++)
        expect_row(n);
}

static void expect_nothing(void) {
    assert_int_equal(next(), WEIR_PENDING);
    assert_int_equal(item.kind, WEIR_READ_NOTHING);
}

static void expect_item(weir_read_kind kind, uint64_t first, uint64_t last) {
    assert_int_equal(next(), kind == WEIR_READ_LOST ? WEIR_DAMAGED : WEIR_OK);
    assert_int_equal(item.kind, kind);
    assert_int_equal(item.row, first);
    assert_int_equal(item.last_row, last);
    assert_non_null(item.text);
}

/* ---- rows as they come --------------------------------------------------------------------- */

static void rows_come_once_they_are_durable(void **state) {
    (void)state;
    open_reading(NULL); /* before there is a journal */
    expect_nothing();
    assert_int_equal(weir_read_wait(r, 0), WEIR_PENDING);
    open_writer();
    append_rows(3);
    must(weir_read_wait(r, WAIT_MS));
    expect_rows(1, 3);
    expect_nothing();
    append_rows(2);
    must(weir_read_wait(r, WAIT_MS));
    expect_rows(4, 5);
    expect_nothing();
    weir_value values[] = {weir_int(6), weir_text_n(text, sizeof text / 2)};
    must(weir_append_row(table, values, 2, NULL));
    must(weir_read_wait(r, WAIT_MS)); /* it lingers, and comes then */
    expect_row(6);
}

static void segments_and_openings_are_crossed(void **state) {
    (void)state;
    open_writer();
    append_rows(1);
    open_reading(NULL);
    expect_row(1);
    for (int64_t n = 2; n < 400; n += 20) {
        append_rows(20);
        expect_rows(n, n + 19);
        expect_nothing();
    }
    close_writer();
    expect_nothing();
    open_writer();
    append_rows(2);
    expect_item(WEIR_READ_OPENED, 402, 402);
    expect_rows(402, 403);
    close_writer();
    open_writer(); /* twice, unseen */
    close_writer();
    open_writer();
    append_rows(1);
    expect_item(WEIR_READ_OPENED, 404, 404);
    int status;
    while ((status = next()) == WEIR_OK && item.kind == WEIR_READ_OPENED) {
    }
    must(status);
    assert_int_equal(item.row, 404);
    expect_nothing();
}

static void a_killed_program_is_followed(void **state) {
    (void)state;
    open_reading(NULL);
    for (int round = 0; round < 3; round++) {
        pid_t child = fork();
        if (child == 0) {
            open_writer();
            written = round * 150;
            append_rows(150);
            (void)kill(getpid(), SIGKILL);
        }
        int end;
        assert_int_equal(waitpid(child, &end, 0), child);
        assert_true(WIFSIGNALED(end));
        must(weir_read_wait(r, WAIT_MS));
        for (int64_t n = round * 150 + 1; n <= round * 150 + 150; n++) {
            int status = next();
            while (status == WEIR_OK && item.kind == WEIR_READ_OPENED)
                status = next();
            must(status);
            assert_int_equal(item.kind, WEIR_READ_ROW);
            assert_int_equal(item.row, n);
            assert_int_equal(item.values[0].as.integer, n);
        }
        expect_nothing();
    }
}

static void log_rows_are_expanded(void **state) {
    (void)state;
    open_writer();
    weir_log_warn(w, "order %d of %s", 7, "ACME");
    must(weir_sync(w, WEIR_DURABLE, WAIT_MS));
    open_reading(NULL);
    assert_int_equal(next(), WEIR_OK);
    assert_string_equal(item.table, "log");
    bool found = false;
    for (size_t i = 0; i < item.count; i++)
        if (strcmp(item.column[i].name, "message") == 0)
            found = item.values[i].length == 15 &&
                    memcmp(item.values[i].as.bytes, "order 7 of ACME", 15) == 0;
    assert_true(found);
}

/* No ring vouches for the last block, and no other block does: it may be gone after a power cut. */
static void a_block_that_no_mark_vouches_for_waits(void **state) {
    (void)state;
    static forge f;
    forge_begin(&f);
    forge_journal(&f, 1); /* each block says that the one before is durable */
    must(weir_read_open(f.directory, NULL, &r));
    for (uint64_t n = 1; n <= 20; n++) {
        must(next());
        assert_int_equal(item.row, n);
        assert_null(item.table); /* nobody declared it */
    }
    expect_nothing();
    expect_nothing();
    (void)forge_block(&f, WEIR_BLOCK_MARK, 0);
    forge_write(&f);
    must(weir_read_wait(r, WAIT_MS));
    for (uint64_t n = 21; n <= 30; n++) {
        must(next());
        assert_int_equal(item.row, n);
    }
    expect_nothing();
    close_reading();
    forge_end(&f);
}

/* ---- where it begins, and goes on ------------------------------------------------------------ */

static void a_cursor_goes_on_after_the_row(void **state) {
    (void)state;
    char cursor[WEIR_READ_CURSOR_BYTES];
    open_writer();
    append_rows(150); /* many in a block */
    open_reading(NULL);
    for (int64_t n = 1; n <= 150; n += 7) {
        expect_row(n);
        must(weir_read_cursor(r, cursor, sizeof cursor));
        close_reading();
        open_reading(&(weir_read_options){.after = cursor});
        for (int64_t k = n + 1; k < n + 7 && k <= 150; k++)
            expect_row(k);
    }
    expect_nothing();
    must(weir_read_cursor(r, cursor, sizeof cursor));
    close_writer();
    close_reading();
    open_reading(&(weir_read_options){.after = cursor});
    expect_nothing();
}

static void it_begins_where_it_is_told(void **state) {
    (void)state;
    open_writer();
    append_rows(30);
    open_reading(&(weir_read_options){.from_row = 17});
    expect_rows(17, 30);
    close_reading();
    open_reading(&(weir_read_options){.newest = 1});
    expect_nothing();
    append_rows(1);
    expect_row(31);
    close_reading();
    open_reading(&(weir_read_options){.from_row = 33});
    expect_nothing();
    append_rows(3);
    expect_rows(33, 34);
}

static void what_makes_no_sense_is_refused(void **state) {
    (void)state;
    char cursor[WEIR_READ_CURSOR_BYTES];
    open_writer();
    append_rows(1);
    const weir_read_options bad[] = {
        {.after = "weir1:", .from_row = 2},
        {.after = "nonsense"},
        {.hold_bytes = 1},
        {.name = "../lock"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(weir_read_open(journal, &bad[i], &r), WEIR_MISUSE);
    assert_null(r);
    open_reading(NULL);
    assert_int_equal(weir_read_keep(r), WEIR_MISUSE);
    assert_int_equal(weir_read_cursor(r, cursor, 10), WEIR_MISUSE);
    expect_row(1);
    must(weir_read_cursor(r, cursor, sizeof cursor));
    close_reading();
    for (size_t i = 0; cursor[i]; i++) { /* any changed character is seen */
        char changed[WEIR_READ_CURSOR_BYTES];
        memcpy(changed, cursor, sizeof changed);
        changed[i] = changed[i] == '7' ? '8' : '7';
        assert_int_equal(weir_read_open(journal, &(weir_read_options){.after = changed}, &r),
                         WEIR_MISUSE);
    }
}

/* ---- other histories ------------------------------------------------------------------------- */

static void a_cursor_of_another_history_is_refused(void **state) {
    (void)state;
    char cursor[WEIR_READ_CURSOR_BYTES], old[400];
    (void)snprintf(old, sizeof old, "%s/old", directory);
    open_writer();
    append_rows(5);
    close_writer();
    weir_file_copy_tree(journal, old);
    open_writer();
    append_rows(5);
    open_reading(NULL);
    int status;
    while ((status = next()) == WEIR_OK)
        ;
    assert_int_equal(status, WEIR_PENDING);
    must(weir_read_cursor(r, cursor, sizeof cursor));
    close_reading();
    close_writer();
    weir_temp_remove(journal);
    weir_file_copy_tree(old, journal); /* an older copy comes back, with the database */
    weir_temp_remove(database);
    open_reading(&(weir_read_options){.after = cursor});
    expect_nothing(); /* it has not come so far again */
    written = 100;
    make_database();
    open_writer();
    append_rows(6); /* other rows, with the same numbers */
    assert_int_equal(next(), WEIR_FOREIGN);
    assert_non_null(strstr(weir_last_error(), "another history"));
    assert_int_equal(next(), WEIR_FOREIGN);
}

static void another_journal_is_told(void **state) {
    (void)state;
    char cursor[WEIR_READ_CURSOR_BYTES];
    open_writer();
    append_rows(3);
    open_reading(NULL);
    expect_rows(1, 3);
    must(weir_read_cursor(r, cursor, sizeof cursor));
    close_writer();
    weir_temp_remove(journal);
    weir_temp_remove(database);
    expect_nothing();
    written = 0;
    open_writer();
    append_rows(2);
    for (int i = 0; i < 50 && next() == WEIR_PENDING; i++)
        (void)weir_read_wait(r, 200);
    assert_int_equal(item.kind, WEIR_READ_ANEW);
    expect_rows(1, 2);
    close_reading();
    assert_int_equal(weir_read_open(journal, &(weir_read_options){.after = cursor}, &r),
                     WEIR_FOREIGN);
}

/* The program dies before its mark is stored, and the last block gets another number. Rows keep theirs,
 * and so does a cursor that names one. */
static void a_cursor_survives_blocks_that_are_numbered_anew(void **state) {
    (void)state;
    char cursor[WEIR_READ_CURSOR_BYTES];
    open_writer();
    append_rows(2);
    open_reading(NULL);
    expect_rows(1, 2);
    must(weir_read_cursor(r, cursor, sizeof cursor));
    close_reading();
    char copy[400], ring[500];
    (void)snprintf(copy, sizeof copy, "%s/copy.db-weir", directory);
    weir_file_copy_tree(journal, copy); /* as a power cut leaves it, which takes the ring's pages */
    (void)snprintf(ring, sizeof ring, "%s/ring", copy);
    assert_int_equal(unlink(ring), 0);
    close_writer();
    (void)snprintf(database, sizeof database, "%s/copy.db", directory);
    (void)snprintf(journal, sizeof journal, "%s-weir", database);
    open_reading(&(weir_read_options){.after = cursor});
    expect_nothing();
    make_database();
    open_writer(); /* writes the block again */
    append_rows(1);
    int status;
    while ((status = next()) == WEIR_OK && item.kind == WEIR_READ_OPENED) {
    }
    must(status);
    assert_int_equal(item.row, 3);
}

/* ---- rows that have left ------------------------------------------------------------------- */

static void rows_that_left_are_a_gap(void **state) {
    (void)state;
    open_writer();
    append_one_block();
    open_reading(NULL);
    expect_rows(1, 5);
    append_rows(490);
    settle_down(1);
    int64_t n = 5;
    must(next());
    if (item.kind == WEIR_READ_ROW) { /* the block may have been decoded before it left */
        assert_int_equal(item.row, 6);
        expect_rows(7, 10);
        n = 10;
        must(next());
    }
    assert_int_equal(item.kind, WEIR_READ_GAP);
    assert_int_equal(item.row, n + 1);
    /* All have left where the mark behind the last block began a segment of its own. */
    assert_in_range(item.last_row, item.row + 1, 500);
    expect_rows((int64_t)item.last_row + 1, 500);
    expect_nothing();
}

static void a_named_reader_holds_rows_back(void **state) {
    (void)state;
    open_writer();
    append_rows(10);
    open_reading(&(weir_read_options){.name = "slow"});
    expect_rows(1, 7);
    must(weir_read_keep(r));
    close_reading();
    append_rows(590);
    settle_down(20);
    struct weir_stats stats;
    must(weir_stats(w, &stats));
    assert_int_equal(stats.rows_passed, 0);
    open_reading(&(weir_read_options){.name = "slow"});
    expect_rows(8, 600);
    expect_nothing();
    must(weir_read_keep(r));
    append_rows(100); /* the next release lets them all go */
    settle_down(4);
    assert_int_equal(atomic_load(&passed), 0);
}

static void beyond_its_limit_a_reader_misses_rows_and_is_told(void **state) {
    (void)state;
    open_writer();
    append_rows(10);
    open_reading(&(weir_read_options){.name = "slow", .hold_bytes = 2 * SEGMENT});
    expect_rows(1, 10);
    must(weir_read_keep(r));
    close_reading();
    append_rows(790);
    settle_down(5);
    uint64_t missed = rows_passed();
    assert_true(segments_now() >= 3); /* two that it holds */
    assert_true(atomic_load(&answered) > 0);
    open_reading(&(weir_read_options){.name = "slow"});
    must(next());
    assert_int_equal(item.kind, WEIR_READ_GAP);
    assert_int_equal(item.row, 11);
    assert_int_equal(missed, item.last_row - item.row + 1);
    expect_rows((int64_t)item.last_row + 1, 800);
    expect_nothing();
}

/* The limit of the journal is for rows that wait for the database: a reader never makes it full. */
static void a_reader_does_not_fill_the_journal(void **state) {
    (void)state;
    const weir_options o = {.journal_limit_bytes = 4 * SEGMENT, .full = WEIR_FULL_BLOCK};
    open_as(&o);
    append_rows(1);
    open_reading(&(weir_read_options){.name = "stuck", .hold_bytes = 1000 * SEGMENT});
    expect_row(1);
    must(weir_read_keep(r));
    for (int i = 0; i < 20; i++) {
        append_rows(50);
        must(weir_sync(w, WEIR_APPLIED, WAIT_MS));
    }
    struct weir_stats stats;
    must(weir_stats(w, &stats));
    assert_int_equal(stats.rows_refused, 0);
    assert_true(stats.journal_bytes <= 4 * SEGMENT);
    assert_true(stats.rows_passed > 0 && atomic_load(&answered) > 0);
}

static void a_broken_reader_holds_nothing(void **state) {
    (void)state;
    char path[400];
    open_writer();
    append_rows(1);
    open_reading(&(weir_read_options){.name = "broken"});
    must(weir_read_keep(r));
    close_reading();
    (void)snprintf(path, sizeof path, "%s/readers/broken", journal);
    weir_file_write(path, "nonsense", 8);
    append_rows(500);
    settle_down(3);
    assert_int_equal(weir_read_open(journal, &(weir_read_options){.name = "broken"}, &r),
                     WEIR_DAMAGED);
    assert_non_null(strstr(weir_last_error(), "forget"));
}

static void reading_goes_on_in_the_archive(void **state) {
    (void)state;
    const weir_options o = {.archive = 1};
    open_as(&o);
    append_rows(10);
    open_reading(&(weir_read_options){.name = "slow"}); /* holds nothing there */
    expect_rows(1, 10);
    append_rows(490);
    settle_down(3);
    expect_rows(11, 500);
    expect_nothing();
    close_reading();
    open_reading(&(weir_read_options){.from_row = 1});
    expect_rows(1, 500);
    assert_int_equal(atomic_load(&passed), 0);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void spoil_block_with(uint64_t row) {
    DIR *dir = opendir(journal);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        char path[600];
        size_t bytes;
        if (strncmp(e->d_name, "segment-", 8) != 0) continue;
        (void)snprintf(path, sizeof path, "%s/%s", journal, e->d_name);
        uint8_t *file = weir_file_read(path, &bytes);
        for (size_t at = 4096; at + 4096 <= bytes; at += 4096) {
            weir_block_header h;
            if (weir_block_header_decode(file + at, &h) != WEIR_OK || !h.rows) continue;
            if (row < h.first_row || row >= h.first_row + h.rows) continue;
            file[at + WEIR_BLOCK_HEADER + 30] ^= 0x55;
            weir_file_write(path, file, bytes);
        }
        free(file);
    }
    closedir(dir);
}

/* Closing lets go of a segment whose rows are all applied, unless somebody wants them. */
static void hold_from_row_1(void) {
    append_rows(1);
    open_reading(&(weir_read_options){.name = "holder"});
    expect_rows(1, 1);
    must(weir_read_keep(r));
    close_reading();
}

static void damage_is_told_and_passed_over(void **state) {
    (void)state;
    open_writer();
    hold_from_row_1();
    for (int i = 1; i < 6; i++)
        append_rows(1); /* a block each */
    close_writer();
    spoil_block_with(3);
    spoil_block_with(4);
    open_reading(NULL);
    expect_rows(1, 2);
    uint64_t next_row = 3;
    while (next_row < 5) { /* as one range, or block by block */
        assert_int_equal(next(), WEIR_DAMAGED);
        assert_int_equal(item.kind, WEIR_READ_LOST);
        assert_int_equal(item.row, next_row);
        next_row = item.last_row + 1;
    }
    assert_int_equal(next_row, 5);
    expect_rows(5, 6);
    expect_nothing();
}

static void damage_at_the_end_is_told_once(void **state) {
    (void)state;
    open_writer();
    hold_from_row_1();
    for (int i = 1; i < 4; i++)
        append_rows(1);
    open_reading(NULL);
    expect_rows(1, 2);
    close_writer();
    spoil_block_with(4);
    close_reading();
    open_reading(NULL);
    expect_rows(1, 3);
    expect_item(WEIR_READ_LOST, 4, 4);
    expect_nothing();
    expect_nothing();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(rows_come_once_they_are_durable),
        TEST(segments_and_openings_are_crossed),
        TEST(a_killed_program_is_followed),
        TEST(log_rows_are_expanded),
        TEST(a_block_that_no_mark_vouches_for_waits),
        TEST(a_cursor_goes_on_after_the_row),
        TEST(it_begins_where_it_is_told),
        TEST(what_makes_no_sense_is_refused),
        TEST(a_cursor_of_another_history_is_refused),
        TEST(another_journal_is_told),
        TEST(a_cursor_survives_blocks_that_are_numbered_anew),
        TEST(rows_that_left_are_a_gap),
        TEST(a_named_reader_holds_rows_back),
        TEST(beyond_its_limit_a_reader_misses_rows_and_is_told),
        TEST(a_reader_does_not_fill_the_journal),
        TEST(a_broken_reader_holds_nothing),
        TEST(reading_goes_on_in_the_archive),
        TEST(damage_is_told_and_passed_over),
        TEST(damage_at_the_end_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
