/* crashes.c - the crashes that the table "log" of a database tells. Its texts are untrusted: what
 * does not read as a frame or a mapping is passed over. */
#include "crashes.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "database.h"

enum { PARTS_MAX = 4096 }; /* frames, and mappings, of one crash; far more than are logged */

/* ---- the text of a row ---- */

static bool skip_text(const char **at, const char *text) {
    size_t length = strlen(text);
    if (strncmp(*at, text, length) != 0) return false;
    *at += length;
    return true;
}

/* "0x1f" */
static bool take_hex(const char **at, uint64_t *value) {
    size_t digits = 0;
    if (!skip_text(at, "0x")) return false;
    digits = strspn(*at, "0123456789abcdef");
    if (digits == 0 || digits > 16) return false;
    *value = strtoull(*at, NULL, 16);
    *at += digits;
    return true;
}

static int hex_value(char c) {
    static const char digits[] = "0123456789abcdef";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* Hexadecimal, or "-". */
static void take_build_id(const char **at, weir_build_id *id) {
    *id = (weir_build_id){0};
    while (id->length < WEIR_BUILD_ID_MAX) {
        int high = hex_value((*at)[0]), low = high < 0 ? -1 : hex_value((*at)[1]);
        if (low < 0) break;
        id->bytes[id->length++] = (uint8_t)(high << 4 | low);
        *at += 2;
    }
    if (!id->length) (void)skip_text(at, "-");
}

/* "#0 0x5581 /usr/bin/program+0x1181" */
static bool parse_frame(const char *text, weir_logged_frame *out) {
    *out = (weir_logged_frame){0};
    if (!skip_text(&text, "#")) return false;
    text += strspn(text, "0123456789");
    return skip_text(&text, " ") && take_hex(&text, &out->address);
}

/* "mapping 0x5581-0x6581 0x1000 a1b2 /usr/bin/program"; path stays in text. */
static bool parse_logged_mapping(const char *text, weir_logged_mapping *out, const char **path) {
    *out = (weir_logged_mapping){0};
    if (!skip_text(&text, "mapping ") || !take_hex(&text, &out->start)) return false;
    if (!skip_text(&text, "-") || !take_hex(&text, &out->end)) return false;
    if (!skip_text(&text, " ") || !take_hex(&text, &out->offset)) return false;
    if (!skip_text(&text, " ")) return false;
    take_build_id(&text, &out->build_id);
    *path = text + 1;
    return *text == ' ';
}

/* ---- a crash, row by row ---- */

static void free_frame(weir_logged_frame *frame) {
    for (size_t i = 0; i < frame->source_count; i++) {
        free(frame->sources[i].function);
        free(frame->sources[i].place);
    }
    free(frame->sources);
}

static void free_crash(weir_logged_crash *c) {
    for (size_t i = 0; i < c->frame_count; i++)
        free_frame(&c->frames[i]);
    for (size_t i = 0; i < c->mapping_count; i++)
        free(c->mappings[i].path);
    free(c->frames);
    free(c->mappings);
    free(c->head);
    *c = (weir_logged_crash){0};
}

static int add_logged_frame(weir_logged_crash *c, const weir_logged_frame *frame) {
    if (c->frame_count == PARTS_MAX) return WEIR_OK;
    weir_logged_frame *grown = realloc(c->frames, (c->frame_count + 1) * sizeof *grown);
    if (!grown) return WEIR_NO_MEMORY;
    c->frames = grown;
    grown[c->frame_count++] = *frame;
    return WEIR_OK;
}

static int add_logged_mapping(weir_logged_crash *c, weir_logged_mapping *mapping,
                              const char *path) {
    if (c->mapping_count == PARTS_MAX) return WEIR_OK;
    weir_logged_mapping *grown = realloc(c->mappings, (c->mapping_count + 1) * sizeof *grown);
    if (!grown) return WEIR_NO_MEMORY;
    c->mappings = grown;
    mapping->path = strdup(path);
    if (!mapping->path) return WEIR_NO_MEMORY;
    grown[c->mapping_count++] = *mapping;
    return WEIR_OK;
}

static int add_crash_text(weir_logged_crash *c, const char *text) {
    weir_logged_frame frame;
    weir_logged_mapping mapping;
    const char *path;
    if (parse_frame(text, &frame)) return add_logged_frame(c, &frame);
    if (parse_logged_mapping(text, &mapping, &path)) return add_logged_mapping(c, &mapping, path);
    return WEIR_OK;
}

static void find_logged_mapping(const weir_logged_crash *c, weir_logged_frame *frame) {
    for (size_t i = 0; i < c->mapping_count; i++) {
        const weir_logged_mapping *m = &c->mappings[i];
        if (frame->address < m->start || frame->address >= m->end) continue;
        frame->mapping = m;
        frame->offset = frame->address - m->start + m->offset;
    }
}

/* ---- the table ---- */

typedef struct crash_reading {
    weir_logged_crash crash;
    int (*each)(void *context, weir_logged_crash *crash);
    void *context;
    size_t *found;
} crash_reading;

static int finish_crash(crash_reading *r) {
    int status = WEIR_OK;
    if (r->crash.head) {
        for (size_t i = 0; i < r->crash.frame_count; i++)
            find_logged_mapping(&r->crash, &r->crash.frames[i]);
        ++*r->found;
        status = r->each(r->context, &r->crash);
    }
    free_crash(&r->crash);
    return status;
}

static int take_crash_row(crash_reading *r, sqlite3_stmt *row) {
    int64_t time_ns = sqlite3_column_int64(row, 0), thread = sqlite3_column_int64(row, 1);
    bool is_head = sqlite3_column_int64(row, 2) == 0;
    const char *text = (const char *)sqlite3_column_text(row, 3);
    if (!text) return sqlite3_column_type(row, 3) == SQLITE_NULL ? WEIR_OK : WEIR_NO_MEMORY;
    bool belongs = r->crash.time_ns == time_ns && r->crash.thread == thread;
    if (!is_head) return belongs && r->crash.head ? add_crash_text(&r->crash, text) : WEIR_OK;
    int status = finish_crash(r);
    r->crash.time_ns = time_ns;
    r->crash.thread = thread;
    r->crash.head = strdup(text);
    return status == WEIR_OK && !r->crash.head ? WEIR_NO_MEMORY : status;
}

static int read_rows(sqlite3 *db, crash_reading *r) {
    static const char query[] = "SELECT time_ns, thread, line, message FROM main.log "
                                "WHERE level = 'FATAL' AND file = 'weir/crash.h' ORDER BY rowid";
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, query, -1, &s, NULL) != SQLITE_OK) return WEIR_SCHEMA;
    int status = WEIR_OK, step = SQLITE_ROW;
    while (status == WEIR_OK && (step = sqlite3_step(s)) == SQLITE_ROW)
        status = take_crash_row(r, s);
    (void)sqlite3_finalize(s); /* repeats what step has said */
    if (status == WEIR_OK && step != SQLITE_DONE) return WEIR_DATABASE;
    return status == WEIR_OK ? finish_crash(r) : status;
}

