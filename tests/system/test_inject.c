/* test_inject.c - each system call of the hot and the recovery path fails, once at each of its calls
 * and from each on for ever, with errors that it may return: a program that appends, waits and
 * closes, and weir-recover. Neither may crash or hang; each succeeds or says what is wrong; and
 * then, without faults, recovery finds every row that had been acknowledged, once and in order.
 *
 * strace does it, attached to the unchanged program (attach.c). It counts per thread, so call n is
 * the n-th of every thread. SQLite's own calls fail among ours.
 *
 *     test_inject               the suite: up to STARTS places in each call's numbers
 *     test_inject all [CALL]    every place, of that call
 *     test_inject CALL ERROR WHEN [recover]   one run, as a failure names it */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/sqlite.h>

#include "support.h"

enum {
    ROWS = 12,
    STARTS = 4,
    CALLS_MAX = 120,
    HANG_MS = 30000,
    LOST_WAKE_MS = 5000,
    THREADS = 1024, /* whose ids differ by less: all of one process */
    LOST_ATTACH = 126,
};

typedef struct fixture {
    char directory[96], database[128], acknowledged[128], trace[128], words[128];
} fixture;

/* ---- the program ---------------------------------------------------------------------------- */

static int complain(int status) {
    fprintf(stderr, "%s: %s\n", weir_status_name(status), weir_last_error());
    return strlen(weir_last_error()) > 3 ? 2 : 3; /* 3: an error without a word */
}

/* Acknowledgements go out through write(2), which nothing else here uses and nothing disturbs. */
static void acknowledge(int file, char level, int row) {
    char line[32];
    int length = snprintf(line, sizeof line, "%c %d\n", level, row);
    if (write(file, line, (size_t)length) != length) _exit(4);
}

static int append_rows(weir *w, int file) {
    static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"text", WEIR_TEXT}};
    weir_table *table;
    int status = weir_declare(w, "rows", columns, 2, &table);
    if (status != WEIR_OK) return complain(status);
    for (int row = 1; row <= ROWS; row++) {
        status = weir_append(table, weir_int(row), weir_text("a row to be kept"));
        if (status != WEIR_OK) return complain(status);
        acknowledge(file, 'p', row);
        if (row % 4 == 0) {
            weir_level level = row == 8 ? WEIR_APPLIED : WEIR_DURABLE;
            status = weir_sync(w, level, 300);
            if (status < 0) return complain(status);
            if (status == WEIR_OK) acknowledge(file, 'd', row);
        }
    }
    return 0;
}

/* Exit: 0 all went well, 2 an error with words. */
static int program(const char *database, int file) {
    weir_options o = {.lane_bytes = 65536,
                      .segment_bytes = 1 << 20,
                      .lanes_max = 4,
                      .linger_ms = 1,
                      .apply_linger_ms = 1,
                      .open_timeout_ms = 300,
                      .full_timeout_ms = 200};
    weir *w;
    int status = weir_open_sqlite(database, &o, &w);
    if (status != WEIR_OK) return complain(status);
    int result = append_rows(w, file);
    status = weir_close(w);
    if (status < 0 && result == 0) result = complain(status);
    return result;
}

/* ---- running it ----------------------------------------------------------------------------- */

