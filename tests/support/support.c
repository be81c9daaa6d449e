#include "support.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

const char *weir_temp_make(void) {
    static char path[4096];
    const char *base = getenv("TMPDIR");

    snprintf(path, sizeof path, "%s/weir-test-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(path)) fail_msg("cannot make a directory like %s", path);
    return path;
}

const char *weir_temp_path(const char *dir, const char *name) {
    static _Thread_local char paths[16][4096];
    static _Thread_local unsigned turn;
    char *path = paths[turn++ % 16];

    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

typedef void each_fn(const char *path, const char *name, void *context);

static void for_each_entry(const char *path, each_fn *each, void *context) {
    DIR *dir = opendir(path);
    if (!dir) return;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char child[8192];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        each(child, entry->d_name, context);
    }
    closedir(dir);
}

static void remove_entry(const char *path, const char *name, void *context) {
    (void)name;
    (void)context;
    weir_temp_remove(path);
}

void weir_temp_remove(const char *path) {
    struct stat info;

    if (lstat(path, &info)) return;
    if (!S_ISDIR(info.st_mode)) {
        (void)unlink(path); /* what cannot be removed is only litter in a temporary directory */
        return;
    }
    (void)chmod(path, 0700); /* a test may have taken its own rights away */
    for_each_entry(path, remove_entry, NULL);
    (void)rmdir(path);
}

uint64_t weir_rng_next(weir_rng *rng) {
    uint64_t z = rng->state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

uint64_t weir_rng_below(weir_rng *rng, uint64_t limit) {
    return weir_rng_next(rng) % limit; /* the bias of 2^-64 × limit is no matter to a test */
}

void weir_rng_fill(weir_rng *rng, void *into, size_t bytes) {
    uint8_t *at = into;
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)weir_rng_next(rng);
}

uint8_t *weir_file_read(const char *path, size_t *bytes) {
    struct stat info;
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &info)) fail_msg("cannot open %s", path);
    *bytes = (size_t)info.st_size;
    uint8_t *content = malloc(*bytes ? *bytes : 1);
    assert_non_null(content);
    if (fread(content, 1, *bytes, file) != *bytes) fail_msg("cannot read %s", path);
    fclose(file);
    return content;
}

char *weir_file_text(const char *path) {
    size_t bytes;
    uint8_t *read = weir_file_read(path, &bytes);
    char *text = realloc(read, bytes + 1);
    assert_non_null(text);
    text[bytes] = 0;
    return text;
}

void weir_file_write(const char *path, const void *from, size_t bytes) {
    FILE *file = fopen(path, "wb");
    if (!file) fail_msg("cannot create %s", path);
    size_t written = fwrite(from, 1, bytes, file);
    if (fclose(file) || written != bytes) fail_msg("cannot write %s", path);
}

static void copy_entry(const char *path, const char *name, void *to) {
    char child[8192];
    snprintf(child, sizeof child, "%s/%s", (const char *)to, name);
    weir_file_copy_tree(path, child);
}

void weir_file_copy_tree(const char *from, const char *to) {
    struct stat info;

    assert_int_equal(stat(from, &info), 0);
    if (S_ISDIR(info.st_mode)) {
        assert_int_equal(mkdir(to, 0700), 0);
        char target[4096];
        snprintf(target, sizeof target, "%s", to);
        for_each_entry(from, copy_entry, target);
        return;
    }
    size_t bytes;
    uint8_t *content = weir_file_read(from, &bytes);
    weir_file_write(to, content, bytes);
    free(content);
}

static int hex_digit(char c) {
    const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
    return at ? (int)(at - digits) : -1;
}

size_t weir_hex_read(const char *hex, uint8_t *into, size_t limit) {
    size_t count = 0;
    int high = -1;

    for (; *hex; hex++) {
        if (isspace((unsigned char)*hex)) continue;
        int digit = hex_digit(*hex);
        if (digit < 0 || (high >= 0 && count == limit))
            fail_msg("not hexadecimal, or too long: %s", hex);
        if (high < 0) {
            high = digit;
        } else {
            into[count++] = (uint8_t)(high << 4 | digit);
            high = -1;
        }
    }
    assert_int_equal(high, -1);
    return count;
}

static sqlite3 *open_database(const char *database) {
    sqlite3 *db;
    if (sqlite3_open_v2(database, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL))
        fail_msg("%s: %s", database, sqlite3_errmsg(db));
    sqlite3_busy_timeout(db, 10000);
    return db;
}

int64_t weir_sql_int(const char *database, const char *sql) {
    sqlite3 *db = open_database(database);
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) || sqlite3_step(statement) != SQLITE_ROW)
        fail_msg("%s: %s: %s", database, sql, sqlite3_errmsg(db));
    int64_t answer = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return answer;
}

void weir_sql_run(const char *database, const char *sql) {
    sqlite3 *db = open_database(database);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL))
        fail_msg("%s: %s: %s", database, sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

void weir_sql_close(sqlite3 **db) {
    for (sqlite3_stmt *left; *db && (left = sqlite3_next_stmt(*db, NULL));)
        (void)sqlite3_finalize(left);
    (void)sqlite3_close(*db);
    *db = NULL;
}

int weir_skip_all(const char *program, const char *why, size_t tests) {
    for (size_t i = 0; i < tests; i++)
        printf("[  SKIPPED ] %s: %s\n", program, why);
    return 77;
}
