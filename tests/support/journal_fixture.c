#include "journal_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void journal_renew(journal_fixture *f) {
    (void)snprintf(f->at.directory, sizeof f->at.directory, "%s", weir_temp_make());
    faulty_make(&f->os);
    f->config = (weir_journal_config){.os = &f->os.table,
                                      .directory = f->at.directory,
                                      .segment_bytes = 1 << 20,
                                      .limit_bytes = 1 << 30,
                                      .zstd_level = 1};
}

int journal_make(void **state, size_t bytes) {
    journal_fixture *f = ring_memory(bytes);
    if (!f) return -1;
    journal_renew(f);
    *state = f;
    return 0;
}

void journal_release(journal_fixture *f) {
    weir_reader_free(f->reader);
    if (f->journal) weir_journal_close(f->journal);
    weir_inventory_free(&f->found);
    f->reader = NULL;
    f->journal = NULL;
    ring_release(&f->at);
}

int journal_tear_down(void **state) {
    journal_release(*state);
    free(*state);
    return 0;
}

void journal_open(journal_fixture *f) {
    weir_error error = {0};
    weir_inventory_input input = {.os = &f->os.table, .directory = f->at.directory};
    weir_inventory_free(&f->found);
    if (weir_inventory_take(&input, &f->found, &error) != WEIR_OK ||
        weir_journal_open(&f->config, &f->found, &f->journal, &error) != WEIR_OK)
        fail_msg("%s", error.text);
}

void journal_ring(journal_fixture *f, const weir_os *os, uint32_t lanes) {
    ring_make(&f->at, os, lanes, RING_LANE_BYTES);
}

weir_reader *journal_reader_at(journal_fixture *f, weir_locator locator) {
    weir_reader_free(f->reader);
    f->reader = NULL;
    assert_int_equal(weir_reader_make(weir_os_posix(), locator, &f->reader), WEIR_OK);
    return f->reader;
}

weir_reader *journal_reader(journal_fixture *f, weir_journal_state *s) {
    weir_journal_get_state(f->journal, s);
    return journal_reader_at(f, weir_journal_locator(f->journal));
}

static size_t take_numbers(const weir_read_block *block, int64_t *numbers, size_t limit) {
    static weir_value values[WEIR_COLUMNS_MAX];
    size_t count = 0, bytes;
    const uint8_t *row;
    weir_cursor body = block->payload.body;
    while (block->header.kind == WEIR_BLOCK_ROWS &&
           weir_payload_next_row(&body, &row, &bytes) == 1) {
        uint16_t table, columns;
        assert_true(weir_row_decode(row, bytes, &table, &columns, values));
        assert_true(count < limit);
        numbers[count++] = values[0].as.integer;
    }
    return count;
}

size_t journal_numbers(journal_fixture *f, int64_t *numbers, size_t limit) {
    weir_journal_state s;
    weir_reader *reader = journal_reader(f, &s);
    weir_error error = {0};
    size_t count = 0;
    for (uint64_t n = s.first_block; n <= s.durable.block; n++) {
        weir_read_block block;
        if (weir_reader_read(reader, n, &block, &error) != WEIR_OK) fail_msg("%s", error.text);
        count += take_numbers(&block, numbers + count, limit - count);
    }
    assert_int_equal(s.durable.row, count);
    return count;
}

void journal_assert_counts(journal_fixture *f, int64_t first, int64_t count) {
    static int64_t numbers[1 << 16];
    assert_int_equal(journal_numbers(f, numbers, sizeof numbers / sizeof *numbers), count);
    for (int64_t i = 0; i < count; i++)
        assert_int_equal(numbers[i], first + i);
}
