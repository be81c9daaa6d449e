/* test_tls.c - what keeps a connection from being made, and only somebody can mend: a certificate, a server
 * without TLS, no password, an option. It is told from a server that is away.
 *
 * Covers: postgres/failure.c, postgres/connection.c */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pg_server.h"
#include "postgres/connection.h"

static pg_server server;
static char certificate[100], another[100];

/* ---- a server by TCP ---- */

static int listen_somewhere(int *port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &bytes), 0);
    *port = ntohs(at.sin_port);
    return listener;
}

/* For "elsewhere", signed by itself. By the server's user, who must own the key. */
static void make_certificate(const char *name, char path[100]) {
    char key[100];
    int how;
    (void)snprintf(path, 100, "%s/%s.crt", server.root, name);
    (void)snprintf(key, sizeof key, "%s/%s.key", server.root, name);
    char *const arguments[] = {"/usr/bin/openssl", "req",   "-x509",         "-nodes", "-newkey",
                               "rsa:2048",         "-subj", "/CN=elsewhere", "-days",  "3650",
                               "-keyout",          key,     "-out",          path,     NULL};
    pid_t child = pg_server_spawn(&server, arguments);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
}

/* With these lines in front of its pg_hba.conf. */
static void start_with(const char *settings, const char *access) {
    char path[100];
    pg_server_stop(&server, SIGINT);
    (void)snprintf(server.settings, sizeof server.settings, "-c listen_addresses=127.0.0.1 %s",
                   settings);
    (void)snprintf(path, sizeof path, "%s/pg_hba.conf", server.data);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    (void)fprintf(f, "%s\nlocal all all trust\nhost all all 127.0.0.1/32 trust\n", access);
    assert_int_equal(fclose(f), 0);
    pg_server_start(&server);
}

static void start_with_tls(const char *access) {
    char settings[400];
    (void)snprintf(settings, sizeof settings,
                   "-c ssl=on -c ssl_cert_file=%s -c ssl_key_file=%.*s.key -c ssl_ca_file=%s",
                   certificate, (int)strlen(certificate) - 4, certificate, certificate);
    start_with(settings, access);
}

static int set_up(void **state) {
    int port;
    (void)state;
    if (pg_server_missing()) return 0;
    pg_server_make(&server, NULL);
    make_certificate("server", certificate);
    make_certificate("another", another);
    pg_server_stop(&server, SIGINT);
    (void)close(listen_somewhere(&port));
    server.port = port;
    (void)snprintf(server.conninfo, sizeof server.conninfo,
                   "host=%s port=%d user=weir dbname=postgres connect_timeout=10", server.root,
                   port);
    pg_server_start(&server);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    if (!pg_server_missing()) pg_server_free(&server);
    return 0;
}

/* ---- connecting ---- */

static int connect_with(int port, const char *rest, weir_error *error) {
    char conninfo[500];
    weir_pg *pg;
    (void)snprintf(conninfo, sizeof conninfo,
                   "host=127.0.0.1 port=%d user=weir dbname=postgres sslcert=/none %s", port, rest);
    const weir_pg_config config = {weir_os_posix(), conninfo, 10000};
    assert_int_equal(weir_pg_make(&config, &pg, error), WEIR_OK);
    int status = weir_pg_connect(pg, error);
    weir_pg_free(pg);
    return status;
}

static void assert_wrong(const char *rest, const char *words) {
    weir_error error = {0};
    int status = connect_with(server.port, rest, &error);
    if (status != WEIR_DATABASE || !strstr(error.text, words))
        fail_msg("%s: %d, %s", rest, status, error.text);
}

static void with_root(char rest[200], const char *mode, const char *root) {
    (void)snprintf(rest, 200, "sslmode=%s sslrootcert=%s", mode, root);
}

static void test_a_certificate_that_does_not_do(void **state) {
    (void)state;
    pg_server_need();
    char rest[200];
    weir_error error = {0};
    start_with_tls("");
    with_root(rest, "verify-ca", certificate);
    if (connect_with(server.port, rest, &error)) fail_msg("%s", error.text);
    with_root(rest, "verify-ca", another);
    assert_wrong(rest, "certificate verify failed");
    with_root(rest, "verify-full", certificate);
    assert_wrong(rest, "does not match host name");
    with_root(rest, "verify-full", "/none");
    assert_wrong(rest, "root certificate file");
    assert_wrong(
        "sslmode=require ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2",
        "SSL protocol version range");
}

/* The server says so in the protocol of TLS, before or after it seems to be there. */
static void test_a_client_without_its_certificate(void **state) {
    (void)state;
    pg_server_need();
    char rest[400];
    start_with_tls("hostssl all all 127.0.0.1/32 trust clientcert=verify-ca");
    assert_wrong("sslmode=require", "certificate");
    for (int version = 2; version <= 3; version++) {
        (void)snprintf(
            rest, sizeof rest,
            "sslmode=require ssl_max_protocol_version=TLSv1.%d sslcert=%s sslkey=%.*s.key", version,
            another, (int)strlen(another) - 4, another);
        assert_wrong(rest, "SSL error");
    }
}

static void test_a_server_without_tls(void **state) {
    (void)state;
    pg_server_need();
    start_with("", "");
    assert_wrong("sslmode=require", "does not support SSL");
}

static void test_no_password(void **state) {
    (void)state;
    pg_server_need();
    assert_int_equal(setenv("PGPASSFILE", "/none", 1), 0);
    start_with("", "host all all 127.0.0.1/32 scram-sha-256");
    assert_wrong("", "no password");
    pg_server_run(&server, "ALTER ROLE weir PASSWORD 'right'");
    assert_wrong("password=wrong", "28P01");
}

static void test_an_option(void **state) {
    (void)state;
    pg_server_need();
    assert_wrong("sslmode=verify_full", "sslmode");
    assert_wrong("hostaddr=127.0.0.1,127.0.0.1", "could not match");
    assert_wrong("service=none", "service");
}

/* ---- a server that is away ---- */

typedef struct broken {
    int listener;
    const char *says; /* before it closes */
} broken;

/* Connections are closed after the first message and an answer to it. */
static void *break_off(void *self) {
    const broken *b = self;
    char request[100];
    for (int one; (one = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0; (void)close(one))
        if (read(one, request, sizeof request) > 0 && b->says[0]) {
            (void)!write(one, b->says, strlen(b->says));
            if (b->says[0] == 'S') (void)!read(one, request, sizeof request);
        }
    return NULL;
}

static void test_a_server_that_goes_away_meanwhile(void **state) {
    (void)state;
    pg_server_need();
    static const char *const says[] = {"", "S", "S\26\3"};
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        int port;
        pthread_t thread;
        weir_error error = {0};
        broken b = {listen_somewhere(&port), says[i]};
        assert_int_equal(pthread_create(&thread, NULL, break_off, &b), 0);
        int status = connect_with(port, "sslmode=require", &error);
        if (status != WEIR_IO) fail_msg("%zu: %d, %s", i, status, error.text);
        (void)shutdown(b.listener, SHUT_RDWR);
        assert_int_equal(pthread_join(thread, NULL), 0);
        (void)close(b.listener);
        assert_int_equal(connect_with(port, "sslmode=require", &error), WEIR_IO); /* nobody there */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_certificate_that_does_not_do),
        cmocka_unit_test(test_a_client_without_its_certificate),
        cmocka_unit_test(test_a_server_without_tls),
        cmocka_unit_test(test_no_password),
        cmocka_unit_test(test_an_option),
        cmocka_unit_test(test_a_server_that_goes_away_meanwhile),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
