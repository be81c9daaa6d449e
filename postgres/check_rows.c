/* check_rows.c - a server tried: rows that come and go with their transaction. */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "../writer/apply/sink.h"
#include "bytes.h"
#include "check_points.h"
#include "encode.h"

/* MANY: more than any engine is known to commit on its own in the middle of a COPY. */
enum { FEW = 10, SOME = 1000, MANY = 50000 };

/* ---- COPY BINARY ---- */

static bool put_trial_row(weir_pg_bytes *b, int64_t n, bool bad) {
    const uint16_t fields = htobe16(2);
    const uint32_t number_bytes = htobe32(bad ? UINT32_MAX : 8), text_bytes = htobe32(3);
    const uint64_t number = htobe64((uint64_t)n);
    return weir_pg_bytes_add(b, &fields, sizeof fields) &&
           weir_pg_bytes_add(b, &number_bytes, sizeof number_bytes) &&
           weir_pg_bytes_add(b, &number, bad ? 0 : sizeof number) && /* bad: NULL */
           weir_pg_bytes_add(b, &text_bytes, sizeof text_bytes) && weir_pg_bytes_add(b, "row", 3);
}

static bool put_trial_rows(weir_pg_bytes *b, int64_t first, int64_t last, bool bad) {
    bool put = weir_pg_bytes_add(b, weir_pg_binary_head, WEIR_PG_BINARY_HEAD);
    for (int64_t n = first; put && n <= last; n++)
        put = put_trial_row(b, n, false);
    if (put && bad) put = put_trial_row(b, 0, true);
    return put && weir_pg_bytes_add(b, weir_pg_binary_end, WEIR_PG_BINARY_END);
}

int weir_pg_check_copy(const weir_pg_checking *c, weir_pg *pg, int64_t first, int64_t last,
                       bool bad, weir_error *error) {
    weir_pg_bytes b = {0};
    char sql[240];
    uint64_t rows;
    (void)snprintf(sql, sizeof sql, "COPY %s (n, t) FROM STDIN WITH (FORMAT binary)", c->rows);
    int status = put_trial_rows(&b, first, last, bad)
                     ? weir_pg_copy_begin(pg, sql, error)
                     : weir_fail(error, WEIR_NO_MEMORY, "no memory for rows");
    if (status == WEIR_OK) status = weir_pg_copy_put(pg, b.at, b.length, error);
    if (status == WEIR_OK) status = weir_pg_copy_end(pg, &rows, error);
    unsigned long long sent = (uint64_t)(last - first) + 1;
    if (status == WEIR_OK && rows != sent)
        status = weir_fail(error, WEIR_DATABASE, "COPY of %llu rows says that it took %llu", sent,
                           (unsigned long long)rows);
    weir_pg_bytes_free(&b);
    return status;
}

/* ---- points ---- */

static int check_committed(weir_pg_checking *c, weir_error *error) {
    static const weir_pg_point point = {"copy", "rows of a COPY are there after COMMIT, not before",
                                        true, false, ""};
    weir_error failed = {0};
    long long before = 0, after = 0;
    int status = weir_pg_run(c->one, "BEGIN", &failed);
    if (status == WEIR_OK) status = weir_pg_check_copy(c, c->one, 1, SOME, false, &failed);
    if (status == WEIR_OK) status = weir_pg_check_count(c, c->two, &before, &failed);
    if (status == WEIR_OK) status = weir_pg_commit(c->one, &failed);
    if (status == WEIR_OK) status = weir_pg_check_count(c, c->two, &after, &failed);
    if (status != WEIR_OK) return weir_pg_point_failed(c, point, &failed, error);
    weir_pg_point_is(c, point, before == 0 && after == SOME,
                     "of %d rows another connection saw %lld before COMMIT, and %lld after it",
                     (int)SOME, before, after);
    return WEIR_OK;
}

static int check_rolled_back(weir_pg_checking *c, weir_error *error) {
    static const weir_pg_point point = {"rollback", "a COPY is undone with its transaction", true,
                                        false, ""};
    weir_error failed = {0};
    long long left = 0;
    int status = weir_pg_run(c->one, "BEGIN", &failed);
    if (status == WEIR_OK)
        status = weir_pg_check_copy(c, c->one, SOME + 1, SOME + MANY, false, &failed);
    if (status == WEIR_OK) status = weir_pg_run(c->one, "ROLLBACK", &failed);
    if (status == WEIR_OK) status = weir_pg_check_count(c, c->two, &left, &failed);
    if (status != WEIR_OK) return weir_pg_point_failed(c, point, &failed, error);
    weir_pg_point_is(c, point, left == SOME, "%lld of %d rows were left after ROLLBACK",
                     left - SOME, (int)MANY);
    return WEIR_OK;
}

