/* loss_file.c - the record of lost rows in the journal's directory: a JSON object a line. */
#include "loss_file.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/base/os.h"
#include "json.h"

enum { FILE_MOST = 64 << 20 };

bool weir_loss_is_same(const weir_loss *a, const weir_loss *b) {
    return weir_id_equal(a->journal, b->journal) && a->first_row == b->first_row &&
           a->last_row == b->last_row && strcmp(a->why, b->why) == 0;
}

static weir_loss *find_loss(weir_losses *in, const weir_loss *loss) {
    for (size_t i = 0; i < in->count; i++)
        if (weir_loss_is_same(&in->list[i], loss)) return &in->list[i];
    return NULL;
}

int weir_losses_join(weir_losses *of_database, const weir_losses *of_file) {
    for (size_t i = 0; i < of_file->count; i++) {
        const weir_loss *loss = &of_file->list[i];
        weir_loss *same = find_loss(of_database, loss);
        if (same) {
            same->in_file = true;
            same->segment = loss->segment;
            same->offset = loss->offset;
            same->last_segment = loss->last_segment;
        } else if (!loss->found && weir_losses_add(of_database, loss) != WEIR_OK) {
            return WEIR_NO_MEMORY;
        }
    }
    return WEIR_OK;
}

/* ---- reading --------------------------------------------------------------------------- */

static int read_text(const weir_os *os, const char *path, char **text, size_t *bytes,
                     weir_error *error) {
    *text = NULL;
    *bytes = 0;
    int file = os->open(os->self, WEIR_OS_CWD, path, WEIR_OS_READ);
    if (file == -ENOENT) return WEIR_OK;
    if (file < 0) return weir_fail_os(error, file, "cannot read %s", path);
    weir_os_info info;
    int result = os->info_file(os->self, file, &info);
    bool large = result >= 0 && info.bytes > FILE_MOST;
    if (result >= 0 && !large) *text = malloc((size_t)info.bytes + 1);
    if (*text) result = weir_read_full(os, file, *text, (size_t)info.bytes, 0);
    (void)os->close(os->self, file); /* it was only read */
    if (large) return weir_fail(error, WEIR_IO, "%s is no record of losses: it is too large", path);
    if (result < 0) {
        free(*text);
        *text = NULL;
        return weir_fail_os(error, result, "cannot read %s", path);
    }
    if (!*text) return weir_fail(error, WEIR_NO_MEMORY, "no memory to read %s", path);
    *bytes = (size_t)info.bytes;
    return WEIR_OK;
}

static const char *text_in(sqlite3_stmt *s, int column) {
    const char *text = (const char *)sqlite3_column_text(s, column);
    return text ? text : "";
}

static bool take_id(const char *hex, weir_id out) {
    if (strlen(hex) != 2 * sizeof(weir_id)) return false;
    for (size_t i = 0; i < sizeof(weir_id); i++) {
        char byte[3] = {hex[2 * i], hex[2 * i + 1], 0};
        char *end;
        out[i] = (uint8_t)strtoul(byte, &end, 16);
        if (end != byte + 2) return false;
    }
    return true;
}

static int take_record(sqlite3_stmt *s, weir_losses *out) {
    weir_loss loss = {.first_row = (uint64_t)sqlite3_column_int64(s, 2),
                      .last_row = (uint64_t)sqlite3_column_int64(s, 3),
                      .segment = (uint64_t)sqlite3_column_int64(s, 4),
                      .offset = (uint64_t)sqlite3_column_int64(s, 5),
                      .last_segment = (uint64_t)sqlite3_column_int64(s, 6),
                      .in_file = true};
    (void)snprintf(loss.why, sizeof loss.why, "%s", text_in(s, 7)); /* a cut text is a text */
    (void)snprintf(loss.noted, sizeof loss.noted, "%s", text_in(s, 8));
    bool found = strcmp(text_in(s, 0), "found") == 0;
    if (!found && strcmp(text_in(s, 0), "loss") != 0) return WEIR_OK;
    if (!take_id(text_in(s, 1), loss.journal)) return WEIR_OK;
    weir_loss *same = find_loss(out, &loss);
    if (same) same->found = found; /* the last line about it counts */
    return same || found ? WEIR_OK : weir_losses_add(out, &loss);
}

/* SQLite reads JSON well. A line is one value for it, which it takes apart. */
static int take_records(sqlite3_stmt *s, const char *text, size_t bytes, weir_losses *out) {
    const char *end = text + bytes;
    for (const char *next, *line = text; line < end; line = next) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        next = stop ? stop + 1 : end;
        if (!stop) break; /* a crash has cut it off */
        int code = sqlite3_bind_text(s, 1, line, (int)(stop - line), SQLITE_STATIC);
        if (code == SQLITE_OK) code = sqlite3_step(s);
        int status = code == SQLITE_ROW ? take_record(s, out) : WEIR_OK;
        (void)sqlite3_reset(s); /* repeats what step has said */
        if (code == SQLITE_NOMEM || status != WEIR_OK) return WEIR_NO_MEMORY;
    }
    return WEIR_OK;
}

