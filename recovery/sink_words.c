/* sink_words.c - a journal's sinks in words and in JSON. */
#include "sink_words.h"

#include <inttypes.h>
#include <stdio.h>

static const char *name_of_sink_state(weir_sink_state state) {
    return state == WEIR_SINK_DETACHED ? "detached" : "attached";
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void json_sink(weir_json *json, const weir_sink_view *v) {
    const weir_sink_record *r = &v->note.record;
    char text[WEIR_SINK_TROUBLE];
    const char *trouble = weir_sink_trouble(v, text);
    weir_json_text(json, "name", r->name);
    weir_json_text(json, "trouble", trouble[0] ? trouble : NULL);
    weir_json_text(json, "broken",
                   v->note.status == WEIR_OK ? NULL : weir_sink_record_fault(v->note.status));
    if (v->note.status != WEIR_OK) return;
    weir_json_text(json, "kind", r->kind);
    weir_json_text(json, "place", r->place);
    weir_json_text(json, "state", name_of_sink_state(r->state));
    weir_json_bool(json, "of_this_journal", v->ours);
    weir_json_uint(json, "safe_row", r->safe.row);
    weir_json_uint(json, "safe_block", r->safe.block);
    weir_json_time(json, "written", r->wall_ns);
    weir_json_uint(json, "applied", v->applied);
    weir_json_uint(json, "waiting", v->waiting);
    weir_json_uint(json, "journal_bytes", v->journal_bytes);
    weir_json_uint(json, "archive_bytes", v->archive_bytes);
    weir_json_uint(json, "lag_limit_bytes", r->lag_limit);
    weir_json_text(json, "at_lag_limit", r->at_limit ? "detach" : "hold");
    weir_json_bool(json, "beyond_limit", v->beyond);
    weir_json_text(json, "apply_status", weir_status_name(v->apply_status));
}

void weir_json_sinks(weir_json *json, const weir_sink_views *views) {
    weir_json_key(json, "sinks");
    fputc('[', json->out);
    for (size_t i = 0; i < views->count; i++) {
        weir_json object = {json->out, false};
        fputs(i ? ",{" : "{", json->out);
        json_sink(&object, &views->list[i]);
        fputc('}', json->out);
    }
    fputc(']', json->out);
}

/* ---- words ------------------------------------------------------------------------------- */

/* A record's kind and place are somebody else's bytes: a terminal must not obey them. */
static void put_printable(const char *text) {
    for (; *text; text++)
        putchar((unsigned char)*text < 0x20 || *text == 0x7F ? '?' : *text);
}

static void word_limit(const weir_sink_view *v) {
    const weir_sink_record *r = &v->note.record;
    bool attached = r->state == WEIR_SINK_ATTACHED;
    if (attached && (v->journal_bytes || r->lag_limit))
        printf("; %" PRIu64 " bytes of segments stay for it", v->journal_bytes);
    if (attached && r->lag_limit)
        printf(", and beyond %" PRIu64 " %s", r->lag_limit,
               r->at_limit ? "it is detached" : "an event says so, and they stay");
    if (v->archive_bytes) printf("; %" PRIu64 " bytes are in the archive for it", v->archive_bytes);
}

static void word_sink(const weir_sink_view *v) {
    const weir_sink_record *r = &v->note.record;
    char text[WEIR_SINK_TROUBLE];
    const char *trouble = weir_sink_trouble(v, text);
    printf("  sink      ");
    if (v->note.status != WEIR_OK) {
        puts(trouble);
        return;
    }
    printf("%s, ", r->name);
    put_printable(r->kind);
    if (r->place[0]) printf(" at ");
    put_printable(r->place);
    if (!v->ours) {
        puts(": of another journal, so nothing is kept for it");
        return;
    }
    printf(": %s, has rows up to %" PRIu64 ", %" PRIu64 " wait", name_of_sink_state(r->state),
           v->applied, v->waiting);
    word_limit(v);
    if (v->apply_status != WEIR_OK) printf("; no row comes: %s", weir_status_text(v->apply_status));
    if (v->lacks_first) printf("; %s", trouble);
    putchar('\n');
}

void weir_word_sinks(const weir_sink_views *views) {
    for (size_t i = 0; i < views->count; i++)
        word_sink(&views->list[i]);
}
