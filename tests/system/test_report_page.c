/* The page of weir report: what it shows of journals in every state, that it changes nothing, that no name
 * becomes markup, and that no value of a row is on it unasked. Where Chromium and tidy are, they look too. */
/* Covers: recovery/report_page/report_verb.c, recovery/report_page/page.c, recovery/report_page/page_verdict.c,
 * recovery/report_page/page_segments.c, recovery/report_page/page_time_line.c, recovery/report_page/page_ring.c,
 * recovery/report_page/page_database.c, recovery/report_page/page_tables.c,
 * recovery/report_page/page_environment.c, recovery/report_page/block_map.c, recovery/report_page/markup.c,
 * recovery/report_page/page_kept.c, recovery/copies.c */
#include "lib/format/named.h"
#include "no_sync.h"
#include "tool.h"

#define EVIL "<img src=x onerror=\"hacked=1\">'&\xE2\x80\xAE\x01</script><script>hacked=1</script>"
enum { MANY = 1500, PAGE_MAX = 200 << 10 };

static char page_path[300];

static const char *page_of(const fixture *f) {
    (void)snprintf(page_path, sizeof page_path, "%s/page.html", f->directory);
    return page_path;
}

/* The page's text, which is the caller's; it was made without a change to the journal or the database. */
static char *report_with(fixture *f, int code, const char *option) {
    uint64_t before = tree_hash(f->journal);
    uint64_t database = is_there(f->database) ? tree_hash(f->database) : 0;
    run(f, "report", f->database, "-o", page_of(f), option, NULL), expect(f, code);
    assert_true(tree_hash(f->journal) == before);
    assert_true((is_there(f->database) ? tree_hash(f->database) : 0) == database);
    assert_false(has_name(f->directory, "page.html."));
    return weir_file_text(page_path);
}

static size_t times(const char *text, const char *part) {
    size_t count = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        count++;
    return count;
}

static void expect_no_text(const char *text, const char *part) {
    if (strstr(text, part)) fail_msg("'%s' is in:\n%.4000s", part, text);
}

/* How many things the cells of that class stand for. */
static size_t things_of(const char *text, const char *style) {
    char begin[64];
    size_t count = 0;
    (void)snprintf(begin, sizeof begin, "<rect class=\"%s\" x=", style);
    for (; (text = strstr(text, begin)); text++) {
        const char *things = strstr(text, "data-things=\"");
        assert_non_null(things);
        count += strtoul(things + strlen("data-things=\""), NULL, 10);
    }
    return count;
}

/* Rot in the block that begins with this row. */
static void damage_row(const fixture *f, uint64_t row) {
    const char *segment = first_segment(f);
    patch(segment, offset_of_row(segment, row) + WEIR_BLOCK_HEADER + 8, "rotten", 6);
}

/* ---- states of a journal --------------------------------------------------------------- */

static void rows_of_a_dead_process_wait(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    char *text = report_with(f, CLEAN, NULL);
    expect_text(text, "50 rows wait for recovery; no promised row is lost");
    expect_text(text, "class=\"todo\" data-verdict=\"clean\"");
    expect_text(text, "Rows durable <b>50</b>");
    expect_text(text, "The database is behind by 50 rows; the oldest");
    assert_int_equal(things_of(text, "waiting"), GROUPS);
    assert_int_equal(things_of(text, "damaged"), 0);
    free(text);
}

static void half_of_them_are_applied(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_half_applied);
    char *text = report_with(f, CLEAN, NULL);
    expect_text(text, "Rows applied <b>10</b> <small>");
    expect_text(text, "Durable, not applied <b>40</b>");
    assert_int_equal(things_of(text, "waiting"), 1);
    free(text);
}

static void a_ring_is_shown_lane_by_lane(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_in_ring);
    char *text = report_with(f, CLEAN, NULL);
    expect_text(text, "In the ring <b>50</b> <small>published, not durable");
    const char *lanes = strstr(text, "id=\"lanes\"");
    assert_non_null(lanes);
    expect_text(lanes, "owned by thread");
    expect_text(lanes, "<td class=\"n\">50</td>");
    free(text);
}

static void a_closed_journal_leaves_nothing_to_do(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    char *text = report_with(f, CLEAN, NULL);
    expect_text(text, "Everything promised is in order");
    expect_text(text, "<b>What to do next.</b> Nothing.");
    expect_text(text, "The ring is absent.");
    expect_text(text, "No durable row waits");
    free(text);
}

