#include "pg_server.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    ARGUMENTS = 48,
    PATH_BYTES = sizeof((pg_server *)0)->bin,
    READY_TRIES = 6000 /* of 10 ms */
};

/* ---- who and where ---- */

/* The directory that was asked for, or that of the newest version in Debian's place. */
static bool find_programs(char *bin, size_t bytes) {
    const char *given = getenv("WEIR_POSTGRES_BIN");
    glob_t found = {0};
    bool any = false;
    if (given && given[0]) {
        any = snprintf(bin, bytes, "%s", given) < (int)bytes;
    } else if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0 && found.gl_pathc) {
        (void)snprintf(bin, bytes, "%.*s",
                       (int)(strlen(found.gl_pathv[found.gl_pathc - 1]) - strlen("/initdb")),
                       found.gl_pathv[found.gl_pathc - 1]);
        any = true;
    }
    globfree(&found);
    return any;
}

/* A server does not run as root. */
static const struct passwd *server_user(void) {
    const struct passwd *user = getpwnam("postgres");
    return user ? user : getpwnam("nobody");
}

static void become_server_user(void) {
    const struct passwd *user = server_user();
    if (geteuid() == 0 && (setgroups(0, NULL) || setgid(user->pw_gid) || setuid(user->pw_uid)))
        _exit(126);
}

/* A directory below /root is closed to it. */
static bool server_user_may_run(const char *bin) {
    char path[PATH_BYTES + 32];
    int how;
    (void)snprintf(path, sizeof path, "%s/postgres", bin);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        become_server_user();
        _exit(access(path, X_OK) ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    return WIFEXITED(how) && WEXITSTATUS(how) == 0;
}

const char *pg_server_missing(void) {
    static char why[PATH_BYTES + 64];
    char bin[PATH_BYTES];
    if (!find_programs(bin, sizeof bin)) return "no PostgreSQL server here (postgresql-15)";
    if (geteuid() == 0 && !server_user()) return "no user to run a server as";
    if (server_user_may_run(bin)) return NULL;
    (void)snprintf(why, sizeof why, "no PostgreSQL in %s, or its user may not run it", bin);
    return why;
}

void pg_server_need(void) {
    const char *missing = pg_server_missing();
    if (!missing) return;
    print_message("%s\n", missing);
    skip();
}

/* The package of another version brings its own libraries. */
static void take_libraries_of(const char *bin) {
    char path[PATH_BYTES + 32];
    (void)snprintf(path, sizeof path, "%s/../lib", bin);
    if (getenv("WEIR_POSTGRES_BIN")) (void)setenv("LD_LIBRARY_PATH", path, 1);
}

/* ---- processes ---- */

pid_t pg_server_spawn(const pg_server *s, char *const arguments[]) {
    char log[96];
    (void)snprintf(log, sizeof log, "%s/log", s->root);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child) return child;
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGQUIT, SIG_DFL);
    become_server_user();
    take_libraries_of(s->bin);
    (void)prctl(PR_SET_PDEATHSIG, SIGQUIT);
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || chdir(s->root)) _exit(126);
    (void)execv(arguments[0], arguments);
    _exit(127);
}

static void show_log(const pg_server *s) {
    char line[512], log[96];
    (void)snprintf(log, sizeof log, "%s/log", s->root);
    FILE *f = fopen(log, "re");
    while (f && fgets(line, sizeof line, f))
        print_message("%s", line);
    if (f) (void)fclose(f);
}

static void run(const pg_server *s, char *const arguments[]) {
    int how;
    pid_t child = pg_server_spawn(s, arguments);
    assert_int_equal(waitpid(child, &how, 0), child);
    if (!WIFEXITED(how) || WEXITSTATUS(how)) show_log(s);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
}

static char *program(const pg_server *s, const char *name, char path[PATH_BYTES + 32]) {
    (void)snprintf(path, PATH_BYTES + 32, "%s/%s", s->bin, name);
    return path;
}

static void wait_until_ready(pg_server *s) {
    const struct timespec pause = {.tv_nsec = 10000000};
    for (int i = 0; i < READY_TRIES; i++) {
        int how;
        if (PQping(s->conninfo) == PQPING_OK) return;
        if (waitpid(s->process, &how, WNOHANG) == s->process) break;
        (void)nanosleep(&pause, NULL);
    }
    show_log(s);
    fail_msg("the server in %s does not answer", s->root);
}

void pg_server_start(pg_server *s) {
    char path[PATH_BYTES + 32], port[16], words[sizeof s->settings], *arguments[ARGUMENTS],
        *rest = NULL;
    size_t n = 0;
    (void)snprintf(port, sizeof port, "%d", s->port);
    char *const head[] = {program(s, "postgres", path),
                          "-D",
                          s->data,
                          "-k",
                          s->root,
                          "-p",
                          port,
                          "-c",
                          "listen_addresses=",
                          "-c",
                          "max_wal_size=64MB",
                          "-c",
                          "shared_buffers=16MB",
                          "-c",
                          "autovacuum=off"};
    for (; n < sizeof head / sizeof *head; n++)
        arguments[n] = head[n];
    (void)snprintf(words, sizeof words, "%s", s->settings);
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        assert_true(n + 1 < ARGUMENTS);
        arguments[n++] = word;
    }
    arguments[n] = NULL;
    s->process = pg_server_spawn(s, arguments);
    wait_until_ready(s);
}

