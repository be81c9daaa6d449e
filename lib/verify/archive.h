/* archive.h - a journal and its archive, seen as one directory.
 *
 * The library reads one directory. This os table is the real one, except that the segments of
 * DIRECTORY/archive appear in DIRECTORY; packed ones too, under the name of the segment, and are
 * read as such. So the same code verifies, dumps and replays a whole history and a journal without
 * an archive. What reads files and the time works before any table; the other
 * functions are the real table's, and get this one's self, so they may be used where the real one's
 * ignore it, as weir_os_posix's do. */
#ifndef WEIR_ARCHIVE_H
#define WEIR_ARCHIVE_H

#include "../base/os.h"
#include "../base/status.h"

typedef struct weir_archive {
    weir_os os; /* to be given, by its address, to the code that reads the journal */
    const weir_os *real;
    char *directory;
} weir_archive;

/* archive may not be moved while archive->os is in use, which points to it. */
int weir_archive_open(const weir_os *real, const char *directory, weir_archive *archive);
void weir_archive_close(weir_archive *archive);

/* Delete a file of the archive, DIRECTORY/archive/NAME. One that was a segment when it was listed may
 * have been packed since: then the packed one goes. 0, also if there is neither, or a negative errno. */
int weir_archive_unlink(const weir_os *os, int dirfd, const char *path);

#endif
