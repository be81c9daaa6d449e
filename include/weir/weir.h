/* weir.h - rows from many threads, kept across any crash, in SQLite exactly once.
 *
 * THE PROMISE
 *
 * Every row passes three levels, and a caller can wait for each:
 *
 *   published   the append call has returned. The row survives the death of the
 *               process at any instruction: SIGKILL, abort, segfault, OOM kill.
 *   durable     its journal block is on the disk (fdatasync returned). The row also
 *               survives a kernel panic and a power cut.
 *   applied     the SQLite transaction that holds it is committed and synced. The row
 *               also survives the loss of the journal.
 *
 * A row that reached a level is in SQLite, once, after recovery from anything that level
 * survives. Rows of one thread keep their order; and if append A returned before append B
 * began, A comes first, whichever threads they ran on. What a level does not promise is
 * said in docs/DURABILITY.md.
 *
 * THE SMALLEST PROGRAM
 *
 *     #include <weir/sqlite.h>
 *
 *     weir *w;
 *     if (weir_open_sqlite("run.db", NULL, &w) < 0) {       // recovers first, if it must
 *         fprintf(stderr, "%s\n", weir_last_error());
 *         return 1;
 *     }
 *     static const weir_column columns[] = {{"tick", WEIR_INTEGER}, {"price", WEIR_REAL}};
 *     weir_table *prices;
 *     weir_declare(w, "prices", columns, 2, &prices);
 *     weir_append(prices, 1, 9.5);                           // tens of nanoseconds
 *     weir_sync(w, WEIR_APPLIED, 1000);                      // now it can be SELECTed
 *     weir_close(w);
 *
 * STATUS
 *
 * Calls return 0 (WEIR_OK), WEIR_PENDING (positive: not reached yet, and not a failure) or a
 * negative status. A call that fails changes nothing. weir_status_name() and
 * weir_status_text() explain a status; after a failed call, appends too, weir_last_error() says
 * what, where, and what to do.
 *
 * THREADS
 *
 * Any thread may call anything at any time with a handle that is open, without registering.
 * The append calls (weir_append_row and weir_append_rows) may also be made from a signal handler,
 * even one that interrupted an append; no other call may. No call is a cancellation point.
 *
 * A handler may end the thread that it interrupted in an append, by pthread_exit or by a
 * cancellation, even an asynchronous one: nothing of that row is published, and no other thread
 * waits for it. A handler may also jump out of an append (siglongjmp), unless that append waits for
 * a lane, as a thread's first one may. Each jump costs the thread one of the four levels to which
 * its appends can nest, until the thread ends or closes the handle. While the thread lives on,
 * weir_close() in another thread waits for it up to open_timeout_ms and answers WEIR_PENDING; the
 * journal can then be opened again once the thread has ended. No other call may be jumped out of.
 *
 * UNLOADING
 *
 * dlclose() never unloads the library. Nor does it unload a plug-in that the static library is
 * linked into, once that has opened a handle: threads that appended may end later, and their end
 * runs this code.
 *
 * FORKS
 *
 * Neither a handle nor SQLite can be carried over a fork. In the child of a process that had a
 * handle open, or was opening or closing one, every call answers WEIR_FORKED at once; so does
 * opening, whatever the database. Fork before the first opening or after the last closing and open
 * in the child, or call exec first. The parent goes on as if there were no child.
 *
 * An append that was interrupted by a handler which called fork() answers WEIR_FORKED in the child:
 * the row is the parent's alone. In a child of _Fork() or clone() such an append ends with SIGSEGV,
 * because the parent's ring is not there. A child may not return into any other call that was
 * interrupted.
 */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <weir/each.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_VERSION_MAJOR 1
#define WEIR_VERSION_MINOR 0
#define WEIR_VERSION_PATCH 0

#if defined(__GNUC__)
#define WEIR_API __attribute__((visibility("default")))
#else
#define WEIR_API
#endif