static void become(const fixture *f, const char *const *arguments, const char *strace) {
    int words = open(f->words, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int file = open(f->acknowledged, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (words < 0 || dup2(words, 1) < 0 || dup2(words, 2) < 0 || dup2(file, 3) < 0) _exit(125);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setenv("LD_PRELOAD", WEIR_ATTACH, 1);
    (void)setenv("WEIR_STRACE", strace, 1);
    execv(arguments[0], (char *const *)(uintptr_t)arguments);
    _exit(125);
}

/* No kernel answers FUTEX_WAKE with EINTR (futex(2)), but an injection cannot spare those calls: a
 * lock of the C library whose wake it swallows is waited for without an end. Such a lock wakes one;
 * weir wakes all, and wakes again when it is told so. strace tells a call in two lines when another
 * thread does something meanwhile. */
static bool a_lock_was_not_woken(const fixture *f) {
    char line[512];
    bool found = false, wakes_one[THREADS] = {false}; /* the last call of each thread */
    FILE *lines = fopen(f->trace, "r");
    while (lines && !found && fgets(line, sizeof line, lines)) {
        bool *last = &wakes_one[strtoul(line, NULL, 10) % THREADS];
        const char *call = strstr(line, "futex("), *wake = strstr(line, "FUTEX_WAKE_PRIVATE, ");
        if (call) *last = wake && strtol(strchr(wake, ' '), NULL, 10) == 1;
        found = *last && strstr(line, "INJECTED");
    }
    if (lines) fclose(lines);
    return found;
}

static unsigned swallowed;

/* The wait status, or fails the test when it hangs. One that hangs for want of a wake was killed,
 * and has lost nothing by that either. */
static int end_of(const fixture *f, pid_t child, const char *strace) {
    int status, ms = 0;
    for (; ms < HANG_MS; ms += 2) {
        pid_t ended = waitpid(child, &status, WNOHANG);
        if (ended == child) return status;
        if (ms && ms % LOST_WAKE_MS == 0 && a_lock_was_not_woken(f)) break;
        usleep(2000);
    }
    kill(child, SIGKILL);
    (void)waitpid(child, &status, 0);
    if (ms >= HANG_MS) fail_msg("hangs under strace %s", strace);
    swallowed++;
    return 0;
}

static int run_traced(const fixture *f, bool recover, const char *strace) {
    const char *const program_arguments[] = {"/proc/self/exe", "--program", f->database, NULL};
    const char *const recover_arguments[] = {WEIR_RECOVER, "--wait=1", f->database, NULL};
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) become(f, recover ? recover_arguments : program_arguments, strace);
    return end_of(f, child, strace);
}

/* ---- what must be true afterwards ----------------------------------------------------------- */

static int last_acknowledged(const fixture *f) {
    int last = 0, row;
    char level;
    FILE *lines = fopen(f->acknowledged, "r");
    while (lines && fscanf(lines, " %c %d", &level, &row) == 2)
        last = row > last ? row : last;
    if (lines) fclose(lines);
    return last;
}

static void check_rows(const fixture *f, const char *strace) {
    weir *w;
    int told = last_acknowledged(f);
    int status = weir_open_sqlite(f->database, NULL, &w);
    if (status != WEIR_OK) fail_msg("after strace %s: open: %s", strace, weir_last_error());
    status = weir_sync(w, WEIR_APPLIED, 10000);
    if (status != WEIR_OK)
        fail_msg("after strace %s: sync: %d: %s", strace, status, weir_last_error());
    assert_int_equal(weir_close(w), WEIR_OK);
    if (!weir_sql_int(f->database, "SELECT count(*) FROM sqlite_master WHERE name='rows'")) {
        if (told)
            fail_msg("after strace %s: %d rows were acknowledged, none is there", strace, told);
        return;
    }
    int64_t there = weir_sql_int(f->database, "SELECT count(*) FROM rows");
    int64_t wrong = weir_sql_int(f->database, "SELECT count(*) FROM rows WHERE n <> rowid");
    if (there < told || wrong)
        fail_msg("after strace %s: %d rows were acknowledged, %d are there, %d of them wrong",
                 strace, told, (int)there, (int)wrong);
}

static void check_end(const fixture *f, bool recover, int status, const char *strace) {
    size_t length;
    char *words = (char *)weir_file_read(f->words, &length);
    bool fine = WIFEXITED(status), mute = strstr(strace, "inject=write") != NULL;
    int code = fine ? WEXITSTATUS(status) : -1;
    if (recover)
        fine = code == 0 || code == 1 || ((code == 8 || code == 4) && (length > 10 || mute));
    else
        fine = code == 0 || code == 2;
    if (!fine)
        fail_msg("under strace %s: %s %d: %.*s", strace,
                 WIFSIGNALED(status) ? "signal" : "exit code",
                 WIFSIGNALED(status) ? WTERMSIG(status) : code, (int)length, words);
    free(words);
}

static void begin(fixture *f) {
    (void)snprintf(f->directory, sizeof f->directory, "%s", weir_temp_make());
    (void)snprintf(f->database, sizeof f->database, "%s/i.db", f->directory);
    (void)snprintf(f->acknowledged, sizeof f->acknowledged, "%s/told", f->directory);
    (void)snprintf(f->trace, sizeof f->trace, "%s/trace", f->directory);
    (void)snprintf(f->words, sizeof f->words, "%s/words", f->directory);
}

/* A process that dies with rows in its ring and in its journal, none applied: work for recovery. */
static void leave_rows(const fixture *f) {
    pid_t child = fork();
    if (child == 0) {
        weir_options o = {.apply_linger_ms = 60000, .linger_ms = 60000};
        static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"text", WEIR_TEXT}};
        int file = open(f->acknowledged, O_WRONLY | O_CREAT | O_APPEND, 0600);
        weir *w;
        weir_table *table;
        if (file < 0 || weir_open_sqlite(f->database, &o, &w) ||
            weir_declare(w, "rows", columns, 2, &table))
            _exit(1);
        for (int row = 1; row <= ROWS; row++) {
            if (weir_append(table, weir_int(row), weir_text("left behind"))) _exit(1);
            acknowledge(file, 'p', row);
            if (row == ROWS / 2 && weir_sync(w, WEIR_DURABLE, 5000)) _exit(1);
        }
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static unsigned runs, clean, refused;

static void inject(const char *call, const char *error, const char *when, bool recover) {
    fixture f;
    char strace[256];
    begin(&f);
    if (recover) leave_rows(&f);
    (void)snprintf(strace, sizeof strace, "-o %s -e trace=%s -e inject=%s:error=%s:when=%s",
                   f.trace, call, call, error, when);
    int status = run_traced(&f, recover, strace);
    if (WIFEXITED(status) && WEXITSTATUS(status) == LOST_ATTACH) fail_msg("strace does not attach");
    const char *where = strstr(strace, "inject=");
    char place[160];
    (void)snprintf(place, sizeof place, "%s%s", where, recover ? " (weir-recover)" : "");
    check_end(&f, recover, status, place);
    check_rows(&f, place);
    runs++;
    if (WEXITSTATUS(status) <= (recover ? 1 : 0))
        clean++;
    else
        refused++;
    weir_temp_remove(f.directory);
}

/* ---- where ---------------------------------------------------------------------------------- */

/* The most calls that one thread makes. */
static unsigned count_calls(const char *call, bool recover) {
    fixture f;
    char strace[256], line[512];
    unsigned counts[64] = {0}, most = 0;
    int threads[64] = {0}, thread;
    begin(&f);
    if (recover) leave_rows(&f);
    (void)snprintf(strace, sizeof strace, "-o %s -e trace=%s", f.trace, call);
    check_end(&f, recover, run_traced(&f, recover, strace), strace);
    FILE *lines = fopen(f.trace, "r");
    assert_non_null(lines);
    while (fgets(line, sizeof line, lines)) {
        if (sscanf(line, "%d", &thread) != 1 || !strchr(line, '(')) continue;
        size_t i = 0;
        while (i < 63 && threads[i] && threads[i] != thread)
            i++;
        threads[i] = thread;
        if (++counts[i] > most) most = counts[i];
    }
    fclose(lines);
    weir_temp_remove(f.directory);
    return most > CALLS_MAX ? CALLS_MAX : most;
}

typedef struct fault {
    const char *call;
    const char *errors[5];
} fault;

/* Not ENOENT: of a file that is there it would be a lie, and who believes that a ring is gone, as it
 * is behind every clean close, rightly begins a new one. */
static const fault faults[] = {
    {"openat", {"EACCES", "EMFILE", "EIO", "ENOMEM"}},
    {"pread64", {"EIO", "EINTR"}},
    {"pwrite64", {"ENOSPC", "EIO", "EINTR"}},
    {"fdatasync", {"EIO", "ENOSPC", "EINTR"}},
    {"fsync", {"EIO"}},
    {"fallocate", {"ENOSPC", "EOPNOTSUPP", "EINTR"}},
    {"ftruncate", {"EIO", "EINTR"}},
    {"mmap", {"ENOMEM", "EAGAIN"}},
    {"madvise", {"EINVAL", "ENOMEM"}},
    {"munmap", {"EINVAL"}},
    {"renameat", {"EIO", "ENOSPC"}},
    {"unlinkat", {"EACCES", "EIO"}},
    {"unlink", {"EACCES", "EIO"}}, /* SQLite's */
    {"mkdirat", {"EACCES", "ENOSPC"}},
    {"fcntl", {"EACCES", "EAGAIN", "EIO"}},
    {"statx", {"EACCES", "ENOMEM", "EIO"}},
    {"newfstatat", {"EACCES", "ENOMEM", "EIO"}},
    {"getdents64", {"EIO"}},
    {"membarrier", {"ENOSYS", "EPERM"}},
    {"getrandom", {"ENOSYS", "EINTR"}},
    {"clone3", {"EAGAIN"}},
    {"close", {"EIO", "EINTR"}},
    {"read", {"EIO", "EINTR"}},
    {"write", {"EIO", "ENOSPC"}}, /* of the tool's words; the program's are the acknowledgements */
    {"fstatfs", {"EIO", "ENOSYS"}},
    {"fchown", {"EPERM"}},
    {"fchmod", {"EPERM"}},
    {"readlink", {"EACCES", "ENOMEM"}},
    {"futex", {"EINTR"}},
};

/* By the programs of both tests. One that none of them calls any more would go untested in silence. */
static unsigned called[sizeof faults / sizeof *faults];

static bool every_place;
static const char *only_call; /* NULL: all */

static void inject_at(const char *call, const char *error, unsigned at, bool recover) {
    char when[32];
    (void)snprintf(when, sizeof when, "%u", at);
    inject(call, error, when, recover);
    if (!strcmp(error, "EINTR")) return; /* for ever it would rightly be repeated for ever */
    (void)snprintf(when, sizeof when, "%u+", at);
    inject(call, error, when, recover);
}

/* Once at each place, and for ever from it: with every error, or with the errors in turn. */
static void inject_each(const fault *one, bool recover) {
    unsigned calls = count_calls(one->call, recover), errors = 0;
    called[one - faults] += calls;
    unsigned step = every_place || calls <= STARTS ? 1 : (calls + STARTS - 1) / STARTS;
    while (one->errors[errors])
        errors++;
    for (unsigned at = 1, turn = 0; at <= calls; at += step, turn++)
        for (unsigned e = 0; e < errors; e++)
            if (every_place || e == turn % errors)
                inject_at(one->call, one->errors[e], at, recover);
}

static void expect_all_called(void) {
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (!called[i] && !(only_call && strcmp(only_call, faults[i].call) != 0))
            fail_msg("%s: never called, so it never failed", faults[i].call);
}

static void inject_all(bool recover) {
    runs = clean = refused = 0;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const char *call = faults[i].call;
        bool ours = recover || strcmp(call, "write") != 0;
        if (ours && (!only_call || !strcmp(call, only_call))) inject_each(&faults[i], recover);
    }
    print_message(
        "%u runs: %u succeeded all the same, %u said what was wrong, %u of the former were "
        "killed, for want of a wake\n",
        runs, clean, refused, swallowed);
    assert_true(only_call || (runs > 50 && clean > 10 && refused > 10));
}

