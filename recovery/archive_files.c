/* archive_files.c - what is in a journal's archive/. */
#include "archive_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/format/names.h"
#include "../lib/verify/scan.h"

static const char *const prefixes[WEIR_ARCHIVED_KINDS] = {
    [WEIR_ARCHIVED_PLAIN] = "segment", [WEIR_ARCHIVED_PACKED] = "packed-segment"};

enum { NUMBER_DIGITS = 20 };

/* One that is still in the journal's own directory is in the list only for a while. */
typedef struct archived_taking {
    const weir_os *os;
    weir_os reading;       /* the same, which reads packed segments too */
    const char *directory; /* in which is listed */
    weir_archived_files *out;
    size_t own; /* how many of the list are in the journal's own directory */
    bool in_archive, no_memory;
    weir_scan scan;
    weir_error *error;
} archived_taking;

uint64_t weir_archived_number(const char *name, weir_archived_kind kind) {
    if (strlen(name) != strlen(prefixes[kind]) + 1 + NUMBER_DIGITS) return 0;
    return weir_number_in_name(name, prefixes[kind]);
}

void weir_archived_path(char out[WEIR_PATH_MAX], const char *archive, weir_archived_kind kind,
                        uint64_t number) {
    weir_numbered_path(out, archive, prefixes[kind], number);
}

const char *weir_archived_name(const weir_archived_file *file) {
    return strrchr(file->path, '/') + 1;
}

uint64_t weir_archived_rows(const weir_archived_file *file) {
    return file->first_row <= file->last_row && file->first_row
               ? file->last_row - file->first_row + 1
               : 0;
}

/* ---- the list --------------------------------------------------------------------------- */

static bool make_archived_room(weir_archived_files *list) {
    if (list->count < list->capacity) return true;
    size_t wanted = list->capacity * 2 + 16;
    if (wanted > SIZE_MAX / sizeof *list->files) return false;
    weir_archived_file *larger = realloc(list->files, wanted * sizeof *larger);
    if (!larger) return false;
    list->files = larger;
    list->capacity = wanted;
    return true;
}

static int add_archived(archived_taking *t, uint64_t number, weir_archived_kind kind) {
    char path[WEIR_PATH_MAX];
    weir_archived_path(path, t->directory, kind, number);
    weir_archived_file file = {.number = number, .kind = kind, .path = strdup(path)};
    if (!file.path || !make_archived_room(t->out)) {
        free(file.path);
        return -ENOMEM;
    }
    t->out->files[t->out->count++] = file;
    return 0;
}

static int each_archived_name(void *context, const char *name) {
    archived_taking *t = context;
    for (int kind = 0; kind < WEIR_ARCHIVED_KINDS; kind++) {
        uint64_t number = weir_archived_number(name, (weir_archived_kind)kind);
        if (number) return add_archived(t, number, (weir_archived_kind)kind);
    }
    return 0;
}

static int list_archived(archived_taking *t, const char *directory) {
    t->directory = directory;
    int result = t->os->list(t->os->self, WEIR_OS_CWD, directory, each_archived_name, t);
    if (result >= 0 || result == -ENOENT) return WEIR_OK;
    return weir_fail_os(t->error, result,
                        "%s: cannot read the directory; make it readable, or run as the user that "
                        "owns it",
                        directory);
}

static bool lies_in(const char *path, const char *directory) {
    size_t length = strlen(directory);
    return strncmp(path, directory, length) == 0 && path[length] == '/' &&
           !strchr(path + length + 1, '/');
}

static int by_number(const void *a, const void *b) {
    const weir_archived_file *x = a, *y = b;
    if (x->number != y->number) return x->number < y->number ? -1 : 1;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    size_t p = strlen(x->path), q = strlen(y->path); /* in the archive the path is longer */
    return p > q ? -1 : p < q;
}

/* ---- one file --------------------------------------------------------------------------- */

static void spoil(weir_archived_file *file, int status, const char *why) {
    if (file->status != WEIR_OK) return;
    file->status = status;
    file->why = why;
}