/* name, value, sentence. Values are pinned: they never change their meaning. */
#define WEIR_STATUS_LIST(X)                                                                        \
    X(OK, 0, "done")                                                                               \
    X(PENDING, 1, "not reached within the time given; nothing has failed")                         \
    X(MISUSE, -1, "the call or an argument breaks this function's rules")                          \
    X(NO_MEMORY, -2, "memory could not be allocated")                                              \
    X(IO, -3, "the operating system reported an input/output error")                               \
    X(NO_SPACE, -4, "the file system is full")                                                     \
    X(FULL, -5, "the ring or the journal is full, so the row was refused and counted")             \
    X(TOO_BIG, -6, "the row is larger than half a lane")                                           \
    X(CLOSED, -7, "the handle is closed or closing")                                               \
    X(FORKED, -8, "open handles do not cross a fork: exec first, or fork before opening")          \
    X(LOCKED, -9, "another process or handle has the journal open")                                \
    X(BUSY, -10, "the database is locked by another connection")                                   \
    X(DATABASE, -11, "the database is missing, unusable or no database")                           \
    X(SCHEMA, -12, "the table in the database does not fit the declaration")                       \
    X(DAMAGED, -13, "promised bytes of the journal are damaged or missing")                        \
    X(FOREIGN, -14, "the journal and the database do not belong together")                         \
    X(VERSION, -15, "the file was written by a newer version of the format")                       \
    X(REJECTED, -16, "SQLite refused the row; it stands in the reject table with the reason")      \
    X(STOPPED, -17, "the journal stopped after an error it could not repair")                      \
    X(NOT_FOUND, -18, "there is no such thing")                                                    \
    X(UNSUPPORTED, -19, "the system lacks something that this call relies on")

typedef enum weir_status {
#define WEIR_STATUS_ENUM(name, value, text) WEIR_##name = (value),
    WEIR_STATUS_LIST(WEIR_STATUS_ENUM)
#undef WEIR_STATUS_ENUM
} weir_status;

typedef enum weir_level { WEIR_PUBLISHED = 0, WEIR_DURABLE = 1, WEIR_APPLIED = 2 } weir_level;

/* Column types, as SQLite affinities; WEIR_KEY declares INTEGER PRIMARY KEY. Any column takes a
 * value of any type, and NULL: what SQLite refuses goes to the reject table. */
typedef enum weir_type {
    WEIR_NULL = 0,
    WEIR_INTEGER = 1,
    WEIR_REAL = 2,
    WEIR_TEXT = 3,
    WEIR_BLOB = 4,
    WEIR_KEY = 5,
} weir_type;

typedef struct weir weir;             /* an open journal and what it feeds */
typedef struct weir_table weir_table; /* a declared table; belongs to its handle */

/* One value of a row. Made by the functions below, or by weir_append() of a plain C value; read by
 * the append call, which copies what it points to: the caller's memory is free again when append
 * returns. */
typedef struct weir_value {
    union {
        int64_t integer;
        double real;
        const void *bytes;
    } as;
    uint32_t length; /* bytes, of TEXT and BLOB */
    uint32_t type;   /* weir_type; anything else makes append answer WEIR_MISUSE */
} weir_value;

/* The type of a TEXT or BLOB of 4 GiB or more: append answers WEIR_TOO_BIG. */
#define WEIR_OVERLONG 0xFFu
/* Types of values that the macros were given and that are none: append answers WEIR_MISUSE. */
#define WEIR_UNSIGNED_ABOVE_ 0xFEu /* an unsigned integer above INT64_MAX */
#define WEIR_POINTER_ 0xFDu        /* a void pointer that is not NULL */

static inline weir_value weir_null(void) {
    weir_value v = {{0}, 0, WEIR_NULL};
    return v;
}

static inline weir_value weir_int(int64_t integer) {
    weir_value v = {{0}, 0, WEIR_INTEGER};
    v.as.integer = integer;
    return v;
}

/* NaN is stored as NULL by SQLite, which has no NaN. */
static inline weir_value weir_real(double real) {
    weir_value v = {{0}, 0, WEIR_REAL};
    v.as.real = real;
    return v;
}

static inline weir_value weir_bytes_of_(uint32_t type, const void *bytes, size_t length) {
    weir_value v = {{0}, 0, WEIR_OVERLONG};
    if (length <= UINT32_MAX) {
        v.as.bytes = bytes;
        v.length = (uint32_t)length;
        v.type = type;
    }
    return v;
}

/* TEXT is UTF-8 by convention; weir stores the bytes unchanged and does not check them. */
static inline weir_value weir_text_n(const char *text, size_t length_bytes) {
    return weir_bytes_of_(WEIR_TEXT, text, length_bytes);
}

/* A NULL pointer makes an SQL NULL. */
static inline weir_value weir_text(const char *text) {
    return text ? weir_text_n(text, strlen(text)) : weir_null();
}

static inline weir_value weir_blob(const void *bytes, size_t length_bytes) {
    return weir_bytes_of_(WEIR_BLOB, bytes, length_bytes);
}

