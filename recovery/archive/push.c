/* push.c - the verb archive push: send what is durable to an object store, so that the machine may burn.
 *
 * Whole segments, archived or not, stand there once and for all. Of the youngest segment what has become
 * durable since the last time is sent as a tail. What the store lists is not sent again, so a push that
 * was interrupted is just done again. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../../lib/format/names.h"
#include "../exits.h"
#include "../json.h"
#include "../report.h"
#include "../verbs.h"
#include "../view.h"
#include "segment_bytes.h"
#include "store.h"

typedef struct push_round {
    const weir_arguments *arguments;
    const weir_place *place;
    weir_remote *remote;
    weir_archived_files archived;
    weir_view view;
    weir_stored_list stored;
    uint64_t youngest; /* number of the segment that is appended to */
    uint64_t objects, bytes, last_row, damaged, missing;
    weir_error *error;
} push_round;

/* ---- one object ------------------------------------------------------------------------- */

static int put_object(push_round *p, const char *rest, const uint8_t *bytes, size_t length) {
    char name[200], id[WEIR_ID_TEXT];
    weir_id_text(p->view.inventory.journal, id);
    (void)snprintf(name, sizeof name, "%s/%s", id, rest); /* 33 + 64 bytes at most */
    int status = p->remote->part->put(p->remote->store, name, bytes, length, p->error);
    if (status != WEIR_OK) return status;
    p->objects++;
    p->bytes += length;
    return WEIR_OK;
}

static void tell_damaged(push_round *p, uint64_t number, uint64_t first_row, uint64_t last_row,
                         const char *why) {
    p->damaged++;
    if (p->arguments->json) {
        weir_json json = weir_json_begin(stdout, "not_pushed");
        weir_json_uint(&json, "segment", number);
        weir_json_uint(&json, "first_row", first_row);
        weir_json_uint(&json, "last_row", last_row);
        weir_json_text(&json, "why", why);
        weir_json_end(&json);
        return;
    }
    printf("not pushed: segment %" PRIu64 ", rows %" PRIu64 " to %" PRIu64 ": %s\n", number,
           first_row, last_row, why);
}

/* Where it was; or where it has gone meanwhile, to the archive, or packed there. */
static int read_where_it_is(push_round *p, const char *path, uint64_t number, uint64_t end,
                            weir_segment_bytes *out) {
    char archive[WEIR_PATH_MAX], moved[WEIR_PATH_MAX];
    const weir_os *os = p->place->os;
    int status = weir_segment_bytes_read(os, path, number, end, out, p->error);
    weir_path_in(archive, p->place->directory, "archive");
    for (int kind = 0; status == WEIR_NOT_FOUND && kind < WEIR_ARCHIVED_KINDS; kind++) {
        weir_archived_path(moved, archive, (weir_archived_kind)kind, number);
        status = weir_segment_bytes_read(os, moved, number, end, out, p->error);
    }
    return status;
}

/* A whole segment that ends at end, as what it is: plain or packed. */
static int push_whole(push_round *p, const char *path, uint64_t number, uint64_t end,
                      uint64_t first_row, uint64_t last_row) {
    weir_segment_bytes segment;
    if (weir_stored_whole(&p->stored, number)) return WEIR_OK;
    int status = read_where_it_is(p, path, number, end, &segment);
    char rest[WEIR_PATH_MAX];
    weir_archived_kind kind = segment.packed ? WEIR_ARCHIVED_PACKED : WEIR_ARCHIVED_PLAIN;
    weir_archived_path(rest, "", kind, number);
    if (status == WEIR_OK) status = put_object(p, rest + 1, segment.bytes, segment.length);
    weir_segment_bytes_free(&segment);
    if (status == WEIR_NOT_FOUND) { /* it was used again: told by its gap */
        p->missing++;
        return WEIR_OK;
    }
    if (status == WEIR_DAMAGED) {
        tell_damaged(p, number, first_row, last_row, p->error->text);
        return WEIR_OK;
    }
    if (status == WEIR_OK && last_row > p->last_row && last_row != UINT64_MAX)
        p->last_row = last_row;
    return status;
}

/* ---- what there is ---------------------------------------------------------------------- */

