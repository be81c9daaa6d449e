/* conninfo.c - what may be shown of a connection string. libpq's own complaints about a string quote
 * pieces of it, and with a slip in an URI such a piece is the password: none of them is passed on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connection_state.h"

static bool is_uri(const char *text) {
    return !strncmp(text, "postgresql://", 13) || !strncmp(text, "postgres://", 11);
}

/* libpq lets the password end at the first @, if no / is before it. Another @, or one behind a /, comes of
 * a password whose rest would be taken for the host, the port or the database. */
static bool is_torn(const char *uri) {
    const char *end = strstr(uri, "://") + 3;
    end += strcspn(end, "@/");
    return *end && strchr(end + 1, '@');
}

static const char *value_of(const PQconninfoOption *options, const char *keyword) {
    for (; options->keyword; options++)
        if (!strcmp(options->keyword, keyword)) return options->val ? options->val : "";
    return "";
}

/* An @ that is neither of an abstract socket nor of a directory. */
static bool names_user(const char *hosts) {
    while (*hosts) {
        size_t length = strcspn(hosts, ",");
        if (length && *hosts != '/' && memchr(hosts + 1, '@', length - 1)) return true;
        hosts += length + (hosts[length] == ',');
    }
    return false;
}

/* libpq takes such a value as it is, and quotes it, as the server does. */
static bool is_nested(const PQconninfoOption *options) {
    const char *database = value_of(options, "dbname");
    return names_user(value_of(options, "host")) || names_user(value_of(options, "hostaddr")) ||
           is_uri(database) || strchr(database, '=');
}

static char *shown_name_of(const PQconninfoOption *o) {
    const char *user = value_of(o, "user"), *host = value_of(o, "host");
    const char *port = value_of(o, "port"), *database = value_of(o, "dbname");
    if (!host[0]) host = value_of(o, "hostaddr");
    bool local = host[0] == '/' || host[0] == '@'; /* a socket's directory */
    char *name = NULL;
    if (asprintf(&name, "postgresql://%s%s%s%s%s/%s%s%s%s%s", user, user[0] ? "@" : "",
                 local ? "" : host, !local && port[0] ? ":" : "", local ? "" : port, database,
                 local ? "?host=" : "", local ? host : "", local && port[0] ? "&port=" : "",
                 local ? port : "") < 0)
        return NULL;
    return name;
}

static int refuse(const PQconninfoOption *options, weir_error *error) {
    const char *port = options ? value_of(options, "port") : "";
    if (!options || port[strspn(port, "0123456789,")])
        return weir_fail(error, WEIR_MISUSE,
                         "libpq does not understand the connection string: "
                         "postgresql://user@host/database or \"host=… dbname=… user=…\"; it is "
                         "not shown, since it may hold a password");
    if (is_nested(options))
        return weir_fail(error, WEIR_MISUSE,
                         "the connection string has another one as its host or database, which "
                         "libpq would take for the name of one; it is not shown, since it may "
                         "hold a password");
    return WEIR_OK;
}

int weir_pg_judge_conninfo(const char *conninfo, char **name, PQconninfoOption **out,
                           weir_error *error) {
    *name = NULL;
    *out = NULL;
    if (is_uri(conninfo) && is_torn(conninfo))
        return weir_fail(error, WEIR_MISUSE,
                         "the connection string has an @ after its host: in a "
                         "URI write @ as %%40 and / as %%2F");
    char *complaint = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &complaint);
    PQfreemem(complaint);
    int status = refuse(options, error);
    if (status == WEIR_OK && !(*name = shown_name_of(options)))
        status = weir_fail(error, WEIR_NO_MEMORY, "no memory for a connection string");
    if (status == WEIR_OK)
        *out = options;
    else
        weir_pg_options_free(options);
    return status;
}

void weir_pg_options_free(PQconninfoOption *options) {
    for (const PQconninfoOption *o = options; o && o->keyword; o++)
        if (o->val) explicit_bzero(o->val, strlen(o->val));
    PQconninfoFree(options);
}

/* ---- secrets in texts ---- */

/* libpq marks passwords with a *. Other secrets it lets people see, who look for mistakes in them. */
static bool is_secret(const PQconninfoOption *o) {
    return o->dispchar[0] == '*' || strstr(o->keyword, "secret") || strstr(o->keyword, "_key");
}

/* Short ones would hit words. */
static size_t match(const char *secret, const char *text) {
    size_t length = secret ? strlen(secret) : 0;
    return length >= 4 && !strncmp(text, secret, length) ? length : 0;
}

size_t weir_pg_secret_at(const weir_pg *pg, const char *text) {
    /* This one may come of a file, or of the environment. */
    size_t most = pg->connection ? match(PQpass(pg->connection), text) : 0;
    for (const PQconninfoOption *o = pg->options; o->keyword; o++) {
        size_t length = is_secret(o) ? match(o->val, text) : 0;
        if (length > most) most = length;
    }
    return most;
}
