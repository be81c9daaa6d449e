/* test_places.c - the program around the library: it changes directory, renames ours, closes descriptors,
 * forks, loads a second copy, opens while another closes; and somebody puts other things than files into
 * the journal's directory.
 *
 * What would spoil this process for the next test happens in a child, which says what went wrong. */
/* Covers: lib/handle/place.c, recovery/place.c */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include <weir/metrics.h>
#include <weir/sqlite.h>

#include "lib/handle/handle.h"
#include "recovery/place.h"
#include "support.h"

enum { TEXT = 1000, LONG_MS = 60000, HANG_S = 60 };

typedef struct fixture {
    char root[128], a[160], b[160], database[200], journal[220], report[200];
} fixture;

static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"t", WEIR_TEXT}};

static int setup(void **state) {
    fixture *f = calloc(1, sizeof *f);
    snprintf(f->root, sizeof f->root, "%s", weir_temp_make());
    snprintf(f->a, sizeof f->a, "%s/a", f->root);
    snprintf(f->b, sizeof f->b, "%s/b", f->root);
    snprintf(f->database, sizeof f->database, "%s/run.db", f->a);
    snprintf(f->journal, sizeof f->journal, "%s-weir", f->database);
    snprintf(f->report, sizeof f->report, "%s/report", f->root);
    assert_int_equal(mkdir(f->a, 0700), 0);
    assert_int_equal(mkdir(f->b, 0700), 0);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    weir_temp_remove(f->root);
    free(f);
    return 0;
}

/* ---- children ----------------------------------------------------------------------------- */

static FILE *report_to; /* a child's: its standard streams may be closed */

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(report_to, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition,                 \
                    weir_last_error());                                                            \
            fflush(report_to);                                                                     \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static pid_t begin_child(const fixture *f, void (*life)(const fixture *f)) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int file = open(f->report, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        int high = fcntl(file, F_DUPFD_CLOEXEC, 200);
        close(file);
        report_to = fdopen(high, "w");
        if (!report_to) _exit(2);
        alarm(HANG_S);
        life(f);
        _exit(0);
    }
    return child;
}

static void end_child(const fixture *f, pid_t child) {
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status == 0) return;
    char *text = weir_file_text(f->report);
    fail_msg("a child ended with status %x: %s", (unsigned)status, text);
}

static void in_child(const fixture *f, void (*life)(const fixture *f)) {
    end_child(f, begin_child(f, life));
}

/* ---- appending ---------------------------------------------------------------------------- */

static weir_options small(void) {
    return (weir_options){.segment_bytes = 1 << 20, .lane_bytes = 1 << 18, .lanes_max = 4};
}

/* Rows that zstd cannot make small, so that a thousand of them fill a segment. */
static int append_rows(weir_table *t, int first, int count) {
    char text[TEXT];
    weir_rng rng = {(uint64_t)first + 1};
    int status = WEIR_OK;
    for (int i = 0; status == WEIR_OK && i < count; i++) {
        weir_rng_fill(&rng, text, sizeof text);
        for (size_t k = 0; k < sizeof text; k++)
            text[k] = (char)('!' + (unsigned char)text[k] % 90);
        weir_value row[] = {weir_int(first + i), weir_text_n(text, sizeof text)};
        status = weir_append_row(t, row, 2, NULL);
    }
    return status;
}

static void open_at(const char *database, const char *journal, weir **w, weir_table **t) {
    weir_options o = small();
    o.journal_directory = journal;
    MUST(weir_open_sqlite(database, &o, w) == WEIR_OK);
    MUST(weir_declare(*w, "t", columns, 2, t) == WEIR_OK);
}

/* Open what a child left, take its rows in, and say how many there are. */
static int64_t rows_of(const char *database, const char *journal) {
    weir *w;
    weir_options o = small();
    o.journal_directory = journal;
    int status = weir_open_sqlite(database, &o, &w);
    if (status != WEIR_OK) fail_msg("%s", weir_last_error());
    assert_int_equal(weir_sync(w, WEIR_APPLIED, LONG_MS), WEIR_OK);
    assert_int_equal(weir_close(w), WEIR_OK);
    assert_int_equal(weir_sql_int(database, "SELECT count(*) - count(DISTINCT n) FROM t"), 0);
    return weir_sql_int(database, "SELECT count(*) FROM t");
}

static int not_dots(const struct dirent *entry) { return entry->d_name[0] != '.'; }

