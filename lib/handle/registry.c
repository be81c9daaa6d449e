/* registry.c - the one list of handles. Its mutex is taken by opening and closing only. */
#include "registry.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

enum { QUARANTINE = 8 }; /* retired handles that are not used again yet */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static weir *all; /* newest retirement last */
/* All handles that were ever made, for code that cannot take the lock; release / acquire. */
static _Atomic(weir *) made;
static uint32_t next_generation = 1;

static weir *make_handle(const weir_os *os, uint32_t lanes_max) {
    weir *w = aligned_alloc(WEIR_CACHE_LINE, sizeof *w);
    weir_lane *lanes = aligned_alloc(WEIR_CACHE_LINE, lanes_max * sizeof *lanes);
    _Atomic uint32_t *gate = os->fork_word(os->self);
    if (!w || !lanes || !gate) {
        free(w);
        free(lanes);
        if (gate) os->free_fork_word(os->self, gate);
        return NULL;
    }
    memset(w, 0, sizeof *w);
    w->lanes = lanes;
    w->lanes_capacity = lanes_max;
    w->os = os;
    w->gate = gate;
    atomic_store_explicit(gate, 0, memory_order_relaxed); /* shut until opening is over */
    w->lock_file = -1;
    w->next_made = atomic_load_explicit(&made, memory_order_relaxed);
    atomic_store_explicit(&made, w, memory_order_release);
    return w;
}

/* The list is in order of retirement, so the first that fits was retired longest ago. */
static weir *reuse(const weir_os *os, uint32_t lanes_max) {
    unsigned retired = 0;
    for (weir *w = all; w; w = w->next)
        retired += w->state == WEIR_HANDLE_RETIRED;
    for (weir **at = &all; retired > QUARANTINE && *at; at = &(*at)->next) {
        weir *w = *at;
        if (w->state != WEIR_HANDLE_RETIRED || w->lanes_capacity < lanes_max || w->os != os)
            continue;
        *at = w->next;
        return w;
    }
    return NULL;
}

static void append_to_list(weir *w) {
    weir **at = &all;
    while (*at)
        at = &(*at)->next;
    w->next = NULL;
    *at = w;
}

/* Table handles stay memory of table handles, for the same reason as the handle itself. */
static weir_table *idle_tables_of(weir *w) {
    weir_table *idle = w->idle_tables;
    for (size_t i = 1; i <= WEIR_TABLES_MAX; i++) {
        if (!w->tables[i]) continue;
        w->tables[i]->next_idle = idle;
        idle = w->tables[i];
    }
    return idle;
}

static bool slot_is_taken(uint32_t slot) {
    for (const weir *w = all; w; w = w->next)
        if (w->state != WEIR_HANDLE_RETIRED &&
            atomic_load_explicit(&w->slot, memory_order_relaxed) == slot)
            return true;
    return false;
}

/* The least number that no open handle has, because threads have few slots. */
static uint32_t find_free_slot(void) {
    uint32_t slot = 0;
    while (slot_is_taken(slot))
        slot++;
    return slot;
}

/* Everything but what late callers may still look at. */
static void reset(weir *w) {
    weir_table *idle = idle_tables_of(w);
    memset((char *)w + offsetof(weir, ring), 0, offsetof(weir, next_made) - offsetof(weir, ring));
    memset(w->lanes, 0, w->lanes_capacity * sizeof *w->lanes);
    w->idle_tables = idle;
    atomic_store_explicit(&w->slot, find_free_slot(), memory_order_relaxed);
    w->generation = next_generation++;
    if (next_generation == 0) next_generation = 1; /* 0 means closed */
    weir_clock_make(&w->clock, w->os);
    atomic_store_explicit(&w->log_keep, 0, memory_order_relaxed);
    atomic_store_explicit(&w->log_lost_any, false, memory_order_relaxed);
    w->state = WEIR_HANDLE_OPEN;
}

weir *weir_registry_take(const weir_os *os, uint32_t lanes_max) {
    (void)pthread_mutex_lock(&lock); /* these cannot fail: a static, never destroyed mutex */
    weir *w = reuse(os, lanes_max);
    if (!w) w = make_handle(os, lanes_max);
    if (w) {
        reset(w);
        append_to_list(w);
    }
    (void)pthread_mutex_unlock(&lock);
    return w;
}

void weir_registry_give_back(weir *w) {
    (void)pthread_mutex_lock(&lock);
    for (weir **at = &all; *at; at = &(*at)->next)
        if (*at == w) {
            *at = w->next;
            break;
        }
    w->state = WEIR_HANDLE_RETIRED;
    append_to_list(w);
    (void)pthread_mutex_unlock(&lock);
}

void weir_registry_keep_stuck(weir *w) {
    (void)pthread_mutex_lock(&lock);
    w->state = WEIR_HANDLE_STUCK;
    (void)pthread_mutex_unlock(&lock);
}

