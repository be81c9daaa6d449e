/* test_replay.c - the walk from blocks to transactions, with a journal and a database made of
 * arrays.
 *
 * This file is the reader (lib/verify/reader.h) that replay links against, and its sink. */
/* Covers: writer/apply/replay_blocks.c, writer/apply/replay_position.c, writer/apply/block_rows.c */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "lib/format/template.h"
#include "rows.h"
#include "scarce.h"
#include "writer/apply/replay.h"

enum { BLOCKS = 40, ROWS = 400 };

static const uint8_t journal_id[16] = {1, 2, 3};

/* ---- a journal ------------------------------------------------------------------------------- */

static rows_pool pool;
static rows_block blocks[BLOCKS + 1]; /* by number */
static uint64_t last_block;
static bool lost[BLOCKS + 1];
static int answers[BLOCKS + 1]; /* of the reader; WEIR_OK: the block */
static uint64_t payload_block;  /* whose payload is damaged; 0: none */
static bool nothing_left;       /* no block stands where the reader is asked for the nearest */
static int make_answer;
static uint32_t lanes_told; /* of a block of rows */
static uint64_t reads;

static void add_block(uint16_t kind, uint32_t rows) {
    uint64_t number = ++last_block;
    const weir_block_header *before = &blocks[number - 1].header;
    uint64_t first_row = number == 1 ? 1 : before->first_row + before->rows;
    rows_block b = rows_begin(&pool, journal_id, number, first_row);
    for (uint32_t i = 0; i < rows; i++) {
        weir_value v = weir_int((int64_t)(first_row + i));
        rows_add(&b, 1, &v, 1);
    }
    b.header.kind = kind;
    b.header.hash = 1000 + number;
    b.header.previous_hash = number == 1 ? 0 : before->hash;
    blocks[number] = b;
}

static void add_declaration(bool head) {
    static const weir_column column = {"n", WEIR_INTEGER};
    weir_declaration *d;
    assert_int_equal(weir_declaration_make(1, "t", &column, 1, &d, NULL), WEIR_OK);
    add_block(WEIR_BLOCK_DECLARATIONS, 0);
    rows_block *b = &blocks[last_block];
    uint8_t *at = weir_put_u32(rows_room(b, weir_declaration_size(d) + 4), 1);
    (void)weir_declaration_encode(at, d);
    b->length = weir_declaration_size(d) + 4;
    if (head) b->header.offset = WEIR_BLOCK_ALIGN;
    weir_declaration_free(d);
}

struct weir_reader {
    uint8_t lane[WEIR_LANE_ENTRY];
};
static weir_reader the_reader;

int weir_reader_make(const weir_os *os, weir_locator locator, weir_reader **out) {
    (void)os, (void)locator;
    *out = &the_reader;
    return make_answer;
}

void weir_reader_free(weir_reader *reader) { (void)reader; }

int weir_reader_header(weir_reader *reader, uint64_t block, weir_block_header *out,
                       weir_error *error) {
    (void)reader, (void)error;
    reads++;
    if (block > last_block) return WEIR_PENDING;
    if (lost[block]) return WEIR_NOT_FOUND;
    if (answers[block] != WEIR_OK) return answers[block];
    *out = blocks[block].header;
    return WEIR_OK;
}

uint64_t weir_reader_nearest(const weir_reader *reader, uint64_t block, weir_side side) {
    (void)reader, (void)side;
    return nothing_left ? 0 : block;
}

int weir_reader_payload(weir_reader *reader, weir_read_block *out, weir_error *error) {
    (void)error;
    uint64_t block = out->header.block;
    if (block == payload_block) return WEIR_DAMAGED;
    out->payload = (weir_payload){.body = rows_body(&blocks[block])};
    if (out->header.kind != WEIR_BLOCK_ROWS) return WEIR_OK;
    (void)weir_put_u64(weir_put_u64(reader->lane, 3),
                       block); /* lane 3, drained to the block's number */
    out->payload.lanes = lanes_told;
    out->payload.lane_entries = reader->lane;
    return WEIR_OK;
}

int weir_reader_read(weir_reader *reader, uint64_t block, weir_read_block *out, weir_error *error) {
    int status = weir_reader_header(reader, block, &out->header, error);
    return status == WEIR_OK ? weir_reader_payload(reader, out, error) : status;
}

static uint64_t head_block, second_head; /* the latter 0: there is one segment */

int weir_reader_declarations(weir_reader *reader, uint64_t block, weir_read_block *out,
                             weir_error *error) {
    uint64_t head = second_head && block >= second_head ? second_head : head_block;
    return weir_reader_read(reader, head, out, error);
}

/* ---- a database ------------------------------------------------------------------------------ */

typedef struct database {
    weir_position position;
    uint64_t rows[ROWS];
    size_t count;
} database;

static struct {
    database committed, now;
    bool open, declared, created;
    uint64_t commits, begins, rollbacks, expected,
        poison; /* poison: a row that ends the transaction */
    bool poison_known;
    bool reopens;   /* at the next begin */
    uint64_t parts; /* calls of apply */
    uint16_t table; /* of the last row */
    char text[8];   /* of its last value, the end */
    int begin_status, commit_status, declare_status;
    /* As a server: of so many of the next commits the answer is lost, and each of them is done or not. */
    unsigned unanswered;
    bool done_all_the_same, away_after; /* … and the server is away from then on */
    database other; /* takes turns with what it holds, at each begin, while swaps is set */
    bool swaps;
} sink_state;

static int sink_begin(void *self, const uint8_t journal[16], weir_position *at, weir_error *error) {
    (void)self, (void)error;
    sink_state.begins++;
    if (sink_state.begin_status != WEIR_OK) return sink_state.begin_status;
    if (sink_state.reopens) {
        sink_state.reopens = false;
        return WEIR_SINK_REOPENED;
    }
    assert_false(sink_state.open);
    sink_state.open = true;
    if (sink_state.swaps) {
        database other = sink_state.other;
        sink_state.other = sink_state.committed;
        sink_state.committed = other;
    }
    sink_state.now = sink_state.committed;
    *at = sink_state.now.position;
    memcpy(at->journal, journal, 16);
    return WEIR_OK;
}

static int sink_declare(void *self, const weir_declaration *d, weir_declare_when when,
                        weir_error *error) {
    (void)self, (void)error;
    assert_string_equal(d->name, "t");
    if (sink_state.declare_status != WEIR_OK) return sink_state.declare_status;
    sink_state.declared = true;
    if (when == WEIR_DECLARE_NOW) assert_true(sink_state.open);
    sink_state.created |= when == WEIR_DECLARE_NOW;
    return WEIR_OK;
}

/* The last bytes of the last value. */
static void look_at_row(const uint8_t *row, size_t bytes) {
    static weir_value values[WEIR_COLUMNS_MAX];
    uint16_t columns;
    assert_true(weir_row_decode(row, bytes, &sink_state.table, &columns, values));
    const weir_value *v = &values[columns - 1];
    memset(sink_state.text, 0, sizeof sink_state.text);
    if (v->type != WEIR_TEXT) return;
    size_t kept = v->length < 6 ? v->length : 6;
    memcpy(sink_state.text, (const char *)v->as.bytes + v->length - kept, kept);
}

static int sink_apply(void *self, const weir_block_header *header, weir_cursor body,
                      weir_row_range range, weir_error *error) {
    (void)self, (void)error;
    const uint8_t *row;
    size_t bytes;
    assert_true(sink_state.open && sink_state.declared);
    assert_true(range.first >= header->first_row && range.last < header->first_row + header->rows);
    assert_true(range.first <= range.last); /* nobody is asked to apply nothing */
    sink_state.parts++;
    for (uint64_t n = header->first_row; n <= range.last; n++) {
        assert_int_equal(weir_payload_next_row(&body, &row, &bytes), 1);
        if (n < range.first) continue;
        if (n == sink_state.poison && !sink_state.poison_known) {
            sink_state.poison_known = range.first == range.last;
            sink_state.open = false;
            return WEIR_SINK_AGAIN;
        }
        look_at_row(row, bytes);
        sink_state.now.rows[sink_state.now.count++] = n;
    }
    return WEIR_OK;
}

static char mended[20]; /* what the sink says of it, until the next begin or rollback */

static int sink_commit(void *self, const weir_position *to, weir_sink_counts *counts,
                       weir_error *error) {
    (void)self;
    assert_true(sink_state.open);
    if (sink_state.commit_status != WEIR_OK) return sink_state.commit_status;
    counts->rows = sink_state.now.count - sink_state.committed.count;
    sink_state.now.position = *to;
    bool answered = sink_state.unanswered == 0;
    if (!answered) {
        sink_state.unanswered--;
        if (sink_state.away_after) sink_state.begin_status = WEIR_BUSY;
        (void)snprintf(mended, sizeof mended, "a table");
        counts->mended = mended;
        if (!sink_state.done_all_the_same)
            return weir_fail(error, WEIR_SINK_UNKNOWN, "the answer to COMMIT was lost");
    }
    sink_state.committed = sink_state.now;
    sink_state.open = false;
    sink_state.commits++;
    return answered ? WEIR_OK
                    : weir_fail(error, WEIR_SINK_UNKNOWN, "the answer to COMMIT was lost");
}

