/* plain.c - a database of one file: each transaction appends a record, whole or not at all.
 *
 *     u32 rows, u32 zero, journal 16, u64 block, u64 row, u64 hash, rows × u32, u64 check
 *
 * The check is of the record and of the check before it: behind a record that took the place of a torn one
 * may stand what once followed that. */
#include <errno.h>
#include <stdlib.h>

#include "../../lib/format/block.h"
#include "../../lib/format/row.h"
#include "base.h"
#include "machine.h"
#include "model.h"

enum { HEAD = 48, ROWS_AT_ONCE = SIM_ROWS };

typedef struct plain {
    int file;
    uint64_t end, check;    /* of the last record */
    weir_position position; /* likewise */
    bool any;
    uint32_t staged[ROWS_AT_ONCE];
    uint32_t staged_count;
} plain;

/* ---- reading ---------------------------------------------------------------------------- */

typedef struct record {
    weir_position position;
    uint64_t check;
    uint32_t rows;
    uint32_t number[ROWS_AT_ONCE];
} record;

static uint64_t check_of(uint64_t before, const uint8_t *bytes, size_t length) {
    uint64_t both[] = {before, weir_hash(bytes, length)};
    return weir_hash(both, sizeof both);
}

/* After a record with the check that *r has; 0: the first. */
static bool parse(const uint8_t *bytes, size_t length, record *r, size_t *size) {
    uint64_t before = r->check;
    weir_cursor c = weir_cursor_over(bytes, length);
    r->rows = weir_take_u32(&c);
    weir_take_zeros(&c, 4);
    weir_take_copy(&c, r->position.journal, 16);
    r->position.block = weir_take_u64(&c);
    r->position.row = weir_take_u64(&c);
    r->position.hash = weir_take_u64(&c);
    if (!weir_cursor_ok(&c) || r->rows > ROWS_AT_ONCE) return false;
    for (uint32_t i = 0; i < r->rows; i++)
        r->number[i] = weir_take_u32(&c);
    r->check = weir_take_u64(&c);
    *size = HEAD + 4 * (size_t)r->rows + 8;
    return weir_cursor_ok(&c) && r->check == check_of(before, bytes, *size - 8);
}

/* Whole file; malloc. */
static uint8_t *read_all(int file, size_t *length) {
    const weir_os *os = sim_os();
    weir_os_info info;
    if (os->info_file(os->self, file, &info) < 0) return NULL;
    uint8_t *bytes = malloc((size_t)info.bytes + 1);
    *length = (size_t)info.bytes;
    if (bytes && weir_read_full(os, file, bytes, *length, 0) >= 0) return bytes;
    free(bytes);
    return NULL;
}

static void walk(const uint8_t *bytes, size_t length, void (*each)(void *context, const record *r),
                 void *context, uint64_t *end) {
    record r = {.check = 0};
    size_t size;
    *end = 0;
    while (*end < length && parse(bytes + *end, length - (size_t)*end, &r, &size)) {
        each(context, &r);
        *end += size;
    }
}

/* ---- the sink --------------------------------------------------------------------------- */

static int begin(void *self, const uint8_t journal[16], weir_position *at, weir_error *error) {
    plain *p = self;
    (void)error;
    p->staged_count = 0;
    *at = (weir_position){0};
    if (p->any && memcmp(p->position.journal, journal, 16) == 0) *at = p->position;
    memcpy(at->journal, journal, 16);
    return WEIR_OK;
}

static int declare(void *self, const weir_declaration *d, weir_declare_when when,
                   weir_error *error) {
    (void)self, (void)d, (void)when, (void)error;
    return WEIR_OK;
}

bool (*sim_base_plain_judge)(const weir_value *values, uint16_t count);

static bool fits(const weir_value *values, uint16_t count) {
    if (count != 2) return sim_base_plain_judge && sim_base_plain_judge(values, count);
    size_t pad = values[1].type == WEIR_BLOB ? values[1].length : 0;
    return sim_model_pad_fits((uint32_t)values[0].as.integer, values[1].as.bytes, pad);
}

bool sim_base_row_number(const uint8_t *row, size_t bytes, uint32_t *number) {
    static weir_value values[WEIR_COLUMNS_MAX];
    uint16_t table, count;
    if (!weir_row_decode(row, bytes, &table, &count, values) || !fits(values, count)) return false;
    *number = (uint32_t)values[0].as.integer;
    return true;
}

static int stage(plain *p, const uint8_t *row, size_t bytes) {
    if (p->staged_count == ROWS_AT_ONCE) return WEIR_DAMAGED; /* more than were ever appended */
    return sim_base_row_number(row, bytes, &p->staged[p->staged_count++]) ? WEIR_OK : WEIR_DAMAGED;
}

static int apply(void *self, const weir_block_header *header, weir_cursor body,
                 weir_row_range range, weir_error *error) {
    plain *p = self;
    const uint8_t *row;
    size_t bytes;
    uint64_t number = header->first_row;
    for (; weir_payload_next_row(&body, &row, &bytes) == 1; number++) {
        if (number < range.first || number > range.last) continue;
        if (stage(p, row, bytes) != WEIR_OK)
            return weir_fail(error, WEIR_DAMAGED, "row %llu is not as it was appended",
                             (unsigned long long)number);
    }
    return WEIR_OK;
}

