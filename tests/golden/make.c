/* golden_make DIRECTORY: leave, below DIRECTORY, the journals that tests/golden keeps, one folder each.
 *
 * Each is left by a real process, as a process leaves it: killed, exited or closed. What no process
 * leaves (rot, a torn tail, a newer version) is edited in afterwards. make.sh packs the result. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/log.h>
#include <weir/sqlite.h>

#include "../../lib/format/block.h"
#include "../../lib/format/segment.h"
#include "../../lib/format/template.h"
#include "../../lib/handle/core.h"

enum { SMALL_SEGMENT = 1 << 20, SMALL_LANE = 1 << 16, LANES = 2, NOISE = 600 };

static char directory[200], database[256], journal[256];

static void die(const char *what) {
    fprintf(stderr, "golden_make: %s: %s\n", what, weir_last_error());
    _exit(1);
}

static void must(bool fine, const char *what) {
    if (!fine) die(what);
}

/* ---- what processes do ---- */

static weir *open_it(weir_options options) {
    weir *w;
    options.lane_bytes = SMALL_LANE;
    options.lanes_max = LANES;
    options.segment_bytes = SMALL_SEGMENT;
    must(weir_open_sqlite(database, &options, &w) == WEIR_OK, "open");
    return w;
}

/* Somebody else holds SQLite's write lock, so that durable rows stay in the journal. */
static void lock_database(void) {
    sqlite3 *db;
    must(sqlite3_open(database, &db) == SQLITE_OK, "lock");
    sqlite3_busy_timeout(db, 5000);
    must(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK, "lock");
}

static void sync_it(weir *w, weir_level level) {
    must(weir_sync(w, level, UINT32_MAX) == WEIR_OK, "sync");
}

static weir_table *declare(weir *w, const char *name, const weir_column *columns, size_t count) {
    weir_table *table;
    must(weir_declare(w, name, columns, count, &table) == WEIR_OK, "declare");
    return table;
}

static void append(weir_table *table, const weir_value *values, size_t count) {
    must(weir_append_row(table, values, count, NULL) == WEIR_OK, "append");
}

static weir_table *plain(weir *w) {
    static const weir_column columns[] = {{"id", WEIR_INTEGER}, {"name", WEIR_TEXT}};
    return declare(w, "plain", columns, 2);
}

static void append_plain(weir_table *table, int64_t from, int64_t to) {
    char name[32];
    for (int64_t id = from; id <= to; id++) {
        (void)snprintf(name, sizeof name, "row %lld", (long long)id);
        append(table, (weir_value[]){weir_int(id), weir_text(name)}, 2);
    }
}

/* Each width of an integer, at both of its ends. */
static void append_integers(weir_table *table) {
    for (int bits = 8; bits <= 64; bits += 8) {
        int64_t most = bits == 64 ? INT64_MAX : ((int64_t)1 << (bits - 1)) - 1;
        append(table, (weir_value[]){weir_int(most), weir_int(-most - 1)}, 2);
    }
    append(table, (weir_value[]){weir_int(0), weir_int(-1)}, 2);
}

static void append_reals_and_bytes(weir_table *table) {
    append(table, (weir_value[]){weir_real(0.1), weir_real(-0.0)}, 2);
    append(table, (weir_value[]){weir_real(1e308 * 10), weir_real(5e-324)}, 2);
    append(table, (weir_value[]){weir_text(""), weir_blob("", 0)}, 2);
    append(table, (weir_value[]){weir_text("g\xC3\xBCn \"quoted\"\n"), weir_blob("\0\xFF", 2)}, 2);
    append(table, (weir_value[]){weir_text_n("\xFF\xFE", 2), weir_null()}, 2);
    append(table, (weir_value[]){weir_null(), weir_null()}, 2);
}

