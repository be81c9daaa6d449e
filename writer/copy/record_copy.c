/* record_copy.c - rows into tables by SQLite's record copy. */
#include "record_copy.h"

#include <stdlib.h>

#include "image_vfs.h"

#define SCHEMA "weir_image"

typedef struct slot {
    sqlite3_stmt *copy; /* NULL: it is free */
    uint64_t rows;      /* taken */
} slot;

struct weir_record_copy {
    sqlite3 *db;
    weir_image *image;
    weir_image_vfs file;
    bool closed; /* this transaction takes no more rows */
    int code;    /* SQLite's code for the copies so far */
    slot slot[WEIR_IMAGE_TABLES];
};

/* ---- which tables ---------------------------------------------------------------------------- */

/* The columns as declared, with what the destination requires of them. Returns SQLite's code. */
static int describe_table(sqlite3 *db, const weir_declaration *d, weir_image_column *out) {
    for (unsigned i = 0; i < d->columns; i++) {
        const char *type, *collation;
        int not_null, key, automatic;
        int code = sqlite3_table_column_metadata(db, "main", d->name, d->column[i].name, &type,
                                                 &collation, &not_null, &key, &automatic);
        if (code != SQLITE_OK) return code;
        out[i] = (weir_image_column){d->column[i].type, collation, not_null != 0};
    }
    return SQLITE_OK;
}

/* INSERT … SELECT * goes by position, so the same names must be in the same positions. */
static bool same_columns(sqlite3 *db, const weir_declaration *d) {
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, "SELECT name FROM pragma_table_xinfo(?1, 'main') ORDER BY cid", -1,
                           &s, NULL) != SQLITE_OK)
        return false;
    unsigned n = 0;
    bool same = sqlite3_bind_text(s, 1, d->name, -1, SQLITE_STATIC) == SQLITE_OK;
    while (same && sqlite3_step(s) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(s, 0);
        same = name && n < d->columns && sqlite3_stricmp(name, d->column[n].name) == 0;
        n++;
    }
    same = sqlite3_finalize(s) == SQLITE_OK && same;
    return same && n == d->columns;
}

/* A statement is compiled against the schema as it was last read. Only a statement that runs
 * notices that the image's schema has changed, and reads it. */
static bool read_schema(sqlite3 *db) {
    return sqlite3_exec(db, "SELECT 1 FROM " SCHEMA ".sqlite_schema LIMIT 0", NULL, NULL, NULL) ==
           SQLITE_OK;
}

static char *copy_sql(const weir_declaration *d, int number, const char *before) {
    return sqlite3_mprintf("%sINSERT INTO main.\"%w\" SELECT * FROM " SCHEMA ".t%d", before,
                           d->name, number);
}

/* Does SQLite's program for the copy move whole records, and make none? Should the names of its
 * instructions ever change, the answer is no, and rows are fed. */
static bool copies_records(sqlite3 *db, const weir_declaration *d, int number) {
    sqlite3_stmt *s = NULL;
    char *sql = copy_sql(d, number, "EXPLAIN ");
    bool makes = false, copies = false;
    int code = sql ? sqlite3_prepare_v2(db, sql, -1, &s, NULL) : SQLITE_NOMEM;
    while (code == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(s, 1);
        makes |= !name || strcmp(name, "MakeRecord") == 0 || strcmp(name, "Column") == 0;
        copies |= name && (strcmp(name, "RowData") == 0 || strcmp(name, "RowCell") == 0);
    }
    code = sqlite3_finalize(s) == SQLITE_OK ? code : SQLITE_ERROR;
    sqlite3_free(sql);
    return code == SQLITE_OK && copies && !makes;
}

static bool prepare_copy(weir_record_copy *t, const weir_declaration *d, int number) {
    char *sql = copy_sql(d, number, "");
    int code = sql ? sqlite3_prepare_v3(t->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                        &t->slot[number].copy, NULL)
                   : SQLITE_NOMEM;
    sqlite3_free(sql);
    return code == SQLITE_OK;
}