void pg_server_stop(pg_server *s, int signal_number) {
    int how;
    if (!s->process) return;
    (void)kill(s->process, signal_number);
    assert_int_equal(waitpid(s->process, &how, 0), s->process);
    s->process = 0;
}

/* ---- making ---- */

static void make_root(pg_server *s, const char *settings) {
    static int next_port = 5433; /* only a part of the socket's name */
    *s = (pg_server){.root = "/var/tmp/weir-pg-XXXXXX", .port = next_port++};
    assert_true(find_programs(s->bin, sizeof s->bin));
    assert_non_null(mkdtemp(s->root));
    assert_int_equal(chmod(s->root, 0755), 0);
    if (geteuid() == 0) {
        const struct passwd *user = server_user();
        assert_int_equal(chown(s->root, user->pw_uid, user->pw_gid), 0);
    }
    (void)snprintf(s->data, sizeof s->data, "%s/data", s->root);
    (void)snprintf(s->settings, sizeof s->settings, "%s", settings ? settings : "");
    (void)snprintf(s->conninfo, sizeof s->conninfo,
                   "host=%s port=%d user=weir dbname=postgres connect_timeout=10", s->root,
                   s->port);
    (void)snprintf(s->url, sizeof s->url, "postgresql://weir@/postgres?host=%s&port=%d", s->root,
                   s->port);
}

void pg_server_make(pg_server *s, const char *settings) {
    char path[PATH_BYTES + 32];
    make_root(s, settings);
    char *const arguments[] = {
        program(s, "initdb", path), "-D", s->data, "-U", "weir", "-A", "trust", "-E", "UTF8",
        "--locale=C.UTF-8",         "-N", NULL};
    run(s, arguments);
    pg_server_start(s);
}

static void copy_by_pg_basebackup(const pg_server *standby, const pg_server *of, char *program) {
    char *const arguments[] = {program,
                               "-D",
                               (char *)standby->data,
                               "-d",
                               (char *)of->conninfo,
                               "-R",
                               "-X",
                               "stream",
                               "-c",
                               "fast",
                               "-N",
                               NULL};
    run(standby, arguments);
}

/* The npm package has no pg_basebackup: the server is stopped for it. */
static void copy_while_stopped(const pg_server *standby, pg_server *of) {
    char command[800];
    (void)snprintf(command, sizeof command,
                   "cp -a '%s' '%s' && touch '%s/standby.signal' && "
                   "echo \"primary_conninfo = '%s'\" >>'%s/postgresql.auto.conf'",
                   of->data, standby->data, standby->data, of->conninfo, standby->data);
    char *const arguments[] = {"/bin/sh", "-c", command, NULL};
    pg_server_stop(of, SIGINT);
    run(standby, arguments);
    pg_server_start(of);
}

void pg_server_make_standby(pg_server *standby, pg_server *of, const char *settings) {
    char path[PATH_BYTES + 32];
    make_root(standby, settings);
    if (access(program(standby, "pg_basebackup", path), X_OK) == 0)
        copy_by_pg_basebackup(standby, of, path);
    else
        copy_while_stopped(standby, of);
    pg_server_start(standby);
}

void pg_server_promote(pg_server *s) {
    char yes[8];
    pg_server_ask(s, "SELECT pg_promote(true, 60)", yes, sizeof yes);
    assert_string_equal(yes, "t");
}

void pg_server_free(pg_server *s) {
    char command[128];
    pg_server_stop(s, SIGQUIT);
    if (!s->root[0]) return;
    (void)snprintf(command, sizeof command, "rm -rf '%s'", s->root);
    assert_int_equal(system(command), 0);
    s->root[0] = 0;
}

/* ---- asking ---- */

PGconn *pg_server_connect(const pg_server *s) {
    PGconn *c = PQconnectdb(s->conninfo);
    if (PQstatus(c) != CONNECTION_OK) fail_msg("%s", PQerrorMessage(c));
    return c;
}

void pg_server_ask(const pg_server *s, const char *sql, char *out, size_t bytes) {
    PGconn *c = pg_server_connect(s);
    PGresult *r = PQexec(c, sql);
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQresultErrorMessage(r));
    bool any = status == PGRES_TUPLES_OK && PQntuples(r) > 0 && PQnfields(r) > 0;
    if (out) (void)snprintf(out, bytes, "%s", any ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    PQfinish(c);
}

void pg_server_run(const pg_server *s, const char *sql) { pg_server_ask(s, sql, NULL, 0); }

long long pg_server_count(const pg_server *s, const char *sql) {
    char text[32];
    pg_server_ask(s, sql, text, sizeof text);
    return strtoll(text, NULL, 10);
}
