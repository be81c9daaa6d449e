/* tool.h - the real binary of weir-recover, run on journals that real processes left behind. */
#ifndef WEIR_TESTS_TOOL_H
#define WEIR_TESTS_TOOL_H

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

#include <weir/sqlite.h>

#include "lib/format/block.h"
#include "lib/format/segment.h"
#include "support.h"

enum { CLEAN = 0, RECOVERED = 1, DAMAGE = 4, FAILED = 8, USAGE = 16 };
enum { ARGUMENTS_MAX = 16, NOBODY = 65534 };

typedef struct fixture {
    char directory[200];
    char database[256], journal[256], other[256];
    int code; /* of the last run of the tool */
    char *out, *err;
    bool as_nobody;
    const char *out_path; /* where stdout goes instead; or NULL */
    const char *binary;
} fixture;

/* ---- running the tool ------------------------------------------------------------------ */

static inline void redirect(const char *path, int to) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || dup2(file, to) < 0) _exit(99);
}

static inline void become_the_tool(const fixture *f, char **arguments, const char *out,
                                   const char *err) {
    redirect(out, STDOUT_FILENO);
    redirect(err, STDERR_FILENO);
    /* A sanitizer's own exit code would be taken for "rows were recovered". */
    (void)setenv("ASAN_OPTIONS", "exitcode=99", 1);
    (void)setenv("TSAN_OPTIONS", "exitcode=99", 0);
    if (f->as_nobody && (setgid(NOBODY) || setuid(NOBODY))) _exit(98);
    execv(f->binary, arguments);
    _exit(97);
}

/* For test_json.c, which compares all objects with the schema. */
static inline void keep_json(char *const *arguments, const char *out) {
    const char *path = getenv("WEIR_JSON_KEPT");
    bool json = false;
    for (int i = 1; arguments[i]; i++)
        json |= strcmp(arguments[i], "--json") == 0;
    FILE *kept = path && json ? fopen(path, "a") : NULL;
    if (!kept) return;
    (void)fputs(out, kept); /* what is missing, the comparison misses */
    (void)fclose(kept);
}

/* Arguments end with NULL. Leaves code, out and err in the fixture. */
static inline int run(fixture *f, ...) {
    const char *slash = strrchr(f->binary, '/');
    char *arguments[ARGUMENTS_MAX] = {(char *)(uintptr_t)(slash ? slash + 1 : f->binary)};
    char out[280], err[280];
    va_list list;
    va_start(list, f);
    for (int i = 1; i < ARGUMENTS_MAX - 1; i++)
        if (!(arguments[i] = va_arg(list, char *))) break;
    va_end(list);
    (void)snprintf(out, sizeof out, "%s.out", f->directory);
    (void)snprintf(err, sizeof err, "%s.err", f->directory);
    pid_t child = fork();
    if (child == 0) become_the_tool(f, arguments, f->out_path ? f->out_path : out, err);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status))
        fail_msg("the tool died of signal %d: %s %s %s", WTERMSIG(status), arguments[1],
                 arguments[2], arguments[3] ? arguments[3] : "");
    free(f->out);
    free(f->err);
    f->out = f->out_path ? strdup("") : weir_file_text(out);
    f->err = weir_file_text(err);
    (void)unlink(out);
    (void)unlink(err);
    keep_json(arguments, f->out);
    return f->code = WEXITSTATUS(status);
}

static inline void expect(const fixture *f, int code) {
    if (f->code != code)
        fail_msg("exit %d instead of %d\nstdout:\n%s\nstderr:\n%s", f->code, code, f->out, f->err);
}

static inline void expect_text(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("'%s' is not in:\n%s", part, text);
}

