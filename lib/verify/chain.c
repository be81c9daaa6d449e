/* chain.c - which files there are, and how their headers chain into one stream. */
#include "chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../format/names.h"

int weir_open_failed(int result, const char *path, weir_error *error) {
    if (result == -ENOENT) return WEIR_NOT_FOUND;
    return weir_fail_os(error, result,
                        "%s: cannot open this segment; make it readable, or run as "
                        "the user that owns it",
                        path);
}

int weir_scan_failed(const weir_scan *scan, int status, const char *path, weir_error *error) {
    if (status == WEIR_NO_MEMORY) return weir_fail(error, status, "%s: no memory to read it", path);
    return weir_fail_os(error, scan->result,
                        "%s: cannot read near byte %llu; nothing was changed: "
                        "copy the directory to a sound disk and look there",
                        path, (unsigned long long)scan->at + scan->bytes);
}

/* ---- the list --------------------------------------------------------------------------- */

typedef struct names {
    uint64_t *numbers;
    size_t count, capacity;
} names;

static int list_name(void *context, const char *name) {
    names *n = context;
    uint64_t number = weir_number_in_name(name, "segment");
    if (number == 0 || strlen(name) != strlen("segment-") + 20) return 0;
    if (n->count == n->capacity) {
        size_t wanted = n->capacity * 2 + 16;
        uint64_t *larger = realloc(n->numbers, wanted * sizeof *larger);
        if (!larger) return -ENOMEM;
        n->numbers = larger;
        n->capacity = wanted;
    }
    n->numbers[n->count++] = number;
    return 0;
}

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* WEIR_OK with found.journal ABSENT when there is no directory. */
static int list_numbers(const weir_inventory_input *input, weir_inventory *inv, names *n,
                        weir_error *error) {
    weir_os_info info;
    const weir_os *os = input->os;
    bool held = input->dirfd != WEIR_OS_CWD;
    int result = held ? os->info_file(os->self, input->dirfd, &info)
                      : os->info(os->self, WEIR_OS_CWD, input->directory, &info);
    inv->found.journal = result == -ENOENT ? WEIR_JOURNAL_ABSENT : WEIR_JOURNAL_EMPTY;
    if (result == -ENOENT) return WEIR_OK;
    if (result >= 0 && !info.is_directory)
        return weir_fail(error, WEIR_IO, "%s: not a directory, so not a journal; move it away",
                         input->directory);
    if (result >= 0) result = os->list(os->self, input->dirfd, input->directory, list_name, n);
    if (result < 0)
        return weir_fail_os(error, result,
                            "%s: cannot read the journal's directory; make it "
                            "readable, or run as the user that owns it",
                            input->directory);
    if (n->count) qsort(n->numbers, n->count, sizeof *n->numbers, ascending);
    return WEIR_OK;
}

static int list_archived_name(void *context, const char *name) {
    weir_inventory *inv = context;
    uint64_t number = weir_number_in_name(name, "segment");
    if (number > inv->last_segment) inv->last_segment = number;
    return 0;
}

/* Of archived segments only the numbers count here. An archive that cannot be read is reported
 * by opening. */
static void list_archive(const weir_inventory_input *input, weir_inventory *inv) {
    const weir_os *os = input->os;
    char archive[WEIR_PATH_MAX];
    weir_path_in(archive, input->directory, "archive");
    int dirfd = os->open_directory(os->self, input->dirfd, archive);
    if (dirfd < 0) return;
    (void)os->list(os->self, dirfd, archive, list_archived_name, inv);
    (void)os->close(os->self, dirfd); /* it was only read */
}

/* ---- headers ---------------------------------------------------------------------------- */

/* A file that is all zeros, or empty, holds nothing and promises nothing: it counts as absent.
 * The journal itself leaves none, since it names a segment after the header is synced; an
 * interrupted copy does. If anything was promised after the stream's end, a mark says so. */
static int look_for_bytes(weir_scan *scan, weir_segment_note *note) {
    weir_identity nobody = {.segment = UINT64_MAX};
    weir_tail tail;
    int status = weir_scan_tail(scan, &nobody, 0, &tail);
    if (status != WEIR_OK) return status;
    note->status = tail.empty ? WEIR_NOT_FOUND : WEIR_DAMAGED;
    note->why = tail.empty ? "it is all zeros" : "its header is overwritten with zeros";
    return WEIR_OK;
}

