/* reading.c - from blocks to items: rows in order, and what is missing between them. */
#include "steps.h"

#include <stdio.h>
#include <stdlib.h>

#include "../format/names.h"

enum { LOOKS_AT_ONCE = 5 }; /* at a journal that moves on while it is looked at */
#define LOOK_PAUSE_NS ((uint64_t)100 * 1000000)

/* ---- making one -------------------------------------------------------------------------- */

static int fail_reading_memory(const weir_reading *r, weir_error *error) {
    return weir_fail(error, WEIR_NO_MEMORY, "no memory to read %s", r->directory);
}

int weir_reading_make(const weir_os *os, const char *directory, weir_reading **out,
                      weir_error *error) {
    *out = NULL;
    if (strlen(directory) > WEIR_PATH_MAX - 128)
        return weir_fail(error, WEIR_MISUSE, "the path of the journal's directory is too long");
    weir_reading *r = calloc(1, sizeof *r);
    if (!r) return weir_fail(error, WEIR_NO_MEMORY, "no memory to read %s", directory);
    r->os = os;
    r->directory = strdup(directory);
    bool made = r->directory && weir_archive_open(os, directory, &r->archive) == WEIR_OK &&
                weir_expander_make(&r->tables.templates, &r->expander) == WEIR_OK;
    weir_stretch_make(&r->stretch, os, r->directory);
    r->anywhere = r->look_due = true;
    r->poll_ns = 20 * 1000000;
    if (made) {
        *out = r;
        return WEIR_OK;
    }
    weir_reading_free(r);
    return weir_fail(error, WEIR_NO_MEMORY, "no memory to read %s", directory);
}

void weir_reading_free(weir_reading *r) {
    if (!r) return;
    weir_reader_free(r->reader);
    weir_stretch_free(&r->stretch);
    weir_expander_free(r->expander);
    weir_tables_free(&r->tables);
    if (r->archive.directory) weir_archive_close(&r->archive);
    free(r->name);
    free(r->directory);
    free(r);
}

/* ---- looks ------------------------------------------------------------------------------- */

static bool may_look(weir_reading *r) {
    uint64_t now = r->os->now(r->os->self);
    if (r->looks >= LOOKS_AT_ONCE && now - r->looked_ns < LOOK_PAUSE_NS) return false;
    r->looks++;
    r->looked_ns = now;
    return true;
}

static uint64_t first_row_kept(const weir_stretch *s) {
    return s->count > s->gone ? s->extents[s->gone].first_row : s->next_row;
}

/* Have rows left the journal that come next here? Then the archive may have them. */
static bool wants_archive(const weir_reading *r) {
    if (!weir_reading_is_there(r)) return false;
    if (r->anywhere) return r->with_archive;
    const uint8_t *journal = r->mark.at.journal;
    bool ours = weir_id_is_none(journal) || weir_id_equal(journal, r->stretch.journal);
    return ours && !r->newest && r->mark.at.row + 1 < first_row_kept(&r->stretch);
}

static bool has_archive(const weir_reading *r) {
    char path[WEIR_PATH_MAX];
    weir_os_info info;
    weir_path_in(path, r->directory, "archive");
    return r->os->info(r->os->self, WEIR_OS_CWD, path, &info) >= 0 && info.is_directory;
}

static int look_at_stretch(weir_reading *r, weir_error *error) {
    bool verify = r->verify;
    r->verify = false;
    int status = weir_stretch_look(&r->stretch, verify, error);
    if (status != WEIR_OK || !wants_archive(r) || !has_archive(r)) return status;
    r->stretch.os = &r->archive.os;
    status = weir_stretch_look(&r->stretch, verify, error);
    r->stretch.os = r->os; /* what follows is in the journal itself */
    return status;
}

static void forget_tables(weir_reading *r) {
    weir_tables_free(&r->tables);
    r->declared_to = 0;
}

/* Another journal than the one that was read. */
static int begin_other(weir_reading *r, weir_error *error) {
    bool asked = !r->incarnation && (r->mark.at.block || r->mark.at.row);
    if (asked && !r->by_row)
        return weir_fail(error, WEIR_FOREIGN,
                         "%s: the place is of another journal than the one that stands here; begin "
                         "anew",
                         r->directory);
    bool was = !weir_id_is_none(r->mark.at.journal);
    uint64_t from = r->by_row ? r->mark.at.row : 0;
    r->mark = (weir_bookmark){.at.row = from};
    weir_id_copy(r->mark.at.journal, r->stretch.journal);
    forget_tables(r);
    if (!was) return WEIR_GO_ON;
    r->incarnation = 0;
    r->anywhere = true;
    (void)snprintf(r->text, sizeof r->text, "%.300s: another journal stands here now",
                   r->directory);
    return weir_reading_tell(r, WEIR_READ_ANEW, 0, 0);
}

/* After the last durable row. */
static void begin_at_end(weir_reading *r) {
    r->newest = r->anywhere = false;
    r->by_row = true;
    r->mark.at.row = r->stretch.next_row - 1;
}

