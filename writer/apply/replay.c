/* replay.c - walk the durable blocks of a journal into a sink: transactions. */
#include "replay.h"

#include <stdlib.h>

#include "replay_position.h"

static const weir_batch_limit usual_appetite = {65536, 32 << 20};

/* One transaction in the making. */
typedef struct transaction {
    weir_replay_place at;
    uint64_t rows, bytes;
    bool cut; /* it ends within a block */
} transaction;

int weir_replay_make(const weir_os *os, weir_locator locator, const weir_id journal,
                     weir_sink *sink, weir_replay_damage at_damage, weir_replay **out) {
    *out = NULL;
    weir_replay *r = calloc(1, sizeof *r);
    if (!r) return WEIR_NO_MEMORY;
    weir_id_copy(r->journal, journal);
    r->sink = sink;
    r->skip_damage = at_damage == WEIR_REPLAY_SKIP_DAMAGE;
    int status = weir_reader_make(os, locator, &r->reader);
    if (status != WEIR_OK) {
        free(r);
        return status;
    }
    *out = r;
    return WEIR_OK;
}

void weir_replay_begin_at(weir_replay *r, uint64_t block) { r->first_block = block; }

void weir_replay_free(weir_replay *r) {
    if (!r) return;
    weir_reader_free(r->reader);
    weir_block_rows_free(&r->rows);
    weir_templates_free(&r->templates);
    free(r);
}

/* ---- what to apply --------------------------------------------------------------------------- */

static bool is_beyond(const weir_block_header *h, const weir_replay_limits *limits) {
    return h->block > limits->last_block || (h->rows && h->first_row > limits->last_row);
}

static bool is_late(const weir_block_header *h, const weir_replay_limits *limits) {
    return h->wall_ns > limits->last_wall_ns;
}

/* Marks carry no rows, and the head of a segment declares only what was declared before: neither
 * needs a transaction. */
static bool is_idle(const weir_block_header *h) {
    return h->kind == WEIR_BLOCK_MARK ||
           (h->kind == WEIR_BLOCK_DECLARATIONS && h->offset == WEIR_BLOCK_ALIGN);
}

/* Move on from the block at hand without a transaction. The sink remembers what it declares, for
 * the rows of later blocks. */
static int pass_without_rows(weir_replay *r, weir_replay_place *at, weir_error *error) {
    int status = r->block.header.kind == WEIR_BLOCK_DECLARATIONS
                     ? weir_replay_declare_tables(r, &r->block, WEIR_DECLARE_WITH_ROWS, error)
                     : WEIR_OK;
    if (status == WEIR_OK) weir_replay_pass_block(r, at);
    return status;
}

/* Rows of a block that was written too late are left out. */
static void count_late(const weir_replay *r, weir_replay_place *at) {
    const weir_block_header *h = &r->block.header;
    uint64_t first = h->first_row > at->position.row ? h->first_row : at->position.row + 1;
    uint64_t last = weir_replay_last_row(h);
    if (h->kind != WEIR_BLOCK_ROWS || last < first) return;
    at->late_row = last;
    at->late += last - first + 1;
}

/* Load the next block that needs a transaction. This is done before the transaction begins, so that
 * the database is not locked meanwhile. */
static int find_work(weir_replay *r, weir_replay_place *at, const weir_replay_limits *limits,
                     weir_error *error) {
    for (;;) {
        int status = weir_replay_load(r, at, error);
        if (status != WEIR_OK) return status;
        if (is_beyond(&r->block.header, limits) || at->position.row >= limits->last_row)
            return WEIR_PENDING;
        if (is_late(&r->block.header, limits))
            count_late(r, at);
        else if (!is_idle(&r->block.header))
            return WEIR_OK;
        status = pass_without_rows(r, at, error);
        if (status != WEIR_OK) return status;
    }
}

/* ---- applying -------------------------------------------------------------------------------- */

/* Rows of the block at hand, from the position on, as far as the limits allow. */
static weir_row_range range_of(const weir_replay *r, const transaction *t,
                               const weir_replay_limits *limits) {
    const weir_block_header *h = &r->block.header;
    weir_row_range range = {t->at.position.row + 1, weir_replay_last_row(h)};
    if (range.first < h->first_row) range.first = h->first_row;
    if (range.last > limits->last_row) range.last = limits->last_row;
    if (r->row_limit && range.last + 1 - range.first > r->row_limit - t->rows)
        range.last = range.first + (r->row_limit - t->rows) - 1;
    return range;
}

