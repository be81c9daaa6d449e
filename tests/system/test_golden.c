/* Journals of every released format version, kept packed in tests/golden: what they hold must be read,
 * judged and applied as on the day they were made.
 *
 * `test_golden --expect FOLDER` writes what a new folder shall be held against from now on, and never
 * over what stands there. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zstd.h>

#include "support.h"

enum { PATH = 600, FOLDER = 200, CASES_MAX = 256 };

typedef struct tale { /* what is told of a journal: each a text, compared whole */
    char *facts, *rows, *tables;
} tale;

/* ---- unpacking ---- */

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static void unpack_file(const char *from, const char *to) {
    size_t packed_bytes;
    uint8_t *packed = weir_file_read(from, &packed_bytes);
    unsigned long long bytes = ZSTD_getFrameContentSize(packed, packed_bytes);
    assert_true(bytes < 1 << 24);
    uint8_t *whole = malloc(bytes + 1);
    assert_non_null(whole);
    assert_int_equal(ZSTD_decompress(whole, bytes, packed, packed_bytes), bytes);
    weir_file_write(to, whole, bytes);
    free(whole);
    free(packed);
}

static void unpack(const char *from, const char *to) {
    struct dirent **list;
    int count = scandir(from, &list, NULL, alphasort);
    assert_true(count > 2);
    assert_true(mkdir(to, 0700) == 0 || errno == EEXIST);
    for (int i = 0; i < count; i++) {
        char source[PATH], target[PATH];
        (void)snprintf(source, sizeof source, "%s/%s", from, list[i]->d_name);
        (void)snprintf(target, sizeof target, "%s/%s", to, list[i]->d_name);
        if (ends_with(target, ".zst")) {
            target[strlen(target) - 4] = 0;
            unpack_file(source, target);
        } else if (list[i]->d_name[0] != '.') {
            unpack(source, target);
        }
        free(list[i]);
    }
    free(list);
}

/* ---- asking the tool ---- */

static void become_the_tool(char **arguments, const char *out) {
    int file = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600), nowhere = open("/dev/null", O_WRONLY);
    if (file < 0 || nowhere < 0 || dup2(file, STDOUT_FILENO) < 0 ||
        dup2(nowhere, STDERR_FILENO) < 0)
        _exit(99);
    execv(WEIR_RECOVER, arguments);
    _exit(97);
}

/* weir-recover [VERB] OPTION DATABASE: its exit code; *out is what it said, to be freed. */
static int ask(const char *directory, const char *verb, const char *option, char **out) {
    char database[PATH], into[PATH], words[3][32];
    char *arguments[5] = {words[0]};
    size_t count = 1;
    (void)snprintf(database, sizeof database, "%s/run.db", directory);
    (void)snprintf(into, sizeof into, "%s/said", directory);
    (void)snprintf(words[0], sizeof words[0], "weir-recover");
    (void)snprintf(words[1], sizeof words[1], "%s", verb);
    (void)snprintf(words[2], sizeof words[2], "%s", option);
    if (verb[0]) arguments[count++] = words[1];
    arguments[count++] = words[2];
    arguments[count] = database;
    pid_t child = fork();
    if (child == 0) become_the_tool(arguments, into);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    *out = weir_file_text(into);
    assert_int_equal(unlink(into), 0);
    return WEXITSTATUS(status);
}

/* ---- what the database holds ---- */

static void write_bytes(FILE *out, const uint8_t *bytes, int length, bool as_text) {
    for (int i = 0; i < length; i++)
        if (as_text && bytes[i] >= ' ' && bytes[i] < 127)
            (void)fputc(bytes[i], out);
        else
            (void)fprintf(out, as_text ? "\\%02x" : "%02x", bytes[i]);
}

