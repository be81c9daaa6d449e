/* Aims at: weir_run_dump, weir_run_look (recovery/dump.c, look.c, view.c, report.c, rowtext.c,
 * columns.c, json.c): the reading verbs of the tool, as NDJSON, as CSV and as a report. The input is
 * a container (container.h).
 *
 * What the hash of the input says decides the options, and whether a call of the disk fails.
 *
 * The place that the verbs are given is in memory; what they print goes nowhere. */
#include <string.h>

#include "../recovery/verbs.h"
#include "harness.h"

static memory_os disk;

/* Glibc lets a program replace its streams; libFuzzer keeps the one that it had. */
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    FILE *nowhere = fopen("/dev/null", "w");
    if (!nowhere) return 0;
    stdout = nowhere;
    stderr = nowhere;
    return 0;
}

static void run_verbs(uint64_t number) {
    static char directory[] = MEMORY_DIRECTORY, ring[] = MEMORY_DIRECTORY "/ring";
    weir_place place = {.os = &disk.table, .directory = directory, .ring = ring};
    place.journal_is_there = true;
    static weir_texts agent = {.text = "agent"};
    weir_arguments a = {.verb = WEIR_VERB_DUMP,
                        .from = number & 4096,
                        .to = UINT64_MAX,
                        .limit = UINT64_MAX,
                        .until_ns = INT64_MAX,
                        .cursor = number & 512,
                        .ring = number & 2048,
                        .match = number & 8192 ? "a" : NULL,
                        .since_ns = number & 128 ? INT64_MIN : 5};
    (void)weir_run_dump(&a, &place); /* every exit code is right */
    a.csv = true;
    a.ring = a.cursor = false;
    a.tables = number & 256 ? &agent : NULL;
    a.json = number & 1024;
    place.journal_is_there = number >> 16 & 31;
    (void)weir_run_dump(&a, &place);
    a.verb = WEIR_VERB_VERIFY;
    (void)weir_run_look(&a, &place);
    a.verb = WEIR_VERB_STATUS;
    a.json = !a.json;
    (void)weir_run_look(&a, &place);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_container container;
    weir_position *positions;
    size_t count;
    fuzz_unpack(data, size, &container);
    memory_os_make(&disk);
    memory_os_load(&disk, &container, &positions, &count);
    fuzz_container_free(&container);
    uint64_t number = weir_hash(data, size);
    memory_os_arm(&disk, number);
    run_verbs(number);
    memory_os_free(&disk);
    free(positions);
    return 0;
}
