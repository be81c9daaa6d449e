/* test_agreement.c - one harm, one answer: whatever is done to a journal, the library's opening and
 * every verb of the tool say the same verdict, in the same words, with the same rows; what is refused
 * is not touched, and what is not refused is whole. */
/* Covers: lib/verify/inspect.c */
#include <dirent.h>
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

#include "lib/format/block.h"
#include "lib/format/names.h"
#include "lib/format/segment.h"
#include "lib/verify/verdict.h"
#include "support.h"

enum { LIVES = 3, GROUPS = 3, ROWS = 5, BLOCKS_MAX = 64, APPLIED = LIVES * GROUPS * ROWS };
enum { TOTAL = APPLIED + GROUPS * ROWS };

#define ALL_ROWS "SELECT (SELECT count(*) FROM t) + (SELECT count(*) FROM log WHERE message > '')"

static char origin[256], scene[256]; /* what was left behind; and a copy of it that is hurt */
static const weir_options options = {.lane_bytes = 1 << 16,
                                     .lanes_max = 2,
                                     .segment_bytes = 1 << 20,
                                     .journal_limit_bytes = 16 << 20};

static const char *at(const char *place, const char *name) { return weir_temp_path(place, name); }

/* ---- what is left behind ----------------------------------------------------------------- */

static void must(bool condition, int code) {
    if (!condition) _exit(code); /* in a child */
}

static void exec_in(const char *database, const char *sql) {
    sqlite3 *db;
    must(sqlite3_open(database, &db) == SQLITE_OK, 11);
    must(sqlite3_busy_timeout(db, 5000) == SQLITE_OK, 12);
    must(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, 13);
}

static void append_groups(weir *w, weir_table *table, weir_level level) {
    for (int g = 0; g < GROUPS; g++) {
        weir_log_info(w, "group %d", g); /* its first row */
        for (int r = 1; r < ROWS; r++)
            must(weir_append(table, weir_int(g), weir_text("some text")) == WEIR_OK, 14);
        must(weir_sync(w, level, UINT32_MAX) == WEIR_OK, 15);
    }
}

/* One life applies what it appends and dies; the last one leaves rows that are only durable. */
static void live(bool last) {
    static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"text", WEIR_TEXT}};
    weir *w;
    weir_table *table;
    must(weir_open_sqlite(at(origin, "run.db"), &options, &w) == WEIR_OK, 16);
    must(weir_declare(w, "t", columns, 2, &table) == WEIR_OK, 17);
    append_groups(w, table, WEIR_APPLIED);
    if (last) {
        exec_in(at(origin, "run.db"), "BEGIN IMMEDIATE");
        append_groups(w, table, WEIR_DURABLE);
    }
    (void)kill(getpid(), SIGKILL);
}

static void in_a_child(bool last) {
    int status;
    pid_t child = fork();
    if (child == 0) live(last);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

/* A reader's snapshot holds the checkpoint up, so applied segments stay in the journal. */
static pid_t hold_snapshot(int *release) {
    int ready[2], over[2];
    char byte;
    assert_int_equal(pipe(ready) | pipe(over), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)close(over[1]);
        exec_in(at(origin, "run.db"), "BEGIN; SELECT count(*) FROM sqlite_schema");
        must(write(ready[1], "r", 1) == 1, 18);
        (void)read(over[0], &byte, 1); /* ends when the parent closes */
        (void)kill(getpid(), SIGKILL); /* without a checkpoint */
    }
    (void)close(over[0]);
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    *release = over[1];
    return child;
}

static int leave_journal(void **state) {
    (void)state;
    int release, status;
    (void)snprintf(origin, sizeof origin, "%s", weir_temp_make());
    (void)snprintf(scene, sizeof scene, "%s", weir_temp_make());
    weir_sql_run(at(origin, "run.db"), "PRAGMA journal_mode=WAL; CREATE TABLE other(x)");
    pid_t holder = hold_snapshot(&release);
    for (int i = 0; i < LIVES; i++)
        in_a_child(i + 1 == LIVES);
    (void)close(release);
    assert_int_equal(waitpid(holder, &status, 0), holder);
    return 0;
}

static int remove_all(void **state) {
    (void)state;
    weir_temp_remove(origin);
    weir_temp_remove(scene);
    return 0;
}

