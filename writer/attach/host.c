/* host.c - a sink that somebody else has made comes to a handle, as the first or beside others. */
#include "host.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/base/sized.h"
#include "../../lib/base/thread.h"
#include "../../lib/handle/fork.h"
#include "../../lib/handle/handle.h"
#include "../../lib/stats/stats_read.h"
#include "../apply/applier.h"

/* What the writer of one such sink has. Its memory stays for the next one, since a thread may notify it
 * late. */
typedef struct host {
    const weir_os *os;
    bool taken; /* under hosts_lock */
    weir_wakeup wakeup;
    weir_applier *applier;
    void *sink;
    int (*check)(void *self, const weir_declaration *d, int64_t *next_key, weir_error *error);
    struct host *next;
} host;

static pthread_mutex_t hosts_lock = PTHREAD_MUTEX_INITIALIZER;
static host *hosts;

static host *take_host(const weir_os *os) {
    sigset_t before = weir_lock_hold(&hosts_lock);
    host *h = hosts;
    while (h && (h->taken || h->os != os))
        h = h->next;
    if (!h && (h = calloc(1, sizeof *h))) {
        h->os = os;
        h->next = hosts;
        hosts = h;
    }
    if (h) h->taken = true;
    weir_lock_release(&hosts_lock, &before);
    return h;
}

static void give_back_host(host *h) {
    sigset_t before = weir_lock_hold(&hosts_lock);
    h->applier = NULL;
    h->sink = NULL;
    h->check = NULL;
    h->taken = false;
    weir_lock_release(&hosts_lock, &before);
}

/* ---- hooks -------------------------------------------------------------------------------- */

static int host_check(void *self, const weir_declaration *d, int64_t *next_key, weir_error *error) {
    host *h = self;
    *next_key = 1;
    return h->check ? h->check(h->sink, d, next_key, error) : WEIR_OK;
}

static void host_notify(void *self, weir_wake where) {
    host *h = self;
    weir_wakeup_notify(&h->wakeup, h->os, where);
}

static void host_finish(void *self, uint64_t deadline_ns) {
    host *h = self;
    weir_applier_finish(h->applier, deadline_ns);
}

static int host_stop(void *self, uint64_t deadline_ns) {
    host *h = self;
    int status = weir_applier_stop(h->applier, deadline_ns);
    give_back_host(h);
    return status;
}

/* ---- errors ------------------------------------------------------------------------------- */

int weir_private_publish_1(const weir_error *error) { return weir_publish_error(error); }

/* ---- attaching ---------------------------------------------------------------------------- */

static int check_offer(const weir_sink_offer *offer, weir_error *error) {
    if (!offer || !offer->name || !offer->kind || !offer->place || !weir_named_fits(offer->name))
        return weir_fail(error, WEIR_MISUSE,
                         "a sink's name is 1 to 64 letters, digits, '-', '_' and '.', and does not "
                         "begin with '.'");
    return WEIR_OK;
}

/* That the other side cannot be reached now is no reason not to begin: rows wait. */
static int probe_sink(const weir_os *os, uint32_t timeout_ms, const weir_sink_offer *offer,
                      weir_error *error) {
    int status = offer->probe ? offer->probe(offer->sink.self, weir_deadline(os, timeout_ms), error)
                              : WEIR_OK;
    return status == WEIR_IO || status == WEIR_BUSY ? WEIR_OK : status;
}

static uint64_t lag_limit(weir *w, const weir_sink_offer *offer) {
    if (offer->lag_limit_bytes != WEIR_LAG_HALF_JOURNAL) return offer->lag_limit_bytes;
    return weir_handle_options(w)->journal_limit_bytes / 2;
}

static void describe_offer(weir *w, const weir_sink_offer *offer, weir_sink_record *out) {
    *out = (weir_sink_record){.lag_limit = lag_limit(w, offer),
                              .at_limit = offer->at_limit == WEIR_LAG_DETACHES};
    (void)snprintf(out->name, sizeof out->name, "%s", offer->name);    /* it fits */
    (void)snprintf(out->kind, sizeof out->kind, "%s", offer->kind);    /* for people: may be cut */
    (void)snprintf(out->place, sizeof out->place, "%s", offer->place); /* likewise */
}

static int start_host(weir_attached *s, const weir_sink_offer *offer, host *h, weir_error *error) {
    int status = weir_applier_make(s, offer->place, &offer->sink, &h->wakeup, &h->applier, error);
    if (status != WEIR_OK) return status;
    status = weir_applier_start(h->applier, error);
    if (status == WEIR_OK) return status;
    weir_applier_release_sink(h->applier); /* it stays the caller's */
    weir_applier_free(h->applier);
    return status;
}

