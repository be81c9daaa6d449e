/* look_screen.c - one look as a screen: as much as fits, the most important first. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include <weir/weir.h>

#include "../shown.h"
#include "watch.h"

enum { LABEL = 10, BAR_MAX = 40, AIRY = 16, ROOMY = 60, FIELD_BYTES = 160 };

typedef enum hue { PLAIN, FAINT, GOOD, WARNING, BAD } hue;

typedef struct screen {
    FILE *out;
    int columns, lines;
    int column, line; /* where the next text goes, counted from 0 */
    bool colours;
} screen;

/* ---- text that stays in its line ------------------------------------------------------- */

/* What the terminal's encoding does not have becomes a question mark, and so does what has no width. */
static int put_character(screen *s, const char **at) {
    mbstate_t state = {0};
    wchar_t character;
    size_t bytes = mbrtowc(&character, *at, strlen(*at), &state);
    int width = bytes <= strlen(*at) && bytes > 0 ? wcwidth(character) : -1;
    bool shown = width > 0;
    if (!shown) {
        bytes = 1;
        width = 1;
    }
    if (s->column + width > s->columns) return -1;
    if (shown)
        fwrite(*at, 1, bytes, s->out);
    else
        fputc('?', s->out);
    *at += bytes;
    s->column += width;
    return width;
}

static void put_styled(screen *s, hue in, const char *text) {
    static const char *const codes[] = {"", "2", "32", "33", "1;31"};
    bool coloured = s->colours && in != PLAIN;
    if (coloured) fprintf(s->out, "\033[%sm", codes[in]);
    while (*text && put_character(s, &text) > 0) {
    }
    if (coloured) fputs("\033[0m", s->out);
}

static void screen_put(screen *s, hue in, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void screen_put(screen *s, hue in, const char *format, ...) {
    char text[FIELD_BYTES];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list); /* a cut text is still a text */
    va_end(list);
    put_styled(s, in, text);
}

static void move_to(screen *s, int column) {
    while (s->column < column && s->column < s->columns)
        put_styled(s, PLAIN, " ");
}

