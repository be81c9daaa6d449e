/* shown.h - counts, sizes and times as a person reads them. Each returns its buffer. */
#ifndef WEIR_SHOWN_H
#define WEIR_SHOWN_H

#include <stdint.h>

enum { WEIR_SHOWN = 32 };
/* "1,234,567"; returns shown. */
const char *weir_shown_count(uint64_t count, char shown[WEIR_SHOWN]);
/* "16.0 MiB" */
const char *weir_shown_bytes(uint64_t bytes, char shown[WEIR_SHOWN]);
/* "1.2 s", "3 min", "2.5 h", "12 d" */
const char *weir_shown_span(double nanoseconds, char shown[WEIR_SHOWN]);
/* "2026-11-28 19:15:00", UTC */
const char *weir_shown_time(int64_t wall_ns, char shown[WEIR_SHOWN]);

#endif
