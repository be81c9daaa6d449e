/* json.h - write JSON objects, one a line, member by member.
 *
 * Each call writes at once. Errors of the stream are checked once, at the end of the program, with
 * ferror(). */
#ifndef WEIR_JSON_H
#define WEIR_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct weir_json {
    FILE *out;
    bool comma; /* the next member needs a comma before it */
} weir_json;

/* Begin a line: {"type":"…" */
weir_json weir_json_begin(FILE *out, const char *type);
void weir_json_end(weir_json *json);

void weir_json_open(weir_json *json, const char *key); /* a member that is an object */
void weir_json_close(weir_json *json);

void weir_json_text(weir_json *json, const char *key, const char *text); /* NULL: null */
/* Beyond 2^53 a number is written as a string, since most readers take numbers for doubles
 * (RFC 8259, 6). */
void weir_json_uint(weir_json *json, const char *key, uint64_t value);
void weir_json_int(weir_json *json, const char *key, int64_t value);
void weir_json_bool(weir_json *json, const char *key, bool value);
void weir_json_null(weir_json *json, const char *key);
void weir_json_hex(weir_json *json, const char *key, const uint8_t *bytes, size_t length);
/* Nanoseconds since 1970 as an ISO 8601 string in UTC. */
void weir_json_time(weir_json *json, const char *key, int64_t wall_ns);
void weir_json_key(weir_json *json, const char *key); /* the caller writes the value itself */

/* A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
void weir_json_string(FILE *out, const void *bytes, size_t length);
/* Lower-case hexadecimal digits, without quotes. */
void weir_write_hex(FILE *out, const void *bytes, size_t length);
/* The shortest decimal that reads back as the same double; always with a point or an exponent. */
void weir_write_real(FILE *out, double value);
bool weir_is_utf8(const void *bytes, size_t length);

#define WEIR_JSON_EXACT (UINT64_C(1) << 53)
static inline bool weir_json_is_exact(int64_t value) {
    return value >= -(int64_t)WEIR_JSON_EXACT && value <= (int64_t)WEIR_JSON_EXACT;
}

enum { WEIR_TIME_TEXT = 40 };
/* "2025-01-31T12:00:00.000000001Z" into buffer, which is returned. */
const char *weir_time_text(int64_t wall_ns, char buffer[WEIR_TIME_TEXT]);

#endif
