/* values_write.h - writes the values of one column of a group: ../lib/packed/values.h reads them. */
#ifndef WEIR_VALUES_WRITE_H
#define WEIR_VALUES_WRITE_H

#include "../lib/packed/values.h"
#include "plan_write.h"

/* How all these reals are integers, which replace them; WEIR_PACKED_REALS_BITS if they are not
 * (scale.c). */
weir_packed_scale weir_packed_scale_reals(uint64_t *numbers, size_t count);

typedef struct weir_packed_values { /* zeros at first */
    weir_pack_buffer numbers[5];    /* u64: types; then by type: integers, bits, lengths, lengths */
    weir_pack_buffer bytes[5];      /* of texts and blobs */
} weir_packed_values;

void weir_packed_values_add(weir_packed_values *values, const weir_value *v);
void weir_packed_values_put(weir_packed_values *v, weir_plan_writer *plan);
void weir_packed_values_free(weir_packed_values *values);

#endif
