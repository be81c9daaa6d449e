/* part.h - the directory that a backup becomes: written aside as TO.part, and renamed at the end.
 *
 * So a directory that has the name TO is a whole backup, whatever interrupts. While it is written
 * TO.part is locked (flock), and one that is not was left by a backup that was interrupted. */
#ifndef WEIR_BACKUP_PART_H
#define WEIR_BACKUP_PART_H

#include "../../lib/base/status.h"

typedef struct weir_backup_part {
    char *to, *part; /* paths, without slashes at the end */
    char *parent;    /* directory of both */
    int directory;   /* TO.part, open and locked; < 0: not made */
} weir_backup_part;

/* Is TO free, and what would be its paths? Makes nothing. WEIR_MISUSE: it exists, or TO.part does;
 * WEIR_NOT_FOUND: there is no directory to make it in. Free *out in any case. */
int weir_backup_part_plan(const char *to, weir_backup_part *out, weir_error *error);
int weir_backup_part_make(weir_backup_part *part, weir_error *error);
/* path of name in TO.part, to be freed; NULL: no memory */
char *weir_backup_part_path(const weir_backup_part *part, const char *name);
void weir_backup_part_remove(const char *path); /* a file or a whole tree, as far as it can be */
/* All in it is synced: give it its name, durably. Never over something that is there. */
int weir_backup_part_finish(weir_backup_part *part, weir_error *error);
/* Remove what was made, unless it has its name; frees the rest. */
void weir_backup_part_end(weir_backup_part *part);

#endif
