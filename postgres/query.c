/* query.c - statements and COPY over a connection, and the answers to them. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "../writer/apply/sink.h"
#include "connection_state.h"

enum { PARAMETERS = 16, COPY_PIECE = 1 << 20 };

int weir_pg_flush(weir_pg *pg, weir_error *error) {
    for (int left; (left = PQflush(pg->connection)) != 0;) {
        if (left < 0) return weir_pg_fail_lost(pg, error);
        int status = weir_pg_wait(pg, POLLIN | POLLOUT, error);
        if (status != WEIR_OK) return status;
        /* The server may be unable to read until we have read. */
        if (!PQconsumeInput(pg->connection)) return weir_pg_fail_lost(pg, error);
    }
    return WEIR_OK;
}

int weir_pg_next(weir_pg *pg, PGresult **out, weir_error *error) {
    *out = NULL;
    while (PQisBusy(pg->connection)) {
        int status = weir_pg_wait(pg, POLLIN, error);
        if (status != WEIR_OK) return status;
        /* After a loss libpq still gives the server's last words as a result. */
        if (!PQconsumeInput(pg->connection)) break;
    }
    if (PQisBusy(pg->connection)) return weir_pg_fail_lost(pg, error);
    *out = PQgetResult(pg->connection);
    return WEIR_OK;
}

/* The answer is whole only when no result follows. Of several results the last is kept, and the first
 * failure counts. */
static int take_results(weir_pg *pg, PGresult **out, weir_error *error) {
    int failed = WEIR_OK, status = weir_pg_flush(pg, error);
    *out = NULL;
    while (status == WEIR_OK) {
        PGresult *result;
        status = weir_pg_next(pg, &result, error);
        if (status != WEIR_OK || !result) break;
        ExecStatusType kind = PQresultStatus(result);
        bool good =
            kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK || kind == PGRES_EMPTY_QUERY;
        if (kind == PGRES_COPY_IN || kind == PGRES_COPY_OUT || kind == PGRES_COPY_BOTH) {
            PQclear(result);
            weir_pg_close(pg); /* a COPY where none was asked for */
            status = weir_fail(error, WEIR_DATABASE, "%s: a COPY where a statement was expected",
                               pg->name);
            break;
        }
        if (!good && failed == WEIR_OK) failed = weir_pg_fail_result(pg, result, error);
        PQclear(good ? *out : result);
        if (good) *out = result;
        if (!pg->connection) break;
    }
    if (status == WEIR_OK) status = failed;
    if (status == WEIR_OK && PQstatus(pg->connection) == CONNECTION_BAD)
        status = weir_pg_fail_lost(pg, error);
    if (status != WEIR_OK) {
        PQclear(*out);
        *out = NULL;
        if (pg->connection && PQstatus(pg->connection) == CONNECTION_BAD) weir_pg_close(pg);
    }
    return status;
}

/* A COPY that the caller has left. */
static int leave_copy(weir_pg *pg, weir_error *error) {
    PGresult *result;
    if (!pg->copying) return WEIR_OK;
    pg->copying = false;
    if (PQputCopyEnd(pg->connection, "left by weir") < 0) return weir_pg_fail_lost(pg, error);
    int status = take_results(pg, &result, error);
    PQclear(result);
    return status != WEIR_OK && pg->connection ? WEIR_OK : status; /* it failed, as was asked for */
}

static int ready(weir_pg *pg, weir_error *error) {
    weir_pg_start(pg);
    if (!pg->connection) return weir_fail(error, WEIR_IO, "%s: not connected", pg->name);
    int status = leave_copy(pg, error);
    pg->failure = (weir_pg_failure){0};
    return status;
}

static int answer(weir_pg *pg, int sent, PGresult **out, weir_error *error) {
    PGresult *result;
    if (!sent) return weir_pg_fail_lost(pg, error);
    int status = take_results(pg, &result, error);
    if (out)
        *out = result;
    else
        PQclear(result);
    return status;
}

