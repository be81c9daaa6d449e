/* sinks.c - the sinks that a journal knows by name: read at opening, written before anything is released
 * for them. */
#include "sinks.h"

#include <stdio.h>
#include <stdlib.h>

#include "history.h"
#include "known_sinks.h"
#include "stream.h"

/* ---- the list ----------------------------------------------------------------------------- */

static weir_known_sink *find_known(weir_journal *j, const char *name) {
    for (size_t i = 0; i < j->sinks.count; i++)
        if (strcmp(j->sinks.list[i].record.name, name) == 0) return &j->sinks.list[i];
    return NULL;
}

static weir_known_sink *add_known(weir_journal *j) {
    size_t wanted = j->sinks.count + 1;
    if (wanted > SIZE_MAX / sizeof *j->sinks.list) return NULL;
    weir_known_sink *larger = realloc(j->sinks.list, wanted * sizeof *larger);
    if (!larger) return NULL;
    j->sinks.list = larger;
    weir_known_sink *k = &larger[j->sinks.count++];
    *k = (weir_known_sink){0};
    return k;
}

/* A record of another journal holds nothing here: its sink begins anew when it is attached. */
static int know_record(weir_journal *j, const weir_sink_note *note) {
    bool other = note->status == WEIR_OK && !weir_id_equal(note->record.safe.journal, j->id);
    if (other) return WEIR_OK;
    weir_known_sink *k = add_known(j);
    if (!k) return WEIR_NO_MEMORY;
    k->broken = note->status != WEIR_OK;
    k->record = note->record;
    return WEIR_OK;
}

int weir_known_sinks_take(weir_journal *j, weir_error *error) {
    weir_sink_notes notes;
    int status = weir_sink_notes_take(j->os, j->config.dirfd, j->config.directory, &notes, error);
    for (size_t i = 0; i < notes.count && status == WEIR_OK; i++) {
        status = know_record(j, &notes.list[i]);
        if (status != WEIR_OK) (void)weir_fail(error, status, "no memory for a sink's record");
    }
    weir_sink_notes_free(&notes);
    return status;
}

/* The block that the sink needs next. */
static uint64_t next_wanted(const weir_sink_record *known) {
    return known->safe.block ? known->safe.block + 1 : known->begin;
}

/* One that is to be detached for its lag, and lacks what has left the journal already, reads the rest
 * from the archive too: were it to hold the journal until it has caught up, it would be detached again
 * before that. */
static bool catches_up(weir_journal *j, const weir_known_sink *k) {
    if (k->broken || k->record.at_limit != 1) return false;
    weir_journal_lock(j);
    uint64_t first = weir_catalog_first_block(&j->catalog);
    weir_journal_unlock(j);
    return next_wanted(&k->record) < first;
}

/* Salvage moves every segment that its database has: sound ones into the archive, where a sink finds them,
 * damaged ones aside, or no opening would ever pass them. */
static bool is_held_for(weir_journal *j, const weir_known_sink *k) {
    if (j->config.salvage) return false;
    return k->broken || (k->record.state == WEIR_SINK_ATTACHED && !catches_up(j, k));
}

uint64_t weir_known_sinks_floor(weir_journal *j) {
    uint64_t floor = j->config.sinks_recorded ? UINT64_MAX : j->own_block;
    for (size_t i = 0; i < j->sinks.count; i++) {
        const weir_known_sink *k = &j->sinks.list[i];
        uint64_t safe = k->broken ? 0 : k->record.safe.block;
        if (is_held_for(j, k) && safe < floor) floor = safe;
    }
    return floor == UINT64_MAX ? 0 : floor; /* nobody has anything */
}

bool weir_known_sinks_lack(const weir_journal *j, uint64_t last_block) {
    for (size_t i = 0; i < j->sinks.count; i++)
        if (j->sinks.list[i].broken || j->sinks.list[i].record.safe.block < last_block) return true;
    return false;
}

/* ---- attaching and detaching -------------------------------------------------------------- */

static int write_record(weir_journal *j, weir_sink_record *record, weir_error *error) {
    int status = weir_journal_check_place(j, error);
    return status == WEIR_OK
               ? weir_sink_record_write(j->os, j->config.dirfd, j->config.directory, record, error)
               : status;
}

static void lock_releasing(weir_journal *j) {
    (void)pthread_mutex_lock(&j->releasing); /* cannot fail: a default mutex, never taken twice */
}
static void unlock_releasing(weir_journal *j) {
    (void)pthread_mutex_unlock(&j->releasing); /* likewise */
}

static int fail_broken(const weir_journal *j, const char *name, weir_error *error) {
    return weir_fail(error, WEIR_DAMAGED,
                     "%s/sinks/%s: what the journal keeps of this sink cannot be read; put a "
                     "copy back, or remove the file if the sink may begin anew",
                     j->config.directory, name);
}

