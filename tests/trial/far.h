/* far.h - a sink whose other side is a directory: it can be reached while that is there, and keeps the
 * numbers of the rows that it has. What a person sees of it is what a server would look like. */
#ifndef WEIR_TRIAL_FAR_H
#define WEIR_TRIAL_FAR_H

#include "writer/attach/host.h"

/* directory stays the caller's, for as long as the handle is open. limit: bytes, beyond which it is
 * detached; 0: none. */
int far_attach(weir *w, const char *directory, uint64_t limit, weir_error *error);

#endif