/* Names and bytes of a directory's files, as one number. */
static uint64_t hash_of(const char *directory) {
    struct dirent **list;
    uint64_t hash = 0;
    int count = scandir(directory, &list, not_dots, alphasort);
    assert_true(count >= 0);
    for (int i = 0; i < count; i++) {
        size_t bytes;
        uint8_t *content = weir_file_read(weir_temp_path(directory, list[i]->d_name), &bytes);
        uint64_t parts[] = {hash, weir_hash(list[i]->d_name, strlen(list[i]->d_name)),
                            weir_hash(content, bytes)};
        hash = weir_hash(parts, sizeof parts);
        free(content);
        free(list[i]);
    }
    free(list);
    return hash;
}

static bool there(const char *directory, const char *name) {
    return access(weir_temp_path(directory, name), F_OK) == 0;
}

static int run_tool(const char *arguments) {
    char command[1024];
    snprintf(command, sizeof command, "timeout %d %s %s >/dev/null 2>&1", HANG_S, WEIR_RECOVER,
             arguments);
    int status = system(command);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static char *tool_says(const fixture *f, const char *command) {
    char whole[1024];
    snprintf(whole, sizeof whole, "timeout %d %s >%s 2>&1", HANG_S, command, f->report);
    int status = system(whole);
    assert_true(WIFEXITED(status));
    return weir_file_text(f->report);
}

/* ---- where it works ----------------------------------------------------------------------- */

static void life_of_a_victim(const fixture *f) {
    weir *w;
    weir_table *t;
    MUST(chdir(f->b) == 0);
    open_at("other.db", "j", &w, &t);
    MUST(append_rows(t, 0, 50) == WEIR_OK);
    MUST(weir_sync(w, WEIR_DURABLE, LONG_MS) == WEIR_OK);
}

static void life_that_changes_directory(const fixture *f) {
    weir *w;
    weir_table *t;
    MUST(chdir(f->a) == 0);
    open_at("run.db", "j", &w, &t);
    MUST(append_rows(t, 0, 10) == WEIR_OK);
    MUST(chdir(f->b) == 0);
    for (int i = 0; i < 3; i++) { /* segments are made, and released */
        MUST(append_rows(t, 10 + 1500 * i, 1500) == WEIR_OK);
        MUST(weir_sync(w, WEIR_APPLIED, LONG_MS) == WEIR_OK);
    }
    MUST(weir_close(w) == WEIR_OK);
}

static void another_working_directory_is_not_another_journal(void **state) {
    fixture *f = *state;
    char theirs[200], ours[200], database[200];
    snprintf(theirs, sizeof theirs, "%s/j", f->b);
    snprintf(ours, sizeof ours, "%s/j", f->a);
    snprintf(database, sizeof database, "%s/other.db", f->b);
    in_child(f, life_of_a_victim);
    uint64_t before = hash_of(theirs);
    in_child(f, life_that_changes_directory);
    assert_int_equal(hash_of(theirs), before);
    assert_false(there(ours, "ring")); /* it was closed */
    assert_int_equal(rows_of(f->database, ours), 10 + 3 * 1500);
    assert_int_equal(rows_of(database, theirs), 50);
}

static void life_in_a_renamed_directory(const fixture *f) {
    weir *w;
    weir_table *t;
    char before[200], after[200];
    snprintf(before, sizeof before, "%s/before", f->b);
    snprintf(after, sizeof after, "%s/after", f->b);
    open_at(f->database, before, &w, &t);
    MUST(append_rows(t, 0, 10) == WEIR_OK);
    MUST(rename(before, after) == 0);
    MUST(append_rows(t, 10, 3000) == WEIR_OK);
    MUST(weir_sync(w, WEIR_APPLIED, LONG_MS) == WEIR_OK);
    MUST(append_rows(t, 3010, 3000) == WEIR_OK);
    MUST(weir_sync(w, WEIR_DURABLE, LONG_MS) == WEIR_OK);
    MUST(access(before, F_OK) != 0);
}

static void a_directory_may_be_renamed_while_it_is_open(void **state) {
    fixture *f = *state;
    char after[200];
    snprintf(after, sizeof after, "%s/after", f->b);
    in_child(f, life_in_a_renamed_directory);
    assert_int_equal(rows_of(f->database, after), 6010);
}

/* What SQLite opens by its path is not there any more, so applying may stop; the journal goes on. */
static void life_in_a_smaller_world(const fixture *f) {
    weir *w;
    weir_table *t;
    open_at(f->database, NULL, &w, &t);
    MUST(weir_sync(w, WEIR_APPLIED, LONG_MS) == WEIR_OK);
    MUST(chroot(f->b) == 0 && chdir("/") == 0);
    MUST(append_rows(t, 0, 3000) == WEIR_OK);
    MUST(weir_sync(w, WEIR_DURABLE, LONG_MS) == WEIR_OK);
}

static void the_journal_goes_on_after_chroot(void **state) {
    fixture *f = *state;
    if (geteuid() != 0) skip();
    in_child(f, life_in_a_smaller_world);
    assert_int_equal(rows_of(f->database, NULL), 3000);
}

/* ---- descriptors --------------------------------------------------------------------------- */

static void say_boom(void) {
    for (int i = 0; i < 3; i++) {
        ssize_t ignored = write(i, "boom", 4); /* mostly to nothing */
        (void)ignored;
    }
}

static bool leads_to_us(const fixture *f, int file) {
    char name[64], target[256] = "";
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    return readlink(name, target, sizeof target - 1) > 0 && strstr(target, f->root);
}

static void live_without_streams(const fixture *f, bool from_the_start) {
    weir *w;
    weir_table *t;
    if (from_the_start) MUST(close(0) == 0 && close(1) == 0 && close(2) == 0);
    open_at(f->database, NULL, &w, &t);
    if (!from_the_start) MUST(close(0) == 0 && close(1) == 0 && close(2) == 0);
    for (int i = 0; i < 3; i++) {
        MUST(append_rows(t, 1500 * i, 1500) == WEIR_OK);
        MUST(weir_sync(w, WEIR_DURABLE, LONG_MS) == WEIR_OK);
        for (int file = 0; file < 3; file++)
            MUST(!leads_to_us(f, file));
        say_boom();
    }
}

static void life_that_begins_without_streams(const fixture *f) { live_without_streams(f, true); }
static void life_that_closes_its_streams(const fixture *f) { live_without_streams(f, false); }

static void closed_streams_are_not_given_to_files(void **state) {
    fixture *f = *state;
    in_child(f, life_that_begins_without_streams);
    assert_int_equal(rows_of(f->database, NULL), 4500);
    weir_temp_remove(f->a);
    assert_int_equal(mkdir(f->a, 0700), 0);
    in_child(f, life_that_closes_its_streams);
    assert_int_equal(rows_of(f->database, NULL), 4500);
}

/* Its files are open, so it needs no rights before the segment is full. */
static void life_that_drops_its_rights(const fixture *f) {
    weir *w;
    weir_table *t;
    open_at(f->database, NULL, &w, &t);
    MUST(append_rows(t, 0, 10) == WEIR_OK);
    MUST(weir_sync(w, WEIR_DURABLE, LONG_MS) == WEIR_OK);
    MUST(chmod(f->journal, 0700) == 0);
    MUST(setgid(65534) == 0 && setuid(65534) == 0);
    MUST(append_rows(t, 10, 10) == WEIR_OK);
    MUST(weir_sync(w, WEIR_DURABLE, LONG_MS) == WEIR_OK);
}

static void dropped_rights_are_no_theft(void **state) {
    fixture *f = *state;
    if (geteuid() != 0) skip();
    assert_int_equal(chmod(f->root, 0711), 0);
    in_child(f, life_that_drops_its_rights);
    assert_int_equal(rows_of(f->database, NULL), 20);
}

static int find_descriptor(const char *path) {
    for (int file = 3; file < 200; file++) {
        char name[64], target[256] = "";
        snprintf(name, sizeof name, "/proc/self/fd/%d", file);
        if (readlink(name, target, sizeof target - 1) > 0 && strcmp(target, path) == 0) return file;
    }
    return -1;
}

static char last_stop[600];
static void note_stop(void *context, weir_event event, const char *text) {
    (void)context;
    if (event == WEIR_EVENT_STOPPED) snprintf(last_stop, sizeof last_stop, "%s", text);
}

/* The journal sees that its place is another's. */
static void stop_at_the_next_group(weir *w, weir_table *t, const char *what) {
    int status = append_rows(t, 100000, 100);
    if (status == WEIR_OK) status = weir_sync(w, WEIR_DURABLE, LONG_MS);
    MUST(status == WEIR_STOPPED);
    MUST(weir_close(w) == WEIR_STOPPED);
    MUST(strstr(last_stop, what)); /* told by a thread that has ended now */
}

static void open_noting(const fixture *f, weir **w, weir_table **t) {
    weir_options o = small();
    o.on_event = note_stop;
    MUST(weir_open_sqlite(f->database, &o, w) == WEIR_OK);
    MUST(weir_declare(*w, "t", columns, 2, t) == WEIR_OK);
    MUST(append_rows(*t, 0, 100) == WEIR_OK);
    MUST(weir_sync(*w, WEIR_APPLIED, LONG_MS) == WEIR_OK);
}

static void life_that_loses_its_lock(const fixture *f) {
    weir *w;
    weir_table *t;
    open_noting(f, &w, &t);
    int file = find_descriptor(weir_temp_path(f->journal, "lock"));
    MUST(file > 2 && close(file) == 0);
    MUST(open("/dev/null", O_RDWR | O_CLOEXEC) == file); /* which is the program's from now on */
    stop_at_the_next_group(w, t, "lock");
    MUST(fcntl(file, F_GETFD) >= 0);
}

static void life_that_loses_its_segment(const fixture *f) {
    weir *w;
    weir_table *t;
    char victim[200];
    size_t bytes;
    snprintf(victim, sizeof victim, "%s/victim", f->b);
    weir_file_write(victim, "not yours", 9);
    open_noting(f, &w, &t);
    int file = find_descriptor(weir_temp_path(f->journal, "segment-00000000000000000001"));
    MUST(file > 2 && close(file) == 0);
    MUST(open(victim, O_RDWR | O_CLOEXEC) == file);
    stop_at_the_next_group(w, t, "segment");
    MUST(fcntl(file, F_GETFD) >= 0);
    uint8_t *content = weir_file_read(victim, &bytes);
    MUST(bytes == 9 && memcmp(content, "not yours", 9) == 0);
    free(content);
}

static void a_segment_that_was_closed_stops_the_journal(void **state) {
    fixture *f = *state;
    in_child(f, life_that_loses_its_segment);
    assert_true(rows_of(f->database, NULL) > 100); /* what was published stood in the ring */
}

static void a_lock_that_was_closed_stops_the_journal(void **state) {
    fixture *f = *state;
    in_child(f, life_that_loses_its_lock);
    assert_true(rows_of(f->database, NULL) >= 100);
}

/* Another process takes the place over, as it may: the lock that it sees is nobody's. */
static void life_that_is_taken_over(const fixture *f) {
    weir *w;
    weir_table *t;
    open_noting(f, &w, &t);
    MUST(append_rows(t, 100, 50) == WEIR_OK);
    MUST(weir_sync(w, WEIR_APPLIED, LONG_MS) == WEIR_OK); /* two cannot apply at once */
    MUST(unlink(weir_temp_path(f->journal, "lock")) == 0);
    MUST(run_tool(f->database) <= 1);
    uint64_t before = hash_of(f->journal);
    stop_at_the_next_group(w, t, "lock");
    MUST(hash_of(f->journal) == before);
}

static void a_place_that_is_anothers_is_left_alone(void **state) {
    fixture *f = *state;
    in_child(f, life_that_is_taken_over);
    assert_int_equal(rows_of(f->database, NULL), 150);
}

static void life_that_loses_its_ring(const fixture *f) {
    weir *w;
    weir_table *t;
    open_noting(f, &w, &t);
    MUST(unlink(weir_temp_path(f->journal, "ring")) == 0);
    weir_file_write(weir_temp_path(f->journal, "ring"), "theirs", 6);
    stop_at_the_next_group(w, t, "ring");
    MUST(there(f->journal, "ring"));
}

static void life_that_closes_beside_another_ring(const fixture *f) {
    weir *w;
    weir_table *t;
    open_noting(f, &w, &t);
    MUST(unlink(weir_temp_path(f->journal, "ring")) == 0);
    weir_file_write(weir_temp_path(f->journal, "ring"), "theirs", 6);
    MUST(weir_close(w) == WEIR_STOPPED);
    MUST(there(f->journal, "ring"));
}

static void a_ring_that_is_anothers_is_not_removed(void **state) {
    fixture *f = *state;
    in_child(f, life_that_loses_its_ring);
    assert_int_equal(unlink(weir_temp_path(f->journal, "ring")), 0);
    assert_int_equal(rows_of(f->database, NULL), 100);
    weir_temp_remove(f->a);
    assert_int_equal(mkdir(f->a, 0700), 0);
    in_child(f, life_that_closes_beside_another_ring);
    assert_int_equal(unlink(weir_temp_path(f->journal, "ring")), 0);
    assert_int_equal(rows_of(f->database, NULL), 100);
}

/* ---- the lock ------------------------------------------------------------------------------ */

static void closing_another_descriptor_keeps_the_lock(void **state) {
    fixture *f = *state;
    weir *w;
    assert_int_equal(weir_open_sqlite(f->database, NULL, &w), WEIR_OK);
    int file = open(weir_temp_path(f->journal, "lock"), O_RDONLY);
    assert_true(file >= 0);
    assert_int_equal(close(file), 0); /* as a copy of the directory by this process does */
    assert_int_equal(run_tool(f->database), 8);
    assert_int_equal(weir_close(w), WEIR_OK);
    assert_int_equal(run_tool(f->database), 0);
}

/* A library of its own beside the one that this program is linked with. */
static void two_copies_see_each_other(void **state) {
    fixture *f = *state;
    char path[512];
    snprintf(path, sizeof path, "%s/libweir.so", getenv("WEIR_BINARY_DIR"));
    void *copy = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!copy) skip();
    int (*open_there)(const char *, const weir_options *, size_t, weir **) = NULL;
    const char *(*error_there)(void) = NULL;
    *(void **)&open_there = dlsym(copy, "weir_open_sqlite_sized");
    *(void **)&error_there = dlsym(copy, "weir_last_error");
    assert_non_null(open_there);
    assert_ptr_not_equal(open_there, weir_open_sqlite_sized);
    weir *here, *other;
    weir_options hasty = {.open_timeout_ms = 1};
    assert_int_equal(weir_open_sqlite(f->database, NULL, &here), WEIR_OK);
    assert_int_equal(open_there(f->database, &hasty, sizeof hasty, &other), WEIR_LOCKED);
    assert_non_null(strstr(error_there(), "another copy"));
    assert_int_equal(run_tool(f->database), 8);
    assert_int_equal(weir_close(here), WEIR_OK);
    assert_int_equal(open_there(f->database, NULL, 0, &other), WEIR_OK);
    assert_int_equal(weir_open_sqlite(f->database, &hasty, &here), WEIR_LOCKED);
    int (*close_there)(weir *) = NULL;
    *(void **)&close_there = dlsym(copy, "weir_close");
    assert_int_equal(close_there(other), WEIR_OK);
}

