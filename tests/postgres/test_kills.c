/* test_kills.c - a program is killed at random, and so are its session, the server and the network
 * between them; then each row is in the server once and in order, and in SQLite too.
 *
 * A round: a process with three producers is disturbed some times, while it goes on; then it is killed,
 * or closes; sometimes what recovers is disturbed or killed as well. All of it follows from the seed,
 * but for when the machine runs whom.
 *
 *     test_postgres_kills                the suite: ROUNDS rounds from seed 1
 *     test_postgres_kills SECONDS [SEED] as many as fit; WEIR_KILLS=N: until N kills are done
 *     test_postgres_kills 0 SEED         that round alone, on a journal of its own. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "message_proxy.h"
#include "support.h"
#include "whole.h"

enum { ROUNDS = 28, ROUNDS_OF_A_JOURNAL = 5, LEAST_KILLS = 60 };

typedef enum blow { CLIENT, SESSION, BACKEND, STOPPED, SERVER, NETWORK, MESSAGE, BLOWS } blow;
static const char *const blow_names[BLOWS] = {
    "processes", "sessions", "backends", "stopped backends", "servers", "networks", "messages"};

typedef struct fixture {
    pg_server server;
    message_proxy *proxy;
    whole *l;
    weir_rng rng;
    pid_t stopped; /* a backend; 0: none */
    unsigned long long done[BLOWS];
} fixture;

/* A plan for a message counts when it was carried out. */
static unsigned long long kills_of(fixture *f) {
    unsigned long long all = 0;
    f->done[MESSAGE] = atomic_load(&f->proxy->acted);
    for (int i = 0; i < BLOWS; i++)
        all += f->done[i];
    return all;
}

/* ---- blows ----------------------------------------------------------------------------------- */

/* Of the sink's session, or 0: none comes. */
static pid_t session(const fixture *f) {
    pid_t pid = 0;
    for (int i = 0; i < 50 && pid <= 0; i++) {
        pid = (pid_t)pg_server_count(&f->server, "SELECT max(pid) FROM pg_stat_activity WHERE"
                                                 " application_name LIKE 'weir%' AND"
                                                 " pid <> pg_backend_pid()");
        if (pid <= 0) (void)usleep(10000);
    }
    return pid;
}

static void end_session(fixture *f) {
    pg_server_run(&f->server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
                              " application_name LIKE 'weir%' AND pid <> pg_backend_pid()");
}

static void say_nothing(void *self, const char *words) { (void)self, (void)words; }

static bool stands(PGconn *witness) {
    PQclear(PQexec(witness, "SELECT 1"));
    return PQstatus(witness) == CONNECTION_OK;
}

/* The postmaster ends all the others then, and recovers: over when a session of before is gone, and a new
 * one is let in. If the backend had ended by itself before the blow, none of that happens: once it is
 * collected, the postmaster lets somebody in, and the session of before stands. */
static void kill_backend(fixture *f) {
    pid_t pid = session(f);
    if (pid <= 0) return;
    PGconn *witness = pg_server_connect(&f->server);
    (void)PQsetNoticeProcessor(witness, say_nothing, NULL);
    (void)kill(pid, SIGKILL);
    bool in_vain = false;
    while (!in_vain && stands(witness)) {
        bool collected = kill(pid, 0) != 0;
        in_vain = collected && PQping(f->server.conninfo) == PQPING_OK && stands(witness);
        (void)usleep(1000);
    }
    PQfinish(witness);
    while (PQping(f->server.conninfo) != PQPING_OK)
        (void)usleep(5000);
    f->done[BACKEND] += !in_vain;
}

/* What its client has sent and will send stays in its socket, whether the client dies or not. */
static void stop_backend(fixture *f) {
    f->stopped = session(f);
    if (f->stopped > 0)
        (void)kill(f->stopped, SIGSTOP);
    else
        f->stopped = 0;
    f->done[STOPPED] += f->stopped != 0;
}

static void resume_backend(fixture *f) {
    if (f->stopped) (void)kill(f->stopped, SIGCONT);
    f->stopped = 0;
}

static void restart(fixture *f) {
    pg_server_stop(&f->server, SIGQUIT);
    (void)usleep((useconds_t)weir_rng_below(&f->rng, 30000));
    pg_server_start(&f->server);
}

static void strike(fixture *f) {
    static const blow drawn[] = {SESSION, SESSION, NETWORK, NETWORK, MESSAGE, MESSAGE,
                                 MESSAGE, BACKEND, SERVER,  SERVER,  MESSAGE, NETWORK};
    blow b = drawn[weir_rng_below(&f->rng, sizeof drawn / sizeof *drawn)];
    if (b != MESSAGE && b != BACKEND) f->done[b]++;
    switch (b) {
    case SESSION: end_session(f); break;
    case BACKEND: kill_backend(f); break;
    case SERVER: restart(f); break;
    case NETWORK: message_proxy_cut(f->proxy); break;
    default:
        message_proxy_plan(f->proxy, weir_rng_below(&f->rng, 40),
                           (proxy_act)weir_rng_below(&f->rng, PROXY_ACTS));
        break;
    }
}

static void pause_some(fixture *f) {
    (void)usleep((useconds_t)weir_rng_below(&f->rng, weir_rng_below(&f->rng, 4) ? 60000 : 4000));
}

