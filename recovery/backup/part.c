/* part.c - the directory that a backup becomes: written aside, and renamed at the end. */
#include "part.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../place.h"

enum { WALK_DESCRIPTORS = 16 };

static char *parent_of(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* Who holds TO.part? */
static int refuse_part(const weir_backup_part *p, weir_error *error) {
    int directory = open(p->part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool taken = directory >= 0 && flock(directory, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (directory >= 0) (void)close(directory); /* which ends our lock */
    if (taken)
        return weir_fail(error, WEIR_MISUSE,
                         "another backup is writing %s; wait for it, or name another directory",
                         p->part);
    return weir_fail(error, WEIR_MISUSE,
                     "%s is what a backup left that was interrupted: no part of it is needed; "
                     "remove it (rm -r '%s'), or name another directory",
                     p->part, p->part);
}

int weir_backup_part_plan(const char *to, weir_backup_part *out, weir_error *error) {
    struct stat st;
    *out = (weir_backup_part){.directory = -1, .to = weir_path_without_slashes(to)};
    if (out->to) out->parent = parent_of(out->to);
    if (!out->to || !out->parent || asprintf(&out->part, "%s.part", out->to) < 0) {
        out->part = NULL;
        return weir_fail(error, WEIR_NO_MEMORY, "no memory for a path");
    }
    if (lstat(out->to, &st) == 0)
        return weir_fail(error, WEIR_MISUSE,
                         "%s exists: a backup is a new directory, and replaces nothing", out->to);
    if (errno != ENOENT) return weir_fail_os(error, -(int64_t)errno, "cannot look at %s", out->to);
    if (lstat(out->part, &st) == 0) return refuse_part(out, error);
    if (stat(out->parent, &st) == 0 && S_ISDIR(st.st_mode)) return WEIR_OK;
    return weir_fail(error, WEIR_NOT_FOUND, "%s is no directory, so %s cannot be made in it",
                     out->parent, out->to);
}

int weir_backup_part_make(weir_backup_part *p, weir_error *error) {
    if (mkdir(p->part, 0700) != 0)
        return weir_fail_os(error, -(int64_t)errno, "cannot make the directory %s", p->part);
    p->directory = open(p->part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (p->directory >= 0 && flock(p->directory, LOCK_EX | LOCK_NB) == 0) return WEIR_OK;
    return weir_fail_os(error, -(int64_t)errno, "cannot open and lock %s", p->part);
}

char *weir_backup_part_path(const weir_backup_part *p, const char *name) {
    char *path;
    return asprintf(&path, "%s/%s", p->part, name) < 0 ? NULL : path;
}

static int sync_parent_of(const weir_backup_part *p, weir_error *error) {
    int parent = open(p->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = parent < 0 || fsync(parent) != 0 ? errno : 0;
    if (parent >= 0) (void)close(parent); /* it was only synced */
    return failed ? weir_fail_os(error, -(int64_t)failed, "cannot sync the directory %s", p->parent)
                  : WEIR_OK;
}

/* Where the file system has no renameat2 flags, somebody may make TO between the look and the
 * rename; an empty directory is all that this could replace. */
static int rename_new(const char *from, const char *to) {
    struct stat st;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL) return -errno;
    if (lstat(to, &st) == 0) return -EEXIST;
    return rename(from, to) == 0 ? 0 : -errno;
}

int weir_backup_part_finish(weir_backup_part *p, weir_error *error) {
    if (fsync(p->directory) != 0)
        return weir_fail_os(error, -(int64_t)errno, "cannot sync the directory %s", p->part);
    int result = rename_new(p->part, p->to);
    if (result < 0) return weir_fail_os(error, result, "cannot rename %s to %s", p->part, p->to);
    (void)close(p->directory); /* all of it is synced */
    p->directory = -1;
    return sync_parent_of(p, error);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *walk) {
    (void)st, (void)kind, (void)walk;
    (void)remove(path); /* what stays is named by the next backup to the same place */
    return 0;
}

void weir_backup_part_remove(const char *path) {
    (void)nftw(path, remove_one, WALK_DESCRIPTORS, FTW_DEPTH | FTW_PHYS); /* as remove_one says */
}

void weir_backup_part_end(weir_backup_part *p) {
    if (p->directory >= 0) {
        weir_backup_part_remove(p->part);
        (void)close(p->directory); /* nothing of it is left */
    }
    free(p->to);
    free(p->part);
    free(p->parent);
    *p = (weir_backup_part){.directory = -1};
}
