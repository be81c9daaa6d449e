/* copies.c - other copies of a segment. */
#include "copies.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../lib/format/segment.h"
#include "formers.h"

static bool is_copy(const char *path, const weir_id journal, uint64_t number) {
    uint8_t bytes[WEIR_SEGMENT_HEADER];
    weir_segment_header header;
    FILE *file = fopen(path, "rbe");
    if (!file) return false;
    bool read = fread(bytes, 1, sizeof bytes, file) == sizeof bytes;
    (void)fclose(file); /* only read */
    return read && weir_segment_header_decode(bytes, &header) == WEIR_OK &&
           header.segment == number && weir_id_equal(header.journal, journal);
}

/* directory + below + "segment-N", if that is a copy. */
static char *copy_in(const char *directory, const char *below, const weir_id journal,
                     uint64_t number) {
    char *path;
    if (asprintf(&path, "%s%s/segment-%020" PRIu64, directory, below, number) < 0) return NULL;
    if (is_copy(path, journal, number)) return path;
    free(path);
    return NULL;
}

char *weir_copy_of_segment(const char *directory, const weir_id journal, uint64_t number) {
    struct stat st;
    char *found = copy_in(directory, "/archive", journal, number);
    for (unsigned n = 1; !found; n++) {
        char *aside = weir_forgotten_numbered(directory, n);
        bool there = aside && stat(aside, &st) == 0;
        if (there) found = copy_in(aside, "", journal, number);
        if (there && !found) found = copy_in(aside, "/archive", journal, number);
        free(aside);
        if (!there) break;
    }
    return found;
}