/* A block that zstd makes small, and one that it cannot. */
static void append_long(weir *w, weir_table *table) {
    static uint8_t bytes[NOISE];
    uint32_t state = 1;
    memset(bytes, 'a', sizeof bytes);
    append(table, (weir_value[]){weir_int(1), weir_blob(bytes, sizeof bytes)}, 2);
    sync_it(w, WEIR_DURABLE);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)((state = state * 1664525 + 1013904223) >> 24);
    append(table, (weir_value[]){weir_int(2), weir_blob(bytes, sizeof bytes)}, 2);
    sync_it(w, WEIR_DURABLE);
}

static weir_table *values_table(weir *w) {
    static const weir_column columns[] = {{"a", WEIR_INTEGER}, {"b \"quoted\"", WEIR_BLOB}};
    return declare(w, "values of \"every\" type", columns, 2);
}

static weir_table *keyed(weir *w) {
    static const weir_column columns[] = {{"id", WEIR_KEY}, {"r", WEIR_REAL}, {"t", WEIR_TEXT}};
    return declare(w, "keyed", columns, 3);
}

static void append_everything(weir *w, weir_table *keys) {
    weir_table *values = values_table(w);
    append_integers(values);
    append(keys, (weir_value[]){weir_int(7), weir_real(2), weir_text("seven")}, 3);
    append_reals_and_bytes(values);
    append(keys, (weir_value[]){weir_int(3), weir_null(), weir_text("three")}, 3);
    sync_it(w, WEIR_DURABLE);
    append_long(w, values);
    append_plain(plain(w), 1, 3);
    sync_it(w, WEIR_DURABLE);
}

/* ---- the journals, each left by a process that ends here ---- */

static void leave_closed(void) {
    weir *w = open_it((weir_options){0});
    append_everything(w, keyed(w));
    sync_it(w, WEIR_APPLIED);
    must(weir_close(w) == WEIR_OK, "close");
}

static void leave_every_type(void) {
    weir *w = open_it((weir_options){0});
    weir_table *keys = keyed(w); /* the next key is asked of the database, so before it is locked */
    lock_database();
    append_everything(w, keys);
}

static void leave_ring(void) {
    weir *w = open_it((weir_options){.linger_ms = 600000});
    append_everything(w, keyed(w)); /* ends with a sync: what follows is all that the ring holds */
    append_plain(plain(w), 4, 9);
    static const weir_column late[] = {{"x", WEIR_REAL}};
    append(declare(w, "declared in the ring", late, 1), (weir_value[]){weir_real(0.5)}, 1);
}

static void leave_only_ring(void) {
    weir *w = open_it((weir_options){.linger_ms = 600000});
    append_plain(plain(w), 1, 5);
}

static void leave_groups(void) {
    weir *w = open_it((weir_options){0});
    lock_database();
    weir_table *table = plain(w);
    for (int64_t group = 0; group < 4; group++) {
        append_plain(table, group * 10 + 1, group * 10 + 10);
        sync_it(w, WEIR_DURABLE);
    }
}

static void leave_half_applied(void) {
    weir *w = open_it((weir_options){0});
    weir_table *table = plain(w);
    append_plain(table, 1, 10);
    sync_it(w, WEIR_APPLIED);
    lock_database();
    append_plain(table, 11, 20);
    sync_it(w, WEIR_DURABLE);
}

static void leave_applied(void) {
    weir *w = open_it((weir_options){0});
    weir_table *table = plain(w);
    append_plain(table, 1, 10);
    sync_it(w, WEIR_APPLIED);
    must(weir_close(w) == WEIR_OK, "close");
}

static void leave_applied_archived(void) {
    weir *w = open_it((weir_options){.archive = 1});
    append_plain(plain(w), 1, 10);
    sync_it(w, WEIR_APPLIED);
    must(weir_close(w) == WEIR_OK, "close");
}

static void leave_archived_again(void) {
    weir *w = open_it((weir_options){.archive = 1});
    append_plain(plain(w), 11, 20);
    sync_it(w, WEIR_APPLIED);
    must(weir_close(w) == WEIR_OK, "close");
}

