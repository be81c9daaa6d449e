/* copies.h - other copies of a segment, in the places where the tools put files. */
#ifndef WEIR_COPIES_H
#define WEIR_COPIES_H

#include "../lib/base/id.h"

/* The file of that number, of that journal and with a sound header, in the archive of the journal's
 * directory or in a journal that was set aside beside it (weir forget). malloc; NULL: there is none, or
 * no memory to look. */
char *weir_copy_of_segment(const char *directory, const weir_id journal, uint64_t number);

#endif