#ifndef __cplusplus
/* What weir_append() makes of a plain C value x, by its type: bool, char and all integers that are
 * signed or at most INT64_MAX become INTEGER, float and double REAL, char pointers TEXT up to the
 * NUL, a null pointer (NULL, char or void) an SQL NULL. A weir_value stays what it is. Any other
 * type does not compile: of unsigned char pointers, long double, structs and bit-fields say what
 * they shall be, with a constructor above or a cast. A blob needs its length: weir_blob().
 * x is evaluated once. */
#define WEIR_VALUE_(x)                                                                             \
    _Generic((x),                                                                                  \
        _Bool: weir_int,                                                                           \
        char: weir_int,                                                                            \
        signed char: weir_int,                                                                     \
        short: weir_int,                                                                           \
        int: weir_int,                                                                             \
        long: weir_int,                                                                            \
        long long: weir_int,                                                                       \
        unsigned char: weir_int,                                                                   \
        unsigned short: weir_int,                                                                  \
        unsigned: weir_int,                                                                        \
        unsigned long: weir_of_unsigned_,                                                          \
        unsigned long long: weir_of_unsigned_,                                                     \
        float: weir_of_float_,                                                                     \
        double: weir_real,                                                                         \
        char *: weir_text,                                                                         \
        const char *: weir_text,                                                                   \
        void *: weir_of_pointer_,                                                                  \
        const void *: weir_of_pointer_,                                                            \
        weir_value: weir_of_value_,                                                                \
        default: weir_takes_no_value_of_this_type)(x)

/* The values and their number, as weir_append_row() takes them: two arguments of a call. */
#define WEIR_ROW_(...)                                                                             \
    (const weir_value[]){WEIR_EACH_(WEIR_VALUE_, WEIR_VALUE_, __VA_ARGS__)},                       \
        (size_t)WEIR_COUNT_(__VA_ARGS__)

static inline weir_value weir_of_unsigned_(unsigned long long integer) {
    weir_value v = {{0}, 0, WEIR_UNSIGNED_ABOVE_};
    return integer <= INT64_MAX ? weir_int((int64_t)integer) : v;
}

static inline weir_value weir_of_float_(float real) { return weir_real((double)real); }

static inline weir_value weir_of_pointer_(const void *pointer) {
    weir_value v = {{0}, 0, WEIR_POINTER_};
    return pointer ? v : weir_null();
}

static inline weir_value weir_of_value_(weir_value v) { return v; }

/* Never defined and never called: no argument has its parameter's type, and so the compiler names
 * the function, the type and the place. */
struct weir_use_a_constructor_or_a_cast {
    int nothing;
};
weir_value weir_takes_no_value_of_this_type(struct weir_use_a_constructor_or_a_cast x);
#endif

typedef struct weir_column {
    const char *name; /* UTF-8, not empty, no NUL; any other character, SQL keywords too */
    weir_type type;   /* WEIR_INTEGER … WEIR_KEY; at most one WEIR_KEY */
} weir_column;

/* Names a row of this opening, to wait for it. Means nothing to another handle. */
typedef struct weir_ticket {
    uint64_t position; /* end of the record in its lane, bytes */
    uint32_t lane;
    uint32_t generation;
} weir_ticket;

/* ---- opening ---------------------------------------------------------------------------- */

typedef enum weir_full {
    WEIR_FULL_BLOCK = 0, /* wait up to full_timeout_ms for room, then WEIR_FULL */
    /* WEIR_FULL at once; but while there are fewer than lanes_max lanes, a thread's first append
     * may wait up to 200 ms for one to be made. */
    WEIR_FULL_FAIL = 1,
} weir_full;

