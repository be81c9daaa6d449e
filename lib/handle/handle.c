/* handle.c - opening and closing. Opening a journal is recovering it: what the dead process left
 * in the ring is drained into the journal by the code that drains a live one, and made durable,
 * before the first append. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../base/resident.h"
#include "../base/thread.h"
#include "../verify/look.h"
#include "core.h"
#include "fork.h"
#include "registry.h"

enum { PATH_BYTES = 4096, CLOSE_POLL_NS = 1000000, LOCK_POLL_NS = 10000000 };

/* ---- events -------------------------------------------------------------------------------- */

static void send_event(void *context, weir_event event, const char *text) {
    const weir *w = context;
    if (w->options.on_event) w->options.on_event(w->options.event_context, event, text);
}

void weir_handle_event(weir *w, weir_event event, const char *format, ...) {
    char text[600];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments); /* a cut text is still a text */
    va_end(arguments);
    send_event(w, event, text);
}

/* ---- opening ------------------------------------------------------------------------------- */

/* What opening holds until it is over. */
typedef struct opening {
    weir *w;
    const weir_handle_config *config;
    weir_error *error;
    weir_inventory found;
    weir_ring dead; /* of the process before; lanes NULL when there is none */
    weir_found_ring dead_found;
    bool has_mark;
    weir_mark mark;
    weir_position ring_position; /* of the database, in the journal that the dead ring names */
    weir_position *positions;    /* read for us */
    size_t position_count;
} opening;

static int path_in(const weir *w, const char *name, char path[PATH_BYTES], weir_error *error) {
    int length = snprintf(path, PATH_BYTES, "%s/%s", w->directory, name);
    if (length > 0 && length < PATH_BYTES) return WEIR_OK;
    return weir_fail(error, WEIR_MISUSE, "%.200s…: the journal's path is too long", w->directory);
}

/* The path made whole: texts shall mean the same after a chdir. */
static int set_directory(const opening *o) {
    char start[PATH_BYTES];
    weir *w = o->w;
    const char *given = o->config->directory;
    bool whole = *given == '/' || w->os->working_directory(w->os->self, start, sizeof start) < 0;
    if (whole)
        w->directory = strdup(given); /* or nobody knows where we stand: then it is only a text */
    else if (asprintf(&w->directory, "%s/%s", start, given) < 0)
        w->directory = NULL;
    return w->directory ? WEIR_OK
                        : weir_fail(o->error, WEIR_NO_MEMORY, "no memory to open a journal");
}

/* Made if it is absent. From here on every name is looked up in the open directory itself. */
static int open_directory(const opening *o) {
    weir *w = o->w;
    const char *path = o->config->directory;
    weir_os_info info;
    int there = w->os->info(w->os->self, WEIR_OS_CWD, path, &info);
    if (there >= 0 && !info.is_directory)
        return weir_fail(o->error, WEIR_IO, "%s is not a directory; move it away", w->directory);
    int made = there >= 0 ? 0 : w->os->make_directory(w->os->self, WEIR_OS_CWD, path);
    if (made < 0 && made != -EEXIST)
        return weir_fail_os(o->error, made, "cannot make the journal directory %s", w->directory);
    int dirfd = w->os->open_directory(w->os->self, WEIR_OS_CWD, path);
    if (dirfd < 0)
        return weir_fail_os(o->error, dirfd, "cannot open the journal directory %s", w->directory);
    w->dirfd = dirfd;
    if (there < 0 && made >= 0 && o->config->like)
        w->os->take_after(w->os->self, dirfd, o->config->like);
    return WEIR_OK;
}

/* The directory's own name must outlive a power cut too. Before there are segments nothing has
 * been promised, so whoever finds none sees to it, whether it made the directory or a process
 * that died at that moment. */
