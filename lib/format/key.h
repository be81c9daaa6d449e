/* key.h - what SQLite makes of a value in a column that is the rowid. */
#ifndef WEIR_KEY_H
#define WEIR_KEY_H

#include <weir/weir.h>

/* The least integer that is not below the rowid which SQLite makes of the value: of an integer,
 * of a real without a fraction, of a text that reads as one of these. 0: it makes none above
 * zero. For a text with a point or an exponent, which SQLite reads by floating point, and for
 * one that it refuses after all, the answer may be somewhat more. */
int64_t weir_key_bound(const weir_value *value);

#endif