static int store(plain *p, const weir_position *to) {
    const weir_os *os = sim_os();
    uint8_t bytes[HEAD + 4 * ROWS_AT_ONCE + 8], *at = bytes;
    at = weir_put_u32(at, p->staged_count);
    at = weir_put_u32(at, 0);
    at = weir_put_bytes(at, to->journal, 16);
    at = weir_put_u64(at, to->block);
    at = weir_put_u64(at, to->row);
    at = weir_put_u64(at, to->hash);
    for (uint32_t i = 0; i < p->staged_count; i++)
        at = weir_put_u32(at, p->staged[i]);
    uint64_t check = check_of(p->check, bytes, (size_t)(at - bytes));
    at = weir_put_u64(at, check);
    int done = weir_write_full(os, p->file, bytes, (size_t)(at - bytes), p->end);
    if (done >= 0) done = os->datasync(os->self, p->file);
    if (done < 0) return done;
    p->end += (uint64_t)(at - bytes);
    p->check = check;
    return 0;
}

static int commit(void *self, const weir_position *to, weir_sink_counts *counts,
                  weir_error *error) {
    plain *p = self;
    int done = store(p, to);
    if (done < 0) return weir_fail_os(error, done, "%s: cannot commit", SIM_DATABASE);
    p->position = *to;
    p->any = true;
    *counts = (weir_sink_counts){.rows = p->staged_count};
    return WEIR_OK;
}

static void rollback(void *self) { ((plain *)self)->staged_count = 0; }

/* A record that a dead process wrote may be in the page cache alone. */
static int harden(void *self, uint64_t applied, uint64_t *safe, weir_error *error) {
    const weir_os *os = sim_os();
    int done = os->datasync(os->self, ((plain *)self)->file);
    *safe = done < 0 ? 0 : applied;
    return done < 0 ? weir_fail_os(error, done, "%s: cannot sync", SIM_DATABASE) : WEIR_OK;
}

static void close_plain(void *self) {
    plain *p = self;
    const weir_os *os = sim_os();
    (void)os->close(os->self, p->file); /* what counts has been synced */
    free(p);
}

/* ---- opening ---------------------------------------------------------------------------- */

static void take_last(void *context, const record *r) {
    plain *p = context;
    p->position = r->position;
    p->check = r->check;
    p->any = true;
}

static int open_file(plain *p, weir_error *error) {
    const weir_os *os = sim_os();
    p->file = os->open(os->self, WEIR_OS_CWD, SIM_DATABASE,
                       WEIR_OS_READ | WEIR_OS_WRITE | WEIR_OS_CREATE);
    if (p->file < 0) return weir_fail_os(error, p->file, "cannot open %s", SIM_DATABASE);
    size_t length;
    uint8_t *bytes = read_all(p->file, &length);
    int done = bytes ? os->sync_directory(os->self, WEIR_OS_CWD, "/") : -EIO;
    if (bytes) walk(bytes, length, take_last, p, &p->end);
    free(bytes);
    if (done >= 0) return WEIR_OK;
    (void)os->close(os->self, p->file); /* nothing was written */
    return weir_fail_os(error, done, "cannot read %s", SIM_DATABASE);
}

static int open_plain(weir_sink *sink, weir_position **positions, size_t *count,
                      weir_error *error) {
    plain *p = calloc(1, sizeof *p);
    *positions = calloc(1, sizeof **positions);
    if (!p || !*positions) abort(); /* a test without memory has nothing to say */
    int status = open_file(p, error);
    if (status != WEIR_OK) {
        free(p);
        free(*positions);
        *positions = NULL;
        return status;
    }
    **positions = p->position;
    *count = p->any;
    *sink = (weir_sink){.self = p,
                        .begin = begin,
                        .declare = declare,
                        .apply = apply,
                        .commit = commit,
                        .rollback = rollback,
                        .checkpoint = harden,
                        .close = close_plain};
    return WEIR_OK;
}

typedef struct gathering {
    uint32_t *numbers;
    size_t count, limit;
} gathering;

static void gather(void *context, const record *r) {
    gathering *g = context;
    for (uint32_t i = 0; i < r->rows && g->count < g->limit; i++)
        g->numbers[g->count++] = r->number[i];
}

static long rows(uint32_t *numbers, size_t limit, weir_error *error) {
    const weir_os *os = sim_os();
    gathering g = {numbers, 0, limit};
    int file = os->open(os->self, WEIR_OS_CWD, SIM_DATABASE, WEIR_OS_READ);
    if (file == -ENOENT) return 0;
    size_t length;
    uint8_t *bytes = file < 0 ? NULL : read_all(file, &length);
    uint64_t end;
    if (bytes) walk(bytes, length, gather, &g, &end);
    if (file >= 0) (void)os->close(os->self, file); /* opened for reading */
    if (!bytes) {
        (void)weir_fail(error, WEIR_IO, "cannot read %s", SIM_DATABASE);
        return -1;
    }
    free(bytes);
    return (long)g.count;
}

const sim_base *sim_base_plain(void) {
    static const sim_base base = {open_plain, rows, NULL};
    return &base;
}
