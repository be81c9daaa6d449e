/* replay.c - walk the durable blocks of a journal into a sink. */
#include "replay.h"

#include <stdlib.h>

static const weir_appetite usual_appetite = {65536, 32 << 20};

/* Where the walk stands: the next block to look at, and the hash that it must name. Blocks
 * without rows move it on without a transaction, so it may be ahead of the position. */
typedef struct place {
    weir_position position;
    uint64_t next, hash;
    uint64_t behind; /* the last row before next, whether it came or is lost; 0: not known yet */
    bool gap;        /* blocks are missing before next, so nothing is known of what it must name */
    uint64_t late_row,
        late; /* last row of late blocks behind the position, and how many rows they have */
} place;

struct weir_replay {
    weir_reader *reader;
    weir_sink *sink;
    uint8_t journal[16];
    bool skip_damage;
    bool asked, ready; /* the position is known; and the tables declared before it */
    place at;
    uint64_t narrow;       /* rows a transaction may take while the schema ends them; 0: no limit */
    weir_read_block block; /* the last one read; number 0: none */
    uint8_t lanes[WEIR_LANES_LIMIT * WEIR_LANE_ENTRY]; /* of result->payload */
};

/* One transaction in the making. */
typedef struct transaction {
    place at;
    uint64_t rows, bytes;
    bool cut; /* it ends within a block */
} transaction;

int weir_replay_make(const weir_os *os, weir_locator locator, const uint8_t journal[16],
                     weir_sink *sink, bool skip_damage, weir_replay **out) {
    *out = NULL;
    weir_replay *r = calloc(1, sizeof *r);
    if (!r) return WEIR_NO_MEMORY;
    memcpy(r->journal, journal, 16);
    r->sink = sink;
    r->skip_damage = skip_damage;
    int status = weir_reader_make(os, locator, &r->reader);
    if (status != WEIR_OK) {
        free(r);
        return status;
    }
    *out = r;
    return WEIR_OK;
}

void weir_replay_free(weir_replay *r) {
    if (!r) return;
    weir_reader_free(r->reader);
    free(r);
}

/* ---- reading --------------------------------------------------------------------------------- */

static int declare_tables(weir_replay *r, const weir_read_block *block, bool now,
                          weir_error *error) {
    weir_cursor body = block->payload.body;
    uint32_t count = weir_take_u32(&body);
    int status = WEIR_OK;
    for (uint32_t i = 0; i < count && status == WEIR_OK; i++) {
        weir_declaration *d;
        status = weir_declaration_decode(&body, &d);
        if (status != WEIR_OK)
            return weir_fail(error, status, "block %llu: a declaration is not valid",
                             (unsigned long long)block->header.block);
        status = r->sink->declare(r->sink->self, d, now, error);
        weir_declaration_free(d);
    }
    return status;
}

static int check_chain(const weir_replay *r, const place *at, weir_error *error) {
    const weir_block_header *h = &r->block.header;
    if (memcmp(h->journal, r->journal, 16) != 0)
        return weir_fail(error, WEIR_FOREIGN, "block %llu belongs to another journal",
                         (unsigned long long)at->next);
    if (at->gap) return WEIR_OK;
    if (h->previous_hash != at->hash)
        return weir_fail(
            error, WEIR_FOREIGN,
            "the database was written from another history of this "
            "journal: it has row %llu applied, but block %llu does not follow on what it holds",
            (unsigned long long)at->position.row, (unsigned long long)h->block);
    uint64_t last = at->late_row > at->position.row ? at->late_row : at->position.row;
    if (h->first_row > last + 1 && !r->skip_damage)
        return weir_fail(error, WEIR_DAMAGED, "rows %llu to %llu are missing before block %llu",
                         (unsigned long long)last + 1, (unsigned long long)h->first_row - 1,
                         (unsigned long long)h->block);
    return WEIR_OK;
}

static bool is_sink_lost(int status) { return status == WEIR_NOT_FOUND || status == WEIR_DAMAGED; }

/* Read block at->next into r->block; keep it if it is there already. Steps over damage if
 * allowed, up to the end of what the locator knows. */
static int load(weir_replay *r, place *at, weir_error *error) {
    if (r->block.header.block == at->next && at->next) return check_chain(r, at, error);
    r->block.header.block = 0;
    int status;
    while (is_sink_lost(status = weir_reader_read(r->reader, at->next, &r->block, error)) &&
           r->skip_damage) {
        uint64_t next = weir_reader_nearest(r->reader, at->next + 1, true);
        at->next = next ? next : UINT64_MAX; /* which is behind every end */
        at->gap = true;
    }
    if (status == WEIR_OK) return check_chain(r, at, error);
    r->block.header.block = 0;
    if (status == WEIR_NOT_FOUND)
        return weir_fail(error, WEIR_DAMAGED,
                         "block %llu, which the database needs next (row %llu), is not "
                         "in the journal",
                         (unsigned long long)at->next, (unsigned long long)at->position.row + 1);
    return status;
}

