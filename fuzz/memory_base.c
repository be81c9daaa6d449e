/* memory_base.c - a database that is a few arrays. */
#include "memory_base.h"

#include <stdlib.h>
#include <string.h>

#include "../lib/format/block.h"
#include "../lib/format/row.h"

static int ask_disk(const memory_base *b, weir_error *error) {
    int done = b->os->datasync(b->os->self, 0);
    return done < 0 ? weir_fail_os(error, done, "the database cannot be synced") : WEIR_OK;
}

void memory_base_declare(uint64_t *declared, uint16_t table) {
    declared[table / 64 % 65] |= (uint64_t)1 << table % 64;
}

bool memory_base_declares(const uint64_t *declared, uint16_t table) {
    return declared[table / 64 % 65] >> table % 64 & 1;
}

/* ---- positions ---- */

static weir_position *find(const memory_base *b, const uint8_t journal[16]) {
    for (size_t i = 0; i < b->position_count; i++)
        if (memcmp(b->positions[i].journal, journal, 16) == 0)
            return (weir_position *)&b->positions[i];
    return NULL;
}

weir_position memory_base_position(const memory_base *b, const uint8_t journal[16]) {
    const weir_position *known = find(b, journal);
    weir_position none = {.block = 0};
    memcpy(none.journal, journal, 16);
    return known ? *known : none;
}

static void store(memory_base *b, const weir_position *p) {
    weir_position *known = find(b, p->journal);
    if (!known && b->position_count < BASE_POSITIONS) known = &b->positions[b->position_count++];
    if (known) *known = *p;
}

void memory_base_make(memory_base *b, const weir_os *os, const weir_position *positions,
                      size_t count) {
    *b = (memory_base){.os = os};
    for (size_t i = 0; i < count && b->position_count < BASE_FOUND; i++)
        if (positions[i].block <= INT64_MAX && positions[i].row <= INT64_MAX)
            store(b, &positions[i]);
}

void memory_base_free(memory_base *b) {
    free(b->rows);
    weir_losses_free(&b->losses);
}

/* ---- the record of losses ---- */

static bool is_noted(const memory_base *b, const weir_loss *loss) {
    for (size_t i = 0; i < b->losses.count; i++) {
        const weir_loss *noted = &b->losses.list[i];
        if (noted->first_row == loss->first_row && noted->last_row == loss->last_row &&
            strcmp(noted->why, loss->why) == 0)
            return true;
    }
    return false;
}

int memory_base_record(memory_base *b, const weir_losses *losses, weir_error *error) {
    int status = losses->count ? ask_disk(b, error) : WEIR_OK;
    for (size_t i = 0; status == WEIR_OK && i < losses->count; i++)
        if (!is_noted(b, &losses->list[i])) status = weir_losses_add(&b->losses, &losses->list[i]);
    return status;
}

/* ---- the sink ---- */

static int begin(void *self, const uint8_t journal[16], weir_position *at, weir_error *error) {
    memory_base *b = self;
    b->count = b->committed;
    memcpy(b->journal, journal, 16);
    *at = memory_base_position(b, journal);
    return ask_disk(b, error);
}

static int declare(void *self, const weir_declaration *d, weir_declare_when when,
                   weir_error *error) {
    memory_base *b = self;
    (void)when, (void)error;
    memory_base_declare(b->declared, d->table);
    return WEIR_OK;
}

/* A journal's rows come in ascending order, across transactions too. */
static void check_order(memory_base *b, const base_row *row) {
    for (size_t i = b->count; i-- > 0;)
        if (b->rows[i].journal == row->journal) {
            if (b->rows[i].number >= row->number) b->wrong = "a row number came twice";
            return;
        }
}

static int add(memory_base *b, const base_row *row) {
    check_order(b, row);
    if (b->count == b->capacity) {
        size_t wanted = 2 * b->capacity + 64;
        base_row *larger = realloc(b->rows, wanted * sizeof *larger);
        if (!larger) return WEIR_NO_MEMORY;
        b->rows = larger;
        b->capacity = wanted;
    }
    b->rows[b->count++] = *row;
    return WEIR_OK;
}

static int apply(void *self, const weir_block_header *header, weir_cursor body,
                 weir_row_range range, weir_error *error) {
    memory_base *b = self;
    const uint8_t *bytes;
    size_t size;
    uint64_t number = header->first_row;
    if (memcmp(header->journal, b->journal, 16) != 0) b->wrong = "a row of another journal";
    for (; weir_payload_next_row(&body, &bytes, &size) == 1; number++) {
        if (number < range.first || number > range.last) continue;
        weir_cursor c = weir_cursor_over(bytes, size);
        base_row row = {.journal = weir_hash(b->journal, 16),
                        .number = number,
                        .content = weir_hash(bytes, size),
                        .declared = memory_base_declares(b->declared, weir_take_u16(&c))};
        if (add(b, &row) != WEIR_OK) return weir_fail(error, WEIR_NO_MEMORY, "no memory for rows");
    }
    if (number <= range.last && range.last < header->first_row + header->rows)
        b->wrong = "fewer rows than the header says";
    return WEIR_OK;
}

static int commit(void *self, const weir_position *to, weir_sink_counts *counts,
                  weir_error *error) {
    memory_base *b = self;
    int status = ask_disk(b, error);
    if (status != WEIR_OK) return status;
    *counts = (weir_sink_counts){.rows = b->count - b->committed};
    b->commits++;
    bool answered = !b->remote || b->commits % 3;
    if (!answered && b->commits % 2)
        return weir_fail(error, WEIR_SINK_UNKNOWN, "nobody knows whether it was done");
    weir_position before = memory_base_position(b, b->journal);
    if (memcmp(to->journal, b->journal, 16) != 0) b->wrong = "a position in another journal";
    if (to->row < before.row) b->wrong = "a position in front of the former";
    b->committed = b->count;
    store(b, to);
    if (!answered) return weir_fail(error, WEIR_SINK_UNKNOWN, "nobody knows that it was done");
    return WEIR_OK;
}

static void rollback(void *self) {
    memory_base *b = self;
    b->count = b->committed;
}

static int harden(void *self, uint64_t applied, uint64_t *safe, weir_error *error) {
    int status = ask_disk(self, error);
    *safe = status == WEIR_OK ? applied : 0;
    return status;
}

static void close_sink(void *self) { rollback(self); }

weir_sink memory_base_sink(memory_base *b) {
    return (weir_sink){.self = b,
                       .begin = begin,
                       .declare = declare,
                       .apply = apply,
                       .commit = commit,
                       .rollback = rollback,
                       .checkpoint = harden,
                       .close = close_sink,
                       .remote = b->remote};
}
