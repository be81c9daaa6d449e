/* far.c - the other side of a sink, in a directory: DIRECTORY/position, and DIRECTORY/rows with a line for
 * each stretch of rows that was committed. */
#include "far.h"

#include <stdio.h>
#include <string.h>

typedef struct far {
    const char *directory;
    uint64_t first, last; /* of the transaction; last 0: none yet */
} far;

static FILE *far_open(const far *f, const char *name, const char *mode) {
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", f->directory, name); /* the trial's paths fit */
    return fopen(path, mode);
}

static int far_fail(weir_error *error) {
    return weir_fail(error, WEIR_IO, "the server does not answer");
}

/* Where the file is not there, nothing was applied yet. */
static int far_begin(void *self, const weir_id journal, weir_position *at, weir_error *error) {
    far *f = self;
    FILE *there = far_open(f, ".", "r"), *file = far_open(f, "position", "r");
    *at = (weir_position){0};
    bool read = !file || fread(at, sizeof *at, 1, file) == 1;
    if (file) (void)fclose(file); /* only read */
    if (there) (void)fclose(there);
    if (!there || !read) return far_fail(error);
    memcpy(at->journal, journal, sizeof at->journal);
    f->first = f->last = 0;
    return WEIR_OK;
}

static int far_declare(void *self, const weir_declaration *d, weir_declare_when when,
                       weir_error *error) {
    (void)self, (void)d, (void)when, (void)error;
    return WEIR_OK;
}

static int far_apply(void *self, const weir_block_header *header, weir_cursor body,
                     weir_row_range range, weir_error *error) {
    far *f = self;
    (void)body, (void)error;
    uint64_t end = header->first_row + header->rows - 1;
    if (!f->last) f->first = range.first;
    f->last = range.last < end ? range.last : end;
    return WEIR_OK;
}

static bool far_write(const far *f, const weir_position *to) {
    FILE *rows = far_open(f, "rows", "a"), *position = far_open(f, "position", "w");
    bool done = rows && position && fwrite(to, sizeof *to, 1, position) == 1;
    if (done && f->last)
        done = fprintf(rows, "%llu-%llu\n", (unsigned long long)f->first,
                       (unsigned long long)f->last) > 0;
    if (rows) done = fclose(rows) == 0 && done;
    if (position) done = fclose(position) == 0 && done;
    return done;
}

static int far_commit(void *self, const weir_position *to, weir_sink_counts *counts,
                      weir_error *error) {
    const far *f = self;
    *counts = (weir_sink_counts){.rows = f->last ? f->last - f->first + 1 : 0};
    return far_write(f, to) ? WEIR_OK : far_fail(error);
}

static void far_rollback(void *self) { (void)self; }

static int far_checkpoint(void *self, uint64_t applied, uint64_t *safe, weir_error *error) {
    (void)self, (void)error;
    *safe = applied;
    return WEIR_OK;
}

static void far_close(void *self) { (void)self; }

int far_attach(weir *w, const char *directory, uint64_t limit, weir_error *error) {
    static far only;
    only.directory = directory;
    weir_sink_offer offer = {.name = "central",
                             .kind = "postgresql",
                             .place = "postgresql://weir@db.example/app",
                             .sink = {.self = &only,
                                      .begin = far_begin,
                                      .declare = far_declare,
                                      .apply = far_apply,
                                      .commit = far_commit,
                                      .rollback = far_rollback,
                                      .checkpoint = far_checkpoint,
                                      .close = far_close},
                             .lag_limit_bytes = limit,
                             .at_limit = WEIR_LAG_DETACHES};
    return weir_private_attach_1(w, &offer, error);
}