/* A later opening adds a column, and finds the rows of the former one not yet applied. */
static void leave_wider(void) {
    static const weir_column columns[] = {
        {"id", WEIR_INTEGER}, {"name", WEIR_TEXT}, {"added", WEIR_REAL}};
    weir *w = open_it((weir_options){0});
    weir_table *table = declare(w, "plain", columns, 3);
    lock_database();
    append(table, (weir_value[]){weir_int(21), weir_text("wide"), weir_real(1.5)}, 3);
    sync_it(w, WEIR_DURABLE);
}

/* Rows that SQLite refuses, in a table that stood there before. */
static void leave_refused(void) {
    sqlite3 *db;
    must(sqlite3_open(database, &db) == SQLITE_OK, "make the table");
    must(sqlite3_exec(db, "CREATE TABLE plain(id INTEGER UNIQUE, name TEXT NOT NULL)", NULL, NULL,
                      NULL) == SQLITE_OK,
         "make the table");
    must(sqlite3_close(db) == SQLITE_OK, "make the table");
    weir *w = open_it((weir_options){0});
    weir_table *table = plain(w);
    lock_database();
    append_plain(table, 1, 3);
    append(table, (weir_value[]){weir_int(2), weir_text("again")}, 2);
    append(table, (weir_value[]){weir_int(4), weir_null()}, 2);
    append_plain(table, 5, 5);
    sync_it(w, WEIR_DURABLE);
}

/* ---- rows of templates ---- */

enum { MADE = WEIR_TEMPLATE_FIRST, CONSTANT = WEIR_TEMPLATE_LAST };

static weir_table *made_table(weir *w) {
    static const weir_column columns[] = {{"n", WEIR_INTEGER},
                                          {"text", WEIR_TEXT},
                                          {"fields", WEIR_TEXT},
                                          {"note", WEIR_TEXT},
                                          {"x", WEIR_REAL}};
    return declare(w, "made", columns, 5);
}

static void publish_template(weir *w, uint16_t number, uint16_t parameters,
                             const weir_source *sources, uint16_t columns) {
    uint8_t bytes[1000];
    uint16_t table = made_table(w)->number;
    must(weir_template_encode(NULL, number, parameters, table, sources, columns) <= sizeof bytes,
         "room for a template");
    size_t size = weir_template_encode(bytes, number, parameters, table, sources, columns);
    must(weir_append_record(w, WEIR_RECORD_DECLARATION, bytes, size, NULL) == WEIR_OK, "template");
}

/* Every kind of source; every kind of conversion. */
static void publish_templates(weir *w) {
    static const char format[] = "%+05lld|%#x|%-8s|%8.3f|%g|%a|%c|%p|%*.*s|%m|100%%";
    static const char names[] = "\2\0id\3\0h\"x\4\0name\1\0x\4\0n\xC3\xA4h";
    const weir_source made[] = {
        {.kind = WEIR_SOURCE_PARAMETER, .first = 0},
        {.kind = WEIR_SOURCE_FORMAT, .bytes = format, .length = sizeof format - 1},
        {.kind = WEIR_SOURCE_OBJECT, .count = 5, .bytes = names, .length = sizeof names - 1},
        {.kind = WEIR_SOURCE_CONSTANT, .constant = weir_text("as it is: %d")},
    };
    const weir_source constant[] = {
        {.kind = WEIR_SOURCE_CONSTANT, .constant = weir_int(-70000)},
        {.kind = WEIR_SOURCE_FORMAT, .bytes = "nothing but text", .length = 16},
        {.kind = WEIR_SOURCE_CONSTANT, .constant = weir_null()},
        {.kind = WEIR_SOURCE_CONSTANT, .constant = weir_blob("\0\xFF", 2)},
        {.kind = WEIR_SOURCE_CONSTANT, .constant = weir_real(0.1)},
    };
    publish_template(w, MADE, 12, made, 4);
    publish_template(w, CONSTANT, 1, constant, 5);
}

static void append_parameters(weir *w, uint16_t number, const weir_value *values, uint16_t count) {
    weir_table row = {
        .w = w, .generation = w->generation, .number = number, .columns = count, .key = -1};
    append(&row, values, count);
}

