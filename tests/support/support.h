/* support.h - what the tests share: a directory of their own, seeded numbers, small utilities. */
#ifndef WEIR_TESTS_SUPPORT_H
#define WEIR_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct sqlite3;

/* Whose run time does not bear that something is preloaded. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WEIR_SANITIZED true
#else
#define WEIR_SANITIZED false
#endif

/* A fresh directory under $TMPDIR or /tmp. The text lives until the next call of weir_temp_make. */
const char *weir_temp_make(void);
/* dir/name, in one of 16 buffers that are used in turn: for passing on, not for keeping. */
const char *weir_temp_path(const char *dir, const char *name);
/* Remove path and all that is below it. Links are removed, not followed. */
void weir_temp_remove(const char *path);

/* splitmix64: the same seed gives the same numbers everywhere. */
typedef struct weir_rng {
    uint64_t state;
} weir_rng;

uint64_t weir_rng_next(weir_rng *rng);
uint64_t weir_rng_below(weir_rng *rng, uint64_t limit); /* 0 … limit - 1; limit is not 0 */
void weir_rng_fill(weir_rng *rng, void *into, size_t bytes);

/* Whole files. Read: malloc, the caller frees. Both fail the test when they cannot. */
uint8_t *weir_file_read(const char *path, size_t *bytes);
char *weir_file_text(const char *path); /* the same, with a NUL behind it */
void weir_file_write(const char *path, const void *from, size_t bytes);
void weir_file_copy_tree(const char *from, const char *to); /* a file, or a directory with files */

/* "0a ff" to bytes; white space is skipped. Returns how many. */
size_t weir_hex_read(const char *hex, uint8_t *into, size_t limit);

/* The single integer that an SQL query on a database file answers; fails the test when it cannot. */
int64_t weir_sql_int(const char *database, const char *sql);
void weir_sql_run(const char *database, const char *sql);
/* For fixtures: close a connection with whatever statements a test has left on it, and forget it.
 * NULL in *db: nothing is open. */
void weir_sql_close(struct sqlite3 **db);

/* For main, where a whole program cannot run on this machine: says so once for each of its tests,
 * and answers the exit code that counts as skipped, never as passed. */
int weir_skip_all(const char *program, const char *why, size_t tests);

#endif
