/* text.h - text made of a format and values, as printf makes it of the same format and arguments in
 * the C locale; and JSON objects.
 *
 * Values need not be what the format expects, since both may come from untrusted bytes: an integer
 * where a text is expected is written as an integer, and so on. */
#ifndef WEIR_TEXT_H
#define WEIR_TEXT_H

#include "../base/cursor.h"
#include "template.h"

enum { WEIR_TEXT_MAX = 4096 }; /* of a text with its NUL; a longer one ends in "… [cut]" */

/* Text in the making, at most WEIR_TEXT_MAX - 1 bytes of it. */
typedef struct weir_text_buffer {
    char bytes[WEIR_TEXT_MAX];
    size_t length;
    bool cut;       /* something did not fit */
    bool no_memory; /* to print a number: what is here is not the text */
} weir_text_buffer;

/* Write the text that the format makes of the values to an empty buffer. values holds as many as
 * weir_format_values() says. The calling thread's locale is the C locale (weir_text_locale). */
void weir_text_format(weir_text_buffer *out, const char *format, size_t bytes,
                      const weir_value *values);
/* The same of a format that was read before: all its pieces. */
void weir_text_pieces(weir_text_buffer *out, const weir_conversion *pieces, size_t count,
                      const weir_value *values);
/* Write a JSON object (RFC 8259): names as a template has them, and as many values. Numbers that
 * JSON does not know, and NULL, become null; a BLOB becomes a string of hexadecimal digits. Bytes
 * that are no UTF-8 become U+FFFD. An object that does not fit ends with the last member that
 * does, and then has "…": true. */
void weir_text_object(weir_text_buffer *out, weir_cursor names, const weir_value *values);

/* The same, member by member. */
typedef struct weir_object {
    weir_text_buffer *out;
    size_t whole; /* where the object can be ended if the next member does not fit */
    bool first;
} weir_object;
void weir_object_begin(weir_object *o, weir_text_buffer *out);
bool weir_object_add(weir_object *o, const char *name, size_t length, const weir_value *value);
void weir_object_end(weir_object *o); /* also after a member that did not fit: add said false */

/* The number in the least of 15, 16 or 17 digits of %g that reads back as the same: 17 tell every
 * double from every other. Returns the length. In the thread's locale. */
enum { WEIR_TEXT_SHORTEST = 40 }; /* 17 digits take 24 characters */
int weir_text_shortest(char text[WEIR_TEXT_SHORTEST], double v);

/* Put the mark over the end of a text that was cut, not splitting a UTF-8 character, and a NUL.
 * Returns its length. */
size_t weir_text_put_mark(char text[WEIR_TEXT_MAX]);

/* Numbers are written with the decimal point of the thread's locale: what is between begin and end
 * is written in the C locale. The thread has its own locale back afterwards. */
typedef struct weir_text_locale {
    void *before;
} weir_text_locale;
weir_text_locale weir_text_locale_begin(void);
void weir_text_locale_end(weir_text_locale l);

#endif