static uint64_t last_row_of(const weir_block_header *h) {
    return h->first_row + h->rows - 1; /* h->first_row - 1 for none */
}

/* The block is done with. */
static void pass_block(const weir_replay *r, place *at) {
    at->next = r->block.header.block + 1;
    at->hash = r->block.header.hash;
    at->behind = last_row_of(&r->block.header);
    at->gap = false;
}

/* Rows that are applied already need not be decompressed. */
static int declare_block(weir_replay *r, uint64_t number, weir_error *error) {
    weir_read_block block;
    int status = weir_reader_header(r->reader, number, &block.header, error);
    if (status != WEIR_OK || block.header.kind != WEIR_BLOCK_DECLARATIONS) return status;
    status = weir_reader_payload(r->reader, &block, error);
    return status == WEIR_OK ? declare_tables(r, &block, false, error) : status;
}

/* Blocks between the head of the segment and where replay begins: what they declare still holds. */
static int declare_between(weir_replay *r, uint64_t from, weir_error *error) {
    int status = WEIR_OK;
    for (uint64_t n = from; n < r->at.next && status == WEIR_OK; n++) {
        status = declare_block(r, n, error);
        if (!is_sink_lost(status) || !r->skip_damage) continue;
        status = WEIR_OK;
        n = weir_reader_nearest(r->reader, n + 1, true) - 1; /* where replay begins there is one */
    }
    return status;
}

/* Where the head of a segment is lost, that of an earlier one says the same, together with what was
 * declared since. When none is left, error tells of the nearest. */
static int read_head(weir_replay *r, weir_read_block *head, weir_error *error) {
    int status = weir_reader_declarations(r->reader, r->at.next, head, error), earlier = status;
    uint64_t at = r->at.next;
    while (is_sink_lost(earlier) && r->skip_damage && at > 1 &&
           (at = weir_reader_nearest(r->reader, at - 1, false)) > 0)
        earlier = weir_reader_declarations(r->reader, at, head, NULL);
    return is_sink_lost(earlier) ? status : earlier;
}

/* The tables that were declared before the block where replay begins: at its segment's head, and
 * behind it. */
static int declare_head(weir_replay *r, weir_error *error) {
    weir_read_block head;
    r->block.header.block = 0; /* the reader has one block at a time */
    int status = read_head(r, &head, error);
    if (status != WEIR_OK) return status;
    uint64_t behind = head.header.block + 1;
    status = declare_tables(r, &head, false, error);
    return status == WEIR_OK ? declare_between(r, behind, error) : status;
}

/* Where does the database stand? Asked once; each transaction sees that it has not moved. */
static int ask_position(weir_replay *r, weir_error *error) {
    weir_position p;
    if (r->asked) return WEIR_OK;
    int status = r->sink->begin(r->sink->self, r->journal, &p, error);
    r->sink->rollback(r->sink->self);
    if (status != WEIR_OK) return status;
    r->at = (place){.position = p, .next = p.block + 1, .hash = p.hash};
    r->asked = true;
    return WEIR_OK;
}

void weir_replay_forget(weir_replay *r) {
    r->asked = r->ready = false;
    r->block.header.block = 0;
}

static int get_ready(weir_replay *r, weir_error *error) {
    if (r->ready) return WEIR_OK;
    int status = ask_position(r, error);
    if (status == WEIR_OK) status = load(r, &r->at, error);
    if (status == WEIR_OK) status = declare_head(r, error);
    r->ready = status == WEIR_OK;
    return status;
}

/* ---- what to apply --------------------------------------------------------------------------- */

static bool is_beyond(const weir_block_header *h, const weir_replay_limits *limits) {
    return h->block > limits->last_block || (h->rows && h->first_row > limits->last_row);
}

static bool is_late(const weir_block_header *h, const weir_replay_limits *limits) {
    return h->wall_ns > limits->last_wall_ns;
}

/* Marks carry no rows, and the head of a segment declares what is known: neither needs a
 * transaction. */
static bool is_idle(const weir_block_header *h) {
    return h->kind == WEIR_BLOCK_MARK ||
           (h->kind == WEIR_BLOCK_DECLARATIONS && h->offset == WEIR_BLOCK_ALIGN);
}

/* Its rows are left out. What is declared too late may be what later blocks need. */
static int pass_late(weir_replay *r, place *at, weir_error *error) {
    const weir_block_header *h = &r->block.header;
    uint64_t first = h->first_row > at->position.row ? h->first_row : at->position.row + 1;
    uint64_t last = last_row_of(h);
    if (h->kind == WEIR_BLOCK_ROWS && last >= first) {
        at->late_row = last;
        at->late += last - first + 1;
    }
    int status =
        h->kind == WEIR_BLOCK_DECLARATIONS ? declare_tables(r, &r->block, false, error) : WEIR_OK;
    if (status == WEIR_OK) pass_block(r, at);
    return status;
}

