/* watch_verb.c - the verb watch: a look, its showing, a pause; again and again. */
#include <locale.h>
#include <stdlib.h>

#include "../report.h"
#include "../verbs.h"
#include "terminal.h"
#include "watch.h"

#define SECOND_NS UINT64_C(1000000000)

typedef struct watching {
    const weir_arguments *arguments;
    const weir_place *place;
    weir_terminal terminal;
    weir_sample samples[2]; /* in turn */
    size_t current;
    weir_moments moments;
    weir_id ring; /* the last that was seen */
    weir_look look;
    uint64_t looks, interval_ns;
} watching;

static uint64_t now_of(const watching *w) { return w->place->os->now(w->place->os->self); }

/* ---- a look ---------------------------------------------------------------------------- */

static int take_look(watching *w, weir_error *error) {
    weir_sample *before = &w->samples[w->current], *now = &w->samples[!w->current];
    int status = weir_sample_take(w->place, now, error);
    if (status != WEIR_OK) {
        weir_sample_free(now);
        return status;
    }
    bool first = w->looks++ == 0;
    bool other = now->lane_bytes && !weir_id_equal(w->ring, now->ring);
    bool again = other && !weir_id_is_none(w->ring);
    if (other) weir_moments_forget(&w->moments);
    if (other) weir_id_copy(w->ring, now->ring);
    weir_moments_add(&w->moments, now);
    w->look = (weir_look){.place = w->place,
                          .before = before,
                          .now = now,
                          .lag = weir_moments_lag(&w->moments, now),
                          .first = first,
                          .restarts = w->look.restarts + again,
                          .moved = first || now->state != before->state};
    return WEIR_OK;
}

static void let_go_of_former(watching *w) {
    weir_sample_free(&w->samples[w->current]);
    w->current = !w->current;
}

/* ---- showing it ------------------------------------------------------------------------ */

static bool show_screen(const watching *w) {
    char *text = NULL;
    size_t bytes = 0;
    int columns, lines;
    FILE *into = open_memstream(&text, &bytes);
    if (!into) return false;
    weir_terminal_size(&columns, &lines);
    weir_look_as_screen(into, &w->look, columns, lines, w->terminal.colours);
    bool shown = fclose(into) == 0 && weir_terminal_show(text, bytes);
    free(text);
    return shown;
}

static bool show(const watching *w) {
    if (w->terminal.screen) return show_screen(w);
    if (w->arguments->json)
        weir_look_as_json(stdout, &w->look);
    else
        weir_look_as_line(stdout, &w->look);
    return fflush(stdout) == 0; /* else the end of the program says why */
}

/* Until it is time for the next look; false: the end. */
static bool pause_until(watching *w, uint64_t deadline_ns) {
    for (uint64_t now; (now = now_of(w)) < deadline_ns;) {
        weir_terminal_event event = weir_terminal_wait(&w->terminal, now, deadline_ns);
        if (event == WEIR_TERMINAL_QUIT) return false;
        if (event == WEIR_TERMINAL_REDRAW && w->terminal.screen && !show_screen(w)) return false;
    }
    return true;
}

static int watch(watching *w, weir_error *error) {
    uint64_t deadline_ns = now_of(w);
    int status;
    do {
        status = take_look(w, error);
        if (status != WEIR_OK || !show(w)) break;
        deadline_ns += w->interval_ns;
        bool last = w->looks == w->arguments->count;
        if (last || !pause_until(w, deadline_ns)) break;
        if (now_of(w) > deadline_ns + SECOND_NS) deadline_ns = now_of(w); /* it was stopped */
        let_go_of_former(w);
    } while (true);
    return status;
}

int weir_run_watch(const weir_arguments *arguments, const weir_place *place) {
    weir_error error = {0};
    watching *w = calloc(1, sizeof *w);
    if (!w) {
        (void)weir_fail(&error, WEIR_NO_MEMORY, "no memory to watch %s", place->directory);
        return weir_report_error(arguments, &error);
    }
    w->arguments = arguments;
    w->place = place;
    w->interval_ns = (arguments->interval_s ? arguments->interval_s : 1) * SECOND_NS;
    (void)setlocale(LC_CTYPE, ""); /* else names are shown in ASCII */
    weir_terminal_begin(&w->terminal, !arguments->json);
    int status = watch(w, &error);
    weir_terminal_end(&w->terminal);
    weir_sample_free(&w->samples[0]);
    weir_sample_free(&w->samples[1]);
    free(w);
    return status == WEIR_OK ? 0 : weir_report_error(arguments, &error);
}
