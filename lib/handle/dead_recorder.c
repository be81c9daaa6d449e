/* dead_recorder.c - the flight recorder that a former process left: its messages go into the
 * journal after the rows of the ring beside it, as if they stood in one more lane of that ring. */
#include <stdio.h>

#include "../verify/inspect.h"
#include "open.h"
#include "place.h"

static int drain_found_recorder(weir_opening *o, weir_drain *drain,
                                weir_recorder_reader *recorder) {
    bool appended = true;
    int status = WEIR_OK;
    weir_recorder_skip(recorder, weir_inspection_recorder_position(&o->found, &o->dead.header));
    while (status == WEIR_OK && appended)
        status = weir_drain_recorder_block(drain, recorder, &appended, o->error);
    o->recorded = drain->recorded;
    o->unrecorded = recorder->left_out + drain->unreadable;
    return status;
}

int weir_dead_recorder_drain(weir_opening *o, weir_drain *drain) {
    const weir *w = o->w;
    char path[WEIR_PATH_MAX];
    weir_recorder_reader recorder;
    weir_found_ring found;
    int status = weir_place_path(w, "recorder", path, o->error);
    if (status == WEIR_OK)
        status = weir_recorder_attach(&recorder, w->os, w->dirfd, path, &o->dead, &found, o->error);
    if (status != WEIR_OK) return status;
    o->recorder_unread = found == WEIR_RING_UNREADABLE || found == WEIR_RING_NEWER;
    if (found != WEIR_RING_OURS) return WEIR_OK;
    status = drain_found_recorder(o, drain, &recorder);
    weir_recorder_close(&recorder);
    return status;
}

/* What it held is durable in the journal by now, or was never to be brought out. Should it stay, it
 * belongs to a ring that is gone. */
void weir_dead_recorder_remove(const weir_opening *o) {
    const weir *w = o->w;
    char path[WEIR_PATH_MAX];
    if (weir_place_path(w, "recorder", path, NULL) == WEIR_OK)
        (void)w->os->unlink(w->os->self, w->dirfd, path);
}

void weir_dead_recorder_describe(const weir_opening *o, char text[WEIR_RECORDER_TEXT]) {
    int length = 0;
    *text = '\0';
    if (o->recorded)
        length = snprintf(text, WEIR_RECORDER_TEXT, "; %llu of them were in the flight recorder",
                          (unsigned long long)o->recorded);
    if (o->unrecorded)
        (void)snprintf(text + length, WEIR_RECORDER_TEXT - (size_t)length,
                       "; %llu messages in the flight recorder cannot be read",
                       (unsigned long long)o->unrecorded);
    if (o->recorder_unread)
        (void)snprintf(text, WEIR_RECORDER_TEXT, "; the flight recorder cannot be read");
}
