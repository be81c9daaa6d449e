/* readers.c - the files of the named readers, listed and read. */
#include "readers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../format/names.h"

static void mark_broken(weir_named_note *note, int status, const char *why) {
    note->status = status;
    note->why = why;
}

/* Reads one byte more than the file should have: a longer one is not of this format. */
static void read_note(const weir_os *os, int file, weir_named_note *note) {
    uint8_t bytes[WEIR_NAMED_BYTES + 1];
    size_t got = 0;
    int64_t n = 1;
    while (got < sizeof bytes && n > 0) {
        n = os->pread(os->self, file, bytes + got, sizeof bytes - got, got);
        if (n > 0) got += (size_t)n;
    }
    weir_named read;
    int status = n < 0 ? WEIR_IO : weir_named_decode(bytes, got, &read);
    if (status == WEIR_IO) mark_broken(note, status, "it cannot be read");
    if (status == WEIR_VERSION) mark_broken(note, status, "a newer version wrote it");
    if (status == WEIR_DAMAGED) mark_broken(note, status, "it is damaged");
    if (status != WEIR_OK) return;
    if (strcmp(read.name, note->reader.name) == 0)
        note->reader = read;
    else
        mark_broken(note, WEIR_DAMAGED, "it names another reader");
}

/* readers is the open directory. False: the file is not there (any more). */
static bool take_note_in(const weir_os *os, int readers, const char *name, weir_named_note *note) {
    *note = (weir_named_note){.status = WEIR_OK};
    memcpy(note->reader.name, name, strlen(name) + 1); /* the caller has checked that it fits */
    int file = os->open(os->self, readers, name, WEIR_OS_READ);
    if (file == -ENOENT) return false;
    if (file < 0) {
        mark_broken(note, WEIR_IO, "it cannot be opened");
        return true;
    }
    read_note(os, file, note);
    (void)os->close(os->self, file); /* only read */
    return true;
}

/* ---- all of them ------------------------------------------------------------------------- */

typedef struct collecting {
    const weir_os *os;
    int readers;
    weir_readers *out;
} collecting;

static int collect_name(void *context, const char *name) {
    collecting *c = context;
    weir_readers *out = c->out;
    if (!weir_named_fits(name)) return 0;
    if (out->count == out->capacity) {
        size_t wanted = out->capacity * 2 + 8;
        if (wanted > SIZE_MAX / sizeof *out->list) return -ENOMEM;
        weir_named_note *larger = realloc(out->list, wanted * sizeof *larger);
        if (!larger) return -ENOMEM;
        out->list = larger;
        out->capacity = wanted;
    }
    if (take_note_in(c->os, c->readers, name, &out->list[out->count])) out->count++;
    return 0;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const weir_named_note *)a)->reader.name,
                  ((const weir_named_note *)b)->reader.name);
}

/* The descriptor of readers/, or a negative errno; -ENOENT: nobody has a name. */
static int open_readers(const weir_os *os, int dirfd, const char *directory,
                        char path[WEIR_PATH_MAX]) {
    if (strlen(directory) > WEIR_PATH_MAX - 128) return -ENAMETOOLONG;
    weir_path_in(path, directory, "readers");
    return os->open_directory(os->self, dirfd, path);
}

static int fail_readers(weir_error *error, int64_t result, const char *directory) {
    return weir_fail_os(error, result, "%s/readers: cannot read the directory of named readers",
                        directory);
}

int weir_readers_take(const weir_os *os, int dirfd, const char *directory, weir_readers *out,
                      weir_error *error) {
    char path[WEIR_PATH_MAX];
    *out = (weir_readers){0};
    int readers = open_readers(os, dirfd, directory, path);
    if (readers == -ENOENT) return WEIR_OK;
    if (readers < 0) return fail_readers(error, readers, directory);
    collecting c = {os, readers, out};
    int result = os->list(os->self, readers, path, collect_name, &c);
    (void)os->close(os->self, readers); /* only read */
    if (result < 0) return fail_readers(error, result, directory);
    if (out->count) qsort(out->list, out->count, sizeof *out->list, by_name);
    return WEIR_OK;
}

void weir_readers_free(weir_readers *readers) {
    free(readers->list);
    *readers = (weir_readers){0};
}

int weir_readers_find(const weir_os *os, int dirfd, const char *directory, const char *name,
                      weir_named_note *out, weir_error *error) {
    char path[WEIR_PATH_MAX];
    if (!weir_named_fits(name))
        return weir_fail(error, WEIR_MISUSE,
                         "'%.80s' cannot be a reader's name: that is 1 to 64 letters, digits, '-', "
                         "'_' and '.', and does not begin with '.'",
                         name);
    int readers = open_readers(os, dirfd, directory, path);
    if (readers < 0 && readers != -ENOENT) return fail_readers(error, readers, directory);
    bool found = readers >= 0 && take_note_in(os, readers, name, out);
    if (readers >= 0) (void)os->close(os->self, readers); /* only read */
    if (found) return WEIR_OK;
    return weir_fail(error, WEIR_NOT_FOUND, "%s: no reader is named %s", directory, name);
}

/* ---- what is held back ------------------------------------------------------------------- */

bool weir_named_holds(const weir_named_note *note, const weir_id journal, uint64_t last_row,
                      uint64_t held_bytes) {
    const weir_named *r = &note->reader;
    bool wants = note->status == WEIR_OK && weir_id_equal(r->mark.at.journal, journal) &&
                 r->mark.at.row < last_row;
    return wants && held_bytes <= r->hold_bytes;
}
