/* test_verdict.c - every combination of findings: exactly one case each, and every case reached.
 *
 * The expectation is written a second time, by conditions that exclude each other instead of by
 * order: each says what holds and what must not. */
/* Covers: lib/format/marks.h */
#include "lib/verify/verdict.h"
#include "support.h"

#include <string.h>
#include <weir/weir.h>

enum { JOURNALS = 5, TAILS = 3, POSITIONS = 6, RINGS = 6 };

static bool is_broken(const weir_findings *f) { return f->database == WEIR_DATABASE_BROKEN; }
static bool is_newer(const weir_findings *f) {
    return f->journal == WEIR_JOURNAL_NEWER || f->ring == WEIR_RING_NEWER;
}
static bool is_mixed(const weir_findings *f) {
    return f->journal == WEIR_JOURNAL_MIXED && f->ring != WEIR_RING_NEWER;
}
static bool is_none(const weir_findings *f) {
    return f->journal == WEIR_JOURNAL_ABSENT || f->journal == WEIR_JOURNAL_EMPTY;
}
/* Neither version nor mixture nor ring stands in the way. */
static bool parts_fit(const weir_findings *f) {
    bool ring = f->ring == WEIR_RING_ABSENT ||
                (f->ring == WEIR_RING_OURS && f->journal == WEIR_JOURNAL_PRESENT);
    return ring && (is_none(f) || f->journal == WEIR_JOURNAL_PRESENT);
}
static bool is_whole(const weir_findings *f) { return parts_fit(f) && f->tail != WEIR_TAIL_ROT; }
static bool knows(const weir_findings *f) {
    return f->position != WEIR_POSITION_NONE && f->position != WEIR_POSITION_OTHER;
}
static bool lacks(const weir_findings *f) {
    if (f->position == WEIR_POSITION_BEFORE) return true;
    return !knows(f) && f->recycled && f->journal == WEIR_JOURNAL_PRESENT;
}
static bool joins(const weir_findings *f) {
    return !lacks(f) && (f->position == WEIR_POSITION_MATCHES || !knows(f));
}

static bool has_no_database(const weir_findings *f) {
    return joins(f) && f->database == WEIR_DATABASE_MISSED && f->rows;
}

static bool goes_on(const weir_findings *f) {
    return is_whole(f) && joins(f) && !has_no_database(f);
}

static bool expected(const weir_findings *f, weir_verdict v) {
    if (is_broken(f)) return v == WEIR_VERDICT_BROKEN_DATABASE;
    bool rings_apart = !is_newer(f) && !is_mixed(f) && f->journal != WEIR_JOURNAL_MIXED;
    switch (v) {
    case WEIR_VERDICT_NEWER: return is_newer(f);
    case WEIR_VERDICT_MIXED: return is_mixed(f);
    case WEIR_VERDICT_RING_WITHOUT_JOURNAL:
        return is_none(f) && (weir_ring_is_ours(f->ring) || f->ring == WEIR_RING_FOREIGN);
    case WEIR_VERDICT_FOREIGN_RING:
        return f->journal == WEIR_JOURNAL_PRESENT && f->ring == WEIR_RING_FOREIGN;
    case WEIR_VERDICT_DAMAGED_RING: return rings_apart && f->ring == WEIR_RING_UNREADABLE;
    case WEIR_VERDICT_CUT_RING:
        return f->journal == WEIR_JOURNAL_PRESENT && f->ring == WEIR_RING_CUT;
    case WEIR_VERDICT_ROT: return parts_fit(f) && f->tail == WEIR_TAIL_ROT;
    case WEIR_VERDICT_DIVERGED: return is_whole(f) && f->position == WEIR_POSITION_DIFFERS;
    case WEIR_VERDICT_JOURNAL_BEHIND: return is_whole(f) && f->position == WEIR_POSITION_BEYOND;
    case WEIR_VERDICT_DATABASE_BEHIND: return is_whole(f) && lacks(f);
    case WEIR_VERDICT_DATABASE_MISSING: return is_whole(f) && has_no_database(f);
    case WEIR_VERDICT_SPENT: return goes_on(f) && f->spent;
    case WEIR_VERDICT_FRESH: return goes_on(f) && is_none(f) && !f->spent;
    case WEIR_VERDICT_TORN_TAIL:
        return goes_on(f) && !is_none(f) && f->tail == WEIR_TAIL_TORN && !f->spent;
    case WEIR_VERDICT_CLEAN:
        return goes_on(f) && !is_none(f) && f->tail == WEIR_TAIL_CLEAN && !f->spent;
    default: return false;
    }
}

