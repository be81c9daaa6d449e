/* Aims at: weir_inventory_take (chain.c, walk.c, damage.c, verdict_text.c, verdict.c), weir_ring_inspect,
 * weir_reader_read, weir_reader_declarations, weir_inventory_locator, weir_journal_open (opening.c,
 * catalog.c, tables.c), weir_drain_block. The input is a container (container.h): a journal's
 * directory, its ring, and the positions that a database holds.
 *
 * Beyond memory: what fuzz_check_inventory says; each block of the stream can be read, or is said to
 * be damaged; and a journal that opening accepts is whole afterwards, ends no earlier, and keeps its
 * rows. One input in eight meets a disk on which a call fails: every failure has words. */
#include <string.h>

#include "../lib/journal/drain.h"
#include "harness.h"

static uint64_t hash_rows(uint64_t so_far, const weir_read_block *block) {
    uint64_t parts[3] = {so_far, block->header.first_row,
                         weir_hash(block->payload.body.at, weir_cursor_left(&block->payload.body))};
    return weir_hash(parts, sizeof parts);
}

/* A hash of all rows and their numbers; *damaged when some cannot be read. */
static uint64_t read_all(const fuzz_view *view, uint64_t up_to, bool *damaged) {
    weir_reader *reader;
    weir_read_block block;
    uint64_t hash = 0;
    const weir_inventory *inv = &view->inventory;
    weir_error none = {0};
    MUST(weir_reader_make(&view->os.table, weir_inventory_locator(inv), &reader) == WEIR_OK);
    MUST(weir_reader_read(reader, 0, &block, &none) != WEIR_OK && none.text[0]);
    for (size_t i = 0; i < inv->extent_count; i++) {
        const weir_extent *e = &inv->extents[i];
        (void)weir_reader_declarations(reader, e->last_block, &block, NULL); /* may be damaged */
        for (uint64_t n = e->first_block; n <= e->last_block; n++) {
            weir_error error = {0};
            int status = weir_reader_read(reader, n, &block, &error);
            MUST(status == WEIR_OK || error.text[0]);
            if (status != WEIR_OK) *damaged = true;
            if (status != WEIR_OK || block.header.first_row > up_to) continue;
            MUST(block.header.block == n);
            if (weir_payload_check(&block.payload, &block.header) != WEIR_OK) *damaged = true;
            if (block.header.rows) hash = hash_rows(hash, &block);
        }
    }
    weir_reader_free(reader);
    return hash;
}

static void drain(fuzz_view *view, weir_journal *journal) {
    weir_ring ring;
    weir_found_ring found;
    weir_drain d;
    if (view->inventory.closed) return;
    if (weir_ring_attach(&ring, &view->os.table, WEIR_OS_CWD, MEMORY_DIRECTORY "/ring", &found,
                         NULL) != WEIR_OK)
        return;
    if (found != WEIR_RING_OURS) return;
    if (weir_drain_make(&d, &ring, journal, 4096, WEIR_DRAIN_DEAD_RING, NULL) == WEIR_OK) {
        bool appended = true;
        while (appended && weir_drain_block(&d, &appended, NULL) == WEIR_OK)
            continue;
        weir_drain_free(&d);
    }
    weir_ring_close(&ring);
}

static int open_journal(fuzz_view *view, weir_journal **journal) {
    weir_journal_config config = {.os = &view->os.table,
                                  .directory = MEMORY_DIRECTORY,
                                  .segment_bytes = 1 << 16,
                                  .limit_bytes = 1 << 22,
                                  .zstd_level = 1};
    weir_error error = {0};
    int status = weir_journal_open(&config, &view->inventory, journal, &error);
    MUST(status == WEIR_OK || error.text[0]);
    return status;
}

static void try_open(fuzz_view *view) {
    weir_journal *journal;
    if (open_journal(view, &journal) != WEIR_OK) return;
    drain(view, journal);
    (void)weir_journal_sync(journal, NULL); /* may fail here */
    weir_journal_close(journal);
}

/* Open as a program would, then look again. */
static void open_and_look(fuzz_view *view) {
    weir_journal *journal;
    bool damaged = false;
    uint64_t end = view->inventory.next_row;
    uint64_t last = end ? end - 1 : 0;
    uint64_t before = read_all(view, last, &damaged);
    if (open_journal(view, &journal) != WEIR_OK) return;
    MUST(!weir_verdict_refuses(view->inventory.verdict));
    drain(view, journal);
    MUST(weir_journal_sync(journal, NULL) == WEIR_OK || damaged);
    weir_journal_close(journal);
    fuzz_view_again(view, true);
    if (damaged || view->status != WEIR_OK) return;
    MUST(view->inventory.next_row >= end);
    MUST(view->inventory.found.tail != WEIR_TAIL_ROT);
    MUST(read_all(view, last, &damaged) == before && !damaged);
}

/* On a disk that fails somewhere: whatever comes of it, it has words. */
static void open_failing(fuzz_view *view, uint64_t number) {
    bool damaged = false;
    memory_os_arm(&view->os, number);
    fuzz_view_again(view, true);
    if (view->status == WEIR_OK) (void)read_all(view, UINT64_MAX, &damaged);
    if (view->status == WEIR_OK) try_open(view);
    memory_os_disarm(&view->os);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static fuzz_view view; /* large */
    bool damaged = false;
    uint64_t number = weir_hash(data, size);
    if (!fuzz_view_take(&view, data, size, size % 2 == 0)) return 0;
    if (view.status == WEIR_OK && number % 8 == 0) {
        open_failing(&view, number);
    } else if (view.status == WEIR_OK) {
        (void)read_all(&view, UINT64_MAX, &damaged); /* for its own sake */
        open_and_look(&view);
    }
    fuzz_view_free(&view);
    return 0;
}
