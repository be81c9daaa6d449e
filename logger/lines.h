/* lines.h - lines of the input, held in memory: first those that are rows and are not acknowledged
 * yet, then those that are no rows yet.
 *
 *     begin            unpublished        end
 *       │ published lines │ other lines    │ free
 *
 * All memory is one piece of fixed size, so the tool takes no more however long a line is, or a
 * database stays locked. */
#ifndef WEIR_LOGGER_LINES_H
#define WEIR_LOGGER_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <weir/log.h>

enum {
    WEIR_LINE_BYTES = 1 << 16, /* a longer line becomes several rows */
    WEIR_READ_BYTES = 1 << 16, /* so much is read at once */
    WEIR_HELD_BYTES = 16 << 20,
};

typedef struct weir_line {
    int64_t time_ns; /* when its end was read */
    uint64_t number; /* in the input, from 1; all parts of a long line have the same */
    uint32_t length; /* bytes, with the prefix and without the newline */
    uint32_t prefix; /* bytes of "<N>", which are no part of the message */
    weir_log_level level;
    bool newline; /* it ended with one */
} weir_line;

typedef struct weir_lines {
    bool prefixes;
    weir_log_level usual, level; /* of any line; of the line whose parts are being read */
    bool within;                 /* a part of the current line has been held */
    uint64_t number;             /* of the current line */
    char *input;                 /* bytes without a newline yet */
    size_t input_bytes;
    char *held;
    size_t begin, unpublished, end;
} weir_lines;

/* False: no memory. */
bool weir_lines_make(weir_lines *l, weir_log_level usual, bool prefixes);
void weir_lines_free(weir_lines *l);

/* Is there room for all that one reading can bring? */
bool weir_lines_have_room(weir_lines *l);
/* Read once, and hold the lines that are complete. Only after weir_lines_have_room. Returns what
 * read(2) returns, and errno. */
int64_t weir_lines_read(weir_lines *l, int file, int64_t (*clock)(void));
/* The input is over: what follows the last newline is a line too. For this there is always room. */
void weir_lines_finish(weir_lines *l, int64_t time_ns);

/* The first line that is not published; its bytes, or NULL when there is none. They stay where they
 * are until the next call of the functions above. */
const char *weir_lines_unpublished(const weir_lines *l, weir_line *line);
void weir_lines_publish(weir_lines *l); /* that line is a row now */
/* Write all lines that are not published, each part of a long one as a line, and forget them.
 * Returns how many. */
uint64_t weir_lines_spill(weir_lines *l, FILE *to);

/* The first line that is published; its bytes, or NULL. */
const char *weir_lines_published(const weir_lines *l, weir_line *line);
void weir_lines_forget(weir_lines *l); /* that line */

#endif
