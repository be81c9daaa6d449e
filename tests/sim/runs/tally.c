/* tally.c - what has been visited, and how a run that found something ends. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runs.h"

static const char *const kind_text[] = {
#define KIND_TEXT(name, text) text,
    SIM_KINDS(KIND_TEXT)
#undef KIND_TEXT
};

uint64_t sim_states, sim_verdicts[WEIR_VERDICT_COUNT], sim_harms[SIM_HARM_COUNT], sim_run;
sim_points sim_point_count;
static uint64_t visited[SIM_KIND_COUNT];

void sim_visit(sim_kind kind) { visited[kind]++; }

/* How it came about, from the last crash back to the first. */
static void tell_story(const sim_life *life) {
    if (life && life->last_event[0]) (void)fprintf(stderr, "  last event: %s\n", life->last_event);
    for (; life && life->parent; life = life->parent)
        (void)fprintf(stderr, "  after %s, at %s\n", kind_text[life->how],
                      life->parent->machine.place);
    if (life && life->profile) (void)fprintf(stderr, "  where %s\n", kind_text[life->profile]);
}

void sim_broken(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)fprintf(stderr, "run %" PRIu64 ", state %" PRIu64 ": ", sim_run, sim_states);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    tell_story(sim_now->context);
    (void)fprintf(stderr, "replay it with: test_sim %" PRIu64 "\n", sim_run);
    va_end(arguments);
    exit(1);
}

void sim_must(const sim_life *life, int status, const char *what) {
    if (status != WEIR_OK)
        sim_broken("%s: %s (%d): %s", what, weir_status_name(status), status, life->error.text);
}

static void say_count(uint64_t count, const char *text) {
    printf("%10" PRIu64 "  %s\n", count, text);
}

void sim_report(double seconds) {
    const sim_points *p = &sim_point_count;
    printf("%" PRIu64 " crash states in %.1f s; %" PRIu64 " more equalled one of these\n",
           sim_states, seconds, p->repeated);
    printf("crash points of short runs: %" PRIu64 " with every combination of all fates, %" PRIu64
           " of kept and lost, %" PRIu64 " with up to two deviations; at most %" PRIu64
           " unsynced things at one point\n",
           p->every_fate, p->every_choice, p->one_or_two, p->most_units);
    for (int k = 0; k < SIM_KIND_COUNT; k++)
        say_count(visited[k], kind_text[k]);
    for (int h = 0; h < SIM_HARM_COUNT; h++)
        say_count(sim_harms[h], sim_harm_text((sim_harm)h));
    for (int v = 0; v < WEIR_VERDICT_COUNT; v++)
        printf("%10" PRIu64 "  verdict %s\n", sim_verdicts[v], weir_verdict_name((weir_verdict)v));
}

static unsigned never(uint64_t count, const char *what, const char *text, bool say) {
    if (count == 0 && say) (void)fprintf(stderr, "never visited: %s%s\n", what, text);
    return count == 0;
}

unsigned sim_unvisited(bool say) {
    unsigned count = 0;
    for (int k = 0; k < SIM_KIND_COUNT; k++)
        count += never(visited[k], "", kind_text[k], say);
    for (int h = 0; h < SIM_HARM_COUNT; h++)
        count += never(sim_harms[h], "", sim_harm_text((sim_harm)h), say);
    for (int v = 0; v < WEIR_VERDICT_COUNT; v++) /* what the tool alone says is not asked for */
        count += v != WEIR_VERDICT_BROKEN_DATABASE && v != WEIR_VERDICT_DATABASE_MISSING &&
                 never(sim_verdicts[v], "verdict ", weir_verdict_name((weir_verdict)v), say);
    return count;
}