static void a_program_survives_every_failing_call(void **state) {
    (void)state;
    inject_all(false);
}

static void the_tool_survives_every_failing_call(void **state) {
    (void)state;
    inject_all(true);
    expect_all_called();
}

/* As strace tells it: a lock's wake fails, ours does, and a lock's succeeds where a wait fails. */
static void a_lock_that_was_not_woken_is_recognised(void **state) {
    static const struct {
        bool found;
        const char *trace;
    } told[] = {
        {true, "71 futex(0x8d0, FUTEX_WAKE_PRIVATE, 1) = -1 EINTR (INJECTED)\n"},
        {true, "71 futex(0x8d0, FUTEX_WAKE_PRIVATE, 1 <unfinished ...>\n"
               "72 futex(0x094, FUTEX_WAIT_PRIVATE, 3, NULL <unfinished ...>\n"
               "71 <... futex resumed>) = -1 EINTR (INJECTED)\n"},
        {false, "71 futex(0x094, FUTEX_WAKE_PRIVATE, 2147483647) = -1 EINTR (INJECTED)\n"},
        {false, "71 futex(0x094, FUTEX_WAIT_PRIVATE, 3, NULL <unfinished ...>\n"
                "72 futex(0x8d0, FUTEX_WAKE_PRIVATE, 1) = 1\n"
                "71 <... futex resumed>) = -1 EINTR (INJECTED)\n"},
    };
    fixture f;
    (void)state;
    begin(&f);
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        weir_file_write(f.trace, told[i].trace, strlen(told[i].trace));
        assert_int_equal(a_lock_was_not_woken(&f), told[i].found);
    }
    weir_temp_remove(f.directory);
}

