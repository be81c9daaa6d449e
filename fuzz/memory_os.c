/* memory_os.c - a disk that is a few arrays. */
#include "memory_os.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/format/names.h"

/* The address sanitizer keeps what was freed, by default 256 MiB of it, so that each run would meet fresh
 * pages; a run is short, so little is enough. The name is the sanitizer's. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "quarantine_size_mb=4"; }

static memory_os *of(void *self) { return self; }

/* The error that this call shall answer, or 0. */
static int fault(void *self) {
    memory_os *m = self;
    if (m->fail_in == 0 || --m->fail_in > 0) return 0;
    m->fail_in = m->fail_for_ever;
    return m->fail_with;
}

void memory_os_arm(memory_os *m, uint64_t number) {
    static const int errors[] = {-EIO, -ENOENT, -EACCES, -ENOSPC, -EOPNOTSUPP, -ENOMEM};
    memory_os_disarm(m);
    if (number % 8) return; /* most inputs meet a sound disk */
    m->fail_in = 1 + (uint32_t)(number >> 8) % (number >> 16 & 1 ? 400 : 30);
    m->fail_for_ever = number >> 17 & 1;
    m->fail_with = errors[(number >> 24) % (sizeof errors / sizeof errors[0])];
}

void memory_os_disarm(memory_os *m) { m->fail_in = 0; }

memory_file *memory_os_find(memory_os *m, const char *path) {
    for (size_t i = 0; i < MEMORY_FILES; i++)
        if (m->files[i].used && strcmp(m->files[i].path, path) == 0) return &m->files[i];
    return NULL;
}

static memory_file *create(memory_os *m, const char *path) {
    for (size_t i = 0; i < MEMORY_FILES; i++) {
        memory_file *f = &m->files[i];
        if (f->used) continue;
        *f = (memory_file){.used = true};
        (void)snprintf(f->path, sizeof f->path, "%s", path); /* the caller checked the length */
        return f;
    }
    return NULL;
}

static int resize(memory_file *f, uint64_t bytes) {
    if (bytes > MEMORY_FILE_MAX) return -ENOSPC;
    if (bytes > f->bytes) {
        uint8_t *larger = realloc(f->data, (size_t)bytes);
        if (!larger) return -ENOSPC;
        memset(larger + f->bytes, 0, (size_t)bytes - f->bytes);
        f->data = larger;
    }
    f->bytes = (size_t)bytes;
    return 0;
}

/* ---- files ---- */

static int memory_open(void *self, int dirfd, const char *path, int flags) {
    (void)dirfd; /* the one directory keeps its name, so a path means the same with it held */
    int error = fault(self);
    if (error) return error;
    memory_file *f = memory_os_find(of(self), path);
    if (f && flags & WEIR_OS_EXCLUSIVE) return -EEXIST;
    if (!f && !(flags & WEIR_OS_CREATE)) return -ENOENT;
    if (strlen(path) >= MEMORY_NAME) return -ENAMETOOLONG;
    if (!f) f = create(of(self), path);
    return f ? (int)(f - of(self)->files) : -ENOSPC;
}

/* The same number for each: nothing asks it but whether it is one. */
enum { MEMORY_DIRFD = MEMORY_FILES };

static int memory_info(void *self, int dirfd, const char *path, weir_os_info *out);

static int memory_open_directory(void *self, int dirfd, const char *path) {
    weir_os_info info;
    int error = fault(self);
    if (!error) error = memory_info(self, dirfd, path, &info);
    if (error) return error;
    return info.is_directory ? MEMORY_DIRFD : -ENOTDIR;
}

static int memory_close(void *self, int file) {
    (void)self;
    (void)file; /* what has lost its name stays until the end: few do */
    return 0;
}

static int64_t memory_pread(void *self, int file, void *into, size_t bytes, uint64_t offset) {
    int error = fault(self);
    if (error) return error;
    const memory_file *f = &of(self)->files[file];
    if (offset >= f->bytes) return 0;
    if (bytes > f->bytes - offset) bytes = (size_t)(f->bytes - offset);
    if (bytes) memcpy(into, f->data + offset, bytes);
    return (int64_t)bytes;
}

