/* aside.h - the directory that a backup becomes: written aside as TO.part, and renamed at the end.
 *
 * So a directory that has the name TO is a whole backup, whatever interrupts. While it is written
 * TO.part is locked (flock), and one that is not was left by a backup that was interrupted. */
#ifndef WEIR_BACKUP_ASIDE_H
#define WEIR_BACKUP_ASIDE_H

#include "../../lib/base/status.h"

typedef struct weir_aside {
    char *to, *part; /* paths, without slashes at the end */
    char *parent;    /* directory of both */
    int directory;   /* TO.part, open and locked; < 0: not made */
} weir_aside;

/* Is TO free, and what would be its paths? Makes nothing. WEIR_MISUSE: it exists, or TO.part does;
 * WEIR_NOT_FOUND: there is no directory to make it in. Free *out in any case. */
int weir_aside_plan(const char *to, weir_aside *out, weir_error *error);
int weir_aside_make(weir_aside *aside, weir_error *error);
/* path of name in TO.part, to be freed; NULL: no memory */
char *weir_aside_path(const weir_aside *aside, const char *name);
void weir_aside_remove(const char *path); /* a file or a whole tree, as far as it can be */
/* All in it is synced: give it its name, durably. Never over something that is there. */
int weir_aside_finish(weir_aside *aside, weir_error *error);
/* Remove what was made, unless it has its name; frees the rest. */
void weir_aside_end(weir_aside *aside);

#endif
