/* test_crash.c - processes that crash in every way, and what their logs tell of it. Counters die with its children. */
/* Covers: lib/handle/crash_report.c, lib/handle/crash_words.c, lib/base/signal_stack.c,
 * lib/base/line.h */
#include <errno.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "crash.h"
#include "lib/handle/core.h"
#include "lib/journal/stream.h"

#define CRASHES "SELECT count(*) FROM log WHERE file = 'weir/crash.h' AND line = 0"

static int64_t count_of(const char *condition) {
    char sql[400];
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM log WHERE file = 'weir/crash.h' AND level = 'FATAL' AND "
                   "message LIKE '%s'",
                   condition);
    return weir_sql_int(database, sql);
}

/* One crash that begins like this, with frames and mappings, as the last rows of the log. */
static void expect_crash(const char *head) {
    recover();
    assert_int_equal(weir_sql_int(database, CRASHES), 1);
    if (count_of(head) != 1) fail_msg("no row is like %s", head);
    assert_true(count_of("#0 0x%") == 1);
    assert_true(count_of("mapping 0x%-0x% 0x% %") >= 3);
    assert_int_equal(count_of("%handler crashed too%"), 0);
    /* The program itself, with its build id. */
    assert_true(
        count_of("mapping 0x%-0x% 0x% ________________________________________ %/test_crash") > 0);
    assert_int_equal(
        weir_sql_int(database, "SELECT count(*) FROM log WHERE rowid > (SELECT rowid "
                               "FROM log WHERE message = 'before')"),
        weir_sql_int(database, "SELECT count(*) FROM log WHERE file = 'weir/crash.h'"));
    assert_int_equal(weir_sql_int(database, "SELECT count(DISTINCT time_ns || '/' || thread) FROM "
                                            "log WHERE file = 'weir/crash.h'"),
                     1);
    /* line counts from 0 without a gap, in the order of the rows. */
    assert_int_equal(
        weir_sql_int(database,
                     "SELECT sum(line <> n) FROM (SELECT line, row_number() OVER (ORDER BY "
                     "rowid) - 1 AS n FROM log WHERE file = 'weir/crash.h')"),
        0);
}

/* ---- each signal ----------------------------------------------------------------------------- */

static void crash_by_bad_pointer(void) {
    open_and_log_crashes();
    (void)pthread_setname_np(pthread_self(), "the victim");
    use_bad_pointer();
}

static void a_bad_pointer_is_told(void **state) {
    (void)state;
    expect_death(status_of(crash_by_bad_pointer), SIGSEGV);
    expect_crash("SIGSEGV: nothing is mapped at the address, address 0x10, pc 0x%, process %, "
                 "thread the victim");
    /* The pc of the first row is that of the first frame. */
    assert_int_equal(
        weir_sql_int(database,
                     "SELECT count(*) FROM log a, log b WHERE a.message LIKE 'SIGSEGV%' AND "
                     "b.message LIKE '#0 %/test_crash+0x%' AND instr(a.message, 'pc ' || "
                     "substr(b.message, 4, instr(substr(b.message, 4), ' ') - 1) || ',') > 0"),
        1);
    assert_true(count_of("#_ 0x% %/test_crash+0x%") >= 3);
}

static void crash_in_a_journal_that_is_locked(void) {
    open_and_log_crashes();
    weir_journal_lock(weir_handle_journal(w));
    use_bad_pointer();
}

static void a_crash_under_a_lock_of_the_library_is_told(void **state) {
    (void)state;
    expect_death(status_of(crash_in_a_journal_that_is_locked), SIGSEGV);
    expect_crash("SIGSEGV: nothing is mapped%");
}

static void crash_by_abort(void) {
    open_and_log_crashes();
    abort();
}

static void *abort_in_thread(void *unused) {
    (void)unused;
    abort();
}

/* The kernel lets no thread but the main one send itself the same siginfo again. */
static void crash_by_abort_in_thread(void) {
    pthread_t thread;
    open_and_log_crashes();
    if (pthread_create(&thread, NULL, abort_in_thread, NULL)) _exit(SETUP_FAILED);
    (void)pthread_join(thread, NULL);
}