static void a_living_journal_is_not_disturbed(void **state) {
    fixture *f = *state;
    int ready[2], over[2], status;
    char byte, who[80];
    assert_int_equal(pipe(ready) | pipe(over), 0);
    pid_t child = fork();
    if (child == 0) {
        close(over[1]);
        stay_open(f, ready[1], over[0]);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    run(f, "report", f->database, "-o", page_of(f), NULL), expect(f, CLEAN);
    char *text = weir_file_text(page_path);
    (void)snprintf(who, sizeof who, "the journal is open in process %d", (int)child);
    expect_text(text, who);
    free(text);
    close(over[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_damage_is_drawn_and_told(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    damage_row(f, 21);
    char *text = report_with(f, DAMAGE, NULL);
    expect_text(text, "class=\"bad\" data-verdict=\"rot\"");
    expect_text(text, "Promised blocks are damaged or missing");
    expect_text(text, "Copy the database and the whole journal directory aside");
    expect_text(text, "rows 21 to 30 are lost");
    assert_int_equal(things_of(text, "damaged"), 1);
    assert_int_equal(things_of(text, "waiting"), GROUPS - 1);
    expect_text(text, "Lost by this damage <b>10</b>");
    free(text);
}

/* What went wrong once stays on the page, though nothing of it is in the journal any more. */
static void a_loss_on_record_is_told(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    damage_row(f, 21);
    run(f, "salvage", f->database, NULL);
    char *text = report_with(f, CLEAN, NULL);
    const char *losses = strstr(text, "id=\"losses\"");
    assert_non_null(losses);
    expect_text(losses, "<td>21 to 30</td>");
    free(text);
}

static void what_is_kept_is_told(void **state) {
    fixture *f = *state;
    uint8_t bytes[WEIR_NAMED_BYTES];
    char path[400];
    in_a_child(f, leave_archive);
    (void)snprintf(path, sizeof path, "%s/readers", f->journal);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/readers/shipper", f->journal);
    weir_named_encode(
        bytes, &(weir_named){.name = "shipper", .mark = {{.journal = {1}, .row = 1234567}, 1}});
    weir_file_write(path, bytes, sizeof bytes);
    (void)snprintf(path, sizeof path, "%s/readers/broken", f->journal);
    weir_file_write(path, "?", 1);
    char *text = report_with(f, CLEAN, NULL);
    expect_text(text, "<dt>archive/</dt>");
    const char *readers = strstr(text, "id=\"readers\"");
    assert_non_null(readers);
    expect_text(readers, "shipper</td><td class=\"n\">1,234,567</td><td>of another journal</td>");
    expect_text(readers, "; it holds nothing");
    free(text);
}

/* Several segments of durable rows, none applied. */
static void leave_segments(const fixture *f) {
    weir_rng rng = {1};
    weir *w = open_here(f, &(weir_options){.segment_bytes = 1 << 20});
    lock_database(f->database);
    weir_table *table = declare(w, "t");
    for (int64_t id = 1; id <= 200; id += 10) {
        append_noise(table, &rng, id, id + 9, 20000);
        reach(w, WEIR_DURABLE);
    }
    die();
}

static void a_missing_segment_is_an_outline(void **state) {
    fixture *f = *state;
    char second[400];
    in_a_child(f, leave_segments);
    (void)snprintf(second, sizeof second, "%s/segment-00000000000000000002", f->journal);
    assert_int_equal(unlink(second), 0);
    char *text = report_with(f, DAMAGE, NULL);
    assert_int_equal(things_of(text, "missing"), 1);
    assert_int_equal(things_of(text, "damaged"), 0);
    expect_text(text, "<div class=\"band bad\"><p><b>segment 2</b><span>no file; ");
    expect_text(text, "the segment is missing");
    free(text);
}

/* Status names the file, and a copy where the tools would have put one; of another journal it is none. */
static void a_copy_of_a_missing_segment_is_looked_for(void **state) {
    fixture *f = *state;
    char second[400], aside[400], copy[500], words[1100];
    in_a_child(f, leave_segments);
    (void)snprintf(second, sizeof second, "%s/segment-00000000000000000002", f->journal);
    (void)snprintf(aside, sizeof aside, "%s-forgotten-1", f->journal);
    (void)snprintf(copy, sizeof copy, "%s/segment-00000000000000000002", aside);
    (void)snprintf(words, sizeof words, "put it back: cp %s %s\n", copy, f->journal);
    assert_int_equal(mkdir(aside, 0755), 0);
    assert_int_equal(rename(second, copy), 0);
    run(f, "status", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, words);
    patch(copy, 30, "another", 7);
    run(f, "status", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out,
                "it is segment-00000000000000000002: no copy stands in archive or beside the "
                "journal, so look in your backups; without one, go on and lose no other "
                "rows (weir salvage ");
}

static void many_blocks(const fixture *f) {
    weir *w = open_here(f, &(weir_options){.linger_ms = 600000});
    lock_database(f->database);
    weir_table *table = declare(w, "t");
    for (int64_t id = 1; id <= MANY; id++) {
        append(table, id);
        reach(w, WEIR_DURABLE);
    }
    die();
}

/* The page does not grow with the journal, and a damage among many is still seen. */
static void many_blocks_share_cells(void **state) {
    fixture *f = *state;
    in_a_child(f, many_blocks);
    damage_row(f, MANY / 2);
    char *text = report_with(f, DAMAGE, NULL);
    assert_true(strlen(text) < PAGE_MAX);
    assert_int_equal(things_of(text, "damaged"), 1);
    assert_true(times(text, "<rect class=\"waiting\" x=") <= 96);
    expect_text(text, "a cell stands for up to");
    expect_text(text, "1 damaged, ");
    free(text);
}

/* ---- names and values ------------------------------------------------------------------ */

static void leave_evil(const fixture *f) {
    static const weir_column evil[] = {{EVIL, WEIR_TEXT}, {"\xFF\xFE", WEIR_INTEGER}};
    weir_table *table;
    weir *w = open_here(f, NULL);
    append_rows(declare(w, "t"), 1, 1);
    reach(w, WEIR_APPLIED);
    sqlite3 *db;
    if (sqlite3_open(f->database, &db) != SQLITE_OK) _exit(13);
    must(sqlite3_exec(
             db,
             "CREATE TABLE IF NOT EXISTS weir_reject(id INTEGER PRIMARY KEY, journal BLOB, row "
             "INTEGER, time_ns INTEGER, table_name TEXT, code INTEGER, message TEXT, \"values\" "
             "TEXT, record BLOB);"
             "CREATE TABLE weir_loss(journal BLOB, first_row, last_row, why TEXT, noted TEXT);"
             "INSERT INTO weir_loss VALUES(x'00', 1, 2, '"
             "<script>hacked=1</script>"
             "', '<b>');"
             "INSERT INTO weir_reject VALUES(1, x'00', 7, 0, '<script>hacked=1</script>', 2067, "
             "'<b>secret message</b>', '''secret value''<script>hacked=1</script>', x'00')",
             NULL, NULL, NULL) == SQLITE_OK
             ? 0
             : -1,
         18);
    sqlite3_close(db);
    lock_database(f->database);
    must(weir_declare(w, EVIL, evil, 2, &table), 11);
    must(weir_append(table, weir_text("secret <script>hacked=1</script>"), weir_int(1)), 12);
    reach(w, WEIR_DURABLE);
    append_rows(declare(w, "u"), 5, 5);
    reach(w, WEIR_DURABLE);
    append_rows(declare(w, "u"), 6, 6);
    reach(w, WEIR_DURABLE);
    die();
}

static void expect_harmless(const char *text) {
    expect_no_text(text, "<script");
    expect_no_text(text, "<img");
    expect_no_text(text, "<b>secret");
    expect_no_text(text, "\xE2\x80\xAE");
    expect_no_text(text, "\x01");
    expect_no_text(text, "\xFF");
}

static void no_name_becomes_markup(void **state) {
    fixture *f = *state;
    (void)snprintf(f->database, sizeof f->database, "%s/<script>.db", f->directory);
    (void)snprintf(f->journal, sizeof f->journal, "%s/<script>.db-weir", f->directory);
    in_a_child(f, leave_evil);
    char *text = report_with(f, CLEAN, NULL);
    expect_harmless(text);
    expect_text(
        text,
        "&lt;img src=x onerror=&quot;hacked=1&quot;&gt;&#39;&amp;\\u202e\\x01&lt;/script&gt;");
    expect_text(text, "\\xff\\xfe INTEGER");
    expect_text(text, "Content-Security-Policy\" content=\"default-src 'none'");
    free(text);
}

static void values_are_left_out_unless_asked_for(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_evil);
    const char *segment = first_segment(f);
    patch(segment, offset_of_row(segment, 3) + WEIR_BLOCK_HEADER + 8, "rotten", 6);
    char *text = report_with(f, DAMAGE, NULL);
    expect_text(text, "id=\"rejects\"");
    expect_text(text, "constraint failed (2067)");
    expect_no_text(text, "secret");
    expect_text(text, "Values of rows are not on this page.");
    free(text);
    text = report_with(f, DAMAGE, "--values");
    expect_harmless(text);
    expect_text(text, "secret message");
    expect_text(text, "secret value");
    expect_text(text, "secret &lt;script&gt;hacked=1");
    expect_text(text, "This page was made with --values");
    free(text);
}

/* ---- where it goes --------------------------------------------------------------------- */

static void refused(fixture *f, const char *file, int code, const char *why) {
    uint64_t before = tree_hash(f->directory);
    run(f, "report", f->database, file ? "-o" : NULL, file, NULL), expect(f, code);
    expect_text(f->err, why);
    assert_true(tree_hash(f->directory) == before);
}

static void it_goes_where_it_harms_nothing(void **state) {
    fixture *f = *state;
    char inside[400], wal[300], nowhere[300];
    in_a_child(f, leave_durable);
    (void)snprintf(inside, sizeof inside, "%s/ring", f->journal);
    (void)snprintf(wal, sizeof wal, "%s-wal", f->database);
    (void)snprintf(nowhere, sizeof nowhere, "%s/nowhere/page.html", f->directory);
    refused(f, NULL, USAGE, "-o page.html");
    refused(f, f->database, USAGE, "belongs to the database");
    refused(f, inside, USAGE, "belongs to the database or its journal");
    refused(f, wal, USAGE, "belongs to the database");
    refused(f, f->directory, USAGE, "is not a regular file");
    refused(f, nowhere, FAILED, "No such file");
    run(f, "report", "--json", f->database, "-o", "-", NULL), expect(f, USAGE);
    run(f, "report", "--json", f->database, "-o", page_of(f), NULL), expect(f, CLEAN);
    expect_text(f->out, "{\"type\":\"report\",\"file\":\"");
    run(f, "report", f->database, "-o", "-", NULL), expect(f, CLEAN);
    expect_text(f->out, "<!DOCTYPE html>");
    f->out_path = "/dev/full";
    run(f, "report", f->database, "-o", "-", NULL), expect(f, FAILED);
}

static void there_must_be_a_journal(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    weir_temp_remove(f->journal);
    refused(f, page_of(f), FAILED, "there is no journal");
}

/* ---- what a validator and a browser say ------------------------------------------------ */

static int look_at_page(const char *with, const char *after) {
    char command[1024];
    (void)snprintf(command, sizeof command, "%s '%s' %s >&2", with, page_path, after);
    int status = system(command); /* NOLINT: of a path of our own */
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void tidy_finds_the_page_valid(void **state) {
    fixture *f = *state;
    if (system("command -v tidy >/dev/null")) { /* NOLINT: a constant */
        print_message("skipped: no tidy (Debian's package tidy)\n");
        skip();
    }
    in_a_child(f, leave_evil);
    damage_row(f, 3);
    free(report_with(f, DAMAGE, "--values"));
    assert_int_equal(look_at_page("tidy -q -e --mute-id yes", ""), 0);
}

static void a_browser_shows_the_damage(void **state) {
    fixture *f = *state;
    if (system("command -v chromium >/dev/null")) { /* NOLINT: a constant */
        print_message("skipped: no chromium (Debian's package chromium)\n");
        skip();
    }
    in_a_child(f, leave_evil);
    damage_row(f, 3);
    free(report_with(f, DAMAGE, "--values"));
    assert_int_equal(look_at_page("python3 '" WEIR_SOURCE_DIR "/tests/support/browser.py'", "1"),
                     0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(rows_of_a_dead_process_wait),
        TEST(half_of_them_are_applied),
        TEST(a_ring_is_shown_lane_by_lane),
        TEST(a_closed_journal_leaves_nothing_to_do),
        TEST(a_living_journal_is_not_disturbed),
        TEST(a_damage_is_drawn_and_told),
        TEST(a_loss_on_record_is_told),
        TEST(what_is_kept_is_told),
        TEST(a_missing_segment_is_an_outline),
        TEST(a_copy_of_a_missing_segment_is_looked_for),
        TEST(many_blocks_share_cells),
        TEST(no_name_becomes_markup),
        TEST(values_are_left_out_unless_asked_for),
        TEST(it_goes_where_it_harms_nothing),
        TEST(there_must_be_a_journal),
        TEST(tidy_finds_the_page_valid),
        TEST(a_browser_shows_the_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
