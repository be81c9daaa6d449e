/* registry.h - which journals this process has open, and the memory of handles that are closed.
 *
 * A process-owned lock says nothing to the process that owns it, so a second opening inside the
 * process is found here. */
#ifndef WEIR_REGISTRY_H
#define WEIR_REGISTRY_H

#include "core.h"

/* Memory for a handle with lanes for lanes_max threads: a retired one when there are enough,
 * else new. NULL: no memory. */
weir *weir_registry_take(const weir_os *os, uint32_t lanes_max);
void weir_registry_give_back(weir *w);

/* Lock the file at path (made if absent) for this process and this handle. LOCKED says who has
 * it. */
int weir_registry_lock(weir *w, const char *path, weir_error *error);
void weir_registry_unlock(weir *w);
/* In a forked child: let go of what is the parent's. Async-signal-safe. */
void weir_registry_let_go(void);

#endif
