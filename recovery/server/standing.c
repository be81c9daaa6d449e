/* standing.c - the verb status with --to: how far a server has applied a journal. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../exits.h"
#include "../json.h"
#include "../remedy.h"
#include "../report.h"
#include "../server_verbs.h"
#include "../summary.h"

typedef struct standing {
    const weir_arguments *arguments;
    const weir_place *place;
    const weir_server *server;
    weir_view view;
    weir_pg_stand stand;
} standing;

static const char *standing_of(const standing *s) {
    const weir_inventory *i = &s->view.inventory;
    if (i->found.position == WEIR_POSITION_DIFFERS) return "foreign";
    if (i->found.position == WEIR_POSITION_BEYOND) return "ahead";
    if (i->found.position == WEIR_POSITION_BEFORE || i->verdict == WEIR_VERDICT_DATABASE_BEHIND)
        return "gap";
    if (!s->stand.known) return "none";
    return weir_rows_waiting(i) ? "behind" : "current";
}

/* The words of a verdict that is not of the position are right for a server too. */
static const char *words_of(const standing *s, char text[WEIR_REMEDY_TEXT]) {
    const weir_inventory *i = &s->view.inventory;
    const char *state = standing_of(s);
    unsigned long long waiting = weir_rows_waiting(i);
    if (strcmp(state, "foreign") == 0 || strcmp(state, "ahead") == 0 || strcmp(state, "gap") == 0)
        weir_server_words(i, text);
    else if (weir_verdict_refuses(i->verdict))
        weir_remedy_of_verdict(s->arguments, i, text);
    else if (!s->stand.known)
        (void)snprintf(text, WEIR_REMEDY_TEXT,
                       "the server has nothing of this journal; %llu durable rows wait", waiting);
    else if (waiting)
        (void)snprintf(text, WEIR_REMEDY_TEXT, "%llu durable rows are not there yet", waiting);
    else
        (void)snprintf(text, WEIR_REMEDY_TEXT, "every durable row is there");
    return text;
}

static void json_standing(const standing *s) {
    const weir_inventory *i = &s->view.inventory;
    char text[WEIR_REMEDY_TEXT];
    weir_json json = weir_json_begin(stdout, "server");
    weir_json_text(&json, "state", standing_of(s));
    weir_json_text(&json, "text", words_of(s, text));
    weir_json_text(&json, "verdict", weir_verdict_name(i->verdict));
    weir_json_text(&json, "server", s->server->name);
    weir_json_text(&json, "journal", s->place->directory);
    weir_json_hex(&json, "journal_id", i->journal, sizeof(weir_id));
    weir_json_bool(&json, "open", s->view.holder.is_there);
    weir_json_bool(&json, "known", s->stand.known);
    weir_json_uint(&json, "row", s->stand.at.row);
    weir_json_uint(&json, "block", s->stand.at.block);
    weir_json_int(&json, "epoch", s->stand.epoch);
    weir_json_uint(&json, "durable", weir_rows_durable(i));
    weir_json_uint(&json, "waiting", weir_rows_waiting(i));
    weir_json_uint(&json, "in_ring", s->view.ring.rows);
    weir_json_uint(&json, "rejected", s->stand.rejects);
    weir_json_uint(&json, "sessions", s->stand.sessions);
    weir_json_uint(&json, "other_journals", s->stand.others);
    weir_json_end(&json);
}

static void word_standing(const standing *s) {
    const weir_inventory *i = &s->view.inventory;
    char text[WEIR_REMEDY_TEXT], who[WEIR_HOLDER_TEXT];
    printf("%s: %s\n", standing_of(s), words_of(s, text));
    printf("  server    %s", s->server->name);
    if (s->stand.others)
        printf("; it has positions of %" PRIu64 " other journals", s->stand.others);
    printf("\n  journal   %s, id ", s->place->directory);
    weir_write_hex(stdout, i->journal, sizeof(weir_id));
    putchar('\n');
    if (s->stand.known)
        printf("  position  row %" PRIu64 ", block %" PRIu64 ", taken over %" PRId64 " times\n",
               s->stand.at.row, s->stand.at.block, s->stand.epoch);
    printf("  rows      %" PRIu64 " durable, %" PRIu64 " applied, %" PRIu64 " waiting",
           weir_rows_durable(i), s->stand.at.row, weir_rows_waiting(i));
    if (s->stand.rejects) printf(", %" PRIu64 " in the reject table", s->stand.rejects);
    if (s->view.ring.rows)
        printf(", %" PRIu64 " in the ring of a %s process", s->view.ring.rows,
               s->view.holder.is_there ? "running" : "dead");
    putchar('\n');
    if (s->stand.sessions)
        printf("  applying  %" PRIu64 " sessions on the server are in a transaction of it\n",
               s->stand.sessions);
    if (s->view.holder.is_there) printf("  open in   %s\n", weir_holder_text(s->view.holder, who));
}

/* The server is asked first, by the view, and once more for the rest. */
static int stand_in(standing *s, const weir_os *os, weir_server *server, weir_error *error) {
    const weir_view_input input = {.os = os, .place = s->place, .server = server};
    int status = weir_view_take(&input, &s->view, error);
    if (status != WEIR_OK) return weir_report_error(s->arguments, error);
    status = server->part->stand(&server->sink, s->view.inventory.journal, &s->stand, error);
    int code = weir_exit_of_verdict(s->view.inventory.verdict);
    if (status != WEIR_OK)
        code = weir_report_error(s->arguments, error);
    else if (s->arguments->json)
        json_standing(s);
    else
        word_standing(s);
    if (status == WEIR_OK) weir_report_damages(s->arguments, &s->view.inventory);
    weir_view_free(&s->view);
    return code;
}

int weir_look_at_server(const weir_arguments *arguments, const weir_place *place) {
    weir_error error = {0};
    weir_server server;
    weir_archive archive;
    standing s = {.arguments = arguments, .place = place, .server = &server};
    if (weir_server_open(arguments->into, arguments, place->os, &server, &error) != WEIR_OK)
        return weir_report_error(arguments, &error);
    if (weir_archive_open(place->os, place->directory, &archive) != WEIR_OK)
        (void)weir_fail(&error, WEIR_NO_MEMORY, "no memory to open the archive");
    int code = error.status == WEIR_OK ? stand_in(&s, &archive.os, &server, &error)
                                       : weir_report_error(arguments, &error);
    if (error.status != WEIR_NO_MEMORY) weir_archive_close(&archive);
    weir_server_close(&server);
    return code;
}