static int apply_row_range(weir_replay *r, transaction *t, const weir_replay_limits *limits,
                           weir_replay_result *result, weir_error *error) {
    const weir_block_header *h = &r->block.header;
    weir_row_range range = range_of(r, t, limits);
    if (range.first > t->at.position.row + 1) {
        result->passed = (weir_row_range){t->at.position.row + 1, range.first - 1};
        result->passed_late = t->at.late;
    }
    if (range.last + 1 > range.first) {
        int status = weir_block_rows_apply(&r->rows, &r->templates, r->sink, h,
                                           r->block.payload.body, range, error);
        if (status != WEIR_OK) return status;
        t->rows += range.last + 1 - range.first;
        t->at.position.row = range.last;
        t->at.late = 0;
    }
    t->cut = t->at.position.row < weir_replay_last_row(h);
    t->bytes += h->raw_bytes;
    return WEIR_OK;
}

/* Apply the block at hand, or a part of it, and move on. The position only names blocks that hold
 * something to apply: should a mark be damaged later, no database depends on its hash. */
static int apply_block(weir_replay *r, transaction *t, const weir_replay_limits *limits,
                       weir_replay_result *result, weir_error *error) {
    const weir_block_header *h = &r->block.header;
    if (is_idle(h)) return pass_without_rows(r, &t->at, error);
    int status = h->kind == WEIR_BLOCK_ROWS
                     ? apply_row_range(r, t, limits, result, error)
                     : weir_replay_declare_tables(r, &r->block, WEIR_DECLARE_NOW, error);
    if (status != WEIR_OK) return status;
    if (t->cut) {
        t->at.position.block = h->block - 1;
        t->at.position.hash = h->previous_hash;
        return WEIR_OK;
    }
    t->at.position.block = h->block;
    t->at.position.hash = h->hash;
    weir_replay_pass_block(r, &t->at);
    weir_replay_keep_payload(r, result);
    return WEIR_OK;
}

static weir_batch_limit sink_limits(const weir_replay *r, const weir_replay_limits *limits) {
    weir_batch_limit a =
        r->sink->batch_limit ? r->sink->batch_limit(r->sink->self) : usual_appetite;
    if (limits->rows) a.rows = limits->rows;
    return a;
}

static bool is_full(const weir_replay *r, const transaction *t, const weir_replay_limits *limits) {
    weir_batch_limit a = sink_limits(r, limits);
    return t->cut || t->rows >= a.rows || t->bytes >= a.bytes ||
           (r->row_limit && t->rows >= r->row_limit);
}

/* Rows before it are missing: it begins a transaction of its own, whose result names them. */
static bool leaves_rows_out(const weir_block_header *h, const transaction *t) {
    return h->rows && h->first_row > t->at.position.row + 1;
}

/* The first block is loaded already. An error while loading a later one only ends the transaction,
 * which holds something and is worth committing: the next step meets the error again, and returns
 * it. */
static int apply_blocks(weir_replay *r, transaction *t, const weir_replay_limits *limits,
                        weir_replay_result *result, weir_error *error) {
    int status = apply_block(r, t, limits, result, error);
    while (status == WEIR_OK && !is_full(r, t, limits)) {
        weir_replay_place ahead = t->at;
        if (weir_replay_load(r, &ahead, NULL) != WEIR_OK || is_beyond(&r->block.header, limits))
            return WEIR_OK;
        if (is_late(&r->block.header, limits) || leaves_rows_out(&r->block.header, t)) break;
        t->at = ahead;
        status = apply_block(r, t, limits, result, error);
    }
    result->more = status == WEIR_OK;
    return status;
}

static int run_transaction(weir_replay *r, transaction *t, const weir_replay_limits *limits,
                           weir_replay_result *result, weir_error *error) {
    int status = weir_replay_begin(r, error);
    if (status != WEIR_OK) return status;
    status = apply_blocks(r, t, limits, result, error);
    return status == WEIR_OK
               ? r->sink->commit(r->sink->self, &t->at.position, &result->counts, error)
               : status;
}

/* When the schema ends a whole transaction, halve the limit until the row that does it is alone in
 * its transaction, and double it again afterwards. So only rows near that one are slow. */
static void lower_row_limit(weir_replay *r, uint64_t attempted) {
    uint64_t width = r->row_limit && r->row_limit < attempted ? r->row_limit : attempted;
    r->row_limit = width > 1 ? width / 2 : 1;
}

static void widen(weir_replay *r, const weir_replay_limits *limits) {
    uint64_t rows = sink_limits(r, limits).rows;
    if (r->row_limit) r->row_limit = r->row_limit < rows / 2 ? r->row_limit * 2 : 0;
}

static void expect_block(const weir_replay *r) {
    const weir_read_block *block = &r->block;
    if (r->sink->expect && block->header.kind == WEIR_BLOCK_ROWS)
        r->sink->expect(r->sink->self, &block->header, block->payload.body);
}

