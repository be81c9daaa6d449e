/* Damage in what only a sink still needs: the journal is salvaged, the program goes on, and the sink is
 * told what it lacks. */
/* Covers: recovery/salvage.c, lib/journal/sinks.c */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory_sink.h"
#include "tool_says.h"

enum { SINK_EXIT = 26 };

static void expect_tool(const opened *o, const char *verb, int code, const char *part) {
    char arguments[500];
    (void)snprintf(arguments, sizeof arguments, "%s %s", verb, o->database);
    tool_says(arguments, code, part);
}

/* The third segment, of which the database has all. */
static void damage_one(const opened *o) {
    char path[200], noise[64];
    memset(noise, 0x55, sizeof noise);
    (void)snprintf(path, sizeof path, "%s/segment-%020d", o->journal, 3);
    int file = open(path, O_RDWR);
    assert_true(file >= 0);
    assert_int_equal(pwrite(file, noise, sizeof noise, 8192 + 4096), sizeof noise);
    assert_int_equal(close(file), 0);
}

static void a_journal_can_be_opened_that_a_sink_held(void **state) {
    opened *o = *state;
    memory *m = fresh(0, WEIR_IO);
    weir_error error = {0};
    begin(o);
    attach(o, m, "central");
    append(o, MANY);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    assert_int_equal(opened_close(o), WEIR_OK);
    damage_one(o);
    expect_tool(o, "status", 4, "but the database has"); /* it, or them: a row or more */
    expect_tool(o, "salvage", 0, "which it needs, are neither in the journal nor in its archive");
    expect_tool(o, "status --check", SINK_EXIT, "weir SINK: the sink central: blocks ");
    assert_true(archived(o) >= (MANY * PAD >> 20) - 2); /* what is sound is kept for it */
    begin(o);
    m->begin_status = WEIR_OK;
    weir_sink_offer offer = offer_of(m, "central");
    assert_int_equal(weir_private_attach_1(o->w, &offer, &error), WEIR_UNSUPPORTED);
    assert_int_equal(weir_detach(o->w, "central"), WEIR_OK);
    assert_int_equal(weir_forget_sink(o->w, "central"), WEIR_OK);
    attach(o, m, "central");
    append(o, 10);
    wait_all(o, "central");
    assert_true(m->first > 40 && m->first < MANY);
    expect_all(m, MANY + 11 - m->first);
    assert_int_equal(opened_close(o), WEIR_OK);
    expect_tool(o, "status --check", 0, "weir OK");
}

int main(void) {
    const struct CMUnitTest tests[] = {OPENED_TEST(a_journal_can_be_opened_that_a_sink_held)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