static int keep_directory(const opening *o) {
    char parent[PATH_BYTES];
    const weir *w = o->w;
    bool fresh = o->found.found.journal == WEIR_JOURNAL_ABSENT ||
                 o->found.found.journal == WEIR_JOURNAL_EMPTY;
    if (!fresh) return WEIR_OK;
    size_t length = strlen(w->directory);
    while (length > 1 && w->directory[length - 1] == '/')
        length--;
    while (length > 0 && w->directory[length - 1] != '/')
        length--;
    if (length == 0)
        (void)snprintf(parent, sizeof parent, "."); /* these lengths were checked */
    else
        (void)snprintf(parent, sizeof parent, "%.*s", (int)length, w->directory);
    int done = w->os->sync_directory(w->os->self, WEIR_OS_CWD, parent);
    return done >= 0 ? WEIR_OK
                     : weir_fail_os(o->error, done, "cannot sync the directory %s", parent);
}

static int lock_journal(const opening *o) {
    char path[PATH_BYTES];
    int status = path_in(o->w, "lock", path, o->error);
    return status == WEIR_OK ? weir_registry_lock(o->w, path, o->error) : status;
}

static int attach_dead_ring(opening *o) {
    char path[PATH_BYTES];
    int status = path_in(o->w, "ring", path, o->error);
    if (status != WEIR_OK) return status;
    status = weir_ring_attach(&o->dead, o->w->os, o->w->dirfd, path, &o->dead_found, o->error);
    if (status != WEIR_OK || o->dead_found != WEIR_RING_OURS) return status;
    o->has_mark = weir_ring_load_mark(&o->dead, &o->mark);
    o->dead_found = weir_ring_judge(&o->dead);
    return WEIR_OK;
}

static int read_database_positions(opening *o) {
    const weir_handle_config *c = o->config;
    if (!c->read_positions) return WEIR_OK;
    return c->read_positions(c->positions_self, &o->positions, &o->position_count, o->error);
}

/* Zeros when the database knows none. */
static weir_position position_of_ring(const opening *o, const weir_inventory_input *input) {
    for (size_t i = 0; i < input->position_count; i++)
        if (memcmp(input->positions[i].journal, o->dead.header.journal, 16) == 0)
            return input->positions[i];
    return (weir_position){0};
}

static int take_inventory(opening *o) {
    bool read = o->config->read_positions != NULL;
    weir_inventory_input input = {
        .os = o->w->os,
        .dirfd = o->w->dirfd,
        .directory = o->w->directory,
        .database_has_positions = read ? o->position_count > 0 : o->config->database_has_positions,
        .positions = read ? o->positions : o->config->positions,
        .position_count = read ? o->position_count : o->config->position_count,
        .ring_mark = o->has_mark ? &o->mark : NULL,
        .ring = o->dead_found,
        .ring_journal = weir_ring_is_ours(o->dead_found) ? o->dead.header.journal : NULL,
    };
    o->ring_position = position_of_ring(o, &input);
    return weir_inventory_take(&input, &o->found, o->error);
}

/* Who may not look, having dropped its rights for example, knows of nothing that is wrong. */
static bool stands(const weir *w, const char *name, uint64_t device, uint64_t inode) {
    char path[PATH_BYTES];
    weir_os_info info;
    if (path_in(w, name, path, NULL) != WEIR_OK) return true; /* it was not too long at opening */
    int found = w->os->info(w->os->self, w->dirfd, path, &info);
    if (found < 0) return found != -ENOENT && found != -ENOTDIR && found != -EBADF;
    return info.device == device && info.inode == inode;
}

/* The writer may ask while closing removes the ring. */
static bool ring_is_missed(const weir *w) {
    if (!atomic_load_explicit(&w->ring_stands, memory_order_acquire)) return false;
    return !stands(w, "ring", w->ring.device, w->ring.inode) &&
           atomic_load_explicit(&w->ring_stands, memory_order_acquire);
}

/* The program itself may have closed our descriptors, and others removed the files or put another
 * journal in their place: then all that is left is to touch nothing. */
static int check_place(void *context, weir_error *error) {
    const weir *w = context;
    bool locked =
        weir_registry_has_lock(w, w->lock_file) && stands(w, "lock", w->lock_device, w->lock_inode);
    if (locked && !ring_is_missed(w)) return WEIR_OK;
    return weir_fail(
        error, WEIR_STOPPED,
        "%s: %s is not the file any more that this handle has open: somebody removed or "
        "replaced it, or closed its descriptor; the journal may be another's by now, so "
        "nothing in it is touched; close this handle and open again",
        w->directory, locked ? "ring" : "lock");
}

