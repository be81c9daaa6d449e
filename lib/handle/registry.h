/* registry.h - which journals this process has open, and the memory of handles that are closed.
 *
 * The journal's lock excludes every other opening, in this process too; the list says whether a
 * handle of this process holds it. */
#ifndef WEIR_REGISTRY_H
#define WEIR_REGISTRY_H

#include "core.h"

/* Memory for a handle with lanes for lanes_max threads: that of a retired handle that has enough
 * of them, else new. NULL: no memory. */
weir *weir_registry_take(const weir_os *os, uint32_t lanes_max);
void weir_registry_give_back(weir *w);
/* Handles that are closed except for a thread that is inside a call. take: one of them for which
 * is_over is true, to be dismantled by the caller; NULL: there is none. */
void weir_registry_keep_stuck(weir *w);
weir *weir_registry_take_stuck(bool (*is_over)(weir *w));

/* Lock the file at path (made if absent), in w->dirfd, for this handle. The text of WEIR_LOCKED
 * names the holder. */
int weir_registry_lock(weir *w, const char *path, weir_error *error);
void weir_registry_unlock(weir *w);
/* Is this descriptor still the one of the handle's lock? The program may have closed it. */
bool weir_registry_has_lock(const weir *w, int file);
/* Is this lock held by a handle of this process that nobody is closing? */
bool weir_registry_keeps(const weir_os_info *lock, int64_t process);
/* The newest of all handles ever made in this process; next_made leads to the older ones. Each
 * may be in any state. Async-signal-safe. */
weir *weir_registry_made(void);
/* In a forked child: give up what is the parent's, whose locks must end with the parent.
 * Async-signal-safe. */
void weir_registry_let_go(void);

#endif
