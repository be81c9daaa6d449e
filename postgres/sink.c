/* sink.c - transactions of rows and position, and when they are safe without the journal. */
#include "sink.h"

#include <stdlib.h>
#include <string.h>

#include "kept.h"
#include "load.h"
#include "server_checks.h"
#include "takeover.h"

enum { BATCH_ROWS = 65536, BATCH_BYTES = 8 << 20, TIMEOUT_MS = 10000 };

struct weir_pg_sink {
    const weir_os *os;
    weir_pg *pg;
    weir_pg_load *load;
    char *conninfo;
    char *schema; /* NULL: search_path */
    weir_postgres_safety safety;
    uint32_t timeout_ms;
    bool prepared;       /* this connection was checked, and weir's tables are there */
    bool in_transaction; /* as far as is known */
    weir_pg_hold hold;
    weir_pg_kept kept;
    uint64_t bytes; /* of the blocks of this transaction */
    uint64_t noted; /* the block of the last commit that is known; NOTHING: none yet */
    uint64_t safe;  /* the last block that the safety level holds of, before kept */
};

#define NOTHING UINT64_MAX

static uint64_t server_now(const weir_pg_sink *s) { return s->os->now(s->os->self); }

/* ---- connecting ---- */

/* As the server has it now: it takes a changed setting over between two messages. */
static int ask_for_standbys(weir_pg_sink *s, bool *named, weir_error *error) {
    PGresult *r;
    int status =
        weir_pg_query(s->pg, "SELECT " WEIR_PG_WAITS_FOR_STANDBY, NULL, 0, false, &r, error);
    *named = status == WEIR_OK && PQgetvalue(r, 0, 0)[0] == 't';
    PQclear(r);
    return status;
}

static int require_standby(weir_pg_sink *s, weir_error *error) {
    bool named;
    int status = ask_for_standbys(s, &named, error);
    if (status != WEIR_OK || named) return status;
    return weir_fail(error, WEIR_DATABASE,
                     "%s waits for no standby, and WEIR_POSTGRES_STANDBY was asked for: set "
                     "synchronous_standby_names, and max_wal_senders above 0, or use "
                     "WEIR_POSTGRES_LOCAL",
                     weir_pg_name(s->pg));
}

static int prepare_server(weir_pg_sink *s, weir_error *error) {
    if (!weir_pg_is_open(s->pg)) s->prepared = false;
    if (s->prepared) return WEIR_OK;
    s->hold.epoch = 0;
    int status = weir_pg_connect(s->pg, error);
    if (status == WEIR_OK) status = weir_pg_check_server(s->pg, error);
    if (status == WEIR_OK && s->safety == WEIR_POSTGRES_STANDBY) status = require_standby(s, error);
    if (status == WEIR_OK) status = weir_pg_begin(s->pg, &s->hold, error);
    if (status == WEIR_OK) status = weir_pg_load_prepare(s->load, error);
    if (status == WEIR_OK) status = weir_pg_check_position_table(s->pg, s->hold.table, error);
    if (status == WEIR_OK) status = weir_pg_commit(s->pg, error);
    if (status == WEIR_SINK_UNKNOWN) status = WEIR_IO; /* the tables are there or not */
    /* Its tables may be made just now by a session that nobody listens to any more. */
    if (status != WEIR_OK && weir_pg_is_open(s->pg))
        status = weir_pg_give_up(s->pg, &s->hold, status, error);
    s->prepared = status == WEIR_OK;
    weir_pg_load_forget(s->load);
    /* The next attempt asks again, perhaps another host. */
    if (status != WEIR_OK) weir_pg_close(s->pg);
    return status;
}

/* ---- transactions ---- */

/* All up to the position is committed. */
static void note_commit(weir_pg_sink *s, uint64_t safe, uint64_t bytes) {
    weir_pg_kept_note(&s->kept, s->hold.at.block, bytes, server_now(s));
    s->noted = s->hold.at.block;
    s->safe = safe;
}

static int begin_held(weir_pg_sink *s, weir_error *error) {
    int status = weir_pg_hold_begin(s->pg, &s->hold, error);
    if (status != WEIR_OK || s->hold.sound) return status;
    status = weir_pg_check_server(s->pg, error);
    return status == WEIR_OK ? weir_pg_check_position_table(s->pg, s->hold.table, error) : status;
}

/* On a connection that may be a new one. */
static int take_hold(weir_pg_sink *s, weir_error *error) {
    int status = prepare_server(s, error);
    return status == WEIR_OK && !s->hold.epoch ? weir_pg_take_over(s->pg, &s->hold, error) : status;
}

/* A position that another process has taken over is taken back, but not at once: two programs that
 * apply copies of one journal shall be seen, and replay compares hashes. */
