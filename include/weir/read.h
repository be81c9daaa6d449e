/* weir/read.h - read a journal row by row while a program writes it, or when none does.
 *
 * A reading gives the rows of a journal in their order, each once, as soon as they are durable: of a
 * living program's journal or a dead one's, of this process or another. It takes no lock, changes
 * nothing, and does not wake or slow the program. Nothing of SQLite is involved.
 *
 *     weir_reading *r;
 *     weir_read_options o = {.name = "exporter"};
 *     if (weir_read_open("run.db-weir", &o, &r) < 0) …          // weir_last_error() says why
 *     for (;;) {
 *         struct weir_read_item item;
 *         int status = weir_read_next(r, &item);
 *         if (status == WEIR_PENDING) {                         // no more for now
 *             weir_read_keep(r);                                // handed on up to here
 *             status = weir_read_wait(r, 1000);
 *         } else if (status == WEIR_OK && item.kind == WEIR_READ_ROW)
 *             hand_on(item.table, item.columns, item.values, item.count);
 *         else …                                                // rows that are missed or lost
 *     }
 *
 * WHAT COMES
 *
 * Rows that are at or below the durable mark; rows in the ring alone are not. Rows of a logger's
 * template are expanded. It goes on over segments, and over restarts of the program, which an item
 * says. Rows that left the journal before they were read are an item with their numbers; they are
 * looked for in the journal's archive/ first, in packed segments too. Rows that are damaged are
 * WEIR_DAMAGED with their numbers, and the next call goes on after them.
 *
 * WHERE IT GOES ON
 *
 * weir_read_cursor() gives the place after the last item as a line of text, which a later reading
 * takes as options.after. A name keeps that place in the journal's directory (weir_read_keep), and
 * holds back rows: a program that has the journal open keeps applied segments that the reader has not
 * read, up to hold_bytes. What is beyond that, or in the way when the journal's limit or the disk is
 * reached, is released all the same, since a reader must not stop a program: WEIR_EVENT_READER_PASSED
 * tells the program, and a gap tells the reader, with row numbers. What a name holds back stays held
 * for as long as its file is there: `weir readers` lists and forgets them.
 *
 * A row is handed on at least once: after a crash it comes again if it was read and not kept.
 *
 * THREADS
 *
 * One thread at a time may use a reading. Any number of readings may be open. None of these calls may
 * be made in a signal handler. A forked child must not use one of its parent's. */
#ifndef WEIR_READ_H
#define WEIR_READ_H

#include <weir/weir.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_reading weir_reading;

/* What a name may hold back, where hold_bytes does not say. */
#define WEIR_READ_HOLD_BYTES (UINT64_C(256) << 20)
/* Room for a cursor's text with its NUL. */
#define WEIR_READ_CURSOR_BYTES 160

/* Zero means the default in every field: start from weir_read_options o = {0}. */
typedef struct weir_read_options {
    /* Where to begin; one of these three at most. Default: at the first row that the journal has,
     * without its archive. A name that exists goes on where it was, and they must not be set. */
    const char *after; /* after this cursor */
    uint64_t from_row; /* at this row, in the archive too */
    int newest;        /* nonzero: after the last row that is durable now */
    /* 1 to 64 letters, digits, '-', '_' and '.' of ASCII, no '.' first; made if it does not exist. One
     * reading at a time has a name. NULL: no name, and nothing is held back. */
    const char *name;
    /* With a name: so many bytes of segments may be held back. 0: what it had, or
     * WEIR_READ_HOLD_BYTES if it is new. */
    uint64_t hold_bytes;
    uint32_t poll_ms; /* how often weir_read_wait() looks; default 20 */
} weir_read_options;

WEIR_API int weir_read_open_sized(const char *journal, const weir_read_options *options,
                                  size_t options_bytes, weir_reading **out);