static bool is_copied(const char *name) {
    return strncmp(name, "segment-", 8) == 0 || strcmp(name, "ring") == 0;
}

static int copied(const struct dirent *entry) { return is_copied(entry->d_name); }

/* Spares hold nothing, and SQLite makes its -shm again. */
static void set_scene(void) {
    struct dirent **names;
    weir_temp_remove(scene);
    assert_int_equal(mkdir(scene, 0700) | mkdir(at(scene, "run.db-weir"), 0700), 0);
    weir_file_copy_tree(at(origin, "run.db"), at(scene, "run.db"));
    weir_file_copy_tree(at(origin, "run.db-wal"), at(scene, "run.db-wal"));
    int count = scandir(at(origin, "run.db-weir"), &names, copied, alphasort);
    assert_true(count > LIVES);
    for (int i = 0; i < count; i++) {
        weir_file_copy_tree(at(at(origin, "run.db-weir"), names[i]->d_name),
                            at(at(scene, "run.db-weir"), names[i]->d_name));
        free(names[i]);
    }
    free(names);
}

/* ---- the blocks of it -------------------------------------------------------------------- */

typedef struct place {
    char name[64]; /* of the segment */
    uint64_t offset;
    weir_block_header header;
} place;

static place blocks[BLOCKS_MAX];
static size_t block_count;
static char segments[8][64];
static size_t segment_count;

static void find_in(const char *name) {
    size_t bytes;
    uint8_t *file = weir_file_read(at(at(origin, "run.db-weir"), name), &bytes);
    for (uint64_t o = WEIR_BLOCK_ALIGN; o + WEIR_BLOCK_HEADER <= bytes; o += WEIR_BLOCK_ALIGN) {
        place p = {.offset = o};
        if (weir_block_header_decode(file + o, &p.header) != WEIR_OK) continue;
        if (p.header.segment != weir_number_in_name(name, "segment")) continue;
        (void)snprintf(p.name, sizeof p.name, "%.60s", name);
        assert_true(block_count < BLOCKS_MAX);
        blocks[block_count++] = p;
    }
    free(file);
}

static void find_blocks(void) {
    struct dirent **names;
    int count = scandir(at(origin, "run.db-weir"), &names, copied, alphasort);
    block_count = segment_count = 0;
    for (int i = 0; i < count; i++) {
        if (strncmp(names[i]->d_name, "segment-", 8) == 0) {
            (void)snprintf(segments[segment_count++], sizeof segments[0], "%.60s",
                           names[i]->d_name);
            find_in(names[i]->d_name);
        }
        free(names[i]);
    }
    free(names);
}

/* ---- the harms --------------------------------------------------------------------------- */

static const char *file_in_scene(const char *name) { return at(at(scene, "run.db-weir"), name); }

static void edit(const char *name, uint64_t offset, uint8_t flip, const void *bytes, size_t count) {
    size_t size;
    uint8_t *file = weir_file_read(file_in_scene(name), &size);
    assert_true(offset + count <= size);
    if (flip)
        file[offset] ^= flip;
    else if (bytes)
        memcpy(file + offset, bytes, count);
    else
        memset(file + offset, 0, count);
    weir_file_write(file_in_scene(name), file, size);
    free(file);
}

static void flip_header(const place *p) { edit(p->name, p->offset + 60, 4, NULL, 1); }
static void flip_payload(const place *p) {
    edit(p->name, p->offset + WEIR_BLOCK_HEADER + p->header.stored_bytes / 2, 4, NULL, 1);
}
static void zero_page(const place *p) { edit(p->name, p->offset, 0, NULL, WEIR_BLOCK_ALIGN); }
/* All hashes of the block are right, but its header says one row more. */
static void lie(const place *p) {
    uint8_t bytes[WEIR_BLOCK_HEADER];
    weir_block_header h = p->header;
    h.rows += h.kind == WEIR_BLOCK_ROWS;
    h.raw_bytes += h.kind != WEIR_BLOCK_ROWS && h.codec == WEIR_CODEC_RAW;
    h.stored_bytes = h.codec == WEIR_CODEC_RAW ? h.raw_bytes : h.stored_bytes;
    size_t size;
    uint8_t *file = weir_file_read(file_in_scene(p->name), &size);
    h.payload_hash = weir_hash(file + p->offset + WEIR_BLOCK_HEADER, h.stored_bytes);
    free(file);
    weir_block_header_encode(bytes, &h);
    edit(p->name, p->offset, 0, bytes, sizeof bytes);
}

