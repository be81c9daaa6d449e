/* shown.c - counts, sizes and times as a person reads them. */
#include "shown.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

const char *weir_shown_count(uint64_t count, char shown[WEIR_SHOWN]) {
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, count); /* 20 at most */
    char *at = shown;
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) *at++ = ',';
        *at++ = digits[i];
    }
    *at = 0;
    return shown;
}

/* All of these fit in WEIR_SHOWN. */
const char *weir_shown_bytes(uint64_t bytes, char shown[WEIR_SHOWN]) {
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    double value = (double)bytes;
    for (; value >= 1024; unit++)
        value /= 1024;
    (void)snprintf(shown, WEIR_SHOWN, unit && value < 100 ? "%.1f %s" : "%.0f %s", value,
                   units[unit]);
    return shown;
}

const char *weir_shown_span(double nanoseconds, char shown[WEIR_SHOWN]) {
    double s = nanoseconds / 1e9;
    if (s < 0.01)
        (void)snprintf(shown, WEIR_SHOWN, "%.2f ms", s * 1e3);
    else if (s < 1)
        (void)snprintf(shown, WEIR_SHOWN, "%.0f ms", s * 1e3);
    else if (s < 120)
        (void)snprintf(shown, WEIR_SHOWN, "%.1f s", s);
    else if (s < 7200)
        (void)snprintf(shown, WEIR_SHOWN, "%.0f min", s / 60);
    else if (s < 172800)
        (void)snprintf(shown, WEIR_SHOWN, "%.1f h", s / 3600);
    else
        (void)snprintf(shown, WEIR_SHOWN, "%.0f d", s / 86400);
    return shown;
}

const char *weir_shown_time(int64_t wall_ns, char shown[WEIR_SHOWN]) {
    time_t seconds = (time_t)(wall_ns / 1000000000 - (wall_ns % 1000000000 < 0));
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || !strftime(shown, WEIR_SHOWN, "%F %T", &tm))
        (void)snprintf(shown, WEIR_SHOWN, "@%" PRId64, (int64_t)seconds);
    return shown;
}
