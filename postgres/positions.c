/* positions.c - the rows of weir_position, read without taking them over. */
#include "positions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "takeover.h"

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

int weir_pg_positions(weir_pg *pg, const char *schema, weir_position **out, size_t *count,
                      weir_error *error) {
    static const weir_id none;
    weir_pg_hold hold;
    char sql[300];
    PGresult *r;
    *out = NULL;
    *count = 0;
    int status = weir_pg_hold_make(&hold, schema, none, 1, error);
    if (status != WEIR_OK) return status;
    (void)snprintf(sql, sizeof sql, "SELECT source, block, \"row\", hash FROM %s ORDER BY source",
                   hold.table);
    status = weir_pg_query(pg, sql, NULL, 0, true, &r, error);
    if (status != WEIR_OK && lacks_table(pg)) {
        if (error) *error = (weir_error){0};
        return WEIR_OK;
    }
    if (status != WEIR_OK) return status;
    status = take_positions(pg, r, out, count, error);
    PQclear(r);
    return status;
}

/* ---- of one journal ---- */

/* One row of numbers, as text; NULL and no row are zeros. A table that is not there says nothing. */
static int ask_numbers(weir_pg *pg, const char *sql, const weir_pg_parameter *p, uint64_t *out,
                       int count, weir_error *error) {
    PGresult *r;
    int status = weir_pg_query(pg, sql, p, 1, false, &r, error);
    if (status != WEIR_OK && lacks_table(pg)) {
        if (error) *error = (weir_error){0};
        return WEIR_OK;
    }
    for (int i = 0; status == WEIR_OK && PQntuples(r) == 1 && i < count; i++)
        out[i] = strtoull(PQgetvalue(r, 0, i), NULL, 10);
    PQclear(r);
    return status;
}

static int count_beside(weir_pg *pg, const char *position_table, const char *uuid,
                        const char *session, weir_pg_stand *out, weir_error *error) {
    char sql[400], rejects[160];
    const weir_pg_parameter source = {.bytes = uuid, .length = -1};
    const weir_pg_parameter name = {.bytes = session, .length = -1};
    int prefix = (int)(strlen(position_table) - strlen("weir_position"));
    (void)snprintf(sql, sizeof sql,
                   "SELECT epoch, (SELECT count(*) - 1 FROM %s) FROM %s WHERE source = $1::uuid",
                   position_table, position_table);
    uint64_t found[2] = {0};
    int status = ask_numbers(pg, sql, &source, found, 2, error);
    out->epoch = (int64_t)found[0];
    out->others = found[1];
    (void)snprintf(rejects, sizeof rejects, "%.*sweir_reject", prefix, position_table);
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s WHERE source = $1::uuid", rejects);
    if (status == WEIR_OK) status = ask_numbers(pg, sql, &source, &out->rejects, 1, error);
    if (status != WEIR_OK) return status;
    return ask_numbers(pg, "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1",
                       &name, &out->sessions, 1, error);
}

int weir_pg_stand_of(weir_pg *pg, const char *schema, const weir_id journal, weir_pg_stand *out,
                     weir_error *error) {
    weir_position *list = NULL;
    size_t count = 0;
    weir_pg_hold hold;
    char session[48];
    *out = (weir_pg_stand){0};
    int status = weir_pg_positions(pg, schema, &list, &count, error);
    if (status == WEIR_OK) status = weir_pg_hold_make(&hold, schema, journal, 1, error);
    for (size_t i = 0; status == WEIR_OK && i < count; i++) {
        if (!weir_id_equal(list[i].journal, journal)) continue;
        out->known = true;
        out->at = list[i];
    }
    free(list);
    out->others = count;
    if (status != WEIR_OK || !out->known) return status;
    weir_pg_session_name(journal, session);
    return count_beside(pg, hold.table, session + strlen("weir "), session, out, error);
}
