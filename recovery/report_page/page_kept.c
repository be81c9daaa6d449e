/* page_kept.c - files that are kept, and the named readers that rows are kept for. */
#include "../../lib/verify/readers.h"
#include "../summary.h"
#include "page.h"

static void put_kept(const weir_page *p, const char *name, const weir_kept_files *files,
                     const char *note) {
    char count[WEIR_SHOWN], bytes[WEIR_SHOWN], text[160];
    if (!files->count) return;
    (void)snprintf(text, sizeof text, "%s %s, %s; %s", weir_shown_count(files->count, count),
                   files->count == 1 ? "file" : "files", weir_shown_bytes(files->bytes, bytes),
                   note); /* fits */
    weir_fact_text(p->out, name, text);
}

/* ---- readers --------------------------------------------------------------------------- */

static void put_reader(const weir_page *p, const weir_named_note *note) {
    const weir_named *reader = &note->reader;
    const weir_position *at = &reader->mark.at;
    uint64_t durable = weir_rows_durable(&p->view->inventory);
    char shown[WEIR_SHOWN];
    FILE *out = p->out;
    fputs("<tr><td class=\"w\">", out);
    weir_html_text(out, reader->name);
    if (note->status != WEIR_OK) {
        fputs("</td><td class=\"w\" colspan=\"4\">", out);
        weir_html_text(out, note->why);
        fputs("; it holds nothing</td></tr>\n", out);
        return;
    }
    bool ours = weir_id_equal(at->journal, p->view->inventory.journal);
    fprintf(out, "</td><td class=\"n\">%s</td>", weir_shown_count(at->row, shown));
    if (ours)
        fprintf(out, "<td class=\"n\">%s</td>",
                weir_shown_count(durable > at->row ? durable - at->row : 0, shown));
    else
        fputs("<td>of another journal</td>", out);
    fprintf(out, "<td class=\"n\">%s</td>", weir_shown_bytes(reader->hold_bytes, shown));
    fprintf(out, "<td>%s</td></tr>\n", weir_shown_time(reader->wall_ns, shown));
}

static void put_readers(const weir_page *p, const weir_readers *readers) {
    if (!readers->count) return;
    fputs("<h3>Named readers</h3>\n<div class=\"scroll\"><table id=\"readers\"><thead><tr>"
          "<th>Name</th><th class=\"n\">Has read row</th><th class=\"n\">Behind by</th>"
          "<th class=\"n\">May hold</th><th>Written, UTC</th></tr></thead><tbody>\n",
          p->out);
    for (size_t i = 0; i < readers->count && i < WEIR_PAGE_LINES_MAX; i++)
        put_reader(p, &readers->list[i]);
    fputs("</tbody></table></div>\n", p->out);
    weir_page_more(p, readers->count);
}

/* ---- sinks ----------------------------------------------------------------------------- */

static void put_sink(const weir_page *p, const weir_sink_view *v) {
    const weir_sink_record *r = &v->note.record;
    char text[WEIR_SINK_TROUBLE], shown[WEIR_SHOWN];
    FILE *out = p->out;
    fputs("<tr><td class=\"w\">", out);
    weir_html_text(out, r->name);
    fputs("</td><td class=\"w\">", out);
    weir_html_text(out, r->kind);
    fputs(r->place[0] ? " at " : "", out);
    weir_html_text(out, r->place);
    fprintf(out, "</td><td>%s</td>",
            v->note.status != WEIR_OK        ? "not known"
            : !v->ours                       ? "of another journal"
            : r->state == WEIR_SINK_DETACHED ? "detached"
                                             : "attached");
    fprintf(out, "<td class=\"n\">%s</td>", weir_shown_count(v->applied, shown));
    fprintf(out, "<td class=\"n\">%s</td>", weir_shown_count(v->waiting, shown));
    fprintf(out, "<td class=\"n\">%s</td>", weir_shown_bytes(v->journal_bytes, shown));
    fprintf(out, "<td class=\"n\">%s</td>", weir_shown_bytes(v->archive_bytes, shown));
    fputs("<td class=\"w\">", out);
    weir_html_text(out, weir_sink_trouble(v, text));
    fputs("</td></tr>\n", out);
}

static void put_page_sinks(const weir_page *p) {
    const weir_sink_views *sinks = &p->view->sinks;
    if (!sinks->count) return;
    fputs("<h3>Sinks</h3>\n<div class=\"scroll\"><table id=\"sinks\"><thead><tr>"
          "<th>Name</th><th>Kind and place</th><th>State</th><th class=\"n\">Has rows up to</th>"
          "<th class=\"n\">Rows that wait</th><th class=\"n\">In the journal for it</th>"
          "<th class=\"n\">In the archive</th><th>What to see to</th></tr></thead><tbody>\n",
          p->out);
    for (size_t i = 0; i < sinks->count && i < WEIR_PAGE_LINES_MAX; i++)
        put_sink(p, &sinks->list[i]);
    fputs("</tbody></table></div>\n", p->out);
    weir_page_more(p, sinks->count);
}

void weir_page_kept(const weir_page *p) {
    const weir_kept *kept = &p->view->kept;
    weir_readers readers;
    weir_error error = {0};
    int status = weir_readers_take(p->os, WEIR_OS_CWD, p->place->directory, &readers, &error);
    if (kept->archived.count || kept->aside.count || readers.count || p->view->sinks.count ||
        status != WEIR_OK) {
        weir_section_begin(p->out, "kept", "Files that are kept, and for whom");
        fputs("<dl class=\"facts\">\n", p->out);
        put_kept(p, "archive/", &kept->archived, "applied segments, kept by the option archive");
        put_kept(p, "damaged-*", &kept->aside, "set aside by salvage");
        if (status != WEIR_OK) weir_fact_text(p->out, "readers/", error.text);
        if (readers.count) weir_fact_count(p->out, "readers/", readers.count);
        fputs("</dl>\n", p->out);
        put_readers(p, &readers);
        put_page_sinks(p);
        weir_section_end(p->out);
    }
    weir_readers_free(&readers);
}
