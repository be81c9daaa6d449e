/* demo.c - one journal into an SQLite file and a PostgreSQL server. */
#include "demo.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>
#include <weir/postgres.h>
#include <weir/sqlite.h>

#include "../compare.h"
#include "../grouped.h"
#include "../kill.h"
#include "pair.h"
#include "server.h"

enum { PATIENCE_MS = 60000, TICK_ROWS = 2 * AGENTS, TICK_MS = 20 };

#define SINK "central"

static pg_server *server;

/* ---- the program that is killed -------------------------------------------------------------- */

static int fail(const job *j, const char *doing, int status) {
    fprintf(stderr, "%s: %s: %s: %s\n", j->path, doing, weir_status_name(status),
            weir_last_error());
    return 1;
}

static int count(sqlite3 *db, const char *sql) {
    sqlite3_stmt *s;
    int rows = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        rows = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return rows;
}

/* How many rows are in: they came in order and each once, so the next one is the one to go on with.
 * -1: the file cannot be read. */
static int rows_in(const char *path, int *runs) {
    sqlite3 *db;
    int rows = -1;
    *runs = -1;
    if (sqlite3_open(path, &db) == SQLITE_OK) {
        *runs = count(db, "SELECT count(*) FROM simulation_run");
        rows = count(db, "SELECT (SELECT count(*) FROM agent_state) +"
                         " (SELECT count(*) FROM market_transaction)");
    }
    sqlite3_close(db);
    return *runs < 0 ? -1 : rows;
}

/* A simulation computes, too, so that the kills fall into its run. */
static void compute_a_tick(void) {
    nanosleep(&(struct timespec){.tv_nsec = TICK_MS * 1000000L}, NULL);
}

static int append_the_rest(const through *t, job *j) {
    int runs, status = WEIR_OK, at = rows_in(j->path, &runs);
    if (at < 0) return WEIR_DATABASE;
    if (!runs) status = weir_append(t->runs, t->run, "demo", (int64_t)j->seed);
    for (; status == WEIR_OK && at < ROWS; at++) {
        row r;
        workload_row(j->seed, at, &r);
        status = append(t, &r);
        if (status == WEIR_OK) j->told(j->context, at + 1);
        if (at % TICK_ROWS == TICK_ROWS - 1) compute_a_tick();
    }
    return status;
}

/* Wait until SQLite has what an earlier program left, and go on; then until both have all. *doing: out,
 * what failed. */
static int run_through(through *t, job *j, const char **doing) {
    *doing = "attaching the server";
    int status = weir_attach_postgres(t->w, SINK, server->url, NULL);
    if (status == WEIR_OK) status = declare_all(t);
    if (status != WEIR_OK) return status;
    *doing = "waiting until SQLite has what was left";
    status = weir_sync(t->w, WEIR_APPLIED, PATIENCE_MS);
    if (status != WEIR_OK) return status;
    *doing = "appending";
    status = append_the_rest(t, j);
    if (status != WEIR_OK) return status;
    *doing = "waiting until both have all";
    status = weir_sync(t->w, WEIR_APPLIED, PATIENCE_MS);
    return status == WEIR_OK ? weir_wait_sink(t->w, SINK, NULL, PATIENCE_MS) : status;
}

/* The server may be away: that is no failure until its rows are waited for. */
static int go_on(job *j) {
    through t = {.run = 1};
    const char *doing;
    int status = weir_open_sqlite(j->path, NULL, &t.w);
    if (status != WEIR_OK) return fail(j, "opening", status);
    status = run_through(&t, j, &doing);
    int failed = status == WEIR_OK ? 0 : fail(j, doing, status);
    status = weir_close(t.w);
    return status == WEIR_OK ? failed : fail(j, "closing", status);
}

/* ---- what happens to it ---------------------------------------------------------------------- */

typedef struct story {
    job j;
    int kills;
    uint64_t random;
    int acknowledged; /* rows of which the program had been told that they were in */
} story;

static void tell(const story *s, const char *what) {
    printf("%12s   %s\n", grouped(s->acknowledged), what);
    fflush(stdout);
}

static void learn(story *s, const running *r) {
    if (r->told > s->acknowledged) s->acknowledged = r->told;
}

