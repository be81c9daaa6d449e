/* page_time_line.c - rows by the clocks of their blocks, and how far the database is behind.
 *
 * What the files tell of the past is when each block was written. When it was applied they do not
 * tell, so what is shown of the lag is that of now: the rows that wait, and since when. */
#include <inttypes.h>
#include <string.h>

#include "../summary.h"
#include "page.h"

enum { BINS = 120, WIDE = 1200, HIGH = 150, POINTS_MAX = 400 };

typedef struct timing {
    int64_t from_ns, until_ns;
    double bins[BINS], most;
    uint64_t first_row, next_row, applied_row;
    int64_t waits_since_ns; /* the first block with a row that waits; 0: none waits */
} timing;

static bool is_timed(const weir_cell *cell) { return cell->from_ns || cell->until_ns; }

/* ---- what the cells tell --------------------------------------------------------------- */

static void find_range(const weir_block_map *map, timing *t) {
    bool found = false;
    for (size_t c = 0; c < map->cell_count; c++) {
        const weir_cell *cell = &map->cells[c];
        if (!is_timed(cell)) continue;
        if (!found || cell->from_ns < t->from_ns) t->from_ns = cell->from_ns;
        if (!found || cell->until_ns > t->until_ns) t->until_ns = cell->until_ns;
        if (cell->first_row && (!t->first_row || cell->first_row < t->first_row))
            t->first_row = cell->first_row;
        if (cell->next_row > t->next_row) t->next_row = cell->next_row;
        found = true;
        bool waits = cell->rows && cell->next_row - 1 > t->applied_row;
        if (waits && !t->waits_since_ns) t->waits_since_ns = cell->from_ns;
    }
}

/* Clocks may be anything: in a double nothing overflows. */
static double place(const timing *t, int64_t wall_ns, double of) {
    double span = (double)t->until_ns - (double)t->from_ns;
    double at = span > 0 ? ((double)wall_ns - (double)t->from_ns) / span : 0;
    return at * of;
}

/* The rows of a cell are spread evenly over its time. */
static void spread(timing *t, const weir_cell *cell) {
    int first = (int)place(t, cell->from_ns, BINS - 1),
        last = (int)place(t, cell->until_ns, BINS - 1);
    for (int b = first; b <= last; b++)
        t->bins[b] += (double)cell->rows / (last - first + 1);
}

static void take_timing(const weir_page *p, timing *t) {
    *t = (timing){.applied_row = p->view->inventory.position.row};
    find_range(p->map, t);
    for (size_t c = 0; c < p->map->cell_count; c++)
        if (is_timed(&p->map->cells[c])) spread(t, &p->map->cells[c]);
    for (int b = 0; b < BINS; b++)
        if (t->bins[b] > t->most) t->most = t->bins[b];
}

/* ---- rows ------------------------------------------------------------------------------ */

static void put_axis(const weir_page *p, const timing *t) {
    char shown[WEIR_SHOWN];
    fprintf(p->out, "<p><span>%s</span>", weir_shown_time(t->from_ns, shown));
    fprintf(p->out, "<span>%s UTC</span></p>\n", weir_shown_time(t->until_ns, shown));
}

static void put_chart(const weir_page *p, const char *id, const char *label) {
    fprintf(p->out,
            "<svg id=\"%s\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\" "
            "aria-label=\"%s\">\n",
            id, WIDE, HIGH, label);
}

static void put_rows(const weir_page *p, const timing *t) {
    char shown[WEIR_SHOWN], span[WEIR_SHOWN];
    double each = ((double)t->until_ns - (double)t->from_ns) / BINS;
    fputs("<h3>Rows, by the clocks of their blocks</h3>\n<figure class=\"chart\">", p->out);
    fprintf(p->out, "<p class=\"top\"><span>most: %s rows in %s</span></p>\n",
            weir_shown_count((uint64_t)(t->most + 0.5), shown), weir_shown_span(each, span));
    put_chart(p, "rows-chart", "rows by time");
    for (int b = 0; b < BINS; b++) {
        double high = t->most > 0 ? t->bins[b] / t->most * (HIGH - 6) : 0;
        if (high > 0 && high < 1.5) high = 1.5;
        if (high > 0)
            fprintf(p->out,
                    "<rect class=\"bar\" x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"/>\n",
                    b * WIDE / BINS + 1, HIGH - high, WIDE / BINS - 2, high);
    }
    fputs("</svg>", p->out);
    put_axis(p, t);
    fputs("</figure>\n", p->out);
}

/* ---- lag ------------------------------------------------------------------------------- */

typedef struct curve {
    FILE *out;
    const timing *t;
    double low, high; /* rows between which the area lies */
    double x, y;
} curve;

