/* test_batch.c - rows of several tables that become visible together, call by call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/handle/handle.h"
#include "lib/journal/stream.h"
#include "opened.h"
#include "scarce.h"

enum { LANE = 65536 };

static const weir_column account_columns[] = {{"owner", WEIR_TEXT}, {"amount", WEIR_INTEGER}};
static const weir_column keyed_columns[] = {{"id", WEIR_KEY}, {"text", WEIR_TEXT}};

static weir_table *accounts, *keyed;
static weir_batch *batch; /* of the test that runs; tear-down frees it */

static void open_with(opened *f, weir_options o) {
    if (!o.lane_bytes) o.lane_bytes = LANE;
    opened_open(f, &o);
    assert_int_equal(weir_declare(f->w, "accounts", account_columns, 2, &accounts), WEIR_OK);
    assert_int_equal(weir_declare(f->w, "keyed", keyed_columns, 2, &keyed), WEIR_OK);
}

static void begin(opened *f) {
    if (weir_begin(f->w, &batch) != WEIR_OK) fail_msg("%s", weir_last_error());
}

static int teardown(void **state) {
    weir_rollback(batch);
    batch = NULL;
    return opened_tear_down(state);
}

static int add(const char *owner, int64_t amount) {
    return weir_batch_row(batch, accounts, (const weir_value[]){weir_text(owner), weir_int(amount)},
                          2);
}

static int add_keyed(weir_value key, const char *text, size_t bytes) {
    return weir_batch_row(batch, keyed, (const weir_value[]){key, weir_text_n(text, bytes)}, 2);
}

static int commit(weir_ticket *ticket) {
    int status = weir_commit(batch, ticket);
    if (status == WEIR_OK) batch = NULL;
    return status;
}

static void assert_misuse(int status, const char *words) {
    assert_int_equal(status, WEIR_MISUSE);
    if (!strstr(weir_last_error(), words)) fail_msg("%s", weir_last_error());
}

static uint64_t published(opened *f) {
    struct weir_stats s;
    assert_int_equal(weir_stats(f->w, &s), WEIR_OK);
    return s.rows_published;
}