static int ready[2], over[2]; /* pipes: a child says that it is there; it is told that it may go */

static void open_pipes(void) {
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(over), 0);
}

static void close_pipes(void) {
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(over[i]);
    }
}

static void life_that_leaves_a_child(const fixture *f) {
    weir *w;
    weir_table *t;
    open_at(f->database, NULL, &w, &t);
    MUST(append_rows(t, 0, 10) == WEIR_OK);
    pid_t child = fork();
    MUST(child >= 0);
    char byte = 1;
    if (child == 0) {
        close(over[1]);
        if (write(ready[1], &byte, 1) != 1) _exit(1);
        _exit(read(over[0], &byte, 1) == 0 ? 0 : 1);
    }
    MUST(read(ready[0], &byte, 1) == 1); /* it has come out of fork() */
}

static void a_child_does_not_keep_its_parents_lock(void **state) {
    fixture *f = *state;
    open_pipes();
    in_child(f, life_that_leaves_a_child);
    weir *w;
    weir_options o = small();
    int status = weir_open_sqlite(f->database, &o, &w);
    close_pipes();
    assert_int_equal(status, WEIR_OK);
    assert_int_equal(weir_close(w), WEIR_OK);
    assert_int_equal(rows_of(f->database, NULL), 10);
}

/* As the versions before this one lock it. */
static void life_with_an_older_library(const fixture *f) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int file = open(weir_temp_path(f->journal, "lock"), O_RDWR | O_CLOEXEC);
    MUST(file >= 0 && fcntl(file, F_SETLK, &whole) == 0);
    MUST(kill(getpid(), SIGSTOP) == 0);
}

