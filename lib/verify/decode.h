/* decode.h - the payload of one block: read from its segment, verified, decoded.
 *
 * The inventory and the reader both use this, so what one calls damaged the other cannot read. */
#ifndef WEIR_DECODE_H
#define WEIR_DECODE_H

#include "../base/room.h"
#include "scan.h"

typedef struct weir_decoder { /* zeros at first; one thread at a time */
    weir_codec *codec;
    weir_room raw;
} weir_decoder;

void weir_decoder_free(weir_decoder *decoder);

/* The payload lives until the next call on decoder or scan. WEIR_DAMAGED when the hash, the frame
 * or the payload fails, or the payload does not hold what the header says; WEIR_IO,
 * WEIR_NO_MEMORY. */
int weir_decoder_read(weir_decoder *decoder, weir_scan *scan, const weir_block_header *h,
                      weir_payload *out);
/* The same without looking into it: h->raw_bytes of them. */
int weir_decoder_raw(weir_decoder *decoder, weir_scan *scan, const weir_block_header *h,
                     const uint8_t **raw);

#endif