static void sink_rollback(void *self) {
    (void)self;
    sink_state.open = false;
    memset(mended, 0, sizeof mended);
    sink_state.rollbacks++;
}

static void sink_expect(void *self, const weir_block_header *header, weir_cursor body) {
    (void)self, (void)body;
    assert_false(sink_state.open);
    assert_int_equal(header->kind, WEIR_BLOCK_ROWS);
    sink_state.expected++;
}

static weir_sink sink = {.begin = sink_begin,
                         .declare = sink_declare,
                         .apply = sink_apply,
                         .commit = sink_commit,
                         .rollback = sink_rollback,
                         .expect = sink_expect};

/* ---- the tests ------------------------------------------------------------------------------- */

static weir_replay *replay;
static weir_replay_result result;
static weir_error error;

static void start(weir_replay_damage at_damage) {
    if (replay) weir_replay_free(replay);
    assert_int_equal(
        weir_replay_make(NULL, (weir_locator){0}, journal_id, &sink, at_damage, &replay), WEIR_OK);
}

static int set_up(void **state) {
    (void)state;
    memset(&sink_state, 0, sizeof sink_state);
    memset(lost, 0, sizeof lost);
    memset(answers, 0, sizeof answers);
    lost[0] = true; /* no journal has it */
    make_answer = WEIR_OK;
    payload_block = 0;
    nothing_left = false;
    lanes_told = 1;
    sink.batch_limit = NULL;
    sink.remote = false;
    last_block = reads = 0;
    head_block = 1;
    second_head = 0;
    add_declaration(true);
    start(WEIR_REPLAY_STOP_AT_DAMAGE);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    weir_replay_free(replay);
    replay = NULL;
    rows_free_all(&pool);
    return 0;
}

static int step(weir_replay_limits limits) {
    return weir_replay_step(replay, &limits, &result, &error);
}

static int step_all(void) { return step(WEIR_REPLAY_ALL); }

static void assert_rows(uint64_t last) {
    assert_int_equal(sink_state.committed.count, last);
    for (uint64_t i = 0; i < last; i++)
        assert_int_equal(sink_state.committed.rows[i], i + 1);
    assert_int_equal(sink_state.committed.position.row, last);
}

static void all_blocks_in_one_transaction(void **state) {
    (void)state;
    add_declaration(false);
    add_block(WEIR_BLOCK_ROWS, 10);
    add_block(WEIR_BLOCK_MARK, 0);
    add_block(WEIR_BLOCK_ROWS, 5);
    add_block(WEIR_BLOCK_MARK, 0);
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(15);
    assert_true(sink_state.created);
    assert_int_equal(sink_state.commits, 1);
    assert_int_equal(sink_state.committed.position.block, 5); /* it needs no mark */
    assert_int_equal(sink_state.committed.position.hash, 1005);
    assert_int_equal(result.last.block, 5);
    assert_int_equal(result.counts.rows, 15);
    assert_int_equal(weir_payload_lane(&result.payload, 0).position,
                     5); /* the marks say nothing of lanes */
    assert_int_equal(step_all(), WEIR_PENDING);
}

static void nothing_to_do_is_no_transaction(void **state) {
    (void)state;
    add_block(WEIR_BLOCK_MARK, 0);
    assert_int_equal(step_all(), WEIR_PENDING);
    add_block(WEIR_BLOCK_MARK, 0);
    uint64_t before = reads;
    assert_int_equal(step_all(), WEIR_PENDING);
    assert_int_equal(reads, before + 2); /* the new one, and that there is no other */
    assert_int_equal(sink_state.commits, 0);
    assert_int_equal(sink_state.begins, 1); /* to learn the position */
    add_block(WEIR_BLOCK_ROWS, 2);
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(2);
}

static void a_large_backlog_is_many_transactions(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++)
        add_block(WEIR_BLOCK_ROWS, 10);
    weir_replay_limits limits = WEIR_REPLAY_ALL;
    limits.rows = 25;
    for (uint64_t i = 1; i <= 6; i++) {
        assert_int_equal(step(limits), WEIR_OK);
        assert_true(result.more);
        assert_rows(30 * i);
    }
    assert_int_equal(step(limits), WEIR_OK);
    assert_false(result.more);
    assert_rows(200);
}

static void it_begins_where_the_database_stands(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++)
        add_block(WEIR_BLOCK_ROWS, 10);
    weir_replay_limits limits = WEIR_REPLAY_ALL;
    limits.last_row = 13; /* within block 3 */
    assert_int_equal(step(limits), WEIR_OK);
    assert_rows(13);
    assert_int_equal(sink_state.committed.position.block, 2);
    assert_int_equal(sink_state.committed.position.hash, 1002);
    assert_int_equal(result.last.block, 2);
    assert_int_equal(step(limits), WEIR_PENDING);
    start(WEIR_REPLAY_STOP_AT_DAMAGE);
    sink_state.declared = false; /* it is another process, which reads the segment's head */
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(40);
    assert_int_equal(result.counts.rows, 27);
}

static void limits_end_it(void **state) {
    (void)state;
    for (int i = 0; i < 6; i++)
        add_block(WEIR_BLOCK_ROWS, 10);
    weir_replay_limits limits = WEIR_REPLAY_ALL;
    limits.last_block = 2;
    assert_int_equal(step(limits), WEIR_OK);
    assert_rows(10);
    assert_int_equal(step(limits), WEIR_PENDING);
    limits = WEIR_REPLAY_ALL;
    limits.last_wall_ns = blocks[4].header.wall_ns;
    assert_int_equal(step(limits), WEIR_OK);
    assert_rows(30);
    assert_int_equal(step(limits), WEIR_PENDING);
}

/* A clock that was ahead for two blocks hides neither those behind them nor itself for good. */
static void each_block_has_its_own_moment(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++)
        add_block(WEIR_BLOCK_ROWS, 10);
    for (int i = 2; i <= 6; i++)
        blocks[i].header.wall_ns = i == 3 || i == 4 ? 900 : 100 + i;
    weir_replay_limits limits = WEIR_REPLAY_ALL;
    limits.last_wall_ns = 500;
    assert_int_equal(step(limits), WEIR_OK);
    assert_rows(10);
    assert_int_equal(result.passed.first, 0);
    assert_int_equal(step(limits), WEIR_OK);
    assert_int_equal(sink_state.committed.count, 30);
    assert_int_equal(sink_state.committed.rows[10], 31);
    assert_int_equal(sink_state.committed.position.row, 50);
    assert_int_equal(result.passed.first, 11);
    assert_int_equal(result.passed.last, 30);
    assert_int_equal(result.passed_late, 20);
    assert_int_equal(step(limits), WEIR_PENDING);
}

/* Behind the last one that is wanted late blocks stay what they are: rows for another time. */
static void late_blocks_at_the_end_can_come_later(void **state) {
    (void)state;
    add_block(WEIR_BLOCK_ROWS, 10);
    add_block(WEIR_BLOCK_ROWS, 10);
    add_declaration(false);
    add_block(WEIR_BLOCK_MARK, 0);
    for (int i = 2; i <= 5; i++)
        blocks[i].header.wall_ns = i == 2 ? 100 : 900;
    weir_replay_limits limits = WEIR_REPLAY_ALL;
    weir_position now;
    limits.last_wall_ns = 500;
    assert_int_equal(step(limits), WEIR_OK);
    assert_int_equal(step(limits), WEIR_PENDING);
    assert_false(weir_replay_unsettled(replay));
    assert_int_equal(weir_replay_settle(replay, &result, &error), WEIR_OK);
    now = result.position;
    assert_rows(10);
    assert_int_equal(now.block, 2);
    start(WEIR_REPLAY_STOP_AT_DAMAGE);
    assert_int_equal(step_all(), WEIR_OK);
    assert_int_equal(result.passed.first, 0);
    assert_rows(20);
}

static void rows_that_are_missing_are_told(void **state) {
    (void)state;
    for (int i = 0; i < 6; i++)
        add_block(WEIR_BLOCK_ROWS, 10);
    lost[3] = lost[5] = true;
    start(WEIR_REPLAY_SKIP_DAMAGE);
    static const weir_row_range passed[] = {{0, 0}, {11, 20}, {31, 40}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(step_all(), WEIR_OK);
        assert_int_equal(result.passed.first, passed[i].first);
        assert_int_equal(result.passed.last, passed[i].last);
        assert_int_equal(result.passed_late, 0);
    }
    assert_int_equal(step_all(), WEIR_PENDING);
    assert_int_equal(sink_state.committed.count, 40);
}

