/* takeover.c - the row of weir_position: taken over, locked and compared, moved. */
#include "takeover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "declaration.h"

enum { UUID_TEXT = 40, LOCK_WAIT_MAX_MS = 5000 };

static void put_uuid(const weir_id id, char text[UUID_TEXT]) {
    size_t at = 0;
    for (size_t i = 0; i < sizeof(weir_id); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text[at++] = '-';
        at += (size_t)snprintf(text + at, UUID_TEXT - at, "%02x", id[i]);
    }
}

void weir_pg_session_name(const weir_id journal, char name[48]) {
    char uuid[UUID_TEXT];
    put_uuid(journal, uuid);
    (void)snprintf(name, 48, "weir %s", uuid);
}

/* A schema's name in quotes, with a dot. */
static void put_schema(char *into, size_t bytes, const char *schema) {
    size_t at = 0;
    into[at++] = '"';
    for (; *schema; schema++) {
        if (*schema == '"') into[at++] = '"';
        into[at++] = *schema;
    }
    (void)snprintf(into + at, bytes - at, "\".");
}

int weir_pg_hold_make(weir_pg_hold *hold, const char *schema, const weir_id journal,
                      uint32_t timeout_ms, weir_error *error) {
    char quoted[2 * WEIR_PG_NAME_MAX + sizeof "\"\"."] = "";
    *hold = (weir_pg_hold){.lock_wait_ms = timeout_ms / 2};
    if (hold->lock_wait_ms > LOCK_WAIT_MAX_MS) hold->lock_wait_ms = LOCK_WAIT_MAX_MS;
    if (!hold->lock_wait_ms) hold->lock_wait_ms = 1; /* 0 would be without end */
    weir_id_copy(hold->at.journal, journal);
    if (schema && strlen(schema) > WEIR_PG_NAME_MAX) /* it would be cut, and another one meant */
        return weir_fail(error, WEIR_MISUSE,
                         "the name of the schema, %.40s…, has %zu bytes; PostgreSQL keeps %d",
                         schema, strlen(schema), WEIR_PG_NAME_MAX);
    if (schema) put_schema(quoted, sizeof quoted, schema);
    (void)snprintf(hold->table, sizeof hold->table, "%sweir_position", quoted);
    return WEIR_OK;
}

/* SET LOCAL only: behind a pool the session is somebody else's after COMMIT, and was before. What they
 * have set goes back to what the role and the database have, where statements or the reading of values
 * depend on it. A warning tells that COMMIT did not wait for a standby. */
static int begin_as(weir_pg *pg, const char *kind, const weir_pg_hold *hold, weir_error *error) {
    char sql[900], name[48];
    weir_pg_session_name(hold->at.journal, name);
    (void)snprintf(sql, sizeof sql,
                   "BEGIN ISOLATION LEVEL READ COMMITTED %s;"
                   "SET LOCAL application_name = '%s';"
                   "SET LOCAL role TO DEFAULT;"
                   "SET LOCAL search_path TO DEFAULT;"
                   "SET LOCAL row_security TO DEFAULT;"
                   "SET LOCAL client_encoding = 'UTF8';"
                   "SET LOCAL backslash_quote = safe_encoding;"
                   "SET LOCAL DateStyle TO DEFAULT;"
                   "SET LOCAL IntervalStyle TO DEFAULT;"
                   "SET LOCAL TimeZone TO DEFAULT;"
                   "SET LOCAL lc_monetary TO DEFAULT;"
                   "SET LOCAL xmloption TO DEFAULT;"
                   "SET LOCAL array_nulls TO DEFAULT;"
                   "SET LOCAL client_min_messages = warning;"
                   "SET LOCAL synchronous_commit = on;"
                   "SET LOCAL statement_timeout = 0;"
                   "SET LOCAL lock_timeout = %u",
                   kind, name, hold->lock_wait_ms);
    return weir_pg_run(pg, sql, error);
}

int weir_pg_begin(weir_pg *pg, const weir_pg_hold *hold, weir_error *error) {
    return begin_as(pg, "READ WRITE", hold, error);
}

int weir_pg_begin_to_read(weir_pg *pg, const weir_pg_hold *hold, weir_error *error) {
    return begin_as(pg, "READ ONLY", hold, error);
}

