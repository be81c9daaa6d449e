/* watch.h - one look of weir watch, and how it is shown: a screen, a line, a JSON object. */
#ifndef WEIR_WATCH_H
#define WEIR_WATCH_H

#include <stdio.h>

#include "sample.h"

typedef struct weir_look {
    const weir_place *place;
    const weir_sample *before, *now; /* before has no lanes at the first look */
    weir_lag lag;
    bool first;
    uint64_t restarts; /* rings that were made since the first look */
    bool moved;        /* the state is another than in the look before */
} weir_look;

const char *weir_watch_state_name(weir_watch_state state); /* "running" */
/* Bytes and rows a second; 0 at the first look and behind a restart. */
double weir_look_published_rate(const weir_look *look); /* bytes */
double weir_look_durable_rate(const weir_look *look);   /* rows */
double weir_look_applied_rate(const weir_look *look);   /* rows */
double weir_look_lane_rate(const weir_look *look, size_t lane);
double weir_look_fullest(const weir_look *look); /* of all lanes, 0 … 1 */
/* Of syncs and of a sink's transactions, in nanoseconds: p50 and p99 of those between the two looks,
 * or of all since the opening where there were none between; the longest since the opening. */
typedef struct weir_durations {
    uint64_t p50, p99, most;
} weir_durations;
weir_durations weir_look_syncs(const weir_look *look); /* both only with now->has_stats */
weir_durations weir_look_commits(const weir_look *look, uint32_t sink);
uint64_t weir_look_events(const weir_look *look); /* raised since the opening */
/* "running in process 12"; returns text. */
enum { WEIR_LOOK_TEXT = 96 };
const char *weir_look_state(const weir_look *look, char text[WEIR_LOOK_TEXT]);

void weir_look_as_line(FILE *out, const weir_look *look);
void weir_look_as_json(FILE *out, const weir_look *look);
/* A screen of so many columns and lines: each line ends with "\r\n" but the last, and none is
 * longer. */
void weir_look_as_screen(FILE *out, const weir_look *look, int columns, int lines, bool colours);

#endif