static char **asked;
static int asked_words;

static void as_asked(void **state) {
    (void)state;
    inject(asked[1], asked[2], asked[3], asked_words > 4);
}

/* NULL when strace is here and may attach. */
static const char *strace_missing(void) {
    if (WEIR_SANITIZED) return "a sanitizer's run time does not bear strace and preloading";
    if (system("strace -V >/dev/null 2>&1") != 0) return "needs strace";
    fixture f;
    begin(&f);
    char strace[256];
    (void)snprintf(strace, sizeof strace, "-o %s -e trace=openat", f.trace);
    int status = run_traced(&f, false, strace);
    weir_temp_remove(f.directory);
    return status == 0 ? NULL : "strace may not attach to processes here";
}

int main(int argc, char **argv) {
    if (argc == 3 && !strcmp(argv[1], "--program")) return program(argv[2], 3);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lock_that_was_not_woken_is_recognised),
        cmocka_unit_test(a_program_survives_every_failing_call),
        cmocka_unit_test(the_tool_survives_every_failing_call),
    };
    const struct CMUnitTest one[] = {cmocka_unit_test(as_asked)};
    const char *missing = strace_missing();
    if (missing) return weir_skip_all("inject", missing, sizeof tests / sizeof *tests);
    every_place = argc > 1 && !strcmp(argv[1], "all");
    only_call = argc == 3 && every_place ? argv[2] : NULL;
    asked = argv;
    asked_words = argc;
    if (argc > 3) return cmocka_run_group_tests(one, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
