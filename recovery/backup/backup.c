/* backup.c - the verb backup: database and journal as of one moment, beside a program that runs.
 *
 * One moment of two things that a program changes all the time, without its help. The order is
 *
 *   1  begin a read transaction on the database, and read the position in it: block P
 *   2  read the ring's mark, then the journal, up to the last durable block: E
 *   3  copy the blocks after P up to E into a journal of their own
 *   4  copy the pages of the database, still within that transaction, which then ends
 *
 * The copy has every row up to the last of E, each once:
 *
 * - In the database of the copy are the rows up to P and no others, since rows and position change
 *   in one transaction, and 4 copies the state that 1 read.
 * - In the journal of the copy are the blocks after P up to E, all of them: blocks are numbered
 *   without gaps, and each names the hash of the one before. Its header says that P comes before.
 * - The blocks after P were there in 2 and 3. A segment is released only up to a block that a
 *   checkpoint has wholly copied into the database file (weir_journal_release, block_behind of the
 *   writer). No checkpoint copies a frame of the -wal file that is younger than the oldest reader's
 *   state, and that is ours: so what is released holds nothing after P. This goes for the program,
 *   for its closing, and for weir-recover, should it run meanwhile.
 * - A row that was durable before 2 is in it. The process stores its mark in the ring once a group is
 *   synced and before it tells anybody so; and the mark is read before the journal.
 *
 * Where SQLite's locks cannot be had (a directory that this user may not write to), nothing holds
 * the segments, and pages are read without a lock. Then what was read is looked at again at the
 * end, and the backup fails if somebody has written meanwhile.
 *
 * The position in the copy fits its journal: see blocks.c. What was copied is read and judged once
 * more, as opening would, before it gets its name. */
#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../exits.h"
#include "../progress.h"
#include "../report.h"
#include "../stop.h"
#include "../verbs.h"
#include "interrupt.h"

enum { TRIES_WHILE_LIVE = 5 };

/* ---- looking ---------------------------------------------------------------------------------- */

static int inspect_source(weir_backup *b, weir_error *error) {
    weir_progress progress = weir_progress_start("bytes of the journal read");
    weir_inventory_input input = {
        .os = b->place->os,
        .directory = b->place->directory,
        .database_has_positions = b->source.view.count > 0,
        .positions = b->source.view.positions,
        .position_count = b->source.view.count,
        .progress = weir_progress_show,
        .progress_context = &progress,
    };
    b->holder = weir_handle_holder(b->place->os, b->place->directory);
    b->moment_ns = b->place->os->wall(b->place->os->self);
    int status = weir_inspect(&input, &b->look, error);
    weir_progress_end(&progress);
    return status;
}

static int take_sinks(weir_backup *b, weir_error *error) {
    const char *directory = b->place->directory;
    weir_sink_notes_free(&b->sinks);
    int status = weir_sink_notes_take(b->place->os, WEIR_OS_CWD, directory, &b->sinks, error);
    return status == WEIR_OK ? weir_backup_check_sinks(&b->sinks, directory, error) : status;
}

/* A live journal may move on while it is read. What is seen each time is damage. */
static int look_at_source(weir_backup *b, weir_error *error) {
    for (int i = 0; i < TRIES_WHILE_LIVE; i++) {
        weir_inspection_free(&b->look);
        int status = take_sinks(b, error);
        if (status == WEIR_OK) status = inspect_source(b, error);
        if (status != WEIR_OK) return status;
        if (!b->holder.is_there || !weir_verdict_refuses(b->look.inventory.verdict)) break;
    }
    b->end = weir_backup_end_of(&b->look.inventory, b->holder.is_there);
    return WEIR_OK;
}

static uint64_t bytes_after_position(const weir_backup *b) {
    const weir_inventory *i = &b->look.inventory;
    uint64_t bytes = 0;
    for (size_t e = 0; e < i->extent_count; e++)
        if (i->extents[e].last_block > i->position.block)
            bytes += i->extents[e].end - i->extents[e].begin;
    return bytes;
}

/* A backup that fills its disk would be found out late, and in the way of others. */
static int check_space(const weir_backup *b, weir_error *error) {
    struct statvfs fs;
    if (statvfs(b->part.parent, &fs) != 0) return WEIR_OK; /* then writing will tell */
    uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    uint64_t needed = b->source.bytes + b->journal_bytes;
    if (needed <= free_bytes) return WEIR_OK;
    return weir_fail(error, WEIR_NO_SPACE,
                     "%s: the backup takes %" PRIu64 " bytes, and %" PRIu64
                     " are free there; free space or "
                     "name another place",
                     b->part.parent, needed, free_bytes);
}