static int open_journal(opening *o) {
    weir *w = o->w;
    weir_journal_config config = {
        .os = w->os,
        .dirfd = w->dirfd,
        .directory = w->directory,
        .segment_bytes = w->options.segment_bytes,
        .limit_bytes = w->options.journal_limit_bytes,
        /* One that is there gives its space to the next. */
        .ring_bytes =
            o->dead_found == WEIR_RING_ABSENT ? weir_ring_head_bytes(w->options.lanes_max) : 0,
        .archive = w->options.archive != 0,
        .zstd_level = w->options.zstd_level,
        .salvage = o->config->salvage,
        .ring = o->dead.lanes ? o->dead.header.id : NULL,
        .event = send_event,
        .check_place = check_place,
        .context = w,
    };
    return weir_journal_open(&config, &o->found, &w->journal, o->error);
}

/* Only salvage comes here with rows that are known: else the journal does not end below the database. */
static uint64_t known_rows(const opening *o) {
    const weir_position *applied = &o->ring_position;
    uint64_t known = weir_look_known_rows(&o->found, o->has_mark ? &o->mark : NULL, applied->row);
    if (known)
        weir_handle_event(o->w, WEIR_EVENT_DAMAGE,
                          "%s/ring: it is older than the database, which has applied up to row "
                          "%llu; its first %llu rows at most are there and are not taken again",
                          o->w->directory, (unsigned long long)applied->row,
                          (unsigned long long)known);
    return known;
}

/* A ring of this boot must be readable to its tails; after a reboot its pages are what the disk
 * happened to hold, and only published rows were in them. */
static void report_unreadable(const opening *o) {
    uint8_t boot[16];
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < o->dead.header.lanes; i++) {
        const weir_lane *lane = &o->dead.lanes[i];
        if (!lane->control) continue; /* never used */
        uint64_t tail = atomic_load_explicit(&lane->control->tail, memory_order_relaxed);
        if (tail > lane->taken) bytes += tail - lane->taken;
    }
    bool same = o->w->os->boot_id(o->w->os->self, boot) >= 0 &&
                memcmp(boot, o->dead.header.boot, sizeof boot) == 0;
    if (!bytes) return;
    weir_handle_event(
        o->w, same ? WEIR_EVENT_DAMAGE : WEIR_EVENT_TORN_TAIL,
        "%s/ring: %llu bytes of published rows are unreadable%s", o->w->directory,
        (unsigned long long)bytes,
        same ? ": something wrote over its ring, or truncated it, since they were published"
             : ": the machine went down before they became durable");
}

static int drain_dead_ring(opening *o) {
    weir *w = o->w;
    weir_drain drain;
    if (!o->dead.lanes || weir_look_is_drained(&o->found, &o->dead.header, o->has_mark))
        return WEIR_OK;
    weir_look_skip_drained(&o->found, &o->dead);
    int status = weir_drain_make(&drain, &o->dead, w->journal, 1u << 20, true, o->error);
    drain.known = status == WEIR_OK ? known_rows(o) : 0;
    if (status != WEIR_OK) return status;
    bool appended = true;
    while (status == WEIR_OK && appended)
        status = weir_drain_block(&drain, &appended, o->error);
    weir_drain_free(&drain);
    if (status == WEIR_FULL)
        return weir_fail(o->error, WEIR_NO_SPACE,
                         "%s: no room to drain the ring of the process that died; free some space "
                         "and open again: its rows stay where they are",
                         w->directory);
    if (status == WEIR_OK) report_unreadable(o);
    return status;
}

static void remember_declarations(weir *w) {
    for (unsigned i = 1; i <= WEIR_TABLES_MAX; i++) {
        uint16_t table = (uint16_t)i;
        const weir_declaration *d = weir_journal_declaration(w->journal, table);
        if (!d) continue;
        /* Without memory for the copy the table just gets a new number. */
        (void)weir_declaration_make(table, d->name, d->column, d->columns, &w->known[i], NULL);
        w->table_count = table;
    }
}