static void check_one(const weir_findings *f, unsigned reached[WEIR_VERDICT_COUNT]) {
    unsigned fitting = 0;
    weir_verdict wanted = WEIR_VERDICT_COUNT;
    for (unsigned v = 0; v < WEIR_VERDICT_COUNT; v++) {
        if (!expected(f, (weir_verdict)v)) continue;
        fitting++;
        wanted = (weir_verdict)v;
    }
    assert_int_equal(fitting, 1);
    assert_string_equal(weir_verdict_name(weir_judge(f)), weir_verdict_name(wanted));
    reached[wanted]++;
}

static void every_combination_has_exactly_one_case(void **state) {
    (void)state;
    unsigned reached[WEIR_VERDICT_COUNT] = {0}, combinations = 0;
    for (unsigned n = 0; n < JOURNALS * TAILS * POSITIONS * RINGS * 12; n++, combinations++) {
        unsigned left = n;
        weir_findings f = {.journal = (weir_found_journal)(left % JOURNALS)};
        left /= JOURNALS;
        f.tail = (weir_found_tail)(left % TAILS);
        left /= TAILS;
        f.position = (weir_found_position)(left % POSITIONS);
        left /= POSITIONS;
        f.ring = (weir_found_ring)(left % RINGS);
        left /= RINGS;
        f.recycled = left % 2;
        f.spent = left / 2 % 2;
        f.database = (weir_found_database)(left / 4);
        check_one(&f, reached);
        f.rows = true;
        check_one(&f, reached);
    }
    assert_int_equal(combinations, 6480);
    for (unsigned v = 0; v < WEIR_VERDICT_COUNT; v++)
        assert_true(reached[v] > 0);
}

static void first_named_wins(void **state) {
    (void)state;
    weir_findings f = {.journal = WEIR_JOURNAL_PRESENT,
                       .tail = WEIR_TAIL_ROT,
                       .position = WEIR_POSITION_DIFFERS,
                       .recycled = true,
                       .spent = true,
                       .ring = WEIR_RING_UNREADABLE,
                       .database = WEIR_DATABASE_BROKEN};
    assert_int_equal(weir_judge(&f), WEIR_VERDICT_BROKEN_DATABASE);
    f.database = WEIR_DATABASE_FINE;
    assert_int_equal(weir_judge(&f), WEIR_VERDICT_DAMAGED_RING);
    f.ring = WEIR_RING_CUT;
    assert_int_equal(weir_judge(&f), WEIR_VERDICT_CUT_RING);
    f.ring = WEIR_RING_OURS;
    assert_int_equal(weir_judge(&f), WEIR_VERDICT_ROT);
    f.tail = WEIR_TAIL_TORN;
    assert_int_equal(weir_judge(&f), WEIR_VERDICT_DIVERGED);
    f.position = WEIR_POSITION_NONE;
    assert_int_equal(weir_judge(&f), WEIR_VERDICT_DATABASE_BEHIND);
    f.recycled = false;
    f.database = WEIR_DATABASE_MISSED;
    f.rows = true;
    assert_int_equal(weir_judge(&f), WEIR_VERDICT_DATABASE_MISSING);
    f.rows = false;
    assert_int_equal(weir_judge(&f), WEIR_VERDICT_SPENT);
    f.spent = false;
    assert_int_equal(weir_judge(&f), WEIR_VERDICT_TORN_TAIL);
    f.tail = WEIR_TAIL_CLEAN;
    assert_int_equal(weir_judge(&f), WEIR_VERDICT_CLEAN);
}

static void words_are_told_apart(void **state) {
    (void)state;
    for (unsigned a = 0; a < WEIR_VERDICT_COUNT; a++) {
        assert_true(strlen(weir_verdict_name((weir_verdict)a)) > 0);
        assert_true(strlen(weir_verdict_text((weir_verdict)a)) > 0);
        for (unsigned b = 0; b < a; b++)
            assert_string_not_equal(weir_verdict_name((weir_verdict)a),
                                    weir_verdict_name((weir_verdict)b));
    }
    assert_string_equal(weir_verdict_name(WEIR_VERDICT_TORN_TAIL), "torn_tail");
    assert_string_equal(weir_verdict_name(WEIR_VERDICT_COUNT), "unknown");
}

static void refusing_has_a_status(void **state) {
    (void)state;
    for (unsigned v = 0; v <= WEIR_VERDICT_COUNT; v++)
        assert_int_equal(weir_verdict_refuses((weir_verdict)v),
                         weir_verdict_status((weir_verdict)v) != WEIR_OK);
    assert_int_equal(weir_verdict_status(WEIR_VERDICT_ROT), WEIR_DAMAGED);
    assert_int_equal(weir_verdict_status(WEIR_VERDICT_NEWER), WEIR_VERSION);
    assert_int_equal(weir_verdict_status(WEIR_VERDICT_DIVERGED), WEIR_FOREIGN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination_has_exactly_one_case),
        cmocka_unit_test(first_named_wins),
        cmocka_unit_test(words_are_told_apart),
        cmocka_unit_test(refusing_has_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
