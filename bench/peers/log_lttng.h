/* log_lttng.h - the tracepoint of log_lttng.c. LTTng keeps level, file and line once for all. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER weir_bench

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "./log_lttng.h"

#if !defined(WEIR_BENCH_LOG_LTTNG_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define WEIR_BENCH_LOG_LTTNG_H

#include <lttng/tracepoint.h>

/* clang-format off */
LTTNG_UST_TRACEPOINT_EVENT(
    weir_bench, filled,
    LTTNG_UST_TP_ARGS(int, id, const char *, symbol, double, price, int, left),
    LTTNG_UST_TP_FIELDS(
        lttng_ust_field_integer(int, id, id)
        lttng_ust_field_string(symbol, symbol)
        lttng_ust_field_float(double, price, price)
        lttng_ust_field_integer(int, left, left)
    )
)
/* clang-format on */

#endif

#include <lttng/tracepoint-event.h>
