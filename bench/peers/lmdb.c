/* lmdb.c - a peer of commit.c: one small row a transaction, synced as is LMDB's default, by so many
 * threads. LMDB lets one transaction write at a time.
 *
 *     weir-bench-lmdb DIRECTORY THREADS SECONDS       prints rows a second */
#include <stdio.h>
#include <stdlib.h>

#include <lmdb.h>

#include "../hammer.h"

typedef struct store {
    MDB_env *environment;
    MDB_dbi table;
} store;

static bool is_well(int status) {
    if (status == MDB_SUCCESS) return true;
    fprintf(stderr, "weir-bench-lmdb: %s\n", mdb_strerror(status));
    return false;
}

static bool put(void *context, unsigned thread, uint64_t turn) {
    store *s = context;
    uint64_t name[2] = {thread, turn};
    char row[32] = "1|117|17|household|26214.40|1";
    MDB_val key = {sizeof name, name}, value = {sizeof row, row};
    MDB_txn *transaction;
    if (!is_well(mdb_txn_begin(s->environment, NULL, 0, &transaction))) return false;
    if (is_well(mdb_put(transaction, s->table, &key, &value, 0)))
        return is_well(mdb_txn_commit(transaction));
    mdb_txn_abort(transaction);
    return false;
}

static bool open_store(store *s, const char *directory) {
    MDB_txn *transaction;
    return is_well(mdb_env_create(&s->environment)) &&
           is_well(mdb_env_set_mapsize(s->environment, (size_t)1 << 30)) &&
           is_well(mdb_env_open(s->environment, directory, 0, 0600)) &&
           is_well(mdb_txn_begin(s->environment, NULL, 0, &transaction)) &&
           is_well(mdb_dbi_open(transaction, NULL, 0, &s->table)) &&
           is_well(mdb_txn_commit(transaction));
}

int main(int argc, char **argv) {
    unsigned threads = argc == 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    double seconds = argc == 4 ? strtod(argv[3], NULL) : 0;
    store s;
    if (!threads || threads > HAMMERS_MAX || seconds <= 0) {
        fprintf(stderr, "usage: weir-bench-lmdb DIRECTORY THREADS SECONDS\n");
        return 16;
    }
    if (!open_store(&s, argv[1])) return 1;
    double rate = hammer(threads, seconds, put, &s);
    mdb_env_close(s.environment);
    printf("%.3f\n", rate);
    return rate <= 0;
}
