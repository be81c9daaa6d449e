/* values.h - the values of one column of a group: numbers, and how they become reals and texts again.
 * docs/FORMAT.md, section 12. */
#ifndef WEIR_PACKED_VALUES_H
#define WEIR_PACKED_VALUES_H

#include "../base/status.h"
#include "plan.h"

enum {
    WEIR_PACKED_MIXED = 255,     /* in place of a type */
    WEIR_PACKED_DECIMALS = 15,   /* of reals, at most */
    WEIR_PACKED_BITS = 40,       /* behind the binary point, at most */
    WEIR_PACKED_ENTRIES = 65536, /* of a dictionary, at most */
    WEIR_PACKED_REALS_BITS = 0,  /* forms of reals */
    WEIR_PACKED_REALS_DECIMAL = 1,
    WEIR_PACKED_REALS_BINARY = 2,
    WEIR_PACKED_TEXTS_PLAIN = 0, /* forms of texts and blobs */
    WEIR_PACKED_TEXTS_DICTIONARY = 1,
};

/* ---- reals as integers (reals.c) ---- */

typedef struct weir_packed_scale {
    uint8_t form, digits; /* WEIR_PACKED_REALS_…, and how many digits are behind the point */
} weir_packed_scale;

#define WEIR_PACKED_EXACT 9007199254740992.0 /* 2^53: up to here all integers are doubles */
/* What the integers are divided by; of WEIR_PACKED_REALS_DECIMAL and …_BINARY. */
double weir_packed_divisor(weir_packed_scale scale);
bool weir_packed_scale_is_valid(weir_packed_scale scale);
/* The real's bits. false: no such number may be there. */
bool weir_packed_real(weir_packed_scale scale, uint64_t number, uint64_t *bits);

/* ---- one column (values_read.c) ---- */

typedef struct weir_packed_texts {
    uint8_t form;
    weir_plan_numbers lengths; /* plain: of the texts */
    weir_cursor bytes;         /* plain: of the texts */
    const weir_value *entries; /* of the dictionary */
    uint32_t entry_count;
    weir_plan_numbers indexes;
} weir_packed_texts;

typedef struct weir_packed_source {
    uint8_t type; /* of all values, or WEIR_PACKED_MIXED */
    weir_plan_numbers types, integers, reals;
    weir_packed_scale scale;
    weir_packed_texts texts[2]; /* texts, blobs */
} weir_packed_source;

void weir_packed_source_take(weir_plan_reader *plan, uint32_t rows, weir_packed_source *s);
/* The next value; false when it is none. */
bool weir_packed_source_next(weir_packed_source *s, weir_value *out);
/* Are there no bytes left over? */
bool weir_packed_source_done(const weir_packed_source *s);

#endif
