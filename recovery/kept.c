/* kept.c - files of a journal that weir never removes. */
#include "kept.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct counting {
    const weir_os *os;
    const char *directory, *prefix;
    weir_kept_files files;
} counting;

static int count_one(void *context, const char *name) {
    counting *c = context;
    char *path;
    weir_os_info info;
    if (strncmp(name, c->prefix, strlen(c->prefix)) != 0) return 0;
    if (asprintf(&path, "%s/%s", c->directory, name) < 0) return 0;
    if (c->os->info(c->os->self, WEIR_OS_CWD, path, &info) >= 0 && info.is_file) {
        c->files.count++;
        c->files.bytes += info.bytes;
    }
    free(path);
    return 0;
}

static weir_kept_files count(const weir_os *os, const char *directory, const char *prefix) {
    counting c = {os, directory, prefix, {0}};
    (void)os->list(os->self, WEIR_OS_CWD, directory, count_one, &c); /* none: nothing was kept */
    return c.files;
}

weir_kept weir_kept_take(const weir_os *os, const char *directory) {
    char *archive;
    weir_kept kept = {.aside = count(os, directory, "damaged-")};
    if (asprintf(&archive, "%s/archive", directory) < 0) return kept;
    kept.archived = count(os, archive, "segment-");
    weir_kept_files packed = count(os, archive, "packed-segment-");
    kept.archived.count += packed.count;
    kept.archived.bytes += packed.bytes;
    free(archive);
    return kept;
}
