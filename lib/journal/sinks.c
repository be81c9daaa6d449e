/* sinks.c - the sinks that a journal knows by name: read at opening, written before anything is released
 * for them. */
#include "sinks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "known_sinks.h"
#include "stream.h"

/* ---- reading ------------------------------------------------------------------------------ */

static int fail_sinks(weir_error *error, int64_t result, const char *directory, const char *what) {
    return weir_fail_os(error, result, "%s/sinks: cannot %s", directory, what);
}

/* The descriptor of sinks/, or a negative errno; -ENOENT: there never was one. */
static int open_sinks(const weir_os *os, int dirfd, const char *directory) {
    char path[WEIR_PATH_MAX];
    if (strlen(directory) > WEIR_PATH_MAX - 128) return -ENAMETOOLONG;
    weir_path_in(path, directory, "sinks");
    return os->open_directory(os->self, dirfd, path);
}

/* One byte more than the file should have: a longer one is not of this format. A file that cannot be
 * read at all is WEIR_IO. */
static int read_record_in(const weir_os *os, int sinks, const char *name, weir_sink_record *out) {
    uint8_t bytes[WEIR_SINK_RECORD_BYTES + 1];
    size_t got = 0;
    int64_t n = 1;
    int file = os->open(os->self, sinks, name, WEIR_OS_READ);
    if (file < 0) return file == -ENOENT ? WEIR_NOT_FOUND : WEIR_IO;
    while (got < sizeof bytes && n > 0) {
        n = os->pread(os->self, file, bytes + got, sizeof bytes - got, got);
        if (n > 0) got += (size_t)n;
    }
    (void)os->close(os->self, file); /* only read */
    if (n < 0) return WEIR_IO;
    int status = weir_sink_record_decode(bytes, got, out);
    return status == WEIR_OK && strcmp(out->name, name) != 0 ? WEIR_DAMAGED : status;
}

int weir_sink_record_read(const weir_os *os, int dirfd, const char *directory, const char *name,
                          weir_sink_record *out, weir_error *error) {
    int sinks = open_sinks(os, dirfd, directory);
    int status = WEIR_NOT_FOUND;
    if (sinks >= 0) {
        status = read_record_in(os, sinks, name, out);
        (void)os->close(os->self, sinks); /* only read */
    } else if (sinks != -ENOENT) {
        return fail_sinks(error, sinks, directory, "open the directory");
    }
    return status == WEIR_OK ? status
                             : weir_fail(error, status, "%s/sinks/%s: %s", directory, name,
                                         weir_status_text(status));
}

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

typedef struct collecting {
    weir_journal *j;
    int sinks;
} collecting;

/* A record of another journal holds nothing here: its sink begins anew when it is attached. */
static int each_sink(void *context, const char *name) {
    collecting *c = context;
    weir_sink_record record;
    if (!weir_named_fits(name)) return 0;
    int status = read_record_in(c->j->os, c->sinks, name, &record);
    bool other = status == WEIR_OK && !weir_id_equal(record.safe.journal, c->j->id);
    if (status == WEIR_NOT_FOUND || other) return 0;
    weir_known_sink *k = add_known(c->j);
    if (!k) return -ENOMEM;
    k->broken = status != WEIR_OK;
    if (k->broken)
        memcpy(k->record.name, name, strlen(name) + 1); /* it fits */
    else
        k->record = record;
    return 0;
}

int weir_known_sinks_take(weir_journal *j, weir_error *error) {
    char path[WEIR_PATH_MAX];
    int sinks = open_sinks(j->os, j->config.dirfd, j->config.directory);
    if (sinks == -ENOENT) return WEIR_OK;
    if (sinks < 0) return fail_sinks(error, sinks, j->config.directory, "open the directory");
    weir_path_in(path, j->config.directory, "sinks");
    collecting c = {j, sinks};
    int result = j->os->list(j->os->self, sinks, path, each_sink, &c);
    (void)j->os->close(j->os->self, sinks); /* only read */
    return result < 0 ? fail_sinks(error, result, j->config.directory, "read the directory")
                      : WEIR_OK;
}

uint64_t weir_known_sinks_floor(const weir_journal *j) {
    uint64_t floor = j->config.sinks_recorded ? UINT64_MAX : j->own_block;
    for (size_t i = 0; i < j->sinks.count; i++) {
        const weir_known_sink *k = &j->sinks.list[i];
        uint64_t safe = k->broken ? 0 : k->record.safe.block;
        if ((k->broken || k->record.state == WEIR_SINK_ATTACHED) && safe < floor) floor = safe;
    }
    return floor == UINT64_MAX ? 0 : floor; /* nobody has anything */
}

bool weir_known_sinks_lack(const weir_journal *j, uint64_t last_block) {
    for (size_t i = 0; i < j->sinks.count; i++)
        if (j->sinks.list[i].broken || j->sinks.list[i].record.safe.block < last_block) return true;
    return false;
}

