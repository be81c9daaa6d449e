/* positions.c - the rows of weir_position, read without taking them over. */
#include "positions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "takeover.h"

enum { READ_MS = 10000 };

/* Binary: uuid, bigint, bigint, bytea, none of them NULL. */
static bool decode_position(const PGresult *r, int i, weir_position *out) {
    static const int lengths[] = {16, 8, 8, 8};
    uint64_t number[4] = {0};
    for (int column = 0; column < 4; column++) {
        const unsigned char *bytes = (const unsigned char *)PQgetvalue(r, i, column);
        if (PQgetlength(r, i, column) != lengths[column]) return false;
        if (column == 0) memcpy(out->journal, bytes, sizeof out->journal);
        for (int b = 0; column > 0 && b < 8; b++)
            number[column] = number[column] << 8 | bytes[b];
    }
    out->block = number[1];
    out->row = number[2];
    out->hash = number[3];
    return out->block <= INT64_MAX && out->row <= INT64_MAX;
}

static int take_positions(weir_pg *pg, const PGresult *r, weir_position **out, size_t *count,
                          weir_error *error) {
    int rows = PQntuples(r);
    if (!rows) return WEIR_OK;
    *out = calloc((size_t)rows, sizeof **out);
    if (!*out) return weir_fail(error, WEIR_NO_MEMORY, "no memory for %d positions", rows);
    for (int i = 0; i < rows; i++)
        if (!decode_position(r, i, *out + i)) {
            free(*out);
            *out = NULL;
            return weir_fail(error, WEIR_DATABASE, "%s: a row of weir_position is not sound",
                             weir_pg_name(pg));
        }
    *count = (size_t)rows;
    return WEIR_OK;
}

/* 42P01: nothing was ever applied; 3F000: not even the schema is there. */
static bool lacks_table(const weir_pg *pg) {
    const char *state = weir_pg_failed(pg)->sqlstate;
    return !strcmp(state, "42P01") || !strcmp(state, "3F000");
}

/* A transaction, for its settings: the session may be one of a pool. The hold is of no journal, so that
 * nobody takes it for one that applies. */
static int begin_to_read(weir_pg *pg, const char *schema, weir_pg_hold *hold, weir_error *error) {
    static const weir_id none;
    int status = weir_pg_hold_make(hold, schema, none, READ_MS, error);
    return status == WEIR_OK ? weir_pg_begin_to_read(pg, hold, error) : status;
}

static void end_reading(weir_pg *pg) {
    if (weir_pg_is_open(pg) && weir_pg_run(pg, "ROLLBACK", NULL)) weir_pg_close(pg);
}

static int list_positions(weir_pg *pg, const weir_pg_hold *hold, weir_position **out, size_t *count,
                          weir_error *error) {
    char sql[300];
    PGresult *r;
    (void)snprintf(sql, sizeof sql, "SELECT source, block, \"row\", hash FROM %s ORDER BY source",
                   hold->table);
    int status = weir_pg_query(pg, sql, NULL, 0, true, &r, error);
    if (status != WEIR_OK && lacks_table(pg)) {
        if (error) *error = (weir_error){0};
        return WEIR_OK;
    }
    if (status != WEIR_OK) return status;
    status = take_positions(pg, r, out, count, error);
    PQclear(r);
    return status;
}

int weir_pg_positions(weir_pg *pg, const char *schema, weir_position **out, size_t *count,
                      weir_error *error) {
    weir_pg_hold hold;
    *out = NULL;
    *count = 0;
    int status = begin_to_read(pg, schema, &hold, error);
    if (status == WEIR_OK) status = list_positions(pg, &hold, out, count, error);
    end_reading(pg);
    return status;
}

/* ---- of one journal ---- */

/* One row of numbers, as text; NULL and no row are zeros. A table that is not there says nothing. */
static int ask_numbers(weir_pg *pg, const char *sql, const char *parameter, uint64_t *out,
                       int count, weir_error *error) {
    PGresult *r;
    const weir_pg_parameter p = {.bytes = parameter, .length = -1};
    int status = weir_pg_query(pg, sql, &p, 1, false, &r, error);
    if (status != WEIR_OK && lacks_table(pg)) {
        if (error) *error = (weir_error){0};
        return WEIR_OK;
    }
    for (int i = 0; status == WEIR_OK && PQntuples(r) == 1 && i < count; i++)
        out[i] = strtoull(PQgetvalue(r, 0, i), NULL, 10);
    PQclear(r);
    return status;
}

/* The refused rows last: without their table the transaction has failed. */
static int count_beside(weir_pg *pg, const weir_pg_hold *hold, const char *session,
                        weir_pg_stand *out, weir_error *error) {
    char sql[400];
    const char *uuid = session + strlen("weir ");
    int prefix = (int)(strlen(hold->table) - strlen("weir_position"));
    uint64_t found[2] = {0};
    (void)snprintf(sql, sizeof sql,
                   "SELECT epoch, (SELECT count(*) - 1 FROM %s) FROM %s WHERE source = $1::uuid",
                   hold->table, hold->table);
    int status = ask_numbers(pg, sql, uuid, found, 2, error);
    out->epoch = (int64_t)found[0];
    out->others = found[1];
    if (status == WEIR_OK)
        status = ask_numbers(pg,
                             "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1"
                             " AND datname = current_database()",
                             session, &out->sessions, 1, error);
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %.*sweir_reject WHERE source = $1::uuid",
                   prefix, hold->table);
    return status == WEIR_OK ? ask_numbers(pg, sql, uuid, &out->rejects, 1, error) : status;
}

static int read_stand(weir_pg *pg, const weir_pg_hold *hold, const weir_id journal,
                      weir_pg_stand *out, weir_error *error) {
    weir_position *list = NULL;
    size_t count = 0;
    char session[48];
    int status = list_positions(pg, hold, &list, &count, error);
    for (size_t i = 0; status == WEIR_OK && i < count; i++) {
        if (!weir_id_equal(list[i].journal, journal)) continue;
        out->known = true;
        out->at = list[i];
    }
    free(list);
    out->others = count;
    if (status != WEIR_OK || !out->known) return status;
    weir_pg_session_name(journal, session);
    return count_beside(pg, hold, session, out, error);
}

int weir_pg_stand_of(weir_pg *pg, const char *schema, const weir_id journal, weir_pg_stand *out,
                     weir_error *error) {
    weir_pg_hold hold;
    *out = (weir_pg_stand){0};
    int status = begin_to_read(pg, schema, &hold, error);
    if (status == WEIR_OK) status = read_stand(pg, &hold, journal, out, error);
    end_reading(pg);
    return status;
}
