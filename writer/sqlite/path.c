/* path.c - checks of a database's path before SQLite sees it, and texts for what it refuses. */
#include "path.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

static long long user(const weir_os *os) { return (long long)os->user_id(os->self); }

/* SQLite's own files: it would destroy them as a database. */
static bool is_a_databases(const char *path, size_t length) {
    return length > 4 && path[length - 5] != '/' &&
           (strcmp(path + length - 4, "-wal") == 0 || strcmp(path + length - 4, "-shm") == 0);
}

int weir_database_name_check(const char *path, weir_error *error) {
    const sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    size_t length = strlen(path), most = vfs && vfs->mxPathname > 0 ? (size_t)vfs->mxPathname : 512;
    if (length == 0 || sqlite3_stricmp(path, ":memory:") == 0)
        return weir_fail(error, WEIR_MISUSE,
                         "the database must be a file, so its path may not be empty or :memory:; "
                         "name a file");
    if (strncmp(path, "file:", 5) == 0)
        return weir_fail(error, WEIR_MISUSE,
                         "%s: a URI is not taken: give the file's path, as it is and without "
                         "parameters (options.must_exist is what mode=rw is); if the name really "
                         "begins so, write ./%s",
                         path, path);
    if (path[length - 1] == '/')
        return weir_fail(error, WEIR_MISUSE, "%s: the path ends in a slash; name a file", path);
    if (is_a_databases(path, length))
        return weir_fail(
            error, WEIR_MISUSE,
            "%s: that is the name of a file which SQLite keeps beside a database; name "
            "the database, %.*s",
            path, (int)(length - strlen("-wal")), path);
    if (length > most)
        return weir_fail(error, WEIR_MISUSE,
                         "%.100s…: the path has %zu bytes, and SQLite takes %zu; use a shorter "
                         "one, or change into the directory first",
                         path, length, most);
    return WEIR_OK;
}

int weir_database_path_check(const weir_os *os, const char *path, weir_error *error) {
    weir_os_info info;
    int found = os->info(os->self, WEIR_OS_CWD, path, &info);
    if (found >= 0 && info.is_directory)
        return weir_fail(error, WEIR_DATABASE, "%s: it is a directory; name a file in it", path);
    if (found == -EACCES)
        return weir_fail(error, WEIR_DATABASE,
                         "%s: user %lld may not search a directory on this path; give that user "
                         "the right (chmod +x; namei -l shows each)",
                         path, user(os));
    if (found == -ENOTDIR)
        return weir_fail(error, WEIR_DATABASE,
                         "%s: a part of this path is no directory; correct it, or move the file "
                         "away that is in the way",
                         path);
    return WEIR_OK;
}

/* "DIRECTORY/.", of the file at path, with that many bytes of path and a dot. */
static int length_of_directory(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash - path) + 1 : 0; /* SQLite has bounded it */
}

static char *path_of_directory(const char *path) {
    return sqlite3_mprintf("%.*s.", length_of_directory(path), path);
}

/* When SQLite may not create a file it tries to read it, and then says that there is none. So ask
 * whether the directory is there. */
static bool stands_in_a_directory(const weir_os *os, const char *path) {
    weir_os_info info;
    char *directory = path_of_directory(path);
    bool there = directory && os->info(os->self, WEIR_OS_CWD, directory, &info) >= 0;
    sqlite3_free(directory);
    return there;
}

/* Without memory it is not known. */
static bool is_on_read_only_mount(const weir_os *os, const char *path) {
    char *directory = path_of_directory(path);
    bool is = directory && os->read_only(os->self, directory);
    sqlite3_free(directory);
    return is;
}

/* No right that a user has changes that. */
static int refuse_mount(const char *path, weir_error *error) {
    return weir_fail(
        error, WEIR_DATABASE,
        "%s: its file system is mounted read-only, and weir needs to write to it: "
        "somebody did that, or the kernel after an I/O error (see dmesg); mount it for "
        "writing: mount -o remount,rw \"$(findmnt -no TARGET -T '%.*s.')\"",
        path, length_of_directory(path), path);
}

int weir_database_read_only(const weir_os *os, const char *path, weir_error *error) {
    if (is_on_read_only_mount(os, path)) return refuse_mount(path, error);
    return weir_fail(error, WEIR_DATABASE,
                     "%s: the database is read-only, and weir needs to write to it: give user %lld "
                     "the right",
                     path, user(os));
}

int weir_database_refused(const weir_os *os, const char *path, bool must_exist, int number,
                          weir_error *error) {
    weir_os_info info;
    weir_error reason;
    bool there = os->info(os->self, WEIR_OS_CWD, path, &info) >= 0;
    bool directory = there || stands_in_a_directory(os, path);
    if (is_on_read_only_mount(os, path)) return refuse_mount(path, error);
    if (there && (number == EACCES || number == EPERM))
        return weir_fail(error, WEIR_DATABASE,
                         "%s: user %lld may not read and write the database (its rights are %03o, "
                         "its owner is %u); give that user both",
                         path, user(os), info.mode & 0777, info.user);
    if (!there && directory && !must_exist && (number == ENOENT || number == EACCES))
        return weir_fail(error, WEIR_DATABASE,
                         "%s: the database cannot be created: its directory may not be written by "
                         "this user (%lld)",
                         path, user(os));
    (void)weir_fail_os(&reason, -(int64_t)number, "%s: the database cannot be opened%s%s", path,
                       must_exist ? "" : " or created",
                       directory ? "" : "; its directory does not exist: create it");
    return weir_fail(error, WEIR_DATABASE, "%s", reason.text);
}

int weir_database_place_refused(const weir_os *os, const char *path, weir_error *error) {
    if (is_on_read_only_mount(os, path)) return refuse_mount(path, error);
    return weir_fail(error, WEIR_DATABASE,
                     "%s: user %lld may not make files in the directory of the database, where its "
                     "-wal and -shm files and the journal are; give that user the directory",
                     path, user(os));
}
