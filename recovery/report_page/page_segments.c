/* page_segments.c - the segments as a picture: a band for each, and in it its blocks by class. */
#include <inttypes.h>
#include <string.h>

#include "page.h"

/* The picture's own unit: a band is so wide and so high, and nothing in it is narrower than LEAST. */
enum { WIDE = 1000, HIGH = 24, LEAST = 9, GAP = 1, LOW = 6 };

static const struct {
    const char *style, *words;
} classes[] = {
    [WEIR_BLOCK_APPLIED] = {"applied", "applied: the database has the rows, or there are none"},
    [WEIR_BLOCK_WAITING] = {"waiting", "durable, and waiting to be applied"},
    [WEIR_BLOCK_ABOVE_MARK] = {"above", "valid, above the durable mark: recovery takes it in"},
    [WEIR_BLOCK_PASSED] = {"passed", "left the journal while this page was made"},
    [WEIR_BLOCK_TORN] = {"torn", "torn tail: never acknowledged, and cut at opening"},
    [WEIR_BLOCK_DAMAGED] = {"damaged", "damaged: promised, and cannot be read"},
    [WEIR_BLOCK_MISSING] = {"missing", "missing: the segment's file is not there"},
};

static bool is_bad(const weir_band *band) {
    return band->of_class[WEIR_BLOCK_DAMAGED] || band->of_class[WEIR_BLOCK_MISSING] || band->why;
}

/* ---- legend ---------------------------------------------------------------------------- */

static void put_legend(const weir_page *p) {
    char shown[WEIR_SHOWN];
    fputs("<ul class=\"legend\">\n", p->out);
    for (int c = 0; c < WEIR_BLOCK_CLASSES; c++) {
        uint64_t count = p->map->of_class[c];
        if (!count && c != WEIR_BLOCK_DAMAGED) continue;
        fprintf(p->out,
                "<li><svg viewBox=\"0 0 14 14\" aria-hidden=\"true\"><rect class=\"%s\" "
                "width=\"14\" height=\"14\"/></svg><span><b data-class=\"%s\">%s</b> "
                "%s</span></li>\n",
                classes[c].style, classes[c].style, weir_shown_count(count, shown),
                classes[c].words);
    }
    fputs("</ul>\n", p->out);
}

/* ---- one band -------------------------------------------------------------------------- */

/* Widths follow bytes, but nothing is too narrow to be seen. */
static double used_width(const weir_band *band) {
    /* A file that is missing is missing whole. */
    double share = band->files ? 0 : 1;
    if (band->file_bytes) share = (double)band->used_bytes / (double)band->file_bytes;
    double least = (double)(band->cells * LEAST), wanted = share * WIDE;
    if (wanted < least) wanted = least;
    return wanted > WIDE ? WIDE : wanted;
}

static void put_cell_title(const weir_page *p, const weir_cell *cell) {
    char first[WEIR_SHOWN], last[WEIR_SHOWN];
    FILE *out = p->out;
    fputs("<title>", out);
    if (cell->first_block && cell->first_block == cell->last_block)
        fprintf(out, "block %s: ", weir_shown_count(cell->first_block, first));
    else if (cell->first_block)
        fprintf(out, "blocks %s to %s: ", weir_shown_count(cell->first_block, first),
                weir_shown_count(cell->last_block, last));
    const char *comma = "";
    for (int c = WEIR_BLOCK_CLASSES - 1; c >= 0; c--) {
        if (!cell->things[c]) continue;
        fprintf(out, "%s%s %s", comma, weir_shown_count(cell->things[c], first),
                weir_block_class_name((weir_block_class)c));
        comma = ", ";
    }
    if (cell->rows)
        fprintf(out, "; rows %s to %s", weir_shown_count(cell->first_row, first),
                weir_shown_count(cell->next_row - 1, last));
    if (cell->from_ns) fprintf(out, "; %s UTC", weir_shown_time(cell->from_ns, first));
    fputs("</title>", out);
}

/* Colour is not all that tells: what is not in order is higher, what is missing an outline. */
static void put_cell(const weir_page *p, const weir_cell *cell, double x, double width) {
    weir_block_class class = weir_cell_class(cell);
    int top = class > WEIR_BLOCK_ABOVE_MARK ? 0 : LOW;
    fprintf(p->out,
            "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" "
            "data-things=\"%" PRIu64 "\">",
            classes[class].style, x, top, width > 2 * GAP ? width - GAP : width, HIGH - top,
            cell->things[class]);
    put_cell_title(p, cell);
    fputs("</rect>\n", p->out);
}