int weir_pg_query(weir_pg *pg, const char *sql, const weir_pg_parameter *parameters, int count,
                  bool binary_result, PGresult **out, weir_error *error) {
    const char *values[PARAMETERS];
    int lengths[PARAMETERS], formats[PARAMETERS];
    Oid types[PARAMETERS];
    if (out) *out = NULL;
    if (count > PARAMETERS)
        return weir_fail(error, WEIR_MISUSE, "more than %d parameters", PARAMETERS);
    for (int i = 0; i < count; i++) {
        values[i] = parameters[i].bytes;
        lengths[i] = parameters[i].length < 0 ? 0 : parameters[i].length;
        formats[i] = parameters[i].length >= 0;
        types[i] = parameters[i].type;
    }
    int status = ready(pg, error);
    if (status != WEIR_OK) return status;
    int sent = PQsendQueryParams(pg->connection, sql, count, types, values, lengths, formats,
                                 binary_result);
    return answer(pg, sent, out, error);
}

int weir_pg_run_for(weir_pg *pg, const char *sql, PGresult **out, weir_error *error) {
    int status = ready(pg, error);
    if (out) *out = NULL;
    return status != WEIR_OK ? status : answer(pg, PQsendQuery(pg->connection, sql), out, error);
}

int weir_pg_run(weir_pg *pg, const char *sql, weir_error *error) {
    return weir_pg_run_for(pg, sql, NULL, error);
}

int weir_pg_commit(weir_pg *pg, weir_error *error) {
    PGresult *result = NULL;
    int status = ready(pg, error);
    if (status != WEIR_OK) return status;
    status = answer(pg, PQsendQuery(pg->connection, "COMMIT"), &result, error);
    bool committed = status == WEIR_OK && !strcmp(PQcmdStatus(result), "COMMIT");
    PQclear(result);
    if (committed) return WEIR_OK;
    /* A transaction that has failed answers COMMIT with success, and the tag ROLLBACK. */
    if (status == WEIR_OK)
        return weir_fail(error, WEIR_DATABASE, "%s rolled back at COMMIT", pg->name);
    /* An error on a connection that goes on is an answer (40003: "completion unknown" is none). With
     * the connection gone, a last word such as 57P01 says nothing about the transaction. */
    bool answered = pg->connection && strcmp(pg->failure.sqlstate, "40003") != 0;
    if (error && !answered) error->status = WEIR_SINK_UNKNOWN;
    return answered ? status : WEIR_SINK_UNKNOWN;
}

/* ---- COPY ---- */

int weir_pg_copy_begin(weir_pg *pg, const char *sql, weir_error *error) {
    PGresult *result;
    int status = ready(pg, error);
    if (status != WEIR_OK) return status;
    if (!PQsendQuery(pg->connection, sql)) return weir_pg_fail_lost(pg, error);
    status = weir_pg_flush(pg, error);
    if (status == WEIR_OK) status = weir_pg_next(pg, &result, error);
    if (status != WEIR_OK) return status;
    if (PQresultStatus(result) == PGRES_COPY_IN) {
        PQclear(result);
        pg->copying = true;
        return WEIR_OK;
    }
    int refused = result ? weir_pg_fail_result(pg, result, error)
                         : weir_fail(error, WEIR_DATABASE, "%s did not begin a COPY", pg->name);
    PQclear(result);
    if (!pg->connection) return refused;
    (void)take_results(pg, &result, NULL); /* the rest of the answer says no more */
    PQclear(result);
    return refused;
}

int weir_pg_copy_put(weir_pg *pg, const void *bytes, size_t length, weir_error *error) {
    const char *at = bytes;
    weir_pg_start(pg);
    if (!pg->connection || !pg->copying) return weir_fail(error, WEIR_IO, "%s: no COPY", pg->name);
    while (length) {
        int piece = length < COPY_PIECE ? (int)length : COPY_PIECE;
        int put = PQputCopyData(pg->connection, at, piece);
        if (put < 0) return weir_pg_fail_lost(pg, error);
        if (put > 0) {
            at += piece;
            length -= (size_t)piece;
        }
        int status = weir_pg_flush(pg, error); /* so that libpq's buffer does not grow */
        if (status != WEIR_OK) return status;
    }
    return WEIR_OK;
}

int weir_pg_copy_end(weir_pg *pg, uint64_t *rows, weir_error *error) {
    PGresult *result = NULL;
    *rows = 0;
    weir_pg_start(pg);
    if (!pg->connection || !pg->copying) return weir_fail(error, WEIR_IO, "%s: no COPY", pg->name);
    pg->copying = false;
    int put;
    while (!(put = PQputCopyEnd(pg->connection, NULL))) {
        int status = weir_pg_flush(pg, error);
        if (status != WEIR_OK) return status;
    }
    int status = answer(pg, put > 0, &result, error);
    if (status == WEIR_OK) *rows = strtoull(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    return status;
}
