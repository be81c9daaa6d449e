/* trial.c - the verb check: what must hold of a PostgreSQL server, tried there. */
#include <inttypes.h>
#include <stdio.h>

#include "../exits.h"
#include "../json.h"
#include "../report.h"
#include "../server.h"
#include "../verbs.h"

typedef struct trying {
    const weir_arguments *arguments;
    uint64_t points, held, lacking; /* lacking: of those that are needed */
} trying;

static void show_point(void *context, const weir_pg_point *point) {
    trying *t = context;
    bool lacking = point->needed && !point->holds;
    t->points++;
    t->held += point->holds;
    t->lacking += lacking;
    if (t->arguments->json) {
        weir_json json = weir_json_begin(stdout, "point");
        weir_json_text(&json, "name", point->name);
        weir_json_text(&json, "asks", point->asks);
        weir_json_bool(&json, "holds", point->holds);
        weir_json_bool(&json, "needed", point->needed);
        weir_json_text(&json, "why", point->why);
        weir_json_end(&json);
    } else {
        bool spared = !point->holds && !point->needed;
        printf("%s  %s: %s%s\n",
               spared    ? "-  "
               : lacking ? "NO "
                         : "yes",
               point->asks, point->why, spared ? "; weir can do without" : "");
    }
    (void)fflush(stdout); /* some take seconds; an error shows at the end */
}

static void say_result(const trying *t, const weir_server *server) {
    if (t->arguments->json) {
        weir_json json = weir_json_begin(stdout, "checked");
        weir_json_text(&json, "server", server->name);
        weir_json_bool(&json, "fits", t->lacking == 0);
        weir_json_uint(&json, "points", t->points);
        weir_json_uint(&json, "lacking", t->lacking);
        weir_json_end(&json);
    } else if (t->lacking) {
        printf("%s does not fit: %" PRIu64 " of %" PRIu64 " points do not hold; weir must not be "
               "used with it as it is\n",
               server->name, t->lacking, t->points);
    } else {
        printf("%s fits: %" PRIu64 " of %" PRIu64
               " points hold, and among them all that weir needs; "
               "what a power cut does to it was not tried\n",
               server->name, t->held, t->points);
    }
}

int weir_run_check_server(const weir_arguments *arguments, const weir_place *place) {
    weir_error error = {0};
    weir_server server;
    trying t = {.arguments = arguments};
    (void)place; /* there is none */
    int status = weir_server_open(arguments->target, arguments, weir_os_posix(), &server, &error);
    if (status != WEIR_OK) return weir_report_error(arguments, &error);
    status = server.part->check(&server.sink, show_point, &t, &error);
    if (status == WEIR_OK) say_result(&t, &server);
    int code = status == WEIR_OK ? (t.lacking ? WEIR_EXIT_DAMAGE : WEIR_EXIT_CLEAN)
                                 : weir_report_error(arguments, &error);
    weir_server_close(&server);
    return code;
}
