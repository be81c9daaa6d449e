/* test_full_disk.c - a small file system is filled to the last byte under load, and relieved: nothing
 * is lost, no store into the ring faults, and the work goes on by itself. */
#include <glob.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ledger.h"
#include "support.h"
#include "volume.h"

enum { VOLUME_MIB = 64, PATIENCE_MS = 30000 };

typedef struct fixture {
    volume v;
    ledger *l;
    char elsewhere[96]; /* a directory on a file system with room */
    char journal[160];
    pid_t child;
} fixture;

static int setup_on(const char *type, void **state) {
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    *state = f;
    volume_make(&f->v, type, VOLUME_MIB);
    (void)snprintf(f->elsewhere, sizeof f->elsewhere, "%s", weir_temp_make());
    f->l = ledger_make();
    return 0;
}

static int setup(void **state) { return setup_on("ext4", state); }
static int setup_in_memory(void **state) { return setup_on("tmpfs", state); }

static int teardown(void **state) {
    fixture *f = *state;
    if (f->child) ledger_kill(f->child);
    if (f->v.mounted) volume_unmount(&f->v);
    volume_free(&f->v);
    weir_temp_remove(f->elsewhere);
    ledger_free(f->l);
    free(f);
    return 0;
}

/* database: where the rows go; the journal is always on the volume. */
static void start_work(fixture *f, uint64_t seed, const char *database) {
    ledger_begin(f->l, seed, 0, weir_temp_path(database, "full.db"));
    (void)snprintf(f->journal, sizeof f->journal, "%s/full.db-weir", f->v.root);
    f->l->pace_us = 400;
    f->l->options = (weir_options){.journal_directory = f->journal,
                                   .lane_bytes = 65536,
                                   .segment_bytes = 1 << 20,
                                   .lanes_max = 16,
                                   .full = seed % 2 ? WEIR_FULL_BLOCK : WEIR_FULL_FAIL,
                                   .full_timeout_ms = 50,
                                   .linger_ms = 2,
                                   .open_timeout_ms = 2000,
                                   .apply_linger_ms = 5};
    f->child = ledger_start(ledger_work, f->l);
}

static bool all_above(_Atomic uint64_t *numbers, const uint64_t *limit) {
    for (int p = 0; p < LEDGER_PRODUCERS; p++)
        if (atomic_load(&numbers[p]) <= limit[p]) return false;
    return true;
}

static void must_live(fixture *f) {
    int status;
    if (waitpid(f->child, &status, WNOHANG) != f->child) return;
    f->child = 0;
    fail_msg("the child has ended: signal %d, exit code %d", WTERMSIG(status), WEXITSTATUS(status));
}

/* Every producer's number passes what it has published by now. */
static void wait_for_more(fixture *f, _Atomic uint64_t *numbers, const char *what) {
    uint64_t now[LEDGER_PRODUCERS];
    for (int p = 0; p < LEDGER_PRODUCERS; p++)
        now[p] = atomic_load(&f->l->published[p]);
    for (int ms = 0; !all_above(numbers, now); ms += 5) {
        must_live(f);
        if (ms > PATIENCE_MS) fail_msg("no more rows are %s", what);
        usleep(5000);
    }
}

static void wait_until_refused(fixture *f) {
    uint64_t before = atomic_load(&f->l->refused);
    for (int ms = 0; atomic_load(&f->l->refused) < before + 20; ms += 5) {
        must_live(f);
        if (ms > PATIENCE_MS) fail_msg("a full disk refuses nothing");
        usleep(5000);
    }
}

/* ---- the tool ------------------------------------------------------------------------------- */

static int tool(const fixture *f, const char *arguments) {
    char command[1024];
    (void)snprintf(command, sizeof command, "'%s' --journal='%s' %s '%s' >'%s/out' 2>'%s/err'",
                   WEIR_RECOVER, f->journal, arguments, f->l->path, f->elsewhere, f->elsewhere);
    int status = system(command);
    if (!WIFEXITED(status)) fail_msg("weir-recover %s: died", arguments);
    return WEXITSTATUS(status);
}

static void expect(const fixture *f, const char *arguments, int code) {
    int got = tool(f, arguments);
    if (got == code) return;
    size_t length;
    char *words = (char *)weir_file_read(weir_temp_path(f->elsewhere, "err"), &length);
    fail_msg("weir-recover %s: exit code %d, not %d: %.*s", arguments, got, code, (int)length,
             words);
}

static void reading_verbs_work(const fixture *f) {
    expect(f, "status", 0);
    expect(f, "verify", 0);
    expect(f, "dump --limit=5", 0);
    size_t length;
    uint8_t *rows = weir_file_read(weir_temp_path(f->elsewhere, "out"), &length);
    assert_true(length > 100); /* five rows */
    free(rows);
}