/* WEIR_OK: an item; WEIR_GO_ON; WEIR_PENDING: not yet again. */
static int look_anew(weir_reading *r, weir_error *error) {
    if (!may_look(r)) return WEIR_PENDING;
    r->in_block = r->settled = false;
    r->look_due = true;
    weir_reader_free(r->reader);
    r->reader = NULL;
    int status = look_at_stretch(r, error);
    if (status != WEIR_OK) return status;
    if (weir_reader_make(&r->archive.os, weir_stretch_locator(&r->stretch), &r->reader) != WEIR_OK)
        return fail_reading_memory(r, error);
    if (!weir_reading_is_there(r)) {
        r->looks = LOOKS_AT_ONCE; /* none will come in a moment */
        return WEIR_PENDING;
    }
    status = WEIR_GO_ON;
    if (!weir_id_equal(r->mark.at.journal, r->stretch.journal)) status = begin_other(r, error);
    r->look_due = status < 0;
    if (status == WEIR_GO_ON && r->newest) begin_at_end(r);
    return status;
}

int weir_reading_look(weir_reading *r, weir_error *error) {
    int status = r->look_due ? look_anew(r, error) : WEIR_OK;
    return status == WEIR_PENDING || status == WEIR_GO_ON ? WEIR_OK : status;
}

/* ---- rows of the block under way --------------------------------------------------------- */

/* A row of a template becomes one of its table, unless the template is lost. body begins with it. */
static void expand_from(weir_reading *r, weir_cursor body, const uint8_t **bytes, size_t *length) {
    uint32_t rows;
    weir_cursor expanded;
    bool of_template = weir_row_table(*bytes, *length) > WEIR_TABLES_MAX;
    if (!of_template || !(r->block.header.incompatible & WEIR_FEATURE_TEMPLATES)) return;
    if (weir_expander_take(r->expander, &body, 1, &rows, &expanded) == WEIR_OK && rows == 1)
        (void)weir_payload_next_row(&expanded, bytes, length); /* it was just made */
}

static int tell_row(weir_reading *r, const uint8_t *bytes, size_t length, weir_error *error) {
    uint16_t table, count;
    struct weir_read_item *i = &r->item;
    if (!weir_row_decode(bytes, length, &table, &count, r->values)) {
        (void)weir_reading_tell_lost(r, r->mark.at.row, r->mark.at.row, "it is not a valid row",
                                     error);
        return WEIR_DAMAGED;
    }
    const weir_declaration *d = weir_tables_find(&r->tables, table);
    (void)weir_reading_tell(r, WEIR_READ_ROW, r->mark.at.row, r->mark.at.row);
    i->table_number = table;
    i->table = d ? d->name : NULL;
    i->column = d ? d->column : NULL;
    i->column_count = d ? d->columns : 0;
    i->values = r->values;
    i->count = count;
    i->time_ns = r->block.header.wall_ns;
    i->block = r->block.header.block;
    i->text = NULL;
    return WEIR_OK;
}

static void end_block(weir_reading *r) {
    const weir_block_header *h = &r->block.header;
    r->in_block = false;
    r->next = h->block + 1;
    if (h->rows) {
        r->mark.at.block = h->block;
        r->mark.at.hash = h->hash;
    }
    if (h->rows && r->mark.at.row < h->first_row + h->rows - 1) {
        r->mark.at.row = h->first_row + h->rows - 1; /* passed over */
        r->mark.row_hash = 0;
    }
    weir_stretch_forget(&r->stretch, h->block);
}

static int next_in_block(weir_reading *r, weir_error *error) {
    const uint8_t *bytes;
    size_t length;
    for (;;) {
        weir_cursor row = r->body;
        if (weir_payload_next_row(&r->body, &bytes, &length) != 1) break;
        uint64_t number = r->number++;
        if (number <= r->mark.at.row) continue;
        r->mark.at.row = number;
        r->mark.row_hash = weir_hash(bytes, length);
        expand_from(r, row, &bytes, &length);
        return tell_row(r, bytes, length, error);
    }
    end_block(r);
    return WEIR_GO_ON;
}

/* ---- from block to block ----------------------------------------------------------------- */

static int learn_tables(weir_reading *r, const weir_read_block *block, weir_error *error) {
    int status = weir_tables_merge(&r->tables, block->payload.body);
    if (status == WEIR_NO_MEMORY) return fail_reading_memory(r, error);
    r->declared_to = block->header.block;
    return WEIR_GO_ON; /* rows of what cannot be read come without names */
}

/* The head of the segment has what was declared before it; the rest is in blocks after the head. What
 * cannot be read leaves rows without names. */