/* What an operator must know of: see weir_event_fn. */
typedef enum weir_event {
    WEIR_EVENT_RECOVERED = 1,     /* opening found rows of a former process: text says how many */
    WEIR_EVENT_TORN_TAIL = 2,     /* an unacknowledged tail was cut, the normal trace of a crash */
    WEIR_EVENT_DAMAGE = 3,        /* promised data is damaged: text names the rows */
    WEIR_EVENT_SYNC_FAILED = 4,   /* a write or sync failed; repeated into a new segment */
    WEIR_EVENT_STOPPED = 5,       /* journaling stopped for good: WEIR_STOPPED from now on */
    WEIR_EVENT_APPLY_WAITS = 6,   /* the database is busy, full or failing; rows wait */
    WEIR_EVENT_APPLY_STOPPED = 7, /* the database cannot take rows until somebody mends it */
    WEIR_EVENT_APPLY_RESUMED = 8,
    WEIR_EVENT_REJECTED = 9, /* first row of a transaction that went to the reject table */
    /* The journal cannot grow for now: no space, descriptors, memory or rights, or a limit: text
     * says which. It is tried again; when the ring is full, the full policy decides. */
    WEIR_EVENT_NO_SPACE = 10,
    /* A promise is off on this file system; or, because named readers (<weir/read.h>) cannot be read,
     * applied segments do not leave journal and archive as told: text says which. */
    WEIR_EVENT_WEAKENED = 11,
    WEIR_EVENT_GROWS_AGAIN = 12, /* the journal grows again after NO_SPACE */
    /* A declared column or table was renamed or dropped, and was made again: text says which. */
    WEIR_EVENT_TABLE_MENDED = 13,
    WEIR_EVENT_WAL_GROWS = 14, /* readers keep SQLite's -wal from starting over */
    /* weir_keep(): old rows of a table cannot be deleted. Text says why, and whether it is tried
     * again. Other rows are applied all the same. */
    WEIR_EVENT_KEEP_FAILS = 15,
    /* Messages of the logger are not logged: its table cannot be used. */
    WEIR_EVENT_LOG_REFUSED = 16,
    /* A thread's append got no lane (WEIR_FULL), since as many threads as lanes_max have one. Told
     * once, and again when it has passed and comes back. */
    WEIR_EVENT_NO_LANE = 17,
    /* The journal is not the one of last time, or is elsewhere; or the database is not. Text says
     * which, what became of rows that waited, and what to do. Also: a sink that the journal did not
     * know begins with a later row than the first, since older ones have left both journal and archive;
     * text says with which. That is told once, when it is attached first. */
    WEIR_EVENT_JOURNAL = 18,
    /* Rows left the journal before a named reader (<weir/read.h>) had read them: text names both. */
    WEIR_EVENT_READER_PASSED = 19,
    /* A database on a server was found at another row of this journal than it was left at: further
     * back, as after a standby took over that lacked the last commits, or further on. Text says from
     * where to where. Applying goes on there, and rows that it lacks are applied again. */
    WEIR_EVENT_POSITION_MOVED = 20,
    /* More segments wait for one sink than it is allowed: they stay in the journal, which may fill. */
    WEIR_EVENT_SINK_LAGS = 21,
    /* A sink was detached, since more segments waited for it than it is allowed. They go to the
     * archive until it is attached again. */
    WEIR_EVENT_SINK_DETACHED = 22,
} weir_event;

/* Without an on_event of its own a handle says on standard error what an operator must know: all of
 * the above but RECOVERED and TORN_TAIL; RESUMED and GROWS_AGAIN where their trouble was said. A
 * line of each kind in an opening; DAMAGE, WEAKENED, KEEP_FAILS and POSITION_MOVED each time; trouble
 * that has passed and comes back, once a minute at most. Lines are dropped while descriptor 2 is
 * closed, or is not the file that it was when the handle was opened, or cannot take them at once. An
 * on_event that does nothing keeps a handle quiet.
 *
 * Called on a thread of the library, or inside an opening: return soon, and call no function of
 * weir but those for status and version. text lives until the callback returns. */
typedef void weir_event_fn(void *context, weir_event event, const char *text);

/* Zero means the default in every field: start from weir_options o = {0}.
 *
 * Fields are added at the end of this struct and of the others that have a call with a name in
 * _sized. The calls without it are inline and pass the size that the struct has in this header, so
 * a program runs with a library that is older or newer than the header it was compiled with. A
 * field that the library does not know must be 0 (WEIR_MISUSE). */
typedef struct weir_options {
    /* Default: the database's real path + "-weir". A directory other than last time's is refused
     * while rows wait there (WEIR_FOREIGN). */
    const char *journal_directory;
    /* Ring space per appending thread: a power of two, 64 KiB … 1 GiB; default 8 MiB. A row may
     * take half of it, and takes twice its own size in memory while it is applied or recovered, so
     * this bounds both. */
    uint64_t lane_bytes;
    uint32_t lanes_max;     /* threads that can append at once, 2 … 1024; default 64 */
    uint64_t segment_bytes; /* size of a journal file, 1 MiB … 4 GiB; default 16 MiB */
    /* Segments that wait for SQLite; default 16 GiB. When it is reached, the ring fills and the
     * full policy decides. A row or a batch that is larger is taken once nothing else waits. */
    uint64_t journal_limit_bytes;
    weir_full full;
    /* For WEIR_FULL_BLOCK; default 10 000. A frozen file system is not a full ring: an append into
     * it waits until it is thawed. */
    uint32_t full_timeout_ms;
    uint32_t linger_ms;       /* a published row becomes durable this soon unasked; default 10 */
    uint32_t apply_linger_ms; /* a durable row becomes applied this soon unasked; default 50 */
    /* How long opening and declaring wait for a locked database, for a journal that a former
     * process is still closing, or for a backlog; default 5 000. */
    uint32_t open_timeout_ms;
    int archive; /* nonzero: keep applied segments in the journal's archive/; see its limits below */
    int must_exist; /* nonzero: a database file that is missing is WEIR_DATABASE */
    /* Default 1. Rows that a call waits for are stored uncompressed when they are few (1 MiB at
     * most) and segments are not archived. */
    int zstd_level;
    weir_event_fn *on_event;
    void *event_context;
    /* With archive: when a segment has gone there, the oldest ones are deleted while all are larger
     * than this, or were written longer ago; 0: for ever. The newest stays, and what a named reader
     * (<weir/read.h>) has not read, up to its hold_bytes. archive_limit_bytes is segment_bytes or
     * more. */
    uint64_t archive_limit_bytes;
    uint64_t archive_limit_s;
} weir_options;

