/* sinks.h - the sinks that a journal knows by name, and how far each is safe without it.
 *
 * Each has a file sinks/NAME (format/sink_record.h), which is written, synced and renamed before a
 * segment is released on its behalf. All of them are read at opening, so a journal that is opened without one of its
 * sinks keeps that sink's rows. A file that cannot be understood keeps everything. The writer of an
 * SQLite database has no such file: the database holds its position. */
#ifndef WEIR_JOURNAL_SINKS_H
#define WEIR_JOURNAL_SINKS_H

#include "../verify/sink_files.h"
#include "journal.h"

typedef struct weir_known_sink {
    weir_sink_record record;
    bool broken;  /* its file cannot be understood: nothing may be released */
    bool beyond;  /* its limit, and an event has said so or will */
    bool untold;  /* an event is due: of its lag, or that it is detached for it */
    uint64_t lag; /* bytes of segments that wait for it */
} weir_known_sink;

/* The next two are for the process that has the journal's lock, and for a tool that takes it. */

/* Write a record, with the time, so that it is the old one or this one whatever happens, and durable when
 * this returns WEIR_OK. The directory sinks/ is made if there is none. */
int weir_sink_record_write(const weir_os *os, int dirfd, const char *directory,
                           weir_sink_record *record, weir_error *error);
/* Remove it, durably: nothing is kept for the sink any more. WEIR_NOT_FOUND: there is none. */
int weir_sink_record_forget(const weir_os *os, int dirfd, const char *directory, const char *name,
                            weir_error *error);

/* Attach a sink, durably: the record of that name, with what it says of kind, place and limits
 * anew; one that is new begins with the oldest block of journal and archive. *record: in, these; out,
 * all. *first_row: of that block; 0 if the sink was known. WEIR_UNSUPPORTED: what a known one lacks is
 * in neither. */
int weir_journal_attach_sink(weir_journal *j, weir_sink_record *record, uint64_t *first_row,
                             weir_error *error);
/* Detached, durably: what it has not applied goes to the archive from now on. WEIR_NOT_FOUND: the
 * journal knows no such sink. */
int weir_journal_detach_sink(weir_journal *j, const char *name, weir_error *error);
/* Forget a sink that is detached, or whose record cannot be read: the record is removed, and nothing is
 * kept for it any more. WEIR_NOT_FOUND as above; WEIR_MISUSE: it is attached. */
int weir_journal_forget_sink(weir_journal *j, const char *name, weir_error *error);

/* The sink of this name is safe without the journal up to and including a block: note that durably,
 * then release what no other sink needs, as weir_journal_release. at: a position of the sink, which
 * is noted as it is if it is that block's; any thread. */
int weir_journal_release_for(weir_journal *j, const char *name, uint64_t block,
                             const weir_position *at, weir_error *error);

/* The sink stands at this position, before that of its record, as where an older copy of a server took its
 * place: note that durably, so that nothing more goes of what it lacks. Nothing is noted when some of that
 * has gone already: whoever opens the journal next shall not be refused for it. Any thread. */
int weir_journal_sink_went_back(weir_journal *j, const char *name, const weir_position *at,
                                weir_error *error);

/* A copy of what is known of a sink. False: there is none of this name. */
bool weir_journal_find_sink(weir_journal *j, const char *name, weir_known_sink *out);

#endif
