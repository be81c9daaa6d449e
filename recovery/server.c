/* server.c - a PostgreSQL server, by a library that is loaded when it is needed. */
#include "server.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/handle/handle.h"
#include "../lib/verify/sink_files.h"

#define BLANKS " \t\n\v\f\r"
#define LIBRARY "libweir-postgres.so.1"
#ifndef WEIR_POSTGRES_LIBDIR /* where it is installed, as the build says */
#define WEIR_POSTGRES_LIBDIR "/usr/lib"
#endif

/* ---- words --------------------------------------------------------------------------------- */

static bool has_prefix(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

/* Behind a word of so many bytes, and blanks, a = follows, as libpq reads it. */
static bool is_given(const char *text, size_t word) {
    return text[word + strspn(text + word, BLANKS)] == '=';
}

/* Those of PostgreSQL 13 to 18. */
static bool is_keyword(const char *text, size_t length) {
    static const char known[] =
        "application_name channel_binding client_encoding connect_timeout dbname"
        " fallback_application_name gssdelegation gssencmode gsslib host hostaddr keepalives"
        " keepalives_count keepalives_idle keepalives_interval krbsrvname load_balance_hosts"
        " max_protocol_version min_protocol_version oauth_client_id oauth_client_secret"
        " oauth_issuer oauth_scope options passfile password port replication require_auth"
        " requirepeer requiressl scram_client_key scram_server_key service servicefile sslcert"
        " sslcertmode sslcompression sslcrl sslcrldir sslkey sslkeylogfile sslmode"
        " sslnegotiation sslpassword sslrootcert sslsni ssl_max_protocol_version"
        " ssl_min_protocol_version target_session_attrs tcp_user_timeout user ";
    for (const char *at = known; *at; at += strcspn(at, " ") + 1)
        if (length && !strncmp(at, text, length) && at[length] == ' ') return true;
    return false;
}

bool weir_is_server(const char *text) {
    if (!text) return false;
    if (has_prefix(text, "postgresql://") || has_prefix(text, "postgres://")) return true;
    text += strspn(text, BLANKS);
    size_t word = strcspn(text, BLANKS "=");
    return is_given(text, word) && is_keyword(text, word);
}

static bool names_password(const char *text) {
    static const char word[] = "password";
    for (; (text = strstr(text, word)); text++)
        if (is_given(text, strlen(word))) return true;
    return false;
}

const char *weir_word_shown(const char *text) {
    bool store = has_prefix(text, "s3://") || has_prefix(text, "http");
    bool secret = weir_is_server(text) || names_password(text) ||
                  (!store && strstr(text, "//") && strchr(text, '@'));
    return secret ? "(a connection string)" : text;
}

/* ---- the library --------------------------------------------------------------------------- */

static int load_module(const weir_postgres_module_1 **out, weir_error *error) {
    const char *path = getenv("WEIR_POSTGRES");
    bool named = path && path[0];
    if (!named) path = WEIR_POSTGRES_LIBDIR "/" LIBRARY; /* beside which this tool was installed */
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);  /* it stays loaded */
    if (!module && !named) module = dlopen(path = LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!module)
        return weir_fail(error, WEIR_NOT_FOUND,
                         "what talks to PostgreSQL is a package of its own: install "
                         "libweir-postgres1 (%s cannot be loaded: %s)",
                         path, dlerror());
    *out = dlsym(module, WEIR_POSTGRES_MODULE_SYMBOL);
    if (*out && (*out)->version == WEIR_POSTGRES_MODULE_VERSION) return WEIR_OK;
    return weir_fail(error, WEIR_VERSION,
                     "%s is of another version of weir: install the libweir-postgres1 of weir %s",
                     path, weir_version());
}

int weir_server_open(const char *conninfo, const weir_arguments *arguments, const weir_os *os,
                     weir_server *out, weir_error *error) {
    const weir_postgres_options options = {.schema = arguments->schema};
    *out = (weir_server){0};
    int status = load_module(&out->part, error);
    if (status != WEIR_OK) return status;
    return out->part->sink(os, conninfo, &options, &out->sink, &out->name, error);
}

void weir_server_close(weir_server *server) {
    if (server->sink.self) server->sink.close(server->sink.self);
    *server = (weir_server){0};
}

int weir_server_check_alone(const weir_place *place, const weir_server *server, weir_error *error) {
    weir_sink_notes notes;
    char who[WEIR_HOLDER_TEXT];
    weir_holder holder = weir_handle_holder(place->os, place->directory);
    if (!holder.is_there) return WEIR_OK;
    int status = weir_sink_notes_take(place->os, WEIR_OS_CWD, place->directory, &notes, error);
    for (size_t i = 0; status == WEIR_OK && i < notes.count; i++) {
        const weir_sink_record *r = &notes.list[i].record;
        bool same = notes.list[i].status == WEIR_OK && r->state == WEIR_SINK_ATTACHED &&
                    strcmp(r->place, server->name) == 0;
        if (same)
            status =
                weir_fail(error, WEIR_LOCKED,
                          "%s is open in %s, whose sink %s applies its rows to %s; close it, "
                          "or detach the sink there",
                          place->directory, weir_holder_text(holder, who), r->name, server->name);
    }
    weir_sink_notes_free(&notes);
    return status;
}

int weir_server_look(weir_server *server, weir_database_view *out, weir_error *error) {
    *out = (weir_database_view){.state = WEIR_DATABASE_READ};
    return server->part->positions(&server->sink, &out->positions, &out->count, error);
}
