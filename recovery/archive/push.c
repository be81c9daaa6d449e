/* push.c - the verb archive push: send what is durable to an object store, so that the machine may burn.
 *
 * Whole segments, archived or not, stand there once and for all. Of the youngest segment what has become
 * durable since the last time is sent as a tail. What the store lists is not sent again, so a push that
 * was interrupted is just done again. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    uint64_t known; /* a whole segment up to this number is in the store */
    uint64_t objects, bytes, last_row, damaged, missing;
    bool compared; /* one that both have */
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

/* Segments name the hash of what is before them: where one that both have is the same, all before it
 * are. Asked for the youngest such one. */
static int compare_history(push_round *p, const weir_stored *s, const weir_segment_bytes *segment) {
    if (p->compared || s->kind != WEIR_ARCHIVED_PLAIN) return WEIR_OK;
    p->compared = true;
    return p->remote->part->compare(p->remote->store, s->name, segment->bytes, segment->length,
                                    p->error);
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

/* A whole segment that ends at end. */
static int push_whole(push_round *p, const char *path, uint64_t number, uint64_t end,
                      uint64_t first_row, uint64_t last_row) {
    const weir_stored *there = weir_stored_whole(&p->stored, number);
    weir_segment_bytes segment;
    if (there && (p->compared || there->kind != WEIR_ARCHIVED_PLAIN)) return WEIR_OK;
    int status = weir_segment_bytes_read(p->place->os, path, number, end, &segment, p->error);
    char rest[64];
    (void)snprintf(rest, sizeof rest, "segment-%020" PRIu64, number);
    if (status == WEIR_OK)
        status = there ? compare_history(p, there, &segment)
                       : put_object(p, rest, segment.bytes, segment.length);
    weir_segment_bytes_free(&segment);
    if (status == WEIR_NOT_FOUND) { /* it went to the archive, or was used again: told by its gap */
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

/* From the youngest to the oldest: the first that both have is compared, and the others need not be. */
static int push_archived(push_round *p) {
    int status = WEIR_OK;
    for (size_t i = p->archived.count; i-- > 0 && status == WEIR_OK;) {
        const weir_archived_file *f = &p->archived.files[i];
        if (f->is_void || weir_stored_whole(&p->stored, f->number) == NULL) continue;
        if (f->kind == WEIR_ARCHIVED_PLAIN && f->status == WEIR_OK)
            status = push_whole(p, f->path, f->number, f->end, f->first_row, f->last_row);
    }
    for (size_t i = 0; i < p->archived.count && status == WEIR_OK; i++) {
        const weir_archived_file *f = &p->archived.files[i];
        bool ours =
            f->header.segment == 0 || weir_id_equal(f->header.journal, p->view.inventory.journal);
        if (f->is_void || !ours || weir_stored_whole(&p->stored, f->number)) continue;
        if (f->status != WEIR_OK)
            tell_damaged(p, f->number, f->first_row, f->last_row, f->why);
        else if (f->kind == WEIR_ARCHIVED_PLAIN)
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
    uint64_t youngest = 0;
    int status = WEIR_OK;
    for (size_t i = 0; i < inv->segment_count; i++)
        if (inv->segments[i].status == WEIR_OK) youngest = inv->segments[i].number;
    for (size_t i = 0; i < inv->extent_count && status == WEIR_OK; i++) {
        weir_extent whole;
        if (i > 0 && inv->extents[i - 1].segment == inv->extents[i].segment) continue;
        bool sound = end_of_segment(inv, i, &whole);
        bool tail = whole.segment == youngest;
        if (!sound && !tail) {
            tell_damaged(p, whole.segment, whole.first_row, whole.next_row - 1,
                         "blocks are damaged");
        } else if (!tail) {
            status = push_whole(p, whole.path, whole.segment, whole.end, whole.first_row,
                                whole.next_row - 1);
        } else if (inv->durable_end.segment == youngest && inv->durable_end.offset <= whole.end)
            status = push_tail(p, &whole, inv->durable_end.offset);
    }
    return status;
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
        weir_json json = weir_json_begin(stdout, "gap");
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
    if (status != WEIR_OK) {
        int code = weir_report_error(arguments, &error);
        return status == WEIR_FOREIGN ? WEIR_EXIT_DAMAGE : code;
    }
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
