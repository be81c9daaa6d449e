/* place.c - from the arguments of a table to the files that they mean. */
#include "place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/base/os.h"

bool weir_sql_is_same_file(const char *a, const char *b) {
    const weir_os *os = weir_os_posix();
    weir_os_info one, two;
    return os->info(os->self, WEIR_OS_CWD, a, &one) >= 0 &&
           os->info(os->self, WEIR_OS_CWD, b, &two) >= 0 && one.device == two.device &&
           one.inode == two.inode;
}

static int check_name(const char *name, weir_error *error) {
    if (!*name || sqlite3_stricmp(name, ":memory:") == 0)
        return weir_fail(error, WEIR_MISUSE,
                         "the first argument names the database: a path such as 'run.db', or a "
                         "database of this connection such as 'main', that is a file");
    if (strncmp(name, "file:", 5) == 0)
        return weir_fail(error, WEIR_MISUSE, "%s: a URI is not taken: give the file's path", name);
    return WEIR_OK;
}

/* The journal is beside the real file, not beside a link to it. */
static char *journal_of(const char *path) {
    char *real = realpath(path, NULL), *directory;
    if (asprintf(&directory, "%s-weir", real ? real : path) < 0) directory = NULL;
    free(real);
    return directory;
}

static int find_journal(const weir_sql_place *place, weir_error *error) {
    const weir_os *os = weir_os_posix();
    weir_os_info info;
    int found = os->info(os->self, WEIR_OS_CWD, place->directory, &info);
    if (found >= 0 && info.is_directory) return WEIR_OK;
    if (found >= 0 || found == -ENOENT || found == -ENOTDIR)
        return weir_fail(error, WEIR_NOT_FOUND,
                         "there is no journal at %s; check the path, or give the journal's "
                         "directory as the last argument if it is elsewhere",
                         place->directory);
    return weir_fail_os(error, found, "cannot look at the journal %s", place->directory);
}

int weir_sql_place_find(sqlite3 *db, const char *name, const char *directory, weir_sql_place *out,
                        weir_error *error) {
    *out = (weir_sql_place){0};
    const char *file = name ? sqlite3_db_filename(db, name) : "";
    const char *path = file && *file ? file : name ? name : "";
    int status = check_name(path, error);
    if (status != WEIR_OK) return status;
    out->path = strdup(path);
    if (out->path) out->directory = directory ? strdup(directory) : journal_of(out->path);
    if (!out->directory)
        status = weir_fail(error, WEIR_NO_MEMORY, "no memory for a path");
    else
        status = find_journal(out, error);
    if (status != WEIR_OK) weir_sql_place_free(out);
    return status;
}

void weir_sql_place_free(weir_sql_place *place) {
    free(place->path);
    free(place->directory);
    *place = (weir_sql_place){0};
}
