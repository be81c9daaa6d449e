/* Aims at: weir_named_decode, weir_named_fits, weir_named_encode; weir_place_text_parse,
 * weir_place_text. The first byte says what the rest is: the file of a named reader (0: as it is, 1: its
 * hash is made right), or a cursor's text (2, 3 likewise).
 *
 * Beyond memory: what was taken in is written again as the same bytes, but for a file's compatible
 * features; a name can be a file's, and nothing else is taken for one. */
#include "../lib/format/named.h"
#include "../lib/read/place_text.h"
#include "harness.h"

static void try_file(const uint8_t *data, size_t size) {
    weir_named n;
    uint8_t again[WEIR_NAMED_BYTES];
    if (weir_named_decode(data, size, &n) != WEIR_OK) return;
    MUST(size == WEIR_NAMED_BYTES);
    MUST(weir_named_fits(n.name));
    MUST(strchr(n.name, '/') == NULL && n.name[0] != '.');
    MUST(n.mark.at.block || n.mark.at.hash == 0);
    weir_named_encode(again, &n);
    MUST(memcmp(again, data, 20) == 0 && memcmp(again + 24, data + 24, WEIR_NAMED_BYTES - 32) == 0);
}

static void try_text(const char *text) {
    weir_bookmark mark;
    char again[WEIR_PLACE_TEXT];
    if (!weir_place_text_parse(text, &mark)) return;
    weir_place_text(&mark, again);
    weir_bookmark twice;
    MUST(weir_place_text_parse(again, &twice));
    MUST(twice.at.block == mark.at.block && twice.at.row == mark.at.row);
    MUST(twice.at.hash == mark.at.hash && twice.row_hash == mark.row_hash);
    MUST(memcmp(twice.at.journal, mark.at.journal, sizeof(weir_id)) == 0);
}

static void seal_text(char *text) {
    char *check = strrchr(text, ':');
    if (!check || strlen(check) < 9) return;
    (void)snprintf(check + 1, 9, "%08x", (unsigned)weir_hash(text, (size_t)(check - text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t file[2 * WEIR_NAMED_BYTES] = {0};
    char text[2 * WEIR_PLACE_TEXT] = {0};
    if (size == 0) return 0;
    unsigned what = data[0] & 3;
    data++, size--;
    if (size > sizeof file) size = sizeof file;
    memcpy(file, data, size);
    memcpy(text, data, size < sizeof text ? size : sizeof text - 1);
    if (what == 1) (void)weir_put_u64(file + 184, weir_hash(file, 184));
    if (what == 3) seal_text(text);
    if (what < 2)
        try_file(file, size);
    else
        try_text(text);
    return 0;
}
