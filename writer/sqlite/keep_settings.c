/* keep_settings.c - the limits that weir_keep has set, by table. */
#include "keep_settings.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/base/thread.h"

static void free_setting(weir_keep_setting *k) {
    if (!k) return;
    free(k->table);
    free(k->time_column);
    free(k);
}

static weir_keep_setting *make_setting(const char *table, const weir_keep_limits *limits) {
    weir_keep_setting *k = calloc(1, sizeof *k);
    if (!k) return NULL;
    k->limits = *limits;
    k->limits.time_column = NULL;
    k->table = strdup(table);
    k->time_column = limits->age_ns ? strdup(limits->time_column) : NULL;
    if (k->table && !k->time_column == !limits->age_ns) return k;
    free_setting(k);
    return NULL;
}

/* The setting of a table takes the place of its last one. */
static void put_setting(weir_keep_settings *s, weir_keep_setting *k) {
    weir_keep_setting **at = &s->first;
    while (*at && sqlite3_stricmp((*at)->table, k->table) != 0)
        at = &(*at)->next;
    weir_keep_setting *old = *at;
    k->next = old ? old->next : NULL;
    k->version = atomic_load_explicit(&s->version, memory_order_relaxed) + 1; /* under lock */
    *at = k;
    atomic_store_explicit(&s->version, k->version, memory_order_release);
    free_setting(old);
}

int weir_keep_settings_set(weir_keep_settings *s, const char *table, const weir_keep_limits *limits,
                           weir_error *error) {
    weir_keep_setting *k = make_setting(table, limits);
    if (!k) return weir_fail(error, WEIR_NO_MEMORY, "table %s: no memory for its limits", table);
    sigset_t before = weir_lock_hold(&s->lock);
    put_setting(s, k);
    weir_lock_release(&s->lock, &before);
    return WEIR_OK;
}

void weir_keep_settings_clear(weir_keep_settings *s) {
    sigset_t before = weir_lock_hold(&s->lock);
    while (s->first) {
        weir_keep_setting *k = s->first;
        s->first = k->next;
        free_setting(k);
    }
    weir_lock_release(&s->lock, &before);
}

int weir_keep_settings_read(weir_keep_settings *s, uint64_t *version,
                            int (*each)(void *context, const weir_keep_setting *setting),
                            void *context) {
    if (atomic_load_explicit(&s->version, memory_order_acquire) == *version) return WEIR_OK;
    int status = WEIR_OK;
    sigset_t before = weir_lock_hold(&s->lock);
    for (const weir_keep_setting *k = s->first; k && status == WEIR_OK; k = k->next)
        status = each(context, k);
    if (status == WEIR_OK)
        *version = atomic_load_explicit(&s->version, memory_order_relaxed); /* under lock */
    weir_lock_release(&s->lock, &before);
    return status;
}
