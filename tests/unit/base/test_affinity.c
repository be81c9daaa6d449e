/* test_affinity.c - a thread that is woken stays off its waker's processor, once, and its program's
 * choice of processors counts before and after. */
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/affinity.h"
#include "support.h"

/* A thread that does what it is told, one thing at a time. */
typedef struct sleeper {
    weir_affinity affinity;
    pthread_t thread;
    sem_t go, done;
    void (*what)(weir_affinity *);
    pid_t id;
} sleeper;

static void *serve(void *argument) {
    sleeper *s = argument;
    s->id = gettid();
    assert_int_equal(sem_post(&s->done), 0);
    while (sem_wait(&s->go) == 0 && s->what) {
        s->what(&s->affinity);
        assert_int_equal(sem_post(&s->done), 0);
    }
    return NULL;
}

static void tell(sleeper *s, void (*what)(weir_affinity *)) {
    s->what = what;
    assert_int_equal(sem_post(&s->go), 0);
    if (what) assert_int_equal(sem_wait(&s->done), 0);
}

static cpu_set_t before; /* of the test */

/* The test itself stays on one processor, so that it knows which one that is. */
static int setup(void **state) {
    static sleeper s;
    memset(&s, 0, sizeof s);
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_int_equal(sem_init(&s.go, 0, 0), 0);
    assert_int_equal(sem_init(&s.done, 0, 0), 0);
    assert_int_equal(pthread_create(&s.thread, NULL, serve, &s), 0);
    assert_int_equal(sem_wait(&s.done), 0);
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET((size_t)sched_getcpu(), &here);
    assert_int_equal(sched_setaffinity(0, sizeof here, &here), 0);
    *state = &s;
    return 0;
}

static int teardown(void **state) {
    sleeper *s = *state;
    tell(s, NULL);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    return sched_setaffinity(0, sizeof before, &before);
}

static cpu_set_t set_of(const sleeper *s) {
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(s->id, sizeof set, &set), 0);
    return set;
}

static bool is_whole(const sleeper *s) {
    cpu_set_t set = set_of(s);
    return CPU_EQUAL(&set, &before);
}

static bool is_kept_off(const sleeper *s) {
    cpu_set_t set = set_of(s);
    CPU_SET((size_t)sched_getcpu(), &set);
    return !is_whole(s) && CPU_EQUAL(&set, &before);
}

static void it_is_kept_off_until_it_wakes(void **state) {
    sleeper *s = *state;
    if (CPU_COUNT(&before) < 2) skip();
    tell(s, weir_affinity_begin);
    for (int i = 0; i < 3; i++) {
        weir_affinity_keep_off(&s->affinity);
        assert_true(is_kept_off(s));
        weir_affinity_keep_off(&s->affinity); /* what it was before is not forgotten */
        assert_true(is_kept_off(s));
        tell(s, weir_affinity_restore);
        assert_true(is_whole(s));
        tell(s, weir_affinity_restore); /* and nothing more happens */
        assert_true(is_whole(s));
    }
}

/* Whoever says where a thread runs has the last word. */
static void the_programs_own_choice_counts(void **state) {
    sleeper *s = *state;
    cpu_set_t mine;
    assert_int_equal(sched_getaffinity(0, sizeof mine, &mine), 0);
    tell(s, weir_affinity_begin);
    assert_int_equal(sched_setaffinity(s->id, sizeof mine, &mine), 0);
    weir_affinity_keep_off(&s->affinity); /* it may run nowhere else */
    tell(s, weir_affinity_restore);
    cpu_set_t set = set_of(s);
    assert_true(CPU_EQUAL(&set, &mine));
    assert_int_equal(sched_setaffinity(s->id, sizeof before, &before), 0);
    if (CPU_COUNT(&before) < 2) skip();
    weir_affinity_keep_off(&s->affinity); /* that nothing could be done is over */
    assert_true(is_kept_off(s));
    tell(s, weir_affinity_restore);
    assert_true(is_whole(s));
}

static void who_does_not_run_is_left_alone(void **state) {
    sleeper *s = *state;
    weir_affinity_keep_off(&s->affinity); /* nobody has begun */
    assert_true(is_whole(s));
    tell(s, weir_affinity_begin);
    tell(s, weir_affinity_end);
    weir_affinity_keep_off(&s->affinity);
    assert_true(is_whole(s));
}

/* What cannot be done is left, and tried again the next time. */
static void who_cannot_be_found_is_left_alone(void **state) {
    sleeper *s = *state;
    if (CPU_COUNT(&before) < 2) skip();
    tell(s, weir_affinity_begin);
    uint32_t id = atomic_exchange(&s->affinity.thread, INT32_MAX); /* above every id there can be */
    weir_affinity_keep_off(&s->affinity);
    tell(s, weir_affinity_restore);
    assert_true(is_whole(s));
    atomic_store(&s->affinity.thread, id);
    weir_affinity_keep_off(&s->affinity);
    assert_true(is_kept_off(s));
    tell(s, weir_affinity_restore);
    assert_true(is_whole(s));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(it_is_kept_off_until_it_wakes),
        TEST(the_programs_own_choice_counts),
        TEST(who_does_not_run_is_left_alone),
        TEST(who_cannot_be_found_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
