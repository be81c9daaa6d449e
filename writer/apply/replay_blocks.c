/* replay_blocks.c - the blocks that replay walks, and the tables that were declared before them. */
#include "replay_position.h"

static int say_invalid(int status, const weir_read_block *block, weir_error *error) {
    return weir_fail(error, status, "block %llu: a declaration is not valid",
                     (unsigned long long)block->header.block);
}

static int keep_template(weir_replay *r, weir_cursor *body, const weir_read_block *block,
                         weir_error *error) {
    weir_template *t;
    int status = weir_template_decode(body, &t);
    if (status != WEIR_OK) return say_invalid(status, block, error);
    status = weir_templates_keep(&r->templates, t);
    return status == WEIR_OK ? status : weir_fail(error, status, "no memory for a template");
}

static int declare_table(weir_replay *r, weir_cursor *body, const weir_read_block *block,
                         weir_declare_when when, weir_error *error) {
    weir_declaration *d;
    int status = weir_declaration_decode(body, &d);
    if (status != WEIR_OK) return say_invalid(status, block, error);
    status = r->sink->declare(r->sink->self, d, when, error);
    weir_declaration_free(d);
    return status;
}

int weir_replay_declare_tables(weir_replay *r, const weir_read_block *block, weir_declare_when when,
                               weir_error *error) {
    weir_cursor body = block->payload.body;
    uint32_t count = weir_take_u32(&body);
    int status = WEIR_OK;
    for (uint32_t i = 0; i < count && status == WEIR_OK; i++)
        status = weir_declares_template(body) ? keep_template(r, &body, block, error)
                                              : declare_table(r, &body, block, when, error);
    return status;
}

static int check_chain(const weir_replay *r, const weir_replay_place *at, weir_error *error) {
    const weir_block_header *h = &r->block.header;
    if (!weir_id_equal(h->journal, r->journal))
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

bool weir_replay_is_lost(int status) { return status == WEIR_NOT_FOUND || status == WEIR_DAMAGED; }

uint64_t weir_replay_last_row(const weir_block_header *h) { return h->first_row + h->rows - 1; }

int weir_replay_say_missing(weir_replay *r, uint64_t next, const weir_position *p,
                            weir_error *error) {
    weir_block_header behind;
    uint64_t there = weir_reader_nearest(r->reader, next + 1, WEIR_ABOVE);
    r->block.header.block = 0; /* the reader has one block at a time */
    bool known = there && weir_reader_header(r->reader, there, &behind, NULL) == WEIR_OK &&
                 behind.first_row > p->row + 1;
    unsigned long long row = p->row + 1, last = known ? behind.first_row - 1 : row;
    if (last == row)
        return weir_fail(
            error, WEIR_DAMAGED,
            "block %llu, which the database needs next (row %llu), is not in the journal",
            (unsigned long long)next, row);
    return weir_fail(error, WEIR_DAMAGED,
                     "block %llu, which the database needs next (row %llu), is not in the journal, "
                     "nor is any up to row %llu",
                     (unsigned long long)next, row, last);
}

int weir_replay_load(weir_replay *r, weir_replay_place *at, weir_error *error) {
    if (r->block.header.block == at->next && at->next) return check_chain(r, at, error);
    r->block.header.block = 0;
    int status;
    while (weir_replay_is_lost(status = weir_reader_read(r->reader, at->next, &r->block, error)) &&
           r->skip_damage) {
        uint64_t next = weir_reader_nearest(r->reader, at->next + 1, WEIR_ABOVE);
        at->next = next ? next : UINT64_MAX; /* which is after every end */
        at->gap = true;
    }
    if (status == WEIR_OK) return check_chain(r, at, error);
    r->block.header.block = 0;
    return status == WEIR_NOT_FOUND ? weir_replay_say_missing(r, at->next, &at->position, error)
                                    : status;
}

void weir_replay_pass_block(const weir_replay *r, weir_replay_place *at) {
    at->next = r->block.header.block + 1;
    at->hash = r->block.header.hash;
    at->behind = weir_replay_last_row(&r->block.header);
    at->gap = false;
}

void weir_replay_keep_payload(weir_replay *r, weir_replay_result *result) {
    const weir_payload *p = &r->block.payload;
    result->last = r->block.header;
    if (!p->lanes || p->lanes > WEIR_LANES_LIMIT) return; /* it names no lane */
    result->payload = *p;
    memcpy(r->lanes, p->lane_entries, (size_t)p->lanes * WEIR_LANE_ENTRY);
    result->payload.lane_entries = r->lanes;
    result->payload.body = (weir_cursor){0};
}

/* Blocks of rows, which are applied already, are not decompressed. */
static int declare_block(weir_replay *r, uint64_t number, weir_error *error) {
    weir_read_block block;
    int status = weir_reader_header(r->reader, number, &block.header, error);
    if (status != WEIR_OK || block.header.kind != WEIR_BLOCK_DECLARATIONS) return status;
    status = weir_reader_payload(r->reader, &block, error);
    return status == WEIR_OK ? weir_replay_declare_tables(r, &block, WEIR_DECLARE_WITH_ROWS, error)
                             : status;
}

/* What blocks between the head of the segment and the start of replay declare holds, too. */
static int declare_between(weir_replay *r, uint64_t from, weir_error *error) {
    int status = WEIR_OK;
    for (uint64_t n = from; n < r->at.next && status == WEIR_OK; n++) {
        status = declare_block(r, n, error);
        if (!weir_replay_is_lost(status) || !r->skip_damage) continue;
        status = WEIR_OK;
        n = weir_reader_nearest(r->reader, n + 1, WEIR_ABOVE) -
            1; /* there is one: where replay begins */
    }
    return status;
}

/* Where the head of the segment is lost, the head of an earlier segment, together with the
 * declarations since then, says the same. When all heads are lost, error is about the nearest. */
static int read_head(weir_replay *r, weir_read_block *head, weir_error *error) {
    int status = weir_reader_declarations(r->reader, r->at.next, head, error), earlier = status;
    uint64_t at = r->at.next;
    while (weir_replay_is_lost(earlier) && r->skip_damage && at > 1 &&
           (at = weir_reader_nearest(r->reader, at - 1, WEIR_BELOW)) > 0)
        earlier = weir_reader_declarations(r->reader, at, head, NULL);
    return weir_replay_is_lost(earlier) ? status : earlier;
}

/* The tables that were declared before the block where replay begins: at the head of its segment,
 * and after it. */
static int declare_head(weir_replay *r, weir_error *error) {
    weir_read_block head;
    r->block.header.block = 0; /* the reader has one block at a time */
    int status = read_head(r, &head, error);
    if (status != WEIR_OK) return status;
    uint64_t after = head.header.block + 1; /* head's payload is gone once another block is read */
    status = weir_replay_declare_tables(r, &head, WEIR_DECLARE_WITH_ROWS, error);
    return status == WEIR_OK ? declare_between(r, after, error) : status;
}

void weir_replay_forget(weir_replay *r) {
    r->asked = r->ready = false;
    r->block.header.block = 0;
}

int weir_replay_get_ready(weir_replay *r, weir_replay_result *result, weir_error *error) {
    if (r->ready) return WEIR_OK;
    int status = weir_replay_ask(r, result, error);
    if (status == WEIR_OK) status = weir_replay_load(r, &r->at, error);
    if (status == WEIR_OK) status = declare_head(r, error);
    r->ready = status == WEIR_OK;
    return status;
}
