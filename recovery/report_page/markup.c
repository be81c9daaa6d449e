/* markup.c - text, numbers and times as HTML. */
#include "markup.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "../../lib/base/utf8.h"

static const char *escape_of(uint8_t byte) {
    switch (byte) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

static uint32_t code_point(const uint8_t *at, size_t length) {
    static const uint8_t lead[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code = at[0] & lead[length];
    for (size_t i = 1; i < length; i++)
        code = code << 6 | (at[i] & 0x3F);
    return code;
}

/* What no browser shows, or what would let a name look like another one. */
static int is_unseen(uint32_t code) {
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0xAD || code == 0x61C ||
           (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF || (code & 0xFFFE) == 0xFFFE;
}

static void html_character(FILE *out, const uint8_t *at, size_t length) {
    uint32_t code = code_point(at, length);
    const char *escape = length == 1 ? escape_of(at[0]) : NULL;
    if (escape)
        fputs(escape, out);
    else if (is_unseen(code))
        fprintf(out, code < 0x100 ? "\\x%02" PRIx32 : "\\u%04" PRIx32, code);
    else
        fwrite(at, 1, length, out);
}

void weir_html_bytes(FILE *out, const void *bytes, size_t length) {
    const uint8_t *at = bytes;
    while (length > 0) {
        size_t step = weir_utf8_size(at, length);
        if (step == 0) {
            fprintf(out, "\\x%02x", at[0]);
            step = 1;
        } else {
            html_character(out, at, step);
        }
        at += step;
        length -= step;
    }
}

void weir_html_text(FILE *out, const char *text) {
    if (text) weir_html_bytes(out, text, strlen(text));
}

/* ---- numbers --------------------------------------------------------------------------- */

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
    if (s < 1)
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

/* ---- facts ----------------------------------------------------------------------------- */

void weir_fact_text(FILE *out, const char *name, const char *text) {
    fprintf(out, "<dt>%s</dt><dd>", name);
    weir_html_text(out, text);
    fputs("</dd>\n", out);
}

void weir_fact_count(FILE *out, const char *name, uint64_t count) {
    char shown[WEIR_SHOWN];
    weir_fact_text(out, name, weir_shown_count(count, shown));
}

void weir_fact_bytes(FILE *out, const char *name, uint64_t bytes) {
    char shown[WEIR_SHOWN], exact[WEIR_SHOWN], both[2 * WEIR_SHOWN + 16];
    (void)snprintf(both, sizeof both, bytes < 1024 ? "%s" : "%s (%s bytes)",
                   weir_shown_bytes(bytes, shown), weir_shown_count(bytes, exact)); /* fits */
    weir_fact_text(out, name, both);
}

void weir_fact_time(FILE *out, const char *name, int64_t wall_ns) {
    char shown[WEIR_SHOWN], both[WEIR_SHOWN + 8];
    (void)snprintf(both, sizeof both, "%s UTC", weir_shown_time(wall_ns, shown)); /* fits */
    weir_fact_text(out, name, both);
}

void weir_section_begin(FILE *out, const char *id, const char *heading) {
    fprintf(out, "<section id=\"%s\" aria-labelledby=\"%s-h\">\n<h2 id=\"%s-h\">%s</h2>\n", id, id,
            id, heading);
}

void weir_section_end(FILE *out) { fputs("</section>\n", out); }