#ifdef __x86_64__ /* AArch64 divides by zero without a fault */
static volatile int zero;
WRONG static int divide(int by) { return by + 1000 / by; }
static void crash_by_division(void) {
    open_and_log_crashes();
    zero = divide(zero);
}
#endif

static void crash_by_trap(void) {
    open_and_log_crashes();
#ifdef __x86_64__
    __asm__ volatile("ud2");
#else
    __asm__ volatile("udf #0");
#endif
}

/* A mapped file that lost its page. */
static void crash_by_bus(void) {
    open_and_log_crashes();
    char path[160];
    (void)snprintf(path, sizeof path, "%s/mapped", directory);
    weir_file_write(path, "x", 1);
    FILE *file = fopen(path, "r+");
    int *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(file), 0);
    if (ftruncate(fileno(file), 0)) _exit(SETUP_FAILED);
    (void)read_at(at);
}

static void crash_by_kill(void) {
    open_and_log_crashes();
    (void)kill(getpid(), SIGSEGV);
    (void)pause();
}

static void crash_by_sandbox(void) {
    open_and_log_crashes();
    (void)raise(SIGSYS);
}

static void crash_by_breakpoint(void) {
    open_and_log_crashes();
    (void)raise(SIGTRAP);
}

static void every_signal_is_told_and_ends_the_process(void **state) {
    static const struct {
        void (*crash)(void);
        int signal;
        const char *head;
    } ways[] = {
        {crash_by_abort, SIGABRT, "SIGABRT: sent by process %, itself, pc 0x%"},
        {crash_by_abort_in_thread, SIGABRT, "SIGABRT: sent by process %, itself, pc 0x%"},
#ifdef __x86_64__
        {crash_by_division, SIGFPE, "SIGFPE: an integer was divided by zero, address 0x%, pc 0x%"},
#endif
        {crash_by_trap, SIGILL, "SIGILL: an instruction does not exist%, address 0x%, pc 0x%"},
        {crash_by_bus, SIGBUS, "SIGBUS: the file that is mapped there has no such page%"},
        {crash_by_sandbox, SIGSYS, "SIGSYS: sent by process %, itself, pc 0x%"},
        {crash_by_breakpoint, SIGTRAP, "SIGTRAP: sent by process %, itself, pc 0x%"},
        {crash_by_kill, SIGSEGV, "SIGSEGV: sent by process %, itself, pc 0x%"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        void *none = NULL;
        if (i > 0) (void)set_up_crash(&none);
        expect_death(status_of(ways[i].crash), ways[i].signal);
        expect_crash(ways[i].head);
        if (i + 1 < sizeof ways / sizeof *ways) (void)tear_down_crash(&none);
    }
}

/* ---- the end is the same as without ----------------------------------------------------------- */

static void dump_core(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) || chdir(directory)) _exit(SETUP_FAILED);
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_CORE, &limit)) _exit(SETUP_FAILED);
    use_bad_pointer();
}

static void dump_core_with_handler(void) {
    open_and_log_crashes();
    dump_core();
}

static void the_wait_status_is_that_without_a_handler(void **state) {
    (void)state;
    int plain = status_of(dump_core), logged = status_of(dump_core_with_handler);
    assert_int_equal(logged, plain); /* with the bit that says whether there is a core */
    expect_crash("SIGSEGV: nothing is mapped%");
}

/* ---- stacks ----------------------------------------------------------------------------------- */

static volatile int bottom = -1; /* never reached */

WRONG static int recurse(int depth) {
    if (depth == bottom) return 0;
    volatile char room[1000];
    room[depth % 1000] = (char)depth;
    return recurse(depth + 1) + room[depth % 1000];
}

static void *overflow(void *unused) {
    if (weir_log_crashes_stack() != WEIR_OK || weir_log_crashes_stack() != WEIR_OK)
        _exit(SETUP_FAILED);
    (void)recurse(1);
    return unused;
}

static void crash_by_overflow(void) {
    pthread_t thread;
    open_and_log_crashes();
    if (pthread_create(&thread, NULL, overflow, NULL)) _exit(SETUP_FAILED);
    (void)pthread_join(thread, NULL);
}