/* ---- declaring -------------------------------------------------------------------------- */

/* Declare a table to append to. Takes no lock that appends need.
 *
 * A table that the database lacks is created when the declaration is applied (weir_sync with
 * WEIR_APPLIED waits for it). One that exists is used as it is, with its constraints, indexes and
 * triggers: every declared column must be there by name; any other columns of the table must be
 * able to take their default. Declared columns at the end of the list that the table lacks are
 * added to it. Declaring the same table again with the same columns gives the same handle.
 *
 * name, columns: copied. out: belongs to the handle; do not free it. Errors: WEIR_MISUSE,
 * WEIR_SCHEMA, WEIR_BUSY (the database was locked for longer than open_timeout_ms; or the table
 * has a WEIR_KEY, and rows of a former process still wait to be applied or another journal of
 * the database is open), WEIR_DATABASE, WEIR_NO_MEMORY, WEIR_FULL, WEIR_CLOSED, WEIR_FORKED. */
WEIR_API int weir_declare(weir *w, const char *name, const weir_column *columns, size_t count,
                          weir_table **out);

/* ---- appending -------------------------------------------------------------------------- */

/* Append one row: when this returns WEIR_OK the row is published. count must be the declared number
 * of columns. In a table with a WEIR_KEY, NULL in that column takes the next key: one above the
 * greatest key that the table had when it was declared or that any append of this handle has given
 * since. A text or a real that SQLite converts to an integer counts as that integer. 2^63 - 1 is
 * never chosen and does not count. When all keys below it are used up, NULL answers WEIR_SCHEMA;
 * keys that the caller gives are still taken. All declarations of one table share its keys, except
 * one that leaves the key column out: SQLite chooses the keys of its rows when they are applied,
 * and they can collide with keys that were chosen meanwhile.
 *
 * ticket: filled when not NULL. Safe in signal handlers; never allocates, locks or makes a
 * system call, except at a thread's first append, when the journal thread sleeps, and when the
 * ring is full. The ring is a mapped file. The journal thread makes its pages writable ahead of the
 * appends, again after the kernel has written them to the disk; an append that comes before it takes
 * a page fault: microseconds, or as long as the file system holds it up. An append in a handler waits
 * for room no longer than the full policy allows the thread, and needs 4 KiB of stack in addition to
 * what the kernel puts there. errno is left as it was. Errors: WEIR_FULL (counted), WEIR_TOO_BIG,
 * WEIR_MISUSE, WEIR_CLOSED, WEIR_FORKED, WEIR_STOPPED, WEIR_SCHEMA (no key is left). */
WEIR_API int weir_append_row(weir_table *table, const weir_value *values, size_t count,
                             weir_ticket *ticket);

/* Append rows rows in one call: all are published, by one store, or none, and they are a batch (see
 * below) without being begun. values holds rows × count values, row after row. All together may
 * take half a lane (WEIR_TOO_BIG). ticket names the last. Otherwise as weir_append_row(). */
WEIR_API int weir_append_rows(weir_table *table, const weir_value *values, size_t count,
                              size_t rows, weir_ticket *ticket);

/* The same of plain values and weir_values, one for each column, 64 at most (above that, call
 * weir_append_row); WEIR_VALUE_ above says which types there are.
 *
 *     weir_append(table, 7, 9.5, "x", NULL, weir_blob(bytes, length));
 *
 * An unsigned value above INT64_MAX, and a void pointer that is not NULL, are WEIR_MISUSE, as is
 * another number of values than the table has columns. Not in C++: there is <weir/weir.hpp>. */