/* As the format expects them; of other types; too few; too much text. */
static void append_made(weir *w, int64_t n) {
    static char much[5000];
    memset(much, 'm', sizeof much);
    for (size_t i = 1; i + 1 < sizeof much; i += 2)
        memcpy(much + i, "\xC3\xBC", 2); /* one of them where the text is cut */
    const weir_value fits[] = {weir_int(n),        weir_int(255),        weir_text("n\xC3\xA4h"),
                               weir_real(2.0 / 3), weir_real(1e100),     weir_real(-0.1),
                               weir_int('c'),      weir_int(4096),       weir_int(-7),
                               weir_int(3),        weir_text("precise"), weir_text("No error")};
    const weir_value others[] = {weir_real(0.1), weir_text("255"), weir_int(-1),
                                 weir_int(3),    weir_null(),      weir_blob("\0\xFE", 2),
                                 weir_text("c"), weir_int(0),      weir_text("wide"),
                                 weir_null(),    weir_null(),      weir_int(11)};
    const weir_value long_one[] = {weir_int(n), weir_int(0), weir_text_n(much, sizeof much)};
    append_parameters(w, MADE, fits, 12);
    append_parameters(w, MADE, others, 12);
    append_parameters(w, MADE, long_one, 3);
    append_parameters(w, CONSTANT, fits, 1);
    append(made_table(w),
           (weir_value[]){weir_int(n), weir_text("plain"), weir_null(), weir_null(), weir_real(1)},
           5);
}

static void leave_templates(void) {
    weir *w = open_it((weir_options){0});
    lock_database();
    publish_templates(w);
    append_made(w, 1);
    sync_it(w, WEIR_DURABLE);
}

/* Their numbers are known from the opening before. */
static void leave_templates_again(void) {
    weir *w = open_it((weir_options){0});
    lock_database();
    append_made(w, 2);
    sync_it(w, WEIR_DURABLE);
}

static void leave_templates_in_ring(void) {
    weir *w = open_it((weir_options){.linger_ms = 600000});
    append_plain(plain(w), 1, 3);
    sync_it(w, WEIR_DURABLE);
    publish_templates(w);
    append_made(w, 3);
}

/* What is archived is compressed also where somebody waits for it: so these rows are shuffled. Rows of
 * a table stand among them. */
static void leave_logged(void) {
    weir *w = open_it((weir_options){.archive = 1, .linger_ms = 600000});
    lock_database();
    for (int i = 0; i < 400; i++) {
        weir_log_info(w, "order %d of %s filled at %.2f", i, i % 3 ? "ACME" : "WEIR", i / 8.0);
        if (i % 50 == 7) weir_log_warn(w, "order %lld is late%s", (long long)i << 33, "");
        if (i % 90 == 0) append_plain(plain(w), i, 1);
    }
    weir_log_error(w, "no arguments");
    sync_it(w, WEIR_DURABLE);
}

/* ---- hurting them ---- */

static const char *last_segment(void) {
    static char path[600];
    struct dirent **list;
    int count = scandir(journal, &list, NULL, alphasort);
    path[0] = 0;
    for (int i = 0; i < count; i++) {
        if (strncmp(list[i]->d_name, "segment-", 8) == 0)
            (void)snprintf(path, sizeof path, "%s/%s", journal, list[i]->d_name);
        free(list[i]);
    }
    free(list);
    must(path[0] != 0, "find a segment");
    return path;
}

typedef struct edited {
    uint8_t bytes[SMALL_SEGMENT];
    int file;
} edited;

static edited segment;

static void edit_begin(void) {
    segment.file = open(last_segment(), O_RDWR | O_CLOEXEC);
    must(segment.file >= 0 && read(segment.file, segment.bytes, SMALL_SEGMENT) == SMALL_SEGMENT,
         "read a segment");
}

static void edit_end(void) {
    must(pwrite(segment.file, segment.bytes, SMALL_SEGMENT, 0) == SMALL_SEGMENT, "write");
    must(close(segment.file) == 0, "close a segment");
}

