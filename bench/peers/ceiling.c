/* ceiling.c - the limit that SQLite sets to rows that it takes apart and puts together itself: those
 * of agent_state stand encoded in memory, in blocks as the journal cuts them, and go through the bare
 * virtual-table feed in transactions as replay makes them, with a checkpoint as often. No ring, no
 * journal, no position, no threads, no compression.
 *
 *     weir-bench-ceiling DATABASE ROWS       prints the seconds that it took */
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/format/row_encode.h"
#include "../../writer/sqlite/row_vtab.h"
#include "../figures.h"
#include "../workload.h"

enum {
    BLOCK_BYTES = 1 << 20,    /* as the journal thread cuts them */
    TRANSACTION_ROWS = 65536, /* the first block that reaches so many ends it */
    WAL_BYTES = 16 << 20,     /* so large, the -wal file is checkpointed */
    LENGTH = 4,               /* in front of each row */
};

typedef struct block {
    weir_row_vtab_row *rows;
    size_t count;
} block;

typedef struct memory { /* all blocks, one behind the other */
    uint8_t *bytes, *end;
    block *blocks;
    size_t count;
} memory;

static void need(bool well, const char *what) {
    if (well) return;
    fprintf(stderr, "weir-bench-ceiling: %s\n", what);
    exit(1);
}

/* ---- encoding -------------------------------------------------------------------------------- */

static size_t encode_row(uint8_t *at, uint64_t row) {
    weir_value values[WORKLOAD_COLUMNS_MAX];
    int status = WEIR_OK;
    AGENT_ROWS.fill(row, values);
    size_t size = weir_row_size(values, AGENT_ROWS.count, &status);
    need(size, "a row cannot be encoded");
    (void)weir_put_u32(at, (uint32_t)size);
    (void)weir_row_encode(at + LENGTH, 1, values, AGENT_ROWS.count);
    return LENGTH + size;
}

static void encode_block(memory *m, uint64_t *row, uint64_t rows) {
    block *b = &m->blocks[m->count++];
    const uint8_t *start = m->end;
    b->rows = malloc(BLOCK_BYTES / LENGTH * sizeof *b->rows);
    need(b->rows, "no memory for the rows");
    while (*row < rows && m->end - start < BLOCK_BYTES) {
        size_t length = encode_row(m->end, (*row)++);
        b->rows[b->count] = (weir_row_vtab_row){m->end + LENGTH, (uint32_t)(length - LENGTH), 1,
                                                (uint16_t)b->count};
        b->count++;
        m->end += length;
    }
}

static void encode_all(memory *m, uint64_t rows) {
    enum { ROW_MOST = 64 }; /* an agent's row has fewer bytes, and so its slack has room too */
    *m = (memory){.bytes = malloc(rows * ROW_MOST), .blocks = NULL};
    m->blocks = calloc(rows * ROW_MOST / BLOCK_BYTES + 1, sizeof *m->blocks);
    need(m->bytes && m->blocks, "no memory for the rows");
    m->end = m->bytes;
    for (uint64_t row = 0; row < rows;)
        encode_block(m, &row, rows);
}

/* ---- feeding --------------------------------------------------------------------------------- */

typedef struct database {
    sqlite3 *db;
    sqlite3_stmt *insert;
    weir_row_vtab *feed;
    int wal_frames;
} database;

static void need_sqlite(const database *d, int code) {
    need(code == SQLITE_OK || code == SQLITE_DONE, sqlite3_errmsg(d->db));
}

static void run_sql(const database *d, const char *sql) {
    need_sqlite(d, sqlite3_exec(d->db, sql, NULL, NULL, NULL));
}

static int note_frames(void *context, sqlite3 *db, const char *name, int frames) {
    (void)db, (void)name; /* there is one database */
    ((database *)context)->wal_frames = frames;
    return SQLITE_OK;
}

static void open_database(database *d, const char *path) {
    char schema[2048];
    weir_error error;
    need_sqlite(d, sqlite3_open(path, &d->db));
    run_sql(d, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
               "PRAGMA cache_size=-16000");
    workload_schema(&AGENT_ROWS, schema, sizeof schema);
    run_sql(d, schema);
    (void)sqlite3_wal_hook(d->db, note_frames, d);
    need(weir_row_vtab_make(d->db, 1, (uint16_t)AGENT_ROWS.count, &d->feed, &error) == WEIR_OK,
         "the feed cannot be registered");
    need_sqlite(d, sqlite3_prepare_v2(
                       d->db,
                       "INSERT INTO agent_state SELECT c0,c1,c2,c3,c4,c5 FROM weir_row_vtab_1()",
                       -1, &d->insert, NULL));
}

static void feed_block(database *d, const block *b) {
    weir_row_vtab_give(d->feed, b->rows, b->count);
    need_sqlite(d, sqlite3_step(d->insert));
    need_sqlite(d, sqlite3_reset(d->insert));
}

static void commit(database *d) {
    enum { PAGE = 4096 };
    run_sql(d, "COMMIT");
    if (d->wal_frames >= WAL_BYTES / PAGE)
        need_sqlite(
            d, sqlite3_wal_checkpoint_v2(d->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL));
}

static void feed_all(database *d, const memory *m) {
    uint64_t rows = 0;
    for (size_t i = 0; i < m->count; i++) {
        if (rows == 0) run_sql(d, "BEGIN IMMEDIATE");
        feed_block(d, &m->blocks[i]);
        rows += m->blocks[i].count;
        if (rows < TRANSACTION_ROWS && i + 1 < m->count) continue;
        commit(d);
        rows = 0;
    }
}

int main(int argc, char **argv) {
    uint64_t rows = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
    need(rows > 0, "usage: weir-bench-ceiling DATABASE ROWS");
    database d = {0};
    memory m;

    encode_all(&m, rows);
    open_database(&d, argv[1]);
    uint64_t start = now_ns();
    feed_all(&d, &m);
    printf("%.9f\n", seconds_since(start));
    sqlite3_finalize(d.insert);
    sqlite3_close(d.db);
    for (size_t i = 0; i < m.count; i++)
        free(m.blocks[i].rows);
    free(m.bytes);
    free(m.blocks);
    return 0;
}
