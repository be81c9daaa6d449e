/* What a text advises can be run as it is printed, whatever the names of files are. */
/* Covers: recovery/remedy.c */
#include "tool.h"

/* The names of files are made to hurt: blanks, both quotes, and what a shell would replace. */
static int set_up_advice(void **state) {
    if (set_up(state) != 0) return -1;
    fixture *f = *state;
    char below[240];
    (void)snprintf(below, sizeof below, "%s/it's \"a\" $HOME; dir", f->directory);
    assert_int_equal(mkdir(below, 0700), 0);
    (void)snprintf(f->database, sizeof f->database, "%.200s/-run db", below);
    (void)snprintf(f->journal, sizeof f->journal, "%.200s/-run db-weir", below);
    f->binary = WEIR_TOOL;
    return 0;
}
#define ADVICE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_advice, tear_down)

/* The first command between "(" and ")" that begins so, by a shell that finds the tool in its path. */
static int run_advised(const char *text, const char *begins) {
    char command[2500], tool[300];
    const char *at = strstr(text, begins);
    const char *end = at ? at : text;
    if (!at) fail_msg("'%s' is not in:\n%s", begins, text);
    for (bool quoted = false; *end && (quoted || *end != ')'); end++) {
        if (*end == '\\' && !quoted)
            end++;
        else if (*end == '\'')
            quoted = !quoted;
    }
    (void)snprintf(tool, sizeof tool, "%s", WEIR_TOOL);
    *strrchr(tool, '/') = 0;
    (void)snprintf(command, sizeof command, "PATH=%s:$PATH; %.*s >/dev/null 2>&1", tool,
                   (int)(end - at - 1), at + 1);
    int status = system(command);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void status_advises_recovery(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_both);
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(run_advised(f->out, "(weir-recover "), RECOVERED);
    assert_int_equal(rows_in(f->database), ROWS);
}

static void a_check_advises_recovery(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_both);
    run(f, "status", "--check", "--journal", f->journal, f->database, NULL);
    assert_int_equal(run_advised(f->out, "(weir-recover "), RECOVERED);
    assert_int_equal(rows_in(f->database), ROWS);
}

static void a_verdict_advises_what_makes_the_database_anew(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    forget_database(f);
    run(f, "status", f->database, NULL);
    assert_int_equal(run_advised(f->out, "(weir-recover "), RECOVERED);
    assert_int_equal(rows_in(f->database), ROWS);
}

static void a_damage_advises_salvage(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    const char *path = first_segment(f);
    patch(path, offset_of_row(path, 2 * ROWS_OF_GROUP + 1) + WEIR_BLOCK_HEADER + 8, "rotten", 6);
    run(f, "status", "--journal", f->journal, f->database, NULL), expect(f, DAMAGE);
    assert_int_equal(run_advised(f->out, "(weir salvage "), DAMAGE);
    assert_int_equal(rows_in(f->database), ROWS - ROWS_OF_GROUP);
}

static void forget_advises_its_option(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    run(f, "forget", f->database, NULL), expect(f, DAMAGE);
    assert_int_equal(run_advised(f->err, "(weir forget --yes "), CLEAN);
    assert_false(is_there(f->journal));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ADVICE_TEST(status_advises_recovery),
        ADVICE_TEST(a_check_advises_recovery),
        ADVICE_TEST(a_verdict_advises_what_makes_the_database_anew),
        ADVICE_TEST(a_damage_advises_salvage),
        ADVICE_TEST(forget_advises_its_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