static bool is_coherent(const weir_segment_header *h) {
    bool begins = h->before.block == 0; /* then no block comes before, and none has a hash */
    return h->first_block != 0 && h->first_block - 1 == h->before.block && h->first_row != 0 &&
           !(begins && h->before.hash) && !weir_id_is_none(h->journal);
}

static void check_header(weir_segment_note *note, uint64_t number) {
    const weir_segment_header *h = &note->header;
    if (h->segment != number)
        note->why = "its header is that of another segment";
    else if (!is_coherent(h))
        note->why = "its header contradicts itself";
    if (note->why) note->status = WEIR_DAMAGED;
}

static int read_segment_header(weir_scan *scan, weir_segment_note *note, uint64_t number) {
    const uint8_t *bytes = NULL;
    size_t there = scan->limit < WEIR_SEGMENT_HEADER ? (size_t)scan->limit : WEIR_SEGMENT_HEADER;
    int status = there ? weir_scan_bytes(scan, 0, there, &bytes) : WEIR_OK;
    if (status == WEIR_IO || status == WEIR_NO_MEMORY) return status;
    uint8_t whole[WEIR_SEGMENT_HEADER] = {0};
    if (bytes) memcpy(whole, bytes, there);
    note->status = weir_segment_header_decode(whole, &note->header);
    if (note->status == WEIR_NOT_FOUND) return look_for_bytes(scan, note);
    if (note->status == WEIR_VERSION) note->why = "a newer version of the format wrote it";
    if (note->status == WEIR_DAMAGED) {
        note->header = (weir_segment_header){0};
        note->why = there < WEIR_SEGMENT_HEADER ? "it is cut off within its header"
                                                : "its header is damaged";
    }
    if (note->status == WEIR_OK) check_header(note, number);
    return WEIR_OK;
}

static int take_note(const weir_inventory_input *input, weir_scan *scan, uint64_t number,
                     weir_segment_note *note, weir_error *error) {
    char path[WEIR_PATH_MAX];
    weir_numbered_path(path, input->directory, "segment", number);
    *note = (weir_segment_note){.number = number, .path = strdup(path)};
    if (!note->path) return weir_fail(error, WEIR_NO_MEMORY, "%s: no memory to look at it", path);
    int result = weir_scan_open(scan, path);
    note->status = WEIR_IO;
    if (result < 0) return weir_open_failed(result, path, error);
    note->file_bytes = scan->limit;
    int status = read_segment_header(scan, note, number);
    return status == WEIR_OK ? WEIR_OK : weir_scan_failed(scan, status, path, error);
}

/* ---- what the headers say of the journal ------------------------------------------------ */

static bool same_journal(const weir_segment_header *a, const weir_segment_header *b) {
    return weir_id_equal(a->journal, b->journal);
}

/* Of two segments with one number, one has a wrong name and the other its own. */
static bool is_double(const weir_inventory *inv, size_t index) {
    uint64_t number = inv->segments[index].header.segment;
    for (size_t i = 0; i < inv->segment_count; i++)
        if (i != index && inv->segments[i].header.segment == number) return true;
    return false;
}

/* inv->segments is ascending, so what is left in journal and incarnation is the newest's. */
static void sum_up(weir_inventory *inv) {
    const weir_segment_note *newest = NULL;
    bool mixed = false;
    for (size_t i = 0; i < inv->segment_count; i++) {
        weir_segment_note *note = &inv->segments[i];
        inv->bytes += note->file_bytes;
        if (note->status == WEIR_VERSION) {
            inv->newer = (weir_newer){note->header.version, note->header.incompatible};
            inv->newer_path = note->path;
        }
        if (note->status != WEIR_NOT_FOUND) inv->found.journal = WEIR_JOURNAL_PRESENT;
        if (note->header.segment == 0) continue; /* unreadable */
        /* One under a wrong name has a number too, and two of one number could not be told apart. */
        if (note->header.segment > inv->last_segment) inv->last_segment = note->header.segment;
        if (newest && !same_journal(&newest->header, &note->header)) mixed = true;
        if (note->status != WEIR_OK && is_double(inv, i)) mixed = true;
        if (note->status != WEIR_OK) continue;
        newest = note;
        if (note->header.incarnation > inv->incarnation)
            inv->incarnation = note->header.incarnation;
        if (note->header.compatible) inv->read_only = true;
    }
    if (newest) weir_id_copy(inv->journal, newest->header.journal);
    if (mixed) inv->found.journal = WEIR_JOURNAL_MIXED;
    if (inv->newer_path) inv->found.journal = WEIR_JOURNAL_NEWER;
}

