/* sink_files.h - the records of a journal's sinks, the files sinks/NAME: listed, read, written, removed.
 *
 * A record is replaced whole by rename, so that what is read is one state or the next. Only the process
 * that has the journal's lock writes. Looking takes no lock. dirfd, directory: of the journal, as os.h
 * says. */
#ifndef WEIR_SINK_FILES_H
#define WEIR_SINK_FILES_H

#include "../base/os.h"
#include "../format/sink_record.h"

typedef struct weir_sink_note {
    weir_sink_record record; /* where status is not WEIR_OK only its name, which is the file's */
    int status;              /* WEIR_OK, WEIR_DAMAGED, WEIR_VERSION, WEIR_IO */
} weir_sink_note;

typedef struct weir_sink_notes {
    weir_sink_note *list; /* in the order of their names */
    size_t count, capacity;
} weir_sink_notes;

/* All of them; none where there is no directory sinks/. An error only when the directory itself cannot
 * be read: then nobody knows what a sink lacks. out is to be freed in either case. */
int weir_sink_notes_take(const weir_os *os, int dirfd, const char *directory, weir_sink_notes *out,
                         weir_error *error);
void weir_sink_notes_free(weir_sink_notes *notes);

/* May this sink lack a block of that journal, up to last_block? Of a record that cannot be understood
 * nobody knows. */
bool weir_sink_note_lacks(const weir_sink_note *note, const weir_id journal, uint64_t last_block);

/* One record. WEIR_NOT_FOUND: there is none of this name. */
int weir_sink_record_read(const weir_os *os, int dirfd, const char *directory, const char *name,
                          weir_sink_record *out, weir_error *error);
/* Write it, with the time, so that it is the old one or this one whatever happens, and durable when
 * this returns WEIR_OK. The directory sinks/ is made if there is none. */
int weir_sink_record_write(const weir_os *os, int dirfd, const char *directory,
                           weir_sink_record *record, weir_error *error);
/* Remove it, durably: nothing is kept for the sink any more. WEIR_NOT_FOUND: there is none. */
int weir_sink_record_forget(const weir_os *os, int dirfd, const char *directory, const char *name,
                            weir_error *error);

#endif
