/* connection.c - a connection made, kept and closed, and waiting for it. */
#include "connection_state.h"

#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIMEOUT_MS = 10000 };

int weir_pg_make(const weir_pg_config *config, weir_pg **out, weir_error *error) {
    *out = NULL;
    weir_pg *pg = calloc(1, sizeof *pg);
    if (!pg) return weir_fail(error, WEIR_NO_MEMORY, "no memory for a connection");
    pg->os = config->os;
    pg->timeout_ms = config->timeout_ms ? config->timeout_ms : TIMEOUT_MS;
    atomic_init(&pg->hurry_ns, UINT64_MAX);
    pg->event = -1;
    int status = weir_pg_judge_conninfo(config->conninfo, &pg->name, &pg->options, error);
    if (status == WEIR_OK) {
        pg->conninfo = strdup(config->conninfo);
        if (!pg->conninfo) status = weir_fail(error, WEIR_NO_MEMORY, "no memory for a connection");
    }
    if (status == WEIR_OK) {
        pg->event = pg->os->make_event(pg->os->self);
        if (pg->event < 0) status = weir_fail_os(error, pg->event, "an event for %s", pg->name);
    }
    if (status == WEIR_OK)
        *out = pg;
    else
        weir_pg_free(pg);
    return status;
}

void weir_pg_free(weir_pg *pg) {
    if (!pg) return;
    weir_pg_close(pg);
    if (pg->event >= 0) (void)close(pg->event); /* an eventfd: nothing to lose */
    if (pg->conninfo) explicit_bzero(pg->conninfo, strlen(pg->conninfo));
    weir_pg_options_free(pg->options);
    free(pg->conninfo);
    free(pg->name);
    free(pg);
}

bool weir_pg_is_open(const weir_pg *pg) { return pg->connection != NULL; }
const char *weir_pg_name(const weir_pg *pg) { return pg->name; }
const weir_pg_failure *weir_pg_failed(const weir_pg *pg) { return &pg->failure; }
int weir_pg_version(const weir_pg *pg) {
    return pg->connection ? PQserverVersion(pg->connection) : 0;
}

/* Says goodbye without waiting for an answer. */
void weir_pg_close(weir_pg *pg) {
    if (pg->connection) PQfinish(pg->connection);
    pg->connection = NULL;
    pg->copying = false;
}

/* ---- waiting ---- */

void weir_pg_start(weir_pg *pg) {
    pg->deadline_ns = pg->os->now(pg->os->self) + (uint64_t)pg->timeout_ms * 1000000;
    pg->failure = (weir_pg_failure){0};
}

void weir_pg_hurry(weir_pg *pg, uint64_t deadline_ns) {
    atomic_store_explicit(&pg->hurry_ns, deadline_ns, memory_order_release); /* with weir_pg_wait */
    pg->os->raise_event(pg->os->self, pg->event);
}

int weir_pg_wait(weir_pg *pg, short events, weir_error *error) {
    for (;;) {
        uint64_t hurry = atomic_load_explicit(&pg->hurry_ns, memory_order_acquire);
        uint64_t limit = hurry < pg->deadline_ns ? hurry : pg->deadline_ns;
        uint64_t now = pg->os->now(pg->os->self);
        if (now >= limit) {
            (void)snprintf(pg->failure.message, sizeof pg->failure.message, "no answer in time");
            weir_pg_close(pg); /* what it was asked for may still be done */
            return weir_fail(error, WEIR_BUSY, "%s does not answer within %s", pg->name,
                             hurry < pg->deadline_ns ? "the time that closing gives"
                                                     : "timeout_ms");
        }
        uint64_t ms = (limit - now + 999999) / 1000000;
        struct pollfd fds[2] = {{.fd = PQsocket(pg->connection), .events = events},
                                {.fd = pg->event, .events = POLLIN}};
        int ready = poll(fds, 2, ms > 60000 ? 60000 : (int)ms); /* EINTR: look again */
        uint64_t told;
        if (ready > 0 && fds[1].revents)
            (void)!read(pg->event, &told, sizeof told); /* only to make it quiet */
        if (ready > 0 && fds[0].revents) return WEIR_OK;
    }
}

/* ---- connecting ---- */

/* Remember which warnings came. A full list forgets the newest but one. */
static void take_notice(void *self, const PGresult *result) {
    weir_pg *pg = self;
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (!state || !severity || strcmp(severity, "WARNING") != 0) return;
    size_t at = pg->warning_count < WEIR_PG_WARNINGS ? pg->warning_count++ : WEIR_PG_WARNINGS - 1;
    (void)snprintf(pg->warnings[at], sizeof pg->warnings[at], "%s", state);
}

bool weir_pg_warned(weir_pg *pg, const char *sqlstate) {
    bool found = false;
    for (size_t i = 0; i < pg->warning_count; i++)
        found = found || !strcmp(pg->warnings[i], sqlstate);
    pg->warning_count = 0;
    return found;
}

/* What stands before the string is a default; what stands behind it prevails. A host that swallows
 * packets is given up after half the time, so that the next of a list has its turn. */
static PGconn *begin_to_connect(const weir_pg *pg) {
    char half[16];
    (void)snprintf(half, sizeof half, "%u", pg->timeout_ms / 2 + 1);
    const char *const keywords[] = {
        "keepalives",       "keepalives_idle",  "keepalives_interval",
        "keepalives_count", "tcp_user_timeout", "fallback_application_name",
        "dbname",           "client_encoding",  NULL};
    const char *const values[] = {"1", "10", "5", "3", half, "weir", pg->conninfo, "UTF8", NULL};
    return PQconnectStartParams(keywords, values, 1);
}

static int finish_connecting(weir_pg *pg, weir_error *error) {
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    ConnStatusType stage = CONNECTION_BAD; /* not begun */
    while (next != PGRES_POLLING_OK) {
        if (next == PGRES_POLLING_FAILED || PQstatus(pg->connection) == CONNECTION_BAD)
            return weir_pg_fail_connect(pg, stage, error);
        int status = weir_pg_wait(pg, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, error);
        if (status != WEIR_OK) return status;
        stage = PQstatus(pg->connection);
        next = PQconnectPoll(pg->connection);
    }
    return WEIR_OK;
}

static int begin_and_finish(weir_pg *pg, weir_error *error) {
    pg->connection = begin_to_connect(pg);
    if (!pg->connection) return weir_fail(error, WEIR_NO_MEMORY, "no memory for a connection");
    (void)PQsetErrorVerbosity(pg->connection, PQERRORS_VERBOSE); /* for weir_pg_fail_connect */
    (void)PQsetNoticeReceiver(pg->connection, take_notice, pg);
    return finish_connecting(pg, error);
}

/* In libpq's own words, since some of them tell what must be mended here. */
int weir_pg_connect(weir_pg *pg, weir_error *error) {
    if (pg->connection) return WEIR_OK;
    weir_pg_start(pg);
    pg->warning_count = 0;
    locale_t own = newlocale(LC_MESSAGES_MASK, "C", (locale_t)0), usual = uselocale(own);
    int status = begin_and_finish(pg, error);
    (void)uselocale(usual);
    if (own) freelocale(own);
    if (status != WEIR_OK) return status;
    (void)PQsetErrorVerbosity(pg->connection, PQERRORS_DEFAULT);
    return PQsetnonblocking(pg->connection, 1) ? weir_pg_fail_lost(pg, error) : WEIR_OK;
}
