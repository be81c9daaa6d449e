/* status.h - how a slow path says what went wrong, where, and what to do.
 *
 * Every internal function that can fail returns a weir_status; those that people will read about
 * take a weir_error and fill it once, at the place that knows most. The public face copies the text
 * to the thread's weir_last_error(). Appends carry no text: they must not format. */
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

/* The same for a failed call of the os table: result is its negative errno. NO_SPACE for ENOSPC and
 * EDQUOT, NO_MEMORY for ENOMEM, IO otherwise; ": " and the errno's words are appended, and the limit
 * of the process that it stands for. */
int weir_fail_os(weir_error *error, int64_t result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* May the same call succeed later, on the same file? Want of space, memory, descriptors or rights
 * passes, and so do limits of the process; a disk that answers EIO, or a name that is gone, does not. */
bool weir_error_passes(const weir_error *error);

/* Make error what weir_last_error() returns in this thread; returns its status. */
int weir_publish_error(const weir_error *error);

/* For the public face, which calls by this name: leave words for weir_last_error() in this thread, and
 * return the status. misuse: what is wrong with which argument. refuse: the status says it all. */
int weir_refuse(const char *call, int status);
int weir_misuse(const char *call, const char *what);

#endif
