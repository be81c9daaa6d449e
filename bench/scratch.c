/* scratch.c - files that a bench makes and leaves. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

const char *scratch(const bench_run *run, const char *name) {
    static char paths[4][8192];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", run->directory, name);
    return path;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *at) {
    (void)info, (void)kind, (void)at; /* everything goes */
    return remove(path);
}

void remove_tree(const char *path) {
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) && errno != ENOENT)
        fprintf(stderr, "weir-bench: could not remove %s\n", path);
}

void scratch_remove(const bench_run *run, const char *name) {
    static const char *const endings[] = {"", "-wal", "-shm", "-journal", "-weir"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char full[256];
        snprintf(full, sizeof full, "%s%s", name, endings[i]);
        remove_tree(scratch(run, full));
    }
}

uint8_t *map_scratch(const bench_run *run, const char *name, size_t bytes) {
    int file = open(scratch(run, name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    void *at = MAP_FAILED;
    if (file < 0) return NULL;
    if (posix_fallocate(file, 0, (off_t)bytes) == 0)
        at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return at == MAP_FAILED ? NULL : at;
}

void settle(const bench_run *run) {
    int directory = open(run->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return;
    (void)syncfs(directory); /* a disk that fails will tell the bench itself */
    close(directory);
}

void settle_in_memory(const bench_run *run) {
    const size_t bytes = (size_t)(run->quick ? 256 : 2048) << 20;
    settle(run);
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return;
    (void)madvise(memory, bytes, MADV_HUGEPAGE); /* both are advice */
    (void)madvise(memory, bytes, MADV_POPULATE_WRITE);
    munmap(memory, bytes);
}