/* In words of our own: SQLite's quote() writes reals differently from version to version. */
static void write_value(FILE *out, sqlite3_stmt *row, int column) {
    (void)fprintf(out, " | ");
    switch (sqlite3_column_type(row, column)) {
    case SQLITE_INTEGER: (void)fprintf(out, "%lld", sqlite3_column_int64(row, column)); break;
    case SQLITE_FLOAT: (void)fprintf(out, "real %.17g", sqlite3_column_double(row, column)); break;
    case SQLITE_TEXT:
        (void)fprintf(out, "text ");
        write_bytes(out, sqlite3_column_text(row, column), sqlite3_column_bytes(row, column), true);
        break;
    case SQLITE_BLOB:
        (void)fprintf(out, "blob ");
        write_bytes(out, sqlite3_column_blob(row, column), sqlite3_column_bytes(row, column),
                    false);
        break;
    default: (void)fprintf(out, "null");
    }
}

static void write_rows(FILE *out, sqlite3 *db, const char *table) {
    char *sql = sqlite3_mprintf("SELECT rowid, * FROM \"%w\" ORDER BY rowid", table);
    sqlite3_stmt *rows;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &rows, NULL), SQLITE_OK);
    while (sqlite3_step(rows) == SQLITE_ROW) {
        (void)fprintf(out, "%s", table);
        for (int i = 0; i < sqlite3_column_count(rows); i++)
            /* SQLite's words change from version to version. */
            if (strcmp(sqlite3_column_name(rows, i), "message") != 0) write_value(out, rows, i);
        (void)fprintf(out, "\n");
    }
    assert_int_equal(sqlite3_finalize(rows), SQLITE_OK);
    sqlite3_free(sql);
}