/* ---- rounds ---------------------------------------------------------------------------------- */

static void check_told(const fixture *f, const char *when) {
    if (atomic_load(&f->l->failure))
        fail_msg("seed %llu: %s failed with %s", (unsigned long long)f->l->seed, when,
                 weir_status_name(atomic_load(&f->l->failure)));
}

static void recover(fixture *f) {
    while (weir_rng_below(&f->rng, 4) == 0) { /* recovery from a recovery that did not end */
        pid_t child = whole_start(whole_recover, f->l);
        if (weir_rng_below(&f->rng, 2) && !f->stopped) strike(f);
        (void)usleep((useconds_t)weir_rng_below(&f->rng, 60000));
        whole_kill(child);
        f->done[CLIENT]++;
    }
    if (weir_rng_below(&f->rng, 2)) message_proxy_cut(f->proxy); /* or who is stalled stays so */
    message_proxy_no_plan(f->proxy);
    pid_t child = whole_start(whole_recover, f->l);
    if (f->stopped) pause_some(f);
    resume_backend(f); /* a zombie: its program is dead, and the next is there */
    if (whole_end_of(child) != 0) check_told(f, "recovery");
    check_told(f, "recovery");
}

static void one_round(fixture *f) {
    whole *l = f->l;
    f->rng = (weir_rng){l->seed ^ 0x5EED};
    l->pace_us = (uint32_t)(20u << weir_rng_below(&f->rng, 5));
    l->timeout_ms = 200 + (uint32_t)weir_rng_below(&f->rng, 800);
    pid_t child = whole_start(whole_work, l);
    for (uint64_t blows = weir_rng_below(&f->rng, 4); blows--;) {
        pause_some(f);
        strike(f);
    }
    pause_some(f);
    if (weir_rng_below(&f->rng, 4)) {
        if (weir_rng_below(&f->rng, 4) == 0) stop_backend(f);
        whole_kill(child);
        f->done[CLIENT]++;
    } else {
        atomic_store(&l->stop, true);
        if (whole_end_of(child) != 0) check_told(f, "the program");
    }
    check_told(f, "the program");
    /* A backend that is stopped may hold a page, and nobody can count then. */
    if (!f->stopped) whole_check_applied(l, &f->server);
    recover(f);
    (void)whole_check(l, &f->server);
}

static uint64_t rounds(fixture *f, uint64_t seed, uint64_t count, double seconds,
                       unsigned long long kills) {
    time_t begin = time(NULL);
    uint64_t done = 0;
    for (bool more = true; more;) {
        whole_begin(f->l, &f->server, (seed + done) % 2 ? WHOLE_BOTH : WHOLE_SERVER, seed + done);
        (void)snprintf(f->l->conninfo, sizeof f->l->conninfo, "%s", f->proxy->conninfo);
        for (unsigned run = 0; run < ROUNDS_OF_A_JOURNAL && more; run++) {
            f->l->seed = seed + done++;
            if (run) whole_next_run(f->l);
            one_round(f);
            more = kills   ? kills_of(f) < kills
                   : count ? done < count
                           : (double)(time(NULL) - begin) < seconds;
        }
        message_proxy_no_plan(f->proxy);
        message_proxy_cut(f->proxy);
        whole_end(f->l);
    }
    return done;
}

static uint64_t asked_rounds = ROUNDS, asked_seed = 1;
static double asked_seconds;
static unsigned long long asked_kills;

static int set_up(void **state) {
    if (pg_server_missing()) return 0;
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    *state = f;
    /* Or a postmaster that stops waits a minute for a client that said nothing yet. */
    pg_server_make(&f->server, "-c authentication_timeout=2");
    f->l = whole_make();
    f->proxy = message_proxy_start(&f->server);
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    if (!f) return 0;
    message_proxy_stop(f->proxy);
    pg_server_free(&f->server);
    whole_free(f->l);
    free(f);
    return 0;
}

static void each_row_comes_once_and_in_order(void **state) {
    fixture *f = *state;
    if (!f) {
        print_message("%s\n", pg_server_missing());
        skip();
        abort(); /* skip does not return */
    }
    uint64_t done = rounds(f, asked_seed, asked_rounds, asked_seconds, asked_kills);
    print_message("%llu kills in %llu rounds, seeds %llu to %llu:", kills_of(f),
                  (unsigned long long)done, (unsigned long long)asked_seed,
                  (unsigned long long)(asked_seed + done - 1));
    for (int i = 0; i < BLOWS; i++)
        print_message(" %llu %s", f->done[i], blow_names[i]);
    print_message("\n");
    if (asked_rounds == ROUNDS) assert_true(kills_of(f) >= LEAST_KILLS);
}

int main(int argc, char **argv) {
    const char *kills = getenv("WEIR_KILLS");
    if (kills) asked_kills = strtoull(kills, NULL, 10);
    if (kills) asked_rounds = 0;
    if (argc > 1) {
        asked_seconds = strtod(argv[1], NULL);
        asked_rounds = asked_seconds > 0 ? 0 : 1;
    }
    if (argc > 2) asked_seed = strtoull(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_row_comes_once_and_in_order)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
