/* memory_base.h - a database that is a few arrays: positions, rows, and the record of lost ones.
 *
 * It stands in for SQLite where the tool fills a database, so that a run makes no system call. Each
 * transaction and each record asks the disk for a sync, which fails when the disk's calls do. */
#ifndef WEIR_FUZZ_MEMORY_BASE_H
#define WEIR_FUZZ_MEMORY_BASE_H

#include "../recovery/database.h"
#include "../writer/apply/sink.h"

enum { BASE_FOUND = 8, BASE_POSITIONS = 16 }; /* when it is made, and ever */

typedef struct base_row {
    uint64_t journal; /* a hash of its id */
    uint64_t number;
    uint64_t content; /* a hash of its bytes */
    bool declared;    /* its table was known when it came */
} base_row;

typedef struct memory_base {
    const weir_os *os;
    weir_position positions[BASE_POSITIONS];
    size_t position_count;
    base_row *rows; /* in the order in which they came */
    size_t count, committed, capacity;
    weir_losses losses;
    uint8_t journal[16]; /* of the transaction */
    /* As a server: each third commit has no answer, and of these each second one is not done. */
    bool remote;
    unsigned commits;
    uint64_t declared[4096 / 64 + 1];
    const char *wrong; /* what no database should be asked for; NULL: nothing was */
} memory_base;

/* Of these positions those that a database can hold: one for each journal, and no negative number. */
void memory_base_make(memory_base *b, const weir_os *os, const weir_position *positions,
                      size_t count);
void memory_base_free(memory_base *b);
weir_sink memory_base_sink(memory_base *b);
/* What the database has of this journal; zeros when it knows none. */
weir_position memory_base_position(const memory_base *b, const uint8_t journal[16]);
/* Note lost rows, each once. */
int memory_base_record(memory_base *b, const weir_losses *losses, weir_error *error);

void memory_base_declare(uint64_t *declared, uint16_t table);
bool memory_base_declares(const uint64_t *declared, uint16_t table);

#endif
