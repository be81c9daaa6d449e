/* unpack.h - reads a packed segment as if it were the segment: the same offsets, the same headers,
 * the same raw payloads. For weir_os.packed: everything that reads segments then reads these too.
 *
 * Memory: 120 bytes for each 512 of the file at most, and one group. */
#ifndef WEIR_UNPACK_H
#define WEIR_UNPACK_H

#include "../lib/verify/scan.h"

extern const weir_packed_form weir_packed_segments;

#endif