/* ---- copying ---------------------------------------------------------------------------------- */

/* A directory of the backup, with the rights of its original. */
static int make_journal_directory(const weir_backup *b, int *dirfd, weir_error *error) {
    const weir_os *os = b->place->os;
    weir_os_info like;
    if (mkdir(b->journal, 0700) != 0)
        return weir_fail_os(error, -(int64_t)errno, "cannot make %s", b->journal);
    *dirfd = os->open_directory(os->self, WEIR_OS_CWD, b->journal);
    if (*dirfd < 0) return weir_fail_os(error, *dirfd, "cannot open %s", b->journal);
    if (os->info(os->self, WEIR_OS_CWD, b->place->directory, &like) >= 0)
        os->take_after(os->self, *dirfd, &like);
    return WEIR_OK;
}

static int copy_blocks_once(weir_backup *b, weir_error *error) {
    const weir_os *os = b->place->os;
    int dirfd = -1;
    int status = make_journal_directory(b, &dirfd, error);
    if (status == WEIR_OK)
        status = weir_backup_blocks(&b->look.inventory, &b->end, dirfd, b->journal, error);
    if (status == WEIR_OK)
        status = weir_backup_sinks(os, &b->sinks, weir_backup_position(b), b->journal, error);
    if (dirfd >= 0) (void)os->close(os->self, dirfd); /* what was made in it is synced */
    return status;
}

/* What is at or below the position may leave a live journal while its declarations are read, and a
 * journal read without locks may change anywhere. */
static int copy_blocks(weir_backup *b, weir_error *error) {
    int status = copy_blocks_once(b, error);
    for (int i = 1; i < TRIES_WHILE_LIVE; i++) {
        if (status != WEIR_NOT_FOUND && status != WEIR_DAMAGED && status != WEIR_PENDING) break;
        weir_backup_part_remove(b->journal);
        status = look_at_source(b, error);
        if (status == WEIR_OK) status = copy_blocks_once(b, error);
    }
    return status;
}

static int give_rights(const weir_backup *b, weir_error *error) {
    const weir_os *os = b->place->os;
    struct stat st;
    weir_os_info like;
    if (stat(b->place->database, &st) != 0 ||
        os->info(os->self, WEIR_OS_CWD, b->place->database, &like) < 0)
        return weir_fail_os(error, -(int64_t)errno, "cannot look at %s", b->place->database);
    uid_t owner = geteuid() == 0 ? st.st_uid : (uid_t)-1;
    mode_t mode = st.st_mode & 0777;
    if (chown(b->database, owner, st.st_gid) != 0) /* not of that group: it may do nothing here */
        mode &= 0707;
    if (chmod(b->database, mode) != 0)
        return weir_fail_os(error, -(int64_t)errno, "cannot set the rights of %s", b->database);
    os->take_after(os->self, b->part.directory, &like);
    return WEIR_OK;
}

/* ---- verifying -------------------------------------------------------------------------------- */

static int judge_copy(const weir_backup *b, const weir_inventory *copy, weir_error *error) {
    const weir_position *position = weir_backup_position(b);
    bool same = copy->verdict == WEIR_VERDICT_CLEAN && copy->closed && copy->damage_count == 0 &&
                copy->next_row == b->end.next_row && copy->position.row == position->row &&
                copy->position.block == position->block;
    if (same) return WEIR_OK;
    return weir_fail(error, WEIR_DAMAGED,
                     "%s: the copy is not what was to be copied (%s, rows up to %" PRIu64
                     " instead of %" PRIu64 ", position %" PRIu64 " instead of %" PRIu64 "): %s",
                     b->journal, weir_verdict_name(copy->verdict), copy->next_row - 1, b->end.row,
                     copy->position.row, position->row, copy->detail);
}

static int verify_journal(weir_backup *b, weir_error *error) {
    weir_database_view database;
    weir_inspection look;
    int status = weir_database_look(b->database, &database);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory to read %s", b->database);
    weir_inventory_input input = {.os = b->place->os,
                                  .directory = b->journal,
                                  .database_broken =
                                      database.state == WEIR_DATABASE_READ ? NULL : database.why,
                                  .database_has_positions = database.count > 0,
                                  .positions = database.positions,
                                  .position_count = database.count,
                                  .verify_all = true};
    status = weir_inspect(&input, &look, error);
    if (status == WEIR_OK) status = judge_copy(b, &look.inventory, error);
    b->journal_bytes = look.inventory.bytes;
    weir_inspection_free(&look);
    weir_database_free(&database);
    return status;
}

