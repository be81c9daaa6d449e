/* log_record.c - the flight recorder of a handle: messages go in, and are brought out. */
#include "log_record.h"

#include <errno.h>

#include "../base/thread.h"
#include "../base/utf8.h"
#include "../format/row_encode.h"
#include "place.h"

/* ---- in ------------------------------------------------------------------------------------- */

/* Which of the counters is this thread's: any does. Thread-local memory is a page or more apart. */
static _Atomic uint32_t *counter_of_thread(weir *w) {
    static _Thread_local char here __attribute__((tls_model("initial-exec")));
    return &w->recording[((uintptr_t)&here >> 12) % WEIR_RECORDING].calls;
}

/* Raise the counter, then look at the gate. A closing thread shuts the gate, makes the barrier,
 * then looks at the counters, as with a lane's busy (append.c). */
static int enter_recording(const weir_table *t, _Atomic uint32_t *calls) {
    const weir *w = t->w;
    atomic_fetch_add_explicit(calls, 1, memory_order_relaxed);
    if (w->fence)
        atomic_thread_fence(memory_order_seq_cst);
    else
        atomic_signal_fence(memory_order_seq_cst);
    if (__builtin_expect(atomic_load_explicit(w->gate, memory_order_relaxed) == t->generation, 1))
        return WEIR_OK;
    return weir_gate_status(w, t->generation);
}

static int record_row(const weir_table *t, const weir_value *values) {
    uint64_t sequence;
    weir_recorder *r = &t->w->recorder;
    weir_recorder_slot *slot = weir_recorder_claim(r, &sequence);
    if (!slot) return WEIR_FULL;
    uint8_t *end = weir_row_encode(slot->body, t->number, values, t->columns);
    weir_recorder_seal(r, slot, sequence, (size_t)(end - slot->body));
    return WEIR_OK;
}

int weir_log_record(const weir_table *t, const weir_value *values) {
    int status = WEIR_OK;
    uint64_t bytes = weir_row_size(values, t->columns, &status);
    if (!bytes) return status;
    _Atomic uint32_t *calls = counter_of_thread(t->w);
    int held = weir_cancel_hold(); /* or the counter would stay raised, and closing wait for ever */
    status = enter_recording(t, calls);
    if (status == WEIR_OK)
        status = weir_recorder_holds(&t->w->recorder, bytes) ? record_row(t, values) : WEIR_TOO_BIG;
    /* Release: a closing thread that sees it low sees that the slot is not touched any more. */
    atomic_fetch_sub_explicit(calls, 1, memory_order_release);
    weir_cancel_allow(held);
    return status;
}

bool weir_log_is_recording(const weir *w) {
    for (size_t i = 0; i < WEIR_RECORDING; i++)
        if (atomic_load_explicit(&w->recording[i].calls, memory_order_acquire)) return true;
    return false;
}

/* ---- cut to fit ----------------------------------------------------------------------------- */

enum { CUT_FILE = 120 }; /* bytes of a file's name that stay; the last ones */

/* The longest beginning that splits no UTF-8 character, and the mark. */
static size_t cut_message(char *into, const weir_value *message, size_t room) {
    static const char mark[] = "… [cut]";
    const char *text = message->as.bytes;
    size_t end = weir_utf8_cut(text, room - (sizeof mark - 1)); /* the text goes on after room */
    memcpy(into, text, end);
    memcpy(into + end, mark, sizeof mark - 1);
    return end + sizeof mark - 1;
}

/* log(time_ns, level, thread, file, line, message, fields) */
int weir_log_record_cut(const weir_table *t, const weir_value *values) {
    enum { FILE_NAME = 3, MESSAGE = 5, FIELDS = 6 };
    char text[WEIR_RECORDER_SLOT];
    weir_value cut[WEIR_LOG_WITH_FIELDS];
    int status = WEIR_OK;
    memcpy(cut, values, t->columns * sizeof *cut);
    if (cut[FILE_NAME].length > CUT_FILE)
        cut[FILE_NAME] = weir_text_n(
            (const char *)cut[FILE_NAME].as.bytes + (cut[FILE_NAME].length - CUT_FILE), CUT_FILE);
    if (t->columns > FIELDS && cut[FIELDS].length > CUT_FILE)
        cut[FIELDS] = weir_text("{\"…\":true}");
    size_t whole = weir_row_size(cut, t->columns, &status);
    size_t most = WEIR_RECORDER_SLOT - WEIR_RECORDER_SLOT_HEAD - WEIR_ROW_SLACK;
    if (whole > most)
        cut[MESSAGE] =
            weir_text_n(text, cut_message(text, &cut[MESSAGE], cut[MESSAGE].length + most - whole));
    return weir_log_record(t, cut);
}

/* ---- out ------------------------------------------------------------------------------------ */

/* One message; what is not there any more, or not yet, is left. */
static int bring_out(weir *w, uint64_t sequence) {
    weir_recorder_slot *slot = weir_recorder_take(&w->recorder, sequence);
    if (!slot) return WEIR_OK;
    int status = weir_append_record(w, WEIR_RECORD_ROW, slot->body, slot->bytes, slot);
    if (status == WEIR_OK)
        weir_recorder_is_out(slot, sequence);
    else
        weir_recorder_put_back(slot, sequence);
    return status;
}

