/* aside.h - a journal as it was before a salvage: its segments wherever they went.
 *
 * This os table is that of an archive (archive.h), with the segments that salvage has set aside too
 * (damaged-*), and without those that are younger than the salvage. A segment that stands in several
 * places is read where somebody may have put a better copy: in the journal's directory, else in the
 * archive, else where it was set aside. */
#ifndef WEIR_ASIDE_H
#define WEIR_ASIDE_H

#include "../lib/verify/archive.h"

typedef struct weir_aside {
    weir_os os; /* to be given, by its address, to the code that reads the journal */
    const weir_os *with_archive, *real;
    const char *directory;
    uint64_t last_segment;
} weir_aside;

/* aside may not be moved while aside->os is in use. archive and directory must outlive it. */
void weir_aside_open(const weir_archive *archive, uint64_t last_segment, weir_aside *aside);

#endif
