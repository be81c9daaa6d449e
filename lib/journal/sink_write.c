/* sink_write.c - the record of a sink, written and removed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../format/names.h"
#include "sinks.h"

static int fail_writing(weir_error *error, int64_t result, const char *directory,
                        const char *what) {
    return weir_fail_os(error, result, "%s/sinks: cannot %s", directory, what);
}

/* The descriptor of sinks/, whose path is left in path, or a negative errno. */
static int open_for_writing(const weir_os *os, int dirfd, const char *directory,
                            char path[WEIR_PATH_MAX]) {
    if (strlen(directory) > WEIR_PATH_MAX - 128) return -ENAMETOOLONG;
    weir_path_in(path, directory, "sinks");
    return os->open_directory(os->self, dirfd, path);
}

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
        return fail_writing(error, -ENAMETOOLONG, directory, "make it");
    weir_path_in(path, directory, "sinks");
    int made = os->make_directory(os->self, dirfd, path);
    if (made < 0 && made != -EEXIST) return fail_writing(error, made, directory, "make it");
    int synced = os->sync_directory(os->self, dirfd, directory);
    if (synced < 0) return fail_writing(error, synced, directory, "sync its name");
    int sinks = open_for_writing(os, dirfd, directory, path);
    if (sinks < 0) return fail_writing(error, sinks, directory, "open it");
    record->wall_ns = os->wall(os->self);
    int result = replace_record(os, sinks, path, record);
    (void)os->close(os->self, sinks); /* synced */
    return result < 0 ? fail_writing(error, result, directory, "write a record") : WEIR_OK;
}

int weir_sink_record_forget(const weir_os *os, int dirfd, const char *directory, const char *name,
                            weir_error *error) {
    char path[WEIR_PATH_MAX], record[WEIR_PATH_MAX];
    int sinks = open_for_writing(os, dirfd, directory, path);
    if (sinks < 0 && sinks != -ENOENT)
        return fail_writing(error, sinks, directory, "open the directory");
    bool named = sinks >= 0 && weir_named_fits(name);
    if (named) weir_path_in(record, path, name);
    int result = named ? os->unlink(os->self, sinks, record) : -ENOENT;
    if (result >= 0) result = os->sync_directory(os->self, sinks, path);
    if (sinks >= 0) (void)os->close(os->self, sinks); /* synced */
    if (result == -ENOENT)
        return weir_fail(error, WEIR_NOT_FOUND, "%s: no sink is named %.80s", directory, name);
    return result < 0 ? fail_writing(error, result, directory, "remove a record") : WEIR_OK;
}