/* ---- step by step ----------------------------------------------------------------------------- */

static int name_copies(weir_backup *b, weir_error *error) {
    char *real = realpath(b->place->database, NULL); /* a link's name is not the journal's */
    const char *path = real ? real : b->place->database;
    const char *slash = strrchr(path, '/');
    b->database = weir_backup_part_path(&b->part, slash ? slash + 1 : path);
    free(real);
    if (b->database && asprintf(&b->journal, "%s-weir", b->database) >= 0) return WEIR_OK;
    b->journal = NULL;
    return weir_fail(error, WEIR_NO_MEMORY, "no memory for a path");
}

static int copy_whole(weir_backup *b, weir_error *error) {
    bool journal = b->place->journal_is_there;
    int status = weir_backup_part_make(&b->part, error);
    if (status == WEIR_OK && journal) status = copy_blocks(b, error);
    if (status == WEIR_OK) status = weir_backup_pages(b->source.db, b->database, error);
    if (status == WEIR_OK) status = weir_backup_source_check(&b->source, error);
    if (status == WEIR_OK && journal)
        status = weir_backup_forget_place(b->database, b->look.inventory.journal, error);
    if (status == WEIR_OK) status = weir_backup_check_pages(b->database, b->integrity, error);
    if (status == WEIR_OK && journal) status = verify_journal(b, error);
    if (status == WEIR_OK) status = weir_backup_write_manifest(b, error);
    if (status == WEIR_OK) status = give_rights(b, error);
    if (status == WEIR_OK) status = weir_backup_interrupted(error);
    return status == WEIR_OK ? weir_backup_part_finish(&b->part, error) : status;
}

static int plan(weir_backup *b, weir_error *error) {
    const weir_place *place = b->place;
    if (!place->database || !place->database_is_there)
        return weir_fail(error, WEIR_NOT_FOUND, "there is no database at %s, so nothing to back up",
                         place->database ? place->database : b->arguments->target);
    int status = weir_backup_part_plan(b->arguments->second, &b->part, error);
    if (status == WEIR_OK) status = name_copies(b, error);
    if (status == WEIR_OK)
        status = weir_backup_source_open(place->database, b->arguments->wait_s, &b->source, error);
    b->moment_ns = place->os->wall(place->os->self);
    if (status == WEIR_OK && place->journal_is_there) status = look_at_source(b, error);
    if (status == WEIR_OK) b->journal_bytes = bytes_after_position(b);
    return status == WEIR_OK ? check_space(b, error) : status;
}

static void note_no_journal(const weir_backup *b) {
    if (!b->place->journal_is_there && b->source.view.count)
        weir_report_note("there is no journal at %s, though the database was filled from one; the "
                         "backup has the database alone",
                         b->place->directory);
}

static int back_up(weir_backup *b, weir_error *error) {
    if (plan(b, error) != WEIR_OK) return weir_report_error(b->arguments, error);
    if (b->place->journal_is_there && weir_verdict_refuses(b->look.inventory.verdict))
        return weir_report_refusal(b->arguments, &b->look.inventory);
    note_no_journal(b);
    if (!b->arguments->dry_run && copy_whole(b, error) != WEIR_OK)
        return weir_report_error(b->arguments, error);
    weir_backup_report(b);
    return WEIR_EXIT_CLEAN;
}

static weir_integrity integrity_of(const weir_arguments *arguments) {
    if (!arguments->integrity) return WEIR_INTEGRITY_QUICK;
    if (strcmp(arguments->integrity, "none") == 0) return WEIR_INTEGRITY_NONE;
    return strcmp(arguments->integrity, "full") == 0 ? WEIR_INTEGRITY_FULL : WEIR_INTEGRITY_QUICK;
}

int weir_run_backup(const weir_arguments *arguments, const weir_place *place) {
    weir_backup b = {.arguments = arguments,
                     .place = place,
                     .integrity = integrity_of(arguments),
                     .part = {.directory = -1}};
    weir_error error = {0};
    weir_stop_watch();
    int code = back_up(&b, &error);
    weir_inspection_free(&b.look);
    weir_sink_notes_free(&b.sinks);
    weir_backup_source_close(&b.source);
    weir_backup_part_end(&b.part);
    free(b.database);
    free(b.journal);
    return code;
}
