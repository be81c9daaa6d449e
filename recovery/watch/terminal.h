/* terminal.h - the terminal while weir watch has it: another screen, no echo, keys at once. */
#ifndef WEIR_TERMINAL_H
#define WEIR_TERMINAL_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

typedef enum weir_terminal_event {
    WEIR_TERMINAL_TIME,   /* nothing else has happened */
    WEIR_TERMINAL_REDRAW, /* it has another size, or the program was stopped and goes on */
    WEIR_TERMINAL_QUIT,   /* q, or a signal that asks for the end */
} weir_terminal_event;

typedef struct weir_terminal {
    bool screen, keys; /* stdout is one that can show a screen; keys come from stdin */
    bool colours;
    struct termios before; /* of stdin */
    sigset_t unblocked;    /* signals as they were: let through while it waits */
} weir_terminal;

/* Without a terminal on stdout, or on one that is dumb, screen is false, and only signals are taken.
 * To be ended whatever happens in between; one at a time. */
void weir_terminal_begin(weir_terminal *t, bool wants_screen);
void weir_terminal_end(weir_terminal *t);
/* Until something happens, or now_ns of the monotonic clock reaches deadline_ns. */
weir_terminal_event weir_terminal_wait(weir_terminal *t, uint64_t now_ns, uint64_t deadline_ns);
void weir_terminal_size(int *columns, int *lines); /* at least 20 and 4 */
/* Put this in place of what the screen shows. False: the terminal has gone. */
bool weir_terminal_show(const char *text, size_t bytes);

#endif