static weir_pg_parameter text_parameter(const char *text) {
    return (weir_pg_parameter){.bytes = text, .length = -1};
}

static void put_position(const weir_position *at, char block[24], char row[24], char hash[24]) {
    (void)snprintf(block, 24, "%llu", (unsigned long long)at->block);
    (void)snprintf(row, 24, "%llu", (unsigned long long)at->row);
    (void)snprintf(hash, 24, "\\x%016llx", (unsigned long long)at->hash);
}

/* A number, or the eight bytes of a hash. */
static int take_column_number(const PGresult *r, int column, bool hash, uint64_t *out) {
    const char *text = PQgetvalue(r, 0, column);
    char *end;
    if (hash && strlen(text) != 16) return WEIR_DATABASE;
    *out = strtoull(text, &end, hash ? 16 : 10);
    return text[0] && text[0] != '-' && !*end ? WEIR_OK : WEIR_DATABASE;
}

/* ---- taking over ---- */

/* Who holds the lock is a session of this journal, which nobody listens to any more. It is the login
 * role's, which may end it, whatever role that acts as by default. The two statements are a transaction
 * by coming together. */
static void end_other_sessions(weir_pg *pg, const weir_pg_hold *hold) {
    char sql[400], name[48];
    weir_pg_session_name(hold->at.journal, name);
    (void)snprintf(sql, sizeof sql,
                   "SET LOCAL ROLE NONE;"
                   "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
                   " application_name = '%s' AND pid <> pg_backend_pid() AND"
                   " datname = current_database() AND usename = session_user",
                   name);
    (void)weir_pg_run(pg, sql, NULL); /* in vain: it stays, and ends with its own connection */
}

int weir_pg_give_up(weir_pg *pg, const weir_pg_hold *hold, int status, weir_error *error) {
    bool locked = !strcmp(weir_pg_failed(pg)->sqlstate, "55P03");
    if (weir_pg_is_open(pg) && weir_pg_run(pg, "ROLLBACK", NULL)) weir_pg_close(pg);
    if (!locked) return status;
    if (weir_pg_is_open(pg)) end_other_sessions(pg, hold);
    return weir_fail(error, WEIR_BUSY,
                     "%s: another session is applying this journal; it was told to end, and if it "
                     "does not, end it there: pg_terminate_backend",
                     weir_pg_name(pg));
}

static int raise_epoch(weir_pg *pg, weir_pg_hold *hold, weir_error *error) {
    char sql[600], uuid[UUID_TEXT];
    PGresult *r;
    put_uuid(hold->at.journal, uuid);
    const weir_pg_parameter p = text_parameter(uuid);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO %s (source, epoch, block, \"row\", hash)"
                   " VALUES ($1::uuid, 0, 0, 0, decode('0000000000000000', 'hex'))"
                   " ON CONFLICT DO NOTHING",
                   hold->table);
    int status = weir_pg_query(pg, sql, &p, 1, false, NULL, error);
    if (status != WEIR_OK) return status;
    (void)snprintf(sql, sizeof sql,
                   "UPDATE %s SET epoch = epoch + 1 WHERE source = $1::uuid"
                   " RETURNING epoch, block, \"row\", encode(hash, 'hex')",
                   hold->table);
    status = weir_pg_query(pg, sql, &p, 1, false, &r, error);
    if (status != WEIR_OK) return status;
    uint64_t epoch = 0;
    weir_position *at = &hold->at;
    if (PQntuples(r) != 1 || take_column_number(r, 0, false, &epoch) ||
        take_column_number(r, 1, false, &at->block) || take_column_number(r, 2, false, &at->row) ||
        take_column_number(r, 3, true, &at->hash) || epoch > INT64_MAX)
        status = weir_fail(error, WEIR_DATABASE, "%s: %s has no sound row of this journal",
                           weir_pg_name(pg), hold->table);
    hold->epoch = status == WEIR_OK ? (int64_t)epoch : 0;
    PQclear(r);
    return status;
}

