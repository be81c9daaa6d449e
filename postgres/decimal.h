/* decimal.h - numbers as texts spell them: "12", " -1.50 ", "2e3". No hexadecimal digits, no words. */
#ifndef WEIR_PG_DECIMAL_H
#define WEIR_PG_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct weir_pg_decimal {
    const char *at, *end; /* the number without the blanks around it */
    const char *digits;   /* its first digit or its point */
    const char *after;    /* the last of them */
    int64_t exponent;     /* beyond ±2^40 it counts as that */
    bool negative;
} weir_pg_decimal;

/* Is the whole text a number, but for blanks around it? */
bool weir_pg_decimal_read(weir_pg_decimal *d, const void *text, size_t length);

typedef enum weir_pg_whole {
    WEIR_PG_WHOLE,
    WEIR_PG_FRACTION, /* it has one */
    WEIR_PG_TOO_LARGE,
} weir_pg_whole;

/* The number as an integer, exactly. */
weir_pg_whole weir_pg_decimal_integer(const weir_pg_decimal *d, int64_t *out);
/* The nearest double. False when it is beyond all of them, or nearer to zero than all but zero, or is
 * spelled in more than 1,000 characters. */
bool weir_pg_decimal_real(const weir_pg_decimal *d, double *out);

#endif
