/* memory_sink.c - sinks that are memory, and a program that has some beside SQLite. */
#include "memory_sink.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int memory_begin(void *self, const weir_id journal, weir_position *at, weir_error *error) {
    memory *m = self;
    const weir_os *os = weir_os_posix();
    _Atomic uint32_t never = 0;
    while (m->hangs && (m->deadline == 0 || os->now(os->self) < m->deadline))
        (void)os->wait(os->self, &never, 0, 1000000);
    int status = m->hangs ? WEIR_BUSY : m->begin_status;
    if (status != WEIR_OK) return weir_fail(error, status, "scripted");
    if (m->leaves && m->rows >= m->leaves) return weir_fail(error, WEIR_BUSY, "it is gone");
    *at = m->at;
    memcpy(at->journal, journal, sizeof at->journal);
    m->pending = m->at.row;
    m->pending_rows = 0;
    return WEIR_OK;
}

static int memory_declare(void *self, const weir_declaration *d, weir_declare_when when,
                          weir_error *error) {
    (void)self, (void)d, (void)when, (void)error;
    return WEIR_OK;
}

static int memory_apply(void *self, const weir_block_header *header, weir_cursor body,
                        weir_row_range range, weir_error *error) {
    memory *m = self;
    (void)body, (void)error;
    uint64_t end = header->first_row + header->rows - 1;
    uint64_t last = range.last < end ? range.last : end;
    if (m->first == 0) {
        m->first = range.first;
        m->pending = range.first - 1;
    }
    if (range.first != m->pending + 1) m->torn++;
    m->pending = last;
    m->pending_rows += last + 1 - range.first;
    return WEIR_OK;
}

static int memory_commit(void *self, const weir_position *to, weir_sink_counts *counts,
                         weir_error *error) {
    memory *m = self;
    (void)error;
    *counts = (weir_sink_counts){.rows = m->pending_rows, .wal_bytes = 64 << 20};
    m->rows += counts->rows;
    m->at = *to;
    return WEIR_OK;
}

static void memory_rollback(void *self) { (void)self; }

static int memory_checkpoint(void *self, uint64_t applied, uint64_t *safe, weir_error *error) {
    (void)self, (void)error;
    *safe = applied;
    return WEIR_OK;
}

static void memory_close(void *self) { ((memory *)self)->closed++; }

static void memory_hurry(void *self, uint64_t deadline_ns) {
    ((memory *)self)->deadline = deadline_ns;
}

memory *fresh(int number, int begin_status) {
    static memory all[2];
    memset(&all[number], 0, sizeof all[number]);
    all[number].begin_status = begin_status;
    return &all[number];
}

weir_sink_offer offer_of(memory *m, const char *name) {
    m->deadline = 0;
    return (weir_sink_offer){.name = name,
                             .kind = "memory",
                             .place = "in memory",
                             .sink = {.self = m,
                                      .begin = memory_begin,
                                      .declare = memory_declare,
                                      .apply = memory_apply,
                                      .commit = memory_commit,
                                      .rollback = memory_rollback,
                                      .checkpoint = memory_checkpoint,
                                      .close = memory_close,
                                      .hurry = memory_hurry,
                                      .remote = m->remote}};
}

void attach(opened *o, memory *m, const char *name) {
    weir_error error = {0};
    weir_sink_offer offer = offer_of(m, name);
    if (weir_private_attach_1(o->w, &offer, &error) != WEIR_OK) fail_msg("%s", error.text);
}

/* ---- the program -------------------------------------------------------------------------- */

int heard[32];
char heard_text[32][600];

static void note_event(void *context, weir_event event, const char *text) {
    (void)context;
    if ((unsigned)event >= 32) return;
    heard[event]++;
    (void)snprintf(heard_text[event], sizeof heard_text[event], "%s", text);
}

const weir_options small = {.segment_bytes = 1 << 20, .on_event = note_event};

void begin(opened *o) {
    static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"pad", WEIR_BLOB}};
    memset(heard, 0, sizeof heard);
    opened_open(o, &small);
    assert_int_equal(weir_declare(o->w, "t", columns, 2, &o->table), WEIR_OK);
}

void append(opened *o, int rows) {
    static uint8_t pad[PAD];
    static uint64_t seed = 88172645463325252u;
    for (int i = 0; i < rows; i++) {
        for (size_t k = 0; k + 8 <= PAD; k += 8) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            memcpy(pad + k, &seed, 8);
        }
        assert_int_equal(weir_append(o->table, weir_int(i), weir_blob(pad, PAD)), WEIR_OK);
    }
}

static int files_in(const char *directory, const char *prefix) {
    int count = 0;
    DIR *d = opendir(directory);
    for (struct dirent *e; d && (e = readdir(d));)
        count += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
    if (d) (void)closedir(d);
    return count;
}

int segments(const opened *o) { return files_in(o->journal, "segment-"); }

int archived(const opened *o) {
    char path[200];
    (void)snprintf(path, sizeof path, "%s/archive", o->journal);
    return files_in(path, "segment-") + files_in(path, "packed-");
}

void await_segments(const opened *o, int most) {
    for (int i = 0; segments(o) > most; i++) {
        if (i > PATIENCE_MS / 10) fail_msg("%d segments stay", segments(o));
        (void)usleep(10 * 1000);
    }
}

void wait_all(opened *o, const char *name) {
    assert_int_equal(weir_wait_sink(o->w, name, NULL, PATIENCE_MS), WEIR_OK);
}

void expect_all(const memory *m, uint64_t rows) {
    assert_int_equal(m->torn, 0);
    assert_int_equal(m->rows, rows);
}

void await_event(weir_event event) {
    for (int i = 0; heard[event] == 0; i++) {
        if (i > PATIENCE_MS / 10) fail_msg("event %d does not come", (int)event);
        (void)usleep(10 * 1000);
    }
}