weir *weir_registry_take_stuck(bool (*is_over)(weir *w)) {
    (void)pthread_mutex_lock(&lock);
    weir *w = all;
    while (w && !(w->state == WEIR_HANDLE_STUCK && is_over(w)))
        w = w->next;
    if (w) w->state = WEIR_HANDLE_OPEN; /* nobody else's any more */
    (void)pthread_mutex_unlock(&lock);
    return w;
}

static int refuse_second(const weir *w, const weir *other, weir_error *error) {
    return weir_fail(
        error, WEIR_LOCKED, "%s: this process has the journal open already%s", w->directory,
        other->state == WEIR_HANDLE_STUCK
            ? "; a thread is still inside an append to a handle that was closed, or has "
              "jumped out of one: try again when that has returned, or its thread has ended"
            : "; close that handle first, or use it");
}

static int refuse_locked(const weir *w, int64_t holder, weir_error *error) {
    if (holder == w->process)
        return weir_fail(error, WEIR_LOCKED,
                         "%s: another copy of this library in this process (%lld) has the journal "
                         "open; close it there first, or use one copy",
                         w->directory, (long long)holder);
    if (holder > 0)
        return weir_fail(error, WEIR_LOCKED,
                         "%s: process %lld has the journal open; close it there first",
                         w->directory, (long long)holder);
    return weir_fail(error, WEIR_LOCKED,
                     "%s: another process has the journal open; close it there first",
                     w->directory);
}

static const weir *holder_of(const weir_os_info *info, int64_t process) {
    for (const weir *each = all; each; each = each->next)
        if (each->state != WEIR_HANDLE_RETIRED && each->process == process &&
            each->lock_inode == info->inode && each->lock_device == info->device)
            return each; /* one of another process came by fork, and holds nothing here */
    return NULL;
}

static int lock_journal_file(weir *w, const char *path, weir_error *error) {
    const weir_os *os = w->os;
    weir_os_info info;
    w->lock_file =
        os->open(os->self, w->dirfd, path, WEIR_OS_READ | WEIR_OS_WRITE | WEIR_OS_CREATE);
    if (w->lock_file < 0)
        return weir_fail_os(error, w->lock_file, "cannot open %s; is the directory writable?",
                            path);
    int64_t holder = 0;
    int known = os->info_file(os->self, w->lock_file, &info);
    int locked = known < 0 ? known : os->lock(os->self, w->lock_file, &holder);
    if (locked == -EAGAIN) {
        const weir *other = holder_of(&info, w->process);
        return other ? refuse_second(w, other, error) : refuse_locked(w, holder, error);
    }
    if (locked == -EINVAL)
        return weir_fail(error, WEIR_UNSUPPORTED,
                         "%s: no locks of open files here (fcntl F_OFD_SETLK, Linux 3.15): without "
                         "them another opening would write into the same journal",
                         path);
    if (locked < 0) return weir_fail_os(error, locked, "cannot lock %s", path);
    w->lock_device = info.device;
    w->lock_inode = info.inode;
    return WEIR_OK;
}

int weir_registry_lock(weir *w, const char *path, weir_error *error) {
    (void)pthread_mutex_lock(&lock);
    int status = lock_journal_file(w, path, error);
    if (status != WEIR_OK && w->lock_file >= 0) {
        (void)w->os->close(w->os->self, w->lock_file); /* it holds nothing */
        w->lock_file = -1;
    }
    (void)pthread_mutex_unlock(&lock);
    return status;
}

bool weir_registry_keeps(const weir_os_info *info, int64_t process) {
    (void)pthread_mutex_lock(&lock);
    const weir *holder = holder_of(info, process);
    bool keeps = holder && (holder->state == WEIR_HANDLE_STUCK ||
                            !atomic_load_explicit(&holder->closing, memory_order_relaxed));
    (void)pthread_mutex_unlock(&lock);
    return keeps;
}

bool weir_registry_has_lock(const weir *w, int file) {
    return weir_os_has_file(w->os, file, w->lock_device, w->lock_inode);
}

/* A child that is forked just here may close the file, but nothing that gets its number later. */
void weir_registry_unlock(weir *w) {
    (void)pthread_mutex_lock(&lock);
    int file = w->lock_file;
    w->lock_file = -1;
    if (file >= 0 && weir_registry_has_lock(w, file)) {
        (void)w->os->unlock(w->os->self, file); /* where children have it too, closing does not */
        (void)w->os->close(w->os->self, file);
    }
    w->lock_device = w->lock_inode = 0;
    (void)pthread_mutex_unlock(&lock);
}

weir *weir_registry_made(void) { return atomic_load_explicit(&made, memory_order_acquire); }

/* The list may be half changed in a child, the chain of all handles ever made is not. */
void weir_registry_let_go(void) {
    for (weir *w = weir_registry_made(); w; w = w->next_made) {
        if (w->ring.map) weir_ring_let_go(&w->ring);
        weir_recorder_let_go(&w->recorder);
        weir_journaler_let_go(&w->journaler);
        if (w->lock_file >= 0) (void)w->os->close(w->os->self, w->lock_file);
        w->lock_file = -1;
    }
}
