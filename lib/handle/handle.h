/* handle.h - the handle behind the public API, for the other modules of lib and for the writer.
 *
 * lib knows nothing of SQLite. A writer attaches to the handle through the hooks below: it is
 * asked about declarations, it is woken when blocks become durable, and it reports to the handle
 * how far it has applied. */
#ifndef WEIR_HANDLE_H
#define WEIR_HANDLE_H

#include "../base/affinity.h"
#include "../journal/journaler.h"
#include "../journal/sinks.h"

typedef struct weir_hooks {
    void *self;
    /* Does the database allow this declaration? Called by weir_declare, one call at a time.
     * *next_key: the next free key of a table with a WEIR_KEY (1 if the table does not exist
     * yet); INT64_MAX: no key is left. */
    int (*check)(void *self, const weir_declaration *d, int64_t *next_key, weir_error *error);
    /* More is durable, or a caller waits for rows to be applied. */
    void (*notify)(void *self, weir_wake where);
    /* Begin what stop will wait for, and return at once. */
    void (*finish)(void *self, uint64_t deadline_ns);
    /* Apply what is durable until the deadline, then end the thread; WEIR_PENDING when rows are left.
     * What notify touches stays: a thread may be in it, or come late. */
    int (*stop)(void *self, uint64_t deadline_ns);
    const char *name; /* of the kind of database, for the file of figures; static */
} weir_hooks;

/* One of the sinks of a handle, for its writer. Lives as long as the handle. */
typedef struct weir_attached weir_attached;

/* Facts about opening that the writer found in the database beforehand. */
typedef struct weir_handle_config {
    weir_options options; /* with every default filled in */
    const char *directory;
    const char *database; /* its name in messages; may be NULL */
    const weir_os *os;
    const weir_position *positions;
    size_t position_count;
    bool database_has_positions;
    /* In place of these three: called once the journal is locked, so that no other process moves
     * the positions any more. The list is from malloc. */
    int (*read_positions)(void *self, weir_position **positions, size_t *count, weir_error *error);
    void *positions_self;
    const weir_os_info *like; /* a directory that is made takes its rights; may be NULL */
    bool salvage;
    const char *sink; /* the name of the first sink, if the journal keeps its record; else NULL */
    bool stepped;     /* start no thread: the caller is the journal thread, and calls its step */
} weir_handle_config;

void weir_options_fill(weir_options *options); /* defaults for zeros */
int weir_options_check(const weir_options *options, weir_error *error);

/* Lock the journal, take the inventory, open the journal, drain a dead ring into it, sync, make
 * a new ring, start the journal thread. The handle works without hooks; rows then wait in the
 * journal. */
int weir_handle_open(const weir_handle_config *config, weir **out, weir_error *error);
/* The deadline that is timeout_ms from now; UINT64_MAX for UINT32_MAX. */
uint64_t weir_deadline(const weir_os *os, uint32_t timeout_ms);
/* After WEIR_LOCKED: sleep until the lock of that journal is free. False at the deadline, and at
 * once when a handle of this process holds the lock and is not being closed. */
bool weir_handle_await(const weir_os *os, const char *directory, uint64_t deadline);

/* Who has the journal open. A process of another pid namespace, or one that could not write the
 * lock file, has no id that means anything here, but it is there all the same. */
typedef struct weir_holder {
    bool is_there;
    int64_t process; /* as it calls itself; 0: unknown */
} weir_holder;

enum { WEIR_HOLDER_TEXT = 40 };

/* From the journal's lock, which is not taken. Nobody, too, where the lock cannot be looked at. */
weir_holder weir_handle_holder(const weir_os *os, const char *directory);
/* "process 12", "another process"; returns text. */
const char *weir_holder_text(weir_holder holder, char text[WEIR_HOLDER_TEXT]);

weir_attached *weir_handle_primary(weir *w); /* the first sink, there from the beginning */
weir *weir_attached_handle(weir_attached *s);
void weir_handle_attach(weir_attached *s, const weir_hooks *hooks);
/* Makes the writer of a sink that has found its place, and says how it is called. */
typedef int (*weir_writer_make)(void *self, weir_attached *s, weir_hooks *hooks, weir_error *error);
/* Note durably that this sink is attached, find it a place in the handle (that of record->name if it had
 * one, else a new one; WEIR_FULL when there is none), have its writer made, and wake that. Of two calls
 * with one name one is refused. record: see weir_journal_attach_sink. For the first sink of an opening
 * that names it too. */
int weir_handle_add_sink(weir *w, weir_sink_record *record, weir_writer_make make, void *self,
                         weir_error *error);
/* Wake the writers of all sinks. */
void weir_handle_notify_writers(weir *w, weir_wake where);

