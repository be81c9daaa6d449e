/* image_vfs.h - an image (image.h) as a file that SQLite can ATTACH, read-only.
 *
 * To SQLite, a file is what a VFS says it is (https://www.sqlite.org/vfs.html). This VFS is
 * registered only during one ATTACH, so that no other connection finds it.
 *
 * SQLite reads the pages in place, as those of a file that is mapped into memory (xFetch), and then
 * keeps a copy of none but the first. An SQLite that was compiled without memory mapping reads
 * copies, and keeps them until the transaction ends. */
#ifndef WEIR_IMAGE_VFS_H
#define WEIR_IMAGE_VFS_H

#include <sqlite3.h>

#include "image.h"

typedef struct weir_image_vfs {
    sqlite3_vfs vfs; /* opens the file; first, since SQLite passes only this to its methods */
    char name[48];
    const weir_image *image;
    bool in_place; /* SQLite has read a page in place, and so reads all but the first */
} weir_image_vfs;

/* ATTACH the image as schema, a name that needs no quotes; not inside a transaction. file and image
 * must outlive the connection, which must have been opened with SQLITE_OPEN_URI. Returns SQLite's
 * code. */
int weir_image_vfs_attach(weir_image_vfs *file, const weir_image *image, sqlite3 *db,
                          const char *schema);

#endif