static int push_archived(push_round *p) {
    int status = WEIR_OK;
    for (size_t i = 0; i < p->archived.count && status == WEIR_OK; i++) {
        const weir_archived_file *f = &p->archived.files[i];
        bool ours =
            f->header.segment == 0 || weir_id_equal(f->header.journal, p->view.inventory.journal);
        if (f->is_void || !ours || weir_stored_whole(&p->stored, f->number)) continue;
        if (f->status != WEIR_OK)
            tell_damaged(p, f->number, f->first_row, f->last_row, f->why);
        else
            status = push_whole(p, f->path, f->number, f->end, f->first_row, f->last_row);
    }
    return status;
}

/* Where the stream ends in a segment of the inventory: its extents, without a gap. */
static bool end_of_segment(const weir_inventory *inv, size_t first, weir_extent *whole) {
    *whole = inv->extents[first];
    for (size_t i = first + 1; i < inv->extent_count; i++) {
        const weir_extent *e = &inv->extents[i];
        if (e->segment != whole->segment) break;
        if (e->begin != whole->end) return false;
        whole->end = e->end;
        whole->next_row = e->next_row;
        whole->last_block = e->last_block;
    }
    return whole->begin == WEIR_BLOCK_ALIGN;
}

static int push_tail(push_round *p, const weir_extent *e, uint64_t end) {
    uint64_t begin = weir_stored_tail_end(&p->stored, e->segment);
    weir_segment_bytes segment;
    char rest[96];
    if (p->arguments->whole || begin >= end || end >= UINT64_C(1000000000000)) return WEIR_OK;
    int status =
        weir_segment_bytes_read(p->place->os, e->path, e->segment, end, &segment, p->error);
    (void)snprintf(rest, sizeof rest, "tail/segment-%020" PRIu64 "-%012" PRIu64 "-%012" PRIu64,
                   e->segment, begin, end);
    if (status == WEIR_OK)
        status = put_object(p, rest, segment.bytes + begin, (size_t)(end - begin));
    weir_segment_bytes_free(&segment);
    if (status == WEIR_NOT_FOUND || status == WEIR_DAMAGED) return WEIR_OK; /* it has moved on */
    if (status == WEIR_OK) p->last_row = p->view.inventory.durable_next_row - 1;
    return status;
}

/* Segments that nothing is appended to any more, and the youngest one's tail. */
static int push_kept(push_round *p) {
    const weir_inventory *inv = &p->view.inventory;
    int status = WEIR_OK;
    for (size_t i = 0; i < inv->extent_count && status == WEIR_OK; i++) {
        weir_extent whole;
        if (i > 0 && inv->extents[i - 1].segment == inv->extents[i].segment) continue;
        bool sound = end_of_segment(inv, i, &whole);
        bool tail = whole.segment == p->youngest;
        if (!sound && !tail) {
            tell_damaged(p, whole.segment, whole.first_row, whole.next_row - 1,
                         "blocks are damaged");
        } else if (!tail) {
            status = push_whole(p, whole.path, whole.segment, whole.end, whole.first_row,
                                whole.next_row - 1);
        } else if (inv->durable_end.segment == p->youngest && inv->durable_end.offset <= whole.end)
            status = push_tail(p, &whole, inv->durable_end.offset);
    }
    return status;
}

/* ---- one history ------------------------------------------------------------------------ */

/* Segments packed at different times, or packed here and plain there, have other bytes. They are the
 * same if they end with the same header, whose hash is that of all before it. */
static int compare_ends(push_round *p, const weir_segment_bytes *ours, const weir_stored *s) {
    weir_segment_bytes theirs = {0};
    int file = memfd_create("weir", MFD_CLOEXEC);
    if (file < 0) return weir_fail_os(p->error, -(int64_t)errno, "no memory to fetch %s", s->name);
    int status = p->remote->part->get(p->remote->store, s->name, file, 0, p->error);
    if (status == WEIR_OK)
        status = weir_segment_bytes_of(p->place->os, file, s->name, s->number, s->bytes, &theirs,
                                       p->error);
    if (status == WEIR_OK && theirs.end_hash != ours->end_hash)
        status = weir_fail(p->error, WEIR_FOREIGN,
                           "%s/%s has another history of this journal: another machine pushes a "
                           "copy of it to the same place",
                           p->arguments->second, s->name);
    weir_segment_bytes_free(&theirs);
    (void)close(file); /* it is in memory */
    return status;
}