#ifndef __cplusplus
#define weir_append(table, ...) weir_append_ticket(table, NULL, __VA_ARGS__)
#define weir_append_ticket(table, ticket, ...)                                                     \
    weir_append_row((table), WEIR_ROW_(__VA_ARGS__), (ticket))
#endif

/* ---- batches ---------------------------------------------------------------------------- */

/* Rows of any tables of one handle that belong together:
 *
 *     weir_batch *b;
 *     if (weir_begin(w, &b) < 0) …
 *     weir_batch_row(b, accounts, debit, 2);
 *     weir_batch_row(b, accounts, credit, 2);
 *     weir_batch_row(b, transfers, transfer, 4);
 *     if (weir_commit(b, &ticket) < 0) weir_rollback(b);
 *
 * All rows of a batch are published by one store, or none: until weir_commit() the process may die
 * at any instruction, or roll back, and there is nothing of them. From then on they pass the three
 * levels together, in the order in which they were added, with no row of others between them. They
 * become durable in one block, and one transaction of SQLite applies all of them, so that no reader
 * of the database ever sees a part. What a crash, a power cut, weir-recover or a replay into a new
 * database leaves of a batch is all or nothing.
 *
 * What is not promised. A row that SQLite refuses goes to the reject table alone, and the rest of
 * its batch is applied: weir asks SQLite nothing at commit, and by then it is too late to refuse
 * the batch. Where a refusal ends the whole transaction (ON CONFLICT ROLLBACK, RAISE(ROLLBACK), a
 * refused row that is too large to be kept), the rows around that row, of a batch too, are divided
 * over several transactions, which follow each other at once. `weir replay --to ROW` ends
 * where it is told to, within a batch too.
 *
 * Other appends, also of the same thread, go on meanwhile and come before the batch. One thread at
 * a time may use a batch. It may be committed by another thread than the one that began it, and is
 * then ordered as an append of that thread. None of these calls may be made in a signal handler. */
typedef struct weir_batch weir_batch;

/* Begin a batch: memory, nothing else. *out: the caller's, until weir_commit() has answered WEIR_OK
 * or weir_rollback() was called, even when the handle is closed before. Errors: WEIR_MISUSE,
 * WEIR_NO_MEMORY, WEIR_CLOSED, WEIR_FORKED, WEIR_STOPPED. */
WEIR_API int weir_begin(weir *w, weir_batch **out);

/* Add a row; values are copied. What weir_append_row() says of count and of keys holds here too: a
 * key that is chosen is taken now, so rows that are appended meanwhile have greater ones, and a
 * batch that is rolled back leaves a gap. The caller does not learn it: to refer to a row of the
 * same batch, give its key yourself. A row that is not added leaves the batch as it was. Errors:
 * WEIR_MISUSE (also: the table is not of the batch's handle and opening), WEIR_TOO_BIG (all rows
 * together would take more than half a lane), WEIR_NO_MEMORY, WEIR_SCHEMA (no key is left),
 * WEIR_CLOSED, WEIR_FORKED, WEIR_STOPPED. */
WEIR_API int weir_batch_row(weir_batch *b, weir_table *table, const weir_value *values,
                            size_t count);

/* weir_batch_append(b, accounts, 7, -9.5): as weir_append */
#ifndef __cplusplus
#define weir_batch_append(b, table, ...) weir_batch_row((b), (table), WEIR_ROW_(__VA_ARGS__))
#endif

/* Publish all rows of the batch, and free it. It waits for room in the calling thread's lane as
 * weir_append_row() does. ticket: filled when not NULL; names the last row, and so waits for all. A
 * batch without rows is published at once. After an error the batch is as it was: commit it again,
 * or roll back. Errors: WEIR_FULL (each of its rows is counted), WEIR_MISUSE, WEIR_CLOSED,
 * WEIR_FORKED, WEIR_STOPPED. */
WEIR_API int weir_commit(weir_batch *b, weir_ticket *ticket);

/* Free a batch and its rows, of which nothing was published. NULL is allowed. Never fails. */
WEIR_API void weir_rollback(weir_batch *b);

/* ---- waiting ---------------------------------------------------------------------------- */

/* Wait until every append that returned before this call, by any thread, has reached level.
 * timeout_ms: 0 asks without waiting; UINT32_MAX waits for ever. Returns WEIR_OK, WEIR_PENDING
 * when the time is over, or an error that will not pass: WEIR_STOPPED, WEIR_DATABASE,
 * WEIR_SCHEMA, WEIR_DAMAGED, WEIR_CLOSED, WEIR_FORKED. Rows that SQLite refused count as
 * applied: they are in the reject table. */
WEIR_API int weir_sync(weir *w, weir_level level, uint32_t timeout_ms);

