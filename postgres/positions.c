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
    if (status !=
        WEIR_OK) /* 42P01: nothing was ever applied; 3F000: not even the schema is there */
        return strcmp(weir_pg_failed(pg)->sqlstate, "42P01") != 0 &&
                       strcmp(weir_pg_failed(pg)->sqlstate, "3F000") != 0
                   ? status
                   : WEIR_OK;
    status = take_positions(pg, r, out, count, error);
    PQclear(r);
    return status;
}
