/* addr2line.h - functions and lines of addresses, from the program addr2line of binutils. */
#ifndef WEIR_ADDR2LINE_H
#define WEIR_ADDR2LINE_H

#include "crashes.h"

/* Fill the sources of the frames that are in this mapping. WEIR_OK; WEIR_NOT_FOUND: there is no such
 * program; WEIR_NO_MEMORY; anything else: the file tells nothing, and the error says why. */
int weir_addr2line(const weir_logged_mapping *mapping, weir_logged_frame *frames, size_t count,
                   weir_error *error);

#endif
