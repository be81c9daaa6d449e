/* test_notify.c - what systemd is told of a handle, on a socket of the test's own. */
/* Covers: lib/handle/notify.c, lib/base/os_posix_send.c */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/systemd.h>

#include "lib/base/os.h"
#include "opened.h"
#include "writer/sqlite/open_sqlite.h"

enum { PATIENCE_MS = 20000, TEXT = 512 };

typedef struct fixture {
    opened at;
    char address[108];
    int socket;
} fixture;

static weir_os os;
static _Atomic uint32_t held, waits; /* a sync hangs while held is 1 */

static int hanging_datasync(void *self, int file) {
    (void)self;
    while (atomic_load(&held)) {
        atomic_store(&waits, 1);
        (void)usleep(1000);
    }
    return weir_os_posix()->datasync(NULL, file);
}

static void forget_environment(void) {
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
    assert_int_equal(unsetenv("WATCHDOG_PID"), 0);
}

static void set(const char *name, const char *value) {
    assert_int_equal(setenv(name, value, 1), 0);
}

static int setup(void **state) {
    if (opened_make(state, sizeof(fixture)) != 0) return -1;
    fixture *f = *state;
    f->socket = -1;
    forget_environment();
    os = *weir_os_posix();
    os.datasync = hanging_datasync;
    atomic_store(&held, 0);
    atomic_store(&waits, 0);
    return 0;
}

static int teardown(void **state) {
    const fixture *f = *state;
    atomic_store(&held, 0);
    if (f->socket >= 0) (void)close(f->socket);
    forget_environment();
    return opened_tear_down(state);
}

static void listen_at(fixture *f, bool abstract) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (abstract)
        (void)snprintf(f->address, sizeof f->address, "@weir-test-%d", (int)getpid());
    else
        (void)snprintf(f->address, sizeof f->address, "%s/n", f->at.directory);
    size_t length = strlen(f->address);
    memcpy(at.sun_path, f->address, length);
    if (abstract) at.sun_path[0] = '\0';
    f->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(f->socket >= 0);
    assert_int_equal(bind(f->socket, (const struct sockaddr *)&at,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
                     0);
    set("NOTIFY_SOCKET", f->address);
}

/* False: nothing has come in that time. */
static bool receive(const fixture *f, char text[TEXT], int ms) {
    struct pollfd p = {.fd = f->socket, .events = POLLIN};
    if (poll(&p, 1, ms) != 1) return false;
    ssize_t bytes = recv(f->socket, text, TEXT - 1, 0);
    assert_true(bytes > 0);
    text[bytes] = '\0';
    return true;
}

/* The next message that begins so. */
static void expect(const fixture *f, const char *begin, char text[TEXT]) {
    while (receive(f, text, PATIENCE_MS))
        if (strncmp(text, begin, strlen(begin)) == 0) return;
    fail_msg("no %s has come", begin);
}

static void open_here(fixture *f) {
    static const weir_column column = {"n", WEIR_INTEGER};
    weir_options o = {.lane_bytes = 65536, .linger_ms = 1};
    if (weir_open_sqlite_on(&os, f->at.database, &o, &f->at.w) != WEIR_OK)
        fail_msg("%s", weir_last_error());
    assert_int_equal(weir_declare(f->at.w, "t", &column, 1, &f->at.table), WEIR_OK);
}

/* ---- */

