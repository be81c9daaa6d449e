/* core.h - the handle's own fields. Private to this folder.
 *
 * A handle's memory is never freed while the process lives. After closing it waits on a list for
 * the next opening, so that an append which another thread began just before the close finds a
 * closed gate and not freed memory. */
#ifndef WEIR_CORE_H
#define WEIR_CORE_H

#include "../base/clock.h"
#include "../journal/journaler.h"
#include "../journal/sinks.h"
#include "../ring/recorder.h"
#include "../stats/stats_file.h"
#include "handle.h"

struct weir_table {
    weir *w;
    uint32_t generation; /* of the opening it was declared in */
    uint16_t number, columns;
    int key;                  /* index of the WEIR_KEY column, or -1 */
    weir_table *keys;         /* whose next_key counts for all declarations of the table */
    _Atomic int64_t next_key; /* relaxed: only its own order matters; INT64_MAX: none is left */
    weir_declaration *declaration; /* NULL once the handle is closed */
    weir_table *next_idle;
};

enum { WEIR_EVENTS = WEIR_EVENT_SINK_DETACHED + 1 };

/* Call sites of the logger that this memory knows: see log_site.h. */
enum { WEIR_LOG_PAGE = 256, WEIR_LOG_SITES = 240 * WEIR_LOG_PAGE };
struct weir_log_template;
typedef struct weir_log_page {
    _Atomic(struct weir_log_template *) at[WEIR_LOG_PAGE]; /* release / acquire */
} weir_log_page;

typedef struct weir_notifier weir_notifier;

/* Sinks that a handle has: as many as the file of figures has room for. */
enum { WEIR_SINKS_MAX = WEIR_STATS_SINKS_MAX };

/* One sink that the journal's rows go to: its hooks, and what its writer reports. Number 0 is the first
 * sink, which WEIR_APPLIED means. */
struct weir_attached {
    weir *w;
    char name[WEIR_NAMED_NAME_MAX + 1]; /* empty: of the first sink, which has no record */
    bool leaves; /* detached, and its writer was told to finish; under attaching */
    weir_hooks hooks;
    _Atomic bool hooked; /* release after hooks are set, acquire before they are called */
    weir_position start; /* the sink's position at opening */
    uint64_t begin;      /* the first block that it was to have */
    _Atomic uint64_t *lane_applied; /* by lane: applied up to here; release / acquire */
    /* What the writer reports: each is stored with release before waiting threads are woken. */
    _Atomic uint64_t applied_row, rows_applied, rows_rejected, rows_ignored, transactions,
        wal_bytes;
    _Atomic uint64_t rows_deleted, keeps_suspended; /* relaxed: only counts */
    _Atomic int apply_status;
    _Atomic uint32_t want_applied; /* how many callers wait for applied */
    _Atomic uint64_t
        requested_row;           /* up to here rows shall be applied at once; release / acquire */
    _Atomic uint64_t linger_row; /* see weir_handle_linger */
    /* Relaxed: counts and times of reports; steps since opening. */
    _Atomic uint64_t applied_at, waiting_since, commit_ns_total, commit_ns_max, steps;
    uint64_t behind_at; /* when rows were seen to wait first; 0: none does; under storing */
};

typedef struct weir_recording {
    alignas(WEIR_CACHE_LINE) _Atomic uint32_t calls;
} weir_recording;
enum { WEIR_RECORDING = 8 };

