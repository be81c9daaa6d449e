/* Aims at: weir_segment_header_decode, weir_segment_header_encode, weir_scan_open, weir_scan_bytes,
 * weir_scan_header, weir_scan_payload, weir_scan_next, weir_scan_tail. The input is a container
 * (container.h); each of its files is scanned as a segment.
 *
 * Beyond memory: what is found is of the identity that was asked for and lies in the file. */
#include <stdio.h>
#include <string.h>

#include "../lib/format/names.h"
#include "../lib/verify/scan.h"
#include "harness.h"

static void check_segment_header(const fuzz_file *file, weir_identity *whose) {
    weir_segment_header h;
    uint8_t again[WEIR_SEGMENT_HEADER];
    *whose = (weir_identity){.segment = file->number};
    if (file->bytes < WEIR_SEGMENT_HEADER) return;
    if (weir_segment_header_decode(file->data, &h) != WEIR_OK) return;
    weir_segment_header copy = h;
    weir_segment_header_encode(again, &copy);
    MUST(memcmp(again, file->data, sizeof again) == 0);
    MUST(h.segment > h.before.segment);
    memcpy(whose->journal, h.journal, sizeof h.journal);
    whose->segment = h.segment;
    whose->incarnation = h.incarnation;
}

static void scan_from(weir_scan *scan, const weir_identity *whose, uint64_t from) {
    weir_block_header h;
    const uint8_t *stored;
    uint64_t at = from, above = 0;
    while (weir_scan_next(scan, whose, at, above, &h) == WEIR_OK) {
        MUST(h.offset >= at && h.segment == whose->segment && h.block > above);
        MUST(h.offset + WEIR_BLOCK_HEADER + h.stored_bytes <= scan->limit);
        int status = weir_scan_payload(scan, &h, &stored);
        MUST(status == WEIR_OK || status == WEIR_DAMAGED);
        at = h.offset + weir_block_extent(&h);
        above = h.block;
    }
    weir_tail tail;
    MUST(weir_scan_tail(scan, whose, from, &tail) == WEIR_OK);
    MUST(!(tail.empty && tail.torn) && tail.bytes <= scan->limit);
    MUST(!tail.own || tail.torn);
}

static void scan_file(memory_os *m, const fuzz_file *file) {
    char path[WEIR_PATH_MAX];
    weir_identity whose;
    check_segment_header(file, &whose);
    weir_numbered_path(path, MEMORY_DIRECTORY, "segment", file->number);
    weir_scan scan;
    weir_scan_make(&scan, &m->table, WEIR_OS_CWD);
    MUST(weir_scan_open(&scan, path) >= 0);
    scan_from(&scan, &whose, WEIR_BLOCK_ALIGN);
    weir_block_header h;
    (void)weir_scan_header(&scan, &whose, 0, &h); /* no block stands there; no answer is wrong */
    memset(whose.journal, 0, sizeof whose.journal);
    scan_from(&scan, &whose, 0);
    weir_scan_free(&scan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_container container;
    fuzz_unpack(data, size, &container);
    for (size_t i = 0; i < container.count; i++) {
        fuzz_container one = {.files = {container.files[i]}, .count = 1};
        weir_position *positions;
        size_t count;
        memory_os m;
        one.files[0].kind = FUZZ_SEGMENT;
        container.files[i].data = NULL; /* the disk gets it */
        memory_os_make(&m);
        memory_os_load(&m, &one, &positions, &count);
        one.files[0].data = m.files[0].data;
        one.files[0].bytes = m.files[0].bytes;
        scan_file(&m, &one.files[0]);
        memory_os_free(&m);
        free(positions);
    }
    fuzz_container_free(&container);
    return 0;
}