static void says_ready_status_and_stopping(void **state) {
    fixture *f = *state;
    char text[TEXT];
    for (int abstract = 0; abstract < 2; abstract++) {
        listen_at(f, abstract != 0);
        open_here(f);
        assert_int_equal(weir_append(f->at.table, weir_int(1)), WEIR_OK);
        assert_int_equal(weir_sync(f->at.w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
        assert_int_equal(weir_systemd_notify(f->at.w), WEIR_OK);
        assert_int_equal(weir_systemd_notify(f->at.w), WEIR_OK); /* and is not told twice */
        assert_true(receive(f, text, PATIENCE_MS));
        assert_string_equal(text, "READY=1");
        expect(f, "STATUS=", text);
        assert_non_null(
            strstr(text, abstract ? "row 2 is applied; 0 wait" : "row 1 is applied; 0"));
        assert_int_equal(opened_close(&f->at), WEIR_OK);
        while (receive(f, text, PATIENCE_MS) && strcmp(text, "STOPPING=1") != 0) {
            assert_string_not_equal(text, "READY=1");
            assert_string_not_equal(text, "WATCHDOG=1"); /* nobody has asked for it */
        }
        assert_string_equal(text, "STOPPING=1");
        assert_false(receive(f, text, 0));
        assert_int_equal(close(f->socket), 0);
        f->socket = -1;
    }
}

static void an_idle_handle_is_fed_and_a_hanging_disk_is_not(void **state) {
    fixture *f = *state;
    char text[TEXT];
    listen_at(f, true);
    set("WATCHDOG_USEC", "200000");
    open_here(f);
    assert_int_equal(weir_systemd_notify(f->at.w), WEIR_OK);
    for (int i = 0; i < 5; i++)
        expect(f, "WATCHDOG=1", text);
    atomic_store(&held, 1);
    assert_int_equal(weir_append(f->at.table, weir_int(1)), WEIR_OK);
    while (!atomic_load(&waits))
        (void)usleep(1000);
    int fed = 0;
    while (receive(f, text, 600)) /* three times as long as the watchdog waits */
        fed += strcmp(text, "WATCHDOG=1") == 0;
    assert_true(fed <= 2); /* under way, and for the step before the sync */
    atomic_store(&held, 0);
    expect(f, "WATCHDOG=1", text);
    expect(f, "WATCHDOG=1", text);
}

/* A child that did not exec has the environment of its parent, but not its watchdog. */
static void the_watchdog_of_another_process_is_not_fed(void **state) {
    fixture *f = *state;
    char text[TEXT], pid[24];
    listen_at(f, true);
    set("WATCHDOG_USEC", "40000");
    (void)snprintf(pid, sizeof pid, "%d", (int)getppid());
    set("WATCHDOG_PID", pid);
    open_here(f);
    assert_int_equal(weir_systemd_notify(f->at.w), WEIR_OK);
    while (receive(f, text, 400))
        assert_string_not_equal(text, "WATCHDOG=1");
    assert_int_equal(opened_close(&f->at), WEIR_OK);
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    set("WATCHDOG_PID", pid);
    open_here(f);
    assert_int_equal(weir_systemd_notify(f->at.w), WEIR_OK);
    expect(f, "WATCHDOG=1", text);
}

static void without_a_socket_nothing_happens(void **state) {
    fixture *f = *state;
    char longest[200];
    open_here(f);
    assert_int_equal(weir_systemd_notify(f->at.w), WEIR_OK);
    assert_int_equal(weir_systemd_notify(NULL), WEIR_MISUSE);
    set("NOTIFY_SOCKET", "vsock:2:1234");
    assert_int_equal(weir_systemd_notify(f->at.w), WEIR_UNSUPPORTED);
    assert_non_null(strstr(weir_last_error(), "vsock:2:1234"));
    memset(longest, 'x', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    set("NOTIFY_SOCKET", longest);
    assert_int_equal(weir_systemd_notify(f->at.w), WEIR_UNSUPPORTED);
    set("NOTIFY_SOCKET", "/nobody/listens/here");
    assert_int_equal(weir_systemd_notify(f->at.w), WEIR_OK);
    pid_t child = fork();
    if (child == 0) _exit(weir_systemd_notify(f->at.w) == WEIR_FORKED ? 0 : 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(says_ready_status_and_stopping),
        T(an_idle_handle_is_fed_and_a_hanging_disk_is_not),
        T(the_watchdog_of_another_process_is_not_fed),
        T(without_a_socket_nothing_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