static int server_begin(void *self, const weir_id journal, weir_position *at, weir_error *error) {
    weir_pg_sink *s = self;
    if (!weir_id_equal(s->hold.at.journal, journal)) {
        weir_id_copy(s->hold.at.journal, journal);
        s->hold.epoch = 0;
    }
    int status = take_hold(s, error);
    if (status != WEIR_OK) return status;
    s->in_transaction = true;
    s->bytes = 0;
    status = begin_held(s, error);
    if (status != WEIR_OK) return status;
    /* Without an answer to us: it is on this server's disk, and of standbys nothing is known. */
    if (s->hold.at.block != s->noted)
        note_commit(s, s->safety == WEIR_POSTGRES_LOCAL ? s->hold.at.block : 0, 0);
    *at = s->hold.at;
    return WEIR_OK;
}

static int server_declare(void *self, const weir_declaration *d, weir_declare_when when,
                          weir_error *error) {
    weir_pg_sink *s = self;
    return weir_pg_load_declare(s->load, d, when, error);
}

static int server_apply(void *self, const weir_block_header *header, weir_cursor body,
                        weir_row_range range, weir_error *error) {
    weir_pg_sink *s = self;
    s->bytes += header->stored_bytes;
    return weir_pg_load_rows(s->load, header, body, range, error);
}

/* Did the COMMIT that was just made wait for a standby? A wait that is cancelled ends with a warning;
 * one whose standbys are taken out of the setting ends without a word. before: they were in it when the
 * COMMIT was sent. */
static int judge_wait(weir_pg_sink *s, bool before, weir_error *error) {
    bool warned = weir_pg_warned(s->pg, "01000"), after = false;
    int status = ask_for_standbys(s, &after, error);
    if (status != WEIR_OK) return status;
    if (!before || !after)
        return weir_fail(error, WEIR_BUSY,
                         "%s: no COMMIT waits for a standby any more, by "
                         "synchronous_standby_names or max_wal_senders: segments stay",
                         weir_pg_name(s->pg));
    if (warned)
        return weir_fail(error, WEIR_BUSY,
                         "%s: the wait for a standby was cancelled: segments stay",
                         weir_pg_name(s->pg));
    return WEIR_OK;
}

static int server_commit(void *self, const weir_position *to, weir_sink_counts *counts,
                         weir_error *error) {
    weir_pg_sink *s = self;
    bool standbys = false;
    int status = weir_pg_load_finish(s->load, counts, error);
    if (status == WEIR_OK) status = weir_pg_hold_move(s->pg, &s->hold, to, &standbys, error);
    if (status != WEIR_OK) return status;
    (void)weir_pg_warned(s->pg, "01000"); /* those before do not count */
    status = weir_pg_commit(s->pg, error);
    if (status == WEIR_SINK_UNKNOWN) s->hold.epoch = 0; /* what is there now must be read */
    if (status != WEIR_OK) return status;
    s->in_transaction = false;
    s->hold.at = *to;
    weir_pg_load_rollback(s->load); /* nothing is left to be sent */
    bool safe = s->safety == WEIR_POSTGRES_LOCAL || judge_wait(s, standbys, NULL) == WEIR_OK;
    note_commit(s, safe ? to->block : s->safe, s->bytes);
    return WEIR_OK;
}

static void server_rollback(void *self) {
    weir_pg_sink *s = self;
    weir_pg_load_rollback(s->load);
    if (s->in_transaction && weir_pg_is_open(s->pg) && weir_pg_run(s->pg, "ROLLBACK", NULL))
        weir_pg_close(s->pg);
    s->in_transaction = false;
}

/* ---- safety ---- */

/* Where the position has moved, replay must hear of it. */
static int hold_where_noted(weir_pg_sink *s, weir_error *error) {
    const weir_position was = s->hold.at, *is = &s->hold.at;
    if (s->noted == NOTHING)
        return weir_fail(error, WEIR_BUSY, "%s: not taken over yet", weir_pg_name(s->pg));
    int status = take_hold(s, error);
    bool same = is->block == was.block && is->row == was.row && is->hash == was.hash;
    return status == WEIR_OK && !same ? WEIR_SINK_REOPENED : status;
}

/* A commit that waited for the standby covers all those before it: one that changes nothing else. */
static int wait_for_standby(weir_pg_sink *s, weir_error *error) {
    bool standbys = false;
    int status = hold_where_noted(s, error);
    if (status != WEIR_OK) return status;
    s->in_transaction = true;
    status = begin_held(s, error);
    if (status == WEIR_OK)
        status = weir_pg_hold_move(s->pg, &s->hold, &s->hold.at, &standbys, error);
    (void)weir_pg_warned(s->pg, "01000");
    if (status == WEIR_OK) status = weir_pg_commit(s->pg, error);
    if (status != WEIR_OK) {
        if (status == WEIR_SINK_UNKNOWN) s->hold.epoch = 0;
        server_rollback(s);
        return status < 0 ? status : WEIR_BUSY; /* unanswered: not safe, and nothing was changed */
    }
    s->in_transaction = false;
    status = judge_wait(s, standbys, error);
    if (status == WEIR_OK) s->safe = s->hold.at.block;
    return status;
}