static void trouble_repeats_the_transaction(void **state) {
    (void)state;
    add_block(WEIR_BLOCK_ROWS, 10);
    sink_state.begin_status = WEIR_BUSY;
    assert_int_equal(step_all(), WEIR_BUSY);
    sink_state.begin_status = WEIR_OK;
    sink_state.commit_status = WEIR_NO_SPACE;
    assert_int_equal(step_all(), WEIR_NO_SPACE);
    assert_int_equal(step_all(), WEIR_NO_SPACE);
    sink_state.commit_status = WEIR_OK;
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(10);
    assert_false(sink_state.open);
}

/* Every row but the one alone must come through in transactions, and not one each. */
static void a_schema_that_ends_transactions(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++)
        add_block(WEIR_BLOCK_ROWS, 64);
    sink_state.poison = 100;
    while (step_all() == WEIR_OK) {
    }
    assert_rows(256);
    assert_true(sink_state.poison_known);
    assert_true(sink_state.commits < 30);
    /* What is done again is done in another way, for which nothing is made ready. */
    assert_int_equal(sink_state.expected, sink_state.commits);
    assert_true(sink_state.begins > sink_state.expected + 5);
}

static void another_history_is_refused(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++)
        add_block(WEIR_BLOCK_ROWS, 10);
    sink_state.committed.position = (weir_position){{0}, 2, 10, 999};
    assert_int_equal(step_all(), WEIR_FOREIGN);
    assert_non_null(strstr(error.text, "row 10"));
    sink_state.committed.position.hash = 1002;
    start(WEIR_REPLAY_STOP_AT_DAMAGE);
    assert_int_equal(step_all(), WEIR_OK);
    assert_int_equal(sink_state.committed.position.row, 30);
}

static void a_database_restored_meanwhile_is_refused(void **state) {
    (void)state;
    add_block(WEIR_BLOCK_ROWS, 10);
    database old = sink_state.committed;
    assert_int_equal(step_all(), WEIR_OK);
    sink_state.committed = old;
    add_block(WEIR_BLOCK_ROWS, 10);
    assert_int_equal(step_all(), WEIR_FOREIGN);
    assert_int_equal(sink_state.committed.count, 0);
    assert_false(sink_state.open);
}

static void damage_stops_it_or_is_stepped_over(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++)
        add_block(WEIR_BLOCK_ROWS, 10);
    lost[3] = true;
    assert_int_equal(step_all(), WEIR_OK); /* what stood before */
    assert_rows(10);
    assert_int_equal(step_all(), WEIR_DAMAGED);
    assert_non_null(strstr(error.text, "row 11"));
    start(WEIR_REPLAY_SKIP_DAMAGE);
    assert_int_equal(step_all(), WEIR_OK);
    assert_int_equal(sink_state.committed.count, 30);
    assert_int_equal(sink_state.committed.rows[10], 21);
    assert_int_equal(sink_state.committed.position.row, 40);
    assert_int_equal(step_all(), WEIR_PENDING);
}

static weir_batch_limit small_appetite(void *self) {
    (void)self;
    return (weir_batch_limit){25, 100};
}

static void the_sink_says_how_much_it_takes(void **state) {
    (void)state;
    for (int i = 0; i < 6; i++)
        add_block(WEIR_BLOCK_ROWS, 10);
    sink.batch_limit = small_appetite;
    weir_replay_limits limits = WEIR_REPLAY_ALL;
    limits.rows = 15; /* but the caller says it before */
    assert_int_equal(step(limits), WEIR_OK);
    assert_rows(20);
    assert_int_equal(step_all(), WEIR_OK);
    assert_true(result.more);
    assert_rows(50);
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(60);
    for (int i = 0; i < 3; i++) {
        add_block(WEIR_BLOCK_ROWS, 10);
        blocks[last_block].header.raw_bytes = 60;
    }
    assert_int_equal(step_all(), WEIR_OK);
    assert_true(result.more);
    assert_rows(80);
}

static void a_transaction_ends_at_its_bytes_too(void **state) {
    (void)state;
    for (uint64_t n = 2; n <= 6; n++) {
        add_block(WEIR_BLOCK_ROWS, 1);
        blocks[n].header.raw_bytes = 15 << 20; /* so much for SQLite's -wal file to take */
    }
    assert_int_equal(step_all(), WEIR_OK);
    assert_true(result.more);
    assert_rows(3);
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(5);
}

static void what_cannot_be_made_is_not_made(void **state) {
    (void)state;
    weir_replay *made = replay;
    make_answer = WEIR_NO_MEMORY;
    assert_int_equal(weir_replay_make(NULL, (weir_locator){0}, journal_id, &sink,
                                      WEIR_REPLAY_STOP_AT_DAMAGE, &made),
                     WEIR_NO_MEMORY);
    assert_null(made);
    make_answer = WEIR_OK;
    if (!scarce_arm(1)) return;
    int status = weir_replay_make(NULL, (weir_locator){0}, journal_id, &sink,
                                  WEIR_REPLAY_STOP_AT_DAMAGE, &made);
    assert_true(scarce_end());
    assert_int_equal(status, WEIR_NO_MEMORY);
    assert_null(made);
    weir_replay_free(made);
}

/* A block that declares the table count times. */
static void add_declarations(uint32_t count) {
    add_declaration(false);
    rows_block *b = &blocks[last_block];
    size_t one = b->length - 4;
    for (uint32_t i = 1; i < count; i++) {
        uint8_t *at = rows_room(b, one);
        memcpy(at, *b->bytes + 4, one);
        b->length += one;
    }
    (void)weir_put_u32(*b->bytes, count);
}

static void a_declaration_that_is_refused_stops_it(void **state) {
    (void)state;
    add_block(WEIR_BLOCK_ROWS, 3);
    assert_int_equal(step_all(), WEIR_OK);
    add_declarations(2);
    add_block(WEIR_BLOCK_ROWS, 3);
    sink_state.declare_status = WEIR_MISUSE;
    assert_int_equal(step_all(), WEIR_MISUSE);
    assert_rows(3);
    assert_false(sink_state.open);
    sink_state.declare_status = WEIR_OK;
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(6);
    add_declaration(true); /* the head of a segment: outside of any transaction */
    sink_state.declare_status = WEIR_MISUSE;
    uint64_t begins = sink_state.begins;
    assert_int_equal(step_all(), WEIR_MISUSE);
    assert_int_equal(step_all(), WEIR_MISUSE); /* it is not passed */
    assert_int_equal(sink_state.begins, begins);
}

static void a_declaration_that_cannot_be_read_stops_it(void **state) {
    (void)state;
    add_declarations(2);
    blocks[last_block].length--;
    add_block(WEIR_BLOCK_ROWS, 3);
    assert_int_equal(step_all(), WEIR_DAMAGED);
    assert_non_null(strstr(error.text, "block 2"));
    assert_int_equal(sink_state.committed.position.block, 0);
    assert_false(sink_state.open);
}

static void a_block_of_another_journal_is_refused(void **state) {
    (void)state;
    add_block(WEIR_BLOCK_ROWS, 3);
    add_block(WEIR_BLOCK_ROWS, 3);
    blocks[3].header.journal[0]++;
    assert_int_equal(step_all(), WEIR_OK); /* what stood before */
    assert_int_equal(step_all(), WEIR_FOREIGN);
    assert_non_null(strstr(error.text, "block 3"));
    assert_rows(3);
}

static void rows_missing_between_blocks_are_named(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++)
        add_block(WEIR_BLOCK_ROWS, 10);
    for (int i = 3; i <= 4; i++)
        blocks[i].header.first_row += 5;
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(10);
    assert_int_equal(step_all(), WEIR_DAMAGED);
    assert_non_null(strstr(error.text, "rows 11 to 15 are missing"));
    start(WEIR_REPLAY_SKIP_DAMAGE);
    assert_int_equal(step_all(), WEIR_OK);
    assert_int_equal(sink_state.committed.count, 30);
    assert_int_equal(sink_state.committed.rows[10], 16);
}

static void a_position_that_no_journal_has_finds_no_block(void **state) {
    (void)state;
    add_block(WEIR_BLOCK_ROWS, 10);
    sink_state.committed.position = (weir_position){{0}, UINT64_MAX, 10, 1};
    assert_int_equal(step_all(), WEIR_DAMAGED);
    assert_non_null(strstr(error.text, "block 0"));
    assert_int_equal(sink_state.commits, 0);
}

/* Head, three blocks of rows with a declaration before the last, applied up to row 20; another
 * process goes on. */