static void an_older_library_and_this_one_keep_each_other_out(void **state) {
    fixture *f = *state;
    weir *w;
    assert_int_equal(weir_open_sqlite(f->database, NULL, &w), WEIR_OK);
    int file = open(weir_temp_path(f->journal, "lock"), O_RDWR | O_CLOEXEC);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    assert_int_equal(fcntl(file, F_SETLK, &whole), -1);
    close(file);
    assert_int_equal(weir_close(w), WEIR_OK);
    int status;
    pid_t child = begin_child(f, life_with_an_older_library);
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
    weir_options hasty = {.open_timeout_ms = 1};
    assert_int_equal(weir_open_sqlite(f->database, &hasty, &w), WEIR_LOCKED);
    char pid[32];
    snprintf(pid, sizeof pid, "process %d ", (int)child);
    assert_non_null(strstr(weir_last_error(), pid));
    assert_int_equal(kill(child, SIGCONT), 0);
    end_child(f, child);
}

/* ---- who holds it -------------------------------------------------------------------------- */

static int locked_by_nobody_known(void *self, int file, int64_t *holder) {
    (void)self, (void)file;
    *holder = 0;
    return 1;
}

static void a_holder_without_an_id_is_there(void **state) {
    fixture *f = *state;
    char lock[256], text[WEIR_HOLDER_TEXT];
    weir_os os = *weir_os_posix();
    snprintf(lock, sizeof lock, "%s/lock", f->a);
    assert_false(weir_handle_holder(&os, f->a).is_there);
    weir_file_write(lock, "", 0);
    assert_false(weir_handle_holder(&os, f->a).is_there);
    os.locked = locked_by_nobody_known;
    weir_holder holder = weir_handle_holder(&os, f->a);
    assert_true(holder.is_there);
    assert_int_equal(holder.process, 0);
    assert_string_equal(weir_holder_text(holder, text), "another process");
}