static void remove_file(const char *name) { assert_int_equal(unlink(file_in_scene(name)), 0); }
static void cut_file(const char *name) { assert_int_equal(truncate(file_in_scene(name), 9000), 0); }
static void flip_file(const char *name) { edit(name, 30, 1, NULL, 1); }
static void empty_file(const char *name) { weir_file_write(file_in_scene(name), "", 0); }
static void zero_head(const char *name) { edit(name, 0, 0, NULL, WEIR_BLOCK_ALIGN); }
static void mistake_file(const char *name) {
    weir_file_copy_tree(at(at(origin, "run.db-weir"), segments[0]), file_in_scene(name));
}

static void sql(const char *text) { weir_sql_run(at(scene, "run.db"), text); }
static void other_history(void) { sql("UPDATE weir_position SET hash = hash + 1"); }
static void beyond(void) { sql("UPDATE weir_position SET block = block + 99, row = row + 99"); }
static void forgotten(void) { sql("DELETE FROM weir_position; DELETE FROM t; DELETE FROM log"); }
static void foreign(void) {
    sql("UPDATE weir_position SET journal = randomblob(16); DELETE FROM t; DELETE FROM log");
}
static void no_database(void) {
    assert_int_equal(unlink(at(scene, "run.db")) | unlink(at(scene, "run.db-wal")), 0);
}
static void rot_and_no_database(void) {
    no_database();
    flip_payload(&blocks[block_count - 1]);
}
static void highest_number(void) {
    weir_file_write(file_in_scene("segment-18446744073709551615"), "", 0);
}
static void highest_archived(void) {
    assert_int_equal(mkdir(file_in_scene("archive"), 0700), 0);
    weir_file_write(file_in_scene("archive/segment-18446744073709551614"), "", 0);
}
static void no_harm(void) {}

/* ---- what they say of it ----------------------------------------------------------------- */

typedef struct answer {
    int code;
    char *out;
    char verdict[32], text[512];
    bool refuses;
} answer;

static void take_text(const char *from, const char *key, char *into, size_t size) {
    const char *found = strstr(from, key);
    if (!found) fail_msg("no %s in: %s", key, from);
    (void)snprintf(into, size, "%s", found + strlen(key));
    char *end = strchr(into, '"');
    assert_non_null(end);
    *end = 0;
}

static answer run_tool(const char *verb, const char *into) {
    char command[1200];
    answer a = {0};
    (void)snprintf(command, sizeof command,
                   "ASAN_OPTIONS=exitcode=99 '%s' %s %s%s --json '%s' >'%s/out' 2>'%s/err'",
                   WEIR_RECOVER, verb, into ? "--into " : "", into ? into : "", at(scene, "run.db"),
                   scene, scene);
    int status = system(command);
    assert_true(WIFEXITED(status));
    a.code = WEXITSTATUS(status);
    a.out = weir_file_text(at(scene, "out"));
    return a;
}

static answer ask(const char *verb) {
    answer a = run_tool(verb, NULL);
    take_text(a.out, "\"verdict\":\"", a.verdict, sizeof a.verdict);
    take_text(a.out, "\"text\":\"", a.text, sizeof a.text);
    a.refuses = strstr(a.out, "\"refuses\":true") != NULL;
    return a;
}

static int status_of(const char *verdict) {
    for (unsigned v = 0; v < WEIR_VERDICT_COUNT; v++)
        if (strcmp(weir_verdict_name((weir_verdict)v), verdict) == 0)
            return weir_verdict_status((weir_verdict)v);
    fail_msg("no verdict %s", verdict);
    return 0;
}