weir_journal *weir_handle_journal(weir *w);
weir_journaler *weir_handle_journaler(weir *w);
const weir_os *weir_handle_os(weir *w);
const weir_options *weir_handle_options(weir *w);
const char *weir_handle_directory(weir *w); /* absolute; lives as long as the handle */
/* The writer asks this once it was told to finish: is all of the ring in the journal, and can nothing
 * be appended any more? */
bool weir_handle_is_emptied(weir *w);
/* The position in this journal that the sink had at opening. */
weir_position weir_handle_start(const weir_attached *s);
/* The first block that the sink was to have; 0: of the journal's first. */
uint64_t weir_handle_begin(const weir_attached *s);
void weir_handle_event(weir *w, weir_event event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* For a simulator that plays several threads in one: the calling thread forgets its lanes, and
 * its next append uses the lane of the thread that os->thread_number() names then. Does nothing
 * while an append is under way. */
void weir_handle_switch_thread(weir *w);

/* ---- the writer of a sink reports ---- */

/* The transaction that ends with this block is committed. Call it after each commit, with the
 * payload of that block, whose lane entries count. Wakes the callers that wait. A block before one that
 * was reported takes nothing back. */
void weir_handle_applied(weir_attached *s, const weir_block_header *last,
                         const weir_payload *payload, uint64_t rows, uint64_t rejected,
                         uint64_t ignored, uint64_t wal_bytes);
/* Rows up to this one are applied, or left the journal before the sink began: nobody need wait for
 * them. */
void weir_handle_passed(weir_attached *s, uint64_t row);
/* The sink is safe without the journal up to and including block: release what no sink needs. at: the
 * last position of the sink that its writer knows. May detach sinks that lag. */
int weir_handle_release(weir_attached *s, uint64_t block, const weir_position *at,
                        weir_error *error);
/* The sink stands at this position, which is before one up to which it was safe. */
int weir_handle_went_back(weir_attached *s, const weir_position *at, weir_error *error);
/* The writer applies only blocks that are vouched for (journal.h): let that be soon, and tell it. */
void weir_handle_vouch(weir *w);
/* Why nothing is being applied; WEIR_OK when rows are applied again. Any status but WEIR_OK,
 * WEIR_BUSY, WEIR_IO and WEIR_NO_SPACE is final, and callers that wait for rows to be applied
 * return it. */
void weir_handle_apply_status(weir_attached *s, int status);
/* A transaction that deleted old rows is committed. */
void weir_handle_deleted(weir_attached *s, uint64_t rows, uint64_t wal_bytes);
/* Old rows of one more table are not deleted any more. */
void weir_handle_keep_suspended(weir_attached *s);
/* A caller waits for rows to be applied: do not linger. */
bool weir_handle_wants_applied(const weir_attached *s);
/* The transaction that was reported last took so long, from its beginning to its end. */
void weir_handle_took(weir_attached *s, uint64_t ns);
/* The oldest row that is durable and not applied is from this moment of the wall clock, or a little
 * later; 0: no row waits. */
void weir_handle_waiting(weir_attached *s, int64_t wall_ns);
/* Store the figures that others see: see figures.h. Called by the writer thread after each step. */
void weir_handle_store_figures(weir_attached *s);
/* Do not notify for durable rows below this one, since the writer lingers; 0: notify for every
 * group. The writer sets it to 0 before it looks at the journal, or it would miss rows that
 * become durable in between. */
void weir_handle_linger(weir_attached *s, uint64_t row);

/* ---- for calls of the public API that are defined in the writer ---- */

/* Which handles a call may enter. */
typedef enum weir_call {
    WEIR_CALL_OPEN,         /* only one that appends may enter too */
    WEIR_CALL_EVEN_STOPPED, /* also one that has stopped for good and is not closed yet */
} weir_call;

/* Enter a call that looks at more than the gate. After WEIR_OK call weir_call_exit; after
 * anything else the caller is out already. held: of weir_cancel_hold. */
int weir_call_enter(weir *w, weir_call call, int *held);
void weir_call_exit(weir *w, int held);

weir *weir_table_handle(weir_table *t);
const weir_declaration *weir_table_declaration(weir_table *t);
/* Replace NULL by the next key; a key that is given raises those chosen from now on.
 * WEIR_SCHEMA: no key is left. */
int weir_table_settle_key(weir_table *t, weir_value *value);

/* Note for weir_last_error() why call refused rows of count values, and return status. t may be
 * NULL. WEIR_OK and WEIR_PENDING note nothing; nor does WEIR_FULL, which is noted where room was
 * looked for. Async-signal-safe. */
__attribute__((cold, noinline)) int weir_append_explain(const char *call, const weir_table *t,
                                                        const weir_value *values, size_t count,
                                                        size_t rows, int status);

#endif