static void a_journal_of_another_pid_namespace_is_living(void **state) {
    fixture *f = *state;
    char command[600];
    if (geteuid() != 0 || system("unshare -pf --mount-proc true >/dev/null 2>&1") != 0) skip();
    weir *w;
    assert_int_equal(weir_open_sqlite(f->database, NULL, &w), WEIR_OK);
    snprintf(command, sizeof command, "unshare -pf --mount-proc %s status --json %s", WEIR_RECOVER,
             f->database);
    char *text = tool_says(f, command);
    assert_non_null(strstr(text, "\"open\":true"));
    free(text);
    snprintf(command, sizeof command, "unshare -pf --mount-proc %s %s", WEIR_RECOVER, f->database);
    text = tool_says(f, command);
    assert_non_null(strstr(text, " is open in "));
    free(text);
    assert_int_equal(weir_close(w), WEIR_OK);
}

static int refused_by;
static int lock_refused(void *self, int file, int64_t *holder) {
    (void)self, (void)file;
    *holder = 0;
    return refused_by;
}

static int open_refused(const fixture *f, int answer, weir_error *error) {
    weir *w;
    weir_os os = *weir_os_posix();
    os.lock = lock_refused;
    refused_by = answer;
    weir_handle_config config = {.options = small(), .directory = f->journal, .os = &os};
    weir_options_fill(&config.options);
    return weir_handle_open(&config, &w, error);
}

