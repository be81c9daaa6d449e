/* check.c - status --check: what a person must be called for, in one line. */
#include "check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "../lib/verify/reader.h"
#include "exits.h"
#include "json.h"
#include "remedy.h"
#include "summary.h"

enum { FINDINGS_MOST = 8, FINDING_TEXT = 1024, LEAST_FREE = 1 << 20 };
#define SECOND_NS 1000000000u

typedef struct finding {
    int exit;
    char text[FINDING_TEXT];
} finding;

typedef struct checking {
    const weir_arguments *arguments;
    const weir_place *place;
    const weir_view *view;
    uint64_t waiting;    /* rows of journal and ring that are not applied */
    uint64_t lag_ns;     /* since the oldest of those in the journal was written */
    uint64_t free_bytes; /* of the journal's file system */
    finding list[FINDINGS_MOST];
    size_t count;
} checking;

static const char *name_of_exit(int exit) {
    switch (exit) {
    case WEIR_EXIT_DAMAGE: return "DAMAGE";
    case WEIR_EXIT_FAILED: return "UNKNOWN";
    case WEIR_EXIT_REJECTS: return "REJECTS";
    case WEIR_EXIT_WAITING: return "WAITING";
    case WEIR_EXIT_LAG: return "LAG";
    case WEIR_EXIT_SPACE: return "SPACE";
    case WEIR_EXIT_DIED: return "DIED";
    case WEIR_EXIT_DATABASE: return "DATABASE";
    case WEIR_EXIT_SINK: return "SINK";
    default: return "OK";
    }
}

/* The higher the graver; a look that failed may hide anything. */
static int gravity(int exit) {
    static const int order[] = {WEIR_EXIT_REJECTS,  WEIR_EXIT_WAITING, WEIR_EXIT_LAG,
                                WEIR_EXIT_SINK,     WEIR_EXIT_SPACE,   WEIR_EXIT_DIED,
                                WEIR_EXIT_DATABASE, WEIR_EXIT_DAMAGE,  WEIR_EXIT_FAILED};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (order[i] == exit) return (int)i + 1;
    return 0;
}

__attribute__((format(printf, 3, 4))) static void find(checking *c, int exit, const char *format,
                                                       ...) {
    va_list list;
    if (c->count == FINDINGS_MOST) return; /* there are fewer kinds */
    finding *f = &c->list[c->count++];
    f->exit = exit;
    va_start(list, format);
    (void)vsnprintf(f->text, sizeof f->text, format, list); /* a cut text is still a text */
    va_end(list);
}

/* ---- what is looked at ---------------------------------------------------------------------- */

static bool is_locked(const checking *c) { return c->view->database.locked; }

/* A verdict that only says that the database cannot be read is told as that. */
static void look_for_damage(checking *c) {
    const weir_inventory *i = &c->view->inventory;
    const char *text = i->detail[0] ? i->detail : weir_verdict_text(i->verdict);
    if (!weir_verdict_refuses(i->verdict) || i->verdict == WEIR_VERDICT_BROKEN_DATABASE) return;
    int exit =
        weir_verdict_status(i->verdict) == WEIR_VERSION ? WEIR_EXIT_FAILED : WEIR_EXIT_DAMAGE;
    find(c, exit, "%s", text);
}

static bool is_read_only(const char *path, bool *mounted) {
    struct stat st;
    struct statvfs fs;
    *mounted = statvfs(path, &fs) == 0 && fs.f_flag & ST_RDONLY;
    return *mounted || (stat(path, &st) == 0 && !(st.st_mode & 0222));
}

/* Locked does not count: that passes, and shows as rows that wait. */
static void check_database_file(checking *c) {
    const weir_database_view *database = &c->view->database;
    const char *path = c->place->database;
    bool mounted;
    if (!path || is_locked(c)) return;
    if (database->state == WEIR_DATABASE_UNREADABLE)
        find(c, WEIR_EXIT_DATABASE, "%s cannot be read: %s", path, database->why);
    else if (!c->place->database_is_there)
        find(c, WEIR_EXIT_DATABASE, "there is no database at %s", path);
    else if (is_read_only(path, &mounted))
        find(c, WEIR_EXIT_DATABASE, "%s is read-only%s", path,
             mounted ? ": so is its file system" : "");
}