static void leave_with_a_late_table(void) {
    add_block(WEIR_BLOCK_ROWS, 10);
    add_declaration(false);
    add_block(WEIR_BLOCK_ROWS, 10);
    assert_int_equal(step_all(), WEIR_OK);
    add_block(WEIR_BLOCK_ROWS, 10);
    weir_put_u32(*blocks[1].bytes, 0); /* the head knows no table */
    blocks[1].length = 4;
    sink_state.declared = sink_state.created = false;
    start(WEIR_REPLAY_STOP_AT_DAMAGE);
}

static void tables_declared_before_the_position_are_known(void **state) {
    (void)state;
    leave_with_a_late_table();
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(30);
    assert_false(sink_state.created); /* it is there since */
}

static void tables_that_cannot_be_learned_stop_it(void **state) {
    (void)state;
    leave_with_a_late_table();
    answers[1] = WEIR_IO; /* the head */
    assert_int_equal(step_all(), WEIR_IO);
    answers[1] = WEIR_OK;
    answers[3] = WEIR_IO;
    assert_int_equal(step_all(), WEIR_IO);
    answers[3] = WEIR_DAMAGED;
    assert_int_equal(step_all(), WEIR_DAMAGED);
    assert_rows(20);
    start(WEIR_REPLAY_SKIP_DAMAGE); /* told to go on: what another block declares is declared */
    answers[2] = WEIR_DAMAGED, answers[3] = WEIR_OK;
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(30);
    sink_state.declare_status = WEIR_NO_MEMORY;
    head_block = 3;
    start(WEIR_REPLAY_STOP_AT_DAMAGE);
    add_block(WEIR_BLOCK_ROWS, 10);
    assert_int_equal(step_all(), WEIR_NO_MEMORY);
    sink_state.declare_status = WEIR_OK;
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(40);
}

static void the_head_of_an_earlier_segment_stands_in_for_a_lost_one(void **state) {
    (void)state;
    add_block(WEIR_BLOCK_ROWS, 10);
    add_declaration(true);
    second_head = last_block;
    add_block(WEIR_BLOCK_ROWS, 10);
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(20);
    add_block(WEIR_BLOCK_ROWS, 10);
    lost[second_head] = true;
    start(WEIR_REPLAY_STOP_AT_DAMAGE);
    assert_int_equal(step_all(), WEIR_NOT_FOUND);
    assert_rows(20);
    start(WEIR_REPLAY_SKIP_DAMAGE);
    sink_state.declared = false;
    assert_int_equal(step_all(), WEIR_OK);
    assert_true(sink_state.declared);
    assert_rows(30);
    lost[head_block] = true; /* now nothing declares them */
    nothing_left = true;
    start(WEIR_REPLAY_SKIP_DAMAGE);
    add_block(WEIR_BLOCK_ROWS, 10);
    assert_int_equal(step_all(), WEIR_NOT_FOUND);
    nothing_left = false;
    start(WEIR_REPLAY_SKIP_DAMAGE);
    add_block(WEIR_BLOCK_ROWS, 10);
    assert_int_equal(step_all(), WEIR_NOT_FOUND);
    assert_rows(30);
}

static void behind_the_last_damage_there_is_nothing_to_apply(void **state) {
    (void)state;
    add_block(WEIR_BLOCK_ROWS, 10);
    add_block(WEIR_BLOCK_ROWS, 10);
    lost[last_block] = true;
    nothing_left = true;
    start(WEIR_REPLAY_SKIP_DAMAGE);
    assert_int_equal(step_all(), WEIR_OK);
    assert_int_equal(step_all(), WEIR_PENDING);
    assert_rows(10);
}

static void a_declaration_that_cannot_be_read_ends_it(void **state) {
    (void)state;
    leave_with_a_late_table();
    for (uint64_t i = 1; i <= last_block; i++)
        if (blocks[i].header.kind == WEIR_BLOCK_DECLARATIONS && i > 1) payload_block = i;
    assert_int_equal(step_all(), WEIR_DAMAGED);
    assert_rows(20);
    payload_block = 0;
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(30);
}

static void the_position_is_asked_once(void **state) {
    (void)state;
    answers[1] = WEIR_PENDING;
    assert_int_equal(step_all(), WEIR_PENDING);
    assert_int_equal(step_all(), WEIR_PENDING);
    assert_int_equal(sink_state.begins, 1);
    answers[1] = WEIR_OK;
    add_block(WEIR_BLOCK_ROWS, 1);
    assert_int_equal(step_all(), WEIR_OK);
    assert_int_equal(sink_state.begins, 2);
    assert_rows(1);
}

static void a_last_row_at_a_blocks_end_ends_it_there(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++)
        add_block(WEIR_BLOCK_ROWS, 10);
    weir_replay_limits limits = WEIR_REPLAY_ALL;
    limits.last_row = 20;
    assert_int_equal(step(limits), WEIR_OK);
    assert_rows(20);
    assert_int_equal(sink_state.committed.position.block, 3);
    assert_false(result.more);
    assert_int_equal(step(limits), WEIR_PENDING);
}

/* The position may name all rows of a block and yet not the block. */
static void a_block_that_is_wholly_applied_is_passed(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++)
        add_block(WEIR_BLOCK_ROWS, 10);
    sink_state.committed.position = (weir_position){{0}, 2, 20, 1002};
    sink_state.committed.count = 20;
    for (uint64_t i = 0; i < 20; i++)
        sink_state.committed.rows[i] = i + 1;
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(30);
    assert_int_equal(sink_state.committed.position.block, 4);
    assert_int_equal(result.counts.rows, 10);
}

static void a_late_block_that_is_wholly_applied_leaves_nothing_out(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++)
        add_block(WEIR_BLOCK_ROWS, 10);
    for (int i = 2; i <= 4; i++)
        blocks[i].header.wall_ns = i == 3 ? 900 : 100;
    sink_state.committed.position = (weir_position){{0}, 2, 20, 1002};
    sink_state.committed.count = 20;
    for (uint64_t i = 0; i < 20; i++)
        sink_state.committed.rows[i] = i + 1;
    weir_replay_limits limits = WEIR_REPLAY_ALL;
    limits.last_wall_ns = 500;
    assert_int_equal(step(limits), WEIR_OK);
    assert_int_equal(result.passed_late, 0);
    while (step(limits) == WEIR_OK)
        ;
    assert_rows(30);
}

static void lanes_beyond_the_format_say_nothing(void **state) {
    (void)state;
    add_block(WEIR_BLOCK_ROWS, 10);
    lanes_told = WEIR_LANES_LIMIT + 1;
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(10);
    assert_int_equal(result.last.block, 2);
    assert_int_equal(result.payload.lanes, 0);
}

/* Halved down to the row, and doubled behind it, over as many blocks as it takes. */
static void small_blocks_around_a_row_that_ends_transactions(void **state) {
    (void)state;
    static const uint64_t widths[] = {16, 8, 4, 2, 1, 2, 4, 8, 16, 32, 15};
    for (int i = 0; i < 36; i++)
        add_block(WEIR_BLOCK_ROWS, 3);
    sink_state.poison = 31;
    weir_replay_limits limits = WEIR_REPLAY_ALL;
    limits.rows = 32;
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        assert_int_equal(step(limits), WEIR_OK);
        assert_int_equal(result.counts.rows, widths[i]);
    }
    assert_int_equal(step(limits), WEIR_PENDING);
    assert_rows(108);
    assert_true(sink_state.poison_known);
}

static void any_move_of_the_position_is_refused(void **state) {
    (void)state;
    add_block(WEIR_BLOCK_ROWS, 10);
    assert_int_equal(step_all(), WEIR_OK);
    add_block(WEIR_BLOCK_ROWS, 10);
    weir_position *stands = &sink_state.committed.position;
    stands->row--;
    assert_int_equal(step_all(), WEIR_FOREIGN);
    assert_non_null(strstr(error.text, "from row 10 to row 9"));
    stands->row++, stands->hash++;
    assert_int_equal(step_all(), WEIR_FOREIGN);
    stands->hash--;
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(20);
}

static void a_database_that_is_busy_later_is_asked_again(void **state) {
    (void)state;
    add_block(WEIR_BLOCK_ROWS, 10);
    assert_int_equal(step_all(), WEIR_OK);
    add_block(WEIR_BLOCK_ROWS, 10);
    sink_state.begin_status = WEIR_BUSY;
    assert_int_equal(step_all(), WEIR_BUSY);
    assert_rows(10);
    sink_state.begin_status = WEIR_OK;
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(20);
}

static int settle(weir_position *now) {
    int status = weir_replay_settle(replay, &result, &error);
    *now = result.position;
    return status;
}