struct weir {
    /* Read by every append; written only while opening and closing. The word at gate holds the
     * generation while the handle is open. It is 0 when the handle is closed or has stopped, and
     * in a forked child, since it is on a page that a fork wipes. It is loaded relaxed: closing
     * makes a process-wide barrier between storing 0 and looking at busy (Dekker's pattern with
     * an asymmetric fence). */
    alignas(WEIR_CACHE_LINE) _Atomic uint32_t *gate;
    uint32_t generation;
    _Atomic uint32_t slot; /* of the threads' slots; relaxed: any is right, this one is fast */
    int64_t process;       /* that opened it */
    bool fence;            /* no membarrier in this kernel: every append pays a fence instead */
    /* Where ring.word is or was, for a prefetch: that is done before the gate is passed, and
     * cannot fault at any address. */
    _Atomic(void *) word_hint; /* relaxed on both sides: nothing is read through it */
    const weir_os *os;
    _Atomic int log_keep;      /* weir_log_options.keep; relaxed, as is the next */
    _Atomic bool log_lost_any; /* messages were dropped, and no row says so yet */
    weir_ring ring; /* from here to next_made all is cleared when the memory is used again */
    /* The ring's file has its name. Stored with release, after the file was named and before the
     * name is removed; loaded with acquire. */
    _Atomic bool ring_stands;

    alignas(WEIR_CACHE_LINE) weir_journaler journaler;
    _Atomic uint64_t refused;
    _Atomic bool closing;

    weir_options options;
    char *directory; /* for texts, and names in it; absolute */
    int dirfd;       /* the directory itself; 0: not open */
    uint64_t lock_device, lock_inode;
    weir_journal *journal;
    struct weir_attached sinks[WEIR_SINKS_MAX];
    /* How many of them were ever attached; release after one is filled, acquire before it is looked
     * at. One that is not hooked is looked at like any other, and not called. */
    _Atomic uint32_t sink_count;
    uint64_t opened_row; /* last row that a former process left */
    bool emptied; /* see weir_handle_is_emptied; stored before the writer is told to finish */

    pthread_mutex_t attaching; /* sinks are attached and detached one at a time */
    pthread_mutex_t declaring; /* tables, table_count, templates; no append takes it */
    /* By number, from 1; NULL: not declared in this opening. */
    weir_table *tables[WEIR_TABLES_MAX + 1];
    weir_declaration *known[WEIR_TABLES_MAX + 1]; /* what the journal knew at opening; copies */
    uint16_t table_count;
    weir_templates templates;    /* declared, in this opening or in one before */
    _Atomic bool templates_full; /* no number is left; relaxed: it never becomes false again */
    weir_table *idle_tables;     /* of former openings of this memory */
    weir_clock clock;            /* of the logger's timestamps */
    /* The logger's. Counts are relaxed. */
    _Atomic(weir_table *) log_table, log_fields; /* release / acquire; see weir_log_table */
    char *log_name;                              /* under declaring; NULL: "log" */
    _Atomic uint64_t log_lost[6];                /* by level, since the last row that said so */
    _Atomic int64_t log_lost_since;
    _Atomic uint64_t log_dropped, log_failed; /* as in weir_stats */
    _Atomic uint64_t log_retry_ns;            /* the table is not asked for before; 0: at once */
    _Atomic int log_refusal;                  /* why it cannot be had; WEIR_OK: it can */
    _Atomic int log_said;                     /* the reason that was said last */

    /* Of what is said on standard error: say.c. */
    uint64_t stderr_device, stderr_inode; /* 0: there is none */
    _Atomic uint32_t said;                /* events, a bit each: not passed; relaxed */
    _Atomic uint64_t said_ns[WEIR_EVENTS];

    _Atomic(weir_notifier *) notifier; /* notify.h; NULL: systemd is not told */
    _Atomic uint64_t journal_steps;    /* since opening; relaxed: only a count */

    /* What others see of this handle from outside: figures.h. */
    pthread_mutex_t storing; /* figures are stored by one thread at a time; guards what follows */
    uint8_t *figures;        /* the mapped file; NULL: there is none */
    bool figures_tried;
    uint32_t figured_sinks;                  /* sinks that the file has */
    uint64_t counted_syncs, counted_sync_ns; /* of those that the histogram has */
    bool ring_counted;                       /* the ring may be gone: rows and bytes as they were */
    uint64_t counted_rows, counted_bytes;
    /* Relaxed: only counts and times of reports. */
    _Atomic uint64_t event_counts[WEIR_EVENTS];
    _Atomic uint64_t durable_at;

