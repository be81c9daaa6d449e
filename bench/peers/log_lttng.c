/* log_lttng.c - a peer of log.c: the arguments through a tracepoint of LTTng-UST, into what records
 * them. log_lttng.sh starts that.
 *
 *     weir-bench-log-lttng BURSTS PAUSE_NS */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "log_lttng.h"

#include <stdio.h>

#include "../bursts.h"
#include "../orders.h"

static void trace_burst(void *context, size_t number) {
    (void)context;
    for (unsigned i = 0; i < BURST; i++) {
        order o = order_of(number * BURST + i);
        lttng_ust_tracepoint(weir_bench, filled, o.id, o.symbol, o.price, o.left);
    }
}

int main(int argc, char **argv) {
    pace p;
    double figures[PARTS];
    if (argc != 3 || !read_pace(argv[1], argv[2], &p)) {
        fprintf(stderr, "usage: weir-bench-log-lttng BURSTS PAUSE_NS\n");
        return 16;
    }
    if (!lttng_ust_tracepoint_enabled(weir_bench, filled)) {
        fprintf(stderr, "weir-bench-log-lttng: nobody records the tracepoint\n");
        return 1;
    }
    if (!measure_bursts(&p, trace_burst, NULL, figures)) return 1;
    print_parts(figures);
    return 0;
}