/* A sink that comes back needs what it has not got, in the journal or in its archive. */
static int check_kept(const weir_journal *j, const weir_sink_record *known, uint64_t oldest,
                      weir_error *error) {
    uint64_t next = next_wanted(known);
    if (next >= oldest) return WEIR_OK;
    return weir_fail(error, WEIR_UNSUPPORTED,
                     "%s: the sink %s needs blocks %llu to %llu, which are neither in the journal "
                     "nor in its archive; put them back into the archive, or forget the sink, "
                     "which then begins anew with the rows that there are",
                     j->config.directory, known->name, (unsigned long long)next,
                     (unsigned long long)oldest - 1);
}

/* A new one begins with the oldest block that there is. */
static weir_sink_record fresh_record(const weir_journal *j, const weir_sink_record *wanted,
                                     const weir_known_sink *known, uint64_t oldest) {
    weir_sink_record fresh = *wanted;
    fresh.safe = (weir_position){0};
    weir_id_copy(fresh.safe.journal, j->id);
    fresh.begin = oldest;
    fresh.state = WEIR_SINK_ATTACHED;
    if (!known) return fresh;
    fresh.safe = known->record.safe;
    fresh.begin = known->record.begin;
    return fresh;
}

/* The record keeps from archive prune what the sink begins with; what was deleted before it stood there
 * is seen now. */
static int write_first_record(weir_journal *j, weir_sink_record *fresh, uint64_t *row,
                              weir_error *error) {
    uint64_t oldest = fresh->begin;
    int status;
    do {
        fresh->begin = oldest;
        status = write_record(j, fresh, error);
        if (status != WEIR_OK) return status;
    } while (weir_history_oldest(j, 1, &oldest, row, NULL) == WEIR_OK && oldest > fresh->begin);
    return WEIR_OK;
}

/* Under releasing. Of a known sink only the position and its beginning stay. */
static int attach_known(weir_journal *j, weir_sink_record *record, uint64_t *first_row,
                        weir_error *error) {
    weir_known_sink *known = find_known(j, record->name);
    uint64_t oldest, row;
    if (known && known->broken) return fail_broken(j, record->name, error);
    int status =
        weir_history_oldest(j, known ? next_wanted(&known->record) : 1, &oldest, &row, error);
    if (status == WEIR_OK && known) status = check_kept(j, &known->record, oldest, error);
    if (status != WEIR_OK) return status;
    weir_sink_record fresh = fresh_record(j, record, known, oldest);
    if (!known && !(known = add_known(j)))
        return weir_fail(error, WEIR_NO_MEMORY, "no memory for the sink %s", record->name);
    bool added = known->record.name[0] == '\0';
    status = added ? write_first_record(j, &fresh, &row, error) : write_record(j, &fresh, error);
    *first_row = added ? row : 0;
    if (status == WEIR_OK)
        known->record = *record = fresh;
    else if (added)
        j->sinks.count--;
    return status;
}

int weir_journal_attach_sink(weir_journal *j, weir_sink_record *record, uint64_t *first_row,
                             weir_error *error) {
    lock_releasing(j);
    int status = attach_known(j, record, first_row, error);
    unlock_releasing(j);
    return status;
}

/* Under releasing. */
static int detach_known(weir_journal *j, weir_known_sink *known, weir_error *error) {
    weir_sink_record record = known->record;
    record.state = WEIR_SINK_DETACHED;
    int status = write_record(j, &record, error);
    if (status == WEIR_OK) known->record = record;
    return status;
}

int weir_journal_detach_sink(weir_journal *j, const char *name, weir_error *error) {
    lock_releasing(j);
    weir_known_sink *known = find_known(j, name);
    int status = known && !known->broken
                     ? detach_known(j, known, error)
                     : weir_fail(error, WEIR_NOT_FOUND, "%s: no sink is named %s",
                                 j->config.directory, name);
    unlock_releasing(j);
    return status == WEIR_OK ? weir_journal_release_unwanted(j, error) : status;
}

/* Under releasing. A record that is not of this journal is not known, and holds nothing. */
static int forget_known(weir_journal *j, const char *name, weir_error *error) {
    weir_known_sink *known = find_known(j, name);
    if (known && !known->broken && known->record.state == WEIR_SINK_ATTACHED)
        return weir_fail(error, WEIR_MISUSE, "%s: the sink %s is attached: detach it first",
                         j->config.directory, name);
    int status = weir_journal_check_place(j, error);
    if (status == WEIR_OK)
        status = weir_sink_record_forget(j->os, j->config.dirfd, j->config.directory, name, error);
    if (status == WEIR_OK && known) *known = j->sinks.list[--j->sinks.count];
    return status;
}

int weir_journal_forget_sink(weir_journal *j, const char *name, weir_error *error) {
    lock_releasing(j);
    int status = forget_known(j, name, error);
    unlock_releasing(j);
    return status == WEIR_OK ? weir_journal_release_unwanted(j, error) : status;
}

bool weir_journal_find_sink(weir_journal *j, const char *name, weir_known_sink *out) {
    lock_releasing(j);
    const weir_known_sink *known = find_known(j, name);
    if (known) *out = *known;
    unlock_releasing(j);
    return known != NULL;
}

/* ---- lag ---------------------------------------------------------------------------------- */

/* Segments that somebody else has already: two sinks that are away at the same time both lag. Under
 * releasing. */
