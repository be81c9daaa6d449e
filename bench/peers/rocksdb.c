/* rocksdb.c - a peer of commit.c: one small row a write, WriteOptions::sync, by so many threads.
 * RocksDB's own defaults otherwise; it syncs its log once for a group of writers.
 *
 *     weir-bench-rocksdb DIRECTORY THREADS SECONDS       prints rows a second */
#include <stdio.h>
#include <stdlib.h>

#include <rocksdb/c.h>

#include "../hammer.h"

typedef struct store {
    rocksdb_t *db;
    rocksdb_writeoptions_t *synced;
} store;

static bool put(void *context, unsigned thread, uint64_t turn) {
    store *s = context;
    uint64_t key[2] = {thread, turn};
    char value[32] = "1|117|17|household|26214.40|1";
    char *error = NULL;
    rocksdb_put(s->db, s->synced, (const char *)key, sizeof key, value, sizeof value, &error);
    if (!error) return true;
    fprintf(stderr, "weir-bench-rocksdb: %s\n", error);
    rocksdb_free(error);
    return false;
}

int main(int argc, char **argv) {
    unsigned threads = argc == 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    double seconds = argc == 4 ? strtod(argv[3], NULL) : 0;
    if (!threads || threads > HAMMERS_MAX || seconds <= 0) {
        fprintf(stderr, "usage: weir-bench-rocksdb DIRECTORY THREADS SECONDS\n");
        return 16;
    }
    char *error = NULL;
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, 1);
    store s = {rocksdb_open(options, argv[1], &error), rocksdb_writeoptions_create()};
    if (error) {
        fprintf(stderr, "weir-bench-rocksdb: %s\n", error);
        return 1;
    }
    rocksdb_writeoptions_set_sync(s.synced, 1);
    double rate = hammer(threads, seconds, put, &s);
    rocksdb_close(s.db);
    rocksdb_writeoptions_destroy(s.synced);
    rocksdb_options_destroy(options);
    printf("%.3f\n", rate);
    return rate <= 0;
}