static int pass_idle(weir_replay *r, place *at, weir_error *error) {
    int status = r->block.header.kind == WEIR_BLOCK_DECLARATIONS
                     ? declare_tables(r, &r->block, false, error)
                     : WEIR_OK;
    if (status == WEIR_OK) pass_block(r, at);
    return status;
}

/* Load the next block that needs a transaction; before the transaction begins, so that the database
 * is not locked meanwhile. */
static int find_work(weir_replay *r, place *at, const weir_replay_limits *limits,
                     weir_error *error) {
    for (;;) {
        int status = load(r, at, error);
        if (status != WEIR_OK) return status;
        if (is_beyond(&r->block.header, limits) || at->position.row >= limits->last_row)
            return WEIR_PENDING;
        bool late = is_late(&r->block.header, limits);
        if (!late && !is_idle(&r->block.header)) return WEIR_OK;
        status = late ? pass_late(r, at, error) : pass_idle(r, at, error);
        if (status != WEIR_OK) return status;
    }
}

/* ---- applying -------------------------------------------------------------------------------- */

static void keep_payload(weir_replay *r, weir_replay_result *result) {
    const weir_payload *p = &r->block.payload;
    result->last = r->block.header;
    if (!p->lanes || p->lanes > WEIR_LANES_LIMIT) return; /* it says nothing new */
    result->payload = *p;
    memcpy(r->lanes, p->lane_entries, (size_t)p->lanes * WEIR_LANE_ENTRY);
    result->payload.lane_entries = r->lanes;
    result->payload.body = (weir_cursor){0};
}

/* Rows of the block at hand, from the position on, as many as the limits leave. */
static weir_row_range range_of(const weir_replay *r, const transaction *t,
                               const weir_replay_limits *limits) {
    const weir_block_header *h = &r->block.header;
    weir_row_range range = {t->at.position.row + 1, last_row_of(h)};
    if (range.first < h->first_row) range.first = h->first_row;
    if (range.last > limits->last_row) range.last = limits->last_row;
    if (r->narrow && range.last + 1 - range.first > r->narrow - t->rows)
        range.last = range.first + (r->narrow - t->rows) - 1;
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
        int status = r->sink->apply(r->sink->self, h, r->block.payload.body, range, error);
        if (status != WEIR_OK) return status;
        t->rows += range.last + 1 - range.first;
        t->at.position.row = range.last;
        t->at.late = 0;
    }
    t->cut = t->at.position.row < last_row_of(h);
    t->bytes += h->raw_bytes;
    return WEIR_OK;
}

/* Apply the block at hand, or a part of it, and move on. The position keeps to blocks that it needs:
 * should a mark rot, the database has not named it. */
static int apply_block(weir_replay *r, transaction *t, const weir_replay_limits *limits,
                       weir_replay_result *result, weir_error *error) {
    const weir_block_header *h = &r->block.header;
    if (is_idle(h)) return pass_idle(r, &t->at, error);
    int status = h->kind == WEIR_BLOCK_ROWS ? apply_row_range(r, t, limits, result, error)
                                            : declare_tables(r, &r->block, true, error);
    if (status != WEIR_OK) return status;
    if (t->cut) {
        t->at.position.block = h->block - 1;
        t->at.position.hash = h->previous_hash;
        return WEIR_OK;
    }
    t->at.position.block = h->block;
    t->at.position.hash = h->hash;
    pass_block(r, &t->at);
    keep_payload(r, result);
    return WEIR_OK;
}

static weir_appetite sink_limits(const weir_replay *r, const weir_replay_limits *limits) {
    weir_appetite a = r->sink->appetite ? r->sink->appetite(r->sink->self) : usual_appetite;
    if (limits->rows) a.rows = limits->rows;
    return a;
}

static bool is_full(const weir_replay *r, const transaction *t, const weir_replay_limits *limits) {
    weir_appetite a = sink_limits(r, limits);
    return t->cut || t->rows >= a.rows || t->bytes >= a.bytes ||
           (r->narrow && t->rows >= r->narrow);
}

/* Rows are missing in front of it; so it begins a transaction, which tells them. */
static bool leaves_rows_out(const weir_block_header *h, const transaction *t) {
    return h->rows && h->first_row > t->at.position.row + 1;
}

/* The first block is loaded. What ends the walk for another reason than a limit is met again,
 * and told, by the next step; a transaction that holds something is worth committing. */