static void a_stack_overflow_is_told_on_an_alternative_stack(void **state) {
    (void)state;
    expect_death(status_of(crash_by_overflow), SIGSEGV);
    expect_crash("SIGSEGV: %(near the stack pointer: a stack overflow?), pc 0x%");
    assert_true(count_of("#63 0x%") == 1);
}

/* The stack goes with its thread, and a thread that has one of its own keeps it. */
static void *take_and_end(void *own) {
    stack_t none = {.ss_flags = SS_DISABLE}, now, mine = {.ss_sp = own, .ss_size = 64 << 10};
    assert_int_equal(sigaltstack(own ? &mine : &none, NULL), 0); /* a sanitizer sets one */
    assert_int_equal(weir_log_crashes_stack(), WEIR_OK);
    assert_int_equal(sigaltstack(NULL, &now), 0);
    if (!own) assert_true(now.ss_size >= 64 << 10);
    return now.ss_sp;
}

static void the_stack_of_a_thread_ends_with_it(void **state) {
    (void)state;
    static char own[64 << 10];
    pthread_t thread;
    void *stack;
    unsigned char present;
    assert_int_equal(pthread_create(&thread, NULL, take_and_end, NULL), 0);
    assert_int_equal(pthread_join(thread, &stack), 0);
    assert_non_null(stack);
    assert_int_equal(mincore(stack, 1, &present), -1);
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(pthread_create(&thread, NULL, take_and_end, own), 0);
    assert_int_equal(pthread_join(thread, &stack), 0);
    assert_ptr_equal(stack, own);
}

#ifdef __x86_64__
/* The unwinder reads where the stack pointer says that the stack is. */
WRONG static void destroy_stack(void) { __asm__ volatile("mov $16, %rsp; mov $16, %rbp; ud2"); }

static void crash_without_stack(void) {
    open_and_log_crashes();
    stack_t none = {.ss_flags = SS_DISABLE};
    if (sigaltstack(&none, NULL) || weir_log_crashes_stack() != WEIR_OK) _exit(SETUP_FAILED);
    destroy_stack();
}
#endif

static void a_destroyed_stack_costs_the_frames_alone(void **state) {
    (void)state;
    if (THREAD_SANITIZED) skip(); /* it loses track where a handler jumps out of another */
#ifdef __x86_64__
    expect_death(status_of(crash_without_stack), SIGILL);
    recover();
    assert_int_equal(count_of("SIGILL: %, pc 0x%"), 1);
    assert_int_equal(count_of("#0 0x%/test_crash+0x%"), 1);
    assert_true(count_of("mapping 0x%") >= 3);
    assert_int_equal(
        count_of("the crash handler crashed too (SIGSEGV), so that something is missing%"), 1);
#else
    skip();
#endif
}

/* ---- 8 KiB ------------------------------------------------------------------------------------ */

enum { SMALL = 8 << 10, FILL = 0xA5, GUARD = 64 << 10 };

static uint8_t *small_stack;
static int used_by[2];
static weir_table *plain;

static int bytes_used(void) {
    int unused = 0;
    while (unused < SMALL && small_stack[unused] == FILL)
        unused++;
    return SMALL - unused;
}

