/* Aims at: weir_recorder_attach, weir_recorder_skip, weir_recorder_next, weir_drain_recorder_block.
 * The input is the flight recorder of a dead process, beside a ring that declares one table:
 *
 *     u8   what to seal: 1 the header, which becomes the ring's own; 2 every slot's check
 *     u8   sequences that are skipped
 *     96   bytes of the header; the rest of its page is zeros
 *     …    slots
 *
 * Beyond memory: sequences ascend, no row is longer than its slot, and the journal that the record
 * is drained into is whole and has no more rows than were read. */
#include <string.h>

#include "../lib/journal/drain.h"
#include "harness.h"

enum { HEAD = 96, BEFORE = 2, LANES = 3, FILE_MAX = 1 << 18 };

static const char ring_path[] = MEMORY_DIRECTORY "/ring";
static const char recorder_path[] = MEMORY_DIRECTORY "/recorder";

/* ---- the files ---- */

static void make_dead_ring(memory_os *m) {
    static _Alignas(WEIR_CACHE_LINE) weir_lane lanes[LANES];
    static const uint8_t declaration[] = {1, 0, 1, 0, 1, 0, 't', 1, 1, 0, 'c'};
    weir_ring ring;
    weir_ring_header wanted = {.id = {7}, .journal = {8}, .lanes = LANES, .lane_bytes = 1 << 16};
    memset(lanes, 0, sizeof lanes);
    MUST(weir_ring_create(&ring, &m->table, WEIR_OS_CWD, ring_path, &wanted, lanes, NULL) ==
         WEIR_OK);
    MUST(weir_ring_provision(&ring, NULL) == WEIR_OK);
    memcpy(weir_lane_at(&lanes[0], 0) + WEIR_RECORD_HEAD, declaration, sizeof declaration);
    weir_record_seal(&lanes[0], 0, sizeof declaration, 1, WEIR_RECORD_DECLARATION);
    weir_lane_publish(&lanes[0], weir_record_bytes(sizeof declaration));
    weir_ring_close(&ring);
}

static void seal_header(uint8_t *file) {
    memcpy(file, "WEIRREC1", 8);
    memset(file + 40, 0, 32);
    file[40] = 7;
    file[56] = 8;
    (void)weir_put_u32(file + 72, LANES);
    (void)weir_put_u64(file + 88, weir_hash(file, 88));
}

static void seal_slots(uint8_t *file, size_t bytes) {
    weir_cursor c = weir_cursor_over(file + 80, 4);
    size_t slot_bytes = weir_take_u32(&c);
    uint64_t salt = weir_hash(file + 24, 16);
    if (slot_bytes < 64 || slot_bytes > WEIR_RECORDER_SLOT_MAX) return;
    for (size_t at = WEIR_RECORDER_HEADER; at + slot_bytes <= bytes; at += slot_bytes) {
        uint8_t *slot = file + at;
        weir_cursor head = weir_cursor_over(slot, WEIR_RECORDER_SLOT_HEAD);
        uint64_t sequence = weir_take_u64(&head) >> 2;
        (void)weir_take(&head, 16);
        size_t body = weir_take_u32(&head);
        if (body > slot_bytes - WEIR_RECORDER_SLOT_HEAD) continue;
        (void)weir_put_u64(
            slot + 8, weir_recorder_check(salt, sequence, slot + WEIR_RECORDER_SLOT_HEAD, body));
    }
}

static void load_recorder(memory_os *m, const uint8_t *data, size_t size) {
    static uint8_t file[FILE_MAX];
    const weir_os *os = &m->table;
    size_t slots = size - BEFORE - HEAD, bytes = WEIR_RECORDER_HEADER + slots;
    memset(file, 0, WEIR_RECORDER_HEADER);
    memcpy(file, data + BEFORE, HEAD);
    memcpy(file + WEIR_RECORDER_HEADER, data + BEFORE + HEAD, slots);
    if (data[0] & 1) seal_header(file);
    if (data[0] & 2) seal_slots(file, bytes);
    int made = os->open(os->self, WEIR_OS_CWD, recorder_path, WEIR_OS_WRITE | WEIR_OS_CREATE);
    MUST(made >= 0 && weir_write_full(os, made, file, bytes, 0) >= 0);
    (void)os->close(os->self, made); /* memory */
}

/* ---- what is read ---- */

static bool attach_and_skip(memory_os *m, const weir_ring *ring, uint8_t skip,
                            weir_recorder_reader *reader) {
    weir_found_ring found;
    weir_error error;
    MUST(weir_recorder_attach(reader, &m->table, WEIR_OS_CWD, recorder_path, ring, &found,
                              &error) == WEIR_OK);
    if (found == WEIR_RING_OURS && skip)
        weir_recorder_skip(reader, skip == 255 ? UINT64_MAX : skip);
    return found == WEIR_RING_OURS;
}

static uint64_t count_rows(weir_recorder_reader *reader) {
    uint64_t rows = 0, before = 0;
    weir_recorded r;
    while (weir_recorder_next(reader, &r, NULL) == WEIR_OK && r.row) {
        MUST(r.sequence > before && r.bytes <= reader->header.slot_bytes - WEIR_RECORDER_SLOT_HEAD);
        before = r.sequence;
        rows++;
    }
    MUST(rows <= reader->header.slots);
    return rows;
}

static void check_journal(memory_os *m, uint64_t rows) {
    weir_inventory inv;
    weir_inventory_input input = {
        .os = &m->table, .directory = MEMORY_DIRECTORY, .verify_all = true};
    MUST(weir_inventory_take(&input, &inv, NULL) == WEIR_OK);
    fuzz_check_inventory(&inv);
    MUST(inv.verdict == WEIR_VERDICT_CLEAN && inv.next_row == rows + 1);
    weir_inventory_free(&inv);
}

static void drain_all(memory_os *m, weir_ring *ring, weir_recorder_reader *reader, uint64_t most) {
    weir_journal *journal = fuzz_fresh_journal(m);
    weir_drain d;
    bool appended = true;
    MUST(weir_drain_make(&d, ring, journal, 1000, true, NULL) == WEIR_OK);
    while (appended)
        MUST(weir_drain_block(&d, &appended, NULL) == WEIR_OK);
    int status = WEIR_OK;
    for (appended = true; status == WEIR_OK && appended;)
        status = weir_drain_recorder_block(&d, reader, &appended, NULL);
    if (status == WEIR_OK) status = weir_journal_sync(journal, NULL);
    weir_journal_close(journal);
    MUST(d.recorded + d.unreadable == most || status != WEIR_OK);
    if (status == WEIR_OK) check_journal(m, d.recorded);
    weir_drain_free(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static memory_os m;
    weir_ring ring;
    weir_found_ring found;
    weir_recorder_reader reader;
    if (size < BEFORE + HEAD || size > FILE_MAX - WEIR_RECORDER_HEADER) return 0;
    memory_os_make(&m);
    make_dead_ring(&m);
    load_recorder(&m, data, size);
    MUST(weir_ring_attach(&ring, &m.table, WEIR_OS_CWD, ring_path, &found, NULL) == WEIR_OK &&
         found == WEIR_RING_OURS);
    if (attach_and_skip(&m, &ring, data[1], &reader)) {
        uint64_t rows = count_rows(&reader);
        weir_recorder_close(&reader);
        if (attach_and_skip(&m, &ring, data[1], &reader)) drain_all(&m, &ring, &reader, rows);
        weir_recorder_close(&reader);
    }
    weir_ring_close(&ring);
    memory_os_free(&m);
    return 0;
}