/* The same for one row. */
WEIR_API int weir_wait(weir *w, weir_ticket ticket, weir_level level, uint32_t timeout_ms);

/* WAITING WITHOUT A THREAD, for programs with an event loop
 *
 *     int fd;
 *     uint64_t news;
 *     weir_descriptor(w, WEIR_DURABLE, &fd);               // once; add it to poll, epoll, select
 *     weir_append_ticket(orders, &ticket, weir_int(7));
 *     weir_request(w, WEIR_DURABLE);                       // or let it linger
 *     …
 *     (void)read(fd, &news, sizeof news);                  // when it is readable: first this,
 *     status = weir_wait(w, ticket, WEIR_DURABLE, 0);      // then ask for each ticket
 *
 * Read before you ask: what is reached after the question makes the descriptor readable again. */

/* A descriptor that is readable after more rows have reached level, or never will: weir_wait and
 * weir_sync say which. It is readable at first, and may be without news.
 *
 * level: WEIR_DURABLE or WEIR_APPLIED; each has one, made by the first call and given by every
 * other. *fd: an eventfd, non-blocking and closed by exec; it belongs to the handle. Only read from
 * it, 8 bytes; a second reader takes the news from the first. weir_close() makes it readable, then
 * closes it (while a thread is still inside a call, once that is over): take it out of the event
 * loop before, since its number may soon be another file's. A forked child has a copy, which it must
 * not read. Any thread; not from a signal handler. Errors: WEIR_MISUSE, WEIR_IO (no descriptor can be
 * had), WEIR_NO_MEMORY, WEIR_CLOSED, WEIR_FORKED. */
WEIR_API int weir_descriptor(weir *w, weir_level level, int *fd);

/* Let every row that was published before this call, by any thread, reach level as soon as for a
 * thread that waits, instead of after linger_ms and apply_linger_ms; and return at once.
 *
 * level: WEIR_DURABLE or WEIR_APPLIED. What keeps rows from a level (a full disk, a locked
 * database) keeps these too, and the request stands meanwhile. It is no promise: a crash forgets
 * it. Any thread; not from a signal handler. Errors: WEIR_MISUSE, WEIR_CLOSED, WEIR_FORKED,
 * WEIR_STOPPED. */
WEIR_API int weir_request(weir *w, weir_level level);

/* ---- looking ---------------------------------------------------------------------------- */

/* Counts since this handle was opened, except where said. Exact when nobody appends meanwhile. */
struct weir_stats {
    uint64_t rows_published, bytes_published; /* bytes: as encoded in the ring */
    uint64_t rows_durable, bytes_durable;     /* bytes: blocks as written, with padding */
    uint64_t rows_applied;
    uint64_t rows_rejected;   /* in the reject table */
    uint64_t rows_ignored;    /* the table's own ON CONFLICT IGNORE or trigger dropped them */
    uint64_t rows_deleted;    /* by weir_keep() */
    uint64_t rows_refused;    /* each row of an append that answered WEIR_FULL */
    uint64_t rows_recovered;  /* found at opening, durable or in the ring, not yet applied */
    uint64_t keeps_suspended; /* how often an error has ended weir_keep() for a table */
    uint64_t lag_rows;        /* durable, not applied, recovered ones too */
    uint64_t journal_bytes;   /* segments on disk, without spares */
    uint64_t syncs, sync_ns_total, sync_ns_max;
    uint64_t transactions; /* committed by the writer, those of weir_keep() too */
    uint64_t wal_bytes;    /* size of SQLite's -wal after the last commit */
    uint64_t last_row;     /* number of the last durable row, since the journal began */
    uint64_t last_row_applied;
    int apply_status;     /* WEIR_OK, or why the writer waits or has stopped */
    uint32_t lanes;       /* in use */
    uint64_t log_dropped; /* messages of the logger for which there was no room */
    uint64_t log_failed;  /* … that failed otherwise */
    /* That left the journal before a named reader (<weir/read.h>) had read them, for each reader. */
    uint64_t rows_passed;
};

WEIR_API int weir_stats_sized(weir *w, struct weir_stats *out, size_t out_bytes);

/* Errors: WEIR_MISUSE, WEIR_FORKED. */
static inline int weir_stats(weir *w, struct weir_stats *out) {
    return weir_stats_sized(w, out, sizeof *out);
}

/* ---- several sinks ---------------------------------------------------------------------- */

/* The rows of one journal may go to more than one place: beside the database that the handle was opened
 * for, to sinks that a library of its own attaches by name (<weir/postgres.h>). Each has its own thread
 * and position. WEIR_APPLIED, weir_sync, weir_wait and weir_stats are about the first sink, which in a
 * handle of weir_open_sqlite() is called "sqlite". */

