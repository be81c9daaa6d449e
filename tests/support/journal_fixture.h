/* journal_fixture.h - a journal in a directory of its own, on a table that can be told to fail, with
 * what reads it; and a ring beside it for who drains one. Tear-down releases what is open. */
#ifndef WEIR_TESTS_JOURNAL_FIXTURE_H
#define WEIR_TESTS_JOURNAL_FIXTURE_H

#include "faulty_os.h"
#include "lib/journal/journal.h"
#include "lib/verify/reader.h"
#include "ring_fixture.h"

typedef struct journal_fixture {
    ring_fixture at; /* its directory is the journal's too */
    faulty_os os;
    weir_journal_config config;
    weir_inventory found;
    weir_journal *journal; /* NULL: not open */
    weir_reader *reader;   /* the last that was asked for */
} journal_fixture;

/* *state is so many bytes, zero but for the journal_fixture that they begin with. Nothing is open;
 * config may still be changed. */
int journal_make(void **state, size_t bytes);
int journal_tear_down(void **state);
void journal_release(journal_fixture *f); /* all but the memory: journal_renew makes it new */
void journal_renew(journal_fixture *f);

void journal_open(journal_fixture *f);
/* A ring of so many lanes, made by the table of the journal, or by the usual one. */
void journal_ring(journal_fixture *f, const weir_os *os, uint32_t lanes);

/* A reader of what is durable now. The fixture's: it is good until the next is asked for. */
weir_reader *journal_reader(journal_fixture *f, weir_journal_state *s);
weir_reader *journal_reader_at(journal_fixture *f, weir_locator locator);
/* The integers that all durable rows begin with, in the journal's order. */
size_t journal_numbers(journal_fixture *f, int64_t *numbers, size_t limit);
/* The durable rows are those numbers, once and in order. */
void journal_assert_counts(journal_fixture *f, int64_t first, int64_t count);

#endif