static int compare_object(push_round *p, const weir_segment_bytes *ours, const weir_stored *s) {
    bool packed = s->kind == WEIR_ARCHIVED_PACKED;  /* a tail is plain */
    if (s->is_tail && ours->packed) return WEIR_OK; /* it is whole here by now */
    int status = WEIR_FOREIGN;
    if (packed == ours->packed)
        status = p->remote->part->compare(p->remote->store, s->name, ours->bytes + s->begin,
                                          ours->length - (size_t)s->begin, p->error);
    return status == WEIR_FOREIGN && (packed || ours->packed) ? compare_ends(p, ours, s) : status;
}

/* What is damaged, here or there, says nothing about the history. */
static int compare_bytes(push_round *p, const char *path, const weir_stored *s, uint64_t end) {
    weir_segment_bytes ours;
    int status = read_where_it_is(p, path, s->number, end, &ours);
    if (status == WEIR_OK) status = compare_object(p, &ours, s);
    weir_segment_bytes_free(&ours);
    return status == WEIR_FOREIGN || status == WEIR_OK || status == WEIR_IO ? status : WEIR_OK;
}

static int fail_ahead(push_round *p, const weir_stored *s) {
    return weir_fail(
        p->error, WEIR_FOREIGN,
        "%s/%s goes beyond what is here: another machine pushes a copy of this journal to "
        "the same place, or an older copy of the journal was put back; push to another one",
        p->arguments->second, s->name);
}

static const weir_extent *kept_extent(const weir_inventory *inv, uint64_t segment) {
    for (size_t i = 0; i < inv->extent_count; i++)
        if (inv->extents[i].segment == segment) return &inv->extents[i];
    return NULL;
}

/* The end of the segment, whole, in the archive or in the journal; NULL: it is not here any more. */
static const char *find_segment(const push_round *p, uint64_t number, uint64_t *end) {
    const weir_inventory *inv = &p->view.inventory;
    weir_extent whole;
    const weir_extent *kept = kept_extent(inv, number);
    if (kept && number != p->youngest &&
        end_of_segment(inv, (size_t)(kept - inv->extents), &whole)) {
        *end = whole.end;
        return whole.path;
    }
    for (size_t i = 0; i < p->archived.count; i++) {
        const weir_archived_file *f = &p->archived.files[i];
        if (f->number != number || f->status != WEIR_OK) continue;
        *end = f->end;
        return f->path;
    }
    return NULL;
}

/* Segments name the hash of what is before them, so where the youngest that both have is the same, all
 * before it are. The youngest object here comes first, then the one before, until one is found that
 * both have. */
static int check_history(push_round *p) {
    const weir_inventory *inv = &p->view.inventory;
    const weir_extent *last = kept_extent(inv, p->youngest);
    uint64_t durable = inv->durable_end.segment == p->youngest ? inv->durable_end.offset : 0;
    uint64_t end = 0;
    const weir_stored *tail = NULL, *whole = NULL;
    const char *path = NULL;
    for (size_t i = 0; i < p->stored.count; i++) {
        const weir_stored *s = &p->stored.list[i];
        bool beyond = s->number > p->youngest || (s->number == p->youngest && !s->is_tail) ||
                      (s->number == p->youngest && durable && s->end > durable);
        if (beyond) return fail_ahead(p, s);
        if (s->is_tail && s->number == p->youngest && last) tail = s;
        if (!s->is_tail && find_segment(p, s->number, &end)) whole = s;
    }
    if (tail) return compare_bytes(p, last->path, tail, tail->end);
    if (whole) path = find_segment(p, whole->number, &end);
    return path ? compare_bytes(p, path, whole, end) : WEIR_OK;
}

/* ---- a round ---------------------------------------------------------------------------- */

/* What nobody can restore any more: segments between those of the store that are not here either. The
 * rows are those that no segment here or there can hold. */
static void tell_gaps(push_round *p) {
    const weir_archived_file *first = NULL;
    for (size_t i = 0; i < p->archived.count && !first; i++)
        if (!p->archived.files[i].is_void && p->archived.files[i].header.segment)
            first = &p->archived.files[i];
    const weir_segment_header *h = first ? &first->header : NULL;
    for (size_t i = 0; i < p->view.inventory.segment_count && !h; i++)
        if (p->view.inventory.segments[i].status == WEIR_OK)
            h = &p->view.inventory.segments[i].header;
    if (!h || h->before.segment == 0 || weir_stored_whole(&p->stored, h->before.segment)) return;
    p->missing++;
    if (p->arguments->json) {
        weir_json json = weir_json_begin(stdout, "not_stored");
        weir_json_uint(&json, "segment", h->before.segment);
        weir_json_uint(&json, "last_row", h->first_row - 1);
        weir_json_end(&json);
        return;
    }
    printf(
        "a gap: segment %" PRIu64 ", which ends with row %" PRIu64
        ", is neither here nor in the store; push more often than segments go, or keep an archive "
        "(option archive)\n",
        h->before.segment, h->first_row - 1);
}