static int make_ring(opening *o) {
    weir *w = o->w;
    char fresh[PATH_BYTES], path[PATH_BYTES];
    weir_ring_header wanted = {.lanes = w->options.lanes_max,
                               .lane_bytes = w->options.lane_bytes,
                               .process = w->process,
                               .wall_ns = w->os->wall(w->os->self)};
    memcpy(wanted.journal, weir_journal_id(w->journal), 16);
    int done = w->os->random(w->os->self, wanted.id, sizeof wanted.id);
    if (done < 0) return weir_fail_os(o->error, done, "cannot draw a ring id");
    (void)w->os->boot_id(w->os->self, wanted.boot); /* zeros where unknown: only a report uses it */
    int status = path_in(w, "ring.new", fresh, o->error);
    if (status == WEIR_OK) status = path_in(w, "ring", path, o->error);
    if (status == WEIR_OK)
        status = weir_ring_create(&w->ring, w->os, w->dirfd, fresh, &wanted, w->lanes, o->error);
    /* What the dead ring held is durable in the journal by now, and its space, and that of the spares,
     * may be all there is. */
    while (status == WEIR_NO_SPACE &&
           (w->os->unlink(w->os->self, w->dirfd, path) >= 0 || weir_journal_free_spare(w->journal)))
        status = weir_ring_create(&w->ring, w->os, w->dirfd, fresh, &wanted, w->lanes, o->error);
    if (status != WEIR_OK) return status;
    atomic_store_explicit(&w->word_hint, w->ring.word, memory_order_relaxed);
    done = w->os->rename(w->os->self, w->dirfd, fresh, w->dirfd, path);
    atomic_store_explicit(&w->ring_stands, done >= 0, memory_order_release);
    /* A power cut may not bring back the ring that this one stands in for: it is drained, and soon
     * nothing says so any more. Where there was none, the name of the new segment was synced behind
     * its removal, and a power cut may take this one's name, as it would take its rows. */
    if (done >= 0 && o->dead_found != WEIR_RING_ABSENT)
        done = w->os->sync_directory(w->os->self, w->dirfd, w->directory);
    return done >= 0 ? WEIR_OK : weir_fail_os(o->error, done, "cannot put the ring at %s", path);
}

/* A store into the mapping may need a block that nobody allocated; then a full disk is SIGBUS. */
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

static void on_durable(void *context, uint64_t row) {
    weir *w = context;
    if (!atomic_load_explicit(&w->hooked, memory_order_acquire)) return;
    /* With the fence of weir_handle_linger: either we see that the writer wants to know, or it sees
     * these rows when it looks. */
    atomic_thread_fence(memory_order_seq_cst);
    if (row < atomic_load_explicit(&w->linger_row, memory_order_relaxed)) return;
    w->hooks.nudge(w->hooks.self, weir_ring_pending(&w->ring) > 0);
}

static void on_stop(void *context) {
    weir *w = context;
    atomic_store_explicit(w->gate, 0,
                          memory_order_relaxed); /* appends find out why by themselves */
}

static int start_journaler(opening *o) {
    weir *w = o->w;
    w->journaler.os = w->os;
    w->journaler.ring = &w->ring;
    w->journaler.journal = w->journal;
    w->journaler.linger_ns = (uint64_t)w->options.linger_ms * 1000000u;
    w->journaler.segment_bytes = w->options.segment_bytes;
    w->journaler.on_durable = on_durable;
    w->journaler.on_stop = on_stop;
    w->journaler.on_event = send_event;
    w->journaler.context = w;
    w->fence = w->os->barrier(w->os->self) < 0;
    int status = weir_journaler_prepare(&w->journaler, o->error);
    if (status != WEIR_OK) return status;
    atomic_store_explicit(w->gate, w->generation, memory_order_release);
    return o->config->stepped ? WEIR_OK : weir_journaler_start(&w->journaler, o->error);
}

static void tell_findings(const opening *o) {
    weir *w = o->w;
    uint64_t rows = w->opened_row - w->start.row;
    if (o->found.verdict == WEIR_VERDICT_TORN_TAIL)
        send_event(w, WEIR_EVENT_TORN_TAIL, o->found.detail);
    if (o->found.damage_count) send_event(w, WEIR_EVENT_DAMAGE, o->found.detail);
    if (rows)
        weir_handle_event(w, WEIR_EVENT_RECOVERED,
                          "%s: %llu rows of a former process are being applied", w->directory,
                          (unsigned long long)rows);
}