static inline size_t lines(const char *text) {
    size_t count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

/* ---- the state of the disk ------------------------------------------------------------- */

static inline int not_dots(const struct dirent *entry) {
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* Names, sizes and contents of everything below path, as one number. */
static inline uint64_t tree_hash(const char *path) {
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    uint64_t hash = weir_hash(path, strlen(path));
    if (!S_ISDIR(st.st_mode)) {
        size_t bytes;
        uint8_t *content = weir_file_read(path, &bytes);
        hash ^= weir_hash(content, bytes) + bytes;
        free(content);
        return hash;
    }
    struct dirent **list;
    int count = scandir(path, &list, not_dots, alphasort);
    for (int i = 0; i < count; i++) {
        char below[4096];
        (void)snprintf(below, sizeof below, "%.3800s/%.255s", path, list[i]->d_name);
        hash = hash * 31 + tree_hash(below);
        free(list[i]);
    }
    free(list);
    return hash;
}

static inline bool has_name(const char *directory, const char *begins) {
    DIR *dir = opendir(directory);
    bool found = false;
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        found |= strncmp(entry->d_name, begins, strlen(begins)) == 0;
    closedir(dir);
    return found;
}

/* The segment with the lowest number. */
static inline const char *segment_at(const fixture *f, bool last) {
    static char path[600];
    struct dirent **list;
    int count = scandir(f->journal, &list, not_dots, alphasort);
    path[0] = 0;
    for (int i = 0; i < count; i++) {
        if ((last || !path[0]) && strncmp(list[i]->d_name, "segment-", 8) == 0)
            (void)snprintf(path, sizeof path, "%s/%s", f->journal, list[i]->d_name);
        free(list[i]);
    }
    free(list);
    assert_true(path[0]);
    return path;
}

static inline const char *first_segment(const fixture *f) { return segment_at(f, false); }

/* Where in the segment the block stands whose first row this is. */
static inline uint64_t offset_of_row(const char *segment, uint64_t row) {
    size_t bytes;
    uint64_t found = 0;
    uint8_t *content = weir_file_read(segment, &bytes);
    for (uint64_t at = WEIR_BLOCK_ALIGN; !found && at + WEIR_BLOCK_HEADER <= bytes;
         at += WEIR_BLOCK_ALIGN) {
        weir_block_header h;
        if (weir_block_header_decode(content + at, &h) == WEIR_OK && h.kind == WEIR_BLOCK_ROWS &&
            h.first_row == row)
            found = at;
    }
    free(content);
    assert_true(found);
    return found;
}

static inline void patch(const char *path, uint64_t offset, const void *bytes, size_t length) {
    int file = open(path, O_WRONLY);
    assert_true(file >= 0);
    assert_int_equal(pwrite(file, bytes, length, (off_t)offset), length);
    close(file);
}

static inline void forget_database(const fixture *f) {
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char path[300];
        (void)snprintf(path, sizeof path, "%s%s", f->database, ends[i]);
        (void)unlink(path);
    }
}

/* ---- processes that leave journals ----------------------------------------------------- */

enum { GROUPS = 5, ROWS_OF_GROUP = 10, ROWS = GROUPS * ROWS_OF_GROUP };

static const weir_column columns[] = {
    {"id", WEIR_INTEGER}, {"x", WEIR_REAL}, {"name", WEIR_TEXT}, {"data", WEIR_BLOB}};

/* A program that makes its work easy for tests: what goes wrong ends it with a code of its own. */
static inline void must(int status, int code) {
    if (status < 0) {
        fprintf(stderr, "child: %s\n", weir_last_error());
        _exit(code);
    }
}

static inline weir_table *declare(weir *w, const char *name) {
    weir_table *table;
    must(weir_declare(w, name, columns, 4, &table), 11);
    return table;
}

static inline void append(weir_table *table, int64_t id) {
    must(weir_append(table, weir_int(id), weir_real((double)id / 2), weir_text("a \"row\"\n"),
                     weir_blob("\0\377", 2)),
         12);
}

/* Somebody else holds SQLite's write lock, so that durable rows stay in the journal. */
static inline void lock_database(const char *path) {
    sqlite3 *db;
    if (sqlite3_open(path, &db) != SQLITE_OK) _exit(13);
    sqlite3_busy_timeout(db, 5000);
    if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) _exit(14);
}

static inline weir *open_here(const fixture *f, const weir_options *options) {
    weir *w;
    must(weir_open_sqlite(f->database, options, &w), 10);
    return w;
}

static inline void append_rows(weir_table *table, int64_t first, int64_t last) {
    for (int64_t id = first; id <= last; id++)
        append(table, id);
}

/* Rows of so many bytes, 20,000 at most, that nothing could make small. */
static inline void append_noise(weir_table *table, weir_rng *rng, int64_t first, int64_t last,
                                size_t bytes) {
    static uint8_t noise[20000];
    must(bytes <= sizeof noise ? WEIR_OK : WEIR_MISUSE, 12);
    for (int64_t id = first; id <= last; id++) {
        weir_rng_fill(rng, noise, bytes);
        must(weir_append(table, weir_int(id), weir_null(), weir_null(), weir_blob(noise, bytes)),
             12);
    }
}

static inline void reach(weir *w, weir_level level) { must(weir_sync(w, level, UINT32_MAX), 15); }

static inline void die(void) { (void)kill(getpid(), SIGKILL); }