static int apply_blocks(weir_replay *r, transaction *t, const weir_replay_limits *limits,
                        weir_replay_result *result, weir_error *error) {
    int status = apply_block(r, t, limits, result, error);
    while (status == WEIR_OK && !is_full(r, t, limits)) {
        place ahead = t->at;
        if (load(r, &ahead, NULL) != WEIR_OK || is_beyond(&r->block.header, limits)) return WEIR_OK;
        if (is_late(&r->block.header, limits) || leaves_rows_out(&r->block.header, t)) break;
        t->at = ahead;
        status = apply_block(r, t, limits, result, error);
    }
    result->more = status == WEIR_OK;
    return status;
}

static bool same_position(const weir_position *a, const weir_position *b) {
    return a->block == b->block && a->row == b->row && a->hash == b->hash;
}

static int begin_where_we_stand(weir_replay *r, weir_error *error) {
    weir_position found;
    int status = r->sink->begin(r->sink->self, r->journal, &found, error);
    if (status != WEIR_OK || same_position(&found, &r->at.position)) return status;
    return weir_fail(error, WEIR_FOREIGN,
                     "the database's position moved from row %llu to row %llu "
                     "without us: it was restored or replaced while it was open",
                     (unsigned long long)r->at.position.row, (unsigned long long)found.row);
}

static int run_transaction(weir_replay *r, transaction *t, const weir_replay_limits *limits,
                           weir_replay_result *result, weir_error *error) {
    int status = begin_where_we_stand(r, error);
    if (status != WEIR_OK) return status;
    status = apply_blocks(r, t, limits, result, error);
    return status == WEIR_OK
               ? r->sink->commit(r->sink->self, &t->at.position, &result->counts, error)
               : status;
}

/* A schema that ends whole transactions costs the rows around it, not all: halve until the row that
 * does it stands alone, and double again behind it. */
static void narrow_down(weir_replay *r, uint64_t attempted) {
    uint64_t width = r->narrow && r->narrow < attempted ? r->narrow : attempted;
    r->narrow = width > 1 ? width / 2 : 1;
}

static void widen(weir_replay *r, const weir_replay_limits *limits) {
    uint64_t rows = sink_limits(r, limits).rows;
    if (r->narrow) r->narrow = r->narrow < rows / 2 ? r->narrow * 2 : 0;
}

static void expect_block(const weir_replay *r) {
    const weir_read_block *block = &r->block;
    if (r->sink->expect && block->header.kind == WEIR_BLOCK_ROWS)
        r->sink->expect(r->sink->self, &block->header, block->payload.body);
}

/* again: the sink wants it done in another way, and so expects nothing. */
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
    r->sink->rollback(r->sink->self);
    if (status == WEIR_SINK_AGAIN) narrow_down(r, t.rows + r->block.header.rows);
    return status;
}

/* ---- moving over blocks without rows --------------------------------------------------------- */

bool weir_replay_unsettled(const weir_replay *r) {
    return r->ready && !r->at.gap && !r->at.late && r->at.next > r->at.position.block + 1;
}

static int remember_position(weir_replay *r, const weir_position *to, weir_error *error) {
    weir_sink_counts counts;
    int status = begin_where_we_stand(r, error);
    if (status == WEIR_OK) status = r->sink->commit(r->sink->self, to, &counts, error);
    if (status != WEIR_OK) r->sink->rollback(r->sink->self);
    if (status != WEIR_SINK_REOPENED) return status;
    weir_replay_forget(r);
    return weir_fail(error, WEIR_BUSY, "the database was opened again");
}

/* Lost rows behind which no other row stands: the journal would seem to lack them for ever. */
static bool ends_in_lost_rows(const weir_replay *r) {
    return r->skip_damage && r->ready && !r->at.gap && !r->at.late &&
           r->at.behind > r->at.position.row;
}

int weir_replay_settle(weir_replay *r, weir_position *now, weir_error *error) {
    weir_position to = r->at.position;
    *now = to;
    bool lost = ends_in_lost_rows(r);
    if (!lost && !weir_replay_unsettled(r)) return WEIR_OK;
    to.block = r->at.next - 1;
    to.hash = r->at.hash;
    if (lost) to.row = r->at.behind;
    int status = remember_position(r, &to, error);
    if (status == WEIR_OK) *now = r->at.position = to;
    return status;
}

int weir_replay_step(weir_replay *r, const weir_replay_limits *limits, weir_replay_result *result,
                     weir_error *error) {
    bool again = false;
    int status;
    do {
        status = get_ready(r, error);
        *result = (weir_replay_result){.position = r->at.position};
        if (status == WEIR_OK) status = attempt(r, limits, again, result, error);
        if (status == WEIR_SINK_REOPENED) weir_replay_forget(r);
        again = status == WEIR_SINK_AGAIN;
    } while (again || status == WEIR_SINK_REOPENED);
    result->position = r->at.position;
    return status;
}