static int read_crashes(sqlite3 *db, crash_reading *r) {
    /* SQLite reads the file, and so finds that it is no database, only when asked for something. */
    if (sqlite3_exec(db, "PRAGMA schema_version", NULL, NULL, NULL) != SQLITE_OK)
        return WEIR_DATABASE;
    return weir_database_has_table(db, "log") ? read_rows(db, r) : WEIR_OK;
}

int weir_crashes_read(const char *database, int (*each)(void *context, weir_logged_crash *crash),
                      void *context, size_t *found, weir_error *error) {
    crash_reading r = {.each = each, .context = context, .found = found};
    sqlite3 *db = NULL;
    *found = 0;
    int status = weir_database_open_quietly(database, &db) == SQLITE_OK ? WEIR_OK : WEIR_DATABASE;
    if (status == WEIR_OK) status = read_crashes(db, &r);
    if (status == WEIR_DATABASE || status == WEIR_SCHEMA)
        (void)weir_fail(error, status, "%s: %s", database, db ? sqlite3_errmsg(db) : "no memory");
    else if (status == WEIR_NO_MEMORY)
        (void)weir_fail(error, status, "no memory to read %s", database);
    free_crash(&r.crash);
    (void)sqlite3_close(db); /* every statement is finalized */
    return status;
}