static void read_archived_header(archived_taking *t, weir_archived_file *file) {
    const uint8_t *bytes;
    int result = weir_scan_open(&t->scan, file->path);
    if (result < 0) {
        file->status = result == -ENOENT ? WEIR_NOT_FOUND : WEIR_IO;
        file->why = result == -ENOENT ? "it is gone" : "it cannot be opened";
        return;
    }
    weir_os_info info;
    if (t->os->info_file(t->os->self, t->scan.file, &info) >= 0) file->bytes = info.bytes;
    int status = weir_scan_bytes(&t->scan, 0, WEIR_SEGMENT_HEADER, &bytes);
    if (status == WEIR_OK) status = weir_segment_header_decode(bytes, &file->header);
    if (status != WEIR_OK) file->header = (weir_segment_header){0};
    if (status == WEIR_IO || status == WEIR_NO_MEMORY)
        spoil(file, status, "it cannot be read");
    else if (status == WEIR_VERSION)
        spoil(file, status, "a newer version of the format wrote it");
    else if (status == WEIR_NOT_FOUND)
        spoil(file, WEIR_DAMAGED, "its header is zeros");
    else if (status != WEIR_OK)
        spoil(file, WEIR_DAMAGED, "its header is damaged");
    else if (file->header.segment != file->number)
        spoil(file, WEIR_DAMAGED, "its header is that of another segment");
}

static void take_archived_block(weir_archived_file *file, const weir_block_header *h) {
    if (file->first_wall_ns == 0) file->first_wall_ns = h->wall_ns;
    file->last_wall_ns = h->wall_ns;
    file->last_block = h->block;
    file->last_row = h->first_row + h->rows - 1;
    file->end = h->offset + weir_block_extent(h);
}

/* Block by block up to the end that the next segment names; or to the last that follows, when
 * nobody names one. */
static void walk_archived(archived_taking *t, weir_archived_file *file, const weir_log_end *end) {
    weir_identity whose = {.segment = file->number, .incarnation = file->header.incarnation};
    weir_id_copy(whose.journal, file->header.journal);
    uint64_t hash = file->header.before.hash;
    file->first_block = file->header.first_block;
    file->last_block = file->first_block - 1;
    file->first_row = file->header.first_row;
    file->last_row = file->first_row - 1;
    file->end = WEIR_BLOCK_ALIGN;
    if (weir_scan_open(&t->scan, file->path) < 0) spoil(file, WEIR_IO, "it cannot be opened");
    while (file->status == WEIR_OK && (!end || file->end < end->offset)) {
        weir_block_header h;
        int status = weir_scan_header(&t->scan, &whose, file->end, &h);
        bool follows = status == WEIR_OK && h.block == file->last_block + 1 &&
                       h.first_row == file->last_row + 1 && h.previous_hash == hash;
        if (follows) {
            take_archived_block(file, &h);
            hash = h.hash;
        } else if (status == WEIR_IO || status == WEIR_NO_MEMORY)
            spoil(file, status, "it cannot be read");
        else if (end)
            spoil(file, WEIR_DAMAGED, "a block in it is damaged");
        else
            break;
    }
    if (end && file->status == WEIR_OK && hash != end->hash && file->last_block == end->block)
        spoil(file, WEIR_DAMAGED, "it is not the segment that the next one follows");
}

/* What it held, as its neighbours say, when it cannot say so itself. */
static void ask_neighbours(weir_archived_file *file, const weir_archived_file *former,
                           const weir_archived_file *next) {
    if (file->status == WEIR_OK || file->is_void) return;
    if (former && file->first_block == 0 && former->last_block) {
        file->first_block = former->last_block + 1;
        file->first_row = former->last_row + 1;
    }
    if (next) {
        file->last_block = next->header.before.block;
        file->last_row = next->header.first_row - 1;
    }
    if (file->first_block == 0 || file->last_block == 0)
        file->first_block = file->last_block = file->first_row = file->last_row = 0;
}

