/* whole.h - a journal whose rows go to a PostgreSQL server, alone or beside SQLite, in a process that may
 * be killed at any instruction; and whether each row came once and in order.
 *
 * What the process has been told stands in shared memory. The table in the server numbers its rows as
 * they arrive (a sequence), and has the journal's own number too: both must count 1, 2, 3 … alike. */
#ifndef WEIR_TESTS_WHOLE_H
#define WEIR_TESTS_WHOLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <weir/postgres.h>
#include <weir/sqlite.h>

#include "pg_server.h"

enum { WHOLE_PRODUCERS = 3, WHOLE_RUNS = 64 };

typedef enum whole_sinks { WHOLE_SERVER, WHOLE_BOTH } whole_sinks;

typedef struct whole {
    uint64_t seed;
    whole_sinks sinks;
    unsigned run;                  /* of this journal: each has rows of its own */
    char directory[96], path[128]; /* of the test; of the database, or of the journal */
    char conninfo[256];            /* that the process uses */
    uint32_t open_timeout_ms;      /* also of closing */
    uint32_t timeout_ms, pace_us;  /* of a question to the server; between two appends, at most */
    _Atomic uint64_t published[WHOLE_RUNS * WHOLE_PRODUCERS], applied[WHOLE_RUNS * WHOLE_PRODUCERS];
    _Atomic uint64_t slowest_ns; /* append */
    _Atomic uint32_t told;       /* events: a bit for each */
    _Atomic int failure;
    _Atomic bool stop;
} whole;

whole *whole_make(void); /* shared with the processes that are forked; nothing in it yet */
void whole_free(whole *l);
/* A fresh journal, and an empty schema public in the server with the table "rows". */
void whole_begin(whole *l, const pg_server *server, whole_sinks sinks, uint64_t seed);
void whole_end(whole *l); /* deletes them */
void whole_next_run(whole *l);
const char *whole_sink(const whole *l); /* the server's name as a sink */

int whole_open(whole *l, weir **out);
int whole_declare(weir *w, weir_table **out); /* "rows" */
/* Row number sequence of the producer, counted from 1 in each run. */
int whole_append(whole *l, weir_table *table, unsigned producer, uint64_t sequence);

/* Bodies of a process. work: producers append, another waits at the server's sink, until stop; then
 * it closes, and leaves rows if it must. recover: all rows reach all sinks. */
void whole_work(whole *l);
void whole_recover(whole *l);
pid_t whole_start(void (*body)(whole *), whole *l);
int whole_end_of(pid_t child); /* its wait status */
void whole_kill(pid_t child);

/* What was applied, as the process was told, is in the server. */
void whole_check_applied(const whole *l, const pg_server *server);
/* All that was published is there once and in order, and SQLite has the same. Returns how many. */
uint64_t whole_check(const whole *l, const pg_server *server);
/* Two tables, in their orders, have the same values: SQL on each side. Returns how many rows. */
uint64_t whole_same(const char *database, const char *sqlite, const pg_server *server,
                    const char *postgres);

/* ---- for programs whose tests have a handle themselves ----------------------------------------- */

typedef struct whole_fixture {
    pg_server server;
    whole *l;
    weir *w; /* NULL: not open */
    weir_table *table;
} whole_fixture;

int whole_group_set_up(void **state); /* starts the server, or leaves *state NULL */
int whole_group_tear_down(void **state);
int whole_tear_down(void **state);
#define WHOLE_TEST(name) cmocka_unit_test_teardown(name, whole_tear_down)
/* At the begin of each test: a fresh journal and an empty schema, or the test is skipped. */
whole_fixture *whole_fixture_of(void **state, whole_sinks sinks);
void whole_ok(int status); /* asserted */
void whole_open_it(whole_fixture *f);
void whole_close_it(whole_fixture *f);

typedef struct whole_producer {
    whole_fixture *f;
    unsigned index;
    uint64_t from, to; /* sequence numbers */
    pthread_t thread;
} whole_producer;

/* Each producer appends these numbers. all: WHOLE_PRODUCERS of them. */
void whole_start_all(whole_fixture *f, whole_producer *all, uint64_t from, uint64_t to);
void whole_join_all(whole_producer *all);
void whole_append_all(whole_fixture *f, uint64_t from, uint64_t to);

#endif
