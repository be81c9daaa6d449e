/* stream.h - the journal's own fields. Private to this folder.
 *
 * The journal thread alone writes state, and so reads it without the mutex; but for bytes and
 * first_block, which the catalog knows and the mutex guards. */
#ifndef WEIR_STREAM_H
#define WEIR_STREAM_H

#include <pthread.h>

#include "../format/names.h"
#include "../format/tables.h"
#include "catalog.h"
#include "journal.h"
#include "known_sinks.h"
#include "spares.h"

typedef struct weir_buffer {
    uint8_t *bytes; /* aligned to WEIR_BLOCK_ALIGN */
    size_t capacity;
} weir_buffer;

/* What may be read without the mutex; see weir_journal_counts. Stored relaxed by each thread
 * that leaves the mutex. A reader that knows of an applied row, by an acquire, finds its number
 * durable: the writer took the mutex in between. */
typedef struct weir_journal_told {
    _Atomic uint64_t durable_row, bytes, bytes_written, syncs, sync_ns_total, sync_ns_max;
    _Atomic uint64_t rows_passed; /* that named readers miss */
} weir_journal_told;

/* Named readers could not be read, so many times in a row. */
typedef struct weir_unread {
    uint64_t times;
    bool told;
    weir_error error; /* the last time */
} weir_unread;

struct weir_journal {
    weir_journal_config config; /* its directory is ours */
    const weir_os *os;
    weir_id id;
    uint64_t incarnation;

    pthread_mutex_t mutex; /* guards the next three */
    weir_spares spares;
    weir_catalog catalog;
    weir_journal_state state;

    weir_journal_told told;

    /* the journal thread's own */
    weir_segment segment;  /* file < 0: none is open */
    weir_spare ahead;      /* for the next one, and open; number 0: there is none */
    uint64_t next_segment; /* no attempt of ours used it, but perhaps one of a former process */
    weir_log_end durable_end;
    uint64_t named;    /* as durable, by the last block appended */
    uint64_t unsynced; /* bytes of blocks appended since the last sync */
    bool broken;       /* a write or sync failed: restart first */
    bool opening;      /* until the first reserve: a dead ring must find a place */
    bool stuck;        /* no segment can be had, and it has been told */
    weir_tables tables;
    weir_drained drained, durable_drained; /* as the last block, and the last durable one, say */
    weir_lane_mark drained_marks[WEIR_LANES_LIMIT], durable_drained_marks[WEIR_LANES_LIMIT];
    weir_codec *codec;
    bool plain; /* no codec is wanted for now */
    weir_buffer block, head;

    /* Held while a file is released, by a writer, or by the journal thread when no segment can be
     * had; and while a sink comes, goes or says how far it is. Guards the next five, and is taken
     * before the other mutex. No event is told under it. */
    pthread_mutex_t releasing;
    int archive;         /* open, and its name is synced; 0: not yet */
    uint64_t own_block;  /* all up to it is safe in the sink that has no record */
    uint64_t held_block; /* files up to it stayed for named readers */
    weir_unread unread;
    weir_known_sinks sinks;
};

/* All up to this block is safe without the journal: every sink has it, or is detached. */
uint64_t weir_journal_unneeded(weir_journal *j);

void weir_journal_tell_counts(weir_journal *j);

/* For the library's threads, and for the thread that opens. No other thread of the program may
 * take the mutex: a handler that interrupts it could wait in an append for the library's threads
 * while they wait for the mutex. */
static inline void weir_journal_lock(weir_journal *j) {
    (void)pthread_mutex_lock(&j->mutex); /* cannot fail: a default mutex, never taken twice */
}
static inline void weir_journal_unlock(weir_journal *j) {
    weir_journal_tell_counts(j);
    (void)pthread_mutex_unlock(&j->mutex); /* likewise */
}

/* Is the directory still ours? Before a name in it is made, moved or deleted. */
static inline int weir_journal_check_place(weir_journal *j, weir_error *error) {
    return j->config.check_place ? j->config.check_place(j->config.context, error) : WEIR_OK;
}

/* Rounded up to whole blocks of the file. */
static inline uint64_t weir_aligned(uint64_t bytes) {
    return (bytes + WEIR_BLOCK_ALIGN - 1) / WEIR_BLOCK_ALIGN * WEIR_BLOCK_ALIGN;
}

/* Encode a payload into buffer, after room for the header, and pad it with zeros to its extent. */
int weir_journal_stage(weir_journal *j, weir_buffer *buffer, uint16_t kind, const uint8_t *payload,
                       size_t bytes, uint32_t rows, weir_block_header *h, weir_error *error);
/* Number the staged block as the next of the stream and write it at the end of s. */
int weir_journal_put(weir_journal *j, weir_segment *s, weir_buffer *buffer, weir_block_header *h,
                     weir_error *error);

/* More blocks for a segment that is being prepared, to be durable when it gets its name. */
typedef struct weir_carry {
    uint64_t room; /* bytes that they need at most */
    int (*write)(void *self, weir_journal *j, weir_segment *s, weir_error *error);
    void *self;
} weir_carry;

/* Does journal_limit_bytes hold for a new segment? */
typedef enum weir_limit { WEIR_LIMIT_HOLDS, WEIR_LIMIT_IGNORED } weir_limit;

/* Go on in a new segment after the durable end; everything appended must be durable. carry may
 * be NULL. WEIR_FULL: the limit is reached; the status of check_place; else why a file cannot be
 * had, which error, not NULL, says. On failure nothing has changed. */
int weir_journal_start_segment(weir_journal *j, const weir_carry *carry, weir_limit limit,
                               weir_error *error);
/* The same while the journal is in use: when no segment can be had for now the answer is
 * WEIR_FULL, and an event says so once; another says when one was had again. */
int weir_journal_roll(weir_journal *j, const weir_carry *carry, weir_limit limit,
                      weir_error *error);

/* Everything appended has become durable. */
void weir_journal_commit_appended(weir_journal *j);
/* Everything appended that is not durable is forgotten. */
void weir_journal_discard_unsynced(weir_journal *j);

/* No segment can be had: release the oldest file that is, or was, kept for named readers alone.
 * False: there is none, or it cannot be released. */
bool weir_journal_release_held(weir_journal *j);

/* The file goes, and nothing that is in a list. */
void weir_journal_delete_spare(weir_journal *j, const weir_spare *spare);
/* The file for the next segment goes back to the spares. */
void weir_journal_drop_ahead(weir_journal *j);
void weir_journal_free(weir_journal *j);
/* Delete the oldest archived files beyond the limits of the archive, which is open (j->archive). */
int weir_journal_bound_archive(weir_journal *j, const char *archive, weir_error *error);

#endif