static void blocks_without_rows_are_settled(void **state) {
    (void)state;
    weir_position now;
    assert_false(weir_replay_unsettled(replay)); /* nothing is known yet */
    add_block(WEIR_BLOCK_ROWS, 10);
    assert_int_equal(step_all(), WEIR_OK);
    assert_false(weir_replay_unsettled(replay));
    assert_int_equal(settle(&now), WEIR_OK);
    assert_int_equal(now.block, 2);
    assert_int_equal(sink_state.commits, 1); /* there was nothing to move over */
    add_block(WEIR_BLOCK_MARK, 0);
    add_declaration(true);
    assert_int_equal(step_all(), WEIR_PENDING);
    assert_true(weir_replay_unsettled(replay));
    sink_state.begin_status = WEIR_BUSY;
    assert_int_equal(settle(&now), WEIR_BUSY);
    sink_state.begin_status = WEIR_OK;
    sink_state.commit_status = WEIR_IO;
    assert_int_equal(settle(&now), WEIR_IO);
    assert_false(sink_state.open);
    assert_int_equal(now.block, 2);
    assert_true(weir_replay_unsettled(replay));
    sink_state.commit_status = WEIR_OK;
    assert_int_equal(settle(&now), WEIR_OK);
    assert_int_equal(now.block, 4);
    assert_int_equal(now.row, 10);
    assert_int_equal(sink_state.committed.position.block, 4);
    assert_int_equal(sink_state.committed.position.hash, 1004);
    assert_false(weir_replay_unsettled(replay));
    add_block(WEIR_BLOCK_ROWS, 10);
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(20);
}

/* Blocks that are missing may come back, with a restored file: the position stays before them. */
static void behind_a_gap_nothing_is_settled(void **state) {
    (void)state;
    weir_position now;
    start(WEIR_REPLAY_SKIP_DAMAGE);
    add_block(WEIR_BLOCK_ROWS, 10);
    assert_int_equal(step_all(), WEIR_OK);
    add_block(WEIR_BLOCK_ROWS, 10);
    lost[3] = true;
    assert_int_equal(step_all(), WEIR_PENDING);
    assert_false(weir_replay_unsettled(replay));
    assert_int_equal(settle(&now), WEIR_OK);
    assert_int_equal(now.block, 2);
}

/* No row stands behind them, but a block that says how far the rows went: they are lost, and not
 * still to come. */
static void lost_rows_at_the_end_are_settled(void **state) {
    (void)state;
    weir_position now;
    start(WEIR_REPLAY_SKIP_DAMAGE);
    add_block(WEIR_BLOCK_ROWS, 10);
    add_block(WEIR_BLOCK_ROWS, 10);
    add_block(WEIR_BLOCK_MARK, 0);
    lost[3] = true;
    assert_int_equal(settle(&now), WEIR_OK); /* nothing is known yet */
    assert_int_equal(now.row, 0);
    assert_int_equal(step_all(), WEIR_OK);
    assert_int_equal(sink_state.committed.position.row, 10);
    assert_int_equal(step_all(), WEIR_PENDING);
    assert_int_equal(settle(&now), WEIR_OK);
    assert_int_equal(now.block, 4);
    assert_int_equal(now.row, 20);
    assert_int_equal(sink_state.committed.position.row, 20);
    assert_int_equal(sink_state.committed.count, 10);
    uint64_t commits = sink_state.commits;
    assert_int_equal(settle(&now), WEIR_OK);
    assert_int_equal(sink_state.commits, commits); /* once is enough */
}

/* The block that says so has been applied, and nothing stands behind it: it is asked again, whether
 * the answer was lost, or the process was killed before it settled. */
static void lost_rows_before_the_last_block_are_settled(void **state) {
    for (int killed = 0; killed < 2; killed++) {
        weir_position now;
        (void)tear_down(state);
        (void)set_up(state);
        start(WEIR_REPLAY_SKIP_DAMAGE);
        sink.remote = !killed;
        add_block(WEIR_BLOCK_ROWS, 10);
        add_block(WEIR_BLOCK_ROWS, 10);
        add_declaration(false);
        lost[3] = true;
        assert_int_equal(step_all(), WEIR_OK);
        assert_int_equal(sink_state.committed.position.block, 4);
        assert_int_equal(sink_state.committed.position.row, 10);
        assert_int_equal(step_all(), WEIR_PENDING);
        if (killed) {
            weir_replay_forget(replay); /* as one that was just made */
        } else {
            sink_state.unanswered = 1, sink_state.done_all_the_same = false;
            assert_int_equal(settle(&now), WEIR_BUSY);
        }
        assert_int_equal(step_all(), WEIR_PENDING);
        assert_int_equal(settle(&now), WEIR_OK);
        assert_int_equal(now.block, 4);
        assert_int_equal(now.row, 20);
        assert_int_equal(sink_state.committed.position.row, 20);
    }
}

static void late_rows_at_the_end_are_not_lost(void **state) {
    (void)state;
    weir_position now;
    weir_replay_limits limits = WEIR_REPLAY_ALL;
    limits.last_wall_ns = 500;
    start(WEIR_REPLAY_SKIP_DAMAGE);
    add_block(WEIR_BLOCK_ROWS, 10);
    add_block(WEIR_BLOCK_ROWS, 10);
    add_block(WEIR_BLOCK_MARK, 0);
    for (int i = 2; i <= 4; i++)
        blocks[i].header.wall_ns = i == 3 ? 900 : 100;
    assert_int_equal(step(limits), WEIR_OK);
    assert_int_equal(step(limits), WEIR_PENDING);
    assert_int_equal(settle(&now), WEIR_OK);
    assert_int_equal(now.row, 10);
    assert_int_equal(sink_state.committed.position.row, 10);
}

/* What was committed is gone with the files that the sink lost. */
static void a_database_opened_again_is_asked_where_it_stands(void **state) {
    (void)state;
    weir_position now;
    add_block(WEIR_BLOCK_ROWS, 10);
    assert_int_equal(step_all(), WEIR_OK);
    database before = sink_state.committed;
    add_block(WEIR_BLOCK_ROWS, 10);
    assert_int_equal(step_all(), WEIR_OK);
    for (int i = 0; i < 2; i++) { /* found by replay; told by who hardens */
        sink_state.committed = before;
        sink_state.declared = false;
        sink_state.reopens = i == 0;
        if (i == 1) weir_replay_forget(replay);
        if (i == 0) add_block(WEIR_BLOCK_ROWS, 5);
        assert_int_equal(step_all(), WEIR_OK);
        assert_rows(25);
        assert_true(sink_state.declared);
    }
    add_block(WEIR_BLOCK_MARK, 0);
    assert_int_equal(step_all(), WEIR_PENDING);
    sink_state.committed = before;
    sink_state.reopens = true;
    assert_int_equal(settle(&now), WEIR_BUSY);
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(25);
}

/* ---- a server that keeps the position -------------------------------------------------------- */

static uint64_t told_rows; /* by all results */

static int serve(void) {
    int status = step_all();
    if (status == WEIR_OK) told_rows += result.counts.rows;
    return status;
}

/* Blocks 2 … of ten rows each, of which the server has the first ones. */
static void start_server(uint64_t all, uint64_t applied) {
    sink.remote = true;
    told_rows = 0;
    for (uint64_t i = 0; i < applied; i++)
        add_block(WEIR_BLOCK_ROWS, 10);
    if (applied) assert_int_equal(serve(), WEIR_OK);
    for (uint64_t i = applied; i < all; i++)
        add_block(WEIR_BLOCK_ROWS, 10);
}

/* What a server holds that has all blocks up to this one, and some rows of the next. */
static database brought_to(uint64_t block, uint64_t rows) {
    database d = {.position = {{0}, block, (block - 1) * 10 + rows, 1000 + block}};
    for (; d.count < d.position.row; d.count++)
        d.rows[d.count] = d.count + 1;
    return d;
}

static void assert_moved(uint64_t from, uint64_t to) {
    assert_true(result.moved.is);
    assert_int_equal(result.moved.from.row, from);
    assert_int_equal(result.moved.to.row, to);
    assert_int_equal(result.position.row, to);
    assert_int_equal(result.counts.rows, 0);
    assert_true(result.more);
}

static void a_commit_without_an_answer_was_done(void **state) {
    (void)state;
    start_server(3, 1);
    sink_state.unanswered = 1, sink_state.done_all_the_same = true;
    assert_int_equal(serve(), WEIR_OK);
    assert_false(result.moved.is);
    assert_int_equal(result.counts.rows, 20);
    assert_string_equal(result.counts.mended, "a table");
    assert_int_equal(result.last.block, 4);
    assert_int_equal(weir_payload_lane(&result.payload, 0).position, 4);
    assert_rows(30);
    assert_int_equal(sink_state.commits, 2);
    assert_int_equal(serve(), WEIR_PENDING);
    add_block(WEIR_BLOCK_ROWS, 10);
    assert_int_equal(serve(), WEIR_OK);
    assert_int_equal(result.counts.rows, 10);
    assert_rows(40);
}

static void a_commit_without_an_answer_was_not_done(void **state) {
    (void)state;
    start_server(3, 1);
    sink_state.unanswered = 1;
    assert_int_equal(serve(), WEIR_OK);
    assert_int_equal(result.counts.rows, 20);
    assert_null(result.counts.mended);
    assert_rows(30);
    assert_int_equal(told_rows, 30);
    assert_false(sink_state.open);
}

