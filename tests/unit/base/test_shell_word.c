/* Words of a command: what a shell makes of them is what they were made of. */
#include "support.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/base/shell_word.h"

static void harmless_paths_stay_as_they_are(void **state) {
    (void)state;
    assert_string_equal(weir_shell_quote("/var/lib/run-1.db", 100).text, "/var/lib/run-1.db");
    assert_string_equal(weir_shell_quote("-rf", 100).text, "./-rf");
    assert_string_equal(weir_shell_quote("", 100).text, "''");
    assert_string_equal(weir_shell_quote("a b", 100).text, "'a b'");
    assert_string_equal(weir_shell_quote("it's", 100).text, "'it'\\''s'");
    assert_string_equal(weir_shell_quote("~/x", 100).text, "'~/x'");
}

static void what_does_not_fit_names_no_other_file(void **state) {
    (void)state;
    char path[2000];
    assert_string_equal(weir_shell_quote("12345", 5).text, "12345");
    assert_string_equal(weir_shell_quote("12345", 4).text, "PATH");
    assert_string_equal(weir_shell_quote("1 345", 7).text, "'1 345'");
    assert_string_equal(weir_shell_quote("1 345", 6).text, "PATH");
    assert_string_equal(weir_shell_quote("'", 6).text, "''\\'''");
    assert_string_equal(weir_shell_quote("'", 5).text, "PATH");
    assert_string_equal(weir_shell_quote("-", 2).text, "PATH");
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = 0;
    assert_string_equal(weir_shell_quote(path, 5000).text, "PATH");
    path[WEIR_SHELL_WORD_BYTES - 1] = 0;
    assert_string_equal(weir_shell_quote(path, 5000).text, path);
}

/* Each byte, alone and among others, through a real shell. */
static void a_shell_reads_the_same_path(void **state) {
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        char path[8] = {'a', (char)byte, '\'', (char)byte, 'b', 0},
             command[WEIR_SHELL_WORD_BYTES + 16], back[16] = {0};
        (void)snprintf(command, sizeof command, "printf '%%s' %s", weir_shell_quote(path, 50).text);
        FILE *shell = popen(command, "r");
        assert_non_null(shell);
        assert_int_equal(fread(back, 1, sizeof back - 1, shell), 5);
        assert_int_equal(pclose(shell), 0);
        assert_string_equal(back, path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(harmless_paths_stay_as_they_are),
        cmocka_unit_test(what_does_not_fit_names_no_other_file),
        cmocka_unit_test(a_shell_reads_the_same_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
