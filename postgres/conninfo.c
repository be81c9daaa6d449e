/* conninfo.c - what may be shown of a connection string. libpq's own complaints about a string quote
 * pieces of it, and with a slip in an URI such a piece is the password: none of them is passed on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connection_state.h"

static bool is_uri(const char *text) {
    return !strncmp(text, "postgresql://", 13) || !strncmp(text, "postgres://", 11);
}

/* An @ behind the host comes of a password with a raw / or ?, whose parts libpq would take for the
 * port and the database. */
static bool is_torn(const char *uri) {
    const char *behind = strstr(uri, "://") + 3;
    behind += strcspn(behind, "/?#");
    return strchr(behind, '@') != NULL;
}

static const char *value_of(const PQconninfoOption *options, const char *keyword) {
    for (; options->keyword; options++)
        if (!strcmp(options->keyword, keyword)) return options->val ? options->val : "";
    return "";
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

int weir_pg_judge_conninfo(const char *conninfo, char **name, char **password, weir_error *error) {
    *name = *password = NULL;
    if (is_uri(conninfo) && is_torn(conninfo))
        return weir_fail(error, WEIR_MISUSE,
                         "the connection string has an @ after its host: in a "
                         "URI write @ as %%40 and / as %%2F");
    char *complaint = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &complaint);
    PQfreemem(complaint);
    bool sound =
        options && !value_of(options, "port")[strspn(value_of(options, "port"), "0123456789,")];
    if (!sound) {
        PQconninfoFree(options);
        return weir_fail(error, WEIR_MISUSE,
                         "libpq does not understand the connection string: "
                         "postgresql://user@host/database or \"host=… dbname=… user=…\"; it is "
                         "not shown, since it may hold a password");
    }
    const char *secret = value_of(options, "password");
    *name = shown_name_of(options);
    if (secret[0]) *password = strdup(secret);
    PQconninfoFree(options);
    if (*name && (*password || !secret[0])) return WEIR_OK;
    free(*name);
    free(*password);
    *name = *password = NULL;
    return weir_fail(error, WEIR_NO_MEMORY, "no memory for a connection string");
}
