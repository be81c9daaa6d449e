/* weir.c - opening and closing, with words for what fails. */
#include <stdlib.h>

#include "bench.h"

void give_up(const char *doing, int status) {
    fprintf(stderr, "weir-bench: %s: %s: %s\n", doing, weir_status_name(status), weir_last_error());
    exit(1); /* the process that waits for this one removes its files */
}

weir *open_weir(const char *path, const weir_options *options) {
    weir *w;
    int status = weir_open_sqlite(path, options, &w);
    if (status != WEIR_OK) give_up(path, status);
    return w;
}

void close_weir(weir *w) {
    int status = weir_close(w);
    if (status < 0) give_up("closing", status);
}