/* ---- the tests ------------------------------------------------------------------------------ */

static void work_waits_while_the_disk_is_full_and_goes_on_by_itself(void **state) {
    fixture *f = *state;
    for (uint64_t seed = 1; seed <= 2; seed++) { /* both policies */
        weir_temp_remove(weir_temp_path(f->v.root, "full.db-weir"));
        (void)unlink(weir_temp_path(f->v.root, "full.db"));
        start_work(f, seed, f->v.root);
        for (int again = 0; again < 2; again++) {
            wait_for_more(f, f->l->applied, "applied");
            volume_fill(&f->v);
            wait_until_refused(f);
            reading_verbs_work(f);
            volume_relieve(&f->v);
            wait_for_more(f, f->l->applied, "applied when there is room again");
        }
        atomic_store(&f->l->stop, true);
        int status = ledger_end_of(f->child);
        f->child = 0;
        assert_int_equal(status, 0);
        assert_int_equal(ledger_end_of(ledger_start(ledger_recover, f->l)), 0);
        ledger_check(f->l, WEIR_PUBLISHED);
    }
}

static void kill_when_full(fixture *f, uint64_t seed, const char *database) {
    start_work(f, seed, database);
    wait_for_more(f, f->l->applied, "applied");
    volume_fill(&f->v);
    wait_until_refused(f);
    ledger_kill(f->child);
    f->child = 0;
    volume_fill(&f->v); /* segments that were released meanwhile had left room */
}

static void wait_for_segments(const fixture *f, size_t count) {
    glob_t found;
    for (int ms = 0; ms <= PATIENCE_MS; ms += 5) {
        bool enough = glob(weir_temp_path(f->journal, "segment-*"), 0, NULL, &found) == 0 &&
                      found.gl_pathc >= count;
        globfree(&found);
        if (enough) return;
        usleep(5000);
    }
    fail_msg("the journal does not get %zu segments", count);
}

/* The database is locked meanwhile, so that more rows wait than find room in what an opening gives back
 * of a ring; the ballast is larger than they are. */
static void kill_when_full_of_rows(fixture *f, uint64_t seed) {
    sqlite3 *other;
    start_work(f, seed, f->v.root);
    wait_for_more(f, f->l->applied, "applied");
    assert_int_equal(sqlite3_open(f->l->path, &other), SQLITE_OK);
    (void)sqlite3_busy_timeout(other, PATIENCE_MS);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    wait_for_segments(f, 8);
    volume_fill(&f->v);
    wait_until_refused(f);
    ledger_kill(f->child);
    f->child = 0;
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    volume_fill(&f->v);
}

/* The rows' own file system has room: recovery needs none on the journal's. */
static void recovery_needs_no_room_for_the_journal(void **state) {
    fixture *f = *state;
    kill_when_full(f, 1, f->elsewhere);
    reading_verbs_work(f);
    expect(f, "", 1);
    ledger_check(f->l, WEIR_PUBLISHED);
    expect(f, "", 0);
}

/* A tmpfs has no blocks that belong to root, and gives no byte that is not there: a new ring must come out
 * of the spares. */
static void recovery_needs_no_room_in_memory_either(void **state) {
    fixture *f = *state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        weir_temp_remove(weir_temp_path(f->v.root, "full.db-weir"));
        (void)unlink(weir_temp_path(f->v.root, "ballast"));
        weir_temp_remove(weir_temp_path(f->elsewhere, "full.db"));
        kill_when_full(f, seed, f->elsewhere);
        expect(f, "", 1);
        ledger_check(f->l, WEIR_PUBLISHED);
        expect(f, "", 0);
    }
}

static void stop_work(fixture *f) {
    atomic_store(&f->l->stop, true);
    assert_int_equal(ledger_end_of(f->child), 0);
    f->child = 0;
}

/* Closed while another connection had the database: rows wait. No dead ring is there whose space
 * could be taken, only the reserve. */
static void close_and_fill(fixture *f) {
    sqlite3 *other;
    start_work(f, 2, f->elsewhere);
    wait_for_more(f, f->l->applied, "applied");
    assert_int_equal(sqlite3_open(f->l->path, &other), SQLITE_OK);
    (void)sqlite3_busy_timeout(other, PATIENCE_MS);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    wait_for_more(f, f->l->durable, "durable while the database is locked");
    stop_work(f);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    volume_fill(&f->v);
}

