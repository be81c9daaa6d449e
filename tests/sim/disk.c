/* disk.c - names, and files by number. A change of names is unsynced until its directory is synced;
 * at a power cut each change is kept or lost as a whole, whatever became of the others. */
#include "disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../../lib/format/block.h"
#include "file.h"

enum { NAMES = 64, CHANGES = 128, NOBODY = -1, DIRECTORY = -2 };

typedef struct name {
    char path[SIM_PATH];
    int file; /* its number, or DIRECTORY */
} name;

typedef struct names {
    name list[NAMES];
    size_t count;
} names;

/* "From now on path is that file": NOBODY when it is gone. A rename is two of these. */
typedef struct assignment {
    char path[SIM_PATH];
    int file;
    bool pending;
} assignment;

typedef struct change {
    assignment parts[2];
} change;

struct sim_disk {
    sim_file *files[SIM_FILES];
    names cached, durable;
    change changes[CHANGES];
    size_t change_count;
};

sim_disk *sim_disk_make(void) {
    sim_disk *disk = calloc(1, sizeof *disk);
    if (!disk) abort();
    return disk;
}

sim_disk *sim_disk_clone(const sim_disk *from) {
    sim_disk *disk = malloc(sizeof *disk);
    if (!disk) abort();
    memset(disk->files, 0, sizeof disk->files);
    disk->cached.count = from->cached.count;
    disk->durable.count = from->durable.count;
    disk->change_count = from->change_count;
    memcpy(disk->cached.list, from->cached.list, from->cached.count * sizeof(name));
    memcpy(disk->durable.list, from->durable.list, from->durable.count * sizeof(name));
    memcpy(disk->changes, from->changes, from->change_count * sizeof(change));
    for (size_t i = 0; i < SIM_FILES; i++)
        disk->files[i] = from->files[i] ? sim_file_clone(from->files[i]) : NULL;
    return disk;
}

void sim_disk_free(sim_disk *disk) {
    if (!disk) return;
    for (size_t i = 0; i < SIM_FILES; i++)
        sim_file_free(disk->files[i]);
    free(disk);
}

/* ---- name tables ------------------------------------------------------------------------ */

static name *look_up(const names *n, const char *path) {
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->list[i].path, path) == 0) return (name *)&n->list[i];
    return NULL;
}

static void assign(names *n, const char *path, int file) {
    name *found = look_up(n, path);
    if (file == NOBODY) {
        if (found) *found = n->list[--n->count];
        return;
    }
    if (!found) {
        if (n->count == NAMES) abort(); /* no workload makes so many */
        found = &n->list[n->count++];
        (void)snprintf(found->path, sizeof found->path, "%s", path);
    }
    found->file = file;
}

static bool stands_in(const char *path, const char *directory) {
    size_t length = strcmp(directory, "/") == 0 ? 0 : strlen(directory);
    return strncmp(path, directory, length) == 0 && path[length] == '/' && path[length + 1] &&
           !strchr(path + length + 1, '/');
}

static bool parent_stands(const names *n, const char *path) {
    char parent[SIM_PATH];
    (void)snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash == parent) return true;
    *slash = '\0';
    const name *found = look_up(n, parent);
    return found && found->file == DIRECTORY;
}

static bool is_named(const sim_disk *disk, int file) {
    for (size_t i = 0; i < disk->cached.count; i++)
        if (disk->cached.list[i].file == file) return true;
    for (size_t i = 0; i < disk->durable.count; i++)
        if (disk->durable.list[i].file == file) return true;
    for (size_t i = 0; i < disk->change_count; i++)
        for (int p = 0; p < 2; p++)
            if (disk->changes[i].parts[p].pending && disk->changes[i].parts[p].file == file)
                return true;
    return false;
}

static void collect(sim_disk *disk) {
    for (int i = 0; i < SIM_FILES; i++)
        if (disk->files[i] && disk->files[i]->holds == 0 && !is_named(disk, i)) {
            sim_file_free(disk->files[i]);
            disk->files[i] = NULL;
        }
}

static assignment part(const char *path, int file) {
    assignment a = {.file = file, .pending = true};
    (void)snprintf(a.path, sizeof a.path, "%s", path);
    return a;
}