static uint64_t fingerprint(void) {
    struct dirent **names;
    uint64_t hash = 1;
    int count = scandir(at(scene, "run.db-weir"), &names, copied, alphasort);
    for (int i = 0; i < count; i++) {
        size_t bytes;
        uint8_t *file = weir_file_read(file_in_scene(names[i]->d_name), &bytes);
        hash =
            (hash ^ weir_hash(file, bytes)) * 31 + weir_number_in_name(names[i]->d_name, "segment");
        free(file);
        free(names[i]);
    }
    free(names);
    return hash;
}

static int64_t rows_there(void) { return weir_sql_int(at(scene, "run.db"), ALL_ROWS); }

static void open_refused(const answer *tool, bool no_file) {
    weir *w;
    uint64_t before = fingerprint();
    assert_int_equal(weir_open_sqlite(at(scene, "run.db"), &options, &w), status_of(tool->verdict));
    assert_string_equal(weir_last_error(), tool->text);
    assert_true(fingerprint() == before);
    assert_int_equal(access(at(scene, "run.db"), F_OK) != 0, no_file);
}

static void open_accepted(void) {
    weir *w;
    if (weir_open_sqlite(at(scene, "run.db"), &options, &w)) fail_msg("%s", weir_last_error());
    assert_int_equal(weir_sync(w, WEIR_APPLIED, UINT32_MAX), WEIR_OK);
    assert_int_equal(weir_close(w), WEIR_OK);
    assert_int_equal(rows_there(), TOTAL);
}

/* The scene stands hurt. Reading comes first, then what is refused, or else recovers. */
static answer agree(const char *what) {
    bool no_file = access(at(scene, "run.db"), F_OK) != 0;
    answer verify = ask("verify"), status = ask("status");
    print_message("%s: %s\n", what, verify.verdict);
    assert_string_equal(status.verdict, verify.verdict);
    assert_string_equal(status.text, verify.text);
    assert_int_equal(verify.code != 0, verify.refuses);
    assert_int_equal(verify.refuses, status_of(verify.verdict) != WEIR_OK);
    if (strcmp(verify.verdict, "rot") == 0) {
        answer replay = run_tool("replay", at(scene, "replayed.db"));
        assert_int_equal(replay.code, 4);
        const char *damages = strstr(verify.out, "{\"type\":\"damage\"");
        assert_non_null(damages); /* verify's end with them, and replay's begin */
        /* Another database has none of the rows, so from that member on they may differ. */
        const char *lost = strstr(damages, "\"rows_lost\"");
        assert_non_null(lost);
        assert_int_equal(strncmp(replay.out, damages, (size_t)(lost - damages)), 0);
        free(replay.out);
    }
    if (verify.refuses) {
        answer recover = run_tool("", NULL);
        assert_int_equal(recover.code, status_of(verify.verdict) == WEIR_VERSION ? 8 : 4);
        assert_non_null(strstr(recover.out, verify.text));
        free(recover.out);
        open_refused(&verify, no_file);
    } else {
        open_accepted();
    }
    free(status.out);
    return verify;
}

/* A promised block was hit: it is named with its rows, and what of them the database lacks. */
static void assert_rot_named(const answer *a, const weir_block_header *h, uint32_t more) {
    uint64_t rows = h->rows ? h->rows + more : 0, first = rows ? h->first_row : 0;
    uint64_t last = rows ? first + rows - 1 : 0, lost = 0;
    char damage[200];
    for (uint64_t n = first; n <= last; n++)
        lost += n > APPLIED;
    (void)snprintf(damage, sizeof damage,
                   "\"first_block\":%llu,\"last_block\":%llu,\"first_row\":%llu,\"last_row\":%llu,"
                   "\"rows_lost\":%llu,",
                   (unsigned long long)h->block, (unsigned long long)h->block,
                   (unsigned long long)first, (unsigned long long)last, (unsigned long long)lost);
    assert_string_equal(a->verdict, "rot");
    if (more) /* the header is another one, so the position may belong to another history */
        *strstr(damage, "\"rows_lost\"") = 0;
    if (!strstr(a->out, damage)) fail_msg("no %s in %s", damage, a->out);
}

/* ---- the tables -------------------------------------------------------------------------- */

