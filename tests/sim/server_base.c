/* server_base.c - a sink that is a server; see server.h. Of three commits one at least has no answer:
 * it is not done, or is done, or comes later, or is done and undone, since the standby takes over. */
#include <stdlib.h>

#include "life.h"
#include "runs/runs.h"

typedef struct connection {
    bool open;
    uint64_t generation, epoch;
    sim_transaction staged;
} connection;

static sim_server *server(void) { return &((sim_life *)sim_now->context)->server; }

static bool one_in(sim_server *s, uint64_t n) { return weir_rng_below(&s->dice, n) == 0; }

/* A journal that was lost before it had a row leaves its position, which is none of the next one. */
static weir_position position_in(const sim_node *node, const uint8_t journal[16]) {
    weir_position p = node->position;
    if (memcmp(p.journal, journal, 16) != 0) p = (weir_position){0};
    memcpy(p.journal, journal, 16);
    return p;
}

static bool stands_at(const sim_node *node, const weir_position *p) {
    weir_position at = position_in(node, p->journal);
    return at.block == p->block && at.row == p->row && at.hash == p->hash;
}

/* ---- what happens on the other machine --------------------------------------------------- */

static void do_commit(sim_node *node, const sim_transaction *t) {
    if (node->count + t->count > 2 * SIM_ROWS) sim_broken("the server has all rows twice");
    memcpy(node->row + node->count, t->row, t->count * sizeof *t->row);
    node->count += t->count;
    node->position = t->to;
}

/* The server compares, so one that has been overtaken changes nothing. */
static void come_late(sim_node *node) {
    sim_transaction *t = &node->late;
    if (!t->is) return;
    if (t->epoch == node->epoch && stands_at(node, &t->from))
        do_commit(node, t);
    else
        sim_visit(SIM_SERVER_REFUSED_KIND);
    t->is = false;
}

static void replicate(sim_server *s) {
    s->standby = s->node;
    s->standby.late.is = false;
}

static void fail_over(sim_server *s) {
    bool back = s->standby.position.block < s->node.position.block;
    bool on = s->standby.position.block > s->node.position.block;
    sim_node node = s->node;
    s->node = s->standby;
    s->standby = node;
    s->generation++;
    if (back) sim_visit(SIM_SERVER_BACK_KIND);
    if (on) sim_visit(SIM_SERVER_ON_KIND);
}

void sim_server_act(sim_server *s) {
    if (s->calm) return;
    switch (weir_rng_below(&s->dice, 6)) {
    case 0: fail_over(s); break;
    case 1: replicate(s); break;
    case 2: come_late(&s->node); break;
    default: break;
    }
}

/* ---- the sink --------------------------------------------------------------------------- */

static bool is_lost(const connection *c) {
    return !c->open || c->generation != server()->generation;
}

static int lose(connection *c, int status, weir_error *error) {
    c->open = false;
    return weir_fail(error, status, "the connection to the server is lost");
}

/* Whoever is about to commit does it now, or never. */
static int take_over(connection *c, weir_error *error) {
    sim_server *s = server();
    if (!s->calm && one_in(s, 5)) return lose(c, WEIR_IO, error);
    if (one_in(s, 2)) come_late(&s->node);
    *c = (connection){.open = true, .generation = s->generation, .epoch = ++s->node.epoch};
    return WEIR_OK;
}

static int begin(void *self, const uint8_t journal[16], weir_position *at, weir_error *error) {
    connection *c = self;
    if (is_lost(c)) {
        int status = take_over(c, error);
        if (status != WEIR_OK) return status;
    }
    *at = position_in(&server()->node, journal);
    c->staged = (sim_transaction){.is = true, .epoch = c->epoch, .from = *at};
    if (!server()->calm && one_in(server(), 12)) fail_over(server()); /* it is asked, and gone */
    return WEIR_OK;
}

static int declare(void *self, const weir_declaration *d, weir_declare_when when,
                   weir_error *error) {
    (void)self, (void)d, (void)when, (void)error;
    return WEIR_OK;
}

