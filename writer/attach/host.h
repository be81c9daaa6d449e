/* host.h - how a sink that is a library of its own comes to a handle: functions of libweir that no
 * header installs, exported under the version WEIR_PRIVATE_1 of its symbols.
 *
 * The sink's library has its own copies of lib/base and lib/format; only these functions and the public
 * API are taken from libweir. */
#ifndef WEIR_HOST_H
#define WEIR_HOST_H

#include <weir/weir.h>

#include "../../lib/base/os.h"
#include "../../lib/base/status.h"
#include "../apply/sink.h"

typedef enum weir_lag_policy {
    WEIR_LAG_HOLDS, /* segments stay until the sink has them: when the journal is full, the ring fills */
    WEIR_LAG_DETACHES, /* the sink is detached; what it has not applied goes to the archive */
} weir_lag_policy;

/* As lag_limit_bytes: half of the handle's journal_limit_bytes, or none if that has no limit. */
#define WEIR_LAG_HALF_JOURNAL UINT64_MAX

typedef struct weir_sink_offer {
    const char *name; /* of the sink, as weir_named_fits says: copied */
    const char *kind; /* "postgres"; static */
    const char
        *place;     /* for people, without a password; copied: "postgresql://user@host/database" */
    weir_sink sink; /* the handle's from now on, unless the call fails */
    /* Of segments that wait for it and that another sink has; 0: none. */
    uint64_t lag_limit_bytes;
    weir_lag_policy at_limit; /* the first sink of a handle is never detached */
    /* As weir_hooks.check; NULL: every declaration is allowed, and judged when it is applied. For the
     * first sink of a handle only. Called on the program's threads, with self of the sink. */
    int (*check)(void *self, const weir_declaration *d, int64_t *next_key, weir_error *error);
    /* Can the other side be used? Called once before the handle is made or the sink attached, on the
     * caller's thread. WEIR_OK, or WEIR_IO or WEIR_BUSY: not now, go on without it; else the call fails. */
    int (*probe)(void *self, uint64_t deadline_ns, weir_error *error);
} weir_sink_offer;

/* Attach one more sink to an open handle. */
WEIR_API int weir_private_attach_1(weir *w, const weir_sink_offer *offer, weir_error *error);
/* Open a journal whose first sink is this one. directory: of the journal. */
WEIR_API int weir_private_open_1(const char *directory, const weir_options *options,
                                 size_t options_bytes, const weir_sink_offer *offer, weir **out,
                                 weir_error *error);
/* What weir_last_error says on this thread from now on; answers the error's status. The text is in
 * libweir, and not in the copy of lib/base that the sink's library has. */
WEIR_API int weir_private_publish_1(const weir_error *error);

#endif
