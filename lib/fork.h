/* fork.h - what a forked child lets go of. */
#ifndef WEIR_FORK_H
#define WEIR_FORK_H

#include "status.h"

/* From now on children that fork() makes are seen to; those of _Fork(), vfork() and clone() are not.
 * The first call counts. */
int weir_fork_watch(weir_error *error);

#endif
