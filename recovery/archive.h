/* archive.h - a journal and its archive, seen as one directory.
 *
 * The library reads one directory. Here is an os table that is the real one, except that segments
 * of DIRECTORY/archive appear in DIRECTORY: so a whole history is verified, dumped and replayed by
 * the same code as a journal without an archive. */
#ifndef WEIR_ARCHIVE_H
#define WEIR_ARCHIVE_H

#include "../lib/base/os.h"
#include "../lib/base/status.h"

typedef struct weir_archive {
    weir_os os; /* give its address to whoever reads */
    const weir_os *real;
    char *directory;
} weir_archive;

/* archive may not move while os is in use: the table points to it. */
int weir_archive_open(const weir_os *real, const char *directory, weir_archive *archive);
void weir_archive_close(weir_archive *archive);

#endif
