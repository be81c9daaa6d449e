/* open.c - opening. Opening a journal is recovering it: what the dead process left in the ring
 * is drained into the journal by the code that drains a live one, and made durable, before the
 * first append. */
#include "open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../base/resident.h"
#include "../base/shell_word.h"
#include "../base/thread.h"
#include "close.h"
#include "figures.h"
#include "fork.h"
#include "place.h"
#include "registry.h"
#include "say.h"

/* ---- what is there ------------------------------------------------------------------------- */

static int read_database_positions(weir_opening *o) {
    const weir_handle_config *c = o->config;
    if (!c->read_positions) return WEIR_OK;
    return c->read_positions(c->positions_self, &o->positions, &o->position_count, o->error);
}

/* The database's position in the ring's journal; zeros when it has none. */
static weir_position position_of_ring(const weir_opening *o, const weir_inventory_input *input) {
    for (size_t i = 0; i < input->position_count; i++)
        if (weir_id_equal(input->positions[i].journal, o->dead.header.journal))
            return input->positions[i];
    return (weir_position){0};
}

static int take_inventory(weir_opening *o) {
    bool read = o->config->read_positions != NULL;
    weir_inventory_input input = {
        .os = o->w->os,
        .dirfd = o->w->dirfd,
        .directory = o->w->directory,
        .database = o->config->database,
        .database_is_server = o->config->sink != NULL,
        .database_has_positions = read ? o->position_count > 0 : o->config->database_has_positions,
        .positions = read ? o->positions : o->config->positions,
        .position_count = read ? o->position_count : o->config->position_count,
        .ring_mark = o->has_mark ? &o->mark : NULL,
        .ring = o->dead_found,
        .ring_newer = o->dead.newer,
        .ring_journal = weir_ring_is_ours(o->dead_found) ? o->dead.header.journal : NULL,
    };
    o->ring_position = position_of_ring(o, &input);
    return weir_inventory_take(&input, &o->found, o->error);
}

static int keep_fresh_directory(const weir_opening *o) {
    weir_found_journal journal = o->found.found.journal;
    bool fresh = journal == WEIR_JOURNAL_ABSENT || journal == WEIR_JOURNAL_EMPTY;
    return fresh ? weir_place_keep(o->w, o->error) : WEIR_OK;
}

static int open_journal(weir_opening *o) {
    weir *w = o->w;
    weir_journal_config config = {
        .os = w->os,
        .dirfd = w->dirfd,
        .directory = w->directory,
        .segment_bytes = w->options.segment_bytes,
        .limit_bytes = w->options.journal_limit_bytes,
        /* An old ring leaves its space to the new one. */
        .ring_bytes =
            o->dead_found == WEIR_RING_ABSENT ? weir_ring_head_bytes(w->options.lanes_max) : 0,
        .archive = w->options.archive != 0,
        .sinks_recorded = o->config->sink != NULL,
        .archive_limit_bytes = w->options.archive_limit_bytes,
        .archive_limit_s = w->options.archive_limit_s,
        .zstd_level = w->options.zstd_level,
        .salvage = o->config->salvage,
        .ring = weir_dead_ring_to_drain(o),
        .event = weir_send_event,
        .check_place = weir_place_check,
        .context = w,
    };
    return weir_journal_open(&config, &o->found, &w->journal, o->error);
}

/* ---- what is made --------------------------------------------------------------------------- */

static void remember_declarations(weir *w) {
    for (unsigned i = 1; i <= WEIR_TABLES_MAX; i++) {
        uint16_t table = (uint16_t)i;
        const weir_declaration *d = weir_tables_find(weir_journal_tables(w->journal), table);
        if (!d) continue;
        /* Without memory for the copy the table just gets a new number. */
        (void)weir_declaration_make(table, d->name, d->column, d->columns, &w->known[i], NULL);
        w->table_count = table;
    }
}

/* Likewise without memory: a template that is not remembered is declared again. */
static void remember_templates(weir *w) {
    const weir_templates *known = &weir_journal_tables(w->journal)->templates;
    for (size_t i = 0; i < known->count; i++) {
        weir_template *copy;
        if (!known->list[i]) continue;
        weir_cursor c = weir_cursor_over(known->list[i]->bytes, known->list[i]->length);
        if (weir_template_decode(&c, &copy) != WEIR_OK) continue;
        (void)weir_templates_keep(&w->templates, copy);
    }
}

static int describe_ring(const weir_opening *o, weir_ring_header *out) {
    const weir *w = o->w;
    *out = (weir_ring_header){.lanes = w->options.lanes_max,
                              .lane_bytes = w->options.lane_bytes,
                              .process = w->process,
                              .wall_ns = w->os->wall(w->os->self)};
    weir_id_copy(out->journal, weir_journal_id(w->journal));
    (void)w->os->boot_id(w->os->self, out->boot); /* zeros where unknown: only a report uses it */
    int drawn = w->os->random(w->os->self, out->id, sizeof out->id);
    return drawn < 0 ? weir_fail_os(o->error, drawn, "cannot draw a ring id") : WEIR_OK;
}