    /* The flight recorder: log_record.h. */
    weir_recorder recorder;
    _Atomic uint32_t
        log_recorded; /* levels, a bit each; release when the recorder is there, acquire */
    _Atomic bool log_flush_first; /* weir_log_options.record_on_error; relaxed */
    pthread_mutex_t flushing;     /* rows are brought out by one thread at a time */

    uint64_t base_row; /* last row before this opening's own */
    enum { WEIR_HANDLE_OPEN, WEIR_HANDLE_STUCK, WEIR_HANDLE_RETIRED } state;
    weir *next; /* in the list of all handles of the process */

    /* These stay, for appends that come late, for threads that end, and for a child that is
     * forked meanwhile. */
    weir *next_made; /* in the chain of all handles ever made */
    int lock_file;   /* -1: none */
    weir_lane *lanes;
    uint32_t lanes_capacity;
    _Atomic(weir_log_page *) log_pages[WEIR_LOG_SITES / WEIR_LOG_PAGE]; /* release / acquire */
    /* Messages being recorded: of a few threads each, so that they share no cache line. See
     * weir_log_record. */
    weir_recording recording[WEIR_RECORDING];
    /* Calls under way, other than appends that have a lane. seq_cst on both sides: a caller
     * raises it and then looks at the gate; the closing thread shuts the gate and then looks at
     * it. */
    alignas(WEIR_CACHE_LINE) _Atomic uint32_t calls_in_flight;
};

static inline uint32_t weir_sink_slots(const weir *of) {
    return atomic_load_explicit(&of->sink_count, memory_order_acquire);
}
static inline bool weir_is_hooked(const struct weir_attached *s) {
    return atomic_load_explicit(&s->hooked, memory_order_acquire);
}

/* WEIR_OK, or why the gate does not hold generation: CLOSED, FORKED or STOPPED. */
int weir_gate_status(const weir *w, uint32_t generation);
/* Why an append got no room: WEIR_FULL, or what the gate says by now. */
int weir_gate_refusal(const weir *w);

/* The calling thread is inside no append of this handle: those that it has begun and not ended,
 * its handlers have jumped out of. Its lanes are given back. */
void weir_leave_appends(weir *w);

/* The calling thread ends: its lanes are given back, in every handle. */
void weir_hand_back_lanes(void);

/* The sink of this name, attached or detached in this opening; NULL: there is none. The first sink
 * without a record is called what its hooks say. */
weir_attached *weir_find_attached(weir *w, const char *name);
const char *weir_attached_name(const weir_attached *s);
/* weir_last_error(): there is no such sink. Returns WEIR_NOT_FOUND. */
int weir_refuse_sink(const char *call, const char *name);

/* What weir_stats() tells: of the ring, which must be mapped, and all else. */
void weir_count_published(const weir *w, struct weir_stats *out);
void weir_count_stats(weir *w, struct weir_stats *out);

/* Wake the writers that do not linger for rows above this one, which is durable. */
void weir_handle_notify_of_rows(weir *w, uint64_t row, weir_wake where);

/* To the program's on_event, or to standard error; context: the weir. */
void weir_send_event(void *context, weir_event event, const char *text);

/* Publish one record of the given kind from body bytes: a declaration; or the row in this slot of
 * the flight recorder, where its way is stored before (else NULL). */
int weir_append_record(weir *w, unsigned kind, const uint8_t *body, size_t bytes,
                       weir_recorder_slot *from);

/* Make the next key at least this one. */
void weir_table_raise_key(weir_table *t, int64_t next);

/* Sleep until the eventcount has moved on from seen. May return early; false at the deadline. */
bool weir_eventcount_wait(weir *w, weir_eventcount *news, uint32_t seen, uint64_t deadline);

#endif