/* A lock that the process could lose unseen is none. */
static void without_locks_of_open_files_it_is_refused(void **state) {
    fixture *f = *state;
    weir_error error;
    assert_int_equal(open_refused(f, -EINVAL, &error), WEIR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "F_OFD_SETLK"));
    assert_int_equal(open_refused(f, -ENOLCK, &error), WEIR_IO);
    assert_int_equal(open_refused(f, -EAGAIN, &error), WEIR_LOCKED);
    assert_non_null(strstr(error.text, "another process has the journal open"));
}

/* ---- waiting for it ------------------------------------------------------------------------ */

static void life_that_is_about_to_close(const fixture *f) {
    weir *w;
    weir_table *t;
    char byte = 1;
    open_at(f->database, NULL, &w, &t);
    MUST(append_rows(t, 0, 2000) == WEIR_OK);
    MUST(write(ready[1], &byte, 1) == 1);
    MUST(read(over[0], &byte, 1) == 1);
    usleep(100000); /* so that the other is likely to wait by now; it passes if it is not */
    MUST(append_rows(t, 2000, 10) == WEIR_OK);
    MUST(weir_close(w) == WEIR_OK);
}

static void opening_waits_for_a_process_that_ends(void **state) {
    fixture *f = *state;
    char byte = 1;
    open_pipes();
    pid_t child = begin_child(f, life_that_is_about_to_close);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(write(over[1], &byte, 1), 1);
    weir *w;
    weir_options patient = small();
    patient.open_timeout_ms = LONG_MS;
    int status = weir_open_sqlite(f->database, &patient, &w);
    if (status != WEIR_OK) fail_msg("%s", weir_last_error());
    end_child(f, child);
    assert_int_equal(weir_close(w), WEIR_OK);
    assert_int_equal(rows_of(f->database, NULL), 2010);
    close_pipes();
}

static void *close_it(void *handle) {
    (void)weir_close(handle); /* WEIR_PENDING or WEIR_OK, as the other connection lets it */
    return NULL;
}

/* Closing waits for the database, which another connection has locked until opening waits too, or
 * until a moment later. */
