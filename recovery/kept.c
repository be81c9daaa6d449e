/* kept.c - what a journal's directory takes of the disk, by kind of file. */
#include "kept.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* By how names begin, the first that fits; "" fits all. */
typedef struct kept_kind {
    const char *prefix;
    size_t files; /* offset in weir_kept */
} kept_kind;

#define OF(field) offsetof(weir_kept, field)
static const kept_kind in_journal[] = {{"segment-", OF(segments)}, {"spare-", OF(spares)},
                                       {"ring", OF(ring)},         {"recorder", OF(recorder)},
                                       {"damaged-", OF(aside)},    {"", OF(other)}};
static const kept_kind in_archive[] = {
    {"segment-", OF(archived)}, {"packed-segment-", OF(archived)}, {"", OF(other)}};
static const kept_kind in_readers[] = {{"", OF(readers)}};

typedef struct counting {
    const weir_os *os;
    const char *directory;
    const kept_kind *kinds; /* the last one fits all */
    weir_kept *kept;
} counting;

static weir_kept_files *files_of(const counting *c, const char *name) {
    const kept_kind *kind = c->kinds;
    while (strncmp(name, kind->prefix, strlen(kind->prefix)) != 0)
        kind++;
    return (weir_kept_files *)(void *)((char *)c->kept + kind->files);
}

static int count_one(void *context, const char *name) {
    counting *c = context;
    char *path;
    weir_os_info info;
    if (asprintf(&path, "%s/%s", c->directory, name) < 0) return 0;
    if (c->os->info(c->os->self, WEIR_OS_CWD, path, &info) >= 0 && info.is_file) {
        weir_kept_files *files = files_of(c, name);
        files->count++;
        files->bytes += info.bytes;
    }
    free(path);
    return 0;
}

static void count(const weir_os *os, const char *directory, const kept_kind *kinds,
                  weir_kept *kept) {
    counting c = {os, directory, kinds, kept};
    (void)os->list(os->self, WEIR_OS_CWD, directory, count_one, &c); /* none: nothing is kept */
}

static void count_in(const weir_os *os, const char *directory, const char *name,
                     const kept_kind *kinds, weir_kept *kept) {
    char *below;
    if (asprintf(&below, "%s/%s", directory, name) < 0) return;
    count(os, below, kinds, kept);
    free(below);
}

weir_kept weir_kept_take(const weir_os *os, const char *directory) {
    weir_kept kept = {0};
    count(os, directory, in_journal, &kept);
    count_in(os, directory, "archive", in_archive, &kept);
    count_in(os, directory, "readers", in_readers, &kept);
    return kept;
}

uint64_t weir_kept_bytes(const weir_kept *k) {
    return k->segments.bytes + k->spares.bytes + k->ring.bytes + k->recorder.bytes +
           k->archived.bytes + k->aside.bytes + k->readers.bytes + k->other.bytes;
}
