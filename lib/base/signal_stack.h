/* signal_stack.h - an alternative stack for the signal handlers of a thread. */
#ifndef WEIR_SIGNAL_STACK_H
#define WEIR_SIGNAL_STACK_H

/* Give the calling thread one, unless it has one. It is removed when the thread ends. WEIR_OK or
 * WEIR_NO_MEMORY. */
int weir_signal_stack_take(void);

#endif