static int take_notes(const weir_inventory_input *input, weir_inventory *inv, const names *n,
                      weir_error *error) {
    if (n->count == 0) return WEIR_OK;
    inv->segments = calloc(n->count, sizeof *inv->segments);
    if (!inv->segments)
        return weir_fail(error, WEIR_NO_MEMORY, "%s: no memory to list it", input->directory);
    weir_scan scan;
    weir_scan_make(&scan, input->os, input->dirfd);
    int status = WEIR_OK;
    for (size_t i = 0; status == WEIR_OK && i < n->count; i++)
        status =
            take_note(input, &scan, n->numbers[i], &inv->segments[inv->segment_count++], error);
    weir_scan_free(&scan);
    return status;
}

int weir_chain_list(const weir_inventory_input *input, weir_inventory *inv, weir_error *error) {
    if (strlen(input->directory) > WEIR_PATH_MAX - 64)
        return weir_fail(error, WEIR_MISUSE, "the path of the journal's directory is too long");
    names n = {0};
    int status = list_numbers(input, inv, &n, error);
    if (status == WEIR_OK && n.count) inv->last_segment = n.numbers[n.count - 1];
    if (status == WEIR_OK) list_archive(input, inv);
    if (status == WEIR_OK) status = take_notes(input, inv, &n, error);
    free(n.numbers);
    if (status == WEIR_OK) sum_up(inv);
    return status;
}

/* ---- the chain -------------------------------------------------------------------------- */

typedef struct builder {
    const weir_inventory_input *input;
    weir_inventory *inv;
    uint64_t applied;
    weir_chain *chain; /* newest first while it is built */
    weir_error *error;
} builder;

static weir_link *push(builder *b, uint64_t number, const weir_segment_note *note) {
    weir_chain *c = b->chain;
    if (c->count == c->capacity) {
        size_t wanted = c->capacity * 2 + 16;
        weir_link *larger = realloc(c->links, wanted * sizeof *larger);
        if (!larger) return NULL;
        c->links = larger;
        c->capacity = wanted;
    }
    weir_link *link = &c->links[c->count++];
    *link = (weir_link){.number = number, .note = note, .begin = WEIR_BLOCK_ALIGN};
    link->whose.segment = number;
    weir_id_copy(link->whose.journal, b->inv->journal);
    return link;
}

static void take_header(weir_link *link) {
    const weir_segment_header *h = &link->note->header;
    link->whose.incarnation = h->incarnation;
    link->first_block = h->first_block;
    link->first_row = h->first_row;
    link->before_hash = h->before.hash;
    link->limit = link->note->file_bytes < h->bytes ? link->note->file_bytes : h->bytes;
}

static void note_first_block(weir_inventory *inv, weir_link *link, const weir_block_header *h) {
    link->begin = h->offset;
    link->first_block = h->block;
    link->first_row = h->first_row;
    link->before_hash = h->previous_hash;
    link->whose.incarnation = h->incarnation;
    weir_id_copy(link->whose.journal, h->journal);
    weir_id_copy(inv->journal, h->journal);
    if (h->incarnation > inv->incarnation) inv->incarnation = h->incarnation;
}

