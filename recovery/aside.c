/* aside.c - a journal as it was before a salvage: its segments wherever they went. */
#include "aside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/format/names.h"

static const char *const prefixes[] = {"damaged-blocks-segment", "damaged-header-segment"};
enum { PREFIXES = sizeof prefixes / sizeof prefixes[0] };

/* The number of the segment that path names in the journal's directory; 0: it names none. */
static uint64_t segment_of(const weir_aside *a, const char *path) {
    size_t length = strlen(a->directory);
    if (strncmp(path, a->directory, length) != 0 || path[length] != '/') return 0;
    const char *name = path + length + 1;
    return strncmp(name, "segment-", 8) == 0 ? weir_number_in_name(name, "segment") : 0;
}

static int open_aside(void *self, int dirfd, const char *path, int flags) {
    const weir_aside *a = self;
    uint64_t number = segment_of(a, path);
    if (number > a->last_segment) return -ENOENT;
    int file = a->with_archive->open(a->with_archive->self, dirfd, path, flags);
    for (size_t i = 0; number && file == -ENOENT && i < PREFIXES; i++) {
        char other[WEIR_PATH_MAX];
        weir_numbered_path(other, a->directory, prefixes[i], number);
        file = a->real->open(a->real->self, WEIR_OS_CWD, other, flags);
    }
    return file;
}

static int info_aside(void *self, int dirfd, const char *path, weir_os_info *out) {
    const weir_aside *a = self;
    uint64_t number = segment_of(a, path);
    if (number > a->last_segment) return -ENOENT;
    int result = a->with_archive->info(a->with_archive->self, dirfd, path, out);
    for (size_t i = 0; number && result == -ENOENT && i < PREFIXES; i++) {
        char other[WEIR_PATH_MAX];
        weir_numbered_path(other, a->directory, prefixes[i], number);
        result = a->real->info(a->real->self, WEIR_OS_CWD, other, out);
    }
    return result;
}

/* Each segment once, by its number. */
typedef struct aside_listing {
    const weir_aside *aside;
    uint64_t *seen;
    size_t count;
    int (*each)(void *context, const char *name);
    void *context;
} aside_listing;

static int list_segment(aside_listing *l, uint64_t number) {
    char name[64];
    for (size_t i = 0; i < l->count; i++)
        if (l->seen[i] == number) return 0;
    uint64_t *grown = realloc(l->seen, (l->count + 1) * sizeof *grown);
    if (!grown) return -ENOMEM;
    l->seen = grown;
    grown[l->count++] = number;
    (void)snprintf(name, sizeof name, "segment-%020llu", (unsigned long long)number); /* it fits */
    return l->each(l->context, name);
}

static int list_kept(void *context, const char *name) {
    aside_listing *l = context;
    uint64_t number = strncmp(name, "segment-", 8) == 0 ? weir_number_in_name(name, "segment") : 0;
    return number && number <= l->aside->last_segment ? list_segment(l, number) : 0;
}

static int list_set_aside(void *context, const char *name) {
    aside_listing *l = context;
    for (size_t i = 0; i < PREFIXES; i++) {
        uint64_t number = weir_number_in_name(name, prefixes[i]);
        if (number && number <= l->aside->last_segment) return list_segment(l, number);
    }
    return 0;
}

static int list_aside(void *self, int dirfd, const char *path,
                      int (*each)(void *context, const char *name), void *context) {
    const weir_aside *a = self;
    if (strcmp(path, a->directory) != 0)
        return a->real->list(a->real->self, dirfd, path, each, context);
    aside_listing l = {.aside = a, .each = each, .context = context};
    int result = a->with_archive->list(a->with_archive->self, dirfd, path, list_kept, &l);
    if (result == 0) result = a->real->list(a->real->self, dirfd, path, list_set_aside, &l);
    free(l.seen);
    return result;
}

void weir_aside_open(const weir_archive *archive, uint64_t last_segment, weir_aside *aside) {
    *aside = (weir_aside){.os = archive->os,
                          .with_archive = &archive->os,
                          .real = archive->real,
                          .directory = archive->directory,
                          .last_segment = last_segment};
    aside->os.self = aside; /* the other functions of the real table ignore their self */
    aside->os.open = open_aside;
    aside->os.info = info_aside;
    aside->os.list = list_aside;
}
