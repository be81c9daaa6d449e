/* public_api.c - a life that gets its handle from weir_open_sqlite, on the simulated machine. */
#include "../../../writer/sqlite/open_sqlite.h"
#include "../vfs.h"
#include "runs.h"

static int open_by_public_api(sim_life *life) {
    weir_options options = sim_life_options(life);
    options.journal_directory = SIM_JOURNAL;
    options.segment_bytes = 1 << 20; /* the least that the public API allows */
    int status = weir_open_sqlite_on(sim_os(), SIM_DATABASE, &options, &life->handle);
    if (status != WEIR_OK) (void)weir_fail(&life->error, status, "%s", weir_last_error());
    return status;
}

const sim_base *sim_base_public_api(void) {
    static sim_base base;
    base = *sim_base_sqlite();
    base.open_handle = open_by_public_api;
    return &base;
}
