/* sink_fixture.h - an SQLite database in a directory of its own, a sink on it, another program's
 * connection, and blocks of rows: whatever a test leaves of them its tear-down releases. */
#ifndef WEIR_TESTS_SINK_FIXTURE_H
#define WEIR_TESTS_SINK_FIXTURE_H

#include "rows.h"
#include "support.h"
#include "writer/sqlite/sqlite_sink.h"

typedef struct sink_fixture {
    char directory[256], database[300];
    char copy[300];                  /* where a second database may be */
    weir_sink sink;                  /* without self: not open */
    sqlite3 *other, *second, *third; /* of other programs; NULL: not open */
    rows_pool pool;
    uint8_t journal[16];
    weir_error error;
} sink_fixture;

int sink_set_up(void **state);
/* For a fixture that has more: it begins with a sink_fixture, and has so many zero bytes in all. */
int sink_make(void **state, size_t bytes);
int sink_tear_down(void **state);
#define SINK_TEST(name) cmocka_unit_test_setup_teardown(name, sink_set_up, sink_tear_down)
/* The same with a new directory, in which nothing is open. */
void sink_renew(sink_fixture *f);

/* wanted: as weir_sqlite_sink_open takes it, but for the path. */
int sink_try_open(sink_fixture *f, weir_sqlite_config wanted);
void sink_open(sink_fixture *f); /* with a timeout of a second; fails the test when it cannot */
void sink_close(sink_fixture *f);
void sink_declare(sink_fixture *f, uint16_t table, const char *name, const weir_column *columns,
                  size_t count);
rows_block sink_rows(sink_fixture *f, uint64_t block, uint64_t first_row);
/* One transaction of those rows of the block; counts may be NULL. */
int sink_apply(sink_fixture *f, const rows_block *b, weir_row_range range,
               weir_sink_counts *counts);

/* The same, on any sink. */
int transact_rows(const weir_sink *s, const uint8_t journal[16], const rows_block *b,
                  weir_row_range range, weir_sink_counts *counts, weir_error *error);

/* All rows of a query, each value with a comma behind it, "-" for NULL; "" when it cannot be run.
 * sqlite3_free. */
char *sql_text(sqlite3 *db, const char *sql);

#endif
