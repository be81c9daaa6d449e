/* place.c - the journal's directory: made, locked, and still the one that was locked. */
#include "place.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "registry.h"

enum { LOCK_POLL_NS = 10000000 };

int weir_place_path(const weir *w, const char *name, char path[WEIR_PATH_MAX], weir_error *error) {
    int length = snprintf(path, WEIR_PATH_MAX, "%s/%s", w->directory, name);
    if (length > 0 && length < WEIR_PATH_MAX) return WEIR_OK;
    return weir_fail(error, WEIR_MISUSE, "%.200s…: the journal's path is too long", w->directory);
}

/* Make the path absolute, so that messages mean the same after a chdir. */
static int set_directory(weir *w, const char *given, weir_error *error) {
    char start[WEIR_PATH_MAX];
    bool whole = *given == '/' || w->os->working_directory(w->os->self, start, sizeof start) < 0;
    if (whole) /* or the working directory is unknown: the path is used in messages only */
        w->directory = strdup(given);
    else if (asprintf(&w->directory, "%s/%s", start, given) < 0)
        w->directory = NULL;
    return w->directory ? WEIR_OK : weir_fail(error, WEIR_NO_MEMORY, "no memory to open a journal");
}

/* Made if it is absent. From here on every name is looked up in the open directory itself. */
static int open_directory(weir *w, const weir_handle_config *config, weir_error *error) {
    const char *path = config->directory;
    weir_os_info info;
    int there = w->os->info(w->os->self, WEIR_OS_CWD, path, &info);
    if (there >= 0 && !info.is_directory)
        return weir_fail(error, WEIR_IO, "%s is not a directory; move it away", w->directory);
    int made = there >= 0 ? 0 : w->os->make_directory(w->os->self, WEIR_OS_CWD, path);
    if (made < 0 && made != -EEXIST)
        return weir_fail_os(error, made, "cannot make the journal directory %s", w->directory);
    int dirfd = w->os->open_directory(w->os->self, WEIR_OS_CWD, path);
    if (dirfd < 0)
        return weir_fail_os(error, dirfd, "cannot open the journal directory %s", w->directory);
    w->dirfd = dirfd;
    if (there < 0 && made >= 0 && config->like) w->os->take_after(w->os->self, dirfd, config->like);
    return WEIR_OK;
}

static int lock_directory(weir *w, weir_error *error) {
    char path[WEIR_PATH_MAX];
    int status = weir_place_path(w, "lock", path, error);
    return status == WEIR_OK ? weir_registry_lock(w, path, error) : status;
}

int weir_place_take(weir *w, const weir_handle_config *config, weir_error *error) {
    int status = set_directory(w, config->directory, error);
    if (status == WEIR_OK) status = open_directory(w, config, error);
    return status == WEIR_OK ? lock_directory(w, error) : status;
}

int weir_place_keep(const weir *w, weir_error *error) {
    char parent[WEIR_PATH_MAX];
    size_t length = strlen(w->directory);
    while (length > 1 && w->directory[length - 1] == '/')
        length--;
    while (length > 0 && w->directory[length - 1] != '/')
        length--;
    if (length == 0)
        (void)snprintf(parent, sizeof parent, "."); /* these lengths were checked */
    else
        (void)snprintf(parent, sizeof parent, "%.*s", (int)length, w->directory);
    int done = w->os->sync_directory(w->os->self, WEIR_OS_CWD, parent);
    return done >= 0 ? WEIR_OK : weir_fail_os(error, done, "cannot sync the directory %s", parent);
}

/* A process that may not look, because it dropped its rights for example, knows of nothing that
 * is wrong. */
static bool names_our_file(const weir *w, const char *name, uint64_t device, uint64_t inode) {
    char path[WEIR_PATH_MAX];
    weir_os_info info;
    if (weir_place_path(w, name, path, NULL) != WEIR_OK)
        return true; /* it was not too long at opening */
    int found = w->os->info(w->os->self, w->dirfd, path, &info);
    if (found < 0) return found != -ENOENT && found != -ENOTDIR && found != -EBADF;
    return info.device == device && info.inode == inode;
}

/* The writer may ask while closing removes the ring. */
static bool ring_is_missed(const weir *w) {
    if (!atomic_load_explicit(&w->ring_stands, memory_order_acquire)) return false;
    return !names_our_file(w, "ring", w->ring.device, w->ring.inode) &&
           atomic_load_explicit(&w->ring_stands, memory_order_acquire);
}

/* The program may have closed our descriptors, and others may have removed the files or put
 * another journal in their place: then nothing may be touched any more. */
int weir_place_check(void *context, weir_error *error) {
    const weir *w = context;
    bool locked = weir_registry_has_lock(w, w->lock_file) &&
                  names_our_file(w, "lock", w->lock_device, w->lock_inode);
    if (locked && !ring_is_missed(w)) return WEIR_OK;
    return weir_fail(
        error, WEIR_STOPPED,
        "%s: %s is not the file any more that this handle has open: somebody removed or "
        "replaced it, or closed its descriptor; the journal may be another's by now, so "
        "nothing in it is touched; close this handle and open again",
        w->directory, locked ? "ring" : "lock");
}

/* Nothing wakes a waiter when a lock is released, so it is polled. */
static bool await_file(const weir_os *os, int file, uint64_t deadline) {
    weir_os_info info;
    int64_t holder, process = os->process_id(os->self);
    _Atomic uint32_t never = 0;
    if (os->info_file(os->self, file, &info) < 0) return false;
    for (;;) {
        int locked = os->locked(os->self, file, &holder);
        if (locked <= 0) return locked == 0;
        if (weir_registry_keeps(&info, process) || os->now(os->self) >= deadline) return false;
        (void)os->wait(os->self, &never, 0, LOCK_POLL_NS);
    }
}

/* To be looked at only; negative errno. */
static int open_lock(const weir_os *os, const char *directory) {
    char path[WEIR_PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/lock", directory);
    if (length < 0 || (size_t)length >= sizeof path) return -ENAMETOOLONG;
    return os->open(os->self, WEIR_OS_CWD, path, WEIR_OS_READ);
}

bool weir_handle_await(const weir_os *os, const char *directory, uint64_t deadline) {
    int file = open_lock(os, directory);
    if (file < 0) return false;
    bool free = await_file(os, file, deadline);
    (void)os->close(os->self, file); /* only read */
    return free;
}

weir_holder weir_handle_holder(const weir_os *os, const char *directory) {
    weir_holder holder = {0};
    int file = open_lock(os, directory);
    if (file < 0) return holder; /* no lock file: the journal is not open */
    holder.is_there = os->locked(os->self, file, &holder.process) > 0;
    (void)os->close(os->self, file); /* only read */
    return holder;
}

const char *weir_holder_text(weir_holder holder, char text[WEIR_HOLDER_TEXT]) {
    if (holder.process > 0)
        (void)snprintf(text, WEIR_HOLDER_TEXT, "process %" PRId64, holder.process);
    else
        (void)snprintf(text, WEIR_HOLDER_TEXT, "another process");
    return text;
}
