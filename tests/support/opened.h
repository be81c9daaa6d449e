/* opened.h - a directory of a test's own with a database and its journal, and the handle that a test
 * has open there. Tear-down closes the handle and removes the directory, wherever the test ended. */
#ifndef WEIR_TESTS_OPENED_H
#define WEIR_TESTS_OPENED_H

#include <weir/sqlite.h>

#include "support.h"

typedef struct opened {
    char directory[96], database[128], journal[144];
    char copy[128]; /* for a second database, or a copy of this one */
    weir *w;        /* NULL: not open */
    weir_table *table;
} opened;

/* *state is an opened with nothing open. A fixture that has more begins with an opened, and makes it
 * with the bytes of the whole, which are zero; free is tear-down's. */
int opened_set_up(void **state);
int opened_make(void **state, size_t bytes);
int opened_tear_down(void **state);
#define OPENED_TEST(name) cmocka_unit_test_setup_teardown(name, opened_set_up, opened_tear_down)

/* Fails the test when it cannot. options may be NULL. */
void opened_open(opened *o, const weir_options *options);
/* As weir_close answers; whatever that is, tear-down does not try again. */
int opened_close(opened *o);

#endif
