/* place.c - from the name on the command line to the files that it means. */
#include "place.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../lib/base/shell_word.h"
#include "../lib/handle/handle.h"
#include "../writer/sqlite/path.h"

#define JOURNAL_SUFFIX "-weir"
#define BACKUP_MANIFEST "weir-backup.json"

/* "what/name" or "what" + "name"; NULL: no memory. */
static char *joined(const char *what, const char *name) {
    char *text;
    return asprintf(&text, "%s%s", what, name) < 0 ? NULL : text;
}

static int look_at_path(const char *path, struct stat *st, weir_error *error) {
    if (stat(path, st) == 0) return WEIR_OK;
    if (errno == ENOENT) return WEIR_NOT_FOUND;
    return weir_fail_os(error, -(int64_t)errno, "cannot look at %s", path);
}

/* The journal is beside the real file, not beside a link to it. */
static char *journal_beside(const char *database) {
    char *real = realpath(database, NULL);
    char *directory = joined(real ? real : database, JOURNAL_SUFFIX);
    free(real);
    return directory;
}

/* "run.db" of "run.db-weir", or NULL. */
static char *database_beside(const char *directory) {
    size_t length = strlen(directory), suffix = strlen(JOURNAL_SUFFIX);
    if (length <= suffix || strcmp(directory + length - suffix, JOURNAL_SUFFIX) != 0) return NULL;
    if (directory[length - suffix - 1] == '/') return NULL;
    return strndup(directory, length - suffix);
}

char *weir_path_without_slashes(const char *path) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return strndup(path, length);
}

static bool belongs_to_a_journal(const char *name) {
    static const char *const begins[] = {"segment-", "spare-", "damaged-", "packed-segment-"};
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++)
        if (strncmp(name, begins[i], strlen(begins[i])) == 0) return true;
    return strcmp(name, "ring") == 0;
}

/* WEIR_OK, WEIR_NOT_FOUND when nothing in the directory belongs to a journal, or an error. */
static int look_inside(const char *directory, weir_error *error) {
    DIR *dir = opendir(directory);
    if (!dir)
        return weir_fail_os(error, -(int64_t)errno, "cannot read the directory %s", directory);
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(dir));)
        found = belongs_to_a_journal(entry->d_name);
    (void)closedir(dir); /* it was only read */
    return found ? WEIR_OK : WEIR_NOT_FOUND;
}

static bool is_archived(const char *directory) {
    struct stat st;
    char *archive = joined(directory, "/archive");
    bool archived = archive && lstat(archive, &st) == 0 && S_ISDIR(st.st_mode);
    free(archive);
    return archived;
}

/* Where no database is beside it, an archive alone may be read as a journal: one that was fetched from
 * a store, or kept elsewhere. */
static int look_for_journal(const weir_place *place, weir_error *error) {
    int status = look_inside(place->directory, error);
    if (status != WEIR_NOT_FOUND || place->database || !is_archived(place->directory))
        return status;
    char *archive = joined(place->directory, "/archive");
    status = archive ? look_inside(archive, error)
                     : weir_fail(error, WEIR_NO_MEMORY, "no memory for a path");
    free(archive);
    return status;
}

/* A directory that holds nothing of a journal was named by mistake. Say so, instead of judging
 * it. */
static int check_journal(const weir_place *place, weir_error *error) {
    int status = look_for_journal(place, error);
    if (status != WEIR_NOT_FOUND) return status;
    return weir_fail(error, WEIR_NOT_FOUND,
                     "%s is a directory, but not a journal: it holds no segment and no ring; name "
                     "the database, or a directory that ends in " JOURNAL_SUFFIX,
                     place->directory);
}

static bool ends_in(const char *name, const char *end) {
    size_t length = strlen(name), bytes = strlen(end);
    return length >= bytes && strcmp(name + length - bytes, end) == 0;
}

/* Beside the manifest and what SQLite and weir name after a database. */
static bool may_be_database(const char *name) {
    static const char *const ends[] = {JOURNAL_SUFFIX, "-wal", "-shm", "-journal"};
    if (name[0] == '.' || strcmp(name, BACKUP_MANIFEST) == 0) return false;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (ends_in(name, ends[i])) return false;
    return true;
}

/* The only database in a directory that weir backup has made; NULL for any other directory. */
static char *database_of_backup(const char *directory) {
    char *manifest = joined(directory, "/" BACKUP_MANIFEST), *found = NULL;
    struct stat st;
    bool backup = manifest && stat(manifest, &st) == 0 && S_ISREG(st.st_mode);
    free(manifest);
    DIR *dir = backup ? opendir(directory) : NULL;
    if (!dir) return NULL;
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!may_be_database(entry->d_name) || count++) continue;
        int length = (int)strlen(directory); /* of a path that stat has taken */
        while (length > 1 && directory[length - 1] == '/')
            length--;
        if (asprintf(&found, "%.*s/%s", length, directory, entry->d_name) < 0) found = NULL;
    }
    (void)closedir(dir); /* it was only read */
    if (count == 1) return found;
    free(found);
    return NULL;
}