static int apply(void *self, const weir_block_header *header, weir_cursor body,
                 weir_row_range range, weir_error *error) {
    connection *c = self;
    sim_transaction *t = &c->staged;
    const uint8_t *row;
    size_t bytes;
    uint64_t number = header->first_row;
    if (is_lost(c)) return lose(c, WEIR_IO, error);
    for (; weir_payload_next_row(&body, &row, &bytes) == 1; number++) {
        if (number < range.first || number > range.last) continue;
        if (t->count == SIM_ROWS || !sim_base_row_number(row, bytes, &t->row[t->count++]))
            return weir_fail(error, WEIR_DAMAGED, "row %llu is not as it was appended",
                             (unsigned long long)number);
    }
    return WEIR_OK;
}

/* Its process may die before the server has done it, and then it comes late; or behind that. */
static void commit_between_crashes(sim_server *s, const sim_transaction *t) {
    s->node.late = *t;
    if (sim_now->crash_point) sim_now->crash_point(sim_now->context);
    s->node.late.is = false;
    do_commit(&s->node, t);
    if (sim_now->crash_point) sim_now->crash_point(sim_now->context);
}

static void leave_unanswered(sim_server *s, const sim_transaction *t) {
    switch (weir_rng_below(&s->dice, 4)) {
    case 0: sim_visit(SIM_SERVER_UNDONE_KIND); break;
    case 1: s->node.late = *t; break;
    case 2:
        do_commit(&s->node, t);
        sim_visit(SIM_SERVER_DONE_KIND);
        break;
    default:
        do_commit(&s->node, t);
        fail_over(s);
        break;
    }
}

static int commit(void *self, const weir_position *to, weir_sink_counts *counts,
                  weir_error *error) {
    connection *c = self;
    sim_server *s = server();
    *counts = (weir_sink_counts){.rows = c->staged.count};
    if (is_lost(c)) return lose(c, WEIR_SINK_UNKNOWN, error);
    c->staged.to = *to;
    if (!s->calm && (s->commits++ % 3 == 2 || one_in(s, 4))) {
        leave_unanswered(s, &c->staged);
        return lose(c, WEIR_SINK_UNKNOWN, error);
    }
    commit_between_crashes(s, &c->staged);
    return WEIR_OK;
}

static void rollback(void *self) { ((connection *)self)->staged.is = false; }

/* Only what both have survives the one. */
static int checkpoint(void *self, uint64_t applied, uint64_t *safe, weir_error *error) {
    sim_server *s = server();
    if (is_lost(self)) return lose(self, WEIR_SINK_REOPENED, error);
    if (!s->calm && one_in(s, 3)) replicate(s);
    *safe = s->standby.position.block < applied ? s->standby.position.block : applied;
    return WEIR_OK;
}

static void close_connection(void *self) { free(self); }

/* ---- opening ---------------------------------------------------------------------------- */

static int open_connection(weir_sink *sink, weir_position **positions, size_t *count,
                           weir_error *error) {
    (void)error;
    connection *c = calloc(1, sizeof *c);
    *positions = calloc(1, sizeof **positions);
    if (!c || !*positions) abort(); /* a test without memory has nothing to say */
    **positions = server()->node.position;
    *count = (*positions)->block > 0;
    *sink = (weir_sink){.self = c,
                        .begin = begin,
                        .declare = declare,
                        .apply = apply,
                        .commit = commit,
                        .rollback = rollback,
                        .checkpoint = checkpoint,
                        .close = close_connection,
                        .remote = true};
    return WEIR_OK;
}

/* What went back is seen when somebody makes it safe, and told to nobody: so time passes first, in
 * which the server is well. */
static void let_it_settle(sim_life *life) {
    bool calm = life->server.calm;
    life->server.calm = true;
    for (int i = 0; i < 12 && life->applier; i++) {
        life->machine.clock_ns += 61000000000;
        sim_life_step_journal(life);
        sim_life_step_writer(life);
    }
    life->server.calm = calm;
}

static long rows(uint32_t *numbers, size_t limit, weir_error *error) {
    sim_life *life = sim_now->context;
    (void)error;
    let_it_settle(life);
    const sim_node *node = &life->server.node;
    size_t count = node->count < limit ? node->count : limit;
    memcpy(numbers, node->row, count * sizeof *numbers);
    return (long)count;
}

const sim_base *sim_base_server(void) {
    static const sim_base base = {open_connection, rows, NULL};
    return &base;
}