static int64_t memory_pwrite(void *self, int file, const void *from, size_t bytes,
                             uint64_t offset) {
    int error = fault(self);
    if (error) return error;
    memory_file *f = &of(self)->files[file];
    if (offset > MEMORY_FILE_MAX || bytes > MEMORY_FILE_MAX - offset) return -ENOSPC;
    if (offset + bytes > f->bytes) {
        int result = resize(f, offset + bytes);
        if (result < 0) return result;
    }
    if (bytes) memcpy(f->data + offset, from, bytes);
    return (int64_t)bytes;
}

static int memory_datasync(void *self, int file) {
    int error = fault(self);
    if (error) return error;
    (void)file;
    return 0;
}

static int memory_allocate(void *self, int file, uint64_t offset, uint64_t bytes) {
    int error = fault(self);
    if (error) return error;
    memory_file *f = &of(self)->files[file];
    if (offset > MEMORY_FILE_MAX || bytes > MEMORY_FILE_MAX - offset) return -ENOSPC;
    return offset + bytes > f->bytes ? resize(f, offset + bytes) : 0;
}

static int memory_truncate(void *self, int file, uint64_t bytes) {
    int error = fault(self);
    if (error) return error;
    return resize(&of(self)->files[file], bytes);
}

static int memory_info_file(void *self, int file, weir_os_info *out) {
    int error = fault(self);
    if (error) return error;
    *out = (weir_os_info){.is_directory = 1};
    if (file == MEMORY_DIRFD) return 0;
    const memory_file *f = &of(self)->files[file];
    *out = (weir_os_info){.bytes = f->bytes,
                          .device = 1,
                          .inode = (uint64_t)file + 1,
                          .block_bytes = 4096,
                          .is_file = 1};
    return 0;
}

/* ---- names ---- */

/* The name below the directory at path, or NULL. */
static const char *name_in(const memory_file *f, const char *path) {
    size_t length = strlen(path);
    if (!f->used || strncmp(f->path, path, length) != 0 || f->path[length] != '/') return NULL;
    return f->path + length + 1;
}

static int memory_info(void *self, int dirfd, const char *path, weir_os_info *out) {
    (void)dirfd;
    const memory_file *f = memory_os_find(of(self), path);
    if (f) return memory_info_file(self, (int)(f - of(self)->files), out);
    bool directory = strcmp(path, MEMORY_DIRECTORY) == 0 || strcmp(path, of(self)->made) == 0;
    for (size_t i = 0; i < MEMORY_FILES; i++)
        directory |= name_in(&of(self)->files[i], path) != NULL;
    *out = (weir_os_info){.is_directory = directory};
    return directory ? 0 : -ENOENT;
}

static int memory_unlink(void *self, int dirfd, const char *path) {
    (void)dirfd;
    int error = fault(self);
    if (error) return error;
    memory_file *f = memory_os_find(of(self), path);
    if (!f) return -ENOENT;
    f->path[0] = '\0';
    return 0;
}

static int memory_rename(void *self, int from_dirfd, const char *from, int to_dirfd,
                         const char *to) {
    (void)from_dirfd, (void)to_dirfd;
    int error = fault(self);
    if (error) return error;
    memory_file *f = memory_os_find(of(self), from);
    if (!f) return -ENOENT;
    if (strlen(to) >= MEMORY_NAME) return -ENAMETOOLONG;
    memory_file *former = memory_os_find(of(self), to);
    if (former) former->path[0] = '\0';
    (void)snprintf(f->path, sizeof f->path, "%s", to);
    return 0;
}

static int memory_make_directory(void *self, int dirfd, const char *path) {
    (void)dirfd;
    int error = fault(self);
    if (error) return error;
    weir_os_info info;
    if (memory_info(self, dirfd, path, &info) == 0) return -EEXIST;
    (void)snprintf(of(self)->made, MEMORY_NAME, "%s", path); /* it is one of ours, and short */
    return 0;
}

static int memory_sync_directory(void *self, int dirfd, const char *path) {
    (void)dirfd;
    int error = fault(self);
    if (error) return error;
    (void)path;
    return 0;
}

