/* report.c - a Markdown table for people or a JSON object a line. */
#include "report.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

enum { ROOM = 64 };

static char *text_room(void) {
    static char rooms[8][ROOM];
    static unsigned next;
    return rooms[next++ % 8];
}

const char *amount(double value, const char *unit) {
    static const char *const scales[] = {"", " k", " M", " G"};
    int scale = 0;
    for (bool large = value >= 10000; large && value >= 1000 && scale < 3; scale++)
        value /= 1000;
    char *text = text_room();
    snprintf(text, ROOM, value >= 1000 ? "%.0f%s%s%s" : "%.3g%s%s%s", value, scales[scale],
             *unit ? " " : "", unit);
    return text;
}

const char *duration(double ns) {
    static const char *const units[] = {"ns", "µs", "ms", "s"};
    int unit = 0;
    for (; ns >= 1000 && unit < 3; unit++)
        ns /= 1000;
    char *text = text_room();
    snprintf(text, ROOM, "%.3g %s", ns, units[unit]);
    return text;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void json_number(const char *prefix, const char *name, double value) {
    printf(", \"%s%s\": %.6g", prefix, name, value);
}

static bool is_met(const figure *f) {
    return f->goal.sense == GOAL_AT_MOST ? f->value.median <= f->goal.value
                                         : f->value.median >= f->goal.value;
}

static void json_figure(const figure *f) {
    char prefix[64];
    bool main = strcmp(f->name, "ratio") == 0;
    snprintf(prefix, sizeof prefix, "%s%s", main ? "" : f->name, main ? "" : "_");
    json_number("", f->name, f->value.median);
    json_number(prefix, "spread_min", f->value.least);
    json_number(prefix, "spread_max", f->value.most);
    if (f->goal.sense == GOAL_NONE) return;
    json_number(prefix, "goal", f->goal.value);
    printf(", \"%smet\": %s", prefix, is_met(f) ? "true" : "false");
}

/* ---- the table ------------------------------------------------------------------------------- */

void report_title(const report *r) {
    if (r->json) return;
    printf(
        "| bench | ours | theirs | figure (least … most) | goal | | durable when the clock stops: "
        "ours / theirs |\n|---|---|---|---|---|---|---|\n");
}

static const char *or_dash(const char *text) { return text ? text : "–"; }

static const char *shown(double value, const char *unit) {
    return strcmp(unit, "ns") == 0 ? duration(value) : amount(value, unit);
}

static void table_spread(const figure *f) {
    const spread *s = &f->value;
    const char *unit = strcmp(f->unit, "ns") == 0 ? "ns" : ""; /* others stand behind the median */
    printf(" %s", shown(s->median, f->unit));
    if (s->least < s->most) printf(" (%s … %s)", shown(s->least, unit), shown(s->most, unit));
    printf(" |");
}

static void table_goal(const figure *f) {
    if (f->goal.sense == GOAL_NONE)
        printf(" – | – |");
    else
        printf(" %s %s | %s |", f->goal.sense == GOAL_AT_MOST ? "≤" : "≥",
               shown(f->goal.value, f->unit), is_met(f) ? "met" : "missed");
}

static void table_figure(const report *r, const figure *f) {
    printf("| %s%s%s | %s | %s |", r->bench, f->part ? ": " : "", f->part ? f->part : "",
           or_dash(f->ours), or_dash(f->theirs));
    table_spread(f);
    table_goal(f);
    const char *theirs = f->theirs_durability ? f->theirs_durability : r->theirs;
    printf(" %s / %s |\n", r->ours, f->theirs ? theirs : "–");
}

/* ---- progress -------------------------------------------------------------------------------- */

void progress(const char *format, ...) {
    va_list arguments;
    if (!isatty(STDERR_FILENO)) return;
    fprintf(stderr, "\r\033[K");
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

static void clear_progress(void) { progress("%s", ""); }

/* ---- both ------------------------------------------------------------------------------------ */

void report_begin(report *r, const char *bench, const char *ours, const char *theirs) {
    r->bench = bench;
    r->ours = ours;
    r->theirs = theirs;
    clear_progress();
    if (r->json)
        printf("{\"bench\": \"%s\", \"ours_durability\": \"%s\", \"theirs_durability\": \"%s\"",
               bench, ours, theirs);
}

/* Above 1 the goal is met, in whichever sense. */
static double against_goal(const figure *f) {
    return f->goal.sense == GOAL_AT_MOST ? f->goal.value / f->value.median
                                         : f->value.median / f->goal.value;
}

void report_figure(report *r, const figure *f) {
    if (r->json)
        json_figure(f);
    else
        table_figure(r, f);
    fflush(stdout);
    if (r->overview && f->goal.value > 0)
        fprintf(r->overview, "\"%s%s%s\" %g\n", r->bench, f->part ? ": " : "",
                f->part ? f->part : "", against_goal(f));
}

void report_field(report *r, const char *name, double value) {
    if (r->json) json_number("", name, value);
}

void report_spread(report *r, spread ratio) {
    report_field(r, "ratio", ratio.median);
    report_field(r, "spread_min", ratio.least);
    report_field(r, "spread_max", ratio.most);
}

void report_end(report *r) {
    if (r->json) printf("}\n");
    fflush(stdout);
}

void report_missing(const report *r, const char *peer, const char *why) {
    if (r->json)
        printf(", \"missing_%s\": true", peer);
    else
        printf("| %s: against %s | – | – | not measured: %s | – | – | – |\n", r->bench, peer, why);
}
