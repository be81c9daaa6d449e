/* verdict.h - what opening a journal may do: one pure function over what was found.
 *
 * No I/O here. Each case has a name; a test enumerates every combination of inputs and finds
 * exactly one case for each. The rule: every block says up to which block the journal was
 * durable when it was written, and so do segment headers, the ring's header and SQLite's
 * position. These are the durable marks. A bad or absent block at or below any mark is
 * corruption (the verdict "rot"): promised data is damaged. Otherwise the journal ends before
 * the first bad block above every mark, and what follows is a torn tail, the normal trace of a
 * crash. */
#ifndef WEIR_VERDICT_H
#define WEIR_VERDICT_H

#include "../format/marks.h"

typedef enum weir_found_journal {
    WEIR_JOURNAL_ABSENT, /* no directory */
    WEIR_JOURNAL_EMPTY,  /* a directory without a valid segment and without a damaged one */
    WEIR_JOURNAL_PRESENT,
    WEIR_JOURNAL_NEWER, /* version or incompatible bit unknown */
    WEIR_JOURNAL_MIXED, /* segments of more than one journal id, or two of one number */
} weir_found_journal;

typedef enum weir_found_tail {
    WEIR_TAIL_CLEAN, /* zeros, or the end of the file, after the last valid block */
    WEIR_TAIL_TORN,  /* something invalid after the last valid block, above every mark */
    WEIR_TAIL_ROT,   /* a bad or absent block at or below a mark */
} weir_found_tail;

typedef enum weir_found_position {
    WEIR_POSITION_NONE,    /* the database knows no position in this journal */
    WEIR_POSITION_OTHER,   /* it knows positions, but only in other journals */
    WEIR_POSITION_MATCHES, /* at a block of this journal, or just before its first */
    WEIR_POSITION_BEFORE,  /* rows between it and the first block kept are gone from the journal */
    WEIR_POSITION_BEYOND,  /* the journal ends below it */
    WEIR_POSITION_DIFFERS, /* the block there has another header hash */
} weir_found_position;

typedef enum weir_found_database {
    WEIR_DATABASE_FINE,   /* or unknown */
    WEIR_DATABASE_MISSED, /* there is no such file */
    WEIR_DATABASE_BROKEN, /* SQLite cannot read it, so nobody knows its position */
} weir_found_database;

typedef struct weir_findings {
    weir_found_journal journal;
    weir_found_tail tail;
    weir_found_position position;
    bool recycled; /* the first block kept is not block 1 */
    bool spent;    /* a segment, block or row has the last number there is */
    bool rows;     /* the journal or its ring holds rows, applied or not */
    weir_found_ring ring;
    weir_found_database database;
} weir_findings;

/* name, refuses, sentence. The order is the order of precedence. */
#define WEIR_VERDICT_LIST(X)                                                                       \
    X(BROKEN_DATABASE, true, "the database of this journal cannot be read")                        \
    X(NEWER, true, "the journal or its ring was written by a newer version")                       \
    X(MIXED, true, "the directory holds segments of more than one journal")                        \
    X(RING_WITHOUT_JOURNAL, true, "a ring with rows stands here, but its journal is gone")         \
    X(FOREIGN_RING, true, "the ring belongs to another journal")                                   \
    X(DAMAGED_RING, true, "the ring's header is damaged")                                          \
    X(CUT_RING, true, "the ring was truncated, and published rows were lost with it")              \
    X(ROT, true, "promised blocks are damaged or missing")                                         \
    X(DIVERGED, true, "the database was written from another history of this journal")             \
    X(JOURNAL_BEHIND, true, "the journal ends below what the database has applied")                \
    X(DATABASE_BEHIND, true, "rows that the database lacks have left the journal")                 \
    X(DATABASE_MISSING, true, "the database is not there, though its journal has rows")            \
    X(SPENT, true, "its numbers have come to their end, so none can follow")                       \
    X(FRESH, false, "there is no journal yet")                                                     \
    X(TORN_TAIL, false, "an unacknowledged tail was cut")                                          \
    X(CLEAN, false, "everything promised is in order")

typedef enum weir_verdict {
#define WEIR_VERDICT_ENUM(name, refuses, text) WEIR_VERDICT_##name,
    WEIR_VERDICT_LIST(WEIR_VERDICT_ENUM)
#undef WEIR_VERDICT_ENUM
        WEIR_VERDICT_COUNT
} weir_verdict;

weir_verdict weir_judge(const weir_findings *found);
bool weir_verdict_refuses(weir_verdict v);
const char *weir_verdict_name(weir_verdict v); /* "torn_tail" */
const char *weir_verdict_text(weir_verdict v);
/* WEIR_OK, WEIR_DAMAGED, WEIR_FOREIGN, WEIR_VERSION or WEIR_DATABASE */
int weir_verdict_status(weir_verdict v);

#endif