static void note_start(opening *o) {
    weir *w = o->w;
    weir_journal_state state;
    weir_journal_get_state(w->journal, &state);
    w->start = o->found.position;
    w->opened_row = w->base_row = state.next_row - 1;
    atomic_store_explicit(&w->applied_row, w->start.row, memory_order_relaxed);
}

static int open_steps(opening *o) {
    int status = weir_fork_watch(o->error);
    weir_thread_watch_ends(weir_hand_back_lanes);
    if (status == WEIR_OK) status = set_directory(o);
    if (status == WEIR_OK) status = open_directory(o);
    if (status == WEIR_OK) status = lock_journal(o);
    if (status == WEIR_OK) status = read_database_positions(o);
    if (status == WEIR_OK) status = attach_dead_ring(o);
    if (status == WEIR_OK) status = take_inventory(o);
    if (status == WEIR_OK) status = keep_directory(o);
    if (status == WEIR_OK) status = open_journal(o);
    if (status == WEIR_OK) status = drain_dead_ring(o);
    if (status == WEIR_OK) status = weir_journal_sync(o->w->journal, o->error);
    if (status != WEIR_OK) return status;
    if (o->dead.lanes)
        weir_ring_close(&o->dead); /* its rows are durable; its space may be wanted */
    note_start(o);
    remember_declarations(o->w);
    status = make_ring(o);
    return status == WEIR_OK ? start_journaler(o) : status;
}

/* ---- undoing ------------------------------------------------------------------------------- */

/* The tables themselves stay: an append that began before close may still look at one. */
static void free_declarations(weir *w) {
    for (uint16_t i = 1; i <= w->table_count; i++) {
        weir_declaration_free(w->known[i]);
        w->known[i] = NULL;
        if (!w->tables[i]) continue;
        weir_declaration_free(w->tables[i]->declaration);
        w->tables[i]->declaration = NULL;
    }
}

static void dismantle(weir *w) {
    weir_journaler_release(&w->journaler);
    if (w->journal) weir_journal_close(w->journal);
    w->journal = NULL;
    if (w->ring.lanes) weir_ring_close(&w->ring);
    free_declarations(w);
    weir_registry_unlock(w);
    if (w->dirfd) (void)w->os->close(w->os->self, w->dirfd); /* nothing is written through it */
    w->dirfd = 0;
    free(w->directory);
    w->directory = NULL;
    (void)pthread_mutex_destroy(&w->declaring); /* nobody holds it */
    weir_registry_give_back(w);
    weir_fork_end();
}

static bool call_under_way(const weir *w) {
    if (atomic_load_explicit(&w->inside, memory_order_seq_cst)) return true;
    for (uint32_t i = 0; i < w->options.lanes_max; i++)
        if (atomic_load_explicit(&w->lanes[i].busy, memory_order_acquire)) return true;
    return false;
}

/* Nobody drains its ring any more, so nothing else does what the journal thread alone may. */
static bool is_close_over(weir *w) {
    weir_ring_end_dead(&w->ring);
    return !call_under_way(w);
}

/* Handles that were closed while a thread was inside an append. What that has published is in the ring,
 * which the next opening of the journal finds as one of a dead process. */
static void bury_stuck_handles(void) {
    weir *w;
    while ((w = weir_registry_take_stuck(is_close_over)))
        dismantle(w);
}

int weir_handle_open(const weir_handle_config *config, weir **out, weir_error *error) {
    opening o = {.config = config, .error = error};
    *out = NULL;
    int status = weir_fork_begin(error);
    if (status != WEIR_OK) return status;
    weir_resident_stay();
    bury_stuck_handles();
    o.w = weir_registry_take(config->os, config->options.lanes_max);
    if (!o.w) {
        weir_fork_end();
        return weir_fail(error, WEIR_NO_MEMORY, "no memory to open %s", config->directory);
    }
    o.w->options = config->options;
    o.w->process = config->os->process_id(config->os->self);
    o.w->ring.file = -1;
    (void)pthread_mutex_init(&o.w->declaring, NULL); /* cannot fail with default attributes */
    status = open_steps(&o);
    if (o.dead.lanes) weir_ring_close(&o.dead);
    if (status == WEIR_OK) {
        tell_weakness(o.w);
        tell_findings(&o);
    } else {
        atomic_store_explicit(o.w->gate, 0, memory_order_relaxed);
        dismantle(o.w);
    }
    weir_inventory_free(&o.found);
    free(o.positions);
    if (status == WEIR_OK) *out = o.w;
    return status;
}

