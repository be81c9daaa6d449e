/* markup.h - text, numbers and times as HTML. Everything that comes from a file goes through
 * weir_html_text or weir_html_bytes, and so is text, whatever is in it. */
#ifndef WEIR_MARKUP_H
#define WEIR_MARKUP_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The characters of HTML escaped. A byte that is no UTF-8, a control character, and one that turns
 * the direction of writing, are shown by their number: \x00, \u202e. text NULL: nothing. */
void weir_html_text(FILE *out, const char *text);
void weir_html_bytes(FILE *out, const void *bytes, size_t length);

enum { WEIR_SHOWN = 32 };
/* "1,234,567"; returns shown. */
const char *weir_shown_count(uint64_t count, char shown[WEIR_SHOWN]);
/* "16.0 MiB" */
const char *weir_shown_bytes(uint64_t bytes, char shown[WEIR_SHOWN]);
/* "1.2 s", "3 min", "2.5 h", "12 d" */
const char *weir_shown_span(double nanoseconds, char shown[WEIR_SHOWN]);
/* "2026-11-28 19:15:00", UTC */
const char *weir_shown_time(int64_t wall_ns, char shown[WEIR_SHOWN]);

/* One line of a list of facts: <dt>name</dt><dd>…</dd>. name is markup of our own. */
void weir_fact_text(FILE *out, const char *name, const char *text);
void weir_fact_count(FILE *out, const char *name, uint64_t count);
void weir_fact_bytes(FILE *out, const char *name, uint64_t bytes);
void weir_fact_time(FILE *out, const char *name, int64_t wall_ns);

/* A heading and what follows it, up to weir_section_end(). */
void weir_section_begin(FILE *out, const char *id, const char *heading);
void weir_section_end(FILE *out);

#endif