static void *unlock_soon(void *database) {
    usleep(100000);
    assert_int_equal(sqlite3_exec(database, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    return NULL;
}

static void opening_waits_for_a_handle_that_is_being_closed(void **state) {
    fixture *f = *state;
    weir *w, *again;
    weir_table *t;
    weir_options patient = small();
    patient.open_timeout_ms = LONG_MS;
    assert_int_equal(weir_open_sqlite(f->database, &patient, &w), WEIR_OK);
    assert_int_equal(weir_declare(w, "t", columns, 2, &t), WEIR_OK);
    assert_int_equal(weir_sync(w, WEIR_APPLIED, LONG_MS), WEIR_OK);
    assert_int_equal(weir_open_sqlite(f->database, &patient, &again), WEIR_LOCKED); /* at once */
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(append_rows(t, 0, 10), WEIR_OK);
    pthread_t closer, unlocker;
    assert_int_equal(pthread_create(&closer, NULL, close_it, w), 0);
    while (append_rows(t, 10, 1) == WEIR_OK)
        usleep(1000); /* until closing has begun */
    assert_int_equal(pthread_create(&unlocker, NULL, unlock_soon, db), 0);
    int status = weir_open_sqlite(f->database, &patient, &again);
    if (status != WEIR_OK) fail_msg("%s", weir_last_error());
    assert_int_equal(pthread_join(closer, NULL), 0);
    assert_int_equal(pthread_join(unlocker, NULL), 0);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(weir_close(again), WEIR_OK);
}

/* Where the database stands is asked under the lock: before it, a process that is closing may still
 * apply rows, and release the segments that they stood in. */
static int find_it_locked(void *self, weir_position **positions, size_t *count, weir_error *error) {
    const weir_os *os = weir_os_posix();
    int64_t holder;
    (void)positions, (void)count, (void)error;
    int file = os->open(os->self, WEIR_OS_CWD, self, WEIR_OS_READ);
    assert_true(file > 2);
    assert_int_equal(os->locked(os->self, file, &holder), 1);
    assert_int_equal(holder, getpid());
    assert_int_equal(os->close(os->self, file), 0);
    return WEIR_OK;
}

static void positions_are_read_under_the_lock(void **state) {
    fixture *f = *state;
    weir *w;
    weir_error error;
    char lock[256];
    snprintf(lock, sizeof lock, "%s/lock", f->journal);
    weir_handle_config config = {.options = small(),
                                 .directory = f->journal,
                                 .os = weir_os_posix(),
                                 .read_positions = find_it_locked,
                                 .positions_self = lock};
    weir_options_fill(&config.options);
    assert_int_equal(weir_handle_open(&config, &w, &error), WEIR_OK);
    assert_int_equal(weir_close(w), WEIR_OK);
}

/* ---- what is no file ------------------------------------------------------------------------ */

static void make_pipe(const char *path) { assert_int_equal(mkfifo(path, 0600), 0); }
static void make_directory(const char *path) { assert_int_equal(mkdir(path, 0700), 0); }
static void make_socket(const char *path) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    int file = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(file, (struct sockaddr *)&name, sizeof name), 0);
    close(file);
}
static void make_device(const char *path) {
    if (mknod(path, S_IFCHR | 0600, makedev(1, 3)) < 0) make_pipe(path); /* that takes root */
}

static void life_that_opens(const fixture *f) {
    weir *w;
    weir_options o = small();
    int status = weir_open_sqlite(f->database, &o, &w);
    fprintf(report_to, "%s\n", status == WEIR_OK ? "opened" : weir_last_error());
    fflush(report_to);
    if (status == WEIR_OK) MUST(weir_close(w) == WEIR_OK);
}

static int take_no_text(void *context, const char *text, size_t bytes) {
    (void)context, (void)text, (void)bytes;
    return 0;
}

/* The file of figures is mapped, and there is nothing behind the end of a file that was cut. */
static void life_with_figures_that_are_cut(const fixture *f) {
    static const long long lengths[] = {0, 4096, 8192};
    weir *w;
    weir_table *table;
    MUST(weir_open_sqlite(f->database, NULL, &w) == WEIR_OK);
    MUST(weir_declare(w, "t", columns, 2, &table) == WEIR_OK);
    for (int i = 0; i < 3; i++) {
        MUST(weir_append(table, i, "before") == WEIR_OK);
        MUST(weir_sync(w, WEIR_APPLIED, LONG_MS) == WEIR_OK);
        MUST(truncate(weir_temp_path(f->journal, "stats"), lengths[i]) == 0);
        MUST(weir_append(table, i, "after") == WEIR_OK);
        MUST(weir_sync(w, WEIR_APPLIED, LONG_MS) == WEIR_OK);
        MUST(weir_metrics_write(w, take_no_text, NULL) == WEIR_OK);
    }
    MUST(truncate(weir_temp_path(f->journal, "stats"), 0) == 0);
    MUST(weir_close(w) == WEIR_OK);
}