/* ROWS durable rows in GROUPS blocks, none applied; the process dies. */
static inline void leave_durable(const fixture *f) {
    weir *w = open_here(f, NULL);
    lock_database(f->database);
    weir_table *table = declare(w, "t");
    for (int64_t id = 1; id <= ROWS; id += ROWS_OF_GROUP) {
        append_rows(table, id, id + ROWS_OF_GROUP - 1);
        reach(w, WEIR_DURABLE);
    }
    die();
}

/* ROWS durable rows, of which the first group is applied, and the handle still open. */
static inline void apply_a_group(const fixture *f) {
    weir *w = open_here(f, NULL);
    weir_table *table = declare(w, "t");
    append_rows(table, 1, ROWS_OF_GROUP);
    reach(w, WEIR_APPLIED);
    lock_database(f->database);
    append_rows(table, ROWS_OF_GROUP + 1, ROWS);
    reach(w, WEIR_DURABLE);
}

static inline void leave_half_applied(const fixture *f) {
    apply_a_group(f);
    die();
}

/* A row that is durable, and in the ring ROWS more, with their declaration. */
static inline void leave_both(const fixture *f) {
    weir *w = open_here(f, &(weir_options){.linger_ms = 600000});
    lock_database(f->database);
    append(declare(w, "other"), 1);
    reach(w, WEIR_DURABLE);
    append_rows(declare(w, "t"), 1, ROWS);
    die();
}

/* ROWS published rows that nobody made durable. */
static inline void leave_in_ring(const fixture *f) {
    append_rows(declare(open_here(f, &(weir_options){.linger_ms = 600000}), "t"), 1, ROWS);
    die();
}

/* ROWS rows that are applied, and the handle still open. */
static inline weir *apply_rows(const fixture *f) {
    weir *w = open_here(f, NULL);
    append_rows(declare(w, "t"), 1, ROWS);
    reach(w, WEIR_APPLIED);
    return w;
}

static inline void leave_closed(const fixture *f) { must(weir_close(apply_rows(f)), 16); }

/* Every kind of value, in two tables. */
static inline void leave_values(const fixture *f) {
    weir *w = open_here(f, NULL);
    lock_database(f->database);
    weir_table *t = declare(w, "t"), *other = declare(w, "other \"table\"");
    must(weir_append(t, weir_int(INT64_MIN), weir_real(0.1), weir_text("\x01 \xC3\xA9,\\\""),
                     weir_blob("\0\377", 2)),
         12);
    must(weir_append(other, weir_null(), weir_real(2), weir_text(""), weir_blob("", 0)), 12);
    must(weir_append(t, weir_text_n("\xFF", 1), weir_real(1e300 * 1e300), weir_int(7), weir_null()),
         12);
    reach(w, WEIR_DURABLE);
    _exit(0);
}

/* Several segments, applied and archived. */
static inline void leave_archive(const fixture *f) {
    weir_options options = {.archive = 1, .segment_bytes = 1 << 20};
    weir_rng rng = {1};
    weir *w = open_here(f, &options);
    weir_table *table = declare(w, "t");
    append_noise(table, &rng, 1, 200, 20000);
    reach(w, WEIR_APPLIED);
    must(weir_close(w), 16);
}

/* Stays open until its standard input ends. */
static inline void stay_open(const fixture *f, int ready, int over) {
    char byte = 0;
    (void)apply_rows(f);
    if (write(ready, &byte, 1) != 1 || read(over, &byte, 1) < 0) _exit(17);
    _exit(0);
}

static inline void in_a_child(const fixture *f, void (*leave)(const fixture *)) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        leave(f);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    bool fine = WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0;
    if (!fine) fail_msg("the child failed with wait status %x", (unsigned)status);
}

/* ---- fixture --------------------------------------------------------------------------- */

static inline int set_up(void **state) {
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    (void)snprintf(f->directory, sizeof f->directory, "%s", weir_temp_make());
    (void)snprintf(f->database, sizeof f->database, "%s/run.db", f->directory);
    (void)snprintf(f->journal, sizeof f->journal, "%s/run.db-weir", f->directory);
    (void)snprintf(f->other, sizeof f->other, "%s/other.db", f->directory);
    f->binary = WEIR_RECOVER;
    *state = f;
    return 0;
}

static inline int tear_down(void **state) {
    fixture *f = *state;
    weir_temp_remove(f->directory);
    free(f->out);
    free(f->err);
    free(f);
    return 0;
}

static inline int64_t rows_in(const char *database) {
    return weir_sql_int(database, "SELECT count(*) FROM t");
}

static inline bool is_there(const char *path) { return access(path, F_OK) == 0; }

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