static void make_small_stack(void) {
    uint8_t *at = mmap(NULL, GUARD + SMALL, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    small_stack = at + GUARD;
    stack_t stack = {.ss_sp = small_stack, .ss_size = SMALL};
    if (at == MAP_FAILED || mprotect(small_stack, SMALL, PROT_READ | PROT_WRITE) ||
        sigaltstack(&stack, NULL))
        _exit(77); /* the processor's state is larger than that */
    memset(small_stack, FILL, SMALL);
}

static int append_values(void) {
    return weir_append(plain, weir_int(1), weir_text("a text of some length"), weir_real(2.5),
                       weir_blob("\0\1\2", 3));
}

static void do_nothing(int signal) { (void)signal; }

static void append_in_handler(int signal) {
    (void)signal;
    if (append_values() != WEIR_OK) _exit(SETUP_FAILED);
}

/* A value whose bytes are not there crashes the append, and the handler's append is inside it. */
static void append_inside_and_leave(int signal) {
    append_in_handler(signal);
    used_by[1] = bytes_used();
    char text[64];
    int length = snprintf(text, sizeof text, "%d %d", used_by[0], used_by[1]);
    if (write(STDOUT_FILENO, text, (size_t)length) != length) _exit(SETUP_FAILED);
    _exit(0);
}

static void handle(int signal, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    if (sigaction(signal, &action, NULL)) _exit(SETUP_FAILED);
}

static void declare_plain(void) {
    static const weir_column columns[] = {
        {"a", WEIR_INTEGER}, {"b", WEIR_TEXT}, {"c", WEIR_REAL}, {"d", WEIR_BLOB}};
    if (weir_declare(w, "plain", columns, 4, &plain) != WEIR_OK) _exit(SETUP_FAILED);
}

WRONG static void append_bad_value(void) {
    (void)weir_append(plain, weir_int(1), weir_text_n(somewhere, 1000), weir_real(2.5),
                      weir_null());
}

/* The frame alone, then with the thread's first append, which takes its lane there; then nested. */
static void *append_on_small_stack(void *unused) {
    make_small_stack();
    handle(SIGUSR1, do_nothing);
    (void)raise(SIGUSR1);
    int frame = bytes_used();
    memset(small_stack, FILL, SMALL);
    handle(SIGUSR1, append_in_handler);
    (void)raise(SIGUSR1);
    used_by[0] = bytes_used();
    memset(small_stack, FILL, SMALL);
    handle(SIGSEGV, append_inside_and_leave);
    fprintf(stderr, "the kernel's frame: %d bytes\n", frame);
    append_bad_value();
    return unused;
}

static void appends_on_a_small_stack(void) {
    pthread_t thread;
    open_or_exit(NULL);
    declare_plain();
    if (pthread_create(&thread, NULL, append_on_small_stack, NULL)) _exit(SETUP_FAILED);
    (void)pthread_join(thread, NULL);
}

/* What the child writes to its standard output. */
static int output_of(void (*what)(void), char *text, size_t size) {
    int ends[2], kept = dup(STDOUT_FILENO);
    assert_int_equal(pipe(ends), 0);
    (void)fflush(stdout);
    assert_true(dup2(ends[1], STDOUT_FILENO) >= 0);
    int status = status_of(what);
    assert_true(dup2(kept, STDOUT_FILENO) >= 0);
    (void)close(kept);
    (void)close(ends[1]);
    ssize_t got = read(ends[0], text, size - 1);
    (void)close(ends[0]);
    text[got > 0 ? got : 0] = 0;
    return status;
}

static void skip_if_state_is_large(int status) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) skip();
}

static void appends_fit_on_8_kib_and_so_do_those_inside_others(void **state) {
    char text[64];
    int first, nested;
    (void)state;
    if (SANITIZED) skip(); /* its frames are larger */
    int status = output_of(appends_on_a_small_stack, text, sizeof text);
    skip_if_state_is_large(status);
    assert_int_equal(status, 0);
    assert_int_equal(sscanf(text, "%d %d", &first, &nested), 2);
    print_message("an append: %d of %d bytes, nested: %d\n", first, SMALL, nested);
    assert_in_range(first, 1, SMALL - 1);
    assert_in_range(nested, 1, SMALL - 1);
    recover();
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM plain"), 2);
}

static void leave_with_bytes_used(int signal) {
    (void)signal;
    char text[64];
    int length = snprintf(text, sizeof text, "%d", bytes_used());
    if (write(STDOUT_FILENO, text, (size_t)length) != length) _exit(SETUP_FAILED);
    _exit(0);
}

static void *crash_on_small_stack(void *unused) {
    make_small_stack();
    if (unused)
        append_bad_value();
    else
        use_bad_pointer();
    return unused;
}

static bool inside_append;

/* The handler before is not on the alternative stack, and so can measure it. */
static void crash_with_small_stack(void) {
    struct sigaction action = {.sa_handler = leave_with_bytes_used};
    pthread_t thread;
    if (sigaction(SIGSEGV, &action, NULL)) _exit(SETUP_FAILED);
    open_and_log_crashes();
    declare_plain();
    if (pthread_create(&thread, NULL, crash_on_small_stack, inside_append ? &thread : NULL))
        _exit(SETUP_FAILED);
    (void)pthread_join(thread, NULL);
}