/* Either at once, amid the rows of a tick, or while the sinks apply them. */
static void pause_at_random(story *s) {
    long ns = (long)(random_next(&s->random) % 30000000);
    if (random_next(&s->random) % 2) nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

/* The program goes on from where it was until so many rows are in, and is killed. */
static int kill_behind(story *s, int rows, const char *what) {
    running r;
    if (start_way(go_on, &s->j, &r)) return 1;
    listen_to(&r, rows, now() + PATIENCE_MS / 1000.0);
    pause_at_random(s);
    int failed = kill_running(&r);
    learn(s, &r);
    tell(s, what);
    return failed;
}

/* A row of the part of the run that lies between two kills. */
static int moment(story *s, int number) {
    int part = ROWS / (s->kills + 2);
    return number * part + 1 + (int)(random_next(&s->random) % (uint64_t)part);
}

static int stop_server(story *s, int rows) {
    running r;
    if (start_way(go_on, &s->j, &r)) return 1;
    listen_to(&r, rows, now() + PATIENCE_MS / 1000.0);
    pg_server_stop(server, SIGQUIT);
    learn(s, &r);
    tell(s, "the server is stopped, as by a crash; the program goes on");
    listen_to(&r, rows + (ROWS - rows) / 2, now() + PATIENCE_MS / 1000.0);
    int failed = kill_running(&r);
    learn(s, &r);
    tell(s, "the program is killed while the server is away");
    return failed;
}

static int finish(story *s) {
    running r;
    if (start_way(go_on, &s->j, &r)) return 1;
    int failed = wait_for_running(&r);
    learn(s, &r);
    tell(s, "all is appended, and both have it");
    return failed;
}

static int live_through(story *s) {
    int failed = 0;
    printf("\n%12s\n%12s   what happens\n\n", "acknowledged", "rows");
    for (int i = 0; i < s->kills && !failed; i++)
        failed = kill_behind(s, moment(s, i), "the program is killed (SIGKILL), and started again");
    if (!failed) failed = stop_server(s, moment(s, s->kills));
    if (failed) return failed;
    pg_server_start(server);
    tell(s, "the server is started, and the program");
    return finish(s);
}

/* ---- the verdict ----------------------------------------------------------------------------- */

static int judge(const story *s, const comparison *c, const pair *p) {
    printf("\n%-12s %10s %26s %18s\n", "", "rows", "acknowledged and lost", "came twice");
    printf("%-12s %10s %26s %18s\n", "SQLite", grouped(p->sqlite), grouped(c->lost),
           grouped(c->doubled));
    int lost = s->acknowledged > p->server ? s->acknowledged - p->server : 0;
    int twice = p->server > ROWS ? p->server - ROWS : 0;
    printf("%-12s %10s %26s %18s\n", "PostgreSQL", grouped(p->server), grouped(lost),
           grouped(twice));
    bool well = !c->lost && !c->doubled && !c->wrong && c->found == ROWS && c->runs == 1 &&
                p->sqlite == ROWS && p->server == ROWS && !p->different && !p->rejected;
    if (well)
        printf("\nweir: SQLite and PostgreSQL have the same %s rows, each once, value by value.\n",
               grouped(ROWS));
    else
        printf("\nFAILED: %s rows found, %s wrong, %s runs; %s rows differ between the two, and "
               "PostgreSQL refused %s\n",
               grouped(c->found), grouped(c->wrong), grouped(c->runs), grouped(p->different),
               grouped(p->rejected));
    return !well;
}

int demo_postgres(uint64_t seed, int kills, const char *directory) {
    char path[4200];
    comparison c;
    pair p;
    if (pg_server_missing()) {
        printf("skipped: %s\n", pg_server_missing());
        return NO_SERVER;
    }
    (void)snprintf(path, sizeof path, "%s/weir-postgres.db", directory);
    story s = {.j = {.path = path, .seed = seed}, .kills = kills, .random = seed};
    printf("%s rows of a simulation (%d ticks x %d agents) through one journal into an SQLite file "
           "and a PostgreSQL server; seed %llu\n",
           grouped(ROWS), TICKS, AGENTS, (unsigned long long)seed);
    fflush(stdout);
    server = own_server(NULL);
    printf("The server is the demo's own: %s/postgres in %s, removed at the end\n", server->bin,
           server->root);
    if (live_through(&s)) return 1;
    PGconn *connection = pg_server_connect(server);
    int failed = compare(path, seed, s.acknowledged, &c) || compare_pair(path, connection, &p);
    PQfinish(connection);
    return failed || judge(&s, &c, &p);
}
