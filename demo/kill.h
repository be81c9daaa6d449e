/* kill.h - run a way in a child process and kill it with SIGKILL at a random moment. */
#ifndef WEIR_DEMO_KILL_H
#define WEIR_DEMO_KILL_H

#include <sys/types.h>

#include "ways.h"

/* A way in a child process, and how many rows it has been told are in, by its own word through a pipe. */
typedef struct running {
    pid_t process;
    int from; /* the pipe's end */
    int told;
} running;

/* j is copied; its told and context are replaced. 0, or 1 after a message on stderr. */
int start_way(int (*way)(job *j), const job *j, running *out);
/* Until it has been told of so many rows, or says no more, or the time (of now()) is over. */
void listen_to(running *r, int until, double end);
/* Kill it with SIGKILL, or wait until it ends by itself. 0, or 1 when it has failed. */
int kill_running(running *r);
int wait_for_running(running *r);

/* told: out, how many rows the child had been told were in, by its own word through a pipe.
 * The moment is drawn from random. 0, or 1 after a message on stderr. */
int kill_way(int (*way)(job *j), const char *path, uint64_t seed, uint64_t *random, int *told);

/* Run the tool on the database; 0 when it says that all is well. */
int recover(const char *path);

#endif
