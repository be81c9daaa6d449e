/* sink_files.c - the records of a journal's sinks: listed, read, written, removed. */
#include "sink_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../format/names.h"

static int fail_records(weir_error *error, int64_t result, const char *directory,
                        const char *what) {
    return weir_fail_os(error, result, "%s/sinks: cannot %s", directory, what);
}

/* The descriptor of sinks/, or a negative errno; -ENOENT: there never was one. */
static int open_records(const weir_os *os, int dirfd, const char *directory,
                        char path[WEIR_PATH_MAX]) {
    if (strlen(directory) > WEIR_PATH_MAX - 128) return -ENAMETOOLONG;
    weir_path_in(path, directory, "sinks");
    return os->open_directory(os->self, dirfd, path);
}

/* ---- reading ------------------------------------------------------------------------------ */

/* One byte more than the file should have: a longer one is not of this format. path: of sinks/. */
static int read_record_in(const weir_os *os, int sinks, const char *path, const char *name,
                          weir_sink_record *out) {
    uint8_t bytes[WEIR_SINK_RECORD_BYTES + 1];
    char file_path[WEIR_PATH_MAX];
    size_t got = 0;
    int64_t n = 1;
    weir_path_in(file_path, path, name);
    int file = os->open(os->self, sinks, file_path, WEIR_OS_READ);
    if (file < 0) return file == -ENOENT ? WEIR_NOT_FOUND : WEIR_IO;
    while (got < sizeof bytes && n > 0) {
        n = os->pread(os->self, file, bytes + got, sizeof bytes - got, got);
        if (n > 0) got += (size_t)n;
    }
    (void)os->close(os->self, file); /* only read */
    if (n < 0) return WEIR_IO;
    int status = weir_sink_record_decode(bytes, got, out);
    return status == WEIR_OK && strcmp(out->name, name) != 0 ? WEIR_DAMAGED : status;
}

int weir_sink_record_read(const weir_os *os, int dirfd, const char *directory, const char *name,
                          weir_sink_record *out, weir_error *error) {
    char path[WEIR_PATH_MAX];
    int sinks = open_records(os, dirfd, directory, path);
    int status = WEIR_NOT_FOUND;
    if (sinks >= 0) {
        status = weir_named_fits(name) ? read_record_in(os, sinks, path, name, out) : status;
        (void)os->close(os->self, sinks); /* only read */
    } else if (sinks != -ENOENT) {
        return fail_records(error, sinks, directory, "open the directory");
    }
    return status == WEIR_OK ? status
                             : weir_fail(error, status, "%s/sinks/%s: %s", directory, name,
                                         weir_status_text(status));
}

/* ---- all of them ------------------------------------------------------------------------- */

typedef struct collecting {
    const weir_os *os;
    int sinks;
    const char *path;
    weir_sink_notes *out;
} collecting;

static int collect_record(void *context, const char *name) {
    collecting *c = context;
    weir_sink_notes *out = c->out;
    if (!weir_named_fits(name)) return 0;
    if (out->count == out->capacity) {
        size_t wanted = out->capacity * 2 + 8;
        if (wanted > SIZE_MAX / sizeof *out->list) return -ENOMEM;
        weir_sink_note *larger = realloc(out->list, wanted * sizeof *larger);
        if (!larger) return -ENOMEM;
        out->list = larger;
        out->capacity = wanted;
    }
    weir_sink_note *note = &out->list[out->count];
    *note = (weir_sink_note){0};
    note->status = read_record_in(c->os, c->sinks, c->path, name, &note->record);
    if (note->status == WEIR_NOT_FOUND) return 0;
    if (note->status != WEIR_OK)
        memcpy(note->record.name, name, strlen(name) + 1); /* weir_named_fits has looked at it */
    out->count++;
    return 0;
}

static int by_sink_name(const void *a, const void *b) {
    return strcmp(((const weir_sink_note *)a)->record.name,
                  ((const weir_sink_note *)b)->record.name);
}

int weir_sink_notes_take(const weir_os *os, int dirfd, const char *directory, weir_sink_notes *out,
                         weir_error *error) {
    char path[WEIR_PATH_MAX];
    *out = (weir_sink_notes){0};
    int sinks = open_records(os, dirfd, directory, path);
    if (sinks == -ENOENT) return WEIR_OK;
    if (sinks < 0) return fail_records(error, sinks, directory, "open the directory");
    collecting c = {os, sinks, path, out};
    int result = os->list(os->self, sinks, path, collect_record, &c);
    (void)os->close(os->self, sinks); /* only read */
    if (result < 0) return fail_records(error, result, directory, "read the directory");
    if (out->count) qsort(out->list, out->count, sizeof *out->list, by_sink_name);
    return WEIR_OK;
}