/* ---- all of them ------------------------------------------------------------------------ */

/* The next one on the path that has a header, or NULL. */
static const weir_archived_file *next_of(const weir_archived_files *list, size_t i) {
    for (size_t n = i + 1; n < list->count; n++) {
        const weir_archived_file *f = &list->files[n];
        if (!f->is_void && f->header.segment && f->number > list->files[i].number)
            return weir_id_equal(f->header.journal, list->files[i].header.journal) ||
                           !list->files[i].header.segment
                       ? f
                       : NULL;
    }
    return NULL;
}

/* From the youngest to the oldest: each header on the path names the one before. */
static void find_path(const weir_archived_files *list) {
    for (size_t i = list->count; i-- > 0;) {
        const weir_archived_file *next = next_of(list, i);
        list->files[i].is_void = next && next->header.before.segment < list->files[i].number;
    }
}

static void walk_all(archived_taking *t) {
    const weir_archived_files *list = t->out;
    const weir_archived_file *former = NULL;
    for (size_t i = 0; i < list->count; i++) {
        weir_archived_file *file = &list->files[i];
        const weir_archived_file *next = next_of(list, i);
        if (next && next->header.before.segment != file->number) next = NULL; /* one is missing */
        if (file->status == WEIR_OK && !file->is_void)
            walk_archived(t, file, next ? &next->header.before : NULL);
        ask_neighbours(file, former, next);
        if (!file->is_void) former = file;
    }
}

/* A segment may move to the archive after it was listed in the journal: then it is there twice, or
 * gone where it was. */
static void drop_archived(weir_archived_files *list, bool (*drop)(const archived_taking *, size_t),
                          const archived_taking *t) {
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (drop(t, i)) {
            free(list->files[i].path);
            list->files[i].path = NULL;
        }
    }
    for (size_t i = 0; i < list->count; i++)
        if (list->files[i].path) list->files[kept++] = list->files[i];
    list->count = kept;
}

static bool is_double_or_gone(const archived_taking *t, size_t i) {
    const weir_archived_file *file = &t->out->files[i];
    if (file->status == WEIR_NOT_FOUND) return true;
    return i > 0 && file[-1].number == file->number; /* the plain one counts (FORMAT.md, 7) */
}

static bool is_not_archived(const archived_taking *t, size_t i) {
    return lies_in(t->out->files[i].path, t->directory);
}

static int take_archived(archived_taking *t, const char *directory) {
    char archive[WEIR_PATH_MAX];
    weir_path_in(archive, directory, "archive");
    int status = list_archived(t, directory);
    if (status == WEIR_OK) status = list_archived(t, archive);
    if (status != WEIR_OK) return status;
    if (t->out->count) qsort(t->out->files, t->out->count, sizeof *t->out->files, by_number);
    for (size_t i = 0; i < t->out->count; i++)
        read_archived_header(t, &t->out->files[i]);
    drop_archived(t->out, is_double_or_gone, t);
    find_path(t->out);
    walk_all(t);
    t->directory = directory;
    drop_archived(t->out, is_not_archived, t);
    for (size_t i = 0; i < t->out->count; i++)
        t->out->bytes += t->out->files[i].bytes;
    return WEIR_OK;
}

int weir_archived_files_take(const weir_os *os, const char *directory, weir_archived_files *out,
                             weir_error *error) {
    *out = (weir_archived_files){0};
    archived_taking t = {.os = os, .reading = *os, .out = out, .error = error};
    t.reading.packed = true;
    weir_scan_make(&t.scan, &t.reading, WEIR_OS_CWD);
    int status = take_archived(&t, directory);
    weir_scan_free(&t.scan);
    if (status != WEIR_OK) weir_archived_files_free(out);
    return status;
}

void weir_archived_files_free(weir_archived_files *list) {
    for (size_t i = 0; i < list->count; i++)
        free(list->files[i].path);
    free(list->files);
    *list = (weir_archived_files){0};
}
