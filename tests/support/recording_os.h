/* recording_os.h - the table of production, with a list of what was done to the disk, in order: for
 * tests of what has to be synced before something else may happen. */
#ifndef WEIR_TESTS_RECORDING_OS_H
#define WEIR_TESTS_RECORDING_OS_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/os.h"
#include "support.h"

enum { RECORDING_DEEDS = 4096, RECORDING_FILES = 1024 };

typedef enum deed_kind { WROTE, SYNCED, RENAMED, UNLINKED, SYNCED_NAMES, OPENED } deed_kind;

typedef struct deed {
    deed_kind kind;
    unsigned file;         /* WROTE, SYNCED, OPENED: counts openings, so no two are alike */
    char name[48], to[48]; /* without directories; to: RENAMED */
} deed;

typedef struct recording {
    weir_os table;
    deed deeds[RECORDING_DEEDS];
    size_t count;
    unsigned opened, files[RECORDING_FILES]; /* by descriptor */
    char names[RECORDING_FILES][48];
} recording;

static inline void recording_name(char into[48], const char *path) {
    const char *slash = strrchr(path, '/');
    (void)snprintf(into, 48, "%s", slash ? slash + 1 : path);
}

static inline deed *recording_add(void *self, deed_kind kind, const char *path) {
    recording *r = self;
    assert_true(r->count < RECORDING_DEEDS);
    deed *d = &r->deeds[r->count++];
    *d = (deed){.kind = kind};
    recording_name(d->name, path);
    return d;
}

static inline void recording_add_file(void *self, deed_kind kind, int file) {
    recording *r = self;
    assert_true(file >= 0 && file < RECORDING_FILES);
    recording_add(self, kind, r->names[file])->file = r->files[file];
}

static int recording_open_(void *self, int dirfd, const char *path, int flags) {
    recording *r = self;
    int file = weir_os_posix()->open(NULL, dirfd, path, flags);
    if (file < 0) return file;
    assert_true(file < RECORDING_FILES);
    r->files[file] = ++r->opened;
    recording_name(r->names[file], path);
    if (flags & WEIR_OS_WRITE) recording_add_file(self, OPENED, file);
    return file;
}
static int64_t recording_pwrite_(void *self, int file, const void *from, size_t bytes,
                                 uint64_t offset) {
    recording_add_file(self, WROTE, file);
    return weir_os_posix()->pwrite(NULL, file, from, bytes, offset);
}
static int recording_datasync_(void *self, int file) {
    recording_add_file(self, SYNCED, file);
    return 0; /* nothing here cuts the power, so nothing needs to reach the disk */
}
static int recording_rename_(void *self, int from_dirfd, const char *from, int to_dirfd,
                             const char *to) {
    recording_name(recording_add(self, RENAMED, from)->to, to);
    return weir_os_posix()->rename(NULL, from_dirfd, from, to_dirfd, to);
}
static int recording_unlink_(void *self, int dirfd, const char *path) {
    (void)recording_add(self, UNLINKED, path);
    return weir_os_posix()->unlink(NULL, dirfd, path);
}
static int recording_sync_directory_(void *self, int dirfd, const char *path) {
    (void)dirfd;
    (void)recording_add(self, SYNCED_NAMES, path);
    return 0; /* as above */
}

/* For tests with one thread, or with threads that have ended when the list is read. */
static inline void recording_make(recording *r) {
    memset(r, 0, sizeof *r);
    r->table = *weir_os_posix();
    r->table.self = r;
    r->table.open = recording_open_;
    r->table.pwrite = recording_pwrite_;
    r->table.datasync = recording_datasync_;
    r->table.rename = recording_rename_;
    r->table.unlink = recording_unlink_;
    r->table.sync_directory = recording_sync_directory_;
}

/* The first deed of that kind, from the given one on, whose name (or new name) begins so; count when
 * there is none. */
static inline size_t recording_find(const recording *r, size_t from, deed_kind kind,
                                    const char *name) {
    for (; from < r->count; from++) {
        const deed *d = &r->deeds[from];
        const char *its = kind == RENAMED ? d->to : d->name;
        if (d->kind == kind && strncmp(its, name, strlen(name)) == 0) break;
    }
    return from;
}

/* Was all that had been written before deed n to files of such a name synced before it? */
static inline bool recording_all_synced(const recording *r, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++) {
        const deed *d = &r->deeds[i];
        bool synced = d->kind != WROTE || strncmp(d->name, name, strlen(name)) != 0;
        for (size_t s = i + 1; s < n && !synced; s++)
            synced = r->deeds[s].kind == SYNCED && r->deeds[s].file == d->file;
        if (!synced) return false;
    }
    return true;
}

#endif