/* The oldest block of rows after the position. */
static int find_oldest(const weir_inventory *i, weir_reader *reader, weir_block_header *out) {
    for (uint64_t n = i->position.block + 1; n <= i->end.block; n++) {
        n = weir_reader_nearest(reader, n, WEIR_ABOVE);
        if (n == 0 || weir_reader_header(reader, n, out, NULL) != WEIR_OK) return WEIR_NOT_FOUND;
        if (out->rows && out->first_row + out->rows - 1 > i->position.row) return WEIR_OK;
    }
    return WEIR_NOT_FOUND;
}

/* By the wall clock of the block, which may have been set since: a negative lag is none. */
static uint64_t lag_of(const checking *c) {
    const weir_inventory *i = &c->view->inventory;
    weir_reader *reader;
    weir_block_header oldest;
    if (weir_rows_waiting(i) == 0) return 0;
    if (weir_reader_make(c->place->os, weir_inventory_locator(i), &reader) != WEIR_OK) return 0;
    int status = find_oldest(i, reader, &oldest);
    weir_reader_free(reader);
    int64_t now = c->place->os->wall(c->place->os->self);
    if (status != WEIR_OK || now <= oldest.wall_ns) return 0;
    return (uint64_t)now -
           (uint64_t)oldest.wall_ns; /* signed it might overflow: a file says when */
}

static void look_at_rows(checking *c) {
    const weir_arguments *a = c->arguments;
    const weir_inventory *i = &c->view->inventory;
    bool open = c->view->holder.is_there;
    if (is_locked(c)) return; /* its position is not known */
    c->waiting = weir_rows_waiting(i) + c->view->ring.rows;
    c->lag_ns = lag_of(c);
    const char *why = weir_why_rows_wait(&c->view->inventory, c->view->apply_status);
    if (why && c->view->apply_status != WEIR_BUSY)
        find(c, WEIR_EXIT_WAITING, "%" PRIu64 " rows wait, and will until somebody acts: %s",
             c->waiting, why);
    else if (c->waiting > a->max_waiting)
        find(c, WEIR_EXIT_WAITING, "%" PRIu64 " rows wait, and %" PRIu64 " may", c->waiting,
             a->max_waiting);
    if (c->lag_ns / SECOND_NS >= a->max_lag_s && a->max_lag_s != UINT64_MAX)
        find(c, WEIR_EXIT_LAG,
             "the oldest row has waited for %" PRIu64 " s, and %" PRIu64 " s may pass",
             c->lag_ns / SECOND_NS, a->max_lag_s);
    char operand[WEIR_REMEDY_TEXT];
    uint64_t left = weir_rows_to_recover(i, &c->view->ring, open);
    const char *since =
        i->closed ? "it was closed before they could be applied" : "its process died";
    if (left && c->view->of_server)
        find(c, WEIR_EXIT_DIED,
             "nobody has the journal open, and %" PRIu64 " rows wait, since %s: start the program",
             left, since);
    else if (left)
        find(c, WEIR_EXIT_DIED,
             "nobody has the journal open, and %" PRIu64 " rows wait, since %s: "
             "start the program, or recover them (weir-recover %s)",
             left, since, weir_remedy_operand(a, c->place->database, operand));
    if (c->view->database.rejects > a->max_rejects)
        find(c, WEIR_EXIT_REJECTS,
             "%" PRIu64 " rows are in weir_reject, and %" PRIu64 " are known of",
             c->view->database.rejects, a->max_rejects);
}

/* The first is told; each has its own words in status. */
static void check_sinks(checking *c) {
    const weir_sink_views *sinks = &c->view->sinks;
    char text[WEIR_SINK_TROUBLE], more[48] = "", one[WEIR_SINK_TROUBLE];
    size_t troubled = 0;
    for (size_t i = 0; i < sinks->count; i++)
        if (weir_sink_trouble(&sinks->list[i], one)[0] && troubled++ == 0)
            memcpy(text, one, sizeof text);
    if (troubled > 1)
        (void)snprintf(more, sizeof more, "; and %zu more (weir status)", troubled - 1); /* fits */
    if (troubled) find(c, WEIR_EXIT_SINK, "the sink %s%s", text, more);
}

static uint64_t free_bytes_at(const char *path) {
    struct statvfs fs;
    return statvfs(path, &fs) == 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : UINT64_MAX;
}

