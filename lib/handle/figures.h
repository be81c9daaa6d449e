/* figures.h - the figures of a handle in a file that others can read (lib/stats). Private to this
 * folder.
 *
 * The journal thread and the writer thread store all of them after each of their steps, under the
 * mutex `storing`: so what is stored last is the newest. Of the calls only weir_metrics_write takes
 * it, and no append does. The file is made at the first of these steps. One that cannot be made is
 * missing, and nothing else. */
#ifndef WEIR_HANDLE_FIGURES_H
#define WEIR_HANDLE_FIGURES_H

#include "../stats/stats_read.h"
#include "core.h"

/* context: the weir. step: and the journal thread has ended a step. */
void weir_figures_store(void *context);
void weir_figures_step(void *context);
/* Before the ring is unmapped, while the writer may still run. Nobody appends any more. */
void weir_figures_leave_ring(weir *w);
/* For the last time, once no thread of the library runs: the handle is being closed. */
void weir_figures_close(weir *w);
/* The same as others see it, and as it is now; without the histograms where there is no file. */
void weir_figures_snapshot(weir *w, weir_stats_snapshot *out);
/* Give the mapping back. */
void weir_figures_end(weir *w);

#endif
