/* sink_pair.h - two sinks that get the same rows. One works as it does in use; the other's connection
 * may attach nothing, so it feeds every row (writer/sqlite/row_vtab.h) and copies none
 * (writer/copy/record_copy.h). What either makes of them must be equal: every table, every rowid,
 * every refused row. That the first does copy is seen in the statements that it runs. */
#ifndef WEIR_TESTS_SINK_PAIR_H
#define WEIR_TESTS_SINK_PAIR_H

#include "sink_fixture.h"

typedef struct one_sink {
    char path[300];
    weir_sink sink;
} one_sink;

/* All of it is the fixture's: tear-down releases what a test has left open. */
typedef struct sink_pair {
    char directory[256];
    one_sink ours, fed;
    weir_error error;
    uint64_t next_block, next_row;
    rows_pool pool;
    bool copying;     /* can this SQLite copy? Otherwise rows are fed: the same comes of it */
    bool expecting;   /* blocks are announced, as replay does with a transaction's first */
    bool copy_pages;  /* set before pair_open: pages of images are not to be read in place */
    sqlite3 *writing; /* ours: the connection that has an image */
    unsigned copies, offers, feeds; /* statements of ours, since they were set to 0 */

    bool attach_nothing;   /* what is opened now may not */
    sqlite3 *left, *right; /* while pair_same compares */
} sink_pair;

bool can_copy(void); /* this SQLite, rows as records */

/* *state is a sink_pair in a directory of its own; nothing is open yet. One at a time: SQLite's
 * automatic extensions, by which the statements are seen, have no context. */
int pair_set_up(void **state);
int pair_tear_down(void **state);
#define PAIR_TEST(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)
/* The same pair with new files. */
void pair_renew(sink_pair *p);

void pair_open(sink_pair *p);
void pair_close(sink_pair *p);

/* On connections of their own, as other programs have. pair_try: it may fail, but not on one alone. */
void pair_run(const sink_pair *p, const char *sql);
void pair_try(const sink_pair *p, const char *sql);
int64_t pair_int(const sink_pair *p, const char *sql); /* of ours */

weir_declaration *pair_declaration(uint16_t table, const char *name, const weir_column *c,
                                   size_t n);
void pair_declare(sink_pair *p, uint16_t table, const char *name, const weir_column *c, size_t n);

rows_block pair_rows(sink_pair *p); /* the next block, still without rows */
/* The next block, with rows of three columns as a program would append them; if odd, with one now and
 * then that it should not have. */
rows_block pair_some_rows(sink_pair *p, uint16_t table, int64_t first, int64_t rows, bool odd);

/* On one of the two. once: a transaction as it comes. load_one: as replay narrows it. */
void pair_expect(const sink_pair *p, one_sink *one, const rows_block *b);
int pair_begin(sink_pair *p, one_sink *one, weir_position *at);
int pair_apply(sink_pair *p, one_sink *one, const rows_block *b); /* within a transaction */
int pair_once(sink_pair *p, one_sink *one, const rows_block *b, weir_row_range range,
              weir_sink_counts *counts);
int pair_load_one(sink_pair *p, one_sink *one, const rows_block *b, weir_sink_counts *total);
/* Into both, which must make the same of it; the block is freed. load answers how many were refused,
 * and fails the test where try_load answers a status. */
int pair_try_load(sink_pair *p, rows_block *b, uint64_t *rejected);
uint64_t pair_load(sink_pair *p, rows_block *b);

/* Both files hold the same. The order of refused rows in their table is no promise; the rows are. */
void pair_assert_same(sink_pair *p);
void pair_assert_copies(const sink_pair *p, unsigned expected);
void pair_assert_copied(const sink_pair *p, bool expected);

/* For tests that look into the copy itself. */
#define NEEDS_COPIES                                                                               \
    do {                                                                                           \
        if (!can_copy()) skip();                                                                   \
    } while (0)

#endif