static void answers_that_go_on_missing_are_waited_for(void **state) {
    (void)state;
    start_server(3, 1);
    sink_state.unanswered = 4;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(serve(), WEIR_IO);
        assert_int_equal(error.status, WEIR_IO);
        assert_string_equal(error.text, "the answer to COMMIT was lost");
        assert_false(sink_state.open);
    }
    assert_int_equal(serve(), WEIR_OK);
    assert_rows(30);
    assert_int_equal(told_rows, 30);
}

/* Meanwhile nobody knows. What comes out is told once, though the journal cannot be read by then. */
static void a_server_that_is_away_answers_later(void **state) {
    (void)state;
    start_server(3, 1);
    sink_state.unanswered = 1, sink_state.done_all_the_same = true;
    sink_state.away_after = true;
    for (int i = 0; i < 2; i++)
        assert_int_equal(serve(), WEIR_BUSY);
    assert_int_equal(result.position.row, 10); /* as far as is known */
    assert_false(weir_replay_unsettled(replay));
    assert_int_equal(weir_replay_settle(replay, &result, &error), WEIR_OK);
    weir_replay_forget(replay); /* whoever makes it safe may say so, too */
    sink_state.begin_status = WEIR_OK;
    answers[3] = answers[4] = WEIR_DAMAGED;
    assert_int_equal(serve(), WEIR_OK);
    assert_int_equal(result.counts.rows, 20);
    assert_int_equal(result.last.block, 4);
    assert_int_equal(weir_payload_lane(&result.payload, 0).position, 4);
    assert_rows(30);
    assert_int_equal(serve(), WEIR_PENDING);
    weir_replay_forget(replay);
    assert_int_equal(serve(), WEIR_PENDING);
    assert_int_equal(told_rows, 30);
    assert_int_equal(sink_state.commits, 2);
}

static void answers_are_lost_for_ever_and_each_row_comes_once(void **state) {
    (void)state;
    start_server(30, 0);
    weir_replay_limits limits = WEIR_REPLAY_ALL;
    for (uint64_t n = 0; sink_state.committed.count < 300; n++) {
        assert_true(n < 200);
        limits.last_row = sink_state.committed.count + 1 + n % 17; /* within blocks, too */
        sink_state.unanswered = n % 3 == 2;
        sink_state.done_all_the_same = n % 2;
        assert_int_equal(step(limits), WEIR_OK);
        told_rows += result.counts.rows;
    }
    assert_rows(300);
    assert_int_equal(told_rows, 300);
}

static void the_position_of_an_unanswered_commit_has_its_hash(void **state) {
    (void)state;
    start_server(3, 1);
    sink_state.unanswered = 1, sink_state.done_all_the_same = true;
    sink_state.away_after = true;
    assert_int_equal(serve(), WEIR_BUSY);
    sink_state.begin_status = WEIR_OK;
    sink_state.committed.position.hash++;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(serve(), WEIR_FOREIGN);
        assert_non_null(strstr(error.text, "row 30 at block 4"));
        assert_non_null(strstr(error.text, "another hash"));
    }
    sink_state.committed.position.hash--;
    assert_int_equal(serve(), WEIR_OK);
    assert_int_equal(told_rows, 30);
    assert_rows(30);
}

/* The commit is lost, and somebody else has applied more or less than it, or a part of it. */
static void an_unanswered_commit_is_forgotten_elsewhere(void **state) {
    (void)state;
    const database found[] = {brought_to(4, 0), brought_to(3, 7), brought_to(1, 0)};
    for (size_t i = 0; i < 3; i++) {
        (void)tear_down(NULL);
        (void)set_up(NULL);
        start_server(4, 1);
        sink_state.unanswered = 1, sink_state.done_all_the_same = true;
        sink_state.away_after = true;
        weir_replay_limits limits = WEIR_REPLAY_ALL;
        limits.rows = 10;
        assert_int_equal(step(limits), WEIR_BUSY); /* up to block 3 */
        sink_state.begin_status = WEIR_OK;
        sink_state.committed = found[i];
        if (found[i].position.block == 1) sink_state.committed.position.hash = 1001;
        assert_int_equal(serve(), WEIR_OK);
        assert_moved(10, found[i].position.row);
        assert_int_equal(serve(), WEIR_OK);
        assert_rows(40);
        assert_int_equal(result.counts.rows, 40 - found[i].count);
    }
}

static void somebody_else_has_applied_rows(void **state) {
    (void)state;
    start_server(5, 1);
    sink_state.committed = brought_to(4, 3);
    assert_int_equal(serve(), WEIR_OK);
    assert_moved(10, 33);
    assert_int_equal(result.last.block, 4); /* they are told to whoever waits */
    assert_int_equal(weir_payload_lane(&result.payload, 0).position, 4);
    assert_int_equal(serve(), WEIR_OK);
    assert_false(result.moved.is);
    assert_int_equal(result.counts.rows, 17);
    assert_rows(50);
    add_block(WEIR_BLOCK_ROWS, 10);
    sink_state.committed = brought_to(6, 4); /* within the block at hand */
    assert_int_equal(serve(), WEIR_OK);
    assert_moved(50, 54);
    assert_int_equal(result.last.block, 0);
    assert_int_equal(serve(), WEIR_OK);
    assert_rows(60);
}

/* Blocks without rows name no lanes here, and one of rows cannot be read for a while. */
static void lanes_are_looked_for_behind_blocks_without_rows(void **state) {
    (void)state;
    start_server(3, 1);
    add_declaration(false);
    add_block(WEIR_BLOCK_MARK, 0);
    sink_state.committed = brought_to(4, 0);
    sink_state.committed.position.block = 6;
    sink_state.committed.position.hash = 1006;
    answers[4] = WEIR_IO;
    assert_int_equal(serve(), WEIR_IO);
    answers[4] = WEIR_OK;
    assert_int_equal(serve(), WEIR_OK);
    assert_moved(10, 30);
    assert_int_equal(result.last.block, 4);
    assert_int_equal(weir_payload_lane(&result.payload, 0).position, 4);
    assert_int_equal(serve(), WEIR_PENDING);
}

static void a_standby_takes_over_that_lacks_rows(void **state) {
    (void)state;
    static const struct {
        uint64_t block, rows;
    } older[] = {{3, 0}, {3, 9}, {2, 0}, {1, 4}, {1, 0}};
    start_server(4, 0);
    assert_int_equal(serve(), WEIR_OK);
    assert_rows(40);
    for (size_t i = 0; i < sizeof older / sizeof *older; i++) {
        add_block(WEIR_BLOCK_ROWS, 10);
        sink_state.committed = brought_to(older[i].block, older[i].rows);
        sink_state.declared = false; /* it is another connection */
        uint64_t lacks_from = sink_state.committed.position.row;
        assert_int_equal(serve(), WEIR_OK);
        assert_moved(40 + i * 10, lacks_from);
        assert_int_equal(result.last.block, 0);
        assert_int_equal(serve(), WEIR_OK);
        assert_int_equal(result.counts.rows, 50 + i * 10 - lacks_from);
        assert_rows(50 + i * 10);
        assert_true(sink_state.declared);
    }
}

/* Nothing follows that would begin a transaction: whoever makes it safe has lost the server. */
static void a_standby_takes_over_while_nothing_is_appended(void **state) {
    (void)state;
    start_server(4, 0);
    assert_int_equal(serve(), WEIR_OK);
    assert_int_equal(serve(), WEIR_PENDING);
    sink_state.committed = brought_to(2, 5);
    assert_int_equal(serve(), WEIR_PENDING);
    weir_replay_forget(replay);
    assert_int_equal(serve(), WEIR_OK);
    assert_moved(40, 15);
    assert_int_equal(serve(), WEIR_OK);
    assert_rows(40);
    weir_replay_forget(replay);
    assert_int_equal(serve(), WEIR_PENDING); /* it is where it was */
    assert_false(result.moved.is);
}

static void a_server_without_a_position_begins_anew(void **state) {
    (void)state;
    start_server(3, 0);
    assert_int_equal(serve(), WEIR_OK);
    sink_state.committed = (database){0};
    add_block(WEIR_BLOCK_ROWS, 10);
    assert_int_equal(serve(), WEIR_OK);
    assert_moved(30, 0);
    assert_int_equal(serve(), WEIR_OK);
    assert_rows(40);
    const database whole = sink_state.committed;
    add_block(WEIR_BLOCK_ROWS, 10);
    sink_state.committed = (database){0};
    lost[1] = true; /* its segment is released */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(serve(), WEIR_DAMAGED);
        assert_non_null(strstr(error.text, "block 1, which the database needs next (row 1)"));
    }
    lost[1] = false;
    sink_state.committed = whole; /* the server that was meant is back */
    assert_int_equal(serve(), WEIR_OK);
    assert_false(result.moved.is);
    assert_rows(50);
}

