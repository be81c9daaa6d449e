/* test_path.c - paths that are no database's, and files that this user may not use: each is told for
 * what it is, and leaves nothing behind. */
#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "opened.h"

enum { NOBODY = 65534, NOT_ROOT = 77 };

static int files_in(const char *directory) {
    int files = 0;
    DIR *d = opendir(directory);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));)
        files += e->d_name[0] != '.';
    (void)closedir(d);
    return files;
}

/* Opening answers status, with these words; "" for none. */
static int refuses(const char *path, int status, const char *words) {
    weir *w = NULL;
    int answer = weir_open_sqlite(path, NULL, &w);
    if (w) (void)weir_close(w);
    if (answer == status && !w && strstr(weir_last_error(), words)) return 0;
    fprintf(stderr, "%.100s: %s: %s\n", path, weir_status_name(answer), weir_last_error());
    return 1;
}

static void expect_no_database(const opened *o) {
    char longest[6000], deep[700];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    (void)snprintf(deep, sizeof deep, "%.600s", longest);
    assert_int_equal(chdir(o->directory), 0);
    assert_int_equal(refuses("file:run.db?mode=ro", WEIR_MISUSE, "a URI is not taken"), 0);
    assert_int_equal(refuses("file:run.db", WEIR_MISUSE, "must_exist"), 0);
    assert_int_equal(refuses("file:///run.db", WEIR_MISUSE, "URI"), 0);
    assert_int_equal(refuses(":memory:", WEIR_MISUSE, "must be a file"), 0);
    assert_int_equal(refuses("", WEIR_MISUSE, "must be a file"), 0);
    assert_int_equal(refuses("run.db/", WEIR_MISUSE, "ends in a slash"), 0);
    assert_int_equal(refuses(longest, WEIR_MISUSE, "5999 bytes"), 0);
    assert_int_equal(refuses(deep, WEIR_MISUSE, "600 bytes"), 0);
    assert_int_equal(refuses(o->directory, WEIR_DATABASE, "it is a directory"), 0);
    assert_int_equal(refuses("absent/run.db", WEIR_DATABASE, "create it"), 0);
    assert_int_equal(chdir("/"), 0);
}

static void what_is_no_path_of_a_file_leaves_nothing(void **state) {
    const opened *o = *state;
    expect_no_database(o);
    assert_int_equal(files_in(o->directory), 0);
}

/* SQLite can be told to take URIs everywhere. */
static void uris_are_refused_where_sqlite_takes_them(void **state) {
    const opened *o = *state;
    assert_int_equal(sqlite3_shutdown(), SQLITE_OK);
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_URI, 1), SQLITE_OK);
    expect_no_database(o);
    assert_int_equal(files_in(o->directory), 0);
    assert_int_equal(sqlite3_shutdown(), SQLITE_OK);
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_URI, 0), SQLITE_OK);
}

static void a_name_that_begins_so_can_be_had(void **state) {
    const opened *o = *state;
    weir *w;
    assert_int_equal(chdir(o->directory), 0);
    assert_int_equal(weir_open_sqlite("./file:run.db", NULL, &w), WEIR_OK);
    assert_int_equal(weir_close(w), WEIR_OK);
    assert_int_equal(access("file:run.db", F_OK), 0);
    assert_int_equal(chdir("/"), 0);
}

/* The tool too. */
static void the_tool_refuses_them(void **state) {
    const opened *o = *state;
    char command[700];
    const char *const targets[] = {"file:run.db?mode=ro", ":memory:", "''"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        (void)snprintf(
            command, sizeof command,
            "cd %s && %s %s 2>said; [ $? = 8 ] && grep -q 'URI\\|must be a file' said && rm said",
            o->directory, WEIR_RECOVER, targets[i]);
        assert_int_equal(system(command), 0);
    }
    assert_int_equal(files_in(o->directory), 0);
}

/* ---- rights ---------------------------------------------------------------------------------- */

/* As nobody, who is not root. */
static int as_nobody(const char *path, int status, const char *words) {
    int ended;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && (setgid(NOBODY) || setuid(NOBODY))) _exit(NOT_ROOT);
        _exit(refuses(path, status, words));
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    return ended;
}

static void make_database(const opened *o) {
    weir *w;
    assert_int_equal(weir_open_sqlite(o->database, NULL, &w), WEIR_OK);
    assert_int_equal(weir_close(w), WEIR_OK);
    weir_temp_remove(o->journal);
    assert_int_equal(chmod(o->directory, 0777), 0);
}

static void a_directory_that_may_not_be_searched(void **state) {
    const opened *o = *state;
    if (geteuid() != 0) skip();
    make_database(o);
    assert_int_equal(chmod(o->directory, 0700), 0);
    assert_int_equal(as_nobody(o->database, WEIR_DATABASE, "may not search a directory"), 0);
}

static void a_file_that_may_not_be_read(void **state) {
    const opened *o = *state;
    if (geteuid() != 0) skip();
    make_database(o);
    assert_int_equal(chmod(o->database, 0600), 0);
    assert_int_equal(as_nobody(o->database, WEIR_DATABASE, "may not read and write"), 0);
}

static void a_file_that_may_not_be_written(void **state) {
    const opened *o = *state;
    if (geteuid() != 0) skip();
    make_database(o);
    assert_int_equal(chmod(o->database, 0644), 0);
    assert_int_equal(as_nobody(o->database, WEIR_DATABASE, "read-only"), 0);
}

static void a_directory_where_nothing_may_be_made(void **state) {
    const opened *o = *state;
    if (geteuid() != 0) skip();
    assert_int_equal(chmod(o->directory, 0755), 0);
    assert_int_equal(as_nobody(o->database, WEIR_DATABASE, "may not be written"), 0);
    make_database(o);
    assert_int_equal(chmod(o->database, 0666), 0);
    assert_int_equal(chmod(o->directory, 0755), 0);
    assert_int_equal(as_nobody(o->database, WEIR_DATABASE, "may not make files"), 0);
    assert_int_equal(files_in(o->directory), 1);
}

static void a_path_through_a_file(void **state) {
    const opened *o = *state;
    make_database(o);
    assert_int_equal(refuses(weir_temp_path(o->database, "run.db"), WEIR_DATABASE, "no directory"),
                     0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        OPENED_TEST(what_is_no_path_of_a_file_leaves_nothing),
        OPENED_TEST(uris_are_refused_where_sqlite_takes_them),
        OPENED_TEST(a_name_that_begins_so_can_be_had),
        OPENED_TEST(the_tool_refuses_them),
        OPENED_TEST(a_directory_that_may_not_be_searched),
        OPENED_TEST(a_file_that_may_not_be_read),
        OPENED_TEST(a_file_that_may_not_be_written),
        OPENED_TEST(a_directory_where_nothing_may_be_made),
        OPENED_TEST(a_path_through_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
