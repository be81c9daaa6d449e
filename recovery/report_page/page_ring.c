/* page_ring.c - the ring: what it is, and each lane with its fill. */
#include <inttypes.h>

#include "../summary.h"
#include "page.h"

enum { WIDE = 100, LEAST = 3 };

static const char *state_name(uint64_t owner) {
    switch (owner & 0xFF) {
    case WEIR_LANE_FREE: return "free";
    case WEIR_LANE_OWNED: return "owned";
    case WEIR_LANE_ENDED: return "its thread has ended";
    default: return "absent";
    }
}

static void put_lane(const weir_page *p, const weir_ring *ring, uint32_t index,
                     const weir_lane_report *lane) {
    char shown[WEIR_SHOWN];
    FILE *out = p->out;
    /* The living may change it at any time: relaxed, it is only shown. */
    uint64_t owner = atomic_load_explicit(&ring->controls[index].owner, memory_order_relaxed);
    uint64_t fill = lane->tail - lane->head;
    double share = (double)fill / (double)ring->header.lane_bytes;
    if (share > 1) share = 1;
    double bar = fill ? LEAST + share * (WIDE - LEAST) : 0; /* a little is seen too */
    fprintf(out, "<tr><td class=\"n\">%" PRIu32 "</td><td>%s", index, state_name(owner));
    if ((owner & 0xFF) == WEIR_LANE_OWNED) fprintf(out, " by thread %u", weir_owner_thread(owner));
    fprintf(out,
            "</td><td><svg viewBox=\"0 0 %d 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
            "<rect class=\"track\" width=\"%d\" height=\"8\"/><rect class=\"waiting\" "
            "width=\"%.1f\" height=\"8\"/></svg></td>",
            WIDE, WIDE, bar);
    fprintf(out, "<td class=\"n\">%.1f %%</td>", share * 100);
    fprintf(out, "<td class=\"n\">%s</td>", weir_shown_count(fill, shown));
    fprintf(out, "<td class=\"n\">%s</td>", weir_shown_count(lane->rows, shown));
    fprintf(out, "<td class=\"n\">%s</td></tr>\n", weir_shown_count(lane->unreadable_bytes, shown));
}

static void put_lanes(const weir_page *p, const weir_ring *ring) {
    const weir_drained *drained = &p->view->inventory.drained;
    uint64_t count = 0;
    fputs("<div class=\"scroll\"><table id=\"lanes\"><thead><tr><th class=\"n\">Lane</th>"
          "<th>State</th><th>Fill</th><th></th><th class=\"n\">Bytes not durable</th>"
          "<th class=\"n\">Rows</th><th class=\"n\">Unreadable bytes</th></tr></thead><tbody>\n",
          p->out);
    for (uint32_t i = 0; i < ring->header.lanes; i++) {
        weir_lane_report lane;
        if (!weir_ring_inspect_lane(ring, i, drained, &lane)) continue;
        if (count++ < WEIR_PAGE_LINES_MAX) put_lane(p, ring, i, &lane);
    }
    if (!count) fputs("<tr><td colspan=\"7\">no thread has appended</td></tr>\n", p->out);
    fputs("</tbody></table></div>\n", p->out);
    weir_page_more(p, count);
}

static void put_ring_facts(const weir_page *p, const weir_ring *ring) {
    const weir_ring_report *report = &p->view->ring;
    char text[120];
    (void)snprintf(text, sizeof text, "process %" PRId64 ", in %s boot", ring->header.process,
                   report->same_boot ? "this" : "an earlier"); /* fits */
    fputs("<dl class=\"facts\">\n", p->out);
    weir_fact_text(p->out, "Made by", text);
    weir_fact_time(p->out, "Made at", ring->header.wall_ns);
    weir_fact_bytes(p->out, "Bytes of a lane", ring->header.lane_bytes);
    weir_fact_count(p->out, "Lanes at most", ring->header.lanes);
    if (report->has_mark) weir_fact_count(p->out, "Its durable mark: block", report->mark.block);
    if (report->recorded) weir_fact_count(p->out, "In the flight recorder", report->recorded);
    if (report->unreadable_bytes) weir_fact_bytes(p->out, "Unreadable", report->unreadable_bytes);
    fputs("</dl>\n", p->out);
}

/* It is attached anew: of a living ring the figures may be younger than those above. */
void weir_page_ring(const weir_page *p) {
    weir_ring ring;
    weir_found_ring found;
    weir_error error = {0};
    weir_section_begin(p->out, "ring", "Ring and lanes");
    int status = weir_ring_attach(&ring, p->os, WEIR_OS_CWD, p->place->ring, &found, &error);
    if (status != WEIR_OK) {
        fputs("<p>", p->out);
        weir_html_text(p->out, error.text);
        fputs(".</p>\n", p->out);
    } else if (!weir_ring_is_ours(p->view->ring.found) || found != WEIR_RING_OURS) {
        fprintf(p->out, "<p>The ring is %s.%s</p>\n", weir_found_ring_name(p->view->ring.found),
                p->view->ring.found == WEIR_RING_ABSENT
                    ? " That is how a program leaves it that has closed the journal."
                    : "");
    } else {
        put_lanes(p, &ring);
        put_ring_facts(p, &ring);
    }
    if (status == WEIR_OK && found == WEIR_RING_OURS) weir_ring_close(&ring);
    weir_section_end(p->out);
}