/* Each of these may be put right by somebody, and then it goes on. */
static void a_position_that_is_none_of_this_journal_is_refused(void **state) {
    (void)state;
    static const struct {
        weir_position position;
        const char *why;
    } bad[] = {
        {{{0}, 2, 10, 999}, "another hash"},
        {{{0}, 3, 20, 1002}, "another hash"},
        {{{0}, 0, 0, 7}, "another hash"},
        {{{0}, 2, 21, 1002}, "the row is not there"},
        {{{0}, 5, 41, 1005}, "the row is not"},
        {{{0}, 6, 50, 1006}, "the journal ends before"},
        {{{0}, 9, 80, 1009}, "the journal ends before"},
    };
    start_server(4, 3);
    const database good = sink_state.committed;
    for (int known = 1; known >= 0; known--) { /* also for a process that has just begun */
        if (!known) start(WEIR_REPLAY_STOP_AT_DAMAGE);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            sink_state.committed.position = bad[i].position;
            assert_int_equal(serve(), WEIR_FOREIGN);
            assert_non_null(strstr(error.text, bad[i].why));
            assert_false(sink_state.open);
        }
    }
    sink_state.committed = good;
    assert_int_equal(serve(), WEIR_OK); /* what it has from others is told, and is no move */
    assert_false(result.moved.is);
    assert_int_equal(result.last.block, 4);
    assert_int_equal(serve(), WEIR_OK);
    assert_int_equal(result.counts.rows, 10);
    assert_rows(40);
}

/* The block of the position, or the next one, says enough. */
static void one_of_two_blocks_vouches_for_a_position(void **state) {
    (void)state;
    start_server(6, 1);
    sink_state.committed = brought_to(4, 2);
    answers[4] = WEIR_DAMAGED;
    assert_int_equal(serve(), WEIR_OK);
    assert_moved(10, 32);
    assert_int_equal(result.last.block, 3); /* as far as can be told */
    sink_state.committed = brought_to(3, 0);
    assert_int_equal(serve(), WEIR_DAMAGED); /* it would be needed again */
    answers[4] = WEIR_OK;
    assert_int_equal(serve(), WEIR_OK);
    assert_moved(32, 20);
    answers[5] = WEIR_NOT_FOUND;
    assert_int_equal(serve(), WEIR_OK);
    assert_rows(30);
    sink_state.committed = brought_to(4, 4);
    assert_int_equal(serve(), WEIR_DAMAGED);
    weir_replay_forget(replay);
    assert_int_equal(serve(), WEIR_DAMAGED);
    assert_non_null(strstr(error.text, "block 5, which the database needs next (row 35)"));
    answers[5] = WEIR_IO;
    assert_int_equal(serve(), WEIR_IO);
    answers[4] = WEIR_IO;
    assert_int_equal(serve(), WEIR_IO);
    answers[4] = answers[5] = WEIR_OK;
    assert_int_equal(serve(), WEIR_OK);
    assert_moved(30, 34);
    assert_int_equal(serve(), WEIR_OK);
    assert_rows(60);
}

/* As one is through a proxy that leads now here, now there. */
static void a_position_that_does_not_stay_is_waited_for(void **state) {
    (void)state;
    start_server(4, 2);
    sink_state.other = brought_to(2, 0);
    sink_state.swaps = true;
    for (int i = 0; i < 20; i++) {
        int status = serve();
        assert_true(status == WEIR_OK || status == WEIR_BUSY);
        assert_false(sink_state.open);
    }
    sink_state.swaps = false;
    while (serve() == WEIR_OK)
        continue;
    assert_rows(40);
}

static void an_unanswered_settling_is_asked_about(void **state) {
    (void)state;
    weir_position now;
    start_server(2, 2);
    for (int done = 0; done < 2; done++) {
        add_block(WEIR_BLOCK_MARK, 0);
        assert_int_equal(serve(), WEIR_PENDING);
        sink_state.unanswered = 1, sink_state.done_all_the_same = done;
        assert_int_equal(settle(&now), done ? WEIR_OK : WEIR_BUSY);
        assert_int_equal(now.block, done ? 5 : 3);
        assert_int_equal(now.row, 20);
        assert_int_equal(result.counts.rows, 0);
        assert_false(result.moved.is);
        assert_int_equal(serve(), WEIR_PENDING);
        assert_int_equal(weir_replay_unsettled(replay), !done);
    }
    add_block(WEIR_BLOCK_MARK, 0);
    assert_int_equal(serve(), WEIR_PENDING);
    sink_state.committed = brought_to(2, 0);
    assert_int_equal(settle(&now), WEIR_OK);
    assert_moved(20, 10);
    assert_int_equal(serve(), WEIR_OK);
    assert_rows(20);
    assert_int_equal(serve(), WEIR_PENDING);
    assert_int_equal(settle(&now), WEIR_OK);
    assert_int_equal(now.block, 6);
    assert_int_equal(told_rows, 30); /* ten of them came again */
}

static void a_sink_without_a_position_may_begin_later(void **state) {
    (void)state;
    sink.remote = true;
    add_block(WEIR_BLOCK_ROWS, 10);
    add_declaration(true);
    head_block = last_block;
    for (int i = 0; i < 3; i++)
        add_block(WEIR_BLOCK_ROWS, 10);
    lost[1] = lost[2] = true; /* released before the sink came */
    assert_int_equal(serve(), WEIR_DAMAGED);
    weir_replay_begin_at(replay, 2);
    assert_int_equal(serve(), WEIR_DAMAGED);
    weir_replay_begin_at(replay, 3);
    for (int i = 0; i < 2; i++) { /* the server loses all of it, and it begins there again */
        sink_state.committed = (database){0};
        assert_int_equal(serve(), WEIR_OK);
        if (i == 1) {
            assert_moved(40, 10);
            assert_int_equal(serve(), WEIR_OK);
        }
        assert_int_equal(sink_state.committed.count, 30 + (size_t)i * 10);
        assert_int_equal(sink_state.committed.rows[0], 11);
        assert_int_equal(sink_state.committed.position.row, 40 + (uint64_t)i * 10);
        assert_int_equal(result.passed.first, 0);
        add_block(WEIR_BLOCK_ROWS, 10);
    }
}

/* ---- rows of templates ---------------------------------------------------------------------- */

enum { MESSAGE = 5000, WIDE = 5001, WIDE_COLUMNS = 40 };

/* A block that declares two templates: "n=%d", and forty columns of 4,095 bytes that end in %d. */
static void add_templates(void) {
    static const weir_source message = {.kind = WEIR_SOURCE_FORMAT, .bytes = "n=%d", .length = 4};
    weir_source wide[WIDE_COLUMNS];
    for (unsigned i = 0; i < WIDE_COLUMNS; i++)
        wide[i] = (weir_source){.kind = WEIR_SOURCE_FORMAT, .bytes = "%4095d", .length = 6};
    add_block(WEIR_BLOCK_DECLARATIONS, 0);
    rows_block *b = &blocks[last_block];
    uint8_t *at = weir_put_u32(rows_room(b, 1000), 2);
    at += weir_template_encode(at, MESSAGE, 1, 1, &message, 1);
    at += weir_template_encode(at, WIDE, 1, 1, wide, WIDE_COLUMNS);
    b->length = (size_t)(at - *b->bytes);
    b->header.incompatible = WEIR_FEATURE_TEMPLATES;
}

/* Rows of this table or template, each with its number as the only value. */
static void add_rows_of(uint16_t table, uint32_t rows) {
    add_block(WEIR_BLOCK_ROWS, 0);
    rows_block *b = &blocks[last_block];
    b->header.incompatible = WEIR_FEATURE_TEMPLATES;
    for (uint32_t i = 0; i < rows; i++) {
        weir_value v = weir_int((int64_t)(b->header.first_row + i));
        rows_add(b, table, &v, 1);
    }
}

static void add_to_last(uint16_t table, size_t count) {
    const weir_value v[2] = {weir_int(7), weir_int(8)};
    rows_add(&blocks[last_block], table, v, count);
}

static void rows_of_templates_come_out_as_rows(void **state) {
    (void)state;
    add_templates();
    add_rows_of(1, 2);
    assert_int_equal(step_all(), WEIR_OK);
    add_rows_of(MESSAGE, 3);
    add_to_last(1, 1);
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(6);
    assert_string_equal(sink_state.text, "");
    add_rows_of(MESSAGE, 1);
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(7);
    assert_int_equal(sink_state.table, 1);
    assert_string_equal(sink_state.text, "n=7");
    assert_int_equal(sink_state.parts, 3);
}