/* What is kept for a failover goes only while the server of now has it: nobody else asks one to which no
 * row goes. */
static int look_for_failover(weir_pg_sink *s, weir_error *error) {
    int status = hold_where_noted(s, error);
    if (status != WEIR_OK) return status;
    s->in_transaction = true;
    status = weir_pg_hold_begin(s->pg, &s->hold, error);
    server_rollback(s);
    return status;
}

static int server_checkpoint(void *self, uint64_t applied, uint64_t *safe, weir_error *error) {
    weir_pg_sink *s = self;
    int status = WEIR_OK;
    if (s->safe < applied && s->safety == WEIR_POSTGRES_STANDBY)
        status = wait_for_standby(s, error);
    else if (s->kept.keep_ns || s->kept.keep_bytes)
        status = look_for_failover(s, error);
    *safe = weir_pg_kept_safe(&s->kept, s->safe < applied ? s->safe : applied, server_now(s));
    return status;
}

static weir_batch_limit server_batch_limit(void *self) {
    (void)self;
    return (weir_batch_limit){BATCH_ROWS, BATCH_BYTES};
}

static void server_hurry(void *self, uint64_t deadline_ns) {
    weir_pg_sink *s = self;
    weir_pg_hurry(s->pg, deadline_ns);
}

/* ---- making ---- */

static void server_close(void *self) {
    weir_pg_sink *s = self;
    weir_pg_load_free(s->load);
    weir_pg_free(s->pg);
    if (s->conninfo) explicit_bzero(s->conninfo, strlen(s->conninfo)); /* it may hold a password */
    free(s->conninfo);
    free(s->schema);
    free(s);
}

static int fill_sink(weir_pg_sink *s, const char *conninfo, const weir_postgres_options *o,
                     weir_error *error) {
    static const weir_id none;
    const weir_pg_config config = {s->os, conninfo, s->timeout_ms};
    if (o->safety != WEIR_POSTGRES_LOCAL && o->safety != WEIR_POSTGRES_STANDBY)
        return weir_fail(error, WEIR_MISUSE, "no such level of safety: %d", (int)o->safety);
    int status = weir_pg_make(&config, &s->pg, error);
    if (status == WEIR_OK &&
        (!(s->conninfo = strdup(conninfo)) || (o->schema && !(s->schema = strdup(o->schema)))))
        status = weir_fail(error, WEIR_NO_MEMORY, "no memory for a sink");
    if (status == WEIR_OK)
        status = weir_pg_hold_make(&s->hold, s->schema, none, s->timeout_ms, error);
    const weir_pg_load_config load = {s->pg, s->schema, o->row_numbers != 0, o->by_insert != 0};
    if (status == WEIR_OK) status = weir_pg_load_make(&load, &s->load, error);
    return status;
}

int weir_pg_sink_make(const weir_os *os, const char *conninfo, const weir_postgres_options *options,
                      weir_sink *out, weir_error *error) {
    weir_pg_sink *s = calloc(1, sizeof *s);
    *out = (weir_sink){0};
    if (!s) return weir_fail(error, WEIR_NO_MEMORY, "no memory for a sink");
    s->os = os;
    s->safety = options->safety;
    s->timeout_ms = options->timeout_ms ? options->timeout_ms : TIMEOUT_MS;
    s->noted = NOTHING;
    s->kept.keep_ns = (uint64_t)options->keep_s * UINT64_C(1000000000);
    s->kept.keep_bytes = options->keep_bytes;
    int status = fill_sink(s, conninfo, options, error);
    if (status != WEIR_OK) {
        server_close(s);
        return status;
    }
    *out = (weir_sink){.self = s,
                       .begin = server_begin,
                       .declare = server_declare,
                       .apply = server_apply,
                       .commit = server_commit,
                       .rollback = server_rollback,
                       .checkpoint = server_checkpoint,
                       .close = server_close,
                       .batch_limit = server_batch_limit,
                       .hurry = server_hurry,
                       .remote = true};
    return WEIR_OK;
}

const char *weir_pg_sink_name(const weir_sink *sink) {
    return weir_pg_name(((const weir_pg_sink *)sink->self)->pg);
}
weir_pg *weir_pg_sink_connection(const weir_sink *sink) {
    return ((const weir_pg_sink *)sink->self)->pg;
}
const char *weir_pg_sink_schema(const weir_sink *sink) {
    return ((const weir_pg_sink *)sink->self)->schema;
}
int weir_pg_sink_probe(const weir_sink *sink, weir_error *error) {
    return prepare_server(sink->self, error);
}

int weir_pg_sink_second(const weir_sink *sink, weir_pg **out, weir_error *error) {
    const weir_pg_sink *s = sink->self;
    const weir_pg_config config = {s->os, s->conninfo, s->timeout_ms};
    return weir_pg_make(&config, out, error);
}