/* ---- writing ------------------------------------------------------------------------------ */

static int write_record_aside(const weir_os *os, int sinks, const char *aside,
                              const uint8_t bytes[WEIR_SINK_RECORD_BYTES]) {
    (void)os->unlink(os->self, sinks, aside); /* a leftover; usually there is none */
    int file = os->open(os->self, sinks, aside,
                        WEIR_OS_READ | WEIR_OS_WRITE | WEIR_OS_CREATE | WEIR_OS_EXCLUSIVE);
    if (file < 0) return file;
    int result = weir_write_full(os, file, bytes, WEIR_SINK_RECORD_BYTES, 0);
    if (result >= 0) result = os->datasync(os->self, file);
    int closed = os->close(os->self, file);
    return result < 0 ? result : closed;
}

static int replace_record(weir_journal *j, int sinks, const weir_sink_record *record) {
    const weir_os *os = j->os;
    char aside[WEIR_NAMED_NAME_MAX + 8], path[WEIR_PATH_MAX];
    uint8_t bytes[WEIR_SINK_RECORD_BYTES];
    (void)snprintf(aside, sizeof aside, ".%s.new", record->name); /* it fits */
    weir_sink_record_encode(bytes, record);
    int result = write_record_aside(os, sinks, aside, bytes);
    if (result >= 0) result = os->rename(os->self, sinks, aside, sinks, record->name);
    weir_path_in(path, j->config.directory, "sinks");
    if (result >= 0) result = os->sync_directory(os->self, sinks, path);
    if (result < 0) (void)os->unlink(os->self, sinks, aside); /* costs space only */
    return result;
}

/* The directory is made if it is missing; its name is durable once the journal's own is synced. */
static int write_record(weir_journal *j, weir_sink_record *record, weir_error *error) {
    const weir_os *os = j->os;
    const char *directory = j->config.directory;
    char path[WEIR_PATH_MAX];
    int status = weir_journal_check_place(j, error);
    if (status != WEIR_OK) return status;
    weir_path_in(path, directory, "sinks"); /* opening has checked its length */
    int made = os->make_directory(os->self, j->config.dirfd, path);
    if (made < 0 && made != -EEXIST) return fail_sinks(error, made, directory, "make it");
    if (made >= 0) made = os->sync_directory(os->self, j->config.dirfd, directory);
    if (made < 0 && made != -EEXIST) return fail_sinks(error, made, directory, "sync its name");
    int sinks = open_sinks(os, j->config.dirfd, directory);
    if (sinks < 0) return fail_sinks(error, sinks, directory, "open it");
    record->wall_ns = os->wall(os->self);
    int result = replace_record(j, sinks, record);
    (void)os->close(os->self, sinks); /* synced */
    return result < 0 ? fail_sinks(error, result, directory, "write a record") : WEIR_OK;
}

/* ---- attaching and detaching -------------------------------------------------------------- */

static void lock_releasing(weir_journal *j) {
    (void)pthread_mutex_lock(&j->releasing); /* cannot fail: a default mutex, never taken twice */
}
static void unlock_releasing(weir_journal *j) {
    (void)pthread_mutex_unlock(&j->releasing); /* likewise */
}

static weir_sink_record fresh_record(weir_journal *j, const weir_sink_record *wanted) {
    weir_sink_record fresh = *wanted;
    weir_journal_state state;
    weir_journal_get_state(j, &state);
    fresh.safe = (weir_position){0};
    weir_id_copy(fresh.safe.journal, j->id);
    fresh.begin = state.first_block ? state.first_block : 1;
    return fresh;
}

/* Under releasing. Of a known sink only the position and its beginning stay. */
static int attach_known(weir_journal *j, weir_sink_record *record, weir_error *error) {
    weir_known_sink *known = find_known(j, record->name);
    if (known && known->broken)
        return weir_fail(error, WEIR_DAMAGED,
                         "%s/sinks/%s: what the journal keeps of this sink cannot be read; put a "
                         "copy back, or remove the file if the sink may begin anew",
                         j->config.directory, record->name);
    weir_sink_record fresh = fresh_record(j, record);
    if (known) {
        fresh.safe = known->record.safe;
        fresh.begin = known->record.begin;
    } else if (!(known = add_known(j))) {
        return weir_fail(error, WEIR_NO_MEMORY, "no memory for the sink %s", record->name);
    }
    fresh.state = WEIR_SINK_ATTACHED;
    bool added = known->record.name[0] == '\0';
    int status = write_record(j, &fresh, error);
    if (status == WEIR_OK)
        known->record = *record = fresh;
    else if (added)
        j->sinks.count--;
    return status;
}

int weir_journal_attach_sink(weir_journal *j, weir_sink_record *record, weir_error *error) {
    lock_releasing(j);
    int status = attach_known(j, record, error);
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
    bool detaches = beyond && k->record.at_limit == 1;
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
