/* object.c - values as a JSON object (RFC 8259). */
#include <math.h>
#include <stdio.h>

#include "../base/utf8.h"
#include "text_put.h"

static void put_json_character(weir_text_buffer *out, uint8_t c) {
    char text[8];
    if (c == '"' || c == '\\')
        weir_text_put(out, (const char[]){'\\', (char)c}, 2);
    else if (c >= 0x20)
        weir_text_put(out, (const char *)&c, 1);
    else
        weir_text_put(out, text, (size_t)snprintf(text, sizeof text, "\\u%04x", (unsigned)c));
}

static void put_json_string(weir_text_buffer *out, const uint8_t *bytes, size_t length) {
    weir_text_put(out, "\"", 1);
    for (size_t at = 0, size; at < length && !out->cut; at += size) {
        size = weir_utf8_size(bytes + at, length - at);
        if (size == 1)
            put_json_character(out, bytes[at]);
        else if (size > 1)
            weir_text_put(out, (const char *)bytes + at, size);
        else
            weir_text_put(out, "\xEF\xBF\xBD", 3);
        if (size == 0) size = 1;
    }
    weir_text_put(out, "\"", 1);
}

static void put_json_value(weir_text_buffer *out, const weir_value *v) {
    if (v->type == WEIR_INTEGER) {
        weir_text_put_integer(out, v->as.integer);
    } else if (v->type == WEIR_REAL && isfinite(v->as.real)) {
        weir_text_put_shortest(out, v->as.real);
    } else if (v->type == WEIR_TEXT) {
        put_json_string(out, v->as.bytes, v->length);
    } else if (v->type == WEIR_BLOB) {
        weir_text_put(out, "\"", 1);
        weir_text_put_hexadecimal(out, v->as.bytes, v->length);
        weir_text_put(out, "\"", 1);
    } else {
        weir_text_put(out, "null", 4);
    }
}

void weir_object_begin(weir_object *o, weir_text_buffer *out) {
    *o = (weir_object){.out = out, .first = true};
    out->length = 0;
    out->cut = out->no_memory = false;
    weir_text_put(out, "{", 1);
    o->whole = out->length;
}

static const char last_member[] = "\"…\":true}";

bool weir_object_add(weir_object *o, const char *name, size_t length, const weir_value *value) {
    weir_text_buffer *out = o->out;
    if (out->cut) return false;
    if (!o->first) weir_text_put(out, ",", 1);
    o->first = false;
    put_json_string(out, (const uint8_t *)name, length);
    weir_text_put(out, ":", 1);
    put_json_value(out, value);
    /* With a comma before it. */
    if (!out->cut && weir_text_room(out) >= sizeof last_member) o->whole = out->length;
    return !out->cut;
}

void weir_object_end(weir_object *o) {
    weir_text_buffer *out = o->out;
    if (!out->cut && weir_text_room(out) > 0) {
        weir_text_put(out, "}", 1);
        return;
    }
    out->length = o->whole;
    out->cut = false;
    if (o->whole > 1) weir_text_put(out, ",", 1);
    weir_text_put(out, last_member, sizeof last_member - 1);
}

void weir_text_object(weir_text_buffer *out, weir_cursor names, const weir_value *values) {
    weir_object o;
    const char *name;
    size_t length;
    weir_object_begin(&o, out);
    while (weir_source_next_name(&names, &name, &length))
        if (!weir_object_add(&o, name, length, values++)) break;
    weir_object_end(&o);
}
