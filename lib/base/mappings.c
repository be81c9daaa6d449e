/* mappings.c - the executable mappings of files in this process. A line of /proc/self/maps is
 *
 *     5581…1000-5581…2000 r-xp 00001000 fe:01 131 /usr/bin/program */
#include "mappings.h"

#include <errno.h>
#include <string.h>

#include "peek.h"

typedef struct parsed_line {
    weir_mapping mapping; /* its path is in the line */
    uint64_t device, inode;
    bool executable;
} parsed_line;

/* ---- one line ---- */

static uint64_t take_number(const char **at, unsigned base) {
    uint64_t value = 0;
    for (;; (*at)++) {
        char c = **at;
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                                                : base;
        if (digit >= base) return value;
        value = value * base + digit;
    }
}

static bool skip_character(const char **at, char c) {
    if (**at != c) return false;
    (*at)++;
    return true;
}

/* line ends in a NUL. */
static bool parse_mapping(const char *line, parsed_line *out) {
    weir_mapping *m = &out->mapping;
    m->start = take_number(&line, 16);
    if (!skip_character(&line, '-')) return false;
    m->end = take_number(&line, 16);
    if (!skip_character(&line, ' ') || strnlen(line, 5) < 5) return false;
    out->executable = line[2] == 'x';
    line += 5; /* "r-xp " */
    m->offset = take_number(&line, 16);
    if (!skip_character(&line, ' ')) return false;
    uint64_t major = take_number(&line, 16);
    if (!skip_character(&line, ':')) return false;
    out->device = major << 32 | take_number(&line, 16);
    if (!skip_character(&line, ' ')) return false;
    out->inode = take_number(&line, 10);
    while (skip_character(&line, ' ')) {
    }
    m->path = line;
    return m->start < m->end;
}

/* ---- the list ---- */

static void read_build_id(weir_mappings *m, const parsed_line *line, weir_build_id *out) {
    *out = (weir_build_id){0};
    if (!m->head_at || line->device != m->head_device || line->inode != m->head_inode) return;
    if (weir_peek(m->head_at, m->head, sizeof m->head))
        weir_elf_build_id(m->head, sizeof m->head, out);
}

static void add_mapping(weir_mappings *m, const parsed_line *line) {
    size_t length = strlen(line->mapping.path) + 1;
    if (m->count == WEIR_MAPPINGS_MAX || length > sizeof m->names - m->names_used) {
        m->left_out++;
        return;
    }
    weir_mapping *added = &m->list[m->count++];
    *added = line->mapping;
    added->path = memcpy(m->names + m->names_used, line->mapping.path, length);
    m->names_used += length;
    read_build_id(m, line, &added->build_id);
}

static void take_line(weir_mappings *m, const char *text) {
    parsed_line line;
    if (!parse_mapping(text, &line) || !*line.mapping.path) return; /* no file: no symbols */
    if (line.mapping.offset == 0) {
        m->head_at = line.mapping.start;
        m->head_device = line.device;
        m->head_inode = line.inode;
    }
    if (line.executable) add_mapping(m, &line);
}

/* Take the whole lines of the buffer; returns their bytes. */
static size_t take_lines(weir_mappings *m, size_t bytes) {
    size_t begin = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (m->buffer[i] != '\n') continue;
        m->buffer[i] = 0;
        take_line(m, m->buffer + begin);
        begin = i + 1;
    }
    return begin;
}

int weir_mappings_read(const weir_os *os, weir_mappings *out) {
    out->count = out->left_out = out->names_used = 0;
    out->head_at = 0;
    int file = os->open(os->self, WEIR_OS_CWD, "/proc/self/maps", WEIR_OS_READ);
    if (file < 0) return file;
    uint64_t offset = 0;
    int64_t got;
    for (;;) {
        got = os->pread(os->self, file, out->buffer, sizeof out->buffer, offset);
        if (got <= 0) break;
        size_t taken = take_lines(out, (size_t)got);
        if (!taken) got = -EPROTO; /* a line longer than the kernel writes */
        if (!taken) break;
        offset += taken;
    }
    (void)os->close(os->self, file); /* opened for reading */
    return got < 0 ? (int)got : 0;
}

const weir_mapping *weir_mappings_find(const weir_mappings *mappings, uint64_t address) {
    for (size_t i = 0; i < mappings->count; i++)
        if (address >= mappings->list[i].start && address < mappings->list[i].end)
            return &mappings->list[i];
    return NULL;
}