static void expect_fit(const char *what) {
    char text[64];
    int used;
    int status = output_of(crash_with_small_stack, text, sizeof text);
    skip_if_state_is_large(status);
    assert_int_equal(status, 0);
    assert_int_equal(sscanf(text, "%d", &used), 1);
    print_message("a crash%s: %d of %d bytes\n", what, used, SMALL);
    assert_in_range(used, 1, SMALL - 1);
    expect_crash("SIGSEGV: nothing is mapped at the address, address 0x10, pc 0x%");
    assert_true(count_of("#1 0x% %+0x%") == 1);
}

static void a_crash_fits_on_8_kib(void **state) {
    (void)state;
    if (SANITIZED) skip(); /* its frames are larger */
    inside_append = false;
    expect_fit("");
}

static void a_crash_inside_an_append_fits_on_8_kib(void **state) {
    (void)state;
    if (SANITIZED) skip(); /* its frames are larger */
    inside_append = true;
    expect_fit(" inside an append");
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM plain"), 0);
}

/* ---- crashes in bad places -------------------------------------------------------------------- */

static void crash_in_append(void) {
    open_and_log_crashes();
    declare_plain();
    if (append_values() != WEIR_OK) _exit(SETUP_FAILED);
    append_bad_value();
}

static void a_crash_inside_an_append_keeps_what_came_before(void **state) {
    (void)state;
    expect_death(status_of(crash_in_append), SIGSEGV);
    expect_crash("SIGSEGV: nothing is mapped at the address, address 0x%, pc 0x%");
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM plain"), 1);
}

/* The handler's own reading of the mappings crashes. */
WRONG static int64_t crash_in_pread(void *self, int file, void *into, size_t bytes,
                                    uint64_t offset) {
    (void)self, (void)file, (void)into, (void)bytes, (void)offset;
    return read_at((int *)32);
}

static void crash_in_handler(void) {
    static weir_os broken;
    open_and_log_crashes();
    broken = *weir_os_posix();
    broken.pread = crash_in_pread;
    w->os = &broken;
    use_bad_pointer();
}

static void a_crash_in_the_handler_costs_one_part(void **state) {
    (void)state;
    if (THREAD_SANITIZED) skip(); /* it loses track where a handler jumps out of another */
    expect_death(status_of(crash_in_handler), SIGSEGV);
    recover();
    assert_int_equal(count_of("SIGSEGV: nothing is mapped at the address, address 0x10, pc 0x%"),
                     1);
    assert_int_equal(weir_sql_int(database, CRASHES), 1);
    assert_int_equal(count_of("#0 0x%/test_crash+0x%"), 1);
    assert_true(count_of("mapping 0x%/test_crash") > 0); /* as at the installing */
    assert_int_equal(count_of("the crash handler crashed too (SIGSEGV)%"), 1);
}

/* Nobody makes room, and the options say: wait for ever. */
static void crash_with_full_ring(void) {
    weir_options o = {.lane_bytes = 65536, .full_timeout_ms = UINT32_MAX};
    static char big[20000];
    open_or_exit(&o);
    declare_plain();
    if (weir_log_crashes(w) != WEIR_OK) _exit(SETUP_FAILED);
    if (weir_sync(w, WEIR_DURABLE, SECONDS * 1000) != WEIR_OK) _exit(SETUP_FAILED);
    weir_journal_lock(weir_handle_journal(w));
    for (int i = 0; i < 3; i++)
        (void)weir_append(plain, weir_int(i), weir_text_n(big, sizeof big), weir_null(),
                          weir_null());
    (void)weir_append(plain, weir_int(3), weir_text_n(big, 5000), weir_null(), weir_null());
    use_bad_pointer();
}

static void a_full_ring_does_not_hold_up_the_end(void **state) {
    (void)state;
    expect_death(status_of(crash_with_full_ring), SIGSEGV); /* else the test never ends */
    recover();
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM plain"), 4);
    assert_int_equal(weir_sql_int(database, CRASHES), 1); /* only the rest is for want of room */
    assert_int_equal(count_of("mapping %ld-linux%"), 0);
}

