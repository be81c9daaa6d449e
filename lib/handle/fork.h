/* fork.h - what a forked child may do, and what it lets go of.
 *
 * SQLite cannot be carried over a fork: its list of locks by file is the parent's and wrong in the child, and
 * its mutexes, like ours, may be held by threads that are not there. So the child of a process in which
 * a handle was open, or being opened or closed, opens nothing, and finds that out before it takes any
 * lock. A child of any other process opens what it likes. */
#ifndef WEIR_FORK_H
#define WEIR_FORK_H

#include <stdbool.h>

#include "../base/status.h"

/* Before an opening takes its first lock: WEIR_FORKED where nothing may be opened. Else it counts, until
 * end: call that when all that was opened is closed, and no lock is held. */
int weir_fork_begin(weir_error *error);
void weir_fork_end(void);
/* Is this such a child? Async-signal-safe. */
bool weir_fork_left_behind(void);

/* From now on children that fork() makes are seen to; those of _Fork(), vfork() and clone() are not.
 * The first call counts. */
int weir_fork_watch(weir_error *error);

#endif