static uint64_t lag_of_sink(weir_journal *j, const weir_known_sink *of) {
    uint64_t others = j->own_block;
    for (size_t i = 0; i < j->sinks.count; i++) {
        const weir_known_sink *k = &j->sinks.list[i];
        if (k != of && !k->broken && k->record.safe.block > others) others = k->record.safe.block;
    }
    weir_journal_lock(j);
    uint64_t all = weir_catalog_bytes_up_to(&j->catalog, others);
    uint64_t had = weir_catalog_bytes_up_to(&j->catalog, of->record.safe.block);
    weir_journal_unlock(j);
    return all > had ? all - had : 0;
}

static void tell_lag(weir_journal *j, const weir_known_sink *k) {
    char text[500];
    bool detached = k->record.state == WEIR_SINK_DETACHED;
    if (!j->config.event) return;
    (void)snprintf(text, sizeof text,
                   "%.200s: %llu MiB of segments wait for the sink %s, more than its limit; %s",
                   j->config.directory, (unsigned long long)(k->lag >> 20), k->record.name,
                   detached ? "it is detached, and they go to the archive until it is attached "
                              "again"
                            : "they stay in the journal, which may fill for it");
    j->config.event(j->config.context, detached ? WEIR_EVENT_SINK_DETACHED : WEIR_EVENT_SINK_LAGS,
                    text);
}

static int judge_lag(weir_journal *j, weir_known_sink *k, weir_error *error) {
    if (k->broken || k->record.state != WEIR_SINK_ATTACHED) return WEIR_OK;
    k->lag = lag_of_sink(j, k);
    bool beyond = k->record.lag_limit && k->lag > k->record.lag_limit;
    bool detaches = beyond && k->record.at_limit == 1 && !catches_up(j, k);
    int status = detaches ? detach_known(j, k, error) : WEIR_OK;
    if (status != WEIR_OK) return status;
    k->untold = k->untold || detaches || (beyond && !k->beyond);
    k->beyond = beyond;
    return WEIR_OK;
}

int weir_known_sinks_judge(weir_journal *j, weir_error *error) {
    int status = WEIR_OK;
    for (size_t i = 0; i < j->sinks.count && status == WEIR_OK; i++)
        status = judge_lag(j, &j->sinks.list[i], error);
    return status;
}

/* Without the lock: a handler may ask for anything. */
void weir_known_sinks_tell(weir_journal *j) {
    for (bool found = true; found;) {
        weir_known_sink copy;
        found = false;
        lock_releasing(j);
        for (size_t i = 0; i < j->sinks.count && !found; i++) {
            weir_known_sink *k = &j->sinks.list[i];
            found = k->untold;
            if (found) copy = *k;
            k->untold = false;
        }
        unlock_releasing(j);
        if (found) tell_lag(j, &copy);
    }
}

/* ---- releasing ---------------------------------------------------------------------------- */

/* The position with which that block ends, or one before it that the catalog knows. */
static weir_position position_up_to(weir_journal *j, uint64_t block, const weir_position *at) {
    weir_position position = *at;
    if (at->block != block) {
        position = (weir_position){0};
        weir_journal_lock(j);
        weir_catalog_end_up_to(&j->catalog, block, &position);
        weir_journal_unlock(j);
    }
    weir_id_copy(position.journal, j->id);
    return position;
}

/* Under releasing. A sink that has been detached meanwhile is told nothing more here: its segments are on
 * their way to the archive. */
static int note_safe(weir_journal *j, const char *name, const weir_position *at,
                     weir_error *error) {
    weir_known_sink *known = find_known(j, name);
    if (!known || known->broken || at->block <= known->record.safe.block) return WEIR_OK;
    weir_sink_record record = known->record;
    record.safe = *at;
    int status = write_record(j, &record, error);
    if (status == WEIR_OK) known->record = record;
    return status;
}

int weir_journal_release_for(weir_journal *j, const char *name, uint64_t block,
                             const weir_position *at, weir_error *error) {
    weir_position position = position_up_to(j, block, at);
    lock_releasing(j);
    int status = note_safe(j, name, &position, error);
    unlock_releasing(j);
    return status == WEIR_OK ? weir_journal_release_unwanted(j, error) : status;
}

/* ---- going back --------------------------------------------------------------------------- */

/* Under releasing. */
static int note_back(weir_journal *j, const char *name, const weir_position *at,
                     weir_error *error) {
    weir_known_sink *known = find_known(j, name);
    uint64_t oldest, row;
    if (!known || known->broken || at->block >= known->record.safe.block) return WEIR_OK;
    weir_sink_record record = known->record;
    record.safe = *at;
    weir_id_copy(record.safe.journal, j->id);
    int status = weir_history_oldest(j, next_wanted(&record), &oldest, &row, error);
    if (status != WEIR_OK || next_wanted(&record) < oldest) return status;
    status = write_record(j, &record, error);
    if (status == WEIR_OK) known->record = record;
    return status;
}

int weir_journal_sink_went_back(weir_journal *j, const char *name, const weir_position *at,
                                weir_error *error) {
    lock_releasing(j);
    int status = note_back(j, name, at, error);
    unlock_releasing(j);
    return status;
}
