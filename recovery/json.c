/* json.c - write JSON objects, one a line. */
#include "json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/base/utf8.h"
#include "../lib/format/text.h"

bool weir_is_utf8(const void *bytes, size_t length) {
    const uint8_t *at = bytes;
    while (length > 0) {
        size_t step = weir_utf8_size(at, length);
        if (step == 0) return false;
        at += step;
        length -= step;
    }
    return true;
}

/* The letter after the backslash, or 0 when the byte has no short escape. */
static char short_escape(uint8_t byte) {
    switch (byte) {
    case '"': return '"';
    case '\\': return '\\';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return 0;
    }
}

static void write_character(FILE *out, const uint8_t *at, size_t length) {
    char escape = length == 1 ? short_escape(at[0]) : 0;
    if (escape)
        fprintf(out, "\\%c", escape);
    else if (length == 1 && (at[0] < 0x20 || at[0] == 0x7F))
        fprintf(out, "\\u%04x", at[0]);
    else
        fwrite(at, 1, length, out);
}

void weir_json_string(FILE *out, const void *bytes, size_t length) {
    const uint8_t *at = bytes;
    fputc('"', out);
    while (length > 0) {
        size_t step = weir_utf8_size(at, length);
        if (step == 0) {
            fputs("\\ufffd", out);
            step = 1;
        } else {
            write_character(out, at, step);
        }
        at += step;
        length -= step;
    }
    fputc('"', out);
}

void weir_write_hex(FILE *out, const void *bytes, size_t length) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *at = bytes;
    for (size_t i = 0; i < length; i++) {
        putc_unlocked(digits[at[i] >> 4], out);
        putc_unlocked(digits[at[i] & 15], out);
    }
}

void weir_write_real(FILE *out, double value) {
    char text[WEIR_TEXT_SHORTEST];
    (void)weir_text_shortest(text, value); /* fputs finds its end */
    fputs(text, out);
    if (!strpbrk(text, ".en")) fputs(".0", out); /* e: exponent; n: inf and nan */
}

const char *weir_time_text(int64_t wall_ns, char buffer[WEIR_TIME_TEXT]) {
    int64_t rest = wall_ns % 1000000000;
    time_t seconds = (time_t)(wall_ns / 1000000000);
    if (rest < 0) {
        rest += 1000000000;
        seconds--;
    }
    struct tm tm;
    size_t used = gmtime_r(&seconds, &tm) ? strftime(buffer, WEIR_TIME_TEXT, "%FT%T", &tm) : 0;
    (void)snprintf(buffer + used, WEIR_TIME_TEXT - used, ".%09" PRId64 "Z", rest); /* 19 + 11 fit */
    return buffer;
}

/* ---- members ---- */

weir_json weir_json_begin(FILE *out, const char *type) {
    weir_json json = {out, false};
    fputc('{', out);
    weir_json_text(&json, "type", type);
    return json;
}

void weir_json_end(weir_json *json) { fputs("}\n", json->out); }

void weir_json_key(weir_json *json, const char *key) {
    if (json->comma) fputc(',', json->out);
    json->comma = true;
    weir_json_string(json->out, key, strlen(key));
    fputc(':', json->out);
}

void weir_json_open(weir_json *json, const char *key) {
    weir_json_key(json, key);
    fputc('{', json->out);
    json->comma = false;
}

void weir_json_close(weir_json *json) {
    fputc('}', json->out);
    json->comma = true;
}

void weir_json_text(weir_json *json, const char *key, const char *text) {
    weir_json_key(json, key);
    if (text)
        weir_json_string(json->out, text, strlen(text));
    else
        fputs("null", json->out);
}

void weir_json_uint(weir_json *json, const char *key, uint64_t value) {
    const char *quote = value > WEIR_JSON_EXACT ? "\"" : "";
    weir_json_key(json, key);
    fprintf(json->out, "%s%" PRIu64 "%s", quote, value, quote);
}

void weir_json_int(weir_json *json, const char *key, int64_t value) {
    const char *quote = weir_json_is_exact(value) ? "" : "\"";
    weir_json_key(json, key);
    fprintf(json->out, "%s%" PRId64 "%s", quote, value, quote);
}

void weir_json_bool(weir_json *json, const char *key, bool value) {
    weir_json_key(json, key);
    fputs(value ? "true" : "false", json->out);
}

void weir_json_null(weir_json *json, const char *key) { weir_json_text(json, key, NULL); }

void weir_json_hex(weir_json *json, const char *key, const uint8_t *bytes, size_t length) {
    weir_json_key(json, key);
    fputc('"', json->out);
    weir_write_hex(json->out, bytes, length);
    fputc('"', json->out);
}

void weir_json_time(weir_json *json, const char *key, int64_t wall_ns) {
    char text[WEIR_TIME_TEXT];
    weir_json_text(json, key, weir_time_text(wall_ns, text));
}
