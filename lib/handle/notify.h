/* notify.h - who is told that a handle is being closed, before and after. Private to this folder. */
#ifndef WEIR_NOTIFY_H
#define WEIR_NOTIFY_H

#include "core.h"

/* Set by weir_systemd_notify; so a program that does not call that links nothing of it. */
struct weir_notifier {
    void (*closing)(weir_notifier *n); /* weir_close() begins */
    void (*end)(weir_notifier *n);     /* it is about to return: joins the thread and frees n */
};

/* Acquire, with the release in weir_systemd_notify. */
static inline void weir_notify_closing(weir *w) {
    weir_notifier *n = atomic_load_explicit(&w->notifier, memory_order_acquire);
    if (n) n->closing(n);
}
static inline void weir_notify_end(weir *w) {
    weir_notifier *n = atomic_exchange_explicit(&w->notifier, NULL, memory_order_acq_rel);
    if (n) n->end(n);
}

#endif
