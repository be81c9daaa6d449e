/* handle.h - what stands behind the public face, for the rooms of lib and for the writer.
 *
 * lib knows no SQLite. A writer attaches to the handle through the hooks below: it is asked about
 * declarations, woken when blocks become durable, and tells the handle how far it has applied. */
#ifndef WEIR_HANDLE_H
#define WEIR_HANDLE_H

#include "../journal/journaler.h"

typedef struct weir_hooks {
    void *self;
    /* May this be declared, and with which table in the database? Called by weir_declare, one
     * call at a time. next_key: out, the next free key of a table with a WEIR_KEY (1 if it does
     * not exist yet); INT64_MAX: there is none. */
    int (*check)(void *self, const weir_declaration *d, int64_t *next_key, weir_error *error);
    /* More is durable, or somebody waits for applied. aside: the caller has more to do. */
    void (*nudge)(void *self, bool aside);
    /* Begin what stop will wait for, and return. */
    void (*finish)(void *self, uint64_t deadline_ns);
    /* Apply what is durable until the deadline, then end the thread and free self; WEIR_PENDING
     * when rows are left. */
    int (*stop)(void *self, uint64_t deadline_ns);
} weir_hooks;

/* Facts about opening that the writer found in the database beforehand. */
typedef struct weir_handle_config {
    weir_options options; /* with every default filled in */
    const char *directory;
    const weir_os *os;
    const weir_position *positions;
    size_t position_count;
    bool database_has_positions;
    /* In place of these three: asked once the journal is locked, so that nobody moves the positions
     * any more. malloc. */
    int (*read_positions)(void *self, weir_position **positions, size_t *count, weir_error *error);
    void *positions_self;
    const weir_os_info *like; /* a directory that is made takes its rights; may be NULL */
    bool salvage;
    bool stepped; /* start no thread: the caller is the journal thread, and calls its step */
} weir_handle_config;

void weir_options_fill(weir_options *options); /* defaults for zeros */
int weir_options_check(const weir_options *options, weir_error *error);

/* Lock, take the inventory, open the journal, drain a dead ring into it, sync, make a new ring,
 * start the journal thread. The handle works without hooks; rows then wait in the journal. */
int weir_handle_open(const weir_handle_config *config, weir **out, weir_error *error);
/* Time to give up, from now; UINT64_MAX for UINT32_MAX. */
uint64_t weir_deadline(const weir_os *os, uint32_t timeout_ms);
/* After WEIR_LOCKED: sleep until nobody holds the lock of that journal any more. False at the
 * deadline; and at once when a handle of this process holds it that is not being closed. */
bool weir_handle_await(const weir_os *os, const char *directory, uint64_t deadline);
void weir_handle_attach(weir *w, const weir_hooks *hooks);

weir_journal *weir_handle_journal(weir *w);
weir_journaler *weir_handle_journaler(weir *w);
const weir_os *weir_handle_os(weir *w);
const weir_options *weir_handle_options(weir *w);
const char *weir_handle_directory(weir *w); /* absolute; lives as long as the handle */
/* The position in this journal that the database had at opening. */
weir_position weir_handle_start(weir *w);
void weir_handle_event(weir *w, weir_event event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* For who is several threads in one: the calling thread forgets its lanes, and its next append
 * finds that of the thread that os->thread_number() names then. Does nothing while an append is
 * under way. */
void weir_handle_switch_thread(weir *w);

/* ---- the writer reports ---- */

/* The transaction that ends with this block is committed. Call with the lane entries of its last
 * block (payload), after each commit; wakes who waits. */
void weir_handle_applied(weir *w, const weir_block_header *last, const weir_payload *payload,
                         uint64_t rows, uint64_t rejected, uint64_t ignored, uint64_t wal_bytes);
/* Why nothing is being applied: WEIR_OK again when it is. Anything but WEIR_OK, WEIR_BUSY,
 * WEIR_IO and WEIR_NO_SPACE is final and answers those who wait for applied. */
void weir_handle_apply_status(weir *w, int status);
bool weir_handle_wants_applied(weir *w); /* somebody waits for rows to be applied: do not linger */
/* No nudge for durable rows below this one, which the writer lingers for; 0: one for each. Before it
 * looks at the journal the writer takes that back, or it would miss what comes between. */
void weir_handle_linger(weir *w, uint64_t row);

/* ---- calls of the face that stand in the writer ---- */

/* Which handles a call may enter. */
typedef enum weir_call {
    WEIR_CALL_OPEN,         /* only one that appends may enter too */
    WEIR_CALL_EVEN_STOPPED, /* also one that has stopped for good and is not closed yet */
} weir_call;

/* Enter a call that looks at more than the gate. After WEIR_OK call weir_step_out; after anything else the
 * caller is out already. held: of weir_cancel_hold. */
int weir_step_in(weir *w, weir_call call, int *held);
void weir_step_out(weir *w, int held);

weir *weir_table_handle(weir_table *t);
const weir_declaration *weir_table_declaration(weir_table *t);
/* NULL becomes the next key; keys chosen from now on are above any other. WEIR_SCHEMA: none is left. */
int weir_table_settle_key(weir_table *t, weir_value *value);

#endif
