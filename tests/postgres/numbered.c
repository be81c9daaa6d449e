#include "numbered.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support.h"

enum { WORDS = 1000, PATIENCE_MS = 60000 };

static void ok(int status) {
    if (status != WEIR_OK) fail_msg("%s: %s", weir_status_name(status), weir_last_error());
}

/* On the sink's thread; its texts are read once that has nothing to do. */
static void hear(void *context, weir_event event, const char *text) {
    numbered *n = context;
    if (event == WEIR_EVENT_POSITION_MOVED) {
        (void)snprintf(n->moved, sizeof n->moved, "%s", text);
        atomic_fetch_add(&n->moves, 1);
    }
    if (event == WEIR_EVENT_DAMAGE) (void)snprintf(n->damage, sizeof n->damage, "%s", text);
    atomic_fetch_or(&n->told, (uint32_t)1 << event); /* after the text; with numbered_was_told */
    if (getenv("WEIR_LOUD")) print_message("%s\n", text);
}

void numbered_open(numbered *n, const char *conninfo, const weir_postgres_options *options) {
    static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"words", WEIR_TEXT}};
    const weir_options o = {.on_event = hear,
                            .event_context = n,
                            .segment_bytes = 1 << 20,
                            .zstd_level = -1,
                            .apply_linger_ms = 5};
    weir_postgres_options p = *options;
    p.row_numbers = 1;
    if (!p.timeout_ms) p.timeout_ms = 3000;
    ok(weir_open_postgres(conninfo, weir_temp_path(n->directory, "journal"), &o, &p, &n->w));
    ok(weir_declare(n->w, "numbered", columns, 2, &n->table));
}

void numbered_begin(numbered *n, const char *conninfo, const weir_postgres_options *options) {
    memset(n, 0, sizeof *n);
    (void)snprintf(n->directory, sizeof n->directory, "%s", weir_temp_make());
    numbered_open(n, conninfo, options);
}

int numbered_close(numbered *n) {
    weir *w = n->w;
    n->w = NULL;
    return w ? weir_close(w) : WEIR_OK;
}

void numbered_end(numbered *n) {
    (void)numbered_close(n); /* it may have rows for a server that is gone */
    weir_temp_remove(n->directory);
}

/* Not to be compressed away: tests count the segments. */
static void make_noise(char words[WORDS], uint64_t seed) {
    static const char letters[] =
        "0123456789-abcdefghijklmnopqrstuvwxyz.ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    weir_rng rng = {seed};
    for (size_t at = 0; at < WORDS; at++)
        words[at] = letters[weir_rng_below(&rng, 64)];
}

void numbered_append(numbered *n, unsigned rows) {
    char words[WORDS];
    for (unsigned i = 0; i < rows; i++) {
        uint64_t number = ++n->rows;
        make_noise(words, number);
        const weir_value row[] = {weir_int((int64_t)number), weir_text_n(words, WORDS)};
        ok(weir_append_row(n->table, row, 2, NULL));
    }
}

static uint64_t now_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void numbered_append_for(numbered *n, unsigned ms) {
    for (uint64_t end = now_ms() + ms; now_ms() < end; (void)usleep(2000))
        numbered_append(n, 5);
}

void numbered_wait(numbered *n) { ok(weir_sync(n->w, WEIR_APPLIED, PATIENCE_MS)); }

bool numbered_was_told(const numbered *n, weir_event event) {
    return (atomic_load(&n->told) >> event & 1) != 0; /* its text is whole */
}

long long numbered_count(const pg_server *server) {
    return pg_server_count(server, "SELECT count(*) FROM numbered");
}

void numbered_check(const numbered *n, const pg_server *server) {
    char found[100], wanted[100];
    pg_server_ask(server,
                  "SELECT concat_ws(' ', count(*), count(DISTINCT n), min(n), max(n),"
                  " bool_and(n = weir_row), (SELECT count(*) FROM weir_reject)) FROM numbered",
                  found, sizeof found);
    unsigned long long rows = n->rows;
    (void)snprintf(wanted, sizeof wanted, "%llu %llu 1 %llu t 0", rows, rows, rows);
    assert_string_equal(found, wanted);
}
