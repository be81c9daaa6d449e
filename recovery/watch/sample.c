/* sample.c - what weir watch sees at one moment. */
#include "sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "../../lib/handle/handle.h"
#include "../database.h"

/* ---- ring ------------------------------------------------------------------------------ */

static void sample_lane(const weir_lane_control *control, uint32_t index, weir_sample *out) {
    /* Acquire, and head first: then no more is taken for durable than is published. */
    uint64_t head = atomic_load_explicit(&control->head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&control->tail, memory_order_acquire);
    uint64_t owner = atomic_load_explicit(&control->owner, memory_order_relaxed); /* shown only */
    if (tail == 0) return;                                                        /* never used */
    weir_lane_sample *lane = &out->lanes[out->lane_count++];
    bool owned = (owner & 0xFF) == WEIR_LANE_OWNED;
    *lane = (weir_lane_sample){index, owned ? weir_owner_thread(owner) : 0, tail, head};
    out->published_bytes += tail;
    out->durable_bytes += head;
}

static int sample_lanes(const weir_ring *ring, weir_sample *out, weir_error *error) {
    weir_durable_mark mark;
    out->lanes = calloc(ring->header.lanes, sizeof *out->lanes);
    if (!out->lanes) return weir_fail(error, WEIR_NO_MEMORY, "no memory for the ring's lanes");
    weir_id_copy(out->ring, ring->header.id);
    out->lane_bytes = ring->header.lane_bytes;
    if (!out->process) out->process = ring->header.process;
    out->durable_known = weir_ring_load_mark(ring, &mark);
    if (out->durable_known) out->durable_row = mark.row;
    for (uint32_t i = 0; i < ring->header.lanes; i++)
        sample_lane(&ring->controls[i], i, out);
    return WEIR_OK;
}

/* Mapped anew each time: a program that is started again makes another file of that name. */
static int sample_ring(const weir_place *place, weir_sample *out, weir_id journal, bool *is_there,
                       weir_error *error) {
    weir_ring ring;
    weir_found_ring found;
    int status = weir_ring_attach(&ring, place->os, WEIR_OS_CWD, place->ring, &found, error);
    *is_there = status == WEIR_OK && found == WEIR_RING_OURS;
    if (!*is_there) return status;
    weir_id_copy(journal, ring.header.journal);
    status = sample_lanes(&ring, out, error);
    weir_ring_close(&ring);
    return status;
}

/* ---- database and files ---------------------------------------------------------------- */

/* Without a ring, the database's only position is meant. */
static int sample_position(const weir_place *place, const weir_id journal, bool has_ring,
                           weir_sample *out, weir_error *error) {
    weir_database_view view;
    int status = weir_database_look(place->database, &view);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory to read the database");
    out->rejects = view.rejects;
    out->applied_known = view.state == WEIR_DATABASE_READ && has_ring;
    for (size_t i = 0; i < view.count; i++) {
        bool ours = has_ring ? weir_id_equal(view.positions[i].journal, journal) : view.count == 1;
        if (!ours) continue;
        out->applied_row = view.positions[i].row;
        out->applied_known = true;
    }
    weir_database_free(&view);
    return WEIR_OK;
}

typedef struct file_sizes {
    const weir_place *place;
    weir_sample *out;
} file_sizes;

static int add_file(void *context, const char *name) {
    const file_sizes *s = context;
    const weir_os *os = s->place->os;
    char *path;
    weir_os_info info;
    if (asprintf(&path, "%s/%s", s->place->directory, name) < 0) return 0;
    if (os->info(os->self, WEIR_OS_CWD, path, &info) >= 0 && info.is_file) {
        s->out->journal_bytes += info.bytes;
        s->out->segments += strncmp(name, "segment-", 8) == 0;
    }
    free(path);
    return 0;
}

static bool sample_files(const weir_place *place, weir_sample *out) {
    file_sizes sizes = {place, out};
    struct statvfs space;
    if (statvfs(place->directory, &space) == 0)
        out->free_bytes = (uint64_t)space.f_bavail * space.f_frsize;
    return place->os->list(place->os->self, WEIR_OS_CWD, place->directory, add_file, &sizes) >= 0;
}

static weir_watch_state state_of(bool is_open, bool has_ring) {
    if (is_open) return has_ring ? WEIR_WATCH_RUNNING : WEIR_WATCH_OPENING;
    return has_ring ? WEIR_WATCH_DIED : WEIR_WATCH_CLOSED;
}

int weir_sample_take(const weir_place *place, weir_sample *out, weir_error *error) {
    const weir_os *os = place->os;
    *out = (weir_sample){.now_ns = os->now(os->self), .wall_ns = os->wall(os->self)};
    if (!sample_files(place, out)) return WEIR_OK; /* and the state is absent */
    weir_holder holder = weir_handle_holder(os, place->directory);
    weir_id journal = {0};
    bool has_ring;
    out->process = holder.process;
    int status = sample_ring(place, out, journal, &has_ring, error);
    if (status == WEIR_OK) status = sample_position(place, journal, has_ring, out, error);
    out->has_stats = status == WEIR_OK &&
                     weir_stats_read(os, place->directory, &out->stats, NULL) == WEIR_OK &&
                     (!has_ring || weir_id_equal(out->stats.header.ring, out->ring));
    if (!place->database && out->has_stats &&
        out->stats.header.sinks) { /* the first sink's journal */
        out->applied_row = out->stats.sinks[0].figures.last_row_applied;
        out->applied_known = true;
    }
    if (has_ring || holder.is_there || out->segments)
        out->state = state_of(holder.is_there, has_ring);
    return status;
}

void weir_sample_free(weir_sample *sample) {
    free(sample->lanes);
    sample->lanes = NULL;
    sample->lane_count = 0;
}
