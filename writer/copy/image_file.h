/* image_file.h - an image (image.h) as a file that SQLite can ATTACH, read-only.
 *
 * A file of SQLite's is what a VFS says it is (https://www.sqlite.org/vfs.html). This one is
 * registered for the time of one ATTACH and known to nobody else.
 *
 * SQLite reads its pages where they stand, as it reads a file that is mapped into memory (xFetch), and
 * then keeps none but the first. A library that was compiled without that reads copies, which it keeps
 * until the transaction ends. */
#ifndef WEIR_IMAGE_FILE_H
#define WEIR_IMAGE_FILE_H

#include <sqlite3.h>

#include "image.h"

typedef struct weir_image_file {
    sqlite3_vfs vfs; /* what its files are opened with; first: SQLite hands only this back */
    char name[48];
    const weir_image *image;
    bool in_place; /* SQLite has read a page where it stands, and so reads all but the first */
} weir_image_file;

/* ATTACH the image under a name that needs no quotes; not inside a transaction. file and image
 * outlive the connection, which must have been opened with SQLITE_OPEN_URI. Answers as SQLite
 * does. */
int weir_image_file_attach(weir_image_file *file, const weir_image *image, sqlite3 *db,
                           const char *schema);

#endif