static char *tables_of(const char *directory) {
    char *text = NULL, database[PATH];
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    sqlite3 *db;
    sqlite3_stmt *tables;
    assert_non_null(out);
    (void)snprintf(database, sizeof database, "%s/run.db", directory);
    assert_int_equal(sqlite3_open_v2(database, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db,
                           "SELECT name FROM sqlite_schema WHERE type = 'table' "
                           "AND name NOT IN ('weir_position', 'weir_loss') ORDER BY name",
                           -1, &tables, NULL),
        SQLITE_OK);
    while (sqlite3_step(tables) == SQLITE_ROW)
        write_rows(out, db, (const char *)sqlite3_column_text(tables, 0));
    assert_int_equal(sqlite3_finalize(tables), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* ---- the tale of one journal ---- */

/* The value that stands behind "name": in a line of JSON. */
static const char *field(const char *json, const char *name, char into[64]) {
    char key[64];
    (void)snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(json, key);
    if (!at) fail_msg("no %s in %s", key, json);
    at += strlen(key);
    (void)snprintf(into, 64, "%.*s", (int)strcspn(at, ",}\n"), at);
    return into;
}

static void tell_verify(const char *directory, FILE *facts) {
    char *said, a[64], b[64], c[64];
    int code = ask(directory, "verify", "--json", &said);
    const char *rows = strstr(said, "\"rows\":{"), *lanes = strstr(said, "\"lanes\":");
    assert_non_null(rows);
    (void)fprintf(facts, "verify %d: %s, closed %s\n", code, field(said, "verdict", a),
                  field(said, "closed", b));
    (void)fprintf(facts, "rows durable %s, in a dead ring %s\n", field(rows, "durable", a),
                  lanes ? field(lanes, "rows", b) : "none");
    for (const char *at = said; (at = strstr(at, "\"type\":\"damage\"")); at++)
        (void)fprintf(facts, "damage in segment %s: rows %s to %s\n", field(at, "segment", a),
                      field(at, "first_row", b), field(at, "last_row", c));
    free(said);
}

/* Archived segments too. Rows only: an error names the folder, which is another one each time. */
static void tell_dump(const char *directory, FILE *facts, char **rows) {
    int code = ask(directory, "dump", "--archive", rows);
    (void)fprintf(facts, "dump %d\n", code);
    if (code == 8) (*rows)[0] = 0;
}

static int tell_code(const char *directory, const char *verb, FILE *facts) {
    char *said;
    int code = ask(directory, verb, "--json", &said);
    (void)fprintf(facts, "%s %d\n", verb[0] ? verb : "recover", code);
    free(said);
    return code;
}

static tale tell(const char *folder) {
    char directory[FOLDER], state[PATH];
    tale t = {0};
    size_t bytes;
    FILE *facts = open_memstream(&t.facts, &bytes);
    assert_non_null(facts);
    (void)snprintf(directory, sizeof directory, "%s", weir_temp_make());
    (void)snprintf(state, sizeof state, "%s/state", folder);
    unpack(state, directory);
    tell_verify(directory, facts);
    tell_dump(directory, facts, &t.rows);
    if (tell_code(directory, "", facts) == 4) (void)tell_code(directory, "salvage", facts);
    (void)tell_code(directory, "", facts); /* once more: nothing may come twice */
    assert_int_equal(fclose(facts), 0);
    t.tables = tables_of(directory);
    weir_temp_remove(directory);
    return t;
}

static void tale_free(tale *t) {
    free(t->facts);
    free(t->rows);
    free(t->tables);
}

/* ---- holding it against what is kept ---- */

static void compare(const char *folder, const char *name, const char *told) {
    char path[PATH];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    char *kept = weir_file_text(path);
    if (strcmp(kept, told) != 0) fail_msg("%s\n-- kept:\n%s-- told:\n%s", path, kept, told);
    free(kept);
}

static void is_read_as_ever(void **state) {
    const char *folder = *state;
    tale t = tell(folder);
    compare(folder, "facts", t.facts);
    compare(folder, "rows.ndjson", t.rows);
    compare(folder, "tables", t.tables);
    tale_free(&t);
}

static void keep(const char *folder, const char *name, const char *told) {
    char path[PATH];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0 || write(file, told, strlen(told)) != (ssize_t)strlen(told) || close(file))
        fail_msg("%s: %s", path, strerror(errno));
}

static void is_kept_from_now_on(void **state) {
    const char *folder = *state;
    tale t = tell(folder);
    keep(folder, "facts", t.facts);
    keep(folder, "rows.ndjson", t.rows);
    keep(folder, "tables", t.tables);
    tale_free(&t);
}

/* ---- */

static struct CMUnitTest cases[CASES_MAX];
static size_t case_count;

static void add_case(const char *version, const char *name, CMUnitTestFunction test) {
    char path[PATH];
    (void)snprintf(path, sizeof path, "%s/%s", version, name);
    assert_true(case_count < CASES_MAX);
    char *kept = strdup(path); /* lives as long as the program */
    const char *shown = strstr(kept, "golden/");
    cases[case_count++] =
        (struct CMUnitTest){.name = shown ? shown : kept, .test_func = test, .initial_state = kept};
}

/* tests/golden/VERSION/FOLDER */
static void find_cases(const char *root, int depth) {
    struct dirent **list;
    int count = scandir(root, &list, NULL, alphasort);
    assert_true(count >= 0);
    for (int i = 0; i < count; i++) {
        char path[PATH];
        (void)snprintf(path, sizeof path, "%s/%s", root, list[i]->d_name);
        struct stat info;
        bool folder = list[i]->d_name[0] != '.' && stat(path, &info) == 0 && S_ISDIR(info.st_mode);
        if (folder && depth == 0) find_cases(path, 1);
        if (folder && depth == 1) add_case(root, list[i]->d_name, is_read_as_ever);
        free(list[i]);
    }
    free(list);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--expect") == 0)
        add_case(argv[2], "", is_kept_from_now_on);
    else
        find_cases(WEIR_SOURCE_DIR "/tests/golden", 0);
    if (case_count == 0) return 1;
    return _cmocka_run_group_tests("golden", cases, case_count, NULL, NULL);
}
