/* main.c - weir-exporter: serve `weir metrics` over HTTP, for Prometheus to scrape.
 *
 * It knows nothing of journals: for each request it runs the tool beside it and answers with what
 * that prints. One request at a time, so a scraper cannot start many. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_RUN = 8, EXIT_USAGE = 16, TEXT_MAX = 16 << 20, TIMEOUT_S = 10 };

static const char content_type[] = "application/openmetrics-text; version=1.0.0; charset=utf-8";

typedef struct exporter {
    char tool[4096]; /* the path of weir, or its name */
    char **target;   /* DATABASE [JOURNAL], and NULL */
} exporter;

/* ---- the tool's text ---------------------------------------------------------------------- */

static _Noreturn void become_tool(const exporter *e, int out) {
    char *words[] = {"weir",       "metrics", e->target[0], e->target[1] ? "--journal" : NULL,
                     e->target[1], NULL};
    if (dup2(out, STDOUT_FILENO) < 0) _exit(127);
    execvp(e->tool, words); /* which does not write to them */
    _exit(127);
}

/* All that comes, up to TEXT_MAX bytes; *bytes is 0 where there is no memory for it. */
static char *read_text(int from, size_t *bytes) {
    char *text = malloc(TEXT_MAX);
    ssize_t got = 0;
    *bytes = 0;
    while (text && *bytes < TEXT_MAX && (got = read(from, text + *bytes, TEXT_MAX - *bytes)) > 0)
        *bytes += (size_t)got;
    return text;
}

/* NULL: the tool failed; it has said why on stderr. */
static char *ask_tool(const exporter *e, size_t *bytes) {
    int ends[2], status;
    if (pipe2(ends, O_CLOEXEC) != 0) return NULL;
    pid_t child = fork();
    if (child == 0) become_tool(e, ends[1]);
    (void)close(ends[1]); /* the child has its own */
    char *text = child > 0 ? read_text(ends[0], bytes) : NULL;
    (void)close(ends[0]); /* a tool that still writes gets SIGPIPE */
    bool fine = child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
                WEXITSTATUS(status) == 0;
    if (fine && text) return text;
    free(text);
    return NULL;
}

/* ---- HTTP --------------------------------------------------------------------------------- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned code, const char *type,
                              void *text, size_t bytes, enum MHD_ResponseMemoryMode mode) {
    struct MHD_Response *response = MHD_create_response_from_buffer(bytes, text, mode);
    if (!response) return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type); /* else none */
    enum MHD_Result queued = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return queued;
}

/* The words are only read. */
static enum MHD_Result answer_words(struct MHD_Connection *connection, unsigned code, char *words) {
    return answer(connection, code, "text/plain; charset=utf-8", words, strlen(words),
                  MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  /* NOLINTNEXTLINE(readability-non-const-parameter): its type */
                                  size_t *upload_bytes, void **state) {
    (void)version, (void)upload, (void)state;
    size_t bytes;
    *upload_bytes = 0; /* a body is passed over */
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return answer_words(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET is answered\n");
    if (strcmp(url, "/metrics") != 0)
        return answer_words(connection, MHD_HTTP_NOT_FOUND, "the metrics are at /metrics\n");
    char *text = ask_tool(context, &bytes);
    if (!text)
        return answer_words(connection, MHD_HTTP_INTERNAL_SERVER_ERROR,
                            "weir metrics failed; weir-exporter's stderr says why\n");
    return answer(connection, MHD_HTTP_OK, content_type, text, bytes, MHD_RESPMEM_MUST_FREE);
}

/* ---- the command line ----------------------------------------------------------------------- */

static const char usage[] =
    "Usage: weir-exporter ADDRESS:PORT DATABASE [JOURNAL]\n"
    "Serve `weir metrics DATABASE` at http://ADDRESS:PORT/metrics, until SIGINT or SIGTERM.\n"
    "\n"
    "ADDRESS is a number, as 127.0.0.1 or [::1]. It asks nobody who they are: listen on loopback,\n"
    "or where a firewall or a proxy decides who may read. Port 0: any that is free; the one that\n"
    "was taken is printed.\n"
    "\n"
    "Exit status: 0 ended by a signal; 8 could not run; 16 usage.\n";

/* ADDRESS:PORT as an address to bind to; NULL: it is none. To be freed by freeaddrinfo. */
static struct addrinfo *parse_address(char *text) {
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char *colon = strrchr(text, ':');
    if (!colon || !colon[1]) return NULL;
    *colon = 0;
    size_t length = strlen(text);
    bool brackets = length > 1 && text[0] == '[' && text[length - 1] == ']';
    if (brackets) text[length - 1] = 0;
    return getaddrinfo(brackets ? text + 1 : text, colon + 1, &hints, &found) == 0 ? found : NULL;
}

/* weir beside this program, or the one in the PATH. */
static void find_tool(exporter *e) {
    ssize_t length = readlink("/proc/self/exe", e->tool, sizeof e->tool - sizeof "/weir");
    char *slash = length > 0 ? memrchr(e->tool, '/', (size_t)length) : NULL;
    if (slash) memcpy(slash, "/weir", sizeof "/weir");
    if (!slash || access(e->tool, X_OK) != 0) memcpy(e->tool, "weir", sizeof "weir");
}

static struct MHD_Daemon *serve(exporter *e, const struct addrinfo *address) {
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ERROR_LOG;
    if (address->ai_family == AF_INET6) flags |= MHD_USE_IPv6;
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, e, MHD_OPTION_SOCK_ADDR,
                            address->ai_addr, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
                            MHD_OPTION_END);
}

int main(int argc, char **argv) {
    static exporter e;
    sigset_t ends;
    int number;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) return fputs(usage, stdout) < 0 ? EXIT_RUN : 0;
    struct addrinfo *address = argc == 3 || argc == 4 ? parse_address(argv[1]) : NULL;
    if (!address) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    e.target = argv + 2;
    find_tool(&e);
    (void)sigemptyset(&ends); /* these cannot fail */
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL); /* before there are threads; the tool has its own */
    struct MHD_Daemon *daemon = serve(&e, address);
    freeaddrinfo(address);
    if (!daemon) {
        fprintf(stderr, "weir-exporter: cannot listen at %s: %s\n", argv[1], strerror(errno));
        return EXIT_RUN;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    printf("http://%s:%u/metrics\n", argv[1], info ? info->port : 0u);
    (void)fflush(stdout); /* nobody need read it */
    (void)sigwait(&ends, &number);
    MHD_stop_daemon(daemon);
    return 0;
}