static int take_file(const char *text, size_t bytes, weir_losses *out) {
    static const char query[] =
        "SELECT ?1->>'type', ?1->>'journal', ?1->>'first_row', ?1->>'last_row', ?1->>'segment', "
        "?1->>'offset', ?1->>'last_segment', ?1->>'why', ?1->>'noted' WHERE json_valid(?1)";
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    int code = sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE, NULL);
    if (code == SQLITE_OK) code = sqlite3_prepare_v2(db, query, -1, &s, NULL);
    int status = code == SQLITE_OK ? take_records(s, text, bytes, out) : WEIR_NO_MEMORY;
    (void)sqlite3_finalize(s); /* repeats what step has said */
    (void)sqlite3_close(db);
    return status;
}

static char *path_of_file(const char *directory) {
    char *path;
    return asprintf(&path, "%s/losses", directory) < 0 ? NULL : path;
}

int weir_loss_file_read(const weir_os *os, const char *directory, weir_losses *out,
                        weir_error *error) {
    *out = (weir_losses){0};
    char *path = path_of_file(directory), *text = NULL;
    size_t bytes;
    int status = path ? read_text(os, path, &text, &bytes, error)
                      : weir_fail(error, WEIR_NO_MEMORY, "no memory for a path");
    if (status == WEIR_OK && text && take_file(text, bytes, out) != WEIR_OK)
        status = weir_fail(error, WEIR_NO_MEMORY, "no memory to read %s", path);
    if (status != WEIR_OK) weir_losses_free(out);
    free(text);
    free(path);
    return status;
}

/* ---- appending ------------------------------------------------------------------------- */

static void write_line(FILE *out, weir_loss_note what, const weir_loss *loss, const char *now) {
    weir_json json = weir_json_begin(out, what == WEIR_LOSS_FOUND ? "found" : "loss");
    weir_json_hex(&json, "journal", loss->journal, sizeof(weir_id));
    if (loss->first_row) {
        weir_json_uint(&json, "first_row", loss->first_row);
        weir_json_uint(&json, "last_row", loss->last_row);
    }
    if (loss->segment) {
        weir_json_uint(&json, "segment", loss->segment);
        weir_json_uint(&json, "offset", loss->offset);
    }
    if (loss->last_segment) weir_json_uint(&json, "last_segment", loss->last_segment);
    weir_json_text(&json, "why", loss->why);
    weir_json_text(&json, "noted", now);
    weir_json_end(&json);
}

/* The lines that the file lacks, as one text. */
static int make_lines(weir_loss_note what, const weir_id journal, const weir_losses *losses,
                      weir_losses *there, char **text, size_t *bytes) {
    char now[24] = "";
    struct tm tm;
    time_t seconds = time(NULL);
    if (gmtime_r(&seconds, &tm)) (void)strftime(now, sizeof now, "%F %T", &tm); /* it fits */
    FILE *out = open_memstream(text, bytes);
    if (!out) return WEIR_NO_MEMORY;
    for (size_t i = 0; i < losses->count; i++) {
        weir_loss loss = losses->list[i];
        weir_id_copy(loss.journal, journal);
        const weir_loss *same = find_loss(there, &loss);
        bool told = same && same->found == (what == WEIR_LOSS_FOUND);
        if (!told) write_line(out, what, &loss, now);
    }
    bool failed = ferror(out) != 0;
    failed |= fclose(out) != 0;
    if (!failed) return WEIR_OK;
    free(*text);
    *text = NULL;
    return WEIR_NO_MEMORY;
}

/* Behind what is there. Where a crash has cut off the last line, it is ended first. */
static int append_text(const weir_os *os, int file, const char *text, size_t bytes) {
    weir_os_info info;
    char last = '\n';
    int result = os->info_file(os->self, file, &info);
    uint64_t end = result < 0 ? 0 : info.bytes;
    if (end) result = weir_read_full(os, file, &last, 1, end - 1);
    if (result >= 0 && last != '\n') result = weir_write_full(os, file, "\n", 1, end++);
    if (result >= 0) result = weir_write_full(os, file, text, bytes, end);
    return result < 0 ? result : os->datasync(os->self, file);
}

static int append_to(const weir_os *os, const char *directory, const char *path, const char *text,
                     size_t bytes, weir_error *error) {
    int dirfd = os->open_directory(os->self, WEIR_OS_CWD, directory);
    if (dirfd < 0) return weir_fail_os(error, dirfd, "cannot open %s", directory);
    int flags = WEIR_OS_READ | WEIR_OS_WRITE | WEIR_OS_CREATE;
    int file = os->open(os->self, dirfd, path, flags), result = file;
    if (file >= 0) result = append_text(os, file, text, bytes);
    if (file >= 0) (void)os->close(os->self, file); /* it is synced */
    if (result >= 0) result = os->sync_directory(os->self, dirfd, directory);
    (void)os->close(os->self, dirfd); /* nothing is written through it */
    return result < 0 ? weir_fail_os(error, result, "cannot note lost rows in %s", path) : WEIR_OK;
}

int weir_loss_file_append(const weir_os *os, const char *directory, weir_loss_note what,
                          const weir_id journal, const weir_losses *losses, weir_error *error) {
    weir_losses there;
    char *path, *text = NULL;
    size_t bytes = 0;
    if (losses->count == 0) return WEIR_OK;
    int status = weir_loss_file_read(os, directory, &there, error);
    if (status != WEIR_OK) return status;
    path = path_of_file(directory);
    if (!path || make_lines(what, journal, losses, &there, &text, &bytes) != WEIR_OK)
        status = weir_fail(error, WEIR_NO_MEMORY, "no memory to note lost rows");
    else if (bytes)
        status = append_to(os, directory, path, text, bytes, error);
    weir_losses_free(&there);
    free(text);
    free(path);
    return status;
}
