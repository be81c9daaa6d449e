/* lines.c - the input as lines, held in memory. */
#include "lines.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    INPUT_BYTES = WEIR_LINE_BYTES + WEIR_READ_BYTES,
    /* What one reading can bring: as many empty lines as it has bytes. */
    ROOM_BYTES = INPUT_BYTES + (INPUT_BYTES + 1) * (int)sizeof(weir_line),
};
_Static_assert(ROOM_BYTES < WEIR_HELD_BYTES / 2, "most of the memory is for what is held");

bool weir_lines_make(weir_lines *l, weir_log_level usual, bool prefixes) {
    *l = (weir_lines){.prefixes = prefixes, .usual = usual, .number = 1};
    l->input = malloc(INPUT_BYTES);
    /* With room for the last line. Pages that are never touched take no memory. */
    l->held = malloc(WEIR_HELD_BYTES + sizeof(weir_line) + WEIR_LINE_BYTES);
    return l->input && l->held;
}

void weir_lines_free(weir_lines *l) {
    free(l->input);
    free(l->held);
}

/* ---- what is held -------------------------------------------------------------------------- */

bool weir_lines_have_room(weir_lines *l) {
    if (l->end + ROOM_BYTES <= WEIR_HELD_BYTES) return true;
    if (l->end - l->begin + ROOM_BYTES > WEIR_HELD_BYTES) return false;
    memmove(l->held, l->held + l->begin, l->end - l->begin);
    l->unpublished -= l->begin;
    l->end -= l->begin;
    l->begin = 0;
    return true;
}

static const char *held_line(const weir_lines *l, size_t from, size_t to, weir_line *line) {
    if (from == to) return NULL;
    memcpy(line, l->held + from, sizeof *line);
    return l->held + from + sizeof *line;
}

static size_t after_line(const weir_lines *l, size_t from) {
    weir_line line;
    memcpy(&line, l->held + from, sizeof line);
    return from + sizeof line + line.length;
}

const char *weir_lines_unpublished(const weir_lines *l, weir_line *line) {
    return held_line(l, l->unpublished, l->end, line);
}

const char *weir_lines_published(const weir_lines *l, weir_line *line) {
    return held_line(l, l->begin, l->unpublished, line);
}

void weir_lines_publish(weir_lines *l) { l->unpublished = after_line(l, l->unpublished); }

uint64_t weir_lines_spill(weir_lines *l, FILE *to) {
    uint64_t count = 0;
    weir_line line;
    const char *bytes;
    for (size_t at = l->unpublished; (bytes = held_line(l, at, l->end, &line)); count++) {
        (void)fwrite(bytes, 1, line.length, to); /* nowhere is left to say that it failed */
        (void)fputc('\n', to);
        at = after_line(l, at);
    }
    l->end = l->unpublished;
    return count;
}

void weir_lines_forget(weir_lines *l) {
    l->begin = after_line(l, l->begin);
    if (l->begin == l->end) l->begin = l->unpublished = l->end = 0;
}

/* ---- the input as lines -------------------------------------------------------------------- */

/* "<N>": the priority of syslog(3), whose last three bits say how urgent it is. Returns the prefix's
 * length, 0 when there is none. */
static uint32_t read_prefix(const char *bytes, size_t length, weir_log_level *level) {
    static const weir_log_level levels[] = {WEIR_FATAL, WEIR_FATAL, WEIR_FATAL, WEIR_ERROR,
                                            WEIR_WARN,  WEIR_INFO,  WEIR_INFO,  WEIR_DEBUG};
    enum { DIGITS = 3, GREATEST = 191 };
    unsigned priority = 0;
    size_t at = 1;
    if (length == 0 || bytes[0] != '<') return 0;
    for (; at < length && at <= DIGITS && bytes[at] >= '0' && bytes[at] <= '9'; at++)
        priority = priority * 10 + (unsigned)(bytes[at] - '0');
    if (at == 1 || at == length || bytes[at] != '>' || priority > GREATEST) return 0;
    *level = levels[priority & 7u];
    return (uint32_t)at + 1;
}

static void hold(weir_lines *l, const char *bytes, size_t length, bool newline, int64_t time_ns) {
    weir_line line = {
        .time_ns = time_ns, .number = l->number, .length = (uint32_t)length, .newline = newline};
    if (!l->within) {
        l->level = l->usual;
        if (l->prefixes) line.prefix = read_prefix(bytes, length, &l->level);
    }
    line.level = l->level;
    memcpy(l->held + l->end, &line, sizeof line);
    memcpy(l->held + l->end + sizeof line, bytes, length);
    l->end += sizeof line + length;
    l->within = !newline;
    l->number += newline;
}

/* Where to divide a line that is too long: not within a character, if it is UTF-8. */
static size_t part_of(const char *bytes) {
    size_t end = WEIR_LINE_BYTES;
    while (end > WEIR_LINE_BYTES - 4 && ((unsigned char)bytes[end] & 0xC0u) == 0x80u)
        end--;
    return ((unsigned char)bytes[end] & 0xC0u) == 0x80u ? WEIR_LINE_BYTES : end;
}

/* Hold the next line, or part of one, of these bytes. Returns how many bytes that took, 0 when it
 * takes more input to tell. */
static size_t hold_next(weir_lines *l, const char *bytes, size_t length, int64_t time_ns) {
    size_t most = length > WEIR_LINE_BYTES ? WEIR_LINE_BYTES + 1 : length;
    const char *newline = most ? memchr(bytes, '\n', most) : NULL;
    if (newline) {
        hold(l, bytes, (size_t)(newline - bytes), true, time_ns);
        return (size_t)(newline - bytes) + 1;
    }
    if (length <= WEIR_LINE_BYTES) return 0;
    size_t part = part_of(bytes);
    hold(l, bytes, part, false, time_ns);
    return part;
}

int64_t weir_lines_read(weir_lines *l, int file, int64_t (*clock)(void)) {
    int64_t got = read(file, l->input + l->input_bytes, WEIR_READ_BYTES);
    if (got <= 0) return got;
    l->input_bytes += (size_t)got;
    int64_t time_ns = clock();
    size_t done = 0, took;
    while ((took = hold_next(l, l->input + done, l->input_bytes - done, time_ns)))
        done += took;
    l->input_bytes -= done;
    memmove(l->input, l->input + done, l->input_bytes);
    return got;
}

void weir_lines_finish(weir_lines *l, int64_t time_ns) {
    if (l->input_bytes) hold(l, l->input, l->input_bytes, false, time_ns);
    l->input_bytes = 0;
}
