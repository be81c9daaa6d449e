/* test_backup.c - weir backup beside a program that writes: each copy has every row up to the number
 * that it names, once, and none less than was durable before; what is interrupted leaves nothing
 * that looks like a backup. Row n has the id n. */
/* Covers: recovery/backup/backup.c, recovery/backup/blocks.c, recovery/backup/pages.c,
 * recovery/backup/source.c, recovery/backup/part.c, recovery/backup/interrupt.c,
 * recovery/backup/report_backup.c */
#include <errno.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>

#include "tool.h"

enum { COPIES = 12 };

static int set_up_backup(void **state) {
    if (set_up(state) != 0) return -1;
    ((fixture *)*state)->binary = WEIR_TOOL;
    return 0;
}
#define BACKUP(name) cmocka_unit_test_setup_teardown(name, set_up_backup, tear_down)

static void pause_ns(int64_t ns) {
    struct timespec time = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    (void)nanosleep(&time, NULL);
}

static int64_t now_ns(void) {
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000 + time.tv_nsec;
}

/* ---- what a copy has ------------------------------------------------------------------------- */

static const char *copy_of(const fixture *f, const char *name) {
    static char path[300];
    (void)snprintf(path, sizeof path, "%s/%s", f->directory, name);
    return path;
}

static const char *in_copy(const char *copy, const char *name) {
    static char path[600];
    (void)snprintf(path, sizeof path, "%s/%s", copy, name);
    return path;
}

static uint64_t member(const char *json, const char *name) {
    char key[64];
    (void)snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(json, key);
    if (!at) fail_msg("no %s in %s", name, json);
    return strtoull(at + strlen(key), NULL, 10);
}

/* Restored, it has the rows 1 … n, in order, once. Returns n. */
static uint64_t check_copy(fixture *f, const char *copy) {
    char database[400];
    char *manifest = weir_file_text(in_copy(copy, "weir-backup.json"));
    uint64_t row = member(manifest, "row"), applied = member(manifest, "applied");
    assert_int_equal(member(manifest, "waiting"), row - applied);
    free(manifest);
    (void)snprintf(database, sizeof database, "%s/run.db", copy);
    run(f, "status", database, NULL), expect(f, CLEAN);
    assert_int_equal(strncmp(f->out, "clean: ", 7), 0);
    run(f, "verify", database, NULL), expect(f, CLEAN);
    run(f, "recover", database, NULL), expect(f, row == applied ? CLEAN : RECOVERED);
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM t"), row);
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM t WHERE id <> rowid"), 0);
    assert_int_equal(weir_sql_int(database, "SELECT max(id) FROM t"), row);
    return row;
}

/* ---- beside a program ------------------------------------------------------------------------ */

typedef struct shared {
    _Atomic uint64_t durable; /* every row up to it was durable before it was stored */
    _Atomic bool over;
} shared;

static shared *share(void) {
    shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(s != MAP_FAILED);
    return s;
}

/* Bytes that do not compress, so that segments fill, are released and are used again. */
static void write_on(const fixture *f, shared *s) {
    weir *w = open_here(f, &(weir_options){.segment_bytes = 1 << 20, .lane_bytes = 1 << 18});
    weir_table *table = declare(w, "t");
    weir_rng rng = {7};
    for (int64_t id = 1; !atomic_load(&s->over); id += 400) {
        append_noise(table, &rng, id, id + 399, 100);
        reach(w, WEIR_DURABLE);
        atomic_store(&s->durable, (uint64_t)id + 399);
        pause_ns(10000000);
    }
    must(weir_close(w), 16);
    _exit(0);
}

static void each_copy_beside_a_writer_is_whole(void **state) {
    fixture *f = *state;
    shared *s = share();
    char copy[300];
    uint64_t rows[COPIES];
    pid_t writer = fork();
    if (writer == 0) write_on(f, s);
    while (atomic_load(&s->durable) < 2000)
        pause_ns(1000000);
    for (int i = 0; i < COPIES; i++) {
        uint64_t durable = atomic_load(&s->durable);
        (void)snprintf(copy, sizeof copy, "%s/copy%d", f->directory, i);
        run(f, "backup", "--json", f->database, copy, NULL), expect(f, CLEAN);
        rows[i] = member(f->out, "row");
        assert_true(rows[i] >= durable);
        assert_true(i == 0 || rows[i] >= rows[i - 1]);
    }
    atomic_store(&s->over, true);
    int status;
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    for (int i = 0; i < COPIES; i++) {
        (void)snprintf(copy, sizeof copy, "%s/copy%d", f->directory, i);
        assert_int_equal(check_copy(f, copy), rows[i]);
    }
    run(f, "backup", f->database, copy_of(f, "last"), NULL), expect(f, CLEAN);
    assert_int_equal(check_copy(f, copy_of(f, "last")), atomic_load(&s->durable));
    (void)munmap(s, sizeof *s);
}

