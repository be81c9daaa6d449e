/* decode.c - the payload of one block: read from its segment, verified, decoded. */
#include "decode.h"

#include <stdlib.h>

void weir_decoder_free(weir_decoder *decoder) {
    weir_codec_free(decoder->codec);
    free(decoder->raw.bytes);
    *decoder = (weir_decoder){0};
}

/* A block may expand to a gigabyte: what it took is given back with the next one of usual size. */
static int make_decode_room(weir_decoder *d, const weir_block_header *h) {
    if (!d->codec && weir_codec_make(1, &d->codec) != WEIR_OK) /* the level is for writers */
        return WEIR_NO_MEMORY;
    if (h->codec == WEIR_CODEC_RAW || weir_room_make(&d->raw, h->raw_bytes)) return WEIR_OK;
    return WEIR_NO_MEMORY;
}

static int decode_stored(weir_decoder *d, weir_scan *scan, const weir_block_header *h,
                         const uint8_t **payload) {
    const uint8_t *stored;
    int status = weir_scan_bytes(scan, h->offset + WEIR_BLOCK_HEADER, h->stored_bytes, &stored);
    if (status == WEIR_OK) status = weir_payload_verify(h, stored);
    if (status == WEIR_OK) status = make_decode_room(d, h);
    return status == WEIR_OK ? weir_payload_decode(d->codec, h, stored, d->raw.bytes, payload)
                             : status;
}

int weir_decoder_raw(weir_decoder *d, weir_scan *scan, const weir_block_header *h,
                     const uint8_t **raw) {
    return scan->packed ? weir_scan_raw(scan, h, raw) : decode_stored(d, scan, h, raw);
}

int weir_decoder_read(weir_decoder *d, weir_scan *scan, const weir_block_header *h,
                      weir_payload *out) {
    const uint8_t *payload;
    int status = weir_decoder_raw(d, scan, h, &payload);
    if (status != WEIR_OK) return status;
    if (!weir_payload_parse(payload, h->raw_bytes, out)) return WEIR_DAMAGED;
    return weir_payload_check(out, h);
}
