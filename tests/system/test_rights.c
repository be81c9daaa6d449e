/* test_rights.c - whose the journal's files are, and under which names a database is opened. */
/* Covers: lib/handle/place.c */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "opened.h"

enum { SERVICE = 65534, OTHER = 65533, GROUP = 65530, PATIENCE_MS = 20000 };

static opened *here; /* for handlers, threads and children */

static int setup(void **state) {
    if (opened_set_up(state) != 0) return -1;
    here = *state;
    return 0;
}

static int work(void) {
    static const weir_column column = {"n", WEIR_INTEGER};
    weir *w;
    weir_table *table;
    int status = weir_open_sqlite(here->database, NULL, &w);
    if (status != WEIR_OK) return status;
    status = weir_declare(w, "rows", &column, 1, &table);
    if (status == WEIR_OK) status = weir_append(table, weir_int(1));
    if (status == WEIR_OK) status = weir_sync(w, WEIR_APPLIED, PATIENCE_MS);
    int closed = weir_close(w);
    return status == WEIR_OK ? closed : status;
}

/* 0, or what went wrong. */
static int work_as(uid_t user) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (setgid(GROUP) || setuid(user)) _exit(99);
        int status = work();
        if (status != WEIR_OK) fprintf(stderr, "%s\n", weir_last_error());
        _exit(-status);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* Every file has these rights and this owner; the directory can be searched besides. */
static void expect_rights(mode_t mode, uid_t user, gid_t group) {
    struct stat s;
    DIR *d = opendir(here->journal);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));) {
        if (strcmp(e->d_name, "..") == 0) continue;
        assert_int_equal(stat(weir_temp_path(here->journal, e->d_name), &s), 0);
        mode_t wanted = S_ISDIR(s.st_mode) ? mode | (mode & 0444) >> 2 : mode;
        assert_int_equal(s.st_mode & 0777, wanted);
        assert_int_equal(s.st_uid, user);
        assert_int_equal(s.st_gid, group);
    }
    (void)closedir(d);
}

static void a_private_database_has_a_private_journal(void **state) {
    (void)state;
    weir_sql_run(here->database, "CREATE TABLE t(a)");
    assert_int_equal(chmod(here->database, 0600), 0);
    assert_int_equal(work(), WEIR_OK);
    expect_rights(0600, geteuid(), getegid());
}

static void what_root_makes_is_the_services(void **state) {
    (void)state;
    if (geteuid() != 0) skip();
    weir_sql_run(here->database, "CREATE TABLE t(a)");
    assert_int_equal(chown(here->directory, SERVICE, GROUP), 0);
    assert_int_equal(chown(here->database, SERVICE, GROUP), 0);
    assert_int_equal(chmod(here->database, 0640), 0);
    assert_int_equal(work(), WEIR_OK);
    expect_rights(0640, SERVICE, GROUP);
    assert_int_equal(work_as(SERVICE), 0);
    expect_rights(0640, SERVICE, GROUP);
}

static void two_users_of_a_group_take_turns(void **state) {
    (void)state;
    if (geteuid() != 0) skip();
    weir_sql_run(here->database, "CREATE TABLE t(a)");
    assert_int_equal(chown(here->directory, SERVICE, GROUP), 0);
    assert_int_equal(chmod(here->directory, 0770), 0);
    assert_int_equal(chown(here->database, SERVICE, GROUP), 0);
    assert_int_equal(chmod(here->database, 0660), 0);
    assert_int_equal(work_as(SERVICE), 0);
    assert_int_equal(work_as(OTHER), 0);
    assert_int_equal(work_as(SERVICE), 0);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM rows"), 3);
}

static void a_file_with_two_names_is_refused(void **state) {
    (void)state;
    weir_sql_run(here->database, "CREATE TABLE t(a)");
    const char *other = weir_temp_path(here->directory, "other.db");
    assert_int_equal(link(here->database, other), 0);
    assert_int_equal(work(), WEIR_DATABASE);
    assert_non_null(strstr(weir_last_error(), "hard links"));
    assert_int_not_equal(access(here->journal, F_OK), 0);
    assert_int_equal(unlink(other), 0);
    assert_int_equal(work(), WEIR_OK);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, opened_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_private_database_has_a_private_journal),
        TEST(what_root_makes_is_the_services),
        TEST(two_users_of_a_group_take_turns),
        TEST(a_file_with_two_names_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