static int memory_list(void *self, int dirfd, const char *path,
                       int (*each)(void *context, const char *name), void *context) {
    (void)dirfd;
    int error = fault(self);
    if (error) return error;
    for (size_t i = 0; i < MEMORY_FILES; i++) {
        const char *name = name_in(&of(self)->files[i], path);
        if (!name || strchr(name, '/')) continue;
        int result = each(context, name);
        if (result != 0) return result;
    }
    return 0;
}

static int memory_lock(void *self, int file, int64_t *holder) {
    (void)self;
    (void)file;
    (void)holder;
    return 0;
}

static int memory_unlock(void *self, int file) {
    (void)self;
    (void)file;
    return 0;
}

static int memory_locked(void *self, int file, int64_t *holder) {
    (void)file;
    *holder = 0;
    return fault(self);
}

/* ---- memory ---- */

static void *memory_reserve(void *self, size_t bytes) {
    (void)self;
    return aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
}

static int memory_map(void *self, void *at, int file, uint64_t offset, size_t bytes, int writable) {
    int error = fault(self);
    if (error) return error;
    memset(at, 0, bytes);
    int64_t read = memory_pread(self, file, at, bytes, offset);
    if (read < 0 || !writable) return read < 0 ? (int)read : 0;
    for (size_t i = 0; i < MEMORY_MAPPINGS; i++) {
        memory_mapping *m = &of(self)->mappings[i];
        if (m->bytes) continue;
        *m = (memory_mapping){.at = at, .bytes = bytes, .offset = offset, .file = file};
        return 0;
    }
    return -ENOMEM;
}

/* A mapping reaches as far as its file. */
static void write_mapping(memory_os *m, memory_mapping *mapping) {
    memory_file *f = &m->files[mapping->file];
    if (mapping->offset < f->bytes) {
        size_t bytes = (size_t)(f->bytes - mapping->offset);
        if (bytes > mapping->bytes) bytes = mapping->bytes;
        memcpy(f->data + mapping->offset, mapping->at, bytes);
    }
    mapping->bytes = 0;
}

static int memory_populate(void *self, void *at, size_t bytes) {
    (void)self;
    (void)at;
    (void)bytes;
    return 0;
}

/* The last mapping first, so that the first has the last word. */
static int memory_unmap(void *self, void *at, size_t bytes) {
    const uint8_t *begin = at;
    for (size_t i = MEMORY_MAPPINGS; i-- > 0;) {
        memory_mapping *m = &of(self)->mappings[i];
        if (m->bytes && m->at >= begin && m->at < begin + bytes) write_mapping(of(self), m);
    }
    free(at);
    return 0;
}

/* ---- time and identity ---- */

static uint64_t memory_now(void *self) { return 1000000000 + of(self)->waited_ns; }
static int64_t memory_wall(void *self) {
    (void)self;
    return 1000000000;
}
static uint64_t memory_ticks(void *self) {
    (void)self;
    return 0;
}
/* Nobody polls here. */
static int memory_make_event(void *self) {
    (void)self;
    return -EMFILE;
}

static void memory_raise_event(void *self, int event) { (void)self, (void)event; }

static int memory_barrier(void *self) {
    (void)self;
    return 0;
}
static int64_t memory_process_id(void *self) {
    (void)self;
    return 1;
}

static int64_t memory_user_id(void *self) {
    (void)self;
    return 0;
}

/* Nobody else is there to have rights. */
static void memory_take_after(void *self, int dirfd, const weir_os_info *like) {
    (void)self, (void)dirfd, (void)like;
}
static int memory_random(void *self, void *into, size_t bytes) {
    memory_os *m = self;
    uint8_t *at = into;
    for (size_t n = 0; n < bytes; n++) {
        m->random = weir_hash(&m->random, sizeof m->random);
        at[n] = (uint8_t)m->random;
    }
    return 0;
}
static int memory_boot_id(void *self, uint8_t id[16]) {
    (void)self;
    memset(id, 0xB0, 16);
    return 0;
}

/* ---- threads: there is one ---- */