/* More than 4 MiB of text are made in parts, and go into one transaction. */
static void much_text_is_applied_in_parts(void **state) {
    (void)state;
    add_templates();
    add_rows_of(WIDE, 60);
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(60);
    assert_int_equal(sink_state.parts, 3);
    assert_int_equal(sink_state.commits, 1);
    assert_string_equal(sink_state.text, "    60");
    assert_int_equal(sink_state.committed.position.block, 3);
    assert_int_equal(result.last.rows, 60); /* the block's, not a part's */
}

static void a_range_may_begin_within_rows_of_templates(void **state) {
    (void)state;
    add_templates();
    add_rows_of(WIDE, 60);
    weir_replay_limits limits = WEIR_REPLAY_ALL;
    limits.last_row = 29;
    assert_int_equal(step(limits), WEIR_OK);
    assert_rows(29);
    assert_string_equal(sink_state.text, "    29");
    start(WEIR_REPLAY_STOP_AT_DAMAGE); /* another process: it learns the templates, too */
    limits.last_row = 31;
    assert_int_equal(step(limits), WEIR_OK);
    assert_rows(31);
    assert_string_equal(sink_state.text, "    31");
    assert_int_equal(step_all(), WEIR_OK);
    assert_rows(60);
    assert_string_equal(sink_state.text, "    60");
}

static void a_schema_that_ends_transactions_of_made_rows(void **state) {
    (void)state;
    add_templates();
    add_rows_of(WIDE, 60);
    sink_state.poison = 45; /* within the second part */
    assert_int_equal(step_all(), WEIR_OK);
    while (step_all() == WEIR_OK)
        continue;
    assert_true(sink_state.poison_known);
    assert_rows(60);
}

/* For a reader that has not seen it. */
static void remove_last(void) {
    rows_free(&blocks[last_block--]);
    start(WEIR_REPLAY_STOP_AT_DAMAGE);
}

/* Nothing of the transaction stays, and the words name row and block. */
static void assert_stopped_at(uint64_t row, const char *words) {
    char expected[100];
    (void)snprintf(expected, sizeof expected, "row %llu (block %llu) %s", (unsigned long long)row,
                   (unsigned long long)last_block, words);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(step_all(), WEIR_DAMAGED);
        assert_non_null(strstr(error.text, expected));
        assert_false(sink_state.open);
        assert_rows(3);
    }
}

static void a_row_that_its_template_does_not_fit_is_damage(void **state) {
    (void)state;
    static const char words[] = "is not valid, or the journal never declared what it is a row of";
    add_templates();
    add_rows_of(1, 3);
    assert_int_equal(step_all(), WEIR_OK);
    add_rows_of(MESSAGE, 2);
    add_to_last(MESSAGE, 2); /* it has one parameter */
    assert_stopped_at(6, words);
    remove_last();
    add_rows_of(MESSAGE, 0);
    add_to_last(WIDE + 1, 1); /* nobody declared it */
    assert_stopped_at(4, words);
    remove_last();
    add_rows_of(MESSAGE, 2);
    (*blocks[last_block].bytes)[blocks[last_block].length - 2] = 0x1F; /* no tag */
    assert_stopped_at(5, words);
    remove_last();
    add_rows_of(MESSAGE, 2);
    blocks[last_block].header.rows = 3; /* one more than there are */
    assert_stopped_at(6, words);
    remove_last();
    add_rows_of(MESSAGE, 1); /* the database stands behind the only one of two */
    blocks[last_block].header.rows = 3;
    sink_state.committed.position.row = 5;
    assert_int_equal(step_all(), WEIR_DAMAGED);
    assert_non_null(strstr(error.text, "row 6 (block 4) is not valid"));
}

/* As a reader of old has it: the sink is told, and says what it has against the row. */
static void without_the_feature_there_are_no_templates(void **state) {
    (void)state;
    add_templates();
    add_rows_of(MESSAGE, 1);
    blocks[last_block].header.incompatible = 0;
    assert_int_equal(step_all(), WEIR_OK);
    assert_int_equal(sink_state.table, MESSAGE);
}

static void a_template_that_cannot_be_read_stops_it(void **state) {
    (void)state;
    add_templates();
    blocks[last_block].length--;
    add_rows_of(MESSAGE, 3);
    assert_int_equal(step_all(), WEIR_DAMAGED);
    assert_string_equal(error.text, "block 2: a declaration is not valid");
    assert_false(sink_state.open);
}

/* Each of these waits, and goes on where memory is there again. */
static void made_rows_wait_for_memory(void **state) {
    (void)state;
    int status, refused = 0;
    add_templates();
    add_rows_of(MESSAGE, 3);
    for (long n = 1;; n++) {
        if (!scarce_arm(n)) skip();
        status = step_all();
        if (!scarce_end()) break;
        refused++;
        assert_int_equal(status, WEIR_NO_MEMORY);
        assert_non_null(strstr(error.text, n <= 3 ? "" : "format"));
        assert_false(sink_state.open);
        assert_int_equal(sink_state.committed.count, 0);
    }
    assert_int_equal(status, WEIR_OK);
    assert_true(refused >= 6); /* two templates, their list; the expander, a text, a row */
    assert_rows(3);
    assert_string_equal(sink_state.text, "n=3");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(all_blocks_in_one_transaction),
        TEST(nothing_to_do_is_no_transaction),
        TEST(a_large_backlog_is_many_transactions),
        TEST(it_begins_where_the_database_stands),
        TEST(limits_end_it),
        TEST(each_block_has_its_own_moment),
        TEST(late_blocks_at_the_end_can_come_later),
        TEST(rows_that_are_missing_are_told),
        TEST(trouble_repeats_the_transaction),
        TEST(a_schema_that_ends_transactions),
        TEST(another_history_is_refused),
        TEST(a_database_restored_meanwhile_is_refused),
        TEST(damage_stops_it_or_is_stepped_over),
        TEST(the_sink_says_how_much_it_takes),
        TEST(a_transaction_ends_at_its_bytes_too),
        TEST(what_cannot_be_made_is_not_made),
        TEST(a_declaration_that_is_refused_stops_it),
        TEST(a_declaration_that_cannot_be_read_stops_it),
        TEST(a_block_of_another_journal_is_refused),
        TEST(rows_missing_between_blocks_are_named),
        TEST(a_position_that_no_journal_has_finds_no_block),
        TEST(tables_declared_before_the_position_are_known),
        TEST(tables_that_cannot_be_learned_stop_it),
        TEST(the_head_of_an_earlier_segment_stands_in_for_a_lost_one),
        TEST(behind_the_last_damage_there_is_nothing_to_apply),
        TEST(a_declaration_that_cannot_be_read_ends_it),
        TEST(the_position_is_asked_once),
        TEST(a_last_row_at_a_blocks_end_ends_it_there),
        TEST(a_block_that_is_wholly_applied_is_passed),
        TEST(a_late_block_that_is_wholly_applied_leaves_nothing_out),
        TEST(lanes_beyond_the_format_say_nothing),
        TEST(small_blocks_around_a_row_that_ends_transactions),
        TEST(any_move_of_the_position_is_refused),
        TEST(a_database_that_is_busy_later_is_asked_again),
        TEST(blocks_without_rows_are_settled),
        TEST(behind_a_gap_nothing_is_settled),
        TEST(lost_rows_at_the_end_are_settled),
        TEST(lost_rows_before_the_last_block_are_settled),
        TEST(late_rows_at_the_end_are_not_lost),
        TEST(a_database_opened_again_is_asked_where_it_stands),
        TEST(a_commit_without_an_answer_was_done),
        TEST(a_commit_without_an_answer_was_not_done),
        TEST(answers_that_go_on_missing_are_waited_for),
        TEST(a_server_that_is_away_answers_later),
        TEST(answers_are_lost_for_ever_and_each_row_comes_once),
        TEST(the_position_of_an_unanswered_commit_has_its_hash),
        TEST(an_unanswered_commit_is_forgotten_elsewhere),
        TEST(somebody_else_has_applied_rows),
        TEST(lanes_are_looked_for_behind_blocks_without_rows),
        TEST(a_standby_takes_over_that_lacks_rows),
        TEST(a_standby_takes_over_while_nothing_is_appended),
        TEST(a_server_without_a_position_begins_anew),
        TEST(a_position_that_is_none_of_this_journal_is_refused),
        TEST(one_of_two_blocks_vouches_for_a_position),
        TEST(a_position_that_does_not_stay_is_waited_for),
        TEST(an_unanswered_settling_is_asked_about),
        TEST(a_sink_without_a_position_may_begin_later),
        TEST(rows_of_templates_come_out_as_rows),
        TEST(much_text_is_applied_in_parts),
        TEST(a_range_may_begin_within_rows_of_templates),
        TEST(a_schema_that_ends_transactions_of_made_rows),
        TEST(a_row_that_its_template_does_not_fit_is_damage),
        TEST(without_the_feature_there_are_no_templates),
        TEST(a_template_that_cannot_be_read_stops_it),
        TEST(made_rows_wait_for_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
