/* page_verdict.c - the first section: what is wrong, what to do next, and how far the rows are. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "../../lib/base/shell_word.h"
#include "../../lib/verify/verdict_text.h"
#include "../report.h"
#include "../summary.h"
#include "page.h"

/* ---- the words ------------------------------------------------------------------------- */

static uint64_t rows_to_recover(const weir_page *p) {
    return weir_rows_to_recover(&p->view->inventory, &p->view->ring, p->view->holder.is_there);
}

static const char *mood(const weir_page *p) {
    if (weir_verdict_refuses(p->view->inventory.verdict)) return "bad";
    return rows_to_recover(p) ? "todo" : "fine";
}

static void put_headline(const weir_page *p) {
    const char *text = weir_verdict_text(p->view->inventory.verdict);
    char shown[WEIR_SHOWN];
    uint64_t rows = rows_to_recover(p);
    fprintf(p->out, "<h2 id=\"verdict-h\">");
    if (rows)
        fprintf(p->out, "%s %s for recovery; no promised row is lost",
                weir_shown_count(rows, shown), rows == 1 ? "row waits" : "rows wait");
    else
        fprintf(p->out, "%c%s", toupper((unsigned char)text[0]), text + 1); /* our own words */
    fputs("</h2>\n", p->out);
}

static void put_operand(const weir_page *p) {
    const char *name = p->place->database ? p->place->database : "DATABASE";
    weir_html_text(p->out, weir_shell_quote(name, WEIR_SHELL_WORD_BYTES).text);
}

static void put_next_step(const weir_page *p) {
    char who[WEIR_HOLDER_TEXT];
    FILE *out = p->out;
    fputs("<p id=\"next\"><b>What to do next.</b> ", out);
    if (weir_verdict_refuses(p->view->inventory.verdict)) {
        fputs("Copy the database and the whole journal directory aside before you try anything: "
              "the files as they are now are what can still be read. Then do what the text above "
              "says. <code>weir verify ",
              out);
        put_operand(p);
        fputs("</code> lists each damage.", out);
    } else if (p->view->holder.is_there) {
        fprintf(out, "Nothing: the journal is open in %s, which applies its rows.",
                weir_holder_text(p->view->holder, who));
    } else if (rows_to_recover(p)) {
        fputs("Start the program again, whose opening recovers first", out);
        if (!p->view->database.first_sink[0]) {
            fputs("; or run <code>weir-recover ", out);
            put_operand(p);
            fputs("</code>", out);
        }
        fputs(".", out);
    } else {
        fputs("Nothing.", out);
    }
    fputs("</p>\n", out);
}

/* ---- the figures ----------------------------------------------------------------------- */

static void figure_count(const weir_page *p, const char *name, uint64_t count, const char *note) {
    char shown[WEIR_SHOWN];
    fprintf(p->out, "<li>%s <b>%s</b>", name, weir_shown_count(count, shown));
    if (note) fprintf(p->out, " <small>%s</small>", note);
    fputs("</li>\n", p->out);
}

static void put_positions(const weir_page *p) {
    const weir_inventory *i = &p->view->inventory;
    bool known = p->view->database.state == WEIR_DATABASE_READ;
    char note[64];
    (void)snprintf(note, sizeof note, "block %" PRIu64, i->durable.block); /* fits */
    fputs("<ul class=\"figures\">\n", p->out);
    figure_count(p, "Rows durable", weir_rows_durable(i), note);
    if (known) {
        (void)snprintf(note, sizeof note, "block %" PRIu64, i->position.block); /* fits */
        figure_count(p, "Rows applied", i->position.row, note);
        figure_count(p, "Durable, not applied", weir_rows_waiting(i), NULL);
        figure_count(p, "Rejected", p->view->database.rejects, NULL);
    } else {
        fprintf(p->out, "<li>Rows applied <b>unknown</b> <small>the database %s</small></li>\n",
                p->view->database.state == WEIR_DATABASE_ABSENT ? "is not there"
                                                                : "cannot be read");
    }
    if (weir_rows_above_mark(i))
        figure_count(p, "Above the mark", weir_rows_above_mark(i), "recovery takes them in");
    if (weir_ring_is_ours(p->view->ring.found))
        figure_count(p, "In the ring", p->view->ring.rows, "published, not durable");
    if (weir_lost_rows(i)) figure_count(p, "Lost by this damage", weir_lost_rows(i), NULL);
    if (weir_rows_beyond_damage(i))
        figure_count(p, "Readable beyond the damage", weir_rows_beyond_damage(i), NULL);
    fputs("</ul>\n", p->out);
}

