/* harm.h - what may happen to synced bytes while nobody looks: rot, files that are missing, older
 * copies.
 *
 * Each harm is done to a disk on which nothing is open, and says what it may cost. */
#ifndef WEIR_SIM_HARM_H
#define WEIR_SIM_HARM_H

#include "../../lib/verify/inventory.h"
#include "life.h"

#define SIM_HARMS(X)                                                                               \
    X(FLIP, "rot: a bit flipped in a block")                                                       \
    X(ZERO, "rot: a sector of a block zeroed")                                                     \
    X(HEADER, "rot: a bit flipped in a segment's header")                                          \
    X(RING, "rot: a bit flipped in the ring's header")                                             \
    X(MISSING, "a segment missing")                                                                \
    X(OLD_SEGMENT, "a segment swapped with an older copy")                                         \
    X(OLD_DATABASE, "the database replaced by an older copy")                                      \
    X(NO_DATABASE, "the database gone")                                                            \
    X(OLD_JOURNAL, "the journal restored from an older copy")                                      \
    X(NO_JOURNAL, "the journal gone")                                                              \
    X(NO_SEGMENTS, "all segments gone, the ring still there")                                      \
    X(OTHER_RING, "the ring of another journal")                                                   \
    X(OTHER_SEGMENT, "a segment of another journal")                                               \
    X(OTHER_HISTORY, "the database of a copy that went its own way")                               \
    X(NEWER_SEGMENT, "a segment of a newer version")                                               \
    X(RENAMED, "a segment under another number")                                                   \
    X(EXCHANGED, "two segments under each other's names")                                          \
    X(RING_PAGE, "an old page of the ring comes back")                                             \
    X(CUT_RING, "the ring truncated, and a row in it")                                             \
    X(LAST_NUMBER, "an empty file with the last number of a segment")

typedef enum sim_harm {
#define SIM_HARM_ENUM(name, text) SIM_HARM_##name,
    SIM_HARMS(SIM_HARM_ENUM)
#undef SIM_HARM_ENUM
        SIM_HARM_COUNT
} sim_harm;

typedef struct sim_injury {
    sim_harm harm;
    const sim_disk *older, *other, *twin; /* an earlier state, another journal's, a copy's */
    weir_rng *dice;
    uint64_t first_row, last_row; /* out: rows of the block that was hit; 0, 0: none */
    uint64_t block;               /* out: the block that was hit; 0: none */
    bool may_lose;                /* out: rows that nothing vouches for any more may be missing */
} sim_injury;

const char *sim_harm_text(sim_harm harm);
/* Do it. baseline: what the inventory says of the disk before. False: there is nothing to do it
 * to. */
bool sim_harm_do(sim_disk *disk, const weir_inventory *baseline, sim_injury *injury);

#endif
