/* archive_bound.c - the limits of the archive: the oldest files go once the newest is there.
 *
 * The directory is listed each time, which costs little beside the segment that has just been filled,
 * and is right whatever the tool deletes or packs there meanwhile. A kind of file that this does not
 * know counts with its bytes, and is deleted in its turn like the others. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../packed/packed.h"
#include "../verify/archive.h"
#include "held.h"
#include "stream.h"

typedef struct bound_file {
    uint64_t number, bytes;
    char name[64];
} bound_file;

typedef struct bounding {
    weir_journal *j;
    const char *archive;
    bound_file *files; /* ascending */
    size_t count, capacity;
    uint64_t bytes;
    weir_readers readers;
} bounding;

static int each_bound_file(void *context, const char *name) {
    bounding *b = context;
    uint64_t number = weir_number_in_name(name, "segment"); /* of any kind, packed ones too */
    if (number == 0 || strlen(name) >= sizeof b->files->name) return 0;
    if (b->count == b->capacity) {
        size_t wanted = b->capacity * 2 + 64;
        if (wanted > SIZE_MAX / sizeof *b->files) return -ENOMEM;
        bound_file *larger = realloc(b->files, wanted * sizeof *larger);
        if (!larger) return -ENOMEM;
        b->files = larger;
        b->capacity = wanted;
    }
    bound_file *file = &b->files[b->count++];
    *file = (bound_file){.number = number};
    memcpy(file->name, name, strlen(name) + 1);
    return 0;
}

static int by_bound_number(const void *a, const void *b) {
    const bound_file *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* The tool may have deleted it since it was listed: then it has no bytes. */
static void measure_bound_files(bounding *b) {
    const weir_os *os = b->j->os;
    char path[WEIR_PATH_MAX];
    for (size_t i = 0; i < b->count; i++) {
        weir_os_info info;
        weir_path_in(path, b->archive, b->files[i].name);
        if (os->info(os->self, b->j->archive, path, &info) >= 0) b->files[i].bytes = info.bytes;
        b->bytes += b->files[i].bytes;
    }
}

static bool read_bound_header(const bounding *b, const bound_file *file, weir_segment_header *out) {
    const weir_os *os = b->j->os;
    char path[WEIR_PATH_MAX];
    uint8_t bytes[WEIR_SEGMENT_HEADER];
    weir_path_in(path, b->archive, file->name);
    int opened = os->open(os->self, b->j->archive, path, WEIR_OS_READ);
    if (opened < 0) return false;
    uint64_t at = strncmp(file->name, "packed-", 7) == 0 ? WEIR_PACKED_SEGMENT_AT : 0;
    int result = weir_read_full(os, opened, bytes, sizeof bytes, at);
    (void)os->close(os->self, opened); /* only read */
    return result >= 0 && weir_segment_header_decode(bytes, out) == WEIR_OK;
}

/* A segment ends when the next one begins, which its header says. One whose age nobody tells is not
 * too old. */
static bool is_too_old(const bounding *b, const weir_segment_header *next) {
    int64_t now = b->j->os->wall(b->j->os->self), ns;
    if (b->j->config.archive_limit_s == 0 || !next) return false;
    return !__builtin_sub_overflow(now, next->wall_ns, &ns) && ns > 0 &&
           (uint64_t)ns / 1000000000u > b->j->config.archive_limit_s;
}

static bool is_beyond_limit(const bounding *b, const weir_segment_header *next) {
    uint64_t limit = b->j->config.archive_limit_bytes;
    return (limit && b->bytes > limit) || is_too_old(b, next);
}

/* Readers that want it, by the last row before the next segment, and sinks that lack it; where that is
 * not known any of them might. */
static bool is_wanted(const bounding *b, const weir_segment_header *next) {
    uint64_t last_row = next ? next->first_row - 1 : UINT64_MAX;
    if (weir_known_sinks_lack(b->j, next ? next->first_block - 1 : UINT64_MAX)) return true;
    for (size_t i = 0; i < b->readers.count; i++)
        if (weir_named_holds(&b->readers.list[i], b->j->id, last_row, b->bytes)) return true;
    return false;
}

/* One by one, each synced before the next: a power cut must not keep an older one and lose a younger. */
static int delete_bound_file(const bounding *b, const bound_file *file, weir_error *error) {
    const weir_os *os = b->j->os;
    char path[WEIR_PATH_MAX];
    weir_path_in(path, b->archive, file->name);
    int result = weir_archive_unlink(os, b->j->archive, path);
    if (result < 0) return weir_fail_os(error, result, "%s: cannot delete it", path);
    result = os->sync_directory(os->self, b->j->archive, b->archive);
    if (result < 0) return weir_fail_os(error, result, "%s: cannot sync the directory", b->archive);
    return WEIR_OK;
}

/* Behind all files of this one's number: where packing was interrupted the plain segment and the
 * packed one are both there, and go together. */
static size_t behind_number(const bounding *b, size_t i) {
    uint64_t number = b->files[i].number;
    while (i < b->count && b->files[i].number == number)
        i++;
    return i;
}

static int delete_oldest(bounding *b, weir_error *error) {
    int status = WEIR_OK;
    for (size_t i = 0, behind; status == WEIR_OK && i < b->count; i = behind) {
        weir_segment_header header;
        behind = behind_number(b, i);
        if (behind == b->count) break; /* the newest stays */
        bool told = read_bound_header(b, &b->files[behind], &header);
        const weir_segment_header *next = told ? &header : NULL;
        if (!is_beyond_limit(b, next) || is_wanted(b, next)) break;
        for (; i < behind && status == WEIR_OK; i++) {
            status = delete_bound_file(b, &b->files[i], error);
            b->bytes -= b->files[i].bytes;
        }
    }
    return status;
}

int weir_journal_bound_archive(weir_journal *j, const char *archive, weir_error *error) {
    bounding b = {.j = j, .archive = archive};
    if (!j->config.archive_limit_bytes && !j->config.archive_limit_s) return WEIR_OK;
    int result = j->os->list(j->os->self, j->archive, archive, each_bound_file, &b);
    int status = WEIR_OK;
    if (result < 0) status = weir_fail_os(error, result, "%s: cannot read the directory", archive);
    if (status == WEIR_OK && b.count) {
        qsort(b.files, b.count, sizeof *b.files, by_bound_number);
        measure_bound_files(&b);
        if (weir_held_readers(j, &b.readers)) status = delete_oldest(&b, error);
        weir_readers_free(&b.readers);
    }
    free(b.files);
    return status;
}