/* Nobody rings when a lock is given up, so it is looked at now and then. */
static bool await_file(const weir_os *os, int file, uint64_t deadline) {
    weir_os_info info;
    int64_t holder, process = os->process_id(os->self);
    _Atomic uint32_t never = 0;
    if (os->info_file(os->self, file, &info) < 0) return false;
    for (;;) {
        int locked = os->locked(os->self, file, &holder);
        if (locked <= 0) return locked == 0;
        if (weir_registry_keeps(&info, process) || os->now(os->self) >= deadline) return false;
        (void)os->wait(os->self, &never, 0, LOCK_POLL_NS);
    }
}

bool weir_handle_await(const weir_os *os, const char *directory, uint64_t deadline) {
    char path[PATH_BYTES];
    int length = snprintf(path, sizeof path, "%s/lock", directory);
    if (length < 0 || (size_t)length >= sizeof path) return false;
    int file = os->open(os->self, WEIR_OS_CWD, path, WEIR_OS_READ);
    if (file < 0) return false;
    bool free = await_file(os, file, deadline);
    (void)os->close(os->self, file); /* only read */
    return free;
}

/* ---- the writer's side --------------------------------------------------------------------- */

void weir_handle_attach(weir *w, const weir_hooks *hooks) {
    w->hooks = *hooks;
    atomic_store_explicit(&w->hooked, true, memory_order_release);
}

weir_journal *weir_handle_journal(weir *w) { return w->journal; }
weir_journaler *weir_handle_journaler(weir *w) { return &w->journaler; }
const weir_os *weir_handle_os(weir *w) { return w->os; }
const weir_options *weir_handle_options(weir *w) { return &w->options; }
const char *weir_handle_directory(weir *w) { return w->directory; }
weir_position weir_handle_start(weir *w) { return w->start; }

static void store(_Atomic uint64_t *field, uint64_t value) {
    atomic_store_explicit(field, value, memory_order_release);
}

static void add_count(_Atomic uint64_t *field, uint64_t value) {
    atomic_fetch_add_explicit(field, value, memory_order_relaxed);
}

void weir_handle_applied(weir *w, const weir_block_header *last, const weir_payload *payload,
                         uint64_t rows, uint64_t rejected, uint64_t ignored, uint64_t wal_bytes) {
    add_count(&w->rows_applied, rows);
    add_count(&w->rows_rejected, rejected);
    add_count(&w->rows_ignored, ignored);
    add_count(&w->transactions, 1);
    store(&w->wal_bytes, wal_bytes);
    if (memcmp(payload->ring, w->ring.header.id, 16) == 0)
        for (uint32_t i = 0; i < payload->lanes; i++) {
            weir_lane_mark mark = weir_payload_lane(payload, i);
            if (mark.lane < w->options.lanes_max)
                store(&w->lanes[mark.lane].applied, mark.position);
        }
    store(&w->applied_row, last->first_row + last->rows - 1);
    weir_journaler_tell(&w->journaler, &w->journaler.applied);
}

void weir_handle_apply_status(weir *w, int status) {
    atomic_store_explicit(&w->apply_status, status, memory_order_release);
    weir_journaler_tell(&w->journaler, &w->journaler.applied);
}

bool weir_handle_wants_applied(weir *w) {
    return atomic_load_explicit(&w->want_applied, memory_order_seq_cst) > 0;
}

void weir_handle_linger(weir *w, uint64_t row) {
    atomic_store_explicit(&w->linger_row, row, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst); /* see on_durable */
}

/* ---- closing ------------------------------------------------------------------------------- */

/* Threads that ended are inside nothing, and the journal thread finds out which did. */
static void look_for_ended_threads(weir *w) {
    atomic_store_explicit(&w->journaler.lanes_wanted, 1, memory_order_seq_cst);
    weir_journaler_ring(&w->journaler);
}