/* ---- threads ---------------------------------------------------------------------------------- */

enum { AT_ONCE = 4 };
static _Atomic unsigned waits; /* of threads that wait for their turn */
static weir_os slow;

static int count_wait(void *self, _Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
    atomic_fetch_add(&waits, 1);
    return weir_os_posix()->wait(self, word, expected, timeout_ns);
}

/* The first crash is told until the others wait. */
static int open_when_all_wait(void *self, int dirfd, const char *path, int flags) {
    for (int i = 0; i < 500 && atomic_load(&waits) < AT_ONCE - 1; i++)
        (void)usleep(1000);
    return weir_os_posix()->open(self, dirfd, path, flags);
}

static void *crash_together(void *unused) {
    use_bad_pointer();
    return unused;
}

static void crash_in_threads(void) {
    pthread_t threads[AT_ONCE];
    open_and_log_crashes();
    slow = *weir_os_posix();
    slow.wait = count_wait;
    slow.open = open_when_all_wait;
    w->os = &slow;
    for (int i = 0; i < AT_ONCE; i++)
        if (pthread_create(&threads[i], NULL, crash_together, NULL)) _exit(SETUP_FAILED);
    (void)pthread_join(threads[0], NULL);
}

/* A thread that was not in the handler yet when the first one has put the action back is not told;
 * those that were are told whole. */
static void threads_that_crash_at_once_are_told_one_by_one(void **state) {
    (void)state;
    expect_death(status_of(crash_in_threads), SIGSEGV);
    recover();
    int64_t crashes = weir_sql_int(database, CRASHES);
    print_message("%d of %d crashes at once were told\n", (int)crashes, AT_ONCE);
    assert_in_range(crashes, 2, AT_ONCE);
    assert_int_equal(weir_sql_int(database, "SELECT count(DISTINCT thread) FROM log WHERE file = "
                                            "'weir/crash.h'"),
                     crashes);
    assert_int_equal(count_of("SIGSEGV: nothing is mapped at the address, address 0x10%"), crashes);
    assert_int_equal(count_of("mapping %/test_crash"), crashes);
    assert_int_equal(weir_sql_int(database,
                                  "SELECT count(*) FROM (SELECT line - lag(line, 1, -1) "
                                  "OVER (ORDER BY rowid) AS step, line FROM log WHERE file "
                                  "= 'weir/crash.h') WHERE step <> 1 AND line <> 0"),
                     0); /* not mixed */
}

/* ---- other handlers ---------------------------------------------------------------------------- */

static void *volatile seen_address;
static sigjmp_buf back;

static void go_back(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)context;
    if (info->si_code == SEGV_MAPERR) seen_address = info->si_addr;
    siglongjmp(back, 1);
}

static void take_signal(int signal, void (*handler)(int, siginfo_t *, void *), int flags) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    if (sigaction(signal, &action, NULL)) _exit(SETUP_FAILED);
}

static bool comes_back(void) {
    if (sigsetjmp(back, 1)) return seen_address == somewhere;
    seen_address = NULL;
    use_bad_pointer();
    return false;
}

static void go_on_after_crashes(void) {
    take_signal(SIGSEGV, go_back, 0);
    open_and_log_crashes();
    if (!comes_back()) _exit(1); /* told */
    if (!comes_back()) _exit(2); /* not told: the handler before is back */
    weir_log_info(w, "goes on");
    if (weir_log_crashes(w) != WEIR_OK || !comes_back()) _exit(3); /* told again */
    if (weir_close(w) != WEIR_OK) _exit(4);
    if (!comes_back()) _exit(5);
    _exit(0);
}

static void the_handler_before_goes_on(void **state) {
    (void)state;
    assert_int_equal(status_of(go_on_after_crashes), 0);
    assert_int_equal(weir_sql_int(database, CRASHES), 2);
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM log WHERE message = 'goes on'"),
                     1);
}

static void end_with_7(int signal, siginfo_t *info, void *context) {
    (void)context;
    _exit(signal == SIGABRT && info->si_pid == getpid() && info->si_code == SI_TKILL ? 7 : 8);
}

