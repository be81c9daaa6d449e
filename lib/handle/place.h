/* place.h - the journal's directory. Private to this folder. */
#ifndef WEIR_HANDLE_PLACE_H
#define WEIR_HANDLE_PLACE_H

#include "../format/names.h"
#include "core.h"

/* Make the directory if it is absent, open it, and lock the journal in it. From then on every
 * name is looked up in the open directory itself. */
int weir_place_take(weir *w, const weir_handle_config *config, weir_error *error);

/* The directory's own name must outlive a power cut too. Before there are segments nothing has
 * been promised, so every opening that finds none calls this, whether it made the directory or a
 * process did that died at that moment. */
int weir_place_keep(const weir *w, weir_error *error);

/* WEIR_OK while the directory holds the files that this handle has open; else WEIR_STOPPED.
 * context: the weir. */
int weir_place_check(void *context, weir_error *error);

/* The text of the path of this name; WEIR_MISUSE when it is too long. */
int weir_place_path(const weir *w, const char *name, char path[WEIR_PATH_MAX], weir_error *error);

#endif
