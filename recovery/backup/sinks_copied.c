/* sinks_copied.c - the sinks' records in a backup.
 *
 * With its record a sink that is attached to the copy is told what it lacks there, or goes on after it;
 * without one it would begin with the oldest block that the copy has, and rows would be passed over.
 * The blocks after the database's position are numbered anew in the copy, so a record that is ahead of it
 * is set back to it: all up to there is safe, too. */
#include "sinks_copied.h"

#include "../../lib/journal/sinks.h"

int weir_backup_check_sinks(const weir_sink_notes *notes, const char *directory,
                            weir_error *error) {
    for (size_t i = 0; i < notes->count; i++) {
        const weir_sink_note *note = &notes->list[i];
        if (note->status != WEIR_OK)
            return weir_fail(error, note->status,
                             "%s/sinks/%s cannot be read, so it cannot be in a backup: put a copy "
                             "of it back, or remove it if the sink may begin anew",
                             directory, note->record.name);
    }
    return WEIR_OK;
}

int weir_backup_sinks(const weir_os *os, const weir_sink_notes *notes,
                      const weir_position *position, const char *directory, weir_error *error) {
    int status = WEIR_OK;
    for (size_t i = 0; i < notes->count && status == WEIR_OK; i++) {
        weir_sink_record record = notes->list[i].record;
        if (!weir_id_equal(record.safe.journal, position->journal)) continue;
        if (record.safe.block > position->block) record.safe = *position;
        status = weir_sink_record_write(os, WEIR_OS_CWD, directory, &record, error);
    }
    return status;
}
