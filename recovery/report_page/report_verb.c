/* report_verb.c - the verb report: a look at everything, written as one page. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../exits.h"
#include "../json.h"
#include "../report.h"
#include "../verbs.h"
#include "page.h"

/* ---- where it may go ------------------------------------------------------------------- */

static bool is_of_database(const weir_place *place, const char *file) {
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    bool same = false;
    for (size_t i = 0; place->database && i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char *path;
        if (asprintf(&path, "%s%s", place->database, suffixes[i]) < 0) return true;
        same |= strcmp(path, file) == 0 || weir_is_same_file(path, file);
        free(path);
    }
    return same;
}

/* In the journal's directory, or below it. */
static bool is_in_journal(const weir_place *place, const char *file) {
    const char *slash = strrchr(file, '/');
    char *folder = slash ? strndup(file, (size_t)(slash - file) + 1) : strdup(".");
    char *real = folder ? realpath(folder, NULL) : NULL;
    char *journal = realpath(place->directory, NULL);
    size_t length = journal ? strlen(journal) : 0;
    bool inside = real && journal && strncmp(real, journal, length) == 0 &&
                  (real[length] == 0 || real[length] == '/');
    free(folder);
    free(real);
    free(journal);
    return inside;
}

static int check_output(const weir_place *place, const char *file, weir_error *error) {
    struct stat st;
    if (is_of_database(place, file) || is_in_journal(place, file))
        return weir_fail(error, WEIR_MISUSE,
                         "%s belongs to the database or its journal; name another file", file);
    if (lstat(file, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
        return weir_fail(error, WEIR_MISUSE,
                         "%s is not a regular file; name another, or -o - for standard output",
                         file);
    return WEIR_OK;
}

/* ---- writing --------------------------------------------------------------------------- */

static int write_page_aside(const weir_page *wanted, const char *aside, uint64_t *bytes,
                            weir_error *error) {
    weir_page page = *wanted;
    int file = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    page.out = file >= 0 ? fdopen(file, "w") : NULL;
    if (!page.out) return weir_fail_os(error, -(int64_t)errno, "cannot make %s", aside);
    weir_page_write(&page);
    errno = 0;
    bool failed = fflush(page.out) != 0 || ferror(page.out);
    int why = errno;
    off_t at = ftello(page.out);
    failed |= fclose(page.out) != 0;
    *bytes = at > 0 ? (uint64_t)at : 0;
    return failed ? weir_fail_os(error, -(int64_t)(why ? why : EIO), "cannot write %s", aside)
                  : WEIR_OK;
}

/* Written aside and renamed: whoever reads the file sees a whole page. */
static int write_page_file(const weir_page *page, const char *file, uint64_t *bytes,
                           weir_error *error) {
    char *aside;
    if (asprintf(&aside, "%s.%ld", file, (long)getpid()) < 0)
        return weir_fail(error, WEIR_NO_MEMORY, "no memory for a path");
    int status = write_page_aside(page, aside, bytes, error);
    if (status == WEIR_OK && rename(aside, file) != 0)
        status = weir_fail_os(error, -(int64_t)errno, "cannot rename %s to %s", aside, file);
    if (status != WEIR_OK) (void)unlink(aside); /* perhaps it was never made */
    free(aside);
    return status;
}

static void tell(const weir_page *page, uint64_t bytes) {
    const weir_arguments *arguments = page->arguments;
    char shown[WEIR_SHOWN];
    if (!arguments->json) {
        weir_report_note("%s: %s written; verdict: %s", arguments->output,
                         weir_shown_bytes(bytes, shown),
                         weir_verdict_name(page->view->inventory.verdict));
        return;
    }
    weir_json json = weir_json_begin(stdout, "report");
    weir_json_text(&json, "file", arguments->output);
    weir_json_uint(&json, "bytes", bytes);
    weir_json_text(&json, "verdict", weir_verdict_name(page->view->inventory.verdict));
    weir_json_bool(&json, "values", arguments->values);
    weir_json_end(&json);
}

static int write_page(weir_page *page, weir_error *error) {
    const char *file = page->arguments->output;
    uint64_t bytes = 0;
    page->out = stdout; /* the end of the program checks what was written there */
    if (strcmp(file, "-") == 0) {
        weir_page_write(page);
        return WEIR_OK;
    }
    int status = write_page_file(page, file, &bytes, error);
    if (status == WEIR_OK) tell(page, bytes);
    return status;
}

static int look_and_write(const weir_arguments *arguments, const weir_place *place,
                          weir_error *error) {
    weir_view view;
    weir_block_map map;
    weir_view_input input = {
        .os = place->os, .place = place, .database = place->database, .verify_all = true};
    int status = weir_view_take(&input, &view, error);
    if (status != WEIR_OK) return weir_report_error(arguments, error);
    int code = weir_exit_of_verdict(view.inventory.verdict);
    status = weir_block_map_take(place->os, &view, &map);
    if (status != WEIR_OK) {
        (void)weir_fail(error, status, "no memory to show %s", place->directory);
    } else {
        weir_page page = {.os = place->os,
                          .arguments = arguments,
                          .place = place,
                          .view = &view,
                          .map = &map,
                          .now_ns = place->os->wall(place->os->self)};
        status = write_page(&page, error);
        weir_block_map_free(&map);
    }
    weir_view_free(&view);
    return status == WEIR_OK ? code : weir_report_error(arguments, error);
}

int weir_run_report(const weir_arguments *arguments, const weir_place *place) {
    weir_error error = {0};
    int status = strcmp(arguments->output, "-") == 0
                     ? WEIR_OK
                     : check_output(place, arguments->output, &error);
    if (status == WEIR_OK && !place->journal_is_there)
        status = weir_fail(&error, WEIR_NOT_FOUND, "there is no journal at %s", place->directory);
    if (status == WEIR_OK) return look_and_write(arguments, place, &error);
    int code = weir_report_error(arguments, &error);
    return status == WEIR_MISUSE ? WEIR_EXIT_USAGE : code;
}
