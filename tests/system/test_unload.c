/* test_unload.c - the library inside something that is unloaded: itself, and a plug-in that it is linked
 * into. Neither goes, so threads may end later, and nothing is left behind again and again. */
/* Covers: lib/base/resident.c */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "opened.h"

enum { CYCLES = 12, KEPT_BYTES = 32 << 10 };

static opened *here; /* for handlers, threads and children */

static int setup(void **state) {
    if (opened_set_up(state) != 0) return -1;
    here = *state;
    return 0;
}

/* ---- a plug-in ----------------------------------------------------------------------------- */

typedef struct plug {
    void *library;
    int (*open)(const char *path);
    int (*append)(void);
    int (*close)(void);
} plug;

static void *function(void *library, const char *name) {
    void *found = dlsym(library, name);
    if (!found) fail_msg("%s: %s", name, dlerror());
    return found;
}

static void load(plug *p) {
    p->library = dlopen(WEIR_PLUG, RTLD_NOW | RTLD_LOCAL);
    if (!p->library) fail_msg("%s", dlerror());
    *(void **)&p->open = function(p->library, "plug_open");
    *(void **)&p->append = function(p->library, "plug_append");
    *(void **)&p->close = function(p->library, "plug_close");
}

static void use_and_unload(void) {
    plug p;
    load(&p);
    assert_int_equal(p.open(here->database), 0);
    assert_int_equal(p.append(), 0);
    assert_int_equal(p.close(), 0);
    assert_int_equal(dlclose(p.library), 0);
}

static size_t mappings(void) {
    size_t lines = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    for (int c; (c = fgetc(maps)) != EOF;)
        lines += c == '\n';
    assert_int_equal(fclose(maps), 0);
    return lines;
}

static bool is_loaded(const char *name) {
    void *library = dlopen(name, RTLD_LAZY | RTLD_NOLOAD);
    if (library) (void)dlclose(library);
    return library != NULL;
}

/* The first cycles make what the later ones use again. */
static void a_plug_in_that_comes_and_goes_leaves_nothing(void **state) {
    (void)state;
    for (int i = 0; i < CYCLES; i++)
        use_and_unload();
    size_t bytes = mallinfo2().uordblks, maps = mappings();
    for (int i = 0; i < CYCLES; i++)
        use_and_unload();
    assert_true(is_loaded(WEIR_PLUG));
    assert_true(mallinfo2().uordblks <= bytes + KEPT_BYTES);
    assert_true(mappings() <= maps + CYCLES / 2);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM t"), 2 * CYCLES);
}

typedef struct worker {
    plug *p;
    sem_t has_appended, may_end;
    int status;
} worker;

static void *append_and_end_later(void *argument) {
    worker *me = argument;
    me->status = me->p->append();
    (void)sem_post(&me->has_appended);
    (void)sem_wait(&me->may_end);
    return NULL;
}

static void a_thread_may_end_after_its_plug_in_is_unloaded(void **state) {
    (void)state;
    plug p;
    pthread_t thread;
    worker me = {.p = &p};
    assert_int_equal(sem_init(&me.has_appended, 0, 0) | sem_init(&me.may_end, 0, 0), 0);
    load(&p);
    assert_int_equal(p.open(here->database), 0);
    assert_int_equal(pthread_create(&thread, NULL, append_and_end_later, &me), 0);
    assert_int_equal(sem_wait(&me.has_appended), 0);
    assert_int_equal(p.close(), 0);
    assert_int_equal(dlclose(p.library), 0);
    assert_int_equal(sem_post(&me.may_end), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(me.status, 0);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM t"), 1);
}

/* ---- the shared library ------------------------------------------------------------------------ */

static void the_shared_library_stays(void **state) {
    (void)state;
    void *library = dlopen(WEIR_SHARED, RTLD_NOW | RTLD_LOCAL);
    if (!library) fail_msg("%s", dlerror());
    assert_int_equal(dlclose(library), 0);
    assert_true(is_loaded(WEIR_SHARED));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_plug_in_that_comes_and_goes_leaves_nothing, setup,
                                        opened_tear_down),
        cmocka_unit_test_setup_teardown(a_thread_may_end_after_its_plug_in_is_unloaded, setup,
                                        opened_tear_down),
        cmocka_unit_test_setup_teardown(the_shared_library_stays, setup, opened_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