static void change_names(sim_disk *disk, const assignment *first, const assignment *second) {
    if (disk->change_count == CHANGES) abort(); /* no workload leaves so many unsynced */
    change *c = &disk->changes[disk->change_count++];
    *c = (change){.parts = {*first}};
    if (second) c->parts[1] = *second;
    for (int p = 0; p < 2; p++)
        if (c->parts[p].pending) assign(&disk->cached, c->parts[p].path, c->parts[p].file);
}

/* ---- names ------------------------------------------------------------------------------ */

int sim_disk_find(const sim_disk *disk, const char *path) {
    const name *found = look_up(&disk->cached, path);
    if (!found) return strcmp(path, "/") == 0 ? -EISDIR : -ENOENT;
    return found->file == DIRECTORY ? -EISDIR : found->file;
}

bool sim_disk_is_directory(const sim_disk *disk, const char *path) {
    return sim_disk_find(disk, path) == -EISDIR;
}

int sim_disk_create(sim_disk *disk, const char *path) {
    if (!parent_stands(&disk->cached, path)) return -ENOENT;
    if (look_up(&disk->cached, path)) return -EEXIST;
    int file = 0;
    while (file < SIM_FILES && disk->files[file])
        file++;
    if (file == SIM_FILES) return -ENOSPC;
    disk->files[file] = sim_file_make();
    assignment made = part(path, file);
    change_names(disk, &made, NULL);
    return file;
}

int sim_disk_make_directory(sim_disk *disk, const char *path) {
    if (!parent_stands(&disk->cached, path)) return -ENOENT;
    if (look_up(&disk->cached, path)) return -EEXIST;
    assignment made = part(path, DIRECTORY);
    change_names(disk, &made, NULL);
    return 0;
}

int sim_disk_rename(sim_disk *disk, const char *from, const char *to) {
    int file = sim_disk_find(disk, from);
    if (file < 0) return file;
    if (!parent_stands(&disk->cached, to)) return -ENOENT;
    if (sim_disk_is_directory(disk, to)) return -EISDIR;
    assignment gone = part(from, NOBODY), there = part(to, file);
    change_names(disk, &gone, &there);
    return 0;
}

int sim_disk_unlink(sim_disk *disk, const char *path) {
    int file = sim_disk_find(disk, path);
    if (file < 0) return file;
    assignment gone = part(path, NOBODY);
    change_names(disk, &gone, NULL);
    return 0;
}

static void drop_done_changes(sim_disk *disk) {
    size_t kept = 0;
    for (size_t i = 0; i < disk->change_count; i++) {
        const change *c = &disk->changes[i];
        if (c->parts[0].pending || c->parts[1].pending) disk->changes[kept++] = *c;
    }
    disk->change_count = kept;
}

int sim_disk_sync_directory(sim_disk *disk, const char *path) {
    if (!sim_disk_is_directory(disk, path)) return -ENOENT;
    for (size_t i = 0; i < disk->change_count; i++)
        for (int p = 0; p < 2; p++) {
            assignment *a = &disk->changes[i].parts[p];
            if (!a->pending || !stands_in(a->path, path)) continue;
            assign(&disk->durable, a->path, a->file);
            a->pending = false;
        }
    drop_done_changes(disk);
    collect(disk);
    return 0;
}

int sim_disk_list(const sim_disk *disk, const char *path,
                  int (*each)(void *context, const char *name), void *context) {
    if (!sim_disk_is_directory(disk, path)) return -ENOENT;
    int result = 0;
    for (size_t i = 0; result == 0 && i < disk->cached.count; i++)
        if (stands_in(disk->cached.list[i].path, path))
            result = each(context, strrchr(disk->cached.list[i].path, '/') + 1);
    return result;
}

/* ---- files ------------------------------------------------------------------------------ */

void sim_disk_hold(sim_disk *disk, int file, int by) {
    disk->files[file]->holds += (unsigned)by;
    if (by < 0) collect(disk);
}

uint64_t sim_disk_size(const sim_disk *disk, int file) { return disk->files[file]->size; }

uint64_t sim_disk_bytes(const sim_disk *disk) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < SIM_FILES; i++)
        if (disk->files[i]) bytes += disk->files[i]->size;
    return bytes;
}

size_t sim_disk_read(const sim_disk *disk, int file, void *into, size_t bytes, uint64_t offset) {
    return sim_file_read(disk->files[file], into, bytes, offset);
}

void sim_disk_write(sim_disk *disk, int file, const void *from, size_t bytes, uint64_t offset) {
    if (bytes) sim_file_write(disk->files[file], from, bytes, offset);
}

