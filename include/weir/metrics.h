/* metrics.h - the figures of an open handle as OpenMetrics text, for Prometheus and its kin.
 *
 *     static int write_body(void *context, const char *text, size_t bytes) {
 *         return evbuffer_add(context, text, bytes);
 *     }
 *
 *     weir_metrics_write(w, write_body, body);          // in the program's own /metrics handler
 *     evbuffer_add(body, "# EOF\n", 6);
 *
 * A program that serves no metrics itself needs none of this: `weir metrics run.db` tells the same
 * from outside, and more.
 *
 * Every metric has the label "journal", which is the journal's directory, and those of a database
 * the label "sink". Counts are since the handle was opened. The metrics and what they mean are
 * listed in docs/OPERATING.md. */
#ifndef WEIR_METRICS_H
#define WEIR_METRICS_H

#include "weir.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Takes a piece of the text, bytes long and without a NUL, which lives until it returns. Other than
 * 0: it could not be taken, and nothing more is written. */
typedef int weir_metrics_fn(void *context, const char *text, size_t bytes);

/* Write all metrics of a handle, in families with TYPE, UNIT and HELP, by some hundred calls of
 * write on the calling thread. The line "# EOF", which ends an OpenMetrics exposition, is left to the
 * caller, who may have other metrics. A family must not stand in an exposition twice: of two handles
 * in one process write each in an exposition of its own.
 *
 * Takes no lock that appends or the library's threads need for long. Any thread; not from a signal
 * handler. write may call no function of weir. Errors: WEIR_MISUSE, WEIR_IO (write answered other
 * than 0), WEIR_FORKED. */
WEIR_API int weir_metrics_write(weir *w, weir_metrics_fn *write, void *context);

#ifdef __cplusplus
}
#endif
#endif