void weir_sink_notes_free(weir_sink_notes *notes) {
    free(notes->list);
    *notes = (weir_sink_notes){0};
}

bool weir_sink_note_lacks(const weir_sink_note *note, const weir_id journal, uint64_t last_block) {
    if (note->status != WEIR_OK) return true;
    const weir_position *safe = &note->record.safe;
    return weir_id_equal(safe->journal, journal) && safe->block < last_block;
}

/* ---- writing ------------------------------------------------------------------------------ */

static int write_record_aside(const weir_os *os, int sinks, const char *aside,
                              const uint8_t bytes[WEIR_SINK_RECORD_BYTES]) {
    (void)os->unlink(os->self, sinks, aside); /* a leftover; usually there is none */
    int file = os->open(os->self, sinks, aside,
                        WEIR_OS_READ | WEIR_OS_WRITE | WEIR_OS_CREATE | WEIR_OS_EXCLUSIVE);
    if (file < 0) return file;
    int result = weir_write_full(os, file, bytes, WEIR_SINK_RECORD_BYTES, 0);
    if (result >= 0) result = os->datasync(os->self, file);
    int closed = os->close(os->self, file);
    return result < 0 ? result : closed;
}

static int replace_record(const weir_os *os, int sinks, const char *path,
                          const weir_sink_record *record) {
    char name[WEIR_NAMED_NAME_MAX + 8], aside[WEIR_PATH_MAX], to[WEIR_PATH_MAX];
    uint8_t bytes[WEIR_SINK_RECORD_BYTES];
    (void)snprintf(name, sizeof name, ".%s.new", record->name); /* it fits */
    weir_path_in(aside, path, name);
    weir_path_in(to, path, record->name);
    weir_sink_record_encode(bytes, record);
    int result = write_record_aside(os, sinks, aside, bytes);
    if (result >= 0) result = os->rename(os->self, sinks, aside, sinks, to);
    if (result >= 0) result = os->sync_directory(os->self, sinks, path);
    if (result < 0) (void)os->unlink(os->self, sinks, aside); /* costs space only */
    return result;
}

/* The name of sinks/ is synced each time: one that is there may have been made by a process that died
 * before it had done so. */
int weir_sink_record_write(const weir_os *os, int dirfd, const char *directory,
                           weir_sink_record *record, weir_error *error) {
    char path[WEIR_PATH_MAX];
    if (strlen(directory) > WEIR_PATH_MAX - 128)
        return fail_records(error, -ENAMETOOLONG, directory, "make it");
    weir_path_in(path, directory, "sinks");
    int made = os->make_directory(os->self, dirfd, path);
    if (made < 0 && made != -EEXIST) return fail_records(error, made, directory, "make it");
    int synced = os->sync_directory(os->self, dirfd, directory);
    if (synced < 0) return fail_records(error, synced, directory, "sync its name");
    int sinks = open_records(os, dirfd, directory, path);
    if (sinks < 0) return fail_records(error, sinks, directory, "open it");
    record->wall_ns = os->wall(os->self);
    int result = replace_record(os, sinks, path, record);
    (void)os->close(os->self, sinks); /* synced */
    return result < 0 ? fail_records(error, result, directory, "write a record") : WEIR_OK;
}

int weir_sink_record_forget(const weir_os *os, int dirfd, const char *directory, const char *name,
                            weir_error *error) {
    char path[WEIR_PATH_MAX], record[WEIR_PATH_MAX];
    int sinks = open_records(os, dirfd, directory, path);
    if (sinks < 0 && sinks != -ENOENT)
        return fail_records(error, sinks, directory, "open the directory");
    bool named = sinks >= 0 && weir_named_fits(name);
    if (named) weir_path_in(record, path, name);
    int result = named ? os->unlink(os->self, sinks, record) : -ENOENT;
    if (result >= 0) result = os->sync_directory(os->self, sinks, path);
    if (sinks >= 0) (void)os->close(os->self, sinks); /* synced */
    if (result == -ENOENT)
        return weir_fail(error, WEIR_NOT_FOUND, "%s: no sink is named %.80s", directory, name);
    return result < 0 ? fail_records(error, result, directory, "remove a record") : WEIR_OK;
}
