/* load_search.c - the rows of a table that the server refuses, found among those that it takes. */
#include "load_state.h"

enum {
    SPAN_LEAST = 32,
    DOUBTS_MAX = 256, /* rows that are tried before the table is given up */
};

/* Of what is not listed, nothing is a row's fault: connections, transactions, resources, operators. What
 * triggers raise may come of a statement as well as of a row; what a trigger or a default lacks (rights,
 * names, the next number of a sequence) is lacking for every row. */
weir_pg_fault weir_pg_judge(const char *sqlstate) {
    static const struct {
        weir_pg_fault fault;
        const char *prefix[10];
    } known[] = {
        {WEIR_PG_NOT_A_ROW, {"55P03"}}, /* a lock that was not to be had */
        {WEIR_PG_UNLESS_ALL, {"0A", "21", "2200H", "2F", "39", "42", "54001", "55"}},
        {WEIR_PG_A_ROW, {"22", "23", "44", "54"}},
        {WEIR_PG_PERHAPS, {"09", "38", "P0"}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        for (const char *const *p = known[i].prefix; *p; p++)
            if (!strncmp(sqlstate, *p, strlen(*p))) return known[i].fault;
    return WEIR_PG_NOT_A_ROW;
}

/* Rows at … count - 1 of a careful table are still to be sent. */
typedef struct search {
    weir_pg_load *l;
    weir_pg_table *t;
    const weir_pg_kept *rows;
    size_t count, at;
    size_t span;    /* so many together */
    size_t suspect; /* the server pointed to this row: those before it, then it alone; or NOBODY */
    weir_pg_failure why;
} search;
#define NOBODY SIZE_MAX

static const char next_savepoint[] = "RELEASE weir_rows; SAVEPOINT weir_rows";

static size_t end_of_rows(const search *s, size_t row) {
    return row < s->count ? s->rows[row].encoded : s->t->out.length;
}

/* Insert all of these rows or none. WEIR_REJECTED: none, s->why says the reason, and it may be a
 * row's. */
static int try_span(search *s, size_t rows, weir_error *error) {
    const uint8_t *from = s->t->out.at + s->rows[s->at].encoded;
    size_t bytes = end_of_rows(s, s->at + rows) - s->rows[s->at].encoded;
    uint64_t taken = 0;
    int status = weir_pg_send(s->l, s->t, from, bytes, &taken, error);
    if (status == WEIR_OK) {
        s->t->took = true;
        if (taken < rows) s->l->counts.ignored += rows - taken;
        return weir_pg_run(s->l->pg, next_savepoint, error);
    }
    if (status != WEIR_DATABASE) return status;
    s->why = *weir_pg_failed(s->l->pg);
    if (weir_pg_judge(s->why.sqlstate) == WEIR_PG_NOT_A_ROW) return status;
    status = weir_pg_run(s->l->pg, "ROLLBACK TO weir_rows", error);
    return status == WEIR_OK ? WEIR_REJECTED : status;
}

/* The server refused one row for a reason that may as well be the table's. If it refuses to insert no
 * row too, then it is the table's. */
static int try_nothing(search *s, weir_error *error) {
    uint64_t taken = 0;
    if (weir_pg_judge(s->why.sqlstate) == WEIR_PG_A_ROW) return WEIR_OK;
    int status = weir_pg_send(s->l, s->t, NULL, 0, &taken, error);
    if (status == WEIR_OK) return weir_pg_run(s->l->pg, "ROLLBACK TO weir_rows", error);
    return status == WEIR_DATABASE ? weir_fail(error, status, "table %s takes no rows as it is: %s",
                                               s->t->declaration->name, s->why.message)
                                   : status;
}

int weir_pg_settle_doubts(const weir_pg_table *t, weir_error *error) {
    if (!t->doubts || t->took) return WEIR_OK;
    return weir_fail(error, WEIR_DATABASE, "table %s takes no rows as it is: %s",
                     t->declaration->name, t->doubt);
}

/* The reason may be one that every row meets. */
static int doubt(const search *s, weir_error *error) {
    weir_pg_table *t = s->t;
    if (weir_pg_judge(s->why.sqlstate) != WEIR_PG_UNLESS_ALL || s->why.points) return WEIR_OK;
    memcpy(t->doubt, s->why.message, sizeof t->doubt);
    return ++t->doubts < DOUBTS_MAX ? WEIR_OK : weir_pg_settle_doubts(t, error);
}

static int reject_one(search *s, weir_error *error) {
    const weir_pg_kept *row = &s->rows[s->at];
    int status = try_nothing(s, error);
    if (status == WEIR_OK) status = doubt(s, error);
    if (status != WEIR_OK) return status;
    weir_pg_refused refused = {s->t->declaration->name,
                               s->t->records.at + row->record,
                               row->length,
                               row->number,
                               row->wall_ns,
                               s->why.sqlstate,
                               s->why.message,
                               s->why.detail};
    s->t->refused = true;
    s->at++;
    s->suspect = NOBODY;
    if (s->span < SPAN_LEAST) s->span = SPAN_LEAST;
    status = weir_pg_reject(s->l, &refused, error);
    if (status != WEIR_OK || !weir_pg_many_rejects(s->l)) return status;
    status = weir_pg_flush_rejects(s->l, error); /* and out of the reach of ROLLBACK TO */
    return status == WEIR_OK ? weir_pg_run(s->l->pg, next_savepoint, error) : status;
}

/* Fewer than were tried in vain. The line is a hint: it is not there for foreign keys, and not exact for
 * rows that are too big. */
static void narrow_span(search *s, size_t tried) {
    bool hint = s->why.line >= 1 && s->why.line <= tried && s->t->shape.format != WEIR_PG_LISTS;
    size_t before = hint ? (size_t)s->why.line - 1 : tried / 2;
    s->suspect = hint ? s->at + before : NOBODY;
    s->span = before;
    if (hint) s->span = 2 * before < SPAN_LEAST ? SPAN_LEAST : 2 * before;
}

static void move_past(search *s, size_t taken) {
    s->at += taken;
    if (s->suspect != NOBODY && s->at <= s->suspect) return;
    s->suspect = NOBODY;
    s->span = s->span < SPAN_LEAST ? SPAN_LEAST : 2 * s->span;
}

static size_t next_span(const search *s) {
    size_t left = s->count - s->at;
    if (s->suspect != NOBODY) return s->suspect > s->at ? s->suspect - s->at : 1;
    return s->span < left ? s->span : left;
}

int weir_pg_send_carefully(weir_pg_load *l, weir_pg_table *t, weir_error *error) {
    search s = {.l = l,
                .t = t,
                .rows = (const weir_pg_kept *)(const void *)t->kept.at,
                .count = t->kept.length / sizeof(weir_pg_kept),
                .suspect = NOBODY};
    s.span = s.count;
    int status = weir_pg_run(l->pg, "SAVEPOINT weir_rows", error);
    while (status == WEIR_OK && s.at < s.count) {
        size_t rows = next_span(&s);
        status = try_span(&s, rows, error);
        if (status == WEIR_OK) {
            move_past(&s, rows);
        } else if (status == WEIR_REJECTED) {
            status = WEIR_OK;
            if (rows == 1)
                status = reject_one(&s, error);
            else
                narrow_span(&s, rows);
        }
    }
    return status == WEIR_OK ? weir_pg_run(l->pg, "RELEASE weir_rows", error) : status;
}
