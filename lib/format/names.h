/* names.h - names of files in a journal's directory. */
#ifndef WEIR_NAMES_H
#define WEIR_NAMES_H

#include <stdint.h>

enum { WEIR_PATH_MAX = 4096 };

/* directory/name; the caller has checked that the directory leaves room for it. */
void weir_path_in(char out[WEIR_PATH_MAX], const char *directory, const char *name);
/* directory/prefix-<20 digits>; likewise. */
void weir_numbered_path(char out[WEIR_PATH_MAX], const char *directory, const char *prefix,
                        uint64_t number);
/* The number after prefix- anywhere in name, which is exactly 20 digits and ends the name; 0 for
 * any other name. */
uint64_t weir_number_in_name(const char *name, const char *prefix);

#endif
