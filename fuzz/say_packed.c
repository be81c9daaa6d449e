/* say_packed.c - what the library reads of a packed segment, a line for each block: number, header hash,
 * hash of the raw payload. For fuzz/packed.py, which says the same. */
#include <inttypes.h>
#include <stdio.h>

#include "../lib/verify/decode.h"
#include "../lib/verify/unpack.h"

int main(int argc, char **argv) {
    weir_os os = *weir_os_posix();
    weir_scan scan;
    weir_decoder decoder = {0};
    weir_block_header h;
    const uint8_t *raw;
    os.packed = true;
    weir_scan_make(&scan, &os, WEIR_OS_CWD);
    if (argc != 2 || weir_scan_open(&scan, argv[1]) < 0 || !scan.packed) return 16;
    uint64_t at = WEIR_BLOCK_ALIGN;
    while ((at = weir_unpack_next(scan.packed, at)) != UINT64_MAX) {
        const uint8_t *head;
        if (weir_unpack_bytes(scan.packed, at, WEIR_BLOCK_HEADER, &head) == WEIR_OK &&
            weir_block_header_decode(head, &h) == WEIR_OK) {
            printf("%" PRIu64 " %016" PRIx64 " ", h.block, h.hash);
            if (weir_decoder_raw(&decoder, &scan, &h, &raw) == WEIR_OK)
                printf("%016" PRIx64 "\n", weir_hash(raw, h.raw_bytes));
            else
                printf("damaged\n");
        }
        at += WEIR_BLOCK_ALIGN;
    }
    weir_decoder_free(&decoder);
    weir_scan_free(&scan);
    return 0;
}
