#include "ways.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include <sqlite3.h>
#include <weir/sqlite.h>

enum { BUFFER_ROWS = 500, PATIENCE_MS = 60000 };

double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- SQLite by hand ------------------------------------------------------------------------ */

typedef struct direct {
    sqlite3 *db;
    sqlite3_stmt *agent, *deal;
    int64_t run;
} direct;

static int complain(const char *path, const char *text) {
    fprintf(stderr, "%s: %s\n", path, text);
    return 1;
}

static int insert_run(direct *d, uint64_t seed) {
    char sql[128];
    snprintf(sql, sizeof sql, "INSERT INTO simulation_run(name, seed) VALUES('demo', %lld)",
             (long long)seed);
    int status = sqlite3_exec(d->db, sql, NULL, NULL, NULL);
    d->run = sqlite3_last_insert_rowid(d->db);
    return status;
}

static int direct_open(direct *d, const job *j) {
    static const char agent[] = "INSERT INTO agent_state VALUES(?,?,?,?,?,?)";
    static const char deal[] = "INSERT INTO market_transaction VALUES(?,?,?,?,?,?,?,?)";

    *d = (direct){0};
    if (sqlite3_open(j->path, &d->db) ||
        sqlite3_exec(d->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL) ||
        sqlite3_exec(d->db, WORKLOAD_SCHEMA, NULL, NULL, NULL) || insert_run(d, j->seed) ||
        sqlite3_prepare_v2(d->db, agent, -1, &d->agent, NULL) ||
        sqlite3_prepare_v2(d->db, deal, -1, &d->deal, NULL))
        return complain(j->path, sqlite3_errmsg(d->db));
    return 0;
}

static void direct_close(direct *d) {
    sqlite3_finalize(d->agent);
    sqlite3_finalize(d->deal);
    sqlite3_close(d->db);
}

static void bind_agent(sqlite3_stmt *s, int64_t run, const agent_state *a) {
    sqlite3_bind_int64(s, 1, run);
    sqlite3_bind_int64(s, 2, a->tick);
    sqlite3_bind_int64(s, 3, a->agent);
    sqlite3_bind_text(s, 4, a->type, -1, SQLITE_STATIC);
    sqlite3_bind_double(s, 5, a->assets);
    sqlite3_bind_int(s, 6, a->active);
}

static void bind_deal(sqlite3_stmt *s, int64_t run, const market_transaction *t) {
    sqlite3_bind_int64(s, 1, run);
    sqlite3_bind_int64(s, 2, t->tick);
    sqlite3_bind_int64(s, 3, t->buyer);
    sqlite3_bind_int64(s, 4, t->seller);
    sqlite3_bind_text(s, 5, t->item, -1, SQLITE_STATIC);
    sqlite3_bind_double(s, 6, t->quantity);
    sqlite3_bind_double(s, 7, t->price);
    sqlite3_bind_text(s, 8, t->kind, -1, SQLITE_STATIC);
}

static int direct_insert(direct *d, const row *r) {
    sqlite3_stmt *s = r->is_transaction ? d->deal : d->agent;
    if (r->is_transaction)
        bind_deal(s, d->run, &r->as.deal);
    else
        bind_agent(s, d->run, &r->as.agent);
    int status = sqlite3_step(s);
    sqlite3_reset(s);
    return status != SQLITE_DONE;
}

/* When a way that began now stops early. */
static double end_of(const job *j) { return j->limit > 0 ? now() + j->limit : INFINITY; }

int run_unbuffered(job *j) {
    direct d;
    double end = end_of(j);
    int failed = direct_open(&d, j);
    for (int at = 0; !failed && at < ROWS && now() < end; at++) {
        row r;
        workload_row(j->seed, at, &r);
        failed = direct_insert(&d, &r);
        if (failed) complain(j->path, sqlite3_errmsg(d.db));
        j->rows = at + 1;
        j->told(j->context, at + 1);
    }
    direct_close(&d);
    return failed;
}

static int flush(direct *d, const job *j, const row *rows, int count) {
    int failed = sqlite3_exec(d->db, "BEGIN", NULL, NULL, NULL);
    for (int i = 0; !failed && i < count; i++)
        failed = direct_insert(d, &rows[i]);
    if (!failed) failed = sqlite3_exec(d->db, "COMMIT", NULL, NULL, NULL);
    return failed ? complain(j->path, sqlite3_errmsg(d->db)) : 0;
}