static int fill_directory(weir_place *place, const char *target, weir_error *error) {
    place->target_is_journal = true;
    place->directory = weir_path_without_slashes(target);
    if (!place->directory) return weir_fail(error, WEIR_NO_MEMORY, "no memory for a path");
    place->database = database_beside(place->directory);
    return check_journal(place, error);
}

static int fill_database(weir_place *place, const char *target, const char *journal,
                         weir_error *error) {
    int status = weir_database_name_check(target, error);
    if (status != WEIR_OK) return status;
    place->database = strdup(target);
    place->directory = journal ? weir_path_without_slashes(journal) : journal_beside(target);
    if (place->database && place->directory) return WEIR_OK;
    return weir_fail(error, WEIR_NO_MEMORY, "no memory for a path");
}

/* SQLite takes a device for an empty database, and blocks on a FIFO. */
static int check_kind(const struct stat *st, const char *path, weir_error *error) {
    if (S_ISREG(st->st_mode)) return WEIR_OK;
    return weir_fail(error, WEIR_MISUSE,
                     "%s is not a regular file, so it is not a database; name the database's file",
                     path);
}

static int look_around(weir_place *place, weir_error *error) {
    struct stat st;
    place->ring = joined(place->directory, "/ring");
    if (!place->ring) return weir_fail(error, WEIR_NO_MEMORY, "no memory for a path");
    int status = look_at_path(place->directory, &st, error);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) return status;
    place->journal_is_there = status == WEIR_OK;
    if (place->journal_is_there && !S_ISDIR(st.st_mode))
        return weir_fail(error, WEIR_NOT_FOUND, "%s is not a directory, so it is not a journal",
                         place->directory);
    if (place->journal_is_there) {
        status = look_for_journal(place, error);
        if (status != WEIR_OK && status != WEIR_NOT_FOUND) return status;
        place->journal_is_there = status == WEIR_OK;
        place->archives = is_archived(place->directory);
    }
    if (!place->database) return WEIR_OK;
    status = look_at_path(place->database, &st, error);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) return status;
    place->database_is_there = status == WEIR_OK;
    return status == WEIR_OK ? check_kind(&st, place->database, error) : WEIR_OK;
}

int weir_place_find(const weir_os *os, const char *target, const char *journal, weir_place *out,
                    weir_error *error) {
    *out = (weir_place){.os = os};
    struct stat st;
    int status = look_at_path(target, &st, error);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) return status;
    bool directory = status == WEIR_OK && S_ISDIR(st.st_mode);
    if (directory && journal)
        return weir_fail(error, WEIR_MISUSE, "%s is a directory: with --journal, name the database",
                         target);
    char *backup = directory ? database_of_backup(target) : NULL;
    if (directory && !backup)
        status = fill_directory(out, target, error);
    else
        status = fill_database(out, backup ? backup : target, journal, error);
    free(backup);
    if (status == WEIR_OK) status = look_around(out, error);
    if (status == WEIR_OK && !out->database_is_there && !out->journal_is_there)
        status = weir_fail(error, WEIR_NOT_FOUND, "there is no database at %s and no journal at %s",
                           target, out->directory);
    return status;
}

void weir_place_free(weir_place *place) {
    free(place->database);
    free(place->directory);
    free(place->ring);
    *place = (weir_place){0};
}

/* A journal that was named by another path would be applied to a new database, and be lost to its
 * own. */
static int refuse_stray(const weir_place *place, weir_error *error) {
    const char *directory = place->directory;
    weir_shell_word word = weir_shell_quote(directory, 150);
    if (!place->database)
        return weir_fail(
            error, WEIR_MISUSE,
            "%s does not tell whose journal it is: name its database (--journal %s "
            "DATABASE), or fill another one (weir replay --into NEW %s); if its rows go to "
            "a server, its program recovers it",
            directory, word.text, word.text);
    return weir_fail(error, WEIR_NOT_FOUND,
                     "%s: its database is not beside it, at %s: name it (--journal %s DATABASE), "
                     "or make it anew "
                     "(weir-recover %s), or fill another one (weir replay --into NEW %s)",
                     directory, place->database, word.text,
                     weir_shell_quote(place->database, 150).text, word.text);
}

int weir_place_check_owner(const weir_place *place, weir_error *error) {
    if (!place->database || (place->target_is_journal && !place->database_is_there))
        return refuse_stray(place, error);
    char who[WEIR_HOLDER_TEXT];
    weir_holder holder = weir_handle_holder(place->os, place->directory);
    if (!holder.is_there) return WEIR_OK;
    return weir_fail(error, WEIR_LOCKED, "%s is open in %s, which applies its rows",
                     place->directory, weir_holder_text(holder, who));
}