/* No call passes the gate any more; those that had passed it are waited for. */
static bool shut_gate(weir *w, uint64_t deadline) {
    atomic_store_explicit(w->gate, 0, memory_order_seq_cst);
    (void)w->os->barrier(w->os->self); /* without it appends fence themselves: see pass_gate */
    weir_journaler_tell_all(&w->journaler);
    _Atomic uint32_t never = 0;
    while (call_under_way(w)) {
        if (w->os->now(w->os->self) >= deadline) return false;
        look_for_ended_threads(w);
        (void)w->os->wait(w->os->self, &never, 0, CLOSE_POLL_NS);
    }
    return true;
}

/* Everything of the ring is durable in the journal, so the ring goes, and then a mark without lanes
 * says so: in this order, or a power cut could bring back a ring that nothing says is drained. */
static int remove_ring(weir *w, weir_error *error) {
    char path[PATH_BYTES];
    int status = path_in(w, "ring", path, error);
    if (status == WEIR_OK) status = check_place(w, error);
    if (status != WEIR_OK) return status;
    atomic_store_explicit(&w->ring_stands, false, memory_order_release);
    int gone = w->os->unlink(w->os->self, w->dirfd, path);
    if (gone >= 0) gone = w->os->sync_directory(w->os->self, w->dirfd, w->directory);
    weir_ring_unmap(&w->ring); /* the file system takes a while to free it */
    return gone < 0 ? weir_fail_os(error, gone, "cannot remove %s", path) : WEIR_OK;
}

static int leave_closing_mark(weir *w, weir_error *error) {
    static const uint8_t no_ring[16];
    uint8_t head[WEIR_PAYLOAD_HEAD];
    (void)weir_payload_head_encode(head, no_ring, NULL, 0);
    int status = weir_journal_append(w->journal, WEIR_BLOCK_MARK, head, sizeof head, 0, error);
    return status == WEIR_OK ? weir_journal_sync(w->journal, error) : status;
}

static void finish_writer(weir *w, uint64_t deadline) {
    if (atomic_load_explicit(&w->hooked, memory_order_acquire))
        w->hooks.finish(w->hooks.self, deadline);
}

static int stop_writer(weir *w, uint64_t deadline) {
    if (!atomic_load_explicit(&w->hooked, memory_order_acquire)) return WEIR_OK;
    return w->hooks.stop(w->hooks.self, deadline);
}

static int close_handle(weir *w) {
    weir_error error = {0};
    int status = weir_gate_status(w, w->generation);
    if (status != WEIR_OK && status != WEIR_STOPPED) return weir_refuse("weir_close", status);
    if (atomic_exchange_explicit(&w->closing, true, memory_order_acq_rel))
        return weir_refuse("weir_close", WEIR_CLOSED);
    uint64_t deadline = weir_deadline(w->os, w->options.open_timeout_ms);
    weir_leave_appends(w);
    bool quiet = shut_gate(w, deadline);
    int journaled = weir_journaler_stop(&w->journaler);
    finish_writer(w, deadline);
    if (journaled != WEIR_OK)
        (void)weir_fail(&error, journaled, "%s: rows stay in the ring for the next opening: %s",
                        w->directory, weir_status_text(journaled));
    else if (quiet)
        journaled = remove_ring(w, &error); /* while the writer finishes */
    int applied = stop_writer(w, deadline);
    if (!quiet) { /* ring, mapping and lock stay: the append will be kept */
        (void)weir_fail(&error, WEIR_PENDING,
                        "%s: a thread is still inside a call, or has jumped out of an append; the "
                        "journal can be opened again once the call returns or the thread ends",
                        w->directory);
        weir_registry_keep_stuck(w);
        return weir_publish_error(&error);
    }
    if (journaled == WEIR_OK) journaled = leave_closing_mark(w, &error);
    dismantle(w);
    if (journaled != WEIR_OK) return weir_publish_error(&error);
    return applied;
}

int weir_close(weir *w) {
    if (!w) return weir_misuse("weir_close", "w is NULL");
    weir_shelter shelter = weir_shelter_take();
    int status = close_handle(w);
    weir_shelter_leave(&shelter);
    return status;
}