/* Where the block stands that holds this row; 0: behind the last block. */
static uint64_t block_of(uint64_t row) {
    uint64_t behind = WEIR_BLOCK_ALIGN;
    for (uint64_t at = WEIR_BLOCK_ALIGN; at < SMALL_SEGMENT; at += WEIR_BLOCK_ALIGN) {
        weir_block_header h;
        if (weir_block_header_decode(segment.bytes + at, &h) != WEIR_OK) continue;
        behind = at + weir_block_extent(&h);
        if (row >= h.first_row && row < h.first_row + h.rows) return at;
    }
    must(row == 0, "find a block");
    return behind;
}

static void hurt_by_rot(void) {
    edit_begin();
    segment.bytes[block_of(15) + WEIR_BLOCK_HEADER + 30] ^= 0x10;
    edit_end();
}

/* The half of a block that was under way: a good header, and a payload that never came whole. */
static void hurt_by_tearing(void) {
    edit_begin();
    uint64_t from = block_of(40), to = block_of(0);
    weir_block_header h;
    must(weir_block_header_decode(segment.bytes + from, &h) == WEIR_OK, "read a block");
    h.previous_hash = h.hash;
    h.durable_block = h.block++;
    h.offset = to;
    h.first_row += h.rows;
    weir_block_header_encode(segment.bytes + to, &h);
    memcpy(segment.bytes + to + WEIR_BLOCK_HEADER, segment.bytes + from + WEIR_BLOCK_HEADER, 40);
    edit_end();
}

static void hurt_by_newness(void) {
    edit_begin();
    weir_segment_header h;
    must(weir_segment_header_decode(segment.bytes, &h) == WEIR_OK, "read a header");
    h.version = WEIR_FORMAT_VERSION + 1;
    weir_segment_header_encode(segment.bytes, &h);
    edit_end();
}

static void hurt_by_losing_database(void) {
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char path[300];
        (void)snprintf(path, sizeof path, "%s%s", database, ends[i]);
        (void)unlink(path);
    }
}

/* ---- */

static const struct recipe {
    const char *name;
    void (*leave[3])(void);
    void (*hurt)(void);
} recipes[] = {
    {"archived", {leave_applied_archived, leave_archived_again}, NULL},
    {"closed", {leave_closed}, NULL},
    {"every-type", {leave_every_type}, NULL},
    {"half-applied", {leave_half_applied}, NULL},
    {"logged", {leave_logged}, NULL},
    {"newer", {leave_groups}, hurt_by_newness},
    {"no-database", {leave_every_type}, hurt_by_losing_database},
    {"only-ring", {leave_only_ring}, NULL},
    {"recycled", {leave_applied, leave_applied, leave_half_applied}, NULL},
    {"refused-rows", {leave_refused}, NULL},
    {"ring", {leave_ring}, NULL},
    {"rot", {leave_groups}, hurt_by_rot},
    {"templates", {leave_templates, leave_templates_again}, NULL},
    {"templates-in-ring", {leave_templates_in_ring}, NULL},
    {"torn", {leave_groups}, hurt_by_tearing},
    {"wider", {leave_half_applied, leave_wider}, NULL},
};

static void in_a_child(void (*leave)(void)) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        leave();
        (void)kill(getpid(), SIGKILL);
    }
    must(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
         "a child");
}

static void make(const struct recipe *r, const char *root) {
    (void)snprintf(directory, sizeof directory, "%s/%s", root, r->name);
    (void)snprintf(database, sizeof database, "%s/run.db", directory);
    (void)snprintf(journal, sizeof journal, "%s/run.db-weir", directory);
    must(mkdir(directory, 0700) == 0, directory);
    for (size_t i = 0; i < 3 && r->leave[i]; i++)
        in_a_child(r->leave[i]);
    if (r->hurt) r->hurt();
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: golden_make DIRECTORY\n");
        return 16;
    }
    for (size_t i = 0; i < sizeof recipes / sizeof recipes[0]; i++)
        make(&recipes[i], argv[1]);
    return 0;
}