/* ---- of a program that is gone --------------------------------------------------------------- */

static void rows_that_wait_are_in_its_journal(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_half_applied);
    uint64_t before = tree_hash(f->journal);
    run(f, "backup", "--json", f->database, copy_of(f, "copy"), NULL), expect(f, CLEAN);
    assert_int_equal(member(f->out, "row"), ROWS);
    assert_int_equal(member(f->out, "applied"), ROWS_OF_GROUP);
    assert_int_equal(member(f->out, "waiting"), ROWS - ROWS_OF_GROUP);
    assert_true(tree_hash(f->journal) == before);
    check_copy(f, copy_of(f, "copy"));
    run(f, "recover", f->database, NULL), expect(f, RECOVERED); /* the original goes on */
    assert_int_equal(rows_in(f->database), ROWS);
}

/* Those of a ring have no numbers yet, and no disk. */
static void rows_of_a_ring_are_counted_and_left(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_in_ring);
    run(f, "backup", "--json", f->database, copy_of(f, "copy"), NULL), expect(f, CLEAN);
    assert_int_equal(member(f->out, "left_in_ring"), ROWS);
    expect_text(f->err, "50 rows are in the ring of a dead process and are not in the backup; "
                        "recover first, to have them in it (weir-recover ");
    run(f, "recover", f->database, NULL), expect(f, RECOVERED);
    run(f, "backup", f->database, copy_of(f, "copy2"), NULL), expect(f, CLEAN);
    expect_text(f->out, "has run.db with every row up to 50, as of ");
    assert_string_equal(f->err, "");
    assert_int_equal(check_copy(f, copy_of(f, "copy2")), ROWS);
}

static void a_restored_copy_is_written_on(void **state) {
    fixture *f = *state;
    fixture restored = *f;
    in_a_child(f, leave_half_applied);
    run(f, "backup", f->database, copy_of(f, "copy"), NULL), expect(f, CLEAN);
    (void)snprintf(restored.database, sizeof restored.database, "%s",
                   in_copy(copy_of(f, "copy"), "run.db"));
    in_a_child(&restored, leave_closed);
    assert_int_equal(rows_in(restored.database), 2 * ROWS);
    run(f, "status", restored.database, NULL), expect(f, CLEAN);
    expect_text(f->out, "100 durable, 100 applied, 0 waiting");
}

/* It stands for the database in it, for whoever looks and for whoever restores. */
static void its_directory_is_an_operand(void **state) {
    fixture *f = *state;
    char copy[300];
    in_a_child(f, leave_half_applied);
    (void)snprintf(copy, sizeof copy, "%s", copy_of(f, "copy"));
    run(f, "backup", f->database, copy, NULL), expect(f, CLEAN);
    run(f, "status", copy, NULL), expect(f, CLEAN);
    expect_text(f->out, "50 durable, 10 applied, 40 waiting");
    run(f, "recover", in_copy(copy, ""), NULL), expect(f, RECOVERED);
    run(f, "status", copy, NULL), expect(f, CLEAN);
    expect_text(f->out, "copy/run.db, present\n");
    expect_text(f->out, "50 durable, 50 applied, 0 waiting");
    weir_file_copy_tree(in_copy(copy, "run.db"), copy_of(f, "second"));
    assert_int_equal(rename(copy_of(f, "second"), in_copy(copy, "second.db")), 0);
    run(f, "status", copy, NULL), expect(f, FAILED); /* which of the two? */
    expect_text(f->err, "name the database");
    assert_int_equal(unlink(in_copy(copy, "second.db")), 0);
    assert_int_equal(unlink(in_copy(copy, "weir-backup.json")), 0);
    run(f, "status", copy, NULL), expect(f, FAILED); /* any directory with a file in it */
    expect_text(f->err, "name the database");
}

