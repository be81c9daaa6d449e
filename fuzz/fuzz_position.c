/* Aims at: weir_sqlite_positions, the begin of the SQLite sink (writer/sqlite/sqlite_sink.c), and
 * weir_database_look (recovery/database.c): what a database says of journals. SQLite parses the file
 * and has fuzzers of its own; here the input chooses one of several shapes of weir_position and the
 * values in it, of any type.
 *
 * Beyond memory: a position that the writer believes has a key of 16 bytes and a block and a row that
 * are not negative, and the tool reads it alike. */
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "../recovery/database.h"
#include "../writer/sqlite/sqlite_sink.h"
#include "harness.h"

static char directory[64], path[80];
static sqlite3 *db;
static weir_sink sink;

static const char *const shapes[] = {
    "CREATE TABLE weir_position(journal BLOB PRIMARY KEY, block INTEGER, row INTEGER,"
    " hash INTEGER) WITHOUT ROWID",
    "CREATE TABLE weir_position(journal, block, row, hash)",
    "CREATE TABLE weir_position(hash TEXT, row REAL, block TEXT, journal TEXT COLLATE NOCASE)",
    "CREATE TABLE weir_position(journal, block, row)",
    "CREATE VIEW weir_position AS SELECT x'00112233445566778899aabbccddeeff' AS journal,"
    " 1 AS block, 2 AS row, 3 AS hash",
};

static void clean_up(void) {
    char name[96];
    if (sink.self) sink.close(sink.self);
    (void)sqlite3_close(db);
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        (void)unlink(name); /* there may be none */
    }
    (void)rmdir(directory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    (void)snprintf(directory, sizeof directory, "%s/weir-fuzz-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    MUST(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/run.db", directory);
    weir_sqlite_config config = {.path = path};
    MUST(weir_sqlite_sink_open(&config, &sink, NULL, NULL) == WEIR_OK);
    MUST(sqlite3_open(path, &db) == SQLITE_OK);
    MUST(sqlite3_exec(db, "PRAGMA synchronous=OFF", NULL, NULL, NULL) == SQLITE_OK);
    return atexit(clean_up);
}

/* One value: a byte for its type, then the value. */
static void bind(sqlite3_stmt *s, int index, weir_cursor *c) {
    unsigned how = weir_take_u8(c);
    size_t length = how / 8;
    double real;
    const uint8_t *bytes;
    switch (how % 8) {
    case 0: (void)sqlite3_bind_null(s, index); return;
    case 1: (void)sqlite3_bind_int64(s, index, weir_take_int(c, 1)); return;
    case 2: (void)sqlite3_bind_int64(s, index, (sqlite3_int64)weir_take_u64(c)); return;
    case 3:
        weir_take_copy(c, &real, sizeof real);
        (void)sqlite3_bind_double(s, index, real);
        return;
    case 4:
        bytes = weir_take(c, length);
        (void)sqlite3_bind_text(s, index, (const char *)bytes, (int)length, SQLITE_STATIC);
        return;
    case 5: length = 16; break;
    default: break;
    }
    bytes = weir_take(c, length);
    (void)sqlite3_bind_blob(s, index, bytes, (int)length, SQLITE_STATIC);
}

/* A value that does not fit the shape is not stored; every bind and step may fail. */
static void fill(weir_cursor *c) {
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, "INSERT INTO weir_position(journal,block,row,hash)VALUES(?,?,?,?)",
                           -1, &s, NULL) != SQLITE_OK)
        return;
    while (weir_cursor_left(c) > 0) {
        for (int i = 1; i <= 4; i++)
            bind(s, i, c);
        (void)sqlite3_step(s);
        (void)sqlite3_reset(s);
        (void)sqlite3_clear_bindings(s);
    }
    (void)sqlite3_finalize(s);
}

static bool has(const weir_position *list, size_t count, const weir_position *wanted) {
    for (size_t i = 0; i < count; i++)
        if (memcmp(list[i].journal, wanted->journal, 16) == 0 && list[i].block == wanted->block &&
            list[i].row == wanted->row && list[i].hash == wanted->hash)
            return true;
    return false;
}

static void look(void) {
    weir_position *list, at;
    size_t count;
    weir_error error = {0};
    weir_database_view view;
    int status = weir_sqlite_positions(&sink, &list, &count, &error);
    MUST(status == WEIR_OK || (error.text[0] && !list));
    MUST(weir_database_look(path, &view) == WEIR_OK);
    for (size_t i = 0; i < count; i++) {
        MUST(list[i].block <= INT64_MAX && list[i].row <= INT64_MAX);
        MUST(has(view.positions, view.count, &list[i]));
    }
    uint8_t journal[16] = {0};
    if (count) memcpy(journal, list[0].journal, 16);
    status = sink.begin(sink.self, journal, &at, &error);
    MUST(status == WEIR_OK || error.text[0]);
    MUST(status != WEIR_OK || (at.block <= INT64_MAX && at.row <= INT64_MAX));
    sink.rollback(sink.self);
    weir_database_free(&view);
    free(list);
}

/* The tool reads a -wal from its beginning, so that a long one would cost most of the time; and the sink keeps
 * others from resetting it. */
static void shorten_wal(void) {
    static unsigned runs;
    uint64_t safe;
    if (++runs % 8) return;
    (void)sink.checkpoint(sink.self, 0, &safe, NULL); /* only time is lost when it fails */
    (void)sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    weir_cursor c = weir_cursor_over(data, size);
    const char *shape = shapes[weir_take_u8(&c) % (sizeof shapes / sizeof shapes[0])];
    static const char *former;
    const char *drop = former && strstr(former, "VIEW") ? "DROP VIEW IF EXISTS weir_position"
                                                        : "DROP TABLE IF EXISTS weir_position";
    (void)sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (shape != former) {
        MUST(sqlite3_exec(db, drop, NULL, NULL, NULL) == SQLITE_OK);
        MUST(sqlite3_exec(db, shape, NULL, NULL, NULL) == SQLITE_OK);
    } else {
        (void)sqlite3_exec(db, "DELETE FROM weir_position", NULL, NULL, NULL); /* or a view */
    }
    former = shape;
    fill(&c);
    MUST(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
    shorten_wal();
    look();
    return 0;
}
