/* demo_faults.c - preloaded into weir-demo. A disk that takes $WEIR_SLOW_MS for each sync; and a
 * weir that loses every thousandth row ($WEIR_LOSES) or doubles it ($WEIR_DOUBLES). */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <weir/weir.h>

static void wait_for_the_disk(void) {
    const char *ms = getenv("WEIR_SLOW_MS");
    if (ms) nanosleep(&(struct timespec){.tv_nsec = strtol(ms, NULL, 10) * 1000000}, NULL);
}

static void *next(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (!function) abort();
    return function;
}

WEIR_API int fsync(int fd) {
    int (*real)(int);
    *(void **)&real = next("fsync");
    wait_for_the_disk();
    return real(fd);
}

WEIR_API int fdatasync(int fd) {
    int (*real)(int);
    *(void **)&real = next("fdatasync");
    wait_for_the_disk();
    return real(fd);
}

int weir_append_row(weir_table *table, const weir_value *values, size_t count,
                    weir_ticket *ticket) {
    static unsigned rows;
    int (*real)(weir_table *, const weir_value *, size_t, weir_ticket *);
    *(void **)&real = next("weir_append_row");
    if (rows++ % 1000 == 500) {
        if (getenv("WEIR_LOSES")) return WEIR_OK;
        if (getenv("WEIR_DOUBLES")) (void)real(table, values, count, ticket);
    }
    return real(table, values, count, ticket);
}