void sim_disk_resize(sim_disk *disk, int file, uint64_t bytes) {
    sim_file_resize(disk->files[file], bytes);
}

void sim_disk_sync(sim_disk *disk, int file) { sim_file_sync(disk->files[file]); }

void sim_disk_lose(sim_disk *disk, int file) { sim_file_lose(disk->files[file]); }

int sim_disk_map(sim_disk *disk, int file, void *at, uint64_t offset, size_t bytes, bool writable) {
    sim_file *f = disk->files[file];
    if (!sim_file_share(f)) return -ENOMEM;
    int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    void *got = mmap(at, bytes, protection, MAP_SHARED | MAP_FIXED, f->memory, (off_t)offset);
    return got == MAP_FAILED ? -errno : 0;
}

/* ---- what the test does to it ----------------------------------------------------------- */

size_t sim_disk_units(const sim_disk *disk) {
    size_t units = disk->change_count;
    for (size_t i = 0; i < SIM_FILES; i++)
        if (disk->files[i]) units += sim_file_units(disk->files[i]);
    return units;
}

/* A name in a directory that is not there is not there. */
static void drop_orphans(names *n) {
    for (size_t i = 0; i < n->count;) {
        if (parent_stands(n, n->list[i].path))
            i++;
        else
            assign(n, n->list[i].path, NOBODY), i = 0;
    }
}

static void cut_names(sim_disk *disk, const sim_choice *choice, size_t *unit) {
    for (size_t i = 0; i < disk->change_count; i++) {
        sim_fate fate = choice->fate(choice->self, (*unit)++);
        if (fate != SIM_KEPT && fate != SIM_GARBAGE) continue;
        for (int p = 0; p < 2; p++) {
            const assignment *a = &disk->changes[i].parts[p];
            if (a->pending) assign(&disk->durable, a->path, a->file);
        }
    }
    disk->change_count = 0;
    drop_orphans(&disk->durable);
    disk->cached = disk->durable;
}

void sim_disk_cut(sim_disk *disk, const sim_choice *choice) {
    size_t unit = 0;
    cut_names(disk, choice, &unit);
    for (size_t i = 0; i < SIM_FILES; i++)
        if (disk->files[i]) sim_file_cut(disk->files[i], choice, &unit);
    collect(disk);
}

void sim_disk_evict(sim_disk *disk) {
    for (size_t i = 0; i < SIM_FILES; i++)
        if (disk->files[i]) sim_file_evict(disk->files[i]);
}

void sim_disk_trickle(sim_disk *disk, const sim_choice *choice) {
    size_t start = (size_t)choice->random(choice->self, SIM_FILES);
    for (size_t i = 0; i < SIM_FILES; i++) {
        sim_file *f = disk->files[(start + i) % SIM_FILES];
        if (f && sim_file_trickle(f, choice)) return;
    }
}

uint64_t sim_disk_hash(const sim_disk *disk, bool (*skip)(const char *path)) {
    uint64_t sum = 0; /* the order of the names means nothing */
    for (size_t i = 0; i < disk->cached.count; i++) {
        const name *n = &disk->cached.list[i];
        if (skip && skip(n->path)) continue;
        uint64_t what[2] = {weir_hash(n->path, strlen(n->path)),
                            n->file == DIRECTORY ? 1 : sim_file_hash(disk->files[n->file])};
        sum += weir_hash(what, sizeof what);
    }
    return sum;
}

void sim_disk_rot(sim_disk *disk, int file, const void *from, size_t bytes, uint64_t offset) {
    sim_file *f = disk->files[file];
    sim_file_write(f, from, bytes, offset);
    sim_file_sync(f);
}

void sim_disk_forget(sim_disk *disk, const char *path) {
    assign(&disk->cached, path, NOBODY);
    assign(&disk->durable, path, NOBODY);
    drop_orphans(&disk->cached);
    drop_orphans(&disk->durable);
    collect(disk);
}

void sim_disk_restore(sim_disk *disk, const char *path, const sim_disk *from,
                      const char *from_path) {
    int source = sim_disk_find(from, from_path);
    sim_disk_forget(disk, path);
    int file = 0;
    while (file < SIM_FILES && disk->files[file])
        file++;
    if (source < 0 || file == SIM_FILES) abort(); /* the caller has looked */
    disk->files[file] = sim_file_clone(from->files[source]);
    sim_file_sync(disk->files[file]);
    assign(&disk->cached, path, file);
    assign(&disk->durable, path, file);
}