static int make_host(void *self, weir_attached *s, weir_hooks *hooks, weir_error *error) {
    const weir_sink_offer *offer = self;
    host *h = take_host(weir_handle_os(weir_attached_handle(s)));
    if (!h) return weir_fail(error, WEIR_NO_MEMORY, "%s: no memory for its writer", offer->name);
    h->sink = offer->sink.self;
    h->check = offer->check;
    int status = start_host(s, offer, h, error);
    if (status != WEIR_OK) give_back_host(h);
    *hooks = (weir_hooks){h, host_check, host_notify, host_finish, host_stop, offer->kind};
    return status;
}

static int attach_host(weir *w, weir_sink_offer offer, bool first, weir_error *error) {
    weir_sink_record record;
    describe_offer(w, &offer, &record);
    if (first) record.at_limit = WEIR_LAG_HOLDS; /* it is what the journal is for */
    return weir_handle_add_sink(w, &record, make_host, &offer, error);
}

int weir_private_attach_1(weir *w, const weir_sink_offer *offer, weir_error *error) {
    int held;
    int status = check_offer(offer, error);
    if (status != WEIR_OK) return status;
    status = weir_call_enter(w, WEIR_CALL_OPEN, &held);
    if (status != WEIR_OK)
        return weir_fail(error, status, "attaching %s: %s", offer->name, weir_status_text(status));
    uint32_t timeout_ms = weir_handle_options(w)->open_timeout_ms;
    status = probe_sink(weir_handle_os(w), timeout_ms, offer, error);
    if (status == WEIR_OK) status = attach_host(w, *offer, false, error);
    weir_call_exit(w, held);
    return status;
}

/* ---- opening ------------------------------------------------------------------------------ */

typedef struct host_opening {
    const weir_os *os;
    const char *directory, *name;
} host_opening;

/* An SQLite database has no record, so nothing would stay for it. Its process has left figures. */
static int refuse_database(const host_opening *o, weir_error *error) {
    weir_stats_snapshot s;
    weir_error ignored;
    if (weir_stats_read(o->os, o->directory, &s, &ignored) != WEIR_OK ||
        !weir_stats_are_sqlites(&s))
        return WEIR_OK;
    return weir_fail(error, WEIR_FOREIGN,
                     "%s: this is the journal of an SQLite database, which may lack rows of it: "
                     "open that, and attach %s beside it; or name another directory",
                     o->directory, o->name);
}

/* The record is what a database file is elsewhere: how far the journal is applied at least. */
static int read_recorded(void *self, weir_position **positions, size_t *count, weir_error *error) {
    const host_opening *o = self;
    weir_sink_record record;
    *count = 0;
    *positions = NULL;
    int status = refuse_database(o, error);
    if (status != WEIR_OK) return status;
    status = weir_sink_record_read(o->os, WEIR_OS_CWD, o->directory, o->name, &record, error);
    if (status == WEIR_NOT_FOUND || (status == WEIR_OK && record.safe.block == 0)) return WEIR_OK;
    if (status != WEIR_OK) return status;
    *positions = malloc(sizeof **positions);
    if (!*positions) return weir_fail(error, WEIR_NO_MEMORY, "no memory for a position");
    **positions = record.safe;
    *count = 1;
    return WEIR_OK;
}

static int open_hosted(const weir_os *os, const char *directory, const weir_options *options,
                       const weir_sink_offer *offer, weir **out, weir_error *error) {
    host_opening o = {os, directory, offer->name};
    weir_handle_config config = {.options = *options,
                                 .directory = directory,
                                 .database = offer->place,
                                 .os = os,
                                 .read_positions = read_recorded,
                                 .positions_self = &o,
                                 .sink = offer->name};
    uint64_t deadline = weir_deadline(os, options->open_timeout_ms);
    int status;
    while ((status = weir_handle_open(&config, out, error)) == WEIR_LOCKED &&
           weir_handle_await(os, directory, deadline))
        continue;
    if (status != WEIR_OK) return status;
    status = attach_host(*out, *offer, true, error);
    if (status == WEIR_OK) return status;
    (void)weir_close(*out); /* the first failure is what counts */
    *out = NULL;
    return status;
}

int weir_private_open_1(const char *directory, const weir_options *options, size_t options_bytes,
                        const weir_sink_offer *offer, weir **out, weir_error *error) {
    const weir_os *os = weir_os_posix();
    weir_options filled;
    if (!directory || !out) return weir_fail(error, WEIR_MISUSE, "directory or out is NULL");
    *out = NULL;
    int status = check_offer(offer, error);
    if (status == WEIR_OK)
        status =
            weir_sized_take(&filled, sizeof filled, options, options_bytes, "weir_options", error);
    if (status != WEIR_OK) return status;
    weir_options_fill(&filled);
    status = weir_options_check(&filled, error);
    if (status == WEIR_OK) status = probe_sink(os, filled.open_timeout_ms, offer, error);
    return status == WEIR_OK ? open_hosted(os, directory, &filled, offer, out, error) : status;
}
