/* metrics.c - the figures of an open handle as OpenMetrics text. */
#include <stdlib.h>

#include <weir/metrics.h>

#include "../stats/metrics_text.h"
#include "figures.h"
#include "registry.h"

static int write_metrics(weir *w, weir_metrics_fn *write, void *context) {
    weir_stats_snapshot *s = malloc(sizeof *s);
    if (!s) return WEIR_NO_MEMORY;
    weir_metrics_text text = {.write = write, .context = context, .journal = w->directory};
    weir_figures_snapshot(w, s);
    weir_metrics_snapshot(&text, s, w->os->wall(w->os->self));
    free(s);
    return text.stopped ? WEIR_IO : WEIR_OK;
}

int weir_metrics_write(weir *w, weir_metrics_fn *write, void *context) {
    static const char call[] = "weir_metrics_write";
    int held;
    if (!w || !write) return weir_misuse(call, w ? "write is NULL" : "w is NULL");
    int status = weir_call_enter(w, WEIR_CALL_EVEN_STOPPED, &held);
    if (status != WEIR_OK) return weir_refuse(call, status);
    status = write_metrics(w, write, context);
    weir_call_exit(w, held);
    return status == WEIR_OK ? status : weir_refuse(call, status);
}