typedef enum weir_sink_state {
    WEIR_SINK_ATTACHED, /* segments stay in the journal until the sink has them */
    WEIR_SINK_DETACHED, /* they go to the archive, and stay there until it has them */
} weir_sink_state;

enum { WEIR_SINK_NAME_BYTES = 65 };

struct weir_sink_stats {
    char name[WEIR_SINK_NAME_BYTES], kind[17],
        place[257]; /* place is for people, and may be empty */
    weir_sink_state state;
    int apply_status;                     /* as in weir_stats; WEIR_CLOSED: it is detached */
    uint64_t rows_applied, rows_rejected; /* since it was attached to this handle first */
    uint64_t last_row_applied;
    uint64_t lag_rows;  /* durable and not applied */
    uint64_t lag_bytes; /* of segments that wait for it and that another sink has; 0 of "sqlite" */
    uint64_t lag_ns;    /* since when the oldest of these rows has waited, as in the figures */
};

/* Wait until a sink has applied the row of a ticket of this handle, or, with ticket NULL, all rows
 * appended before the call and all that a former process left. Answers like weir_wait();
 * WEIR_NOT_FOUND: the handle has no such sink; WEIR_CLOSED: it was detached. */
WEIR_API int weir_wait_sink(weir *w, const char *name, const weir_ticket *ticket,
                            uint32_t timeout_ms);

WEIR_API int weir_sink_stats_sized(weir *w, const char *name, struct weir_sink_stats *out,
                                   size_t out_bytes);
/* Errors: WEIR_MISUSE, WEIR_FORKED, WEIR_NOT_FOUND. */
static inline int weir_sink_stats(weir *w, const char *name, struct weir_sink_stats *out) {
    return weir_sink_stats_sized(w, name, out, sizeof *out);
}

/* The names of the sinks of this handle, the first sink's first; *count may be more than room, then
 * only so many are given. Detached ones are among them until the handle is closed. */
WEIR_API int weir_sinks(weir *w, char names[][WEIR_SINK_NAME_BYTES], size_t room, size_t *count);

/* Detach a sink, durably: its thread ends at once, and what it has not applied goes to the archive and
 * stays there until the sink is attached again, when it is read from there. Not the first sink of the
 * handle. A sink that is not attached in this opening is meant too. Errors: WEIR_MISUSE,
 * WEIR_NOT_FOUND, WEIR_IO (it may be detached or not), WEIR_FORKED. */
WEIR_API int weir_detach(weir *w, const char *name);

/* Forget a detached sink that will not come back, durably: nothing is kept for it any more. What the
 * archive has stays there until it is pruned. A sink that is attached under this name later is new to
 * the journal: it goes on where it stands itself, if what follows there has been kept, or begins with the
 * oldest row that there is. A sink whose record cannot be read is forgotten likewise.
 * Errors: WEIR_MISUSE (it is attached: weir_detach() it first), WEIR_NOT_FOUND, WEIR_IO (it may be
 * forgotten or not), WEIR_FORKED. */
WEIR_API int weir_forget_sink(weir *w, const char *name);

/* ---- closing ---------------------------------------------------------------------------- */

/* Make every row durable, apply what can be applied within the handle's open_timeout_ms, stop
 * the threads, unlock. w may not be used afterwards; an append that another thread began before
 * weir_close() returned is either kept or answers WEIR_CLOSED. When rows are left that are not
 * applied, they wait in the journal for the next opening and the call returns WEIR_PENDING,
 * which is no failure; of several sinks the first one counts. To exit without closing is a crash
 * like any other, from which the next opening recovers. Errors: WEIR_STOPPED, WEIR_IO (rows stay
 * in the ring and journal; w is closed all the same), WEIR_FORKED (nothing was done). */
WEIR_API int weir_close(weir *w);

/* ---- words ------------------------------------------------------------------------------ */

WEIR_API const char *weir_status_name(int status); /* "WEIR_FULL"; static */
WEIR_API const char *weir_status_text(int status); /* one sentence; static */
/* What went wrong in this thread's last failed call, where, and what to do; empty before the first,
 * never NULL. The text lives until the thread's next failed call. As with errno, an append that
 * fails in a signal handler counts as one of the thread that it interrupted; the words are always
 * those of one call. Not to be called from a signal handler. */
WEIR_API const char *weir_last_error(void);
WEIR_API const char *weir_version(void); /* "1.0.0" */

#ifdef __cplusplus
}
#endif
#endif