static void abort_with_handler_before(void) {
    take_signal(SIGABRT, end_with_7, 0);
    open_and_log_crashes();
    abort();
}

static void a_signal_that_was_sent_reaches_the_handler_before(void **state) {
    (void)state;
    int status = status_of(abort_with_handler_before);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    expect_crash("SIGABRT: sent by process %, itself%");
}

static struct sigaction action_of(int signal) {
    struct sigaction action;
    if (sigaction(signal, NULL, &action)) _exit(SETUP_FAILED);
    return action;
}

static void install_and_uninstall(void) {
    take_signal(SIGBUS, go_back, SA_NODEFER);
    take_signal(SIGTRAP, go_back, 0);
    open_or_exit(NULL);
    weir_log_crashes_stop(); /* nothing yet */
    if (weir_log_crashes(NULL) != WEIR_MISUSE) _exit(1);
    if (weir_log_crashes(w) != WEIR_OK || weir_log_crashes(w) != WEIR_OK) _exit(2);
    if (action_of(SIGBUS).sa_sigaction == go_back) _exit(3);
    if (action_of(SIGTRAP).sa_sigaction != go_back) _exit(4); /* it has a purpose */
    take_signal(SIGILL, end_with_7, 0);                       /* later than ours */
    weir_log_crashes_stop();
    if (action_of(SIGBUS).sa_sigaction != go_back || !(action_of(SIGBUS).sa_flags & SA_NODEFER))
        _exit(5);
    if (action_of(SIGILL).sa_sigaction != end_with_7) _exit(6);
    if (action_of(SIGSEGV).sa_handler != SIG_DFL) _exit(7);
    if (weir_log_crashes(w) != WEIR_OK || action_of(SIGSEGV).sa_handler == SIG_DFL) _exit(8);
    if (weir_close(w) != WEIR_OK || action_of(SIGSEGV).sa_handler != SIG_DFL) _exit(9);
    if (weir_log_crashes(w) != WEIR_CLOSED) _exit(10);
    _exit(0);
}

static void handlers_are_put_back(void **state) {
    (void)state;
    assert_int_equal(status_of(install_and_uninstall), 0);
}

/* It has the handler and not the ring. */
static void crash_in_forked_child(void) {
    int status;
    open_and_log_crashes();
    pid_t child = fork();
    if (child == 0) {
        use_bad_pointer();
        _exit(SURVIVED);
    }
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV)
        _exit(1);
    weir_log_info(w, "after");
    if (weir_close(w) != WEIR_OK) _exit(2);
    _exit(0);
}

static void a_forked_child_crashes_without_rows(void **state) {
    (void)state;
    assert_int_equal(status_of(crash_in_forked_child), 0);
    assert_int_equal(weir_sql_int(database, CRASHES), 0);
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM log"), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CRASH_TEST(a_bad_pointer_is_told),
        CRASH_TEST(a_crash_under_a_lock_of_the_library_is_told),
        CRASH_TEST(every_signal_is_told_and_ends_the_process),
        CRASH_TEST(the_wait_status_is_that_without_a_handler),
        CRASH_TEST(a_stack_overflow_is_told_on_an_alternative_stack),
        CRASH_TEST(the_stack_of_a_thread_ends_with_it),
        CRASH_TEST(a_destroyed_stack_costs_the_frames_alone),
        CRASH_TEST(appends_fit_on_8_kib_and_so_do_those_inside_others),
        CRASH_TEST(a_crash_fits_on_8_kib),
        CRASH_TEST(a_crash_inside_an_append_fits_on_8_kib),
        CRASH_TEST(a_crash_inside_an_append_keeps_what_came_before),
        CRASH_TEST(a_crash_in_the_handler_costs_one_part),
        CRASH_TEST(a_full_ring_does_not_hold_up_the_end),
        CRASH_TEST(threads_that_crash_at_once_are_told_one_by_one),
        CRASH_TEST(the_handler_before_goes_on),
        CRASH_TEST(a_signal_that_was_sent_reaches_the_handler_before),
        CRASH_TEST(handlers_are_put_back),
        CRASH_TEST(a_forked_child_crashes_without_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