static void put_picture(const weir_page *p, const weir_band *band) {
    double used = used_width(band), least = (double)(band->cells * LEAST), x = 0;
    if (least > used) least = used;
    double each = band->cells ? least / (double)band->cells : 0, spare = used - least;
    fprintf(p->out,
            "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\" "
            "aria-label=\"%" PRIu64 " blocks or places, %" PRIu64
            " of them damaged or missing\">\n",
            WIDE, HIGH, band->things,
            band->of_class[WEIR_BLOCK_DAMAGED] + band->of_class[WEIR_BLOCK_MISSING]);
    for (size_t c = 0; c < band->cells; c++) {
        const weir_cell *cell = &p->map->cells[band->first_cell + c];
        double share = 1 / (double)band->cells;
        if (band->used_bytes) share = (double)cell->bytes / (double)band->used_bytes;
        double width = each + spare * share;
        put_cell(p, cell, x, width);
        x += width;
    }
    fputs("</svg>", p->out);
}

static void put_band_name(const weir_page *p, const weir_band *band) {
    if (band->first_segment == band->last_segment)
        fprintf(p->out, "segment %" PRIu64, band->first_segment);
    else
        fprintf(p->out, "segments %" PRIu64 " to %" PRIu64, band->first_segment,
                band->last_segment);
}

static void put_band(const weir_page *p, const weir_band *band) {
    char first[WEIR_SHOWN], last[WEIR_SHOWN];
    FILE *out = p->out;
    fprintf(out, "<div class=\"band%s\"><p><b>", is_bad(band) ? " bad" : "");
    put_band_name(p, band);
    fputs("</b><span>", out);
    if (!band->files)
        fputs("no file; ", out);
    else
        fprintf(out, "%s of %s; ", weir_shown_bytes(band->used_bytes, first),
                weir_shown_bytes(band->file_bytes, last));
    if (band->why) {
        weir_html_text(out, band->why);
        fputs("; ", out);
    }
    fprintf(out, "%s rows", weir_shown_count(band->rows, first));
    if (band->first_block)
        fprintf(out, "; blocks %s–%s", weir_shown_count(band->first_block, first),
                weir_shown_count(band->last_block, last));
    fputs("</span></p>", out);
    put_picture(p, band);
    fputs("</div>\n", out);
}

/* ---- the same as a table --------------------------------------------------------------- */

static void put_count_cell(FILE *out, uint64_t count) {
    char shown[WEIR_SHOWN];
    fprintf(out, "<td class=\"n\">%s</td>", weir_shown_count(count, shown));
}

static void put_band_line(const weir_page *p, const weir_band *band) {
    fputs("<tr><td>", p->out);
    put_band_name(p, band);
    fputs("</td>", p->out);
    put_count_cell(p->out, band->file_bytes);
    put_count_cell(p->out, band->used_bytes);
    put_count_cell(p->out, band->rows);
    for (int c = 0; c < WEIR_BLOCK_CLASSES; c++)
        put_count_cell(p->out, band->of_class[c]);
    fputs("</tr>\n", p->out);
}

static void put_table(const weir_page *p) {
    fputs("<details><summary>The same as a table</summary>\n<div class=\"scroll\"><table "
          "id=\"bands\"><thead><tr><th>Segment</th><th class=\"n\">Bytes of the file</th>"
          "<th class=\"n\">used</th><th class=\"n\">Rows</th>",
          p->out);
    for (int c = 0; c < WEIR_BLOCK_CLASSES; c++)
        fprintf(p->out, "<th class=\"n\">%s</th>", weir_block_class_name((weir_block_class)c));
    fputs("</tr></thead><tbody>\n", p->out);
    for (size_t b = 0; b < p->map->band_count; b++)
        put_band_line(p, &p->map->bands[b]);
    fputs("</tbody></table></div></details>\n", p->out);
}

void weir_page_segments(const weir_page *p) {
    const weir_block_map *map = p->map;
    weir_section_begin(p->out, "segments", "Segments and their blocks");
    put_legend(p);
    fprintf(p->out, "<figure id=\"picture\">\n");
    uint64_t most = 1;
    for (size_t b = 0; b < map->band_count; b++) {
        put_band(p, &map->bands[b]);
        if (map->bands[b].per_cell > most) most = map->bands[b].per_cell;
    }
    fputs("<figcaption>Oldest first. Widths follow bytes, but nothing is too narrow to be seen; ",
          p->out);
    if (most > 1)
        fprintf(p->out,
                "a cell stands for up to %" PRIu64
                " blocks, and has the colour of the worst of them.",
                most);
    else
        fputs("a cell is a block.", p->out);
    fputs(" What is not in order is drawn higher.</figcaption>\n</figure>\n", p->out);
    put_table(p);
    weir_section_end(p->out);
}
