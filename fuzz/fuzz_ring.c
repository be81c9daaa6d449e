/* Aims at: weir_ring_attach, weir_ring_load_mark, weir_ring_inspect, weir_ring_pending,
 * weir_lane_read, weir_drain_make, weir_drain_block, weir_drain_free. The input is a container
 * (container.h); its ring is inspected, and drained into a fresh journal.
 *
 * Beyond memory: the journal is whole then, each of its blocks can be read, and it holds no more rows
 * than inspecting the ring had counted (fewer where a row's table was never declared). A ring with a
 * declaration that is not valid is only drained: opening stops there and waits for people. */
#include "../lib/journal/drain.h"
#include "harness.h"

static int drain_all(weir_ring *ring, weir_journal *journal) {
    weir_drain d;
    bool appended = true;
    int status = weir_drain_make(&d, ring, journal, 1000, WEIR_DRAIN_DEAD_RING, NULL);
    while (status == WEIR_OK && appended)
        status = weir_drain_block(&d, &appended, NULL);
    if (status == WEIR_OK) status = weir_journal_sync(journal, NULL);
    weir_drain_free(&d);
    return status;
}

static void check_journal(memory_os *m, uint64_t rows) {
    weir_inventory inv;
    weir_reader *reader;
    weir_read_block block;
    weir_inventory_input input = {
        .os = &m->table, .directory = MEMORY_DIRECTORY, .verify_all = true};
    MUST(weir_inventory_take(&input, &inv, NULL) == WEIR_OK);
    fuzz_check_inventory(&inv);
    MUST(inv.verdict == WEIR_VERDICT_CLEAN && inv.next_row <= rows + 1);
    MUST(weir_reader_make(&m->table, weir_inventory_locator(&inv), &reader) == WEIR_OK);
    for (uint64_t n = 1; n <= inv.end.block; n++) {
        MUST(weir_reader_read(reader, n, &block, NULL) == WEIR_OK);
        MUST(weir_payload_check(&block.payload, &block.header) == WEIR_OK);
    }
    weir_reader_free(reader);
    weir_inventory_free(&inv);
}

static void drain(memory_os *m, weir_ring *ring, uint64_t rows) {
    weir_durable_mark mark;
    (void)weir_ring_load_mark(ring, &mark); /* either answer is right */
    (void)weir_ring_pending(ring);          /* likewise */
    weir_journal *journal = fuzz_fresh_journal(m);
    int status = drain_all(ring, journal);
    weir_journal_close(journal);
    if (status == WEIR_OK) check_journal(m, rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static memory_os m;
    fuzz_container container, rings = {.count = 0};
    weir_position *positions;
    size_t count;
    fuzz_unpack(data, size, &container);
    for (size_t i = 0; i < container.count; i++)
        if (container.files[i].kind == FUZZ_RING)
            rings.files[rings.count++] = container.files[i];
        else
            free(container.files[i].data);
    memory_os_make(&m);
    memory_os_load(&m, &rings, &positions, &count);
    fuzz_container_free(&rings);
    weir_ring_report report;
    weir_ring ring;
    weir_found_ring found;
    weir_error error = {0};
    const char *path = MEMORY_DIRECTORY "/ring";
    if (weir_ring_inspect(&m.table, WEIR_OS_CWD, path, NULL, &report, &error) == WEIR_OK) {
        MUST(weir_ring_attach(&ring, &m.table, WEIR_OS_CWD, path, &found, &error) == WEIR_OK);
        bool ours = found == WEIR_RING_OURS;
        MUST(report.found == (ours ? weir_ring_judge(&ring) : found));
        if (ours) drain(&m, &ring, report.rows);
        if (ours) weir_ring_close(&ring);
    }
    memory_os_free(&m);
    return 0;
}
