/* archive.c - a journal and its archive, seen as one directory. */
#include "archive.h"

#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../format/names.h"

#define SEGMENT_PREFIX "segment-"
#define PACKED_PREFIX "packed-" /* before the name of a segment */

/* Where a segment may be in the archive: as it was, or packed. While one becomes the other both are
 * there, and the one that was counts. */
static const char *const forms[] = {"", PACKED_PREFIX};

enum { FORMS = sizeof forms / sizeof *forms };

/* The same name in the archive, or NULL when path names no segment of the journal. */
static char *in_archive(const weir_archive *a, const char *path, const char *form) {
    size_t length = strlen(a->directory);
    if (strncmp(path, a->directory, length) != 0 || path[length] != '/') return NULL;
    const char *name = path + length + 1;
    if (strncmp(name, SEGMENT_PREFIX, strlen(SEGMENT_PREFIX)) != 0) return NULL;
    char *archived;
    return asprintf(&archived, "%s/archive/%s%s", a->directory, form, name) < 0 ? NULL : archived;
}

/* The archive of the directory that dirfd is; WEIR_OS_CWD if it is found by its path. */
static int open_archive_in(const weir_archive *a, int dirfd) {
    if (dirfd == WEIR_OS_CWD) return WEIR_OS_CWD;
    char archive[WEIR_PATH_MAX];
    if (strlen(a->directory) > WEIR_PATH_MAX - 64) return -ENAMETOOLONG;
    weir_path_in(archive, a->directory, "archive");
    return a->real->open_directory(a->real->self, dirfd, archive);
}

static void close_archive_in(const weir_archive *a, int archive) {
    if (archive > 0) (void)a->real->close(a->real->self, archive); /* only read */
}

static int open_either(void *self, int dirfd, const char *path, int flags) {
    const weir_archive *a = self;
    int file = a->real->open(a->real->self, dirfd, path, flags);
    if (file != -ENOENT) return file;
    int archive = open_archive_in(a, dirfd);
    if (archive < 0) return archive;
    for (size_t i = 0; file == -ENOENT && i < FORMS; i++) {
        char *archived = in_archive(a, path, forms[i]);
        if (archived) file = a->real->open(a->real->self, archive, archived, flags);
        free(archived);
    }
    close_archive_in(a, archive);
    return file;
}

static int info_either(void *self, int dirfd, const char *path, weir_os_info *out) {
    const weir_archive *a = self;
    int result = a->real->info(a->real->self, dirfd, path, out);
    if (result != -ENOENT) return result;
    int archive = open_archive_in(a, dirfd);
    if (archive < 0) return archive;
    for (size_t i = 0; result == -ENOENT && i < FORMS; i++) {
        char *archived = in_archive(a, path, forms[i]);
        if (archived) result = a->real->info(a->real->self, archive, archived, out);
        free(archived);
    }
    close_archive_in(a, archive);
    return result;
}

/* A segment may move to the archive between the two listings, and must not appear twice. */
typedef struct listing {
    void *seen;   /* tree of names */
    bool archive; /* of the archive */
    int (*each)(void *context, const char *name);
    void *context;
} listing;

static int compare_segment_names(const void *a, const void *b) { return strcmp(a, b); }

static int list_one(void *context, const char *name) {
    listing *l = context;
    bool packed = l->archive && strncmp(name, PACKED_PREFIX, strlen(PACKED_PREFIX)) == 0;
    if (packed) name += strlen(PACKED_PREFIX);
    bool segment = strncmp(name, SEGMENT_PREFIX, strlen(SEGMENT_PREFIX)) == 0;
    if (!segment) return l->archive ? 0 : l->each(l->context, name);
    if (tfind(name, &l->seen, compare_segment_names)) return 0;
    char *copy = strdup(name);
    if (!copy) return -ENOMEM;
    if (!tsearch(copy, &l->seen, compare_segment_names)) {
        free(copy);
        return -ENOMEM;
    }
    return l->each(l->context, name);
}

static int list_archive_in(const weir_archive *a, int dirfd, listing *l) {
    char *path;
    int archive = open_archive_in(a, dirfd);
    if (archive == -ENOENT) return 0; /* nothing was ever archived */
    if (archive < 0) return archive;
    int result = -ENOMEM;
    if (asprintf(&path, "%s/archive", a->directory) >= 0) {
        l->archive = true;
        result = a->real->list(a->real->self, archive, path, list_one, l);
        free(path);
    }
    close_archive_in(a, archive);
    return result == -ENOENT ? 0 : result; /* likewise */
}

static int list_both(void *self, int dirfd, const char *path,
                     int (*each)(void *context, const char *name), void *context) {
    const weir_archive *a = self;
    if (strcmp(path, a->directory) != 0)
        return a->real->list(a->real->self, dirfd, path, each, context);
    listing l = {.each = each, .context = context};
    int result = a->real->list(a->real->self, dirfd, path, list_one, &l);
    if (result == 0) result = list_archive_in(a, dirfd, &l);
    tdestroy(l.seen, free);
    return result;
}

/* ---- what else a reader of files asks for ------------------------------------------------ */

static const weir_os *real_of(void *self) { return ((const weir_archive *)self)->real; }

static int close_real(void *self, int file) {
    const weir_os *os = real_of(self);
    return os->close(os->self, file);
}

static int64_t pread_real(void *self, int file, void *into, size_t bytes, uint64_t offset) {
    const weir_os *os = real_of(self);
    return os->pread(os->self, file, into, bytes, offset);
}

static int info_file_real(void *self, int file, weir_os_info *out) {
    const weir_os *os = real_of(self);
    return os->info_file(os->self, file, out);
}

static int open_directory_real(void *self, int dirfd, const char *path) {
    const weir_os *os = real_of(self);
    return os->open_directory(os->self, dirfd, path);
}

static uint64_t now_real(void *self) {
    const weir_os *os = real_of(self);
    return os->now(os->self);
}

static int64_t wall_real(void *self) {
    const weir_os *os = real_of(self);
    return os->wall(os->self);
}

int weir_archive_open(const weir_os *real, const char *directory, weir_archive *archive) {
    *archive = (weir_archive){.os = *real, .real = real, .directory = strdup(directory)};
    if (!archive->directory) return WEIR_NO_MEMORY;
    archive->os.self = archive;
    archive->os.packed = true;
    archive->os.open = open_either;
    archive->os.info = info_either;
    archive->os.list = list_both;
    archive->os.close = close_real;
    archive->os.pread = pread_real;
    archive->os.info_file = info_file_real;
    archive->os.open_directory = open_directory_real;
    archive->os.now = now_real;
    archive->os.wall = wall_real;
    return WEIR_OK;
}

void weir_archive_close(weir_archive *archive) { free(archive->directory); }

/* ---- deleting ------------------------------------------------------------------------------ */

int weir_archive_unlink(const weir_os *os, int dirfd, const char *path) {
    char packed[WEIR_PATH_MAX];
    int result = os->unlink(os->self, dirfd, path);
    if (result != -ENOENT) return result;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    int length =
        snprintf(packed, sizeof packed, "%.*s" PACKED_PREFIX "%s", (int)(name - path), path, name);
    if (length < 0 || (size_t)length >= sizeof packed) return -ENAMETOOLONG;
    result = os->unlink(os->self, dirfd, packed);
    return result == -ENOENT ? 0 : result;
}
