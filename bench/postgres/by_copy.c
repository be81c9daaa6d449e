/* by_copy.c - a loop of COPY BINARY without any journal: six fields whose types are known, put into
 * one large buffer. */
#include "by_copy.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER = 256 << 10, ROW_MOST = 128 };

static char buffer[BUFFER];

static _Noreturn void fail(PGconn *c, const char *doing) {
    fprintf(stderr, "weir-bench: %s: %s", doing, PQerrorMessage(c));
    exit(1);
}

void run_on_server(PGconn *c, const char *sql) {
    PGresult *r = PQexec(c, sql);
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_COPY_IN) fail(c, sql);
    PQclear(r);
}

/* ---- a row ----------------------------------------------------------------------------------- */

static char *put16(char *at, uint16_t v) {
    v = htobe16(v);
    memcpy(at, &v, sizeof v);
    return at + sizeof v;
}

static char *put32(char *at, uint32_t v) {
    v = htobe32(v);
    memcpy(at, &v, sizeof v);
    return at + sizeof v;
}

static char *put64(char *at, uint64_t v) {
    v = htobe64(v);
    memcpy(put32(at, sizeof v), &v, sizeof v);
    return at + sizeof(uint32_t) + sizeof v;
}

static char *put_agent(char *at, const weir_value *v) {
    uint64_t assets;
    memcpy(&assets, &v[4].as.real, sizeof assets);
    at = put16(at, 6);
    at = put64(at, (uint64_t)v[0].as.integer);
    at = put64(at, (uint64_t)v[1].as.integer);
    at = put64(at, (uint64_t)v[2].as.integer);
    at = put32(at, v[3].length);
    memcpy(at, v[3].as.bytes, v[3].length);
    at = put64(at + v[3].length, assets);
    return put64(at, (uint64_t)v[5].as.integer);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void put_buffer(PGconn *c, const char *end) {
    if (PQputCopyData(c, buffer, (int)(end - buffer)) != 1) fail(c, "COPY");
}

static void copy_transaction(PGconn *c, uint64_t first, uint64_t rows) {
    static const char head[19] = "PGCOPY\n\377\r\n";
    weir_value values[WORKLOAD_COLUMNS_MAX];
    char *at = buffer;
    memcpy(at, head, sizeof head);
    at += sizeof head;
    for (uint64_t row = first; row < first + rows; row++) {
        AGENT_ROWS.fill(row, values);
        at = put_agent(at, values);
        if (at - buffer <= BUFFER - ROW_MOST) continue;
        put_buffer(c, at);
        at = buffer;
    }
    put_buffer(c, put16(at, UINT16_MAX));
    if (PQputCopyEnd(c, NULL) != 1) fail(c, "the end of COPY");
    for (PGresult *r; (r = PQgetResult(c));) {
        if (PQresultStatus(r) != PGRES_COMMAND_OK) fail(c, "COPY");
        PQclear(r);
    }
}

void copy_by_hand(PGconn *c, uint64_t rows, uint64_t transaction) {
    for (uint64_t row = 0; row < rows; row += transaction) {
        run_on_server(c, "BEGIN");
        run_on_server(c, "COPY agent_state FROM STDIN WITH (FORMAT binary)");
        copy_transaction(c, row, rows - row < transaction ? rows - row : transaction);
        run_on_server(c, "COMMIT");
    }
}