/* A segment more: without it rows stay in the ring until that is full. */
static uint64_t needed_bytes(const checking *c) {
    const weir_inventory *i = &c->view->inventory;
    const weir_segment_note *last = i->segment_count ? &i->segments[i->segment_count - 1] : NULL;
    uint64_t segment = last && last->status == WEIR_OK ? last->header.bytes : 0;
    if (c->arguments->min_free) return c->arguments->min_free;
    return segment > LEAST_FREE ? segment : LEAST_FREE;
}

static void look_at_space(checking *c) {
    uint64_t needed = needed_bytes(c);
    const char *database = c->place->database_is_there ? c->place->database : NULL;
    c->free_bytes = free_bytes_at(c->place->directory);
    if (c->free_bytes < needed)
        find(c, WEIR_EXIT_SPACE, "%s: %" PRIu64 " bytes are free, and the journal needs %" PRIu64,
             c->place->directory, c->free_bytes, needed);
    else if (database && free_bytes_at(database) < needed)
        find(c, WEIR_EXIT_SPACE, "%s: %" PRIu64 " bytes are free, and %" PRIu64 " should be",
             database, free_bytes_at(database), needed);
}

/* ---- what is said --------------------------------------------------------------------------- */

static int gravest(const checking *c) {
    int exit = WEIR_EXIT_CLEAN;
    for (size_t i = 0; i < c->count; i++)
        if (gravity(c->list[i].exit) > gravity(exit)) exit = c->list[i].exit;
    return exit;
}

static const char *note_of_waiting(const checking *c) {
    const char *why = weir_why_rows_wait(&c->view->inventory, c->view->apply_status);
    if (is_locked(c)) return "as far as can be known while the database is locked";
    if (why) return why;
    return c->view->holder.is_there ? NULL : "nobody has the journal open";
}

/* "weir NAME, NAME: …; … | waiting=…": what Nagios and its kin read. */
static void say_words(const checking *c) {
    printf("weir ");
    for (size_t i = 0; i < c->count; i++)
        printf("%s%s", i ? ", " : "", name_of_exit(c->list[i].exit));
    if (!c->count) printf("OK");
    for (size_t i = 0; i < c->count; i++)
        printf("%s%s", i ? "; " : ": ", c->list[i].text);
    const char *note = note_of_waiting(c);
    if (!c->count)
        printf(": %" PRIu64 " rows wait%s%s", c->waiting, note ? ", " : "", note ? note : "");
    printf(" | waiting=%" PRIu64 " lag=%.3fs rejects=%" PRIu64 " free=%" PRIu64 "B\n", c->waiting,
           (double)c->lag_ns / SECOND_NS, c->view->database.rejects, c->free_bytes);
}

static void say_json(const checking *c) {
    weir_json json = weir_json_begin(stdout, "check");
    weir_json_bool(&json, "ok", c->count == 0);
    weir_json_uint(&json, "exit", (uint64_t)gravest(c));
    weir_json_text(&json, "database", c->place->database);
    weir_json_text(&json, "journal", c->place->directory);
    weir_json_uint(&json, "waiting", c->waiting);
    weir_json_uint(&json, "lag_ns", c->lag_ns);
    weir_json_uint(&json, "rejected", c->view->database.rejects);
    weir_json_uint(&json, "free_bytes", c->free_bytes);
    weir_json_bool(&json, "locked", is_locked(c));
    weir_json_text(&json, "apply_status", weir_status_name(c->view->apply_status));
    weir_json_text(&json, "why_rows_wait",
                   weir_why_rows_wait(&c->view->inventory, c->view->apply_status));
    weir_json_end(&json);
    for (size_t i = 0; i < c->count; i++) {
        json = weir_json_begin(stdout, "finding");
        weir_json_text(&json, "what", name_of_exit(c->list[i].exit));
        weir_json_uint(&json, "exit", (uint64_t)c->list[i].exit);
        weir_json_text(&json, "text", c->list[i].text);
        weir_json_end(&json);
    }
}

int weir_check_view(const weir_arguments *arguments, const weir_place *place,
                    const weir_view *view) {
    checking c = {.arguments = arguments, .place = place, .view = view};
    look_for_damage(&c);
    check_database_file(&c);
    look_at_rows(&c);
    check_sinks(&c);
    look_at_space(&c);
    if (arguments->json)
        say_json(&c);
    else
        say_words(&c);
    return gravest(&c);
}