/* again: the sink ended the last attempt itself, and has nothing to prepare. */
static int attempt(weir_replay *r, const weir_replay_limits *limits, bool again,
                   weir_replay_result *result, weir_error *error) {
    int status = find_work(r, &r->at, limits, error);
    if (status != WEIR_OK) return status;
    if (!again) expect_block(r);
    transaction t = {.at = r->at};
    status = run_transaction(r, &t, limits, result, error);
    if (status == WEIR_OK) {
        r->at = t.at;
        widen(r, limits);
        return status;
    }
    if (status == WEIR_SINK_UNKNOWN) weir_replay_keep_pending(r, &t.at, result);
    r->sink->rollback(r->sink->self);
    if (status == WEIR_SINK_AGAIN) lower_row_limit(r, t.rows + r->block.header.rows);
    return status;
}

/* ---- moving over blocks without rows --------------------------------------------------------- */

bool weir_replay_unsettled(const weir_replay *r) {
    return r->ready && !r->at.gap && !r->at.late && r->at.next > r->at.position.block + 1;
}

bool weir_replay_knows(const weir_replay *r) { return r->ready; }

/* The sink may have been opened again, or be elsewhere, or its commit was not answered: ask where it
 * is, if it can be elsewhere. If not, settling may be tried again. */
static int ask_after_settling(weir_replay *r, weir_replay_result *result, weir_error *error) {
    weir_replay_forget(r);
    int status = r->sink->remote ? weir_replay_ask(r, result, error) : WEIR_OK;
    if (status == WEIR_REPLAY_ELSEWHERE) return WEIR_OK;
    return status == WEIR_OK ? weir_fail(error, WEIR_BUSY, "the database was opened again")
                             : status;
}

static int remember_place(weir_replay *r, const weir_replay_place *to, weir_replay_result *result,
                          weir_error *error) {
    weir_sink_counts counts;
    int status = weir_replay_begin(r, error);
    if (status == WEIR_OK) status = r->sink->commit(r->sink->self, &to->position, &counts, error);
    if (status != WEIR_OK) r->sink->rollback(r->sink->self);
    if (status == WEIR_OK) r->at = *to;
    if (status == WEIR_SINK_UNKNOWN) weir_replay_keep_pending(r, to, result);
    return status == WEIR_SINK_REOPENED || status == WEIR_SINK_UNKNOWN
               ? ask_after_settling(r, result, error)
               : status;
}

/* Lost rows behind which no other row stands: the journal would seem to lack them for ever. */
static bool ends_in_lost_rows(const weir_replay *r) {
    return r->skip_damage && r->asked && !r->at.gap && !r->at.late &&
           r->at.behind > r->at.position.row;
}

int weir_replay_settle(weir_replay *r, weir_replay_result *result, weir_error *error) {
    weir_replay_place to = r->at;
    *result = (weir_replay_result){.position = to.position};
    bool lost = ends_in_lost_rows(r);
    if (!lost && !weir_replay_unsettled(r)) return WEIR_OK;
    to.position.block = to.next - 1;
    to.position.hash = to.hash;
    if (lost) to.position.row = to.behind;
    int status = remember_place(r, &to, result, error);
    result->position = r->at.position;
    return status;
}

int weir_replay_rest(weir_replay *r, weir_error *error) {
    bool known = r->ready && !r->at.gap && !r->at.late;
    return known && r->sink->rest ? r->sink->rest(r->sink->self, &r->at.position, error) : WEIR_OK;
}

/* Nobody knows whether it is committed, and the database was asked once in vain: the caller waits
 * before the next step asks again. */
static int give_up_asking(int status, weir_error *error) {
    if (status == WEIR_SINK_REOPENED)
        return weir_fail(error, WEIR_BUSY, "the database's position does not stay where it is");
    if (error) error->status = WEIR_IO; /* the text is the sink's */
    return WEIR_IO;
}

int weir_replay_step(weir_replay *r, const weir_replay_limits *limits, weir_replay_result *result,
                     weir_error *error) {
    bool again = false;
    int status, asked = 0;
    do {
        *result = (weir_replay_result){.position = r->at.position};
        status = weir_replay_get_ready(r, result, error);
        if (status == WEIR_OK) status = attempt(r, limits, again, result, error);
        again = status == WEIR_SINK_AGAIN || status == WEIR_SINK_ANEW;
        if (status != WEIR_SINK_REOPENED && status != WEIR_SINK_UNKNOWN) continue;
        weir_replay_forget(r);
        if (r->sink->remote && asked++) status = give_up_asking(status, error);
    } while (again || status == WEIR_SINK_REOPENED || status == WEIR_SINK_UNKNOWN);
    result->position = r->at.position;
    return status == WEIR_REPLAY_ELSEWHERE ? WEIR_OK : status;
}