/* What the dead ring held is durable in the journal by now; its space, or that of a spare, may
 * be all that is left on the disk. */
static bool free_ring_space(const weir_opening *o, const char *dead_ring) {
    const weir *w = o->w;
    return w->os->unlink(w->os->self, w->dirfd, dead_ring) >= 0 ||
           weir_journal_free_spare(w->journal);
}

/* The ring has a mark before it has a row, so that a copy of it is known for an older one once the
 * journal has gone on. The journal names it first: a head that names another, behind the mark, says
 * that this one was drained. */
static void introduce_ring(weir *w) {
    weir_journal_state state;
    weir_journal_begin_ring(w->journal, w->ring.header.id);
    weir_journal_get_state(w->journal, &state);
    weir_ring_store_mark(&w->ring, &state.durable);
}

static int make_ring(weir_opening *o) {
    weir *w = o->w;
    char fresh[WEIR_PATH_MAX], path[WEIR_PATH_MAX];
    weir_ring_header wanted;
    int status = describe_ring(o, &wanted);
    if (status == WEIR_OK) status = weir_place_path(w, "ring.new", fresh, o->error);
    if (status == WEIR_OK) status = weir_place_path(w, "ring", path, o->error);
    if (status != WEIR_OK) return status;
    do
        status = weir_ring_create(&w->ring, w->os, w->dirfd, fresh, &wanted, w->lanes, o->error);
    while (status == WEIR_NO_SPACE && free_ring_space(o, path));
    if (status != WEIR_OK) return status;
    introduce_ring(w);
    atomic_store_explicit(&w->word_hint, w->ring.word, memory_order_relaxed);
    int done = w->os->rename(w->os->self, w->dirfd, fresh, w->dirfd, path);
    atomic_store_explicit(&w->ring_stands, done >= 0, memory_order_release);
    /* A power cut must not bring back the dead ring in this one's place: it is drained, and soon
     * nothing says so any more. Where there was none, a power cut may take this one's name, as
     * it would take its rows: the name of the new segment was synced after the removal of the
     * last ring. */
    if (done >= 0 && o->dead_found != WEIR_RING_ABSENT)
        done = w->os->sync_directory(w->os->self, w->dirfd, w->directory);
    return done >= 0 ? WEIR_OK : weir_fail_os(o->error, done, "cannot put the ring at %s", path);
}

static void on_durable(void *context, uint64_t row) {
    weir *w = context;
    atomic_store_explicit(&w->durable_at, (uint64_t)w->os->wall(w->os->self), memory_order_relaxed);
    bool goes_on = weir_ring_pending(&w->ring) > 0;
    weir_handle_notify_of_rows(w, row, goes_on ? WEIR_WAKE_ASIDE : WEIR_WAKE_ANYWHERE);
}

static void on_requested(void *context, uint64_t row) {
    weir *w = context;
    atomic_store_explicit(&w->sinks[0].requested_row, row, memory_order_release);
    weir_handle_notify_writers(w, WEIR_WAKE_ANYWHERE);
}

static void on_stop(void *context) {
    weir *w = context;
    atomic_store_explicit(w->gate, 0,
                          memory_order_relaxed); /* appends find out why by themselves */
}

static int start_journaler(weir_opening *o) {
    weir *w = o->w;
    w->journaler.os = w->os;
    w->journaler.ring = &w->ring;
    w->journaler.journal = w->journal;
    w->journaler.linger_ns = (uint64_t)w->options.linger_ms * 1000000u;
    w->journaler.segment_bytes = w->options.segment_bytes;
    w->journaler.on_durable = on_durable;
    w->journaler.on_requested = on_requested;
    w->journaler.on_stop = on_stop;
    w->journaler.on_event = weir_send_event;
    w->journaler.on_step = weir_figures_step;
    w->journaler.context = w;
    w->fence = w->os->barrier(w->os->self) < 0;
    int status = weir_journaler_prepare(&w->journaler, o->error);
    if (status != WEIR_OK) return status;
    atomic_store_explicit(w->gate, w->generation, memory_order_release);
    return o->config->stepped ? WEIR_OK : weir_journaler_start(&w->journaler, o->error);
}

static void note_start(weir_opening *o) {
    weir *w = o->w;
    weir_journal_state state;
    weir_journal_get_state(w->journal, &state);
    weir_attached *s = &w->sinks[0];
    s->start = o->found.position;
    w->opened_row = w->base_row = state.next_row - 1;
    atomic_store_explicit(&s->applied_row, s->start.row, memory_order_relaxed);
}

/* ---- what is told --------------------------------------------------------------------------- */

/* Where a file system copies on write, a store into the mapping may need a block that was not
 * allocated; then a full disk is SIGBUS. */
static void tell_weakness(weir *w) {
    weir_os_info info;
    if (w->os->info_file(w->os->self, w->ring.file, &info) < 0 || !info.copies_on_write) return;
    weir_handle_event(
        w, WEIR_EVENT_WEAKENED,
        "%s: this file system copies on write, so a full disk can kill the process in an "
        "append (rows that were appended are kept); put the journal on ext4, XFS or tmpfs "
        "with options.journal_directory",
        w->directory);
}