/* A header that cannot be read is replaced by what the first block after it says. */
static int take_first_block(builder *b, weir_link *link) {
    const char *path = link->note->path;
    weir_scan scan;
    weir_scan_make(&scan, b->input->os, b->input->dirfd);
    int result = weir_scan_open(&scan, path);
    if (result < 0) return weir_open_failed(result, path, b->error);
    link->limit = scan.limit;
    weir_block_header h;
    int status = weir_scan_next(&scan, &link->whose, link->begin, 0, &h);
    if (status == WEIR_OK)
        note_first_block(b->inv, link, &h);
    else if (status != WEIR_NOT_FOUND)
        status = weir_scan_failed(&scan, status, path, b->error);
    weir_scan_free(&scan);
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

/* How many files have a number below this one. */
static size_t count_below(const weir_inventory *inv, uint64_t number) {
    size_t low = 0, high = inv->segment_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (inv->segments[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The newest of the first count files that is not empty; NULL when there is none. */
static const weir_segment_note *newest_of(const weir_inventory *inv, size_t count) {
    for (size_t i = count; i-- > 0;)
        if (inv->segments[i].status != WEIR_NOT_FOUND) return &inv->segments[i];
    return NULL;
}

static const weir_segment_note *below(const weir_inventory *inv, uint64_t number) {
    return newest_of(inv, count_below(inv, number));
}

/* The file of that number, if it is there and is not empty. */
static const weir_segment_note *numbered(const weir_inventory *inv, uint64_t number) {
    size_t i = count_below(inv, number);
    if (i == inv->segment_count || inv->segments[i].number != number) return NULL;
    return inv->segments[i].status == WEIR_NOT_FOUND ? NULL : &inv->segments[i];
}

/* Find what comes before link. false: nothing does, the stream begins here. */
static bool step_back(const builder *b, const weir_link *link, uint64_t *number,
                      const weir_segment_note **note, weir_log_end *end) {
    *end = (weir_log_end){0};
    *note = NULL;
    bool headed = link->note && link->note->status == WEIR_OK;
    if (!headed) {
        *note = below(b->inv, link->number);
        if (*note) *number = (*note)->number;
        return *note != NULL;
    }
    *end = link->note->header.before;
    *number = end->segment;
    if (*number == 0) return false;
    *note = numbered(b->inv, *number);
    if (*note) return true;
    bool recycled = end->block <= b->applied || !below(b->inv, *number);
    return !recycled;
}

static int build_backwards(builder *b) {
    const weir_segment_note *note = newest_of(b->inv, b->inv->segment_count);
    uint64_t number = note ? note->number : 0;
    weir_log_end end = {0};
    for (bool more = note != NULL; more;) {
        weir_link *link = push(b, number, note);
        if (!link) return weir_fail(b->error, WEIR_NO_MEMORY, "no memory to chain the segments");
        link->end = end;
        if (note && note->status == WEIR_OK)
            take_header(link);
        else if (note) {
            int status = take_first_block(b, link);
            if (status != WEIR_OK) return status;
        }
        more = step_back(b, link, &number, &note, &end);
    }
    return WEIR_OK;
}

static void turn_round(weir_chain *c) {
    for (size_t i = 0; i < c->count / 2; i++) {
        weir_link link = c->links[i];
        c->links[i] = c->links[c->count - 1 - i];
        c->links[c->count - 1 - i] = link;
    }
}

/* Everything before the first block of a later link is promised. Where no header says where a
 * segment begins, the first block that was found there may be void. */
static void pass_promises(weir_chain *c) {
    uint64_t first = 0;
    for (size_t i = c->count; i-- > 0;) {
        weir_link *link = &c->links[i];
        bool headed = link->note && link->note->status == WEIR_OK;
        if (first && !headed && link->first_block >= first) link->first_block = 0;
        if (first) link->promised = first - 1;
        if (first == 1) link->limit = 0; /* no block comes before the first: all of it is void */
        if (link->first_block && (first == 0 || link->first_block < first))
            first = link->first_block;
    }
}

int weir_chain_build(const weir_inventory_input *input, weir_inventory *inv, uint64_t applied,
                     weir_chain *out, weir_error *error) {
    *out = (weir_chain){0};
    builder b = {.input = input, .inv = inv, .applied = applied, .chain = out, .error = error};
    int status = build_backwards(&b);
    turn_round(out);
    pass_promises(out);
    return status;
}

void weir_chain_free(weir_chain *chain) {
    free(chain->links);
    *chain = (weir_chain){0};
}
