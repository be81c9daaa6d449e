/* status.h - how a slow path says what went wrong, where, and what to do.
 *
 * Every internal function that can fail returns a weir_status. A function whose failure a user
 * will read about takes a weir_error and fills it once, at the place that knows most. The public
 * API copies the text to the thread's weir_last_error(). Appends may run in a signal handler and
 * must not format: they note facts, of which weir_last_error() makes the text. */
#ifndef WEIR_STATUS_H
#define WEIR_STATUS_H

#include <stdbool.h>

#include <weir/weir.h>

typedef struct weir_error {
    int status;
    char text[500];
    int os_error; /* the errno of the call that failed; 0: it was none */
} weir_error;

/* Fill error (may be NULL) and return status. The text is one line: what, where, what to do.
 * Control characters, which a name may bring in, become question marks. */
int weir_fail(weir_error *error, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failed call of the os table: result is its negative errno. NO_SPACE for ENOSPC
 * and EDQUOT, NO_MEMORY for ENOMEM, IO otherwise; ": " and the text of the errno are appended,
 * and the limit of the process that was reached, if it means one. */
int weir_fail_os(weir_error *error, int64_t result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* text without "NAME: " or "NAME " at its begin, if it has that: for who puts the name in front of
 * another's words, which mostly name the file themselves. */
const char *weir_text_after_name(const char *text, const char *name);

/* May the same call succeed later, on the same file? A lack of space, memory, descriptors or
 * rights may pass, and so may a limit of the process; a disk that answers EIO does not, nor does
 * a name that is gone. */
bool weir_error_passes(const weir_error *error);

/* Make error what weir_last_error() returns in this thread; returns its status. */
int weir_publish_error(const weir_error *error);

/* What is known of an append that failed. words fills error with a text made of the rest, later
 * and outside any handler; what of points to must live until then. Keep it small: each thread has
 * one, in memory that is scarce for a library that is loaded late (see noted in status.c). */
typedef struct weir_failure {
    void (*words)(const struct weir_failure *f, weir_error *error);
    const char *call; /* the name of a function of the public API; static */
    const void *of;
    uint64_t number;
    uint32_t generation; /* of the opening that of belongs to */
    int16_t status;
} weir_failure;

/* Make it what weir_last_error() tells in this thread; returns its status. Async-signal-safe: when a
 * handler interrupts this and notes a failure of its own, the interrupted one prevails. */
int weir_note_failure(const weir_failure *failure);

/* For the public API; call is the name of its function. Set the text of this thread's
 * weir_last_error() and return the status. what: what went wrong. misuse: with which argument.
 * refuse: the text is that of the status. */
int weir_fail_call(const char *call, int status, const char *what);
int weir_refuse(const char *call, int status);
int weir_misuse(const char *call, const char *what);

#endif
