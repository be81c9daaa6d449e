/* json.c - write JSON objects, one a line. */
#include "json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Length of the UTF-8 sequence at at (1 … 4), or 0 when there is none: RFC 3629, so no surrogates,
 * no overlong forms, nothing above U+10FFFF. */
static size_t sequence_length(const uint8_t *at, size_t left) {
    static const struct {
        uint8_t first_low, first_high, second_low, second_high, length;
    } forms[] = {
        {0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (at[0] < forms[i].first_low || at[0] > forms[i].first_high) continue;
        size_t length = forms[i].length;
        if (length > left) return 0;
        if (length > 1 && (at[1] < forms[i].second_low || at[1] > forms[i].second_high)) return 0;
        for (size_t k = 2; k < length; k++)
            if ((at[k] & 0xC0) != 0x80) return 0;
        return length;
    }
    return 0;
}

bool weir_is_utf8(const void *bytes, size_t length) {
    const uint8_t *at = bytes;
    while (length > 0) {
        size_t step = sequence_length(at, length);
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
        size_t step = sequence_length(at, length);
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
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value); /* 17 digits take 24 characters */
        if (strtod(text, NULL) == value) break;
    }
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
    weir_json_key(json, key);
    fprintf(json->out, "%" PRIu64, value);
}

void weir_json_int(weir_json *json, const char *key, int64_t value) {
    weir_json_key(json, key);
    fprintf(json->out, "%" PRId64, value);
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
