/* postgres.c - rows into a PostgreSQL server through the journal, against a bare loop of COPY BINARY
 * into the same server, and against the same rows into SQLite. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/postgres.h>

#include "../../demo/postgres/server.h"
#include "../idle.h"
#include "by_copy.h"

enum { ROWS = 3000000, ROUNDS = 7, BATCH_ROWS = 65536 /* as weir's transactions have */ };

#define SERVER_DURABILITY "applied, synced (fsync, synchronous_commit)"

/* Debian's own, and no checkpoint while a side is measured. */
#define SETTINGS "-c shared_buffers=128MB -c max_wal_size=4GB"

typedef struct task {
    const bench_run *run;
    const pg_server *server;
    uint64_t rows;
} task;

/* ---- processor time -------------------------------------------------------------------------- */

static bool is_named(const char *thread, const char *name) {
    char path[300], found[32] = "";
    (void)snprintf(path, sizeof path, "/proc/self/task/%s/comm", thread);
    FILE *file = fopen(path, "r");
    if (!file) return false;
    bool read = fgets(found, sizeof found, file) != NULL;
    fclose(file);
    found[strcspn(found, "\n")] = 0;
    return read && strcmp(found, name) == 0;
}

static double processor_ns_of(const char *thread) {
    char path[300], line[128] = "";
    (void)snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", thread);
    FILE *file = fopen(path, "r");
    bool read = file && fgets(line, sizeof line, file);
    if (file) fclose(file);
    if (!read) give_up(path, WEIR_IO);
    return strtod(line, NULL); /* the first of three numbers */
}

/* Of the thread that applies; there is one. */
static double writer_ns(void) {
    double ns = -1;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *e; tasks && (e = readdir(tasks));)
        if (is_named(e->d_name, "weir-writer")) ns = processor_ns_of(e->d_name);
    if (tasks) closedir(tasks);
    if (ns < 0) give_up("looking for the thread weir-writer", WEIR_NOT_FOUND);
    return ns;
}

/* ---- the sides, each in a child -------------------------------------------------------------- */

/* A row: of the thread that applies, or that runs the loop; and of all threads. */
enum { ROWS_PER_S, CLIENT_NS, PROCESS_NS, FIGURES };

static void measure_handle(weir *w, uint64_t rows, double *figures) {
    weir_table *table = declare_workload(w, &AGENT_ROWS);
    double used = writer_ns(), all = processor_ms();
    uint64_t start = now_ns();
    int status = append_rows(table, &AGENT_ROWS, 0, rows);
    if (status != WEIR_OK) give_up("appending", status);
    sync_or_give_up(w, WEIR_APPLIED);
    figures[ROWS_PER_S] = (double)rows / seconds_since(start);
    figures[CLIENT_NS] = (writer_ns() - used) / (double)rows;
    figures[PROCESS_NS] = (processor_ms() - all) * 1e6 / (double)rows;
    close_weir(w);
}

static void through_journal(const void *context, double *figures) {
    const task *t = context;
    weir *w;
    int status = weir_open_postgres(t->server->conninfo, scratch(t->run, "postgres-journal"), NULL,
                                    NULL, &w);
    if (status != WEIR_OK) give_up("weir_open_postgres", status);
    measure_handle(w, t->rows, figures);
}

static void into_sqlite(const void *context, double *figures) {
    const task *t = context;
    measure_handle(open_weir(scratch(t->run, "postgres.db"), NULL), t->rows, figures);
}

static void by_copy(const void *context, double *figures) {
    const task *t = context;
    PGconn *c = PQconnectdb(t->server->conninfo);
    run_on_server(c, AGENT_TABLE);
    double used = processor_ms();
    uint64_t start = now_ns();
    copy_by_hand(c, t->rows, BATCH_ROWS);
    figures[ROWS_PER_S] = (double)t->rows / seconds_since(start);
    figures[CLIENT_NS] = figures[PROCESS_NS] = (processor_ms() - used) * 1e6 / (double)t->rows;
    PQfinish(c);
}

/* ---- measuring ------------------------------------------------------------------------------- */

enum { BARE, JOURNAL, SQLITE, SIDES };
static child_measure *const sides[SIDES] = {by_copy, through_journal, into_sqlite};

typedef struct measured {
    size_t rounds;
    double figures[SIDES][FIGURES][ROUNDS];
} measured;

/* No side pays for what the one before it left to be written, and none finds less room. */
static bool empty_server(const task *t) {
    PGconn *c = PQconnectdb(t->server->conninfo);
    bool well = PQstatus(c) == CONNECTION_OK;
    static const char *const statements[] = {"SET client_min_messages = warning",
                                             "DROP TABLE IF EXISTS agent_state",
                                             "DROP TABLE IF EXISTS weir_position", "CHECKPOINT"};
    for (size_t i = 0; well && i < sizeof statements / sizeof *statements; i++)
        run_on_server(c, statements[i]);
    PQfinish(c);
    return well;
}

