/* failure.c - what a server or libpq says of a failure, as a status and words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connection_state.h"

/* Those that differ from their class stand first. Everything else passes only once somebody acts. */
int weir_pg_status(const char *sqlstate) {
    static const struct {
        const char *prefix;
        int status;
    } known[] = {
        {"08", WEIR_IO},      /* connection exceptions; pgbouncer's own */
        {"25006", WEIR_BUSY}, /* read-only: a standby, until it is promoted */
        {"40", WEIR_BUSY},    /* serialization, deadlock */
        {"53100", WEIR_NO_SPACE}, {"53300", WEIR_BUSY}, /* no connection left */
        {"53", WEIR_NO_MEMORY},   {"55006", WEIR_BUSY}, /* object in use */
        {"55P03", WEIR_BUSY},                           /* lock_timeout */
        {"57014", WEIR_BUSY},                           /* cancelled, statement_timeout */
        {"57P03", WEIR_BUSY},                           /* it starts or stops */
        {"57P04", WEIR_DATABASE},                       /* the database was dropped */
        {"57P", WEIR_IO},                               /* the connection was ended */
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strncmp(sqlstate, known[i].prefix, strlen(known[i].prefix))) return known[i].status;
    return sqlstate[0] ? WEIR_DATABASE : WEIR_IO;
}

/* A text of somebody else, with *** for each secret in it, and cut where it is too long: of a secret that
 * is cut a part would be left. */
static void keep(const weir_pg *pg, char *into, size_t bytes, const char *text) {
    size_t used = 0;
    while (text && *text && used + 1 < bytes) {
        size_t secret = weir_pg_secret_at(pg, text);
        for (int stars = 0; secret && stars < 3 && used + 1 < bytes; stars++)
            into[used++] = '*';
        if (!secret) into[used++] = *text;
        text += secret ? secret : 1;
    }
    into[used] = 0;
}

/* "COPY t, line 17, column x": the words are of the server's language. No column is named where the
 * line was read, and something that comes after has failed. */
static uint64_t copy_line_of(const char *context, bool *column) {
    if (strncmp(context, "COPY ", 5) != 0) return 0;
    const char *at = strstr(context, ", line ");
    char *end;
    if (!at) at = strstr(context, ", ");
    if (!at) return 0;
    uint64_t line = strtoull(at + strcspn(at, "0123456789"), &end, 10);
    *column |= *end == ',';
    return line;
}

static int tell_failure(weir_pg *pg, int status, weir_error *error) {
    weir_pg_failure *f = &pg->failure;
    f->message[strcspn(f->message, "\n")] = 0;
    if (status == WEIR_IO) weir_pg_close(pg);
    return f->sqlstate[0]
               ? weir_fail(error, status, "%s: %s (SQLSTATE %s)", pg->name, f->message, f->sqlstate)
               : weir_fail(error, status, "%s: %s", pg->name, f->message);
}

int weir_pg_fail_lost(weir_pg *pg, weir_error *error) {
    weir_pg_failure *f = &pg->failure;
    *f = (weir_pg_failure){0};
    keep(pg, f->message, sizeof f->message, PQerrorMessage(pg->connection));
    if (!f->message[0]) keep(pg, f->message, sizeof f->message, "the connection is lost");
    return tell_failure(pg, WEIR_IO, error);
}

/* Of a session that has ended, whatever for: the next connection is told whether that lasts. */
static bool is_last_word(const PGresult *result) {
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    return severity && (!strcmp(severity, "FATAL") || !strcmp(severity, "PANIC"));
}

int weir_pg_fail_result(weir_pg *pg, const PGresult *result, weir_error *error) {
    weir_pg_failure *f = &pg->failure;
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    *f = (weir_pg_failure){0};
    (void)snprintf(f->sqlstate, sizeof f->sqlstate, "%s", state ? state : "");
    keep(pg, f->message, sizeof f->message, PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
    keep(pg, f->detail, sizeof f->detail, PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL));
    keep(pg, f->context, sizeof f->context, PQresultErrorField(result, PG_DIAG_CONTEXT));
    keep(pg, f->constraint, sizeof f->constraint,
         PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME));
    f->points = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION) != NULL;
    f->line = copy_line_of(f->context, &f->points);
    if (!f->message[0]) keep(pg, f->message, sizeof f->message, PQresultErrorMessage(result));
    return tell_failure(pg, is_last_word(result) ? WEIR_IO : weir_pg_status(f->sqlstate), error);
}

/* libpq has no field for the SQLSTATE of a refused connection; its verbose text has it after the
 * severity, which is of the server's language: "FATAL:  28P01: password …". The last counts, of the
 * last host. */
static const char *find_state(const char *text) {
    const char *found = NULL;
    for (const char *at = strstr(text, ":  "); at; at = strstr(at + 1, ":  "))
        if (strspn(at + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 &&
            !strncmp(at + 8, ": ", 2))
            found = at + 3;
    return found;
}

static bool begins_with_one_of(const char *text, const char *const *words) {
    for (; *words; words++)
        if (!strncmp(text, *words, strlen(*words))) return true;
    return false;
}

static bool has_one_of(const char *text, const char *const *words) {
    for (; *words; words++)
        if (strstr(text, *words)) return true;
    return false;
}

/* Neither a server that is away nor one that refuses: an option, a password or TLS is not as it must be,
 * here or there. A client's certificate is refused once TLS seems to be there. */
static bool is_misconfigured(const weir_pg *pg, ConnStatusType stage, const char *text) {
    static const char *const options[] = {"invalid ",
                                          "definition of service",
                                          "service file",
                                          "syntax error in service file",
                                          "nested service",
                                          "could not match",
                                          NULL};
    static const char *const lost[] = {"SYSCALL",
                                       "eof",
                                       "closed the connection",
                                       "could not receive",
                                       "could not send",
                                       "error response",
                                       "out of memory",
                                       NULL};
    if (stage == CONNECTION_BAD) return begins_with_one_of(text, options);
    bool tls = stage == CONNECTION_SSL_STARTUP || strstr(text, "SSL error");
    return PQconnectionNeedsPassword(pg->connection) || (tls && !has_one_of(text, lost));
}

int weir_pg_fail_connect(weir_pg *pg, ConnStatusType stage, weir_error *error) {
    weir_pg_failure *f = &pg->failure;
    const char *text = PQerrorMessage(pg->connection), *state = find_state(text);
    *f = (weir_pg_failure){0};
    if (state) {
        memcpy(f->sqlstate, state, 5);
        keep(pg, f->message, sizeof f->message, state + strlen("28P01: "));
    } else {
        keep(pg, f->message, sizeof f->message, text);
    }
    bool wrong = !state && is_misconfigured(pg, stage, text);
    int status = tell_failure(pg, wrong ? WEIR_DATABASE : weir_pg_status(f->sqlstate), error);
    weir_pg_close(pg);
    return status;
}
