/* kill.h - run a way in a child process and kill it with SIGKILL at a random moment. */
#ifndef WEIR_DEMO_KILL_H
#define WEIR_DEMO_KILL_H

#include "ways.h"

/* told: out, how many rows the child had been told were in, by its own word through a pipe.
 * The moment is drawn from random. 0, or 1 after a message on stderr. */
int kill_way(int (*way)(job *j), const char *path, uint64_t seed, uint64_t *random, int *told);

/* Run the tool on the database; 0 when it says that all is well. */
int recover(const char *path);

#endif