static int bring_all_out(weir *w) {
    int status = WEIR_OK;
    if (!w->recorder.map) return WEIR_OK;
    uint64_t last = atomic_load_explicit(&w->recorder.sequence, memory_order_relaxed);
    for (uint64_t i = weir_recorder_oldest(&w->recorder, last); i <= last && status == WEIR_OK; i++)
        status = bring_out(w, i);
    return status;
}

/* One thread at a time, so that rows come in the order of their sequences. A thread of the library
 * does not wait for another, which may wait for room that only it can make. */
int weir_log_bring_out(weir *w) {
    int held, status = weir_call_enter(w, WEIR_CALL_OPEN, &held);
    if (status != WEIR_OK) return status;
    bool ours = weir_thread_is_ours();
    if ((ours ? pthread_mutex_trylock(&w->flushing) : pthread_mutex_lock(&w->flushing)) == 0) {
        status = bring_all_out(w);
        (void)pthread_mutex_unlock(&w->flushing); /* we have it */
    } else {
        status = WEIR_BUSY;
    }
    weir_call_exit(w, held);
    return status;
}

int weir_log_flush_recorder(weir *w) {
    if (!w) return weir_misuse("weir_log_flush_recorder", "w is NULL");
    int saved = errno, status = weir_log_bring_out(w);
    errno = saved; /* of the caller, who may be about to report it */
    return status == WEIR_OK ? status : weir_refuse("weir_log_flush_recorder", status);
}

/* ---- made, and given up --------------------------------------------------------------------- */

enum { RECORD_BYTES_MAX = 1 << 30 };

static int put_recorder_in_place(weir *w, weir_recorder_header *wanted, weir_error *error) {
    char fresh[WEIR_PATH_MAX], path[WEIR_PATH_MAX];
    int status = weir_place_path(w, "recorder.new", fresh, error);
    if (status == WEIR_OK) status = weir_place_path(w, "recorder", path, error);
    if (status == WEIR_OK) status = weir_place_check(w, error);
    if (status == WEIR_OK)
        status = weir_recorder_create(&w->recorder, w->os, w->dirfd, fresh, wanted, error);
    if (status != WEIR_OK) return status;
    int done = w->os->rename(w->os->self, w->dirfd, fresh, w->dirfd, path);
    if (done >= 0) return WEIR_OK;
    weir_recorder_unmap(&w->recorder); /* nobody records yet */
    return weir_fail_os(error, done, "cannot put the flight recorder at %s", path);
}

static int make_recorder(weir *w, uint32_t slots, weir_error *error) {
    weir_recorder_header wanted = {.lane = w->ring.header.lanes, .slots = slots};
    if (wanted.lane >= WEIR_LANES_LIMIT)
        return weir_fail(error, WEIR_MISUSE, "a flight recorder needs options.lanes_max below %d",
                         WEIR_LANES_LIMIT);
    memcpy(wanted.ring, w->ring.header.id, sizeof wanted.ring);
    memcpy(wanted.journal, w->ring.header.journal, sizeof wanted.journal);
    int drawn = w->os->random(w->os->self, wanted.id, sizeof wanted.id);
    if (drawn < 0) return weir_fail_os(error, drawn, "cannot draw a recorder id");
    return put_recorder_in_place(w, &wanted, error);
}

int weir_log_set_recorder(weir *w, const weir_log_options *options, weir_error *error) {
    uint32_t slots = options->record_bytes / WEIR_RECORDER_SLOT;
    bool there = w->recorder.map != NULL;
    if (options->record_bytes && (!slots || options->record_bytes > RECORD_BYTES_MAX))
        return weir_fail(error, WEIR_MISUSE, "record_bytes must be 0, or %d to %d",
                         WEIR_RECORDER_SLOT, RECORD_BYTES_MAX);
    if (slots && there && slots != w->recorder.header.slots)
        return weir_fail(error, WEIR_MISUSE,
                         "record_bytes: the handle has a flight recorder of another size already");
    int status = WEIR_OK;
    if (slots && !there) {
        (void)pthread_mutex_lock(&w->flushing); /* a thread that brings out looks for it */
        status = make_recorder(w, slots, error);
        (void)pthread_mutex_unlock(&w->flushing);
    }
    if (status != WEIR_OK) return status;
    uint32_t all = (1u << WEIR_LOG_LEVELS) - 1;
    weir_log_set_recorded(w, slots ? all & ~((1u << options->record) - 1) : 0);
    atomic_store_explicit(&w->log_flush_first, slots && options->record_on_error,
                          memory_order_relaxed);
    return WEIR_OK;
}

/* The next opening throws away one that stays: it belongs to a ring that is gone. */
void weir_log_remove_recorder(const weir *w) {
    char path[WEIR_PATH_MAX];
    if (w->recorder.map && weir_place_path(w, "recorder", path, NULL) == WEIR_OK)
        (void)w->os->unlink(w->os->self, w->dirfd, path);
}

void weir_log_end_recorder(weir *w) {
    weir_log_set_recorded(w, 0);
    weir_recorder_unmap(&w->recorder);
}