int run_buffered(job *j) {
    row buffer[BUFFER_ROWS];
    int filled = 0;
    direct d;
    double end = end_of(j);
    int failed = direct_open(&d, j);

    for (int at = 0; !failed && at < ROWS && (filled || now() < end); at++) {
        workload_row(j->seed, at, &buffer[filled++]);
        if (filled == BUFFER_ROWS) {
            failed = flush(&d, j, buffer, filled);
            filled = 0;
        }
        j->rows = at + 1;
        j->told(j->context, at + 1);
    }
    if (!failed) failed = flush(&d, j, buffer, filled);
    direct_close(&d);
    return failed;
}

/* ---- weir ---------------------------------------------------------------------------------- */

int declare_all(through *t) {
    static const weir_column run[] = {
        {"id", WEIR_KEY}, {"name", WEIR_TEXT}, {"seed", WEIR_INTEGER}};
    static const weir_column agent[] = {{"run_id", WEIR_INTEGER},   {"tick", WEIR_INTEGER},
                                        {"agent_id", WEIR_INTEGER}, {"agent_type", WEIR_TEXT},
                                        {"assets", WEIR_REAL},      {"is_active", WEIR_INTEGER}};
    static const weir_column deal[] = {{"run_id", WEIR_INTEGER},   {"tick", WEIR_INTEGER},
                                       {"buyer_id", WEIR_INTEGER}, {"seller_id", WEIR_INTEGER},
                                       {"item", WEIR_TEXT},        {"quantity", WEIR_REAL},
                                       {"price", WEIR_REAL},       {"kind", WEIR_TEXT}};

    int status = weir_declare(t->w, "simulation_run", run, 3, &t->runs);
    if (status == WEIR_OK) status = weir_declare(t->w, "agent_state", agent, 6, &t->agents);
    return status == WEIR_OK ? weir_declare(t->w, "market_transaction", deal, 8, &t->deals)
                             : status;
}

/* The run's id is needed at once: every other row refers to it. */
static int insert_run_now(through *t, uint64_t seed) {
    const weir_value values[] = {weir_null(), weir_text("demo"), weir_int((int64_t)seed)};
    return weir_insert_now(t->runs, values, 3, PATIENCE_MS, &t->run, NULL);
}

int append(const through *t, const row *r) {
    if (r->is_transaction) {
        const market_transaction *d = &r->as.deal;
        return weir_append(t->deals, t->run, d->tick, d->buyer, d->seller, d->item, d->quantity,
                           d->price, d->kind);
    }
    const agent_state *a = &r->as.agent;
    return weir_append(t->agents, t->run, a->tick, a->agent, a->type, a->assets, a->active);
}

static int append_all(const through *t, job *j) {
    int status = WEIR_OK;
    for (int at = 0; at < ROWS; at++) {
        row r;
        workload_row(j->seed, at, &r);
        status = append(t, &r);
        if (status != WEIR_OK) break;
        j->rows = at + 1;
        j->told(j->context, at + 1);
    }
    return status;
}

static int fail(const job *j, const char *doing, int status) {
    fprintf(stderr, "%s: %s: %s: %s (%s)\n", j->path, doing, weir_status_name(status),
            weir_status_text(status), weir_last_error());
    return 1;
}

int run_weir(job *j) {
    through t = {0};
    int status = weir_open_sqlite(j->path, NULL, &t.w);
    if (status != WEIR_OK) return fail(j, "opening", status);

    const char *doing = "declaring";
    status = declare_all(&t);
    if (status == WEIR_OK) {
        doing = "inserting the run";
        status = insert_run_now(&t, j->seed);
    }
    neighbour_start(&j->other, j->path);
    if (status == WEIR_OK) {
        doing = "appending";
        status = append_all(&t, j);
    }
    if (status == WEIR_OK) {
        doing = "waiting until all is applied";
        status = weir_sync(t.w, WEIR_APPLIED, PATIENCE_MS);
    }
    int failed = status == WEIR_OK ? 0 : fail(j, doing, status);
    status = weir_close(t.w);
    return status == WEIR_OK ? failed : fail(j, "closing", status);
}
