/* operations.h - a program that an input of fuzz_operations says, as its harness and its mutator know it.
 *
 * A program is a list of operations of OPERATION_BYTES bytes each: what to do, and three bytes that
 * say how. Every byte string is a program; what is left over at its end is ignored. */
#ifndef WEIR_FUZZ_OPERATIONS_H
#define WEIR_FUZZ_OPERATIONS_H

#include <weir/weir.h>

#include <stdbool.h>

enum { OPERATION_BYTES = 4, OPERATIONS_MAX = 48, SHAPES = 6, SHAPE_COLUMNS = 6 };

typedef enum operation {
    DO_APPEND,        /* a: producer */
    DO_APPEND_TYPED,  /* a: producer, shape; b, c: values */
    DO_APPEND_MANY,   /* as that; several rows in one call */
    DO_DECLARE,       /* a: shape */
    DO_STEP_JOURNAL,  /* a: how often */
    DO_STEP_WRITER,   /* a: how often */
    DO_PASS_TIME,     /* a: how long */
    DO_SYNC,          /* a: level */
    DO_CLOSE,         /* and open again */
    DO_KILL,          /* a: whether what only the cache has is evicted */
    DO_CUT,           /* a: how; b, c: fates */
    DO_CRASH_LATER,   /* a: kill or cut, how; b: after so many changes of the disk; c: fates */
    DO_COPY,          /* keep a copy of the disk, for harms */
    DO_DAMAGE,        /* a: harm; b, c: where */
    DO_VERIFY,        /* what the tool says of the living journal, and what the database holds */
    DO_FAULT,         /* a: call, error; b: when; c: how often */
    DO_FAULT_OPENING, /* the same, in the opening that follows a kill */
    DO_FILL_DISK,     /* a: how many more pages there are */
    DO_DISTURB,       /* a: short transfers; b: writes that trickle down; c: clock */
    DO_CALM,          /* nothing troubles the machine any more */
    DO_MISUSE,        /* a: what is wrong */
    OPERATIONS,
} operation;

/* Rows of the tables beside the life's own, told by a number that stands in each: any type, any size. */
size_t operations_columns(unsigned shape, weir_column *columns);
void operations_values(unsigned shape, uint32_t n, uint32_t seed, weir_value *values);
bool operations_judge(const weir_value *values, uint16_t count);

#endif
