/* same_rows.h - do two statements yield the same rows, to the last bit? */
#ifndef WEIR_TESTS_SAME_ROWS_H
#define WEIR_TESTS_SAME_ROWS_H

#include <sqlite3.h>

#include "support.h"

static inline void same_value(sqlite3_stmt *a, sqlite3_stmt *b, int i) {
    int type = sqlite3_column_type(a, i), bytes = sqlite3_column_bytes(a, i);
    assert_int_equal(type, sqlite3_column_type(b, i));
    if (type == SQLITE_INTEGER) {
        assert_true(sqlite3_column_int64(a, i) == sqlite3_column_int64(b, i));
    } else if (type == SQLITE_FLOAT) {
        double x = sqlite3_column_double(a, i), y = sqlite3_column_double(b, i);
        assert_memory_equal(&x, &y, sizeof x);
    } else if (type != SQLITE_NULL) {
        assert_int_equal(bytes, sqlite3_column_bytes(b, i));
        if (bytes)
            assert_memory_equal(sqlite3_column_blob(a, i), sqlite3_column_blob(b, i),
                                (size_t)bytes);
    }
}

/* Both are finalized. Answers how many rows there were. */
static inline uint64_t same_rows(sqlite3_stmt *a, sqlite3_stmt *b) {
    uint64_t rows = 0;
    int code;
    assert_int_equal(sqlite3_column_count(a), sqlite3_column_count(b));
    for (; (code = sqlite3_step(a)) == SQLITE_ROW; rows++) {
        assert_int_equal(sqlite3_step(b), SQLITE_ROW);
        for (int i = 0; i < sqlite3_column_count(a); i++)
            same_value(a, b, i);
    }
    if (code != SQLITE_DONE) fail_msg("%s", sqlite3_errmsg(sqlite3_db_handle(a)));
    assert_int_equal(sqlite3_step(b), SQLITE_DONE);
    assert_int_equal(sqlite3_finalize(a), SQLITE_OK);
    assert_int_equal(sqlite3_finalize(b), SQLITE_OK);
    return rows;
}

#endif
