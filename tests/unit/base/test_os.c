/* test_os.c - the table of production against the kernel that runs the tests. */
/* Covers: lib/base/os_posix.c, lib/base/os_posix_files.c, lib/base/os_posix_locks.c,
 * lib/base/os_posix_ticks.c */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/os.h"
#include "lib/base/os_posix.h"
#include "support.h"

static const weir_os *os;
static char directory[256];

static const char *in_directory(const char *name) {
    static char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static int setup(void **state) {
    (void)state;
    os = weir_os_posix();
    (void)snprintf(directory, sizeof directory, "%s", weir_temp_make());
    return 0;
}

static int teardown(void **state) {
    (void)state;
    weir_temp_remove(directory);
    return 0;
}

static int create(const char *name) {
    int file = os->open(os->self, WEIR_OS_CWD, in_directory(name),
                        WEIR_OS_READ | WEIR_OS_WRITE | WEIR_OS_CREATE | WEIR_OS_EXCLUSIVE);
    assert_true(file >= 0);
    return file;
}

/* ---- files ---- */

static void bytes_come_back_from_where_they_were_written(void **state) {
    (void)state;
    int file = create("bytes");
    char back[6] = {0};
    assert_int_equal(weir_write_full(os, file, "weir!", 5, 10000), 0);
    assert_int_equal(weir_read_full(os, file, back, 5, 10000), 0);
    assert_string_equal(back, "weir!");
    assert_int_equal(weir_read_full(os, file, back, 6, 10000), -ENODATA);
    assert_int_equal(os->datasync(os->self, file), 0);
    assert_int_equal(os->close(os->self, file), 0);
}

static void allocation_grows_the_file_with_real_blocks(void **state) {
    (void)state;
    int file = create("allocated");
    weir_os_info info;
    assert_int_equal(os->allocate(os->self, file, 0, 1 << 20), 0);
    assert_int_equal(os->info_file(os->self, file, &info), 0);
    assert_int_equal(info.bytes, 1 << 20);
    assert_false(info.is_directory);
    assert_true(info.block_bytes >= 512);
    assert_int_equal(os->truncate(os->self, file, 4096), 0);
    assert_int_equal(os->info(os->self, WEIR_OS_CWD, in_directory("allocated"), &info), 0);
    assert_int_equal(info.bytes, 4096);
    assert_int_equal(os->write_back(os->self, file, 0, 4096), 0);
    assert_int_equal(os->allocate(os->self, file, INT64_MAX, 4096), -EFBIG);
    assert_int_equal(os->close(os->self, file), 0);
}

static void errors_are_negative_errnos(void **state) {
    (void)state;
    weir_os_info info;
    char byte;
    assert_int_equal(os->open(os->self, WEIR_OS_CWD, in_directory("absent"), WEIR_OS_READ),
                     -ENOENT);
    assert_int_equal(os->info(os->self, WEIR_OS_CWD, in_directory("absent"), &info), -ENOENT);
    assert_int_equal(os->unlink(os->self, WEIR_OS_CWD, in_directory("absent")), -ENOENT);
    assert_int_equal(os->pread(os->self, -1, &byte, 1, 0), -EBADF);
    assert_int_equal(os->pwrite(os->self, -1, &byte, 1, 0), -EBADF);
    assert_int_equal(os->write_back(os->self, -1, 0, 1), -EBADF);
    assert_int_equal(os->pread(os->self, 0, &byte, 1, UINT64_MAX), -EOVERFLOW);
    assert_int_equal(os->close(os->self, -1), -EBADF);
    int file = create("once");
    assert_int_equal(os->open(os->self, WEIR_OS_CWD, in_directory("once"),
                              WEIR_OS_WRITE | WEIR_OS_CREATE | WEIR_OS_EXCLUSIVE),
                     -EEXIST);
    assert_int_equal(os->close(os->self, file), 0);
}

/* ---- names ---- */

static int count_names(void *context, const char *name) {
    (void)name;
    ++*(int *)context;
    return 0;
}

static int stop_at_once(void *context, const char *name) {
    (void)context;
    (void)name;
    return 7;
}

static void names_are_made_listed_moved_and_removed(void **state) {
    (void)state;
    char inner[512], moved[600];
    (void)snprintf(inner, sizeof inner, "%s", in_directory("inner"));
    assert_int_equal(os->make_directory(os->self, WEIR_OS_CWD, inner), 0);
    assert_int_equal(os->make_directory(os->self, WEIR_OS_CWD, inner), -EEXIST);
    assert_int_equal(os->close(os->self, create("inner/a")), 0);
    assert_int_equal(os->close(os->self, create("inner/b")), 0);
    int count = 0;
    assert_int_equal(os->list(os->self, WEIR_OS_CWD, inner, count_names, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(os->list(os->self, WEIR_OS_CWD, inner, stop_at_once, NULL), 7);
    assert_int_equal(os->list(os->self, WEIR_OS_CWD, in_directory("absent"), count_names, &count),
                     -ENOENT);
    (void)snprintf(moved, sizeof moved, "%s/c", inner);
    assert_int_equal(os->rename(os->self, WEIR_OS_CWD, in_directory("inner/a"), WEIR_OS_CWD, moved),
                     0);
    assert_int_equal(os->sync_directory(os->self, WEIR_OS_CWD, inner), 0);
    assert_int_equal(os->unlink(os->self, WEIR_OS_CWD, moved), 0);
    weir_os_info info;
    assert_int_equal(os->info(os->self, WEIR_OS_CWD, inner, &info), 0);
    assert_true(info.is_directory);
}

/* ---- an open directory ---- */

/* The path is what a message shows; where it would lead by itself does not count. */
static void a_name_is_looked_up_in_an_open_directory(void **state) {
    (void)state;
    const char *shown = "/nowhere/at/all/";
    char a[64], b[64], moved[300];
    snprintf(a, sizeof a, "%sa", shown);
    snprintf(b, sizeof b, "%sb", shown);
    assert_int_equal(os->make_directory(os->self, WEIR_OS_CWD, in_directory("held")), 0);
    int held = os->open_directory(os->self, WEIR_OS_CWD, in_directory("held"));
    assert_true(held > 2);
    snprintf(moved, sizeof moved, "%s", in_directory("moved"));
    assert_int_equal(os->rename(os->self, WEIR_OS_CWD, in_directory("held"), WEIR_OS_CWD, moved),
                     0);
    int file = os->open(os->self, held, a, WEIR_OS_WRITE | WEIR_OS_CREATE);
    assert_true(file > 2);
    assert_int_equal(os->close(os->self, file), 0);
    assert_int_equal(os->rename(os->self, held, a, held, b), 0);
    assert_int_equal(access(in_directory("moved/b"), F_OK), 0);
    weir_os_info info;
    assert_int_equal(os->info(os->self, held, b, &info), 0);
    assert_true(info.is_file);
    int count = 0;
    assert_int_equal(os->list(os->self, held, shown, count_names, &count), 0);
    assert_int_equal(os->list(os->self, held, shown, count_names, &count), 0); /* from the start */
    assert_int_equal(count, 2);
    assert_int_equal(os->sync_directory(os->self, held, shown), 0);
    assert_int_equal(os->make_directory(os->self, held, a), 0);
    int inner = os->open_directory(os->self, held, a);
    assert_true(inner > 2);
    assert_int_equal(os->rename(os->self, held, b, inner, b), 0);
    assert_int_equal(access(in_directory("moved/a/b"), F_OK), 0);
    assert_int_equal(os->unlink(os->self, inner, b), 0);
    assert_int_equal(os->close(os->self, inner), 0);
    assert_int_equal(symlink(moved, in_directory("moved/link")), 0);
    assert_true(os->open_directory(os->self, held, "x/link") < 0);
    assert_int_equal(os->open(os->self, held, a, WEIR_OS_READ), -WEIR_OS_NO_FILE);
    assert_int_equal(os->close(os->self, held), 0);
}

/* ---- lock ---- */

static void a_lock_names_the_process_that_holds_it(void **state) {
    (void)state;
    int file = create("lock");
    int64_t holder = -1;
    assert_int_equal(os->lock(os->self, file, &holder), 0);
    int64_t parent = os->process_id(os->self);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int other =
            os->open(os->self, WEIR_OS_CWD, in_directory("lock"), WEIR_OS_READ | WEIR_OS_WRITE);
        int result = os->lock(os->self, other, &holder);
        _exit(result == -EAGAIN && holder == parent ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    /* To this process too it is another's, if the file was opened once more. */
    int other = os->open(os->self, WEIR_OS_CWD, in_directory("lock"), WEIR_OS_READ);
    assert_int_equal(os->locked(os->self, other, &holder), 1);
    assert_int_equal(holder, parent);
    assert_int_equal(os->unlock(os->self, file), 0);
    assert_int_equal(os->locked(os->self, other, &holder), 0);
    assert_int_equal(os->close(os->self, other), 0);
    assert_int_equal(os->close(os->self, file), 0);
}

/* ---- memory ---- */

static void a_file_can_be_mapped_twice_in_a_row(void **state) {
    (void)state;
    size_t page = 65536;
    int file = create("mapped");
    assert_int_equal(os->allocate(os->self, file, 0, page), 0);
    uint8_t *at = os->reserve(os->self, 2 * page);
    assert_non_null(at);
    assert_int_equal(os->map(os->self, at, file, 0, page, 1), 0);
    assert_int_equal(os->map(os->self, at + page, file, 0, page, 1), 0);
    assert_int_equal(os->populate(os->self, at, 2 * page), 0);
    memcpy(at + page - 3, "across", 6);
    assert_memory_equal(at, "oss", 3);
    assert_int_equal(os->unmap(os->self, at, 2 * page), 0);
    assert_int_equal(os->close(os->self, file), 0);
}

static void a_forked_child_sees_zero(void **state) {
    (void)state;
    _Atomic uint32_t *word = os->fork_word(os->self);
    assert_non_null(word);
    assert_int_equal(*word, 1);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(*word == 0 ? 0 : 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(*word, 1);
    os->free_fork_word(os->self, word);
}

/* ---- threads and time ---- */

static void waiting_ends_by_value_by_time_and_by_wake(void **state) {
    (void)state;
    _Atomic uint32_t word = 1;
    assert_int_equal(os->wait(os->self, &word, 0, UINT64_MAX), 0);
    uint64_t before = os->now(os->self);
    int result;
    do
        result = os->wait(os->self, &word, 1, 2000000); /* a signal may end it early, as 0 */
    while (result == 0);
    assert_int_equal(result, -ETIMEDOUT);
    assert_true(os->now(os->self) - before >= 2000000);
}

static void *change_and_wake(void *context) {
    _Atomic uint32_t *word = context;
    atomic_store(word, 5);
    os->wake(os->self, word);
    return NULL;
}

static void a_thread_wakes_another(void **state) {
    (void)state;
    _Atomic uint32_t word = 1;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, change_and_wake, &word), 0);
    while (atomic_load(&word) != 5)
        assert_int_equal(os->wait(os->self, &word, 1, UINT64_MAX), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void the_barrier_works_or_says_so(void **state) {
    (void)state;
    int result = os->barrier(os->self);
    assert_true(result == 0 || result == -ENOSYS || result == -EINVAL);
    assert_int_equal(os->barrier(os->self), result);
}

typedef struct about_thread {
    uint32_t id;
    uint64_t number;
    _Atomic uint32_t told, may_end;
} about_thread;

static void *tell_about_itself(void *context) {
    about_thread *about = context;
    about->id = os->thread_id(os->self);
    about->number = os->thread_number(os->self);
    atomic_store(&about->told, 1);
    os->wake(os->self, &about->told);
    while (!atomic_load(&about->may_end))
        (void)os->wait(os->self, &about->may_end, 0, UINT64_MAX);
    return NULL;
}

static void a_thread_has_a_number_of_its_own_and_lives_until_it_ends(void **state) {
    (void)state;
    about_thread other = {0};
    uint64_t number = os->thread_number(os->self);
    pthread_t thread;
    assert_true(number > 0);
    assert_true(os->thread_number(os->self) == number);
    assert_int_equal(pthread_create(&thread, NULL, tell_about_itself, &other), 0);
    while (!atomic_load(&other.told))
        (void)os->wait(os->self, &other.told, 0, UINT64_MAX);
    assert_true(other.number > 0 && other.number != number);
    assert_int_equal(os->thread_life(os->self, other.id), WEIR_OS_ALIVE);
    atomic_store(&other.may_end, 1);
    os->wake(os->self, &other.may_end);
    assert_int_equal(pthread_join(thread, NULL), 0);
    /* What a signal handler interrupts must not see it change. */
    errno = 12345;
    assert_int_equal(os->thread_life(os->self, os->thread_id(os->self)), WEIR_OS_ALIVE);
    assert_int_equal(os->thread_life(os->self, 0x7FFFFFFF), WEIR_OS_DEAD);
    assert_int_equal(os->thread_life(os->self, 0), WEIR_OS_UNKNOWN); /* EINVAL */
    assert_int_equal(errno, 12345);
    /* The kernel takes the thread down behind the join. */
    while (os->thread_life(os->self, other.id) == WEIR_OS_ALIVE)
        (void)os->wait(os->self, &other.told, 1, 1000000);
    assert_int_equal(os->thread_life(os->self, other.id), WEIR_OS_DEAD);
}

static void the_clocks_go_forward(void **state) {
    (void)state;
    uint64_t a = os->now(os->self), b = os->now(os->self);
    assert_true(b >= a);
    assert_true(os->wall(os->self) > (int64_t)1600000000 * 1000000000);
}

static void the_counter_counts_or_is_not_there(void **state) {
    (void)state;
    errno = 12345;
    uint64_t a = os->ticks(os->self), begun = os->now(os->self);
    assert_int_equal(errno, 12345);
    while (os->now(os->self) - begun < 1000000) {
    }
    uint64_t b = os->ticks(os->self);
    assert_true(a == 0 ? b == 0 : b - a > 1000); /* of a megahertz */
}

static void clock_sources_that_are_based_on_the_counter_are_known(void **state) {
    (void)state;
    static const char *const based_on_it[] = {"tsc", "tsc\n", "kvm-clock\n",
                                              "hyperv_clocksource_tsc_page\n"};
    static const char *const others[] = {"",
                                         "\n",
                                         "ts\n",
                                         "tsc-early\n",
                                         "hpet\n",
                                         "acpi_pm\n",
                                         "hyperv_clocksource_msr\n",
                                         "jiffies\n",
                                         "tsc\ttsc"};
    for (size_t i = 0; i < sizeof based_on_it / sizeof *based_on_it; i++)
        assert_true(weir_posix_trusts_tsc(based_on_it[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(weir_posix_trusts_tsc(others[i]));
}

/* ---- identity ---- */

static void random_and_boot_id(void **state) {
    (void)state;
    uint8_t a[16], b[16], zero[16] = {0};
    assert_int_equal(os->random(os->self, a, sizeof a), 0);
    assert_int_equal(os->random(os->self, b, sizeof b), 0);
    assert_memory_not_equal(a, b, sizeof a);
    assert_int_equal(os->boot_id(os->self, a), 0);
    assert_int_equal(os->boot_id(os->self, b), 0);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, zero, sizeof a);
}

/* ---- whole transfers over a table that transfers little ---- */

static int64_t one_byte(void *self, int file, const void *from, size_t bytes, uint64_t offset) {
    (void)self;
    return os->pwrite(os->self, file, from, bytes < 1 ? bytes : 1, offset);
}

static int64_t no_byte(void *self, int file, const void *from, size_t bytes, uint64_t offset) {
    (void)self, (void)file, (void)from, (void)bytes, (void)offset;
    return 0;
}

static void short_writes_go_on_and_empty_ones_fail(void **state) {
    (void)state;
    weir_os table = *os;
    int file = create("short");
    char back[8] = {0};
    table.pwrite = one_byte;
    assert_int_equal(weir_write_full(&table, file, "slowly", 6, 0), 0);
    assert_int_equal(weir_read_full(os, file, back, 6, 0), 0);
    assert_string_equal(back, "slowly");
    table.pwrite = no_byte;
    assert_int_equal(weir_write_full(&table, file, "slowly", 6, 0), -EIO);
    assert_int_equal(os->close(os->self, file), 0);
}

/* As another process sees them. */
static int lock_of_others(const char *path, uint64_t offset) {
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)offset, .l_len = 1};
    pid_t child = fork();
    if (child == 0) {
        int file = open(path, O_RDWR | O_CLOEXEC);
        _exit(file >= 0 && fcntl(file, F_GETLK, &lock) == 0 ? lock.l_type : 99);
    }
    int status = -1;
    assert_true(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_shared_range_outlives_another_descriptor(void **state) {
    (void)state;
    int file = create("shared");
    const char *path = weir_temp_path(directory, "shared");
    assert_int_equal(os->share(os->self, file, 100, 10), 0);
    assert_int_equal(lock_of_others(path, 105), F_RDLCK);
    assert_int_equal(lock_of_others(path, 110), F_UNLCK);
    int again = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(close(again), 0);
    assert_int_equal(lock_of_others(path, 105), F_RDLCK);
    assert_int_equal(os->unshare(os->self, file, 100, 10), 0);
    assert_int_equal(lock_of_others(path, 105), F_UNLCK);

    struct flock mine = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 1};
    assert_int_equal(os->has_locked(os->self, file, 5), 0);
    assert_int_equal(fcntl(file, F_SETLK, &mine), 0);
    assert_int_equal(os->has_locked(os->self, file, 5), 1);
    assert_int_equal(os->has_locked(os->self, file, 6), 0);
    again = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(close(again), 0);
    assert_int_equal(os->has_locked(os->self, file, 5), 0);

    assert_int_equal(os->share(os->self, file, UINT64_MAX, 1), -EOVERFLOW);
    assert_int_equal(os->has_locked(os->self, file, UINT64_MAX), -EOVERFLOW);
    assert_int_equal(os->close(os->self, file), 0);
    assert_int_equal(os->has_locked(os->self, file, 5), -EBADF);
    assert_int_equal(os->share(os->self, file, 0, 1), -EBADF);
}

static void a_file_is_found_among_the_descriptors(void **state) {
    (void)state;
    weir_os_info info;
    int file = create("found");
    const char *path = weir_temp_path(directory, "found");
    assert_int_equal(os->info_file(os->self, file, &info), 0);
    assert_int_equal(os->find_file(os->self, info.device, info.inode), file);
    struct rlimit before, none; /* as without /proc, which takes a descriptor to read */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){3, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int found = os->find_file(os->self, info.device, info.inode);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(found, file);
    int reading = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(os->close(os->self, file), 0);
    assert_int_equal(os->find_file(os->self, info.device, info.inode), -ENOENT);
    assert_int_equal(close(reading), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back_from_where_they_were_written),
        cmocka_unit_test(allocation_grows_the_file_with_real_blocks),
        cmocka_unit_test(errors_are_negative_errnos),
        cmocka_unit_test(names_are_made_listed_moved_and_removed),
        cmocka_unit_test(a_name_is_looked_up_in_an_open_directory),
        cmocka_unit_test(a_lock_names_the_process_that_holds_it),
        cmocka_unit_test(a_file_can_be_mapped_twice_in_a_row),
        cmocka_unit_test(a_forked_child_sees_zero),
        cmocka_unit_test(waiting_ends_by_value_by_time_and_by_wake),
        cmocka_unit_test(a_thread_wakes_another),
        cmocka_unit_test(the_barrier_works_or_says_so),
        cmocka_unit_test(a_thread_has_a_number_of_its_own_and_lives_until_it_ends),
        cmocka_unit_test(the_clocks_go_forward),
        cmocka_unit_test(the_counter_counts_or_is_not_there),
        cmocka_unit_test(clock_sources_that_are_based_on_the_counter_are_known),
        cmocka_unit_test(random_and_boot_id),
        cmocka_unit_test(short_writes_go_on_and_empty_ones_fail),
        cmocka_unit_test(a_shared_range_outlives_another_descriptor),
        cmocka_unit_test(a_file_is_found_among_the_descriptors),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