/* Closed with every row applied, it keeps next to nothing, and recovering it needs nothing. */
static void a_closed_journal_needs_no_room_when_all_is_applied(void **state) {
    fixture *f = *state;
    start_work(f, 2, f->elsewhere);
    wait_for_more(f, f->l->applied, "applied");
    stop_work(f);
    volume_fill(&f->v);
    expect(f, "", 0);
    expect(f, "status", 0);
    expect(f, "verify", 0);
    ledger_check(f->l, WEIR_PUBLISHED);
    volume_relieve(&f->v);
    expect(f, "", 0);
}

static void the_reserve_holds_a_ring_too(void **state) {
    fixture *f = *state;
    close_and_fill(f);
    expect(f, "", 1);
    ledger_check(f->l, WEIR_PUBLISHED);
    expect(f, "", 0);
}

/* The reserve is just one segment, and another spare is too small for anything but a ring. */
static void spares_make_room_for_a_ring(void **state) {
    fixture *f = *state;
    char name[240], command[320];
    close_and_fill(f);
    volume_relieve(&f->v);
    (void)snprintf(command, sizeof command, "truncate -s 1048576 '%s'/spare-*", f->journal);
    assert_int_equal(system(command), 0);
    (void)snprintf(name, sizeof name, "%s/spare-00000000000000000099", f->journal);
    static const uint8_t some[100000];
    weir_file_write(name, some, sizeof some);
    volume_fill(&f->v);
    expect(f, "", 1);
    ledger_check(f->l, WEIR_PUBLISHED);
    expect(f, "", 0);
}

/* False when the rows that waited were so few that they found room after all, in what an opening gives
 * back of a ring: then they must all be there, and nothing was shown. */
static bool rows_wait_for_room(fixture *f, uint64_t seed) {
    kill_when_full_of_rows(f, seed);
    reading_verbs_work(f);
    for (int i = 0; i < 3; i++) {
        int code = tool(f, "--wait=1");
        /* 0: the attempt before had applied them and could not say so. */
        if (code == 1 || (code == 0 && i > 0)) {
            volume_relieve(&f->v);
            ledger_check(f->l, WEIR_PUBLISHED);
            return false;
        }
        assert_int_equal(code, 8);
    }
    reading_verbs_work(f);
    volume_relieve(&f->v);
    int code = tool(f, "");
    ledger_check(f->l, WEIR_PUBLISHED);
    assert_in_range(code, 0, 1); /* 0: the last attempt had applied them and could not say so */
    return code == 1;
}

/* SQLite has nowhere to put rows: they stay in the journal, and come when there is room. */
static void rows_outlast_a_full_database(void **state) {
    fixture *f = *state;
    bool shown = false;
    for (uint64_t seed = 2; seed <= 20 && !shown; seed += 2) {
        weir_temp_remove(weir_temp_path(f->v.root, "full.db-weir"));
        (void)unlink(weir_temp_path(f->v.root, "full.db"));
        (void)unlink(weir_temp_path(f->v.root, "full.db-wal"));
        (void)unlink(weir_temp_path(f->v.root, "full.db-shm"));
        shown = rows_wait_for_room(f, seed);
    }
    assert_true(shown);
}

/* Nothing was ever there: a clear error, and nothing in the way of the next attempt. */
static void a_journal_cannot_begin_on_a_full_disk(void **state) {
    fixture *f = *state;
    weir *w = NULL;
    const char *path = weir_temp_path(f->v.root, "new.db");
    volume_fill(&f->v);
    int status = weir_open_sqlite(path, NULL, &w);
    assert_true(status < 0);
    assert_null(w);
    if (status != WEIR_NO_SPACE)
        print_message("%s: %s\n", weir_status_name(status), weir_last_error());
    assert_true(strlen(weir_last_error()) > 10);
    volume_relieve(&f->v);
    assert_int_equal(weir_open_sqlite(path, NULL, &w), WEIR_OK);
    assert_int_equal(weir_close(w), WEIR_OK);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(work_waits_while_the_disk_is_full_and_goes_on_by_itself),
        TEST(recovery_needs_no_room_for_the_journal),
        cmocka_unit_test_setup_teardown(recovery_needs_no_room_in_memory_either, setup_in_memory,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_closed_journal_needs_no_room_when_all_is_applied,
                                        setup_in_memory, teardown),
        cmocka_unit_test_setup_teardown(the_reserve_holds_a_ring_too, setup_in_memory, teardown),
        cmocka_unit_test_setup_teardown(spares_make_room_for_a_ring, setup_in_memory, teardown),
        TEST(rows_outlast_a_full_database),
        TEST(a_journal_cannot_begin_on_a_full_disk),
    };
    const char *missing = volume_missing("ext4");
    if (missing) return weir_skip_all("full_disk", missing, sizeof tests / sizeof *tests);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