static double height_of(const timing *t, double row) {
    double span = (double)t->next_row - (double)t->first_row;
    double at = span > 0 ? (row - (double)t->first_row) / span : 0;
    return HIGH - 2 - at * (HIGH - 8);
}

static void curve_to(curve *c, int64_t wall_ns, double row) {
    double x = place(c->t, wall_ns, WIDE);
    if (row < c->low) row = c->low;
    if (row > c->high) row = c->high;
    double y = height_of(c->t, row);
    if (x < c->x) x = c->x; /* a clock that jumped back: the curve stands */
    fprintf(c->out, "L%.1f,%.1f ", x, y);
    c->x = x;
    c->y = y;
}

static void put_curve(const weir_page *p, curve *c, const char *style, bool closed) {
    const weir_block_map *map = p->map;
    size_t step = map->cell_count / POINTS_MAX + 1;
    double floor = height_of(c->t, c->low);
    fprintf(p->out, "<path class=\"%s\" d=\"M0,%.1f ", style, floor);
    for (size_t i = 0; i < map->cell_count; i++)
        if (is_timed(&map->cells[i]) && (i % step == 0 || i + 1 == map->cell_count))
            curve_to(c, map->cells[i].until_ns, (double)map->cells[i].next_row);
    curve_to(c, c->t->until_ns, (double)c->t->next_row);
    fprintf(p->out, closed ? "L%.1f,%.1f Z\"/>\n" : "\"/>\n", c->x, floor);
}

static void put_areas(const weir_page *p, const timing *t) {
    double first = (double)t->first_row, next = (double)t->next_row;
    double applied = (double)t->applied_row + 1;
    if (applied < first) applied = first;
    if (applied > next) applied = next;
    curve below = {p->out, t, first, applied, 0, 0}, above = {p->out, t, applied, next, 0, 0},
          edge = {p->out, t, first, next, 0, 0};
    put_chart(p, "lag-chart", "rows durable over time, and up to where they are applied");
    if (applied > first) put_curve(p, &below, "applied", true);
    if (applied < next) put_curve(p, &above, "waiting", true);
    put_curve(p, &edge, "edge", false);
    fprintf(p->out, "<path class=\"level\" d=\"M0,%.1fH%d\"/>\n</svg>", height_of(t, applied),
            WIDE);
}

static void put_lag_words(const weir_page *p, const timing *t) {
    uint64_t rows = weir_rows_waiting(&p->view->inventory);
    char shown[WEIR_SHOWN], span[WEIR_SHOWN];
    if (p->view->database.state != WEIR_DATABASE_READ) {
        fputs("<p>Up to where the rows are applied is not known, since the database cannot be "
              "read or is not there.</p>\n",
              p->out);
    } else if (rows == 0) {
        fputs("<p id=\"lag\">No durable row waits: the lag is none.</p>\n", p->out);
    } else {
        fprintf(p->out, "<p id=\"lag\">The database is behind by %s %s",
                weir_shown_count(rows, shown), rows == 1 ? "row" : "rows");
        double age = (double)p->now_ns - (double)t->waits_since_ns;
        if (t->waits_since_ns)
            fprintf(p->out, "; the oldest of them was written at %s UTC",
                    weir_shown_time(t->waits_since_ns, shown));
        if (t->waits_since_ns && age >= 0)
            fprintf(p->out, ", %s before this page", weir_shown_span(age, span));
        fputs(".</p>\n", p->out);
    }
}

static void put_lag(const weir_page *p, const timing *t) {
    char first[WEIR_SHOWN], last[WEIR_SHOWN];
    fputs("<h3>Lag: durable rows, and those of them that are applied</h3>\n", p->out);
    put_lag_words(p, t);
    if (t->next_row <= t->first_row) return;
    fprintf(p->out, "<figure class=\"chart\"><p class=\"top\"><span>row %s</span></p>\n",
            weir_shown_count(t->next_row - 1, last));
    put_areas(p, t);
    put_axis(p, t);
    fprintf(p->out,
            "<figcaption>From row %s. The line is how far rows were durable, by the clocks of the "
            "blocks that are kept; the dashed line is how far the database is now. When each block "
            "was applied is not in the files.</figcaption></figure>\n",
            weir_shown_count(t->first_row, first));
}

void weir_page_time_line(const weir_page *p) {
    timing t;
    take_timing(p, &t);
    if (!p->map->blocks) return;
    weir_section_begin(p->out, "time", "Time line");
    if (p->map->jumps) {
        char shown[WEIR_SHOWN];
        fprintf(p->out,
                "<p>The clock jumped back: %s %s an earlier time than the block before.</p>\n",
                weir_shown_count(p->map->jumps, shown),
                p->map->jumps == 1 ? "block has" : "blocks have");
    }
    if (t.most > 0) put_rows(p, &t);
    put_lag(p, &t);
    weir_section_end(p->out);
}
