/* markup.c - text as HTML, and lists of facts. */
#include "markup.h"

#include <inttypes.h>
#include <string.h>

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