static void all_rows_become_visible_at_once_and_in_order(void **state) {
    opened *f = *state;
    weir_ticket ticket;
    open_with(f, (weir_options){0});
    begin(f);
    assert_int_equal(add("a", -5), WEIR_OK);
    assert_int_equal(add_keyed(weir_int(7), "x", 1), WEIR_OK);
    assert_int_equal(add("b", 5), WEIR_OK);
    assert_int_equal(published(f), 0);
    assert_int_equal(weir_append(accounts, weir_text("before"), weir_int(0)), WEIR_OK);
    assert_int_equal(commit(&ticket), WEIR_OK);
    assert_int_equal(published(f), 4);
    assert_int_equal(weir_wait(f->w, ticket, WEIR_DURABLE, 10000), WEIR_OK);
    assert_int_equal(weir_wait(f->w, ticket, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(weir_sql_int(f->database, "SELECT group_concat(owner || amount) ="
                                               " 'before0,a-5,b5' FROM accounts"),
                     1);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM keyed WHERE id = 7"), 1);
    assert_int_equal(opened_close(f), WEIR_OK);
}

static void nothing_is_left_of_what_was_rolled_back(void **state) {
    opened *f = *state;
    open_with(f, (weir_options){0});
    begin(f);
    assert_int_equal(add("a", 1), WEIR_OK);
    weir_rollback(batch);
    batch = NULL;
    weir_rollback(NULL);
    begin(f); /* and is left to tear-down, behind the end of the handle */
    assert_int_equal(add("a", 2), WEIR_OK);
    assert_int_equal(opened_close(f), WEIR_OK);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM accounts"), 0);
}

static void a_batch_without_rows_is_reached_at_once(void **state) {
    opened *f = *state;
    weir_ticket ticket;
    open_with(f, (weir_options){0});
    begin(f);
    assert_int_equal(commit(&ticket), WEIR_OK);
    assert_int_equal(weir_wait(f->w, ticket, WEIR_APPLIED, 0), WEIR_OK);
    begin(f);
    assert_int_equal(commit(NULL), WEIR_OK);
    assert_int_equal(published(f), 0);
}

/* Up to half a lane; the row that passes it is refused, and the others stand. */
static void a_batch_takes_half_a_lane_and_no_more(void **state) {
    opened *f = *state;
    static char text[LANE];
    enum { HEADS = 16 + 4 + 2 + 2 }; /* of a record, a row, its tags, and a length below 65536 */
    open_with(f, (weir_options){0});
    begin(f);
    const weir_value most = weir_text_n(text, LANE / 4 - HEADS - 8);
    for (int i = 0; i < 2; i++) /* with the NULL, a quarter of the lane each */
        assert_int_equal(
            weir_batch_row(batch, accounts, (const weir_value[]){most, weir_int(i)}, 2), WEIR_OK);
    assert_int_equal(add("", 0), WEIR_TOO_BIG);
    assert_non_null(strstr(weir_last_error(), "lane_bytes"));
    assert_int_equal(commit(NULL), WEIR_OK);
    begin(f);
    const weir_value large = weir_text_n(text, LANE / 2);
    assert_int_equal(weir_batch_row(batch, accounts, (const weir_value[]){large, large}, 2),
                     WEIR_TOO_BIG);
    const weir_value overlong = {.type = WEIR_OVERLONG};
    assert_int_equal(weir_batch_row(batch, accounts, (const weir_value[]){large, overlong}, 2),
                     WEIR_TOO_BIG);
    assert_int_equal(add("small", 1), WEIR_OK);
    assert_int_equal(commit(NULL), WEIR_OK);
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM accounts"), 3);
}

/* Many batches of many sizes, over many laps of the lane. */
static void batches_cross_the_end_of_the_lane(void **state) {
    opened *f = *state;
    static char text[600];
    weir_rng rng = {5};
    int64_t rows = 0;
    memset(text, 'x', sizeof text);
    open_with(f, (weir_options){0});
    for (int i = 0; i < 300; i++) {
        begin(f);
        for (uint64_t n = weir_rng_below(&rng, 40); n > 0; n--, rows++)
            if (n % 3)
                assert_int_equal(add("x", rows), WEIR_OK);
            else
                assert_int_equal(add_keyed(weir_null(), text, weir_rng_below(&rng, 600)), WEIR_OK);
        assert_int_equal(commit(NULL), WEIR_OK);
    }
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(weir_sql_int(f->database, "SELECT (SELECT count(*) FROM accounts) +"
                                               " (SELECT count(*) FROM keyed)"),
                     rows);
    assert_int_equal(
        weir_sql_int(f->database, "SELECT count(*) FROM keyed WHERE trim(text, 'x') <> ''"), 0);
}

static void keys_are_chosen_when_a_row_is_added(void **state) {
    opened *f = *state;
    open_with(f, (weir_options){0});
    begin(f);
    assert_int_equal(add_keyed(weir_null(), "first", 5), WEIR_OK);
    assert_int_equal(weir_append(keyed, weir_null(), weir_text("second")), WEIR_OK);
    assert_int_equal(add_keyed(weir_int(10), "given", 5), WEIR_OK);
    assert_int_equal(add_keyed(weir_null(), "third", 5), WEIR_OK);
    assert_int_equal(commit(NULL), WEIR_OK);
    assert_int_equal(weir_append(keyed, weir_null(), weir_text("fourth")), WEIR_OK);
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(weir_sql_int(f->database,
                                  "SELECT group_concat(id || text) ="
                                  " '1first,2second,10given,11third,12fourth' FROM keyed"),
                     1);
    begin(f);
    assert_int_equal(add_keyed(weir_int(INT64_MAX - 1), "last", 4), WEIR_OK);
    assert_int_equal(add_keyed(weir_null(), "none", 4), WEIR_SCHEMA);
    assert_int_equal(commit(NULL), WEIR_OK);
}

static void wrong_calls_are_told_and_change_nothing(void **state) {
    opened *f = *state;
    const weir_value two[] = {weir_text("a"), weir_int(1)};
    const weir_value bad[] = {{.type = 9}, weir_int(1)};
    open_with(f, (weir_options){0});
    assert_misuse(weir_begin(NULL, &batch), "w is NULL");
    assert_misuse(weir_begin(f->w, NULL), "out is NULL");
    assert_misuse(weir_commit(NULL, NULL), "b is NULL");
    begin(f);
    assert_misuse(weir_batch_row(NULL, accounts, two, 2), "b is NULL");
    assert_misuse(weir_batch_row(batch, NULL, two, 2), "table is NULL");
    assert_misuse(weir_batch_row(batch, accounts, NULL, 2), "values is NULL");
    assert_misuse(weir_batch_row(batch, accounts, two, 1),
                  "count is 1, and table accounts was declared with 2");
    assert_misuse(weir_batch_row(batch, accounts, bad, 2),
                  "value 1, of column owner, is of no type");
    assert_int_equal(add("kept", 1), WEIR_OK);
    assert_int_equal(commit(NULL), WEIR_OK);
    assert_int_equal(published(f), 1);
}

static void a_table_of_another_handle_is_refused(void **state) {
    opened *f = *state;
    const weir_value two[] = {weir_text("a"), weir_int(1)};
    weir *other;
    weir_table *its;
    open_with(f, (weir_options){0});
    assert_int_equal(weir_open_sqlite(f->copy, NULL, &other), WEIR_OK);
    assert_int_equal(weir_declare(other, "accounts", account_columns, 2, &its), WEIR_OK);
    begin(f);
    int status = weir_batch_row(batch, its, two, 2);
    int closed = weir_close(other);
    assert_int_equal(closed, WEIR_OK);
    assert_misuse(status, "another handle");
}

static void a_table_or_a_batch_of_a_former_opening_is_refused(void **state) {
    opened *f = *state;
    const weir_value two[] = {weir_text("a"), weir_int(1)};
    open_with(f, (weir_options){0});
    weir_table *former = accounts;
    weir *memory = f->w;
    begin(f);
    assert_int_equal(opened_close(f), WEIR_OK);
    assert_int_equal(add("a", 1), WEIR_CLOSED);
    assert_int_equal(commit(NULL), WEIR_CLOSED);
    weir_rollback(batch);
    batch = NULL;
    for (int i = 0; i < 10 && f->w != memory; i++) { /* nothing is declared in it yet */
        if (f->w) assert_int_equal(opened_close(f), WEIR_OK);
        opened_open(f, NULL);
    }
    assert_ptr_equal(f->w, memory);
    begin(f);
    assert_misuse(weir_batch_row(batch, former, two, 2), "opened again");
    assert_int_equal(opened_close(f), WEIR_OK);
    opened_open(f, NULL);
    assert_int_equal(commit(NULL), WEIR_CLOSED);
}

static void a_full_ring_refuses_the_batch_which_can_be_committed_later(void **state) {
    opened *f = *state;
    static char text[8000];
    struct weir_stats s;
    open_with(f, (weir_options){.full = WEIR_FULL_FAIL});
    begin(f);
    for (int i = 0; i < 3; i++)
        assert_int_equal(add_keyed(weir_null(), text, sizeof text), WEIR_OK);
    weir_journal_lock(weir_handle_journal(f->w)); /* the journal thread stands still */
    int filled;
    while ((filled = weir_append(keyed, weir_null(), weir_text_n(text, sizeof text))) == WEIR_OK) {
    }
    int refused = commit(NULL);
    weir_journal_unlock(weir_handle_journal(f->w));
    assert_int_equal(filled, WEIR_FULL);
    assert_int_equal(refused, WEIR_FULL);
    assert_non_null(strstr(weir_last_error(), "lane_bytes"));
    assert_null(strstr(weir_last_error(), "weir_append")); /* which was not called */
    assert_int_equal(weir_stats(f->w, &s), WEIR_OK);
    assert_int_equal(s.rows_refused, 1 + 3);
    assert_int_equal(weir_sync(f->w, WEIR_DURABLE, 10000), WEIR_OK);
    assert_int_equal(commit(NULL), WEIR_OK);
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM keyed WHERE id <= 3"), 3);
}

/* In the child of a fork every call answers that at once, and the batch is the parent's. */
static void a_batch_does_not_cross_a_fork(void **state) {
    opened *f = *state;
    open_with(f, (weir_options){0});
    begin(f);
    assert_int_equal(add("a", 1), WEIR_OK);
    pid_t child = fork();
    if (child == 0) {
        weir_batch *another;
        bool right = weir_begin(f->w, &another) == WEIR_FORKED && !another &&
                     add("child", 2) == WEIR_FORKED && weir_commit(batch, NULL) == WEIR_FORKED;
        weir_rollback(batch);
        _exit(right ? 0 : 1);
    }
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
    assert_int_equal(commit(NULL), WEIR_OK);
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM accounts"), 1);
}

/* No other thread takes the memory that is refused: the handle has none. */
static void a_lack_of_memory_leaves_the_batch_as_it_was(void **state) {
    opened *f = *state;
    static char text[4000];
    weir_error error = {0};
    weir_handle_config config = {.options = {.lane_bytes = LANE},
                                 .directory = f->journal,
                                 .os = weir_os_posix(),
                                 .stepped = true};
    weir_options_fill(&config.options);
    if (weir_handle_open(&config, &f->w, &error) != WEIR_OK) fail_msg("%s", error.text);
    assert_int_equal(weir_declare(f->w, "accounts", account_columns, 2, &accounts), WEIR_OK);
    assert_int_equal(weir_declare(f->w, "keyed", keyed_columns, 2, &keyed), WEIR_OK);
    bool scarce = scarce_arm(1);
    int begun = weir_begin(f->w, &batch);
    assert_true(scarce_end() || !scarce);
    assert_int_equal(begun, scarce ? WEIR_NO_MEMORY : WEIR_OK);
    if (scarce) begin(f);
    (void)scarce_arm(1);
    int first = add("a", 1);
    assert_true(scarce_end() || !scarce);
    assert_int_equal(first, scarce ? WEIR_NO_MEMORY : WEIR_OK);
    if (scarce) assert_int_equal(add("a", 1), WEIR_OK);
    (void)scarce_arm(1);
    int second = add_keyed(weir_null(), text, sizeof text);
    assert_true(scarce_end() || !scarce);
    assert_int_equal(second, scarce ? WEIR_NO_MEMORY : WEIR_OK);
    if (scarce) assert_int_equal(add_keyed(weir_null(), text, sizeof text), WEIR_OK);
    assert_int_equal(commit(NULL), WEIR_OK);
    assert_int_equal(published(f), 2);
    assert_int_equal(opened_close(f), WEIR_FULL); /* the rows stay in the ring, as in a crash */
    weir_file_write(f->database, "", 0);          /* none was there until now */
    opened_open(f, NULL);
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM accounts"), 1);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM keyed"), 1);
}

