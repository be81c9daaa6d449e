/* keys.c - the keys that appends choose. */
#include "../format/key.h"
#include "core.h"

void weir_table_raise_key(weir_table *t, int64_t next) {
    _Atomic int64_t *key = &t->keys->next_key;
    int64_t now = atomic_load_explicit(key, memory_order_relaxed);
    while (next > now && !atomic_compare_exchange_weak_explicit(
                             key, &now, next, memory_order_relaxed, memory_order_relaxed)) {
    }
}

static int take_key(weir_table *t, weir_value *value) {
    _Atomic int64_t *key = &t->keys->next_key;
    int64_t next = atomic_load_explicit(key, memory_order_relaxed);
    do {
        if (next == INT64_MAX) return WEIR_SCHEMA;
    } while (!atomic_compare_exchange_weak_explicit(key, &next, next + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    *value = weir_int(next);
    return WEIR_OK;
}

/* SQLite takes a NaN for NULL, and would choose a key itself. */
static bool is_null(const weir_value *v) {
    return v->type == WEIR_NULL || (v->type == WEIR_REAL && v->as.real != v->as.real);
}

/* The key is part of the journaled row, so that a rebuild gives the same one. The greatest
 * integer is never chosen, and a row that has it does not end the sequence. */
int weir_table_settle_key(weir_table *t, weir_value *value) {
    if (is_null(value)) return take_key(t, value);
    int64_t bound = weir_key_bound(value);
    if (bound < INT64_MAX) weir_table_raise_key(t, bound + 1);
    return WEIR_OK;
}
