/* markup.h - text as HTML, and lists of facts. Everything that comes from a file goes through
 * weir_html_text or weir_html_bytes, and so is text, whatever is in it. */
#ifndef WEIR_MARKUP_H
#define WEIR_MARKUP_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../shown.h"

/* The characters of HTML escaped. A byte that is no UTF-8, a control character, and one that turns
 * the direction of writing, are shown by their number: \x00, \u202e. text NULL: nothing. */
void weir_html_text(FILE *out, const char *text);
void weir_html_bytes(FILE *out, const void *bytes, size_t length);

/* One line of a list of facts: <dt>name</dt><dd>…</dd>. name is markup of our own. */
void weir_fact_text(FILE *out, const char *name, const char *text);
void weir_fact_count(FILE *out, const char *name, uint64_t count);
void weir_fact_bytes(FILE *out, const char *name, uint64_t bytes);
void weir_fact_time(FILE *out, const char *name, int64_t wall_ns);

/* A heading and what follows it, up to weir_section_end(). */
void weir_section_begin(FILE *out, const char *id, const char *heading);
void weir_section_end(FILE *out);

#endif