/* The position is stored when a transaction ends: rows that find the same one there are of one
 * transaction. Some row of most batches is refused, so that the transaction begins again. */
static void a_batch_with_a_refused_row_is_one_transaction_all_the_same(void **state) {
    opened *f = *state;
    enum { BATCHES = 40 };
    weir_sql_run(f->database, "CREATE TABLE accounts(owner TEXT, amount INTEGER UNIQUE);"
                              "CREATE TABLE keyed(id INTEGER PRIMARY KEY, text TEXT);"
                              "CREATE TABLE found(batch, position);"
                              "CREATE TRIGGER a AFTER INSERT ON accounts BEGIN INSERT INTO found"
                              " VALUES (NEW.owner, (SELECT max(row) FROM weir_position)); END;"
                              "CREATE TRIGGER k AFTER INSERT ON keyed BEGIN INSERT INTO found"
                              " VALUES (NEW.text, (SELECT max(row) FROM weir_position)); END");
    open_with(f, (weir_options){.lane_bytes = 1 << 20, .linger_ms = 10000});
    assert_int_equal(weir_append(accounts, weir_text("first"), weir_int(0)), WEIR_OK);
    int64_t rows = 1, refused = 0;
    for (int b = 0; b < BATCHES; b++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", b);
        begin(f);
        for (int i = 0; i < 3 + b; i++, rows += 2) {
            bool bad = b % 3 && i == b / 2;
            assert_int_equal(add(name, bad ? 0 : b * 1000 + i + 1), WEIR_OK);
            assert_int_equal(add_keyed(weir_null(), name, strlen(name)), WEIR_OK);
            refused += bad;
        }
        assert_int_equal(commit(NULL), WEIR_OK);
    }
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, 10000), WEIR_OK);
    struct weir_stats s;
    assert_int_equal(weir_stats(f->w, &s), WEIR_OK);
    assert_int_equal(s.rows_applied, rows);
    assert_int_equal(s.rows_rejected, refused);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM weir_reject"), refused);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM found"), rows - refused);
    assert_int_equal(weir_sql_int(f->database,
                                  "SELECT count(*) FROM (SELECT 1 FROM found GROUP BY batch"
                                  " HAVING count(DISTINCT coalesce(position, 0)) > 1)"),
                     0);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, opened_set_up, teardown)
    const struct CMUnitTest tests[] = {
        T(all_rows_become_visible_at_once_and_in_order),
        T(nothing_is_left_of_what_was_rolled_back),
        T(a_batch_without_rows_is_reached_at_once),
        T(a_batch_takes_half_a_lane_and_no_more),
        T(batches_cross_the_end_of_the_lane),
        T(keys_are_chosen_when_a_row_is_added),
        T(wrong_calls_are_told_and_change_nothing),
        T(a_table_of_another_handle_is_refused),
        T(a_table_or_a_batch_of_a_former_opening_is_refused),
        T(a_full_ring_refuses_the_batch_which_can_be_committed_later),
        T(a_batch_does_not_cross_a_fork),
        T(a_lack_of_memory_leaves_the_batch_as_it_was),
        T(a_batch_with_a_refused_row_is_one_transaction_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
