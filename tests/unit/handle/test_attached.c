/* test_attached.c - a sink that goes while others wake its writer. */
/* Covers: lib/handle/attached.c, lib/handle/handle.c */
#include <pthread.h>

#include <weir/sqlite.h>

#include "lib/base/thread.h"
#include "lib/handle/core.h"
#include "opened.h"

/* A writer that does nothing, and whose notify returns when it is let go. */
static struct { _Atomic int holds, inside, stopped, too_early, calls; } writer;

static void notify_held(void *self, weir_wake where) {
    (void)self, (void)where;
    atomic_fetch_add(&writer.calls, 1);
    if (!atomic_load(&writer.holds)) return;
    atomic_store(&writer.inside, 1);
    while (atomic_load(&writer.holds))
        weir_thread_yield();
    atomic_store(&writer.inside, 0);
}

static void finish_nothing(void *self, uint64_t deadline_ns) { (void)self, (void)deadline_ns; }

static int stop_noted(void *self, uint64_t deadline_ns) {
    (void)self, (void)deadline_ns;
    atomic_store(&writer.too_early, atomic_load(&writer.inside)); /* freed while it is used */
    atomic_store(&writer.stopped, 1);
    return WEIR_OK;
}

static int make_writer(void *self, weir_attached *s, weir_hooks *hooks, weir_error *error) {
    (void)s, (void)error;
    *hooks = (weir_hooks){self, NULL, notify_held, finish_nothing, stop_noted, "held"};
    return WEIR_OK;
}

static weir_attached *attach_held(opened *o) {
    weir_sink_record record = {.name = "held", .kind = "held", .place = "nowhere"};
    weir_error error;
    static const weir_options options = {.lane_bytes = 65536, .segment_bytes = 1 << 20};
    memset(&writer, 0, sizeof writer);
    opened_open(o, &options);
    assert_int_equal(weir_handle_add_sink(o->w, &record, make_writer, NULL, &error), WEIR_OK);
    return weir_find_attached(o->w, "held");
}

static void *wake_writers(void *w) {
    weir_handle_notify_writers(w, WEIR_WAKE_ANYWHERE);
    return NULL;
}

static void *detach(void *w) {
    assert_int_equal(weir_detach(w, "held"), WEIR_OK);
    return NULL;
}

static void a_writer_is_stopped_when_nobody_wakes_it_any_more(void **state) {
    opened *o = *state;
    weir_attached *s = attach_held(o);
    pthread_t waking, going;
    atomic_store(&writer.holds, 1);
    assert_int_equal(pthread_create(&waking, NULL, wake_writers, o->w), 0);
    while (!atomic_load(&writer.inside))
        weir_thread_yield();
    assert_int_equal(pthread_create(&going, NULL, detach, o->w), 0);
    while (weir_is_hooked(s) && !atomic_load(&writer.stopped))
        weir_thread_yield();
    for (int i = 0; i < 1000 && !atomic_load(&writer.stopped); i++)
        weir_thread_yield(); /* time for one that does not wait */
    atomic_store(&writer.holds, 0);
    assert_int_equal(pthread_join(waking, NULL), 0);
    assert_int_equal(pthread_join(going, NULL), 0);
    assert_true(atomic_load(&writer.stopped));
    assert_false(atomic_load(&writer.too_early));
    int calls = atomic_load(&writer.calls);
    weir_handle_notify_writers(o->w, WEIR_WAKE_ANYWHERE);
    assert_int_equal(atomic_load(&writer.calls), calls); /* it is gone */
    assert_int_equal(opened_close(o), WEIR_OK);
}

/* A closing stops every writer once, and one that has left before not again. */
static void closing_stops_a_writer_once(void **state) {
    opened *o = *state;
    (void)attach_held(o);
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_true(atomic_load(&writer.stopped));
    (void)attach_held(o);
    assert_int_equal(weir_detach(o->w, "held"), WEIR_OK);
    assert_true(atomic_exchange(&writer.stopped, 0));
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_false(atomic_load(&writer.stopped));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        OPENED_TEST(a_writer_is_stopped_when_nobody_wakes_it_any_more),
        OPENED_TEST(closing_stops_a_writer_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