static bool define(weir_record_copy *t, const weir_declaration *d, int number) {
    weir_image_column *column = malloc(d->columns * sizeof *column);
    bool can = column && describe_table(t->db, d, column) == SQLITE_OK &&
               weir_image_define(t->image, (unsigned)number, column, d->columns);
    free(column);
    return can && read_schema(t->db) && copies_records(t->db, d, number) &&
           prepare_copy(t, d, number);
}

static int free_image_slot(const weir_record_copy *t) {
    for (int i = 0; i < WEIR_IMAGE_TABLES; i++)
        if (!t->slot[i].copy) return i;
    return -1;
}

int weir_record_copy_offer(weir_record_copy *t, const weir_declaration *d) {
    if (!t->image) return -1;
    int number = free_image_slot(t);
    return number >= 0 && same_columns(t->db, d) && define(t, d, number) ? number : -1;
}

void weir_record_copy_forget(weir_record_copy *t) {
    for (int i = 0; i < WEIR_IMAGE_TABLES; i++) {
        (void)sqlite3_finalize(t->slot[i].copy); /* repeats the last step's code */
        t->slot[i] = (slot){0};
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

void weir_record_copy_drop(weir_record_copy *t) {
    t->closed = true;
    t->code = SQLITE_OK;
    for (int i = 0; i < WEIR_IMAGE_TABLES; i++)
        t->slot[i].rows = 0;
}

void weir_record_copy_begin(weir_record_copy *t) {
    weir_record_copy_drop(t);
    t->closed = !t->image;
    if (t->image) weir_image_clear(t->image);
}

static int copy(weir_record_copy *t, slot *s) {
    int code = sqlite3_step(s->copy);
    bool whole = (uint64_t)sqlite3_changes64(t->db) == s->rows;
    (void)sqlite3_reset(s->copy); /* repeats the step's code */
    if (code != SQLITE_DONE) return code;
    return whole ? SQLITE_OK : SQLITE_CONSTRAINT;
}

static void copy_all(weir_record_copy *t) {
    bool sealed = false;
    for (int i = 0; i < WEIR_IMAGE_TABLES && t->code == SQLITE_OK; i++) {
        if (!t->slot[i].rows) continue;
        if (!sealed) weir_image_seal(t->image);
        sealed = true;
        t->code = copy(t, &t->slot[i]);
        t->slot[i].rows = 0;
    }
}

/* Copy while the rows are still in the processor's cache. */
static bool copy_early(weir_record_copy *t) {
    copy_all(t);
    t->closed = t->code != SQLITE_OK;
    if (!t->closed) weir_image_clear(t->image);
    return !t->closed;
}

bool weir_record_copy_take(weir_record_copy *t, int number, const uint8_t *row, size_t length) {
    if (t->closed || !weir_image_take(t->image, (unsigned)number, row, length)) return false;
    t->slot[number].rows++;
    return !t->file.in_place || !weir_image_is_due(t->image) || copy_early(t);
}

int weir_record_copy_run(weir_record_copy *t) {
    t->closed = true;
    copy_all(t);
    return t->code;
}

/* ---- making ---------------------------------------------------------------------------------- */

int weir_record_copy_make(sqlite3 *db, weir_record_copy **out) {
    weir_record_copy *t = *out = calloc(1, sizeof *t);
    if (!t || weir_image_make(&t->image) != WEIR_OK) return WEIR_NO_MEMORY;
    t->db = db;
    int code = weir_image_vfs_attach(&t->file, t->image, db, SCHEMA);
    if (code == SQLITE_NOMEM) return WEIR_NO_MEMORY;
    if (code == SQLITE_OK) return WEIR_OK;
    weir_image_free(t->image);
    t->image = NULL;
    return WEIR_OK;
}

void weir_record_copy_close(weir_record_copy *t) {
    if (t) weir_record_copy_forget(t);
}

void weir_record_copy_free(weir_record_copy *t) {
    if (!t) return;
    weir_image_free(t->image);
    free(t);
}