static int know_tables(weir_reading *r, uint64_t block, weir_error *error) {
    weir_read_block b;
    if (r->declared_to && r->declared_to + 1 >= block) return WEIR_GO_ON;
    int status = weir_reader_declarations(r->reader, block, &b, NULL);
    if (status != WEIR_OK) return WEIR_GO_ON;
    status = learn_tables(r, &b, error);
    for (uint64_t n = b.header.block + 1; status == WEIR_GO_ON && n < block; n++) {
        if (weir_reader_header(r->reader, n, &b.header, NULL) != WEIR_OK) return WEIR_GO_ON;
        if (b.header.kind != WEIR_BLOCK_DECLARATIONS) continue;
        if (weir_reader_payload(r->reader, &b, NULL) != WEIR_OK) return WEIR_GO_ON;
        status = learn_tables(r, &b, error);
    }
    return status;
}

static bool passes_over(const weir_reading *r, const weir_block_header *h) {
    if (h->kind == WEIR_BLOCK_DECLARATIONS) return false;
    if (h->kind != WEIR_BLOCK_ROWS || h->first_row + h->rows - 1 <= r->mark.at.row) return true;
    return r->wants && !r->wants(r->context, h);
}

static int enter_block(weir_reading *r, uint64_t number, weir_error *error) {
    weir_block_header *h = &r->block.header;
    int status = know_tables(r, number, error);
    if (status != WEIR_GO_ON) return status;
    status = weir_reader_header(r->reader, number, h, error);
    bool passed = status == WEIR_OK && passes_over(r, h);
    if (status == WEIR_OK && !passed) status = weir_reader_payload(r->reader, &r->block, error);
    if (status != WEIR_OK) return weir_reading_meet_trouble(r, number, status, error);
    bool opened = r->incarnation && h->incarnation != r->incarnation;
    r->incarnation = h->incarnation;
    if (opened) {
        (void)snprintf(r->text, sizeof r->text, "%.300s: a program opened the journal anew",
                       r->directory);
        return weir_reading_tell(r, WEIR_READ_OPENED, r->mark.at.row + 1, r->mark.at.row + 1);
    }
    if (h->rows) {
        r->mark.at.block = h->block - 1;
        r->mark.at.hash = h->previous_hash;
    }
    if (h->kind == WEIR_BLOCK_DECLARATIONS &&
        (status = learn_tables(r, &r->block, error)) != WEIR_GO_ON)
        return status;
    if (r->declared_to + 1 == h->block) r->declared_to = h->block;
    if (passed || h->kind != WEIR_BLOCK_ROWS) {
        end_block(r);
        return WEIR_GO_ON;
    }
    r->in_block = true;
    r->body = r->block.payload.body;
    r->number = h->first_row;
    return WEIR_GO_ON;
}

static int advance(weir_reading *r, weir_error *error) {
    int status = weir_stretch_advance(&r->stretch, error);
    if (status == WEIR_OK) return WEIR_GO_ON;
    if (status == WEIR_PENDING) return WEIR_PENDING;
    if (status != WEIR_NOT_FOUND) return status;
    r->look_due = true;
    return WEIR_GO_ON;
}

static int next_in_stream(weir_reading *r, weir_error *error) {
    if (r->by_row) {
        int status = weir_reading_find_row(r, error);
        return status == WEIR_PENDING ? advance(r, error) : status;
    }
    uint64_t number = r->next;
    const weir_extent *e = weir_stretch_extent(&r->stretch, number);
    if (e && e->first_block > number) return weir_reading_meet_missing(r, e, error);
    if (e) {
        r->anywhere = false;
        return enter_block(r, number, error);
    }
    if (r->stretch.end.block >= number) return weir_reading_meet_lost_end(r, error);
    return advance(r, error);
}

int weir_reading_next(weir_reading *r, weir_error *error) {
    int status = WEIR_GO_ON;
    r->item = (struct weir_read_item){0};
    while (status == WEIR_GO_ON) {
        if (r->look_due) {
            status = look_anew(r, error);
        } else if (!r->settled) {
            status = weir_reading_settle(r, error);
            if (status == WEIR_PENDING) status = advance(r, error);
            if (status == WEIR_OK) status = WEIR_GO_ON;
        } else {
            status = r->in_block ? next_in_block(r, error) : next_in_stream(r, error);
        }
    }
    return status;
}

/* ---- waiting ----------------------------------------------------------------------------- */

/* WEIR_OK: there may be something. */
static int has_more(weir_reading *r, weir_error *error) {
    if (r->in_block) return WEIR_OK;
    if (r->look_due)
        return r->os->now(r->os->self) - r->looked_ns >= LOOK_PAUSE_NS ? WEIR_OK : WEIR_PENDING;
    if (r->settled && !r->by_row && r->stretch.end.block >= r->next) return WEIR_OK;
    int status = advance(r, error);
    return status == WEIR_GO_ON ? WEIR_OK : status;
}

int weir_reading_wait(weir_reading *r, uint64_t deadline, weir_error *error) {
    _Atomic uint32_t never = 0;
    for (;;) {
        int status = has_more(r, error);
        uint64_t now = deadline ? r->os->now(r->os->self) : 0;
        if (status != WEIR_PENDING || now >= deadline) return status;
        uint64_t left = deadline - now;
        (void)r->os->wait(r->os->self, &never, 0, left < r->poll_ns ? left : r->poll_ns);
    }
}