/* A field that does not fit whole is left out, and what follows it too. */
static void field(screen *s, int *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void field(screen *s, int *at, const char *format, ...) {
    char text[FIELD_BYTES];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    bool fits = length > 0 && *at >= 0 && *at + length <= s->columns;
    if (fits) move_to(s, *at);
    if (fits) put_styled(s, PLAIN, text);
    *at = fits ? *at + length + 3 : -1;
}

/* False: the screen is full. */
static bool next_line(screen *s) {
    if (s->line + 1 >= s->lines) return false;
    fputs("\033[K\r\n", s->out);
    s->line++;
    s->column = 0;
    return true;
}

static void gap(screen *s) {
    if (s->lines >= AIRY) (void)next_line(s); /* the next text finds out */
}

static int label(screen *s, const char *text) {
    screen_put(s, FAINT, "%s", text);
    return LABEL;
}

/* ---- what is shown --------------------------------------------------------------------- */

static hue hue_of_state(weir_watch_state state) {
    if (state == WEIR_WATCH_RUNNING) return GOOD;
    return state == WEIR_WATCH_DIED ? BAD : WARNING;
}

static void screen_heading(screen *s, const weir_look *l) {
    char text[WEIR_LOOK_TEXT], shown[WEIR_SHOWN];
    const char *name = l->place->database ? l->place->database : l->place->directory;
    const char *slash = strrchr(name, '/');
    const char *time = weir_shown_time(l->now->wall_ns, shown);
    const char *state = weir_look_state(l, text);
    if (s->columns < ROOMY) state = weir_watch_state_name(l->now->state);
    int right = s->columns - (int)strlen(state) - 11;
    screen_put(s, PLAIN, "%s", slash && slash[1] ? slash + 1 : name);
    if (s->column + 2 <= right)
        move_to(s, right);
    else
        screen_put(s, PLAIN, "  ");
    screen_put(s, hue_of_state(l->now->state), "%s", state);
    if (strlen(time) > 8)
        screen_put(s, FAINT, "   %s", time + strlen(time) - 8); /* UTC, without the day */
}

static bool note_is_due(const weir_look *l) {
    return l->restarts || l->now->state != WEIR_WATCH_RUNNING;
}

static void screen_note(screen *s, const weir_look *l) {
    switch (l->now->state) {
    case WEIR_WATCH_DIED: screen_put(s, WARNING, "Its rows wait for weir-recover."); return;
    case WEIR_WATCH_CLOSED: screen_put(s, FAINT, "Nobody has the journal open."); return;
    case WEIR_WATCH_ABSENT: screen_put(s, FAINT, "There is no journal."); return;
    case WEIR_WATCH_OPENING:
        screen_put(s, FAINT, "It is opening: rows of a dead process go first.");
        return;
    default:
        screen_put(s, WARNING, "Started again since this began: %" PRIu64 " %s.", l->restarts,
                   l->restarts == 1 ? "time" : "times");
    }
}

static void screen_rows(screen *s, const weir_look *l) {
    char shown[WEIR_SHOWN];
    int at = label(s, "rows");
    if (l->now->durable_known)
        field(s, &at, "%s durable", weir_shown_count(l->now->durable_row, shown));
    field(s, &at, "%s/s", weir_shown_count((uint64_t)weir_look_durable_rate(l), shown));
    if (l->now->applied_known)
        field(s, &at, "%s applied", weir_shown_count(l->now->applied_row, shown));
    field(s, &at, "%s/s", weir_shown_count((uint64_t)weir_look_applied_rate(l), shown));
}

static void screen_lag(screen *s, const weir_look *l) {
    char shown[WEIR_SHOWN];
    int at = label(s, "lag");
    if (!l->lag.known) {
        field(s, &at, "not known");
        return;
    }
    field(s, &at, "%s %s", weir_shown_count(l->lag.rows, shown), l->lag.rows == 1 ? "row" : "rows");
    if (!l->lag.ns) return; /* none waits, or it was not seen since when */
    const char *over = l->lag.rows_are_before ? "over " : "";
    field(s, &at, "%s%s", over, weir_shown_span((double)l->lag.ns, shown));
    field(s, &at, "%s%s", over, weir_shown_bytes(l->lag.bytes, shown));
}

static void screen_ring(screen *s, const weir_look *l) {
    char shown[WEIR_SHOWN];
    int at = label(s, "ring");
    uint64_t waiting = l->now->published_bytes - l->now->durable_bytes;
    field(s, &at, "%s/s in", weir_shown_bytes((uint64_t)weir_look_published_rate(l), shown));
    field(s, &at, "%s not durable", weir_shown_bytes(waiting, shown));
}

static void screen_disk(screen *s, const weir_look *l) {
    char shown[WEIR_SHOWN];
    int at = label(s, "journal");
    field(s, &at, "%s", weir_shown_bytes(l->now->journal_bytes, shown));
    if (l->now->has_stats)
        field(s, &at, "limit %s", weir_shown_bytes(l->now->stats.header.limit_bytes, shown));
    field(s, &at, "%s free", weir_shown_bytes(l->now->free_bytes, shown));
    field(s, &at, "%" PRIu64 " %s", l->now->segments,
          l->now->segments == 1 ? "segment" : "segments");
}

static void screen_rejects(screen *s, const weir_look *l) {
    char shown[WEIR_SHOWN];
    const weir_figures *f = &l->now->stats.figures;
    int at = label(s, "trouble");
    field(s, &at, "%s rejects", weir_shown_count(l->now->rejects, shown));
    if (!l->now->has_stats) return;
    field(s, &at, "%s refused", weir_shown_count(f->rows_refused, shown));
    field(s, &at, "%s events", weir_shown_count(weir_look_events(l), shown));
}

static void screen_durations(screen *s, const char *name, weir_durations d) {
    char shown[WEIR_SHOWN];
    int at = label(s, name);
    field(s, &at, "p50 %s", weir_shown_span((double)d.p50, shown));
    field(s, &at, "p99 %s", weir_shown_span((double)d.p99, shown));
    field(s, &at, "max %s", weir_shown_span((double)d.most, shown));
}

/* How far it is behind counts more than how long its transactions take. */
static void screen_one_of_several(screen *s, const weir_look *l, uint32_t i) {
    const weir_stats_sink *sink = &l->now->stats.sinks[i];
    char name[LABEL], shown[WEIR_SHOWN];
    uint64_t rows = weir_stats_lag_rows(&l->now->stats, &sink->figures);
    uint64_t ns = weir_stats_lag_ns(&sink->figures, l->now->wall_ns);
    (void)snprintf(name, sizeof name, "%s", sink->name); /* cut: it has to stay in its column */
    int at = label(s, name);
    field(s, &at, "%s %s behind", weir_shown_count(rows, shown), rows == 1 ? "row" : "rows");
    if (rows && ns) field(s, &at, "%s", weir_shown_span((double)ns, shown));
    field(s, &at, "p99 %s", weir_shown_span((double)weir_look_commits(l, i).p99, shown));
}

/* Why a sink takes no rows, where it takes none. */
static void screen_sink(screen *s, const weir_look *l, uint32_t i) {
    const weir_stats_sink *sink = &l->now->stats.sinks[i];
    int status = (int)(int64_t)sink->figures.status;
    if (l->now->stats.header.sinks > 1)
        screen_one_of_several(s, l, i);
    else
        screen_durations(s, "commit", weir_look_commits(l, i));
    if (status && next_line(s)) screen_put(s, WARNING, "          %s", weir_status_text(status));
}

static void screen_stats(screen *s, const weir_look *l) {
    if (!l->now->has_stats) return;
    if (next_line(s)) screen_durations(s, "sync", weir_look_syncs(l));
    for (uint32_t i = 0; i < l->now->stats.header.sinks && next_line(s); i++)
        screen_sink(s, l, i);
}

/* ---- lanes ----------------------------------------------------------------------------- */

static void screen_lane(screen *s, const weir_look *l, size_t i) {
    const weir_lane_sample *lane = &l->now->lanes[i];
    char shown[WEIR_SHOWN], bar[BAR_MAX + 1];
    double share = (double)(lane->tail - lane->head) / (double)l->now->lane_bytes;
    int width = s->columns - 39 < BAR_MAX ? s->columns - 39 : BAR_MAX;
    if (width < 0) width = 0;
    if (share > 1) share = 1;
    int full = (int)(share * width + 0.999); /* a little is seen too */
    memset(bar, '.', (size_t)width);
    memset(bar, '#', (size_t)full);
    bar[width] = 0;
    screen_put(s, PLAIN, "%4" PRIu32 " ", lane->index);
    if (lane->thread)
        screen_put(s, PLAIN, "%8" PRIu32 "  ", lane->thread);
    else
        screen_put(s, FAINT, "%8s  ", "free");
    if (width) screen_put(s, share > 0.9 ? BAD : share > 0.5 ? WARNING : PLAIN, "[%s] ", bar);
    screen_put(s, PLAIN, "%5.1f %%  ", share * 100);
    screen_put(s, PLAIN, "%11s/s", weir_shown_bytes((uint64_t)weir_look_lane_rate(l, i), shown));
}

/* Those that do not fit are counted in the last line. */
static void screen_lanes(screen *s, const weir_look *l) {
    size_t count = l->now->lane_count;
    bool airy = s->lines >= AIRY;
    int room = s->lines - s->line - (airy ? 4 : 1); /* a heading, a gap, and the last line */
    if (!count || room < 1) return;
    if (airy && next_line(s)) screen_put(s, FAINT, "lane   thread  fill");
    size_t shown = count <= (size_t)room ? count : (size_t)room - 1;
    for (size_t i = 0; i < shown && next_line(s); i++)
        screen_lane(s, l, i);
    if (shown < count && next_line(s)) screen_put(s, FAINT, "and %zu more", count - shown);
}

void weir_look_as_screen(FILE *out, const weir_look *l, int columns, int lines, bool colours) {
    static void (*const parts[])(screen *, const weir_look *) = {
        screen_rows, screen_lag, screen_ring, screen_disk, screen_rejects};
    screen s = {out, columns, lines, 0, 0, colours};
    screen_heading(&s, l);
    if (note_is_due(l) && next_line(&s)) screen_note(&s, l);
    gap(&s);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (next_line(&s)) parts[i](&s, l);
    screen_stats(&s, l);
    gap(&s);
    screen_lanes(&s, l);
    gap(&s);
    if (lines >= AIRY && next_line(&s)) screen_put(&s, FAINT, "q ends");
    fputs("\033[K", out);
}
