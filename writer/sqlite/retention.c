/* retention.c - which rows of which tables are to be deleted: limits, and when to look. */
#include "retention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "retention_state.h"

#define SECOND ((uint64_t)1000000000)
#define LOOK_EVERY SECOND
#define AGE_SLACK_MOST (60 * SECOND)

enum { SLACK = 16 }; /* a sweep begins at a limit and a SLACKth of it */

/* ---- settings -------------------------------------------------------------------------------- */

static weir_kept *find_kept(const weir_retention *r, const char *table) {
    weir_kept *k = r->first;
    while (k && sqlite3_stricmp(k->setting.table, table) != 0)
        k = k->after;
    return k;
}

static weir_kept *add_kept(weir_retention *r, const char *table) {
    weir_kept *k = calloc(1, sizeof *k);
    if (!k) return NULL;
    k->setting.table = strdup(table);
    if (!k->setting.table) {
        free(k);
        return NULL;
    }
    k->after = r->first;
    weir_kept_count_anew(k, r->os);
    return r->first = k;
}

static int take_over_setting(void *context, const weir_keep_setting *setting) {
    weir_retention *r = context;
    weir_kept *k = find_kept(r, setting->table);
    if (k && k->setting.version == setting->version) return WEIR_OK;
    char *column = setting->time_column ? strdup(setting->time_column) : NULL;
    if (setting->time_column && !column) return WEIR_NO_MEMORY;
    if (!k) k = add_kept(r, setting->table);
    if (!k) {
        free(column);
        return WEIR_NO_MEMORY;
    }
    free(k->setting.time_column);
    k->setting.time_column = column;
    k->setting.limits = setting->limits;
    k->setting.version = setting->version;
    k->suspended = k->sweeping = false;
    k->failures = 0;
    k->next = weir_kept_now(r->os);
    weir_kept_count_anew(k, r->os);
    return WEIR_OK;
}

void weir_retention_free(weir_retention *r) {
    while (r->first) {
        weir_kept *k = r->first;
        r->first = k->after;
        free(k->setting.table);
        free(k->setting.time_column);
        free(k);
    }
}

void weir_retention_forget(weir_retention *r) {
    for (weir_kept *k = r->first; k; k = k->after) {
        weir_kept_count_anew(k, r->os);
        k->sweeping = false;
    }
}

/* ---- when ------------------------------------------------------------------------------------ */

static bool is_limited(const weir_kept *k) {
    const weir_keep_limits *l = &k->setting.limits;
    return (l->rows || l->bytes || l->age_ns) && !k->suspended;
}

static weir_kept *find_next(const weir_retention *r) {
    weir_kept *next = NULL;
    for (weir_kept *k = r->first; k; k = k->after)
        if (is_limited(k) && (!next || k->next < next->next)) next = k;
    return next;
}

uint64_t weir_retention_pause(weir_retention *r) {
    if (!r->settings) return UINT64_MAX;
    /* Without memory they are read again by a later call. */
    int status = weir_keep_settings_read(r->settings, &r->version, take_over_setting, r);
    const weir_kept *k = find_next(r);
    if (!k) return status == WEIR_OK ? UINT64_MAX : LOOK_EVERY;
    uint64_t at = weir_kept_now(r->os);
    return k->next > at ? k->next - at : 0;
}

/* ---- a visit --------------------------------------------------------------------------------- */

static bool counts(const weir_kept *k) { return k->setting.limits.rows || k->setting.limits.bytes; }

static bool exceeds_far(uint64_t value, uint64_t limit) {
    return limit && value > limit && value - limit > limit / SLACK;
}

static bool count_exceeds(const weir_kept *k) {
    const weir_keep_limits *l = &k->setting.limits;
    return k->count.whole &&
           (exceeds_far(k->count.rows, l->rows) || exceeds_far(k->count.bytes, l->bytes));
}