int weir_pg_take_over(weir_pg *pg, weir_pg_hold *hold, weir_error *error) {
    int64_t taken;
    hold->epoch = 0;
    int status = weir_pg_begin(pg, hold, error);
    if (status == WEIR_OK) status = raise_epoch(pg, hold, error);
    taken = hold->epoch;
    hold->epoch = 0; /* until it is committed */
    if (status == WEIR_OK) {
        status = weir_pg_commit(pg, error);
        if (status == WEIR_OK) hold->epoch = taken;
        /* Unanswered: an epoch was raised for nothing. */
        return status < 0 || status == WEIR_OK ? status : WEIR_IO;
    }
    return weir_pg_give_up(pg, hold, status, error);
}

/* ---- in a transaction ---- */

/* Locks the row, and finds it only if nothing of it has changed. The server behind a pool may be
 * another than the one that was checked, and settings change. */
static int compare_position(weir_pg *pg, weir_pg_hold *hold, bool *same, weir_error *error) {
    char sql[700], uuid[UUID_TEXT], epoch[24], block[24], row[24], hash[24];
    PGresult *r;
    put_uuid(hold->at.journal, uuid);
    (void)snprintf(epoch, sizeof epoch, "%lld", (long long)hold->epoch);
    put_position(&hold->at, block, row, hash);
    const weir_pg_parameter p[] = {text_parameter(uuid), text_parameter(epoch),
                                   text_parameter(block), text_parameter(row),
                                   text_parameter(hash)};
    (void)snprintf(sql, sizeof sql,
                   "SELECT current_setting('fsync') = 'on' AND"
                   " current_setting('full_page_writes') = 'on' AND"
                   " current_setting('server_encoding') = 'UTF8' AND"
                   " (SELECT relpersistence = 'p' FROM pg_class c WHERE c.oid = p.tableoid)"
                   " FROM %s p WHERE source = $1::uuid AND epoch = $2::bigint AND"
                   " block = $3::bigint AND \"row\" = $4::bigint AND hash = $5::bytea FOR UPDATE",
                   hold->table);
    int status = weir_pg_query(pg, sql, p, 5, false, &r, error);
    *same = status == WEIR_OK && PQntuples(r) == 1;
    hold->sound = *same && PQgetvalue(r, 0, 0)[0] == 't';
    PQclear(r);
    return status;
}

int weir_pg_hold_begin(weir_pg *pg, weir_pg_hold *hold, weir_error *error) {
    bool same = false;
    int status = weir_pg_begin(pg, hold, error);
    if (status == WEIR_OK) status = compare_position(pg, hold, &same, error);
    if (status != WEIR_OK || same) return status;
    hold->epoch = 0;
    return weir_fail(
        error, WEIR_BUSY,
        "%s: another process has taken over the position of this journal; two programs "
        "must not apply copies of one journal",
        weir_pg_name(pg));
}

int weir_pg_hold_move(weir_pg *pg, const weir_pg_hold *hold, const weir_position *to,
                      bool *standbys, weir_error *error) {
    char sql[400], uuid[UUID_TEXT], epoch[24], block[24], row[24], hash[24];
    PGresult *r;
    put_uuid(hold->at.journal, uuid);
    (void)snprintf(epoch, sizeof epoch, "%lld", (long long)hold->epoch);
    put_position(to, block, row, hash);
    const weir_pg_parameter p[] = {text_parameter(uuid), text_parameter(epoch),
                                   text_parameter(block), text_parameter(row),
                                   text_parameter(hash)};
    (void)snprintf(sql, sizeof sql,
                   "UPDATE %s SET block = $3::bigint, \"row\" = $4::bigint, hash = $5::bytea WHERE"
                   " source = $1::uuid AND epoch = $2::bigint"
                   " RETURNING " WEIR_PG_WAITS_FOR_STANDBY,
                   hold->table);
    int status = weir_pg_query(pg, sql, p, 5, false, &r, error);
    if (status == WEIR_OK && PQntuples(r) != 1)
        status = weir_fail(error, WEIR_BUSY, "%s: the position of this journal is gone from %s",
                           weir_pg_name(pg), hold->table);
    if (standbys) *standbys = status == WEIR_OK && PQgetvalue(r, 0, 0)[0] == 't';
    PQclear(r);
    return status;
}