static int look_before_pushing(push_round *p) {
    weir_view_input input = {.os = p->place->os, .place = p->place, .database = p->place->database};
    int status = weir_view_take(&input, &p->view, p->error);
    if (status != WEIR_OK) return status;
    status = weir_archived_files_take(p->place->os, p->place->directory, &p->archived, p->error);
    if (status == WEIR_OK && weir_id_is_none(p->view.inventory.journal))
        status = weir_fail(p->error, WEIR_NOT_FOUND, "%s holds no segment that can be read",
                           p->place->directory);
    if (status == WEIR_OK)
        status = weir_stored_take(p->remote, p->view.inventory.journal, &p->stored, p->error);
    for (size_t i = 0; i < p->view.inventory.segment_count; i++)
        if (p->view.inventory.segments[i].status == WEIR_OK)
            p->youngest = p->view.inventory.segments[i].number;
    if (status == WEIR_OK) status = check_history(p);
    return status;
}

static void report_push(const push_round *p) {
    char id[WEIR_ID_TEXT];
    weir_id_text(p->view.inventory.journal, id);
    if (p->arguments->json) {
        weir_json json = weir_json_begin(stdout, "pushed");
        weir_json_text(&json, "journal", id);
        weir_json_uint(&json, "objects", p->objects);
        weir_json_uint(&json, "bytes", p->bytes);
        weir_json_uint(&json, "last_row", p->last_row);
        weir_json_end(&json);
    } else {
        printf("pushed %" PRIu64 " objects, %" PRIu64 " bytes", p->objects, p->bytes);
        if (p->objects && p->last_row) printf(", up to row %" PRIu64, p->last_row);
        putchar('\n');
    }
}

static int push_once(const weir_arguments *arguments, const weir_place *place,
                     weir_remote *remote) {
    weir_error error = {0};
    push_round p = {.arguments = arguments, .place = place, .remote = remote, .error = &error};
    int status = look_before_pushing(&p);
    if (status == WEIR_OK) {
        status = push_archived(&p);
        if (status == WEIR_OK) status = push_kept(&p);
        tell_gaps(&p);
        report_push(&p);
    }
    weir_stored_free(&p.stored);
    weir_archived_files_free(&p.archived);
    weir_view_free(&p.view);
    if (status != WEIR_OK) return weir_report_error(arguments, &error);
    return p.damaged || p.missing ? WEIR_EXIT_DAMAGE : WEIR_EXIT_CLEAN;
}

/* ---- again and again -------------------------------------------------------------------- */

static volatile sig_atomic_t push_ends;

static void end_push(int signal_number) {
    (void)signal_number;
    push_ends = 1;
}

static void watch_signals(void) {
    struct sigaction action = {.sa_handler = end_push}; /* without SA_RESTART: it ends the pause */
    (void)sigaction(SIGTERM, &action, NULL);            /* these cannot fail for these signals */
    (void)sigaction(SIGINT, &action, NULL);
}

/* A round that fails is told, and the next one may succeed; what it did is not lost. */
int weir_run_archive_push(const weir_arguments *arguments, const weir_place *place) {
    weir_error error = {0};
    weir_remote remote;
    if (!place->journal_is_there) {
        (void)weir_fail(&error, WEIR_NOT_FOUND, "there is no journal at %s", place->directory);
        return weir_report_error(arguments, &error);
    }
    if (weir_remote_open(arguments->second, arguments, &remote, &error) != WEIR_OK)
        return weir_report_error(arguments, &error);
    if (arguments->every_s) watch_signals();
    int code = push_once(arguments, place, &remote);
    while (arguments->every_s && !push_ends) {
        struct timespec pause = {arguments->every_s, 0};
        (void)fflush(stdout);          /* checked at the end */
        (void)nanosleep(&pause, NULL); /* a signal ends it early */
        if (!push_ends) code = push_once(arguments, place, &remote);
    }
    weir_remote_close(&remote);
    return code;
}