static int begin_sweep(weir_kept *k, const weir_os *os, sqlite3 *db, weir_error *error) {
    weir_kept_oldest oldest;
    uint64_t slack = k->setting.limits.age_ns / SLACK;
    if (slack > AGE_SLACK_MOST) slack = AGE_SLACK_MOST;
    int status = weir_kept_look_at_oldest(k, os, db, slack, &oldest, error);
    if (status != WEIR_OK || oldest == WEIR_OLDEST_ABSENT) return status;
    bool many = count_exceeds(k);
    k->by_count = k->count.whole && !k->count.suspect;
    k->sweeping = oldest == WEIR_OLDEST_OLD || (many && k->by_count);
    if (many && !k->by_count) weir_kept_count_anew(k, os);
    return WEIR_OK;
}

static uint64_t retained_part(const weir_retention *r, uint64_t least) {
    uint64_t part = r->added * 2; /* more than is added: it catches up */
    return part > least ? part : least;
}

static int look_at(weir_retention *r, weir_kept *k, sqlite3 *db, weir_error *error) {
    int status = weir_keep_look(db, k->setting.table, k->setting.time_column, &k->table, error);
    if (status != WEIR_OK) return status;
    if (!k->table.exists) {
        weir_kept_count_anew(k, r->os);
        k->sweeping = false;
        return WEIR_OK;
    }
    if (counts(k))
        status = weir_kept_count_on(k, r->os, db, retained_part(r, WEIR_RETENTION_SLICE), error);
    return status == WEIR_OK && !k->sweeping ? begin_sweep(k, r->os, db, error) : status;
}

int weir_retention_look(weir_retention *r, sqlite3 *db, bool *sweep, weir_error *error) {
    weir_kept *k = r->at = find_next(r);
    *sweep = false;
    if (!k) return WEIR_OK;
    k->swept.rows = k->swept.bytes = 0;
    k->swept.finished = false;
    int status = look_at(r, k, db, error);
    *sweep = status == WEIR_OK && k->sweeping;
    return status;
}

int weir_retention_sweep(weir_retention *r, sqlite3 *db, uint64_t *deleted, weir_error *error) {
    return weir_kept_sweep(r->at, r->os, db, retained_part(r, WEIR_RETENTION_ROWS), deleted, error);
}

/* ---- the end of a visit ---------------------------------------------------------------------- */

static bool keep_may_pass(int status) {
    return status == WEIR_BUSY || status == WEIR_IO || status == WEIR_NO_SPACE ||
           status == WEIR_NO_MEMORY;
}

static void end_well(weir_kept *k, const weir_os *os) {
    k->failures = 0;
    k->count.rows -= k->swept.rows;
    k->count.bytes -= k->swept.bytes;
    if (k->swept.finished) k->sweeping = false;
    bool behind = counts(k) && k->table.exists && k->count.behind;
    k->next = weir_kept_now(os) + (k->sweeping || behind ? 0 : LOOK_EVERY);
}

static void end_badly(weir_retention *r, weir_kept *k, int status, const char *why,
                      weir_sink_retained *out) {
    bool passes = keep_may_pass(status);
    k->next = weir_kept_now(r->os) + LOOK_EVERY;
    k->suspended = out->suspended = !passes;
    if (passes && ++k->failures != WEIR_RETENTION_TRIES) return;
    (void)snprintf(r->text, sizeof r->text, "old rows of table %s are not deleted%s: %s",
                   k->setting.table,
                   passes ? ", and it is tried again every second"
                          : " any more, until weir_keep is called again",
                   why);
    out->trouble = r->text;
}

void weir_retention_end(weir_retention *r, int status, const char *why, weir_sink_retained *out) {
    if (r->at && status == WEIR_OK) end_well(r->at, r->os);
    if (r->at && status != WEIR_OK) end_badly(r, r->at, status, why, out);
    r->at = NULL;
    r->added = 0;
    out->pause_ns = weir_retention_pause(r);
}