void weir_page_verdict(const weir_page *p) {
    const weir_inventory *i = &p->view->inventory;
    fprintf(p->out,
            "<section id=\"verdict\" class=\"%s\" data-verdict=\"%s\" "
            "aria-labelledby=\"verdict-h\">\n",
            mood(p), weir_verdict_name(i->verdict));
    put_headline(p);
    fputs("<p>", p->out);
    weir_html_text(p->out, i->detail[0] ? i->detail : weir_verdict_text(i->verdict));
    fputs(".</p>\n", p->out);
    put_next_step(p);
    put_positions(p);
    weir_section_end(p->out);
}

/* ---- what is lost ---------------------------------------------------------------------- */

static void put_range_cell(FILE *out, uint64_t first, uint64_t last) {
    if (!first && !last)
        fputs("<td>unknown</td>", out);
    else if (first == last)
        fprintf(out, "<td>%" PRIu64 "</td>", first);
    else
        fprintf(out, "<td>%" PRIu64 " to %" PRIu64 "</td>", first, last);
}

static void put_damage(const weir_page *p, const weir_damage *d) {
    char rows[WEIR_ROWS_TEXT], shown[WEIR_SHOWN];
    fprintf(p->out, "<tr><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%s</td>", d->segment,
            weir_shown_count(d->offset, shown));
    put_range_cell(p->out, d->first_block, d->last_block);
    fputs("<td class=\"w\">", p->out);
    weir_html_text(p->out, weir_findings_rows(&p->view->inventory, d, rows));
    fputs("</td><td class=\"w\">", p->out);
    weir_html_text(p->out, d->why);
    fputs("</td></tr>\n", p->out);
}

static void put_damages(const weir_page *p) {
    const weir_inventory *i = &p->view->inventory;
    if (!i->damage_count) return;
    fputs("<h3>Damages that this look found</h3>\n<div class=\"scroll\"><table "
          "id=\"damages\"><thead><tr><th class=\"n\">Segment</th><th class=\"n\">At "
          "byte</th><th>Blocks</th><th>Rows</th><th>Cause</th></tr></thead><tbody>\n",
          p->out);
    for (size_t d = 0; d < i->damage_count && d < WEIR_PAGE_LINES_MAX; d++)
        put_damage(p, &i->damages[d]);
    fputs("</tbody></table></div>\n", p->out);
    weir_page_more(p, i->damage_count);
}

static void put_gone(const weir_page *p) {
    uint64_t first, last;
    weir_findings_gone(&p->view->inventory, &first, &last);
    if (last < first) return;
    fprintf(p->out,
            "<p>Rows %" PRIu64 " to %" PRIu64
            " were applied to another database, and have left the journal.</p>\n",
            first, last);
}

static void put_losses(const weir_page *p) {
    const weir_losses *losses = &p->view->database.losses;
    if (!losses->count) return;
    fputs("<h3>Losses that the database has on record (table weir_loss)</h3>\n<div "
          "class=\"scroll\"><table id=\"losses\"><thead><tr><th>Rows</th><th>Noted</th>"
          "<th>Cause</th></tr></thead><tbody>\n",
          p->out);
    for (size_t l = 0; l < losses->count && l < WEIR_PAGE_LINES_MAX; l++) {
        fputs("<tr>", p->out);
        put_range_cell(p->out, losses->list[l].first_row, losses->list[l].last_row);
        fputs("<td>", p->out);
        weir_html_text(p->out, losses->list[l].noted);
        fputs("</td><td class=\"w\">", p->out);
        weir_html_text(p->out, losses->list[l].why);
        fputs("</td></tr>\n", p->out);
    }
    fputs("</tbody></table></div>\n", p->out);
    weir_page_more(p, losses->count);
}

void weir_page_lost(const weir_page *p) {
    uint64_t first, last;
    weir_findings_gone(&p->view->inventory, &first, &last);
    if (!p->view->inventory.damage_count && !p->view->database.losses.count && last < first) return;
    weir_section_begin(p->out, "lost", "What is damaged or lost");
    put_gone(p);
    put_damages(p);
    put_losses(p);
    weir_section_end(p->out);
}