static bool measure_side(const task *t, measured *m, int side, size_t round) {
    double figures[FIGURES];
    bool well = empty_server(t);
    settle(t->run);
    well = well && in_child(sides[side], t, figures, FIGURES);
    scratch_remove(t->run, "postgres.db");
    remove_tree(scratch(t->run, "postgres-journal"));
    for (int i = 0; well && i < FIGURES; i++)
        m->figures[side][i][round] = figures[i];
    return well;
}

/* ---- reporting ------------------------------------------------------------------------------- */

static double middle(const measured *m, int side, int which) {
    return spread_of(m->figures[side][which], m->rounds).median;
}

static void report_rate(bench_run *run, const measured *m, int other, const char *name,
                        const char *words, const char *durability, goal wanted) {
    char part[80], theirs[80];
    (void)snprintf(part, sizeof part, "rows a second, against %s", words);
    (void)snprintf(theirs, sizeof theirs, "%s %s", words,
                   amount(middle(m, other, ROWS_PER_S), "rows/s"));
    report_figure(&run->report,
                  &(figure){.name = name,
                            .part = part,
                            .unit = "×",
                            .ours = amount(middle(m, JOURNAL, ROWS_PER_S), "rows/s"),
                            .theirs = theirs,
                            .value = spread_of_ratio(m->figures[JOURNAL][ROWS_PER_S],
                                                     m->figures[other][ROWS_PER_S], m->rounds),
                            .goal = wanted,
                            .theirs_durability = durability});
}

static void report_client(bench_run *run, const measured *m) {
    char theirs[80];
    (void)snprintf(theirs, sizeof theirs, "into SQLite %s",
                   amount(middle(m, SQLITE, CLIENT_NS), "ns"));
    report_figure(
        &run->report,
        &(figure){.name = "ratio_client",
                  .part = "processor time a row of the thread that applies (server not included)",
                  .unit = "×",
                  .ours = amount(middle(m, JOURNAL, CLIENT_NS), "ns"),
                  .theirs = theirs,
                  .value = spread_of_ratio(m->figures[JOURNAL][CLIENT_NS],
                                           m->figures[SQLITE][CLIENT_NS], m->rounds),
                  .goal = {GOAL_AT_MOST, 0.9},
                  .theirs_durability = APPLIED_DURABILITY});
    report_figure(&run->report,
                  &(figure){.name = "client_ns_per_row",
                            .part = "the same alone",
                            .unit = "ns/row",
                            .value = spread_of(m->figures[JOURNAL][CLIENT_NS], m->rounds),
                            .goal = {GOAL_AT_MOST, 800}});
}

static void report_fields(bench_run *run, const measured *m) {
    static const char *const names[SIDES] = {"copy", "weir", "sqlite"};
    static const char *const figures[FIGURES] = {"rows_per_s", "applying_ns_per_row",
                                                 "process_ns_per_row"};
    char name[64];
    for (int side = 0; side < SIDES; side++)
        for (int i = 0; i < FIGURES; i++) {
            (void)snprintf(name, sizeof name, "%s_%s", names[side], figures[i]);
            report_field(&run->report, name, middle(m, side, i));
        }
}

static void report_all(bench_run *run, const measured *m) {
    report_begin(&run->report, "postgres", SERVER_DURABILITY, SERVER_DURABILITY);
    report_rate(run, m, BARE, "ratio", "a bare loop of COPY BINARY",
                "committed, synced (fsync, synchronous_commit)", (goal){GOAL_AT_LEAST, 0.9});
    report_client(run, m);
    report_rate(run, m, SQLITE, "ratio_sqlite", "the same into SQLite", APPLIED_DURABILITY,
                (goal){GOAL_NONE, 0});
    report_fields(run, m);
    report_end(&run->report);
}

int bench_postgres(bench_run *run) {
    if (pg_server_missing()) {
        report_begin(&run->report, "postgres", "–", "–");
        report_missing(&run->report, "server", pg_server_missing());
        report_end(&run->report);
        return 0;
    }
    progress("postgres: making a server");
    task t = {run, own_server(SETTINGS), run->quick ? ROWS / 10 : ROWS};
    measured m = {.rounds = run->quick ? 3 : ROUNDS};
    for (size_t round = 0; round < m.rounds; round++)
        for (int side = 0; side < SIDES; side++) {
            progress("postgres: round %zu of %zu", round + 1, m.rounds);
            if (!measure_side(&t, &m, side, round)) return 1;
        }
    report_all(run, &m);
    return 0;
}
