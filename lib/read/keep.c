/* keep.c - the file of a named reader: written aside, synced, renamed. */
#include "keep.h"

#include <errno.h>
#include <stdio.h>

#include "../format/names.h"

typedef struct place {
    const weir_os *os;
    const char *directory;
    int dirfd; /* readers/, open */
} place;

static int fail_place(const place *p, weir_error *error, int64_t result, const char *what) {
    return weir_fail_os(error, result, "%s/readers: cannot %s", p->directory, what);
}

/* A directory that is new is not durable before the journal's own is synced. */
static int open_place(place *p, weir_error *error) {
    char path[WEIR_PATH_MAX];
    if (strlen(p->directory) > WEIR_PATH_MAX - 128)
        return weir_fail(error, WEIR_MISUSE, "the path of the journal's directory is too long");
    weir_path_in(path, p->directory, "readers");
    int made = p->os->make_directory(p->os->self, WEIR_OS_CWD, path);
    if (made < 0 && made != -EEXIST) return fail_place(p, error, made, "make the directory");
    int synced = made < 0 ? 0 : p->os->sync_directory(p->os->self, WEIR_OS_CWD, p->directory);
    if (synced < 0) return fail_place(p, error, synced, "sync the name of the directory");
    p->dirfd = p->os->open_directory(p->os->self, WEIR_OS_CWD, path);
    return p->dirfd < 0 ? fail_place(p, error, p->dirfd, "open the directory") : WEIR_OK;
}

static int write_aside(const place *p, const char *aside, const uint8_t bytes[WEIR_NAMED_BYTES],
                       weir_error *error) {
    const weir_os *os = p->os;
    (void)os->unlink(os->self, p->dirfd, aside); /* a leftover; usually there is none */
    int file = os->open(os->self, p->dirfd, aside,
                        WEIR_OS_READ | WEIR_OS_WRITE | WEIR_OS_CREATE | WEIR_OS_EXCLUSIVE);
    if (file < 0) return fail_place(p, error, file, "make a file");
    int result = weir_write_full(os, file, bytes, WEIR_NAMED_BYTES, 0);
    if (result >= 0) result = os->datasync(os->self, file);
    int closed = os->close(os->self, file);
    if (result >= 0) result = closed;
    return result < 0 ? fail_place(p, error, result, "write a reader's position") : WEIR_OK;
}

static int replace(const place *p, const char *aside, const char *name, weir_error *error) {
    char path[WEIR_PATH_MAX];
    const weir_os *os = p->os;
    int result = os->rename(os->self, p->dirfd, aside, p->dirfd, name);
    if (result < 0) return fail_place(p, error, result, "rename a reader's position");
    weir_path_in(path, p->directory, "readers"); /* open_place has checked its length */
    result = os->sync_directory(os->self, p->dirfd, path);
    return result < 0 ? fail_place(p, error, result, "sync the directory") : WEIR_OK;
}

int weir_named_write(const weir_os *os, const char *directory, weir_named *reader,
                     weir_error *error) {
    uint8_t bytes[WEIR_NAMED_BYTES];
    char aside[WEIR_NAMED_NAME_MAX + 8];
    place p = {.os = os, .directory = directory};
    int status = open_place(&p, error);
    if (status != WEIR_OK) return status;
    (void)snprintf(aside, sizeof aside, ".%s.new", reader->name); /* it fits */
    reader->wall_ns = os->wall(os->self);
    weir_named_encode(bytes, reader);
    status = write_aside(&p, aside, bytes, error);
    if (status == WEIR_OK) status = replace(&p, aside, reader->name, error);
    if (status != WEIR_OK) (void)os->unlink(os->self, p.dirfd, aside); /* costs space only */
    (void)os->close(os->self, p.dirfd);                                /* synced */
    return status;
}

int weir_named_forget(const weir_os *os, const char *directory, const char *name,
                      weir_error *error) {
    weir_named_note note;
    char path[WEIR_PATH_MAX];
    int status = weir_readers_find(os, WEIR_OS_CWD, directory, name, &note, error);
    if (status != WEIR_OK) return status;
    (void)snprintf(path, sizeof path, "%s/readers/%s", directory, name); /* find has checked */
    int result = os->unlink(os->self, WEIR_OS_CWD, path);
    if (result == -ENOENT) return weir_fail(error, WEIR_NOT_FOUND, "%s: no such file", path);
    if (result < 0) return weir_fail_os(error, result, "%s: cannot remove it", path);
    (void)snprintf(path, sizeof path, "%s/readers", directory);
    result = os->sync_directory(os->self, WEIR_OS_CWD, path);
    return result < 0 ? weir_fail_os(error, result, "%s: cannot sync the directory", path)
                      : WEIR_OK;
}