static void figures_that_are_cut_stop_nobody(void **state) {
    fixture *f = *state;
    in_child(f, life_with_figures_that_are_cut);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM t"), 6);
}

static void a_name_of_ours_that_is_no_file_hangs_nobody(void **state) {
    fixture *f = *state;
    static void (*const makes[])(const char *) = {make_pipe, make_directory, make_socket,
                                                  make_device};
    static const struct {
        const char *name;
        bool refused;
    } names[] = {{"segment-00000000000000000099", true},
                 {"ring", true},
                 {"lock", true},
                 {"archive", true},
                 {"ring.new", false},
                 {"spare-00000000000000000099", false}};
    static const char *const verbs[] = {"", "status ", "verify ", "dump ", "salvage "};
    assert_int_equal(mkdir(f->journal, 0700), 0);
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++)
        for (size_t m = 0; m < sizeof makes / sizeof makes[0]; m++) {
            const char *path = weir_temp_path(f->journal, names[n].name);
            if (makes[m] == make_directory && strncmp(names[n].name, "archive", 7) == 0) continue;
            bool in_the_way = names[n].refused || (makes[m] == make_directory &&
                                                   strcmp(names[n].name, "ring.new") == 0);
            makes[m](path);
            in_child(f, life_that_opens);
            char *text = weir_file_text(f->report);
            if (in_the_way && !strstr(text, names[n].name)) fail_msg("%s: %s", path, text);
            if (!in_the_way) assert_string_equal(text, "opened\n");
            free(text);
            for (size_t v = 0; v < sizeof verbs / sizeof verbs[0]; v++) {
                char arguments[300];
                snprintf(arguments, sizeof arguments, "%s%s", verbs[v], f->database);
                assert_int_not_equal(run_tool(arguments), 124); /* timeout's */
            }
            weir_temp_remove(f->journal);
            assert_int_equal(mkdir(f->journal, 0700), 0);
        }
}

static void an_archive_elsewhere_gets_nothing(void **state) {
    fixture *f = *state;
    weir *w;
    weir_options o = small();
    o.archive = 1;
    assert_int_equal(mkdir(f->journal, 0700), 0);
    assert_int_equal(symlink(f->b, weir_temp_path(f->journal, "archive")), 0);
    assert_int_equal(weir_open_sqlite(f->database, &o, &w), WEIR_IO);
    assert_non_null(strstr(weir_last_error(), "/archive: "));
    assert_int_equal(unlink(weir_temp_path(f->journal, "archive")), 0);
    /* And one that becomes a link while the journal is open. */
    weir_table *t;
    assert_int_equal(weir_open_sqlite(f->database, &o, &w), WEIR_OK);
    assert_int_equal(weir_declare(w, "t", columns, 2, &t), WEIR_OK);
    assert_int_equal(symlink(f->b, weir_temp_path(f->journal, "archive")), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(append_rows(t, 1500 * i, 1500), WEIR_OK);
        assert_int_equal(weir_sync(w, WEIR_APPLIED, LONG_MS), WEIR_OK);
    }
    assert_int_equal(weir_close(w), WEIR_OK);
    assert_int_equal(rmdir(f->b), 0); /* it is empty */
    assert_int_equal(mkdir(f->b, 0700), 0);
    assert_int_equal(unlink(weir_temp_path(f->journal, "archive")), 0);
    assert_int_equal(rows_of(f->database, NULL), 4500);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(another_working_directory_is_not_another_journal),
        test(a_directory_may_be_renamed_while_it_is_open),
        test(the_journal_goes_on_after_chroot),
        test(closed_streams_are_not_given_to_files),
        test(dropped_rights_are_no_theft),
        test(a_lock_that_was_closed_stops_the_journal),
        test(a_segment_that_was_closed_stops_the_journal),
        test(a_place_that_is_anothers_is_left_alone),
        test(a_ring_that_is_anothers_is_not_removed),
        test(closing_another_descriptor_keeps_the_lock),
        test(two_copies_see_each_other),
        test(a_child_does_not_keep_its_parents_lock),
        test(an_older_library_and_this_one_keep_each_other_out),
        test(a_holder_without_an_id_is_there),
        test(without_locks_of_open_files_it_is_refused),
        test(a_journal_of_another_pid_namespace_is_living),
        test(opening_waits_for_a_process_that_ends),
        test(opening_waits_for_a_handle_that_is_being_closed),
        test(positions_are_read_under_the_lock),
        test(figures_that_are_cut_stop_nobody),
        test(a_name_of_ours_that_is_no_file_hangs_nobody),
        test(an_archive_elsewhere_gets_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
