/* fork.h - what a forked child may do, and what it gives up.
 *
 * SQLite cannot be carried over a fork: its list of locks by file is the parent's and wrong in
 * the child, and its mutexes, like ours, may be held by threads that the child does not have. So
 * the child of a process in which a handle was open, or was being opened or closed, may open
 * nothing, and it learns that before it takes any lock. A child of any other process may open
 * anything. */
#ifndef WEIR_FORK_H
#define WEIR_FORK_H

#include <stdbool.h>

#include "../base/status.h"

/* Call begin before an opening takes its first lock: WEIR_FORKED where nothing may be opened.
 * Else the opening counts until end, which is called when everything that was opened is closed
 * and no lock is held. */
int weir_fork_begin(weir_error *error);
void weir_fork_end(void);
/* Is this such a child? Async-signal-safe. */
bool weir_fork_left_behind(void);

/* From now on a child that fork() makes gives up what is its parent's; one of _Fork(), vfork()
 * or clone() does not. Only the first call has an effect. */
int weir_fork_watch(weir_error *error);

#endif