/* Open a journal to read it. journal: its directory, usually the database's path + "-weir"; it need
 * not exist yet. options: NULL, or copied. out: to be given to weir_read_close(); NULL on failure.
 * Reads the whole of the journal once, as every look at it does; its archive only if it is asked
 * for. Errors: WEIR_MISUSE (also: no such cursor), WEIR_FOREIGN (the cursor is of another journal or
 * of another history of this one: an older copy came back; that may also be told by the first
 * weir_read_next()), WEIR_VERSION, WEIR_DAMAGED (the file of the name is broken, or segments of more
 * than one journal are there), WEIR_IO, WEIR_NO_SPACE, WEIR_NO_MEMORY. */
static inline int weir_read_open(const char *journal, const weir_read_options *options,
                                 weir_reading **out) {
    return weir_read_open_sized(journal, options, sizeof *options, out);
}

typedef enum weir_read_kind {
    WEIR_READ_NOTHING = 0,
    WEIR_READ_ROW = 1,
    WEIR_READ_GAP = 2,  /* rows row … last_row left the journal before they were read */
    WEIR_READ_LOST = 3, /* rows row … last_row are damaged (with WEIR_DAMAGED); 0: unknown which */
    WEIR_READ_OPENED = 4, /* the program opened the journal anew before the next row */
    WEIR_READ_ANEW = 5,   /* another journal stands in the directory: its first row comes next */
} weir_read_kind;

/* What pointers point to belongs to the reading, and lives until the next call with it. */
struct weir_read_item {
    weir_read_kind kind;
    uint32_t table_number;     /* of the declaration; ROW */
    uint64_t row, last_row;    /* numbers; equal in a ROW */
    const char *table;         /* NULL: its declaration is lost, and only values are known */
    const weir_column *column; /* column_count of them, as they were declared */
    size_t column_count;
    const weir_value *values; /* count of them; the columns after these are NULL */
    size_t count;
    int64_t time_ns;  /* when its block was written, since 1970; the clock may have jumped */
    uint64_t block;   /* its number */
    const char *text; /* of what is no ROW: one line, what and where */
};

WEIR_API int weir_read_next_sized(weir_reading *r, struct weir_read_item *out, size_t out_bytes);

/* The next item. WEIR_OK; WEIR_PENDING: there is none yet (kind is NOTHING); WEIR_DAMAGED with kind
 * LOST: these rows cannot be read, and the next call goes on after them. Errors, after which the same
 * call may be made again: WEIR_FOREIGN (see weir_read_open()), WEIR_VERSION, WEIR_DAMAGED with kind
 * NOTHING (segments of more than one journal), WEIR_IO, WEIR_NO_MEMORY, WEIR_MISUSE. */
static inline int weir_read_next(weir_reading *r, struct weir_read_item *out) {
    return weir_read_next_sized(r, out, sizeof *out);
}

/* Wait until weir_read_next() may have something. timeout_ms: as weir_sync() has it. WEIR_OK,
 * WEIR_PENDING when the time is over, or an error as of weir_read_next(). It looks every poll_ms, since
 * durable rows of another process make no event; there is no descriptor to poll. */
WEIR_API int weir_read_wait(weir_reading *r, uint32_t timeout_ms);

/* The place after the last item, as one line of text without blanks, with a NUL. bytes: of text,
 * WEIR_READ_CURSOR_BYTES at least. Errors: WEIR_MISUSE, WEIR_NOT_FOUND (there is no journal yet). */
WEIR_API int weir_read_cursor(weir_reading *r, char *text, size_t bytes);

/* Write that place down under the reading's name, synced: rows up to it will not come again, and are
 * not held back any more. Errors: WEIR_MISUSE (it has no name), WEIR_NOT_FOUND (there is no journal
 * yet), WEIR_IO, WEIR_NO_SPACE. */
WEIR_API int weir_read_keep(weir_reading *r);

/* Free it; keeps nothing. NULL is allowed. */
WEIR_API void weir_read_close(weir_reading *r);

#ifdef __cplusplus
}
#endif
#endif
