/* test_place.c - a database file that is mounted by itself. */
#include "support.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include <weir/sqlite.h>

#include "writer/sqlite/place.h"

/* ---- a machine that is made up ------------------------------------------------------------------ */

static const struct {
    const char *path, *directory;
    int64_t mount, its_mount; /* negative: the kernel does not tell */
    uint64_t device, its_device;
    bool apart;
} cases[] = {
    {"/data/run.db", "/data", 30, 30, 1, 1, false},
    {"/data/run.db", "/data", 31, 30, 1, 1, true}, /* another directory of the same disk */
    {"/data/run.db", "/data", 31, 30, 2, 1, true},
    {"/data/run.db", "/data", 30, 30, 2, 1, false}, /* overlayfs */
    {"/data/run.db", "/data", -1, -1, 1, 1, false},
    {"/data/run.db", "/data", -1, -1, 2, 1, true},
    {"/data/run.db", "/data", 30, -1, 2, 1, true},
    {"/data/run.db", "/data", 30, -1, 1, 1, false},
    {"/run.db", "/", 31, 30, 1, 1, true},
    {"/run.db", "/", 30, 30, 1, 1, false},
    {"/data/gone", "/data", -1, 30, 0, 1, false},
    {"run.db", ".", 31, 30, 1, 1, true},
};
static size_t at;

static int64_t made_up_mount(void *self, const char *path) {
    (void)self;
    if (strcmp(path, cases[at].directory) == 0) return cases[at].its_mount;
    assert_string_equal(path, cases[at].path);
    return cases[at].mount;
}

static int made_up_info(void *self, int dirfd, const char *path, weir_os_info *out) {
    (void)self;
    assert_int_equal(dirfd, WEIR_OS_CWD);
    bool is_directory = strcmp(path, cases[at].directory) == 0;
    *out = (weir_os_info){.device = is_directory ? cases[at].its_device : cases[at].device};
    return out->device ? 0 : -ENOENT;
}

static void mounts_decide_and_else_devices(void **state) {
    (void)state;
    weir_os os = *weir_os_posix();
    os.mount = made_up_mount;
    os.info = made_up_info;
    for (at = 0; at < sizeof cases / sizeof *cases; at++)
        assert_int_equal(weir_place_is_apart(&os, cases[at].path), cases[at].apart);
}

/* ---- this machine ------------------------------------------------------------------------------- */

static int weakened;

static void on_event(void *context, weir_event event, const char *text) {
    (void)context;
    if (event == WEIR_EVENT_WEAKENED && strstr(text, "mounted by itself")) weakened++;
}

static void open_and_close(const char *database, int expected) {
    weir *w;
    weir_options o = {.on_event = on_event};
    weakened = 0;
    if (weir_open_sqlite(database, &o, &w) != WEIR_OK) fail_msg("%s", weir_last_error());
    assert_int_equal(weir_close(w), WEIR_OK);
    assert_int_equal(weakened, expected);
}

static void a_file_that_is_a_mount_of_its_own_is_told(void **state) {
    (void)state;
    char database[300];
    const char *directory = weir_temp_make();
    (void)snprintf(database, sizeof database, "%s/run.db", directory);
    open_and_close(database, 0);
    bool mounted = unshare(CLONE_NEWNS) == 0 &&
                   mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                   mount(database, database, NULL, MS_BIND, NULL) == 0;
    if (!mounted) {
        print_message("no mount can be made here: %s\n", strerror(errno));
        weir_temp_remove(directory);
        skip();
    }
    open_and_close(database, 1);
    assert_int_equal(umount(database), 0);
    open_and_close(database, 0);
    weir_temp_remove(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mounts_decide_and_else_devices),
        cmocka_unit_test(a_file_that_is_a_mount_of_its_own_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
