/* harness.h - what every harness has in common. */
#ifndef WEIR_FUZZ_HARNESS_H
#define WEIR_FUZZ_HARNESS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../lib/journal/journal.h"
#include "../lib/ring/ring.h"
#include "../lib/verify/reader.h"
#include "memory_os.h"

/* The entry that libFuzzer, AFL++ and fuzz/driver.c call. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Called once before; harnesses that need it define it. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* reseal.c and reseal_block.c: change the bytes, and make what vouches for them agree again. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *out, size_t capacity, unsigned seed);
/* From libFuzzer, or from driver.c. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t capacity);

/* What must hold for every input; a crash otherwise, which is what a fuzzer can see. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #condition);             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A new journal in memory, to be closed. */
weir_journal *fuzz_fresh_journal(memory_os *m);

/* A journal in memory, and everything that opening and the reading verbs look at. */
typedef struct fuzz_view {
    memory_os os;
    weir_position *positions;
    size_t position_count;
    weir_ring_report ring;
    weir_inventory inventory;
    int status; /* of the inventory */
} fuzz_view;

/* view.c. Load, and take ring and inventory as the tool does. False when there is nothing to
 * free. */
bool fuzz_view_take(fuzz_view *view, const uint8_t *data, size_t size, bool verify_all);
void fuzz_view_free(fuzz_view *view);
/* Again, after something was written to view->os. */
void fuzz_view_again(fuzz_view *view, bool verify_all);
/* What every inventory promises. */
void fuzz_check_inventory(const weir_inventory *inventory);

#endif
