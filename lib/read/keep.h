/* keep.h - write down how far a named reader has read, and forget it. */
#ifndef WEIR_KEEP_READER_H
#define WEIR_KEEP_READER_H

#include "../verify/readers.h"

/* Write the reader's file, with the time, so that it is the old one or this one whatever happens.
 * The directory readers/ is made if there is none. One process at a time has a name. */
int weir_named_write(const weir_os *os, const char *directory, weir_named *reader,
                     weir_error *error);

/* Remove it: nothing is held back for it any more. WEIR_NOT_FOUND, WEIR_IO, WEIR_MISUSE. */
int weir_named_forget(const weir_os *os, const char *directory, const char *name,
                      weir_error *error);

#endif