static void every_block_hurt(void **state) {
    (void)state;
    static const struct {
        const char *name;
        void (*hurt)(const place *p);
        uint32_t more; /* rows than there are */
    } harms[] = {{"a flipped bit in the header", flip_header, 0},
                 {"a flipped bit in the payload", flip_payload, 0},
                 {"zeros instead of its first page", zero_page, 0},
                 {"a header that lies about its payload", lie, 1}};
    char what[200];
    find_blocks();
    assert_true(segment_count >= LIVES && block_count >= 2 * LIVES + GROUPS);
    for (size_t h = 0; h < sizeof harms / sizeof harms[0]; h++)
        for (size_t b = 0; b < block_count; b++) {
            set_scene();
            harms[h].hurt(&blocks[b]);
            (void)snprintf(what, sizeof what, "block %llu: %s",
                           (unsigned long long)blocks[b].header.block, harms[h].name);
            answer said = agree(what);
            assert_rot_named(&said, &blocks[b].header, harms[h].more);
            free(said.out);
        }
}

static void every_file_hurt(void **state) {
    (void)state;
    static const struct {
        const char *name;
        void (*hurt)(const char *name);
    } harms[] = {{"removed", remove_file},   {"cut off", cut_file},
                 {"flipped bit", flip_file}, {"emptied", empty_file},
                 {"zero header", zero_head}, {"replaced by the oldest", mistake_file}};
    char what[600];
    find_blocks();
    for (size_t h = 0; h < sizeof harms / sizeof harms[0]; h++)
        for (size_t s = 0; s <= segment_count; s++) {
            const char *name = s < segment_count ? segments[s] : "ring";
            set_scene();
            harms[h].hurt(name);
            (void)snprintf(what, sizeof what, "%s: %s", name, harms[h].name);
            free(agree(what).out);
        }
}

static void every_position_hurt(void **state) {
    (void)state;
    static const struct {
        const char *name, *verdict;
        void (*hurt)(void);
    } harms[] = {{"no harm", "clean", no_harm},
                 {"another history", "diverged", other_history},
                 {"beyond the journal", "journal_behind", beyond},
                 {"position forgotten", "clean", forgotten},
                 {"position of another journal", "clean", foreign},
                 {"no database", "clean", no_database},
                 {"no database, and rot", "rot", rot_and_no_database},
                 {"the highest number of a segment", "spent", highest_number},
                 {"the highest number archived", "spent", highest_archived}};
    find_blocks();
    for (size_t h = 0; h < sizeof harms / sizeof harms[0]; h++) {
        set_scene();
        harms[h].hurt();
        answer said = agree(harms[h].name);
        assert_string_equal(said.verdict, harms[h].verdict);
        free(said.out);
    }
}

/* Opening meets SQLite first, so the words are SQLite's; what they come to is the same. */
static void a_broken_database_is_named(void **state) {
    (void)state;
    weir *w;
    set_scene();
    assert_int_equal(unlink(at(scene, "run.db-wal")), 0);
    weir_file_write(at(scene, "run.db"), "This is a letter, not a database. It is long enough.",
                    52);
    answer verify = ask("verify"), status = ask("status"), recover = run_tool("", NULL);
    assert_string_equal(verify.verdict, "broken_database");
    assert_string_equal(status.verdict, "broken_database");
    assert_int_equal(verify.code, 8);
    assert_int_equal(status.code, 8);
    assert_int_equal(recover.code, 8);
    assert_non_null(strstr(recover.out, "\"status\":\"WEIR_DATABASE\""));
    assert_non_null(strstr(recover.out, verify.text));
    assert_int_equal(status_of(verify.verdict), WEIR_DATABASE);
    assert_int_equal(weir_open_sqlite(at(scene, "run.db"), &options, &w), WEIR_DATABASE);
    answer dump = run_tool("dump", NULL), replay = run_tool("replay", at(scene, "replayed.db"));
    assert_int_equal(dump.code, 0);
    assert_int_equal(replay.code, 1);
    assert_int_equal(weir_sql_int(at(scene, "replayed.db"), ALL_ROWS), TOTAL);
    free(verify.out), free(status.out), free(recover.out), free(dump.out), free(replay.out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_block_hurt),
        cmocka_unit_test(every_file_hurt),
        cmocka_unit_test(every_position_hurt),
        cmocka_unit_test(a_broken_database_is_named),
    };
    return cmocka_run_group_tests(tests, leave_journal, remove_all);
}