static int memory_wait(void *self, _Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
    enum { MOST = 1000000000 };
    (void)word, (void)expected;
    of(self)->waited_ns += timeout_ns < MOST ? timeout_ns : MOST;
    return 0;
}
static void memory_wake(void *self, _Atomic uint32_t *word) { (void)self, (void)word; }
static uint64_t memory_thread_number(void *self) {
    (void)self;
    return 1;
}
static _Atomic uint32_t *memory_fork_word(void *self) {
    (void)self;
    _Atomic uint32_t *word = malloc(sizeof *word);
    if (word) atomic_init(word, 1);
    return word;
}
static void memory_free_fork_word(void *self, _Atomic uint32_t *word) {
    (void)self;
    free((void *)word);
}

/* The rest is for processes that append: nobody here calls it, and a call would be a crash that the
 * fuzzer shows. */
void memory_os_make(memory_os *m) {
    static const weir_os table = {
        .open = memory_open,
        .open_directory = memory_open_directory,
        .close = memory_close,
        .pread = memory_pread,
        .pwrite = memory_pwrite,
        .datasync = memory_datasync,
        .allocate = memory_allocate,
        .truncate = memory_truncate,
        .info = memory_info,
        .info_file = memory_info_file,
        .rename = memory_rename,
        .unlink = memory_unlink,
        .make_directory = memory_make_directory,
        .sync_directory = memory_sync_directory,
        .list = memory_list,
        .lock = memory_lock,
        .unlock = memory_unlock,
        .locked = memory_locked,
        .reserve = memory_reserve,
        .map = memory_map,
        .populate = memory_populate,
        .unmap = memory_unmap,
        .wait = memory_wait,
        .wake = memory_wake,
        .thread_number = memory_thread_number,
        .fork_word = memory_fork_word,
        .free_fork_word = memory_free_fork_word,
        .now = memory_now,
        .wall = memory_wall,
        .ticks = memory_ticks,
        .barrier = memory_barrier,
        .make_event = memory_make_event,
        .raise_event = memory_raise_event,
        .process_id = memory_process_id,
        .user_id = memory_user_id,
        .take_after = memory_take_after,
        .random = memory_random,
        .boot_id = memory_boot_id,
    };
    m->table = table;
    m->table.self = m;
    memory_os_disarm(m);
    memset(m->files, 0, sizeof m->files);
    memset(m->mappings, 0, sizeof m->mappings);
    m->made[0] = '\0';
    m->random = 0;
}

void memory_os_free(memory_os *m) {
    for (size_t i = 0; i < MEMORY_FILES; i++)
        free(m->files[i].data);
}

/* ---- loading ---- */

static void load_positions(const fuzz_file *file, weir_position **positions, size_t *count) {
    size_t more = file->bytes / FUZZ_POSITION;
    weir_position *grown = realloc(*positions, (*count + more + 1) * sizeof *grown);
    if (!grown) return;
    *positions = grown;
    weir_cursor c = weir_cursor_over(file->data, file->bytes);
    for (size_t i = 0; i < more; i++) {
        weir_position *p = &grown[(*count)++];
        weir_take_copy(&c, p->journal, sizeof p->journal);
        p->block = weir_take_u64(&c);
        p->row = weir_take_u64(&c);
        p->hash = weir_take_u64(&c);
    }
}

static void load_file(memory_os *m, fuzz_file *file) {
    char path[WEIR_PATH_MAX] = MEMORY_DIRECTORY "/ring";
    if (file->kind != FUZZ_RING)
        weir_numbered_path(path, MEMORY_DIRECTORY, file->kind == FUZZ_SPARE ? "spare" : "segment",
                           file->number);
    memory_file *f = memory_os_find(m, path);
    if (!f) f = create(m, path);
    if (!f) return;
    free(f->data);
    f->data = file->data;
    f->bytes = file->bytes;
    file->data = NULL;
    file->bytes = 0;
}

void memory_os_load(memory_os *m, fuzz_container *c, weir_position **positions,
                    size_t *position_count) {
    *positions = NULL;
    *position_count = 0;
    for (size_t i = 0; i < c->count; i++) {
        uint64_t parts[2] = {m->random, weir_hash(c->files[i].data, c->files[i].bytes)};
        m->random = weir_hash(parts, sizeof parts);
        if (c->files[i].kind == FUZZ_POSITIONS)
            load_positions(&c->files[i], positions, position_count);
        else
            load_file(m, &c->files[i]);
    }
}