/* A process that closed has most likely applied its rows: to a database in whose place this one is. */
static void tell_of_new_database(const weir_opening *o, uint64_t rows) {
    weir_found_position position = o->found.found.position;
    bool unknown = position == WEIR_POSITION_NONE || position == WEIR_POSITION_OTHER;
    if (!unknown || !o->found.closed || !rows) return;
    const char *database = o->config->database ? o->config->database : "the database";
    weir_handle_event(
        o->w, WEIR_EVENT_JOURNAL,
        "%s: %.150s has nothing of this journal, so all of its %llu rows are applied to it, also "
        "those that a former database in its place had; to begin without them close it, remove it, "
        "and forget them (weir forget --yes %s)",
        o->w->directory, database, (unsigned long long)rows, weir_shell_quote(database, 150).text);
}

static void tell_findings(const weir_opening *o) {
    weir *w = o->w;
    uint64_t rows = w->opened_row - w->sinks[0].start.row;
    if (o->found.verdict == WEIR_VERDICT_TORN_TAIL)
        weir_send_event(w, WEIR_EVENT_TORN_TAIL, o->found.detail);
    if (o->found.damage_count) weir_send_event(w, WEIR_EVENT_DAMAGE, o->found.detail);
    char recorder[WEIR_RECORDER_TEXT];
    weir_dead_recorder_describe(o, recorder);
    if (rows || *recorder)
        weir_handle_event(w, WEIR_EVENT_RECOVERED,
                          "%s: %llu rows of a former process are being applied%s", w->directory,
                          (unsigned long long)rows, recorder);
    /* A sink that has a record is asked later, and knows more than the record. */
    if (!o->config->sink) tell_of_new_database(o, rows);
}

static int add_primary(weir *w, const char *name, weir_error *error) {
    weir_attached *s = &w->sinks[0];
    if (name) (void)snprintf(s->name, sizeof s->name, "%s", name); /* the caller has checked it */
    s->w = w;
    s->lane_applied = calloc(w->options.lanes_max, sizeof *s->lane_applied);
    if (!s->lane_applied) return weir_fail(error, WEIR_NO_MEMORY, "no memory for the first sink");
    atomic_store_explicit(&w->sink_count, 1, memory_order_release);
    return WEIR_OK;
}

/* ---- step by step --------------------------------------------------------------------------- */

static int open_steps(weir_opening *o) {
    int status = weir_fork_watch(o->error);
    if (status == WEIR_OK) status = add_primary(o->w, o->config->sink, o->error);
    weir_thread_watch_ends(weir_hand_back_lanes);
    if (status == WEIR_OK) status = weir_place_take(o->w, o->config, o->error);
    if (status == WEIR_OK) status = read_database_positions(o);
    if (status == WEIR_OK) status = weir_dead_ring_attach(o);
    if (status == WEIR_OK) status = take_inventory(o);
    if (status == WEIR_OK) status = keep_fresh_directory(o);
    if (status == WEIR_OK) status = open_journal(o);
    if (status == WEIR_OK) status = weir_dead_ring_drain(o);
    if (status == WEIR_OK) status = weir_journal_sync(o->w->journal, o->error);
    if (status != WEIR_OK) return status;
    weir_dead_recorder_remove(o);
    if (o->dead.lanes)
        weir_ring_close(&o->dead); /* its rows are durable; its space may be wanted */
    note_start(o);
    remember_declarations(o->w);
    remember_templates(o->w);
    status = make_ring(o);
    return status == WEIR_OK ? start_journaler(o) : status;
}

int weir_handle_open(const weir_handle_config *config, weir **out, weir_error *error) {
    weir_opening o = {.config = config, .error = error};
    *out = NULL;
    int status = weir_fork_begin(error);
    if (status != WEIR_OK) return status;
    weir_resident_stay();
    weir_bury_stuck_handles();
    o.w = weir_registry_take(config->os, config->options.lanes_max);
    if (!o.w) {
        weir_fork_end();
        return weir_fail(error, WEIR_NO_MEMORY, "no memory to open %s", config->directory);
    }
    o.w->options = config->options;
    o.w->process = config->os->process_id(config->os->self);
    o.w->ring.file = -1;
    weir_say_begin(o.w);
    (void)pthread_mutex_init(&o.w->declaring, NULL); /* cannot fail with default attributes */
    (void)pthread_mutex_init(&o.w->attaching, NULL); /* as above */
    (void)pthread_mutex_init(&o.w->flushing, NULL);
    (void)pthread_mutex_init(&o.w->storing, NULL);
    status = open_steps(&o);
    if (o.dead.lanes) weir_ring_close(&o.dead);
    if (status == WEIR_OK) {
        tell_weakness(o.w);
        tell_findings(&o);
    } else {
        atomic_store_explicit(o.w->gate, 0, memory_order_relaxed);
        weir_dismantle(o.w);
    }
    weir_inventory_free(&o.found);
    free(o.positions);
    if (status == WEIR_OK) *out = o.w;
    return status;
}