static void without_a_journal_it_has_the_database(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    weir_temp_remove(f->journal);
    run(f, "backup", f->database, copy_of(f, "copy"), NULL), expect(f, CLEAN);
    expect_text(f->err, "the backup has the database alone");
    assert_int_equal(weir_sql_int(in_copy(copy_of(f, "copy"), "run.db"), "SELECT count(*) FROM t"),
                     ROWS);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void refuse(fixture *f, int code, const char *option, const char *to, const char *text) {
    char path[300];
    (void)snprintf(path, sizeof path, "%s", to);
    uint64_t before = tree_hash(f->directory);
    run(f, "backup", f->database, path, option, NULL), expect(f, code);
    expect_text(f->err, text);
    assert_true(tree_hash(f->directory) == before);
}

static void nothing_that_is_there_is_replaced(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    assert_int_equal(mkdir(copy_of(f, "there"), 0700), 0);
    refuse(f, FAILED, NULL, copy_of(f, "there"),
           "there exists: a backup is a new directory, and replaces nothing");
    refuse(f, FAILED, NULL, copy_of(f, "there//"), "there exists: ");
    refuse(f, FAILED, NULL, copy_of(f, "nowhere/copy"), "nowhere is no directory");
    refuse(f, USAGE, "--integrity=much", copy_of(f, "copy"), "--integrity is none, quick or full");
    run(f, "backup", f->database, NULL), expect(f, USAGE);
    assert_int_equal(symlink("nowhere", copy_of(f, "link")), 0);
    run(f, "backup", f->database, copy_of(f, "link"), NULL), expect(f, FAILED);
    expect_text(f->err, "link exists: ");
    run(f, "backup", f->other, copy_of(f, "copy"), NULL), expect(f, FAILED);
    expect_text(f->err, "there is no database at ");
}

static void a_part_says_whose_it_is(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    assert_int_equal(mkdir(copy_of(f, "copy.part"), 0700), 0);
    refuse(f, FAILED, NULL, copy_of(f, "copy"),
           "copy.part is what a backup left that was interrupted: no part of it is needed");
    int part = open(copy_of(f, "copy.part"), O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(part, LOCK_EX), 0);
    refuse(f, FAILED, NULL, copy_of(f, "copy"), "another backup is writing ");
    close(part);
    assert_int_equal(rmdir(copy_of(f, "copy.part")), 0);
    run(f, "backup", f->database, copy_of(f, "copy/"), NULL), expect(f, CLEAN);
    check_copy(f, copy_of(f, "copy"));
}

static void damage_is_not_copied(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    const char *segment = first_segment(f);
    patch(segment, offset_of_row(segment, 11) + 40, "\377\377\377\377", 4);
    uint64_t before = tree_hash(f->journal);
    run(f, "backup", f->database, copy_of(f, "copy"), NULL), expect(f, DAMAGE);
    assert_false(has_name(f->directory, "copy"));
    assert_true(tree_hash(f->journal) == before);
}

/* SQLite's quick_check reads every page of the copy. */
static void a_damaged_database_is_found_out(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    weir_sql_run(f->database, "PRAGMA wal_checkpoint(TRUNCATE)");
    int64_t page = weir_sql_int(f->database, "SELECT rootpage FROM sqlite_schema WHERE name = 't'");
    int64_t bytes = weir_sql_int(f->database, "PRAGMA page_size");
    patch(f->database, (uint64_t)((page - 1) * bytes), "\377\377\377\377\377\377\377\377", 8);
    run(f, "backup", f->database, copy_of(f, "copy"), NULL), expect(f, DAMAGE);
    expect_text(f->err, "SQLite finds the copy damaged, and so its original");
    assert_false(has_name(f->directory, "copy"));
    run(f, "backup", "--integrity=none", f->database, copy_of(f, "copy"), NULL), expect(f, CLEAN);
}

static void a_dry_run_makes_nothing(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    uint64_t before = tree_hash(f->journal);
    run(f, "backup", "--dry-run", f->database, copy_of(f, "copy"), NULL), expect(f, CLEAN);
    expect_text(f->out, "copy: would have run.db with every row up to 50");
    expect_text(f->out, " bytes at most");
    run(f, "backup", "--dry-run", "--json", f->database, copy_of(f, "copy"), NULL);
    expect_text(f->out, "{\"type\":\"backup\",\"dry_run\":true,");
    assert_true(tree_hash(f->journal) == before);
    assert_false(has_name(f->directory, "copy"));
    run(f, "backup", "--integrity=full", f->database, copy_of(f, "copy"), NULL), expect(f, CLEAN);
    expect_text(f->out, "integrity_check: full");
}

/* ---- rights ---------------------------------------------------------------------------------- */

static unsigned mode_of(const char *path) {
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void rights_are_those_of_the_originals(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    assert_int_equal(chmod(f->database, 0640), 0);
    assert_int_equal(chmod(f->journal, 0750), 0);
    run(f, "backup", f->database, copy_of(f, "copy"), NULL), expect(f, CLEAN);
    assert_int_equal(mode_of(in_copy(copy_of(f, "copy"), "run.db")), 0640);
    assert_int_equal(mode_of(in_copy(copy_of(f, "copy"), "run.db-weir")), 0750);
    assert_int_equal(mode_of(copy_of(f, "copy")), 0750);
}

/* Who may read and not write has no locks of SQLite's, and makes no file beside the database. */
static void who_may_only_read_can_copy(void **state) {
    fixture *f = *state;
    if (geteuid() != 0) skip();
    in_a_child(f, leave_closed);
    assert_int_equal(chmod(f->directory, 0755), 0);
    assert_int_equal(chmod(f->database, 0644), 0);
    static const char *const names[] = {"", "/lock", "/ring"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[300];
        (void)snprintf(path, sizeof path, "%s%s", f->journal, names[i]);
        (void)chmod(path, i ? 0644 : 0755); /* there may be no ring */
    }
    assert_int_equal(chmod(first_segment(f), 0644), 0);
    assert_int_equal(mkdir(copy_of(f, "theirs"), 0700), 0);
    assert_int_equal(chown(copy_of(f, "theirs"), NOBODY, NOBODY), 0);
    uint64_t before = tree_hash(f->journal);
    /* run redirects stdout and stderr before it becomes nobody */
    f->as_nobody = true;
    run(f, "backup", f->database, copy_of(f, "theirs/copy"), NULL), expect(f, CLEAN);
    f->as_nobody = false;
    assert_true(tree_hash(f->journal) == before);
    assert_false(has_name(f->directory, "run.db-shm"));
    assert_int_equal(check_copy(f, copy_of(f, "theirs/copy")), ROWS);
}

/* ---- interrupted ----------------------------------------------------------------------------- */

static void leave_much(const fixture *f) {
    weir *w = open_here(f, NULL);
    weir_table *table = declare(w, "t");
    weir_rng rng = {3};
    append_noise(table, &rng, 1, 20000, 400);
    reach(w, WEIR_APPLIED);
    must(weir_close(w), 16);
}

/* The wait status of a backup to which this signal is sent after so long. */
static int back_up_until(const fixture *f, int signal_number, int64_t delay_ns) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        char *arguments[] = {(char *)"weir", (char *)"backup", (char *)(uintptr_t)f->database,
                             (char *)(uintptr_t)copy_of(f, "stop"), NULL};
        (void)signal(SIGINT, SIG_DFL); /* a shell may have had it ignored */
        become_the_tool(f, arguments, "/dev/null", "/dev/null");
    }
    pause_ns(delay_ns);
    (void)kill(child, signal_number);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* At thirty moments of its work: TO is whole or is not there, and TO.part is said. */
static void signals_leave_a_whole_copy_or_none(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_much);
    int64_t begin = now_ns();
    run(f, "backup", f->database, copy_of(f, "whole"), NULL), expect(f, CLEAN);
    int64_t whole_ns = now_ns() - begin;
    int killed = 0, interrupted = 0, whole = 0;
    for (int i = 0; i < 30 || ((!killed || !interrupted) && i < 200); i++) {
        bool kills = i % 2;
        int status = back_up_until(f, kills ? SIGKILL : SIGINT, whole_ns * (i % 30) / 30);
        bool part = is_there(copy_of(f, "stop.part"));
        if (is_there(copy_of(f, "stop"))) {
            assert_false(part);
            if (whole++ < 4) assert_int_equal(check_copy(f, copy_of(f, "stop")), 20000);
            weir_temp_remove(copy_of(f, "stop"));
            continue;
        }
        if (kills && part) {
            killed++;
            run(f, "backup", f->database, copy_of(f, "stop"), NULL), expect(f, FAILED);
            expect_text(f->err, "stop.part is what a backup left that was interrupted");
            weir_temp_remove(copy_of(f, "stop.part"));
        } else if (!kills) {
            assert_false(part); /* Ctrl-C has removed it */
            interrupted +=
                WIFSIGNALED(status) && WTERMSIG(status) == SIGINT; /* as shells want it */
        }
    }
    assert_true(killed > 0 && interrupted > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        BACKUP(each_copy_beside_a_writer_is_whole),
        BACKUP(rows_that_wait_are_in_its_journal),
        BACKUP(rows_of_a_ring_are_counted_and_left),
        BACKUP(a_restored_copy_is_written_on),
        BACKUP(its_directory_is_an_operand),
        BACKUP(without_a_journal_it_has_the_database),
        BACKUP(nothing_that_is_there_is_replaced),
        BACKUP(a_part_says_whose_it_is),
        BACKUP(damage_is_not_copied),
        BACKUP(a_damaged_database_is_found_out),
        BACKUP(a_dry_run_makes_nothing),
        BACKUP(rights_are_those_of_the_originals),
        BACKUP(who_may_only_read_can_copy),
        BACKUP(signals_leave_a_whole_copy_or_none),
    };
    return cmocka_run_group_tests_name("backup", tests, NULL, NULL);
}