/* The last row of many is refused; what it says of the line helps to find such rows fast. */
static int refuse_last(weir_pg_checking *c, bool *refused, uint64_t *line, weir_error *error) {
    weir_error failed = {0};
    int status = weir_pg_check_copy(c, c->one, SOME + 1, SOME + MANY, true, &failed);
    *refused = status == WEIR_DATABASE && !strcmp(weir_pg_failed(c->one)->sqlstate, "23502");
    *line = *refused ? weir_pg_failed(c->one)->line : 0;
    if (*refused) return WEIR_OK;
    if (status == WEIR_OK)
        return weir_fail(error, WEIR_DATABASE, "a NULL went into a column that is NOT NULL");
    if (error) *error = failed;
    return status;
}

static int check_failed_copy(weir_pg_checking *c, weir_error *error) {
    static const weir_pg_point
        point = {"failed_copy", "a COPY that fails leaves nothing, and its transaction goes on",
                 true, false, ""},
        names = {"copy_line", "it says which row it refused", false, false, ""};
    weir_error failed = {0};
    long long within = 0, after = 0;
    bool refused = false;
    uint64_t line = 0;
    int status = weir_pg_run(c->one, "BEGIN; SAVEPOINT weir_rows", &failed);
    if (status == WEIR_OK) status = refuse_last(c, &refused, &line, &failed);
    if (status == WEIR_OK) status = weir_pg_run(c->one, "ROLLBACK TO weir_rows", &failed);
    if (status == WEIR_OK) status = weir_pg_check_count(c, c->one, &within, &failed);
    if (status == WEIR_OK)
        status = weir_pg_check_copy(c, c->one, SOME + 1, SOME + FEW, false, &failed);
    if (status == WEIR_OK) status = weir_pg_commit(c->one, &failed);
    if (status == WEIR_OK) status = weir_pg_check_count(c, c->two, &after, &failed);
    if (status != WEIR_OK) return weir_pg_point_failed(c, point, &failed, error);
    weir_pg_point_is(c, point, within == SOME && after == SOME + FEW,
                     "%lld of %d rows were left after ROLLBACK TO SAVEPOINT; %lld of %d came after "
                     "it",
                     within - SOME, (int)MANY, after - within, (int)FEW);
    weir_pg_point_is(c, names, line == MANY + 1,
                     line == MANY + 1 ? "it named line %llu"
                                      : "it named line %llu: weir then searches by halves",
                     (unsigned long long)line);
    return WEIR_OK;
}

static int check_failed_commit(weir_pg_checking *c, weir_error *error) {
    static const weir_pg_point point = {"commit", "COMMIT of a transaction that failed says so",
                                        true, false, ""};
    weir_error failed = {0};
    int status = weir_pg_run(c->one, "BEGIN", &failed);
    if (status == WEIR_OK) status = weir_pg_check_copy(c, c->one, 1, FEW, false, &failed);
    if (status != WEIR_OK) return weir_pg_point_failed(c, point, &failed, error);
    (void)weir_pg_run(c->one, "SELECT 1/0", NULL); /* it is to fail */
    int committed = weir_pg_commit(c->one, &failed);
    long long after = 0;
    if (committed == WEIR_SINK_UNKNOWN || !weir_pg_is_open(c->one))
        return weir_pg_point_failed(c, point, &failed, error);
    status = weir_pg_check_count(c, c->two, &after, &failed);
    if (status != WEIR_OK) return weir_pg_point_failed(c, point, &failed, error);
    weir_pg_point_is(c, point, committed != WEIR_OK && after == SOME + FEW,
                     committed == WEIR_OK ? "it answered COMMIT" : "it was told apart");
    (void)weir_pg_run(c->one, "ROLLBACK", NULL); /* a warning where there is none */
    return WEIR_OK;
}

int weir_pg_check_rows(weir_pg_checking *c, weir_error *error) {
    int status = check_committed(c, error);
    if (status == WEIR_OK) status = check_rolled_back(c, error);
    if (status == WEIR_OK) status = check_failed_copy(c, error);
    return status == WEIR_OK ? check_failed_commit(c, error) : status;
}
