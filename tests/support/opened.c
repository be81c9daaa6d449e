#include "opened.h"

#include <stdio.h>
#include <stdlib.h>

int opened_make(void **state, size_t bytes) {
    opened *o = calloc(1, bytes);
    if (!o) return -1;
    (void)snprintf(o->directory, sizeof o->directory, "%s", weir_temp_make());
    (void)snprintf(o->database, sizeof o->database, "%s/run.db", o->directory);
    (void)snprintf(o->journal, sizeof o->journal, "%s-weir", o->database);
    (void)snprintf(o->copy, sizeof o->copy, "%s/copy.db", o->directory);
    *state = o;
    return 0;
}

int opened_set_up(void **state) { return opened_make(state, sizeof(opened)); }

int opened_tear_down(void **state) {
    opened *o = *state;
    if (o->w) (void)opened_close(o); /* a test that ended early; what it would say is no matter */
    weir_temp_remove(o->directory);
    free(o);
    return 0;
}

void opened_open(opened *o, const weir_options *options) {
    if (weir_open_sqlite(o->database, options, &o->w) != WEIR_OK) fail_msg("%s", weir_last_error());
}

int opened_close(opened *o) {
    int status = weir_close(o->w);
    o->w = NULL;
    return status;
}
