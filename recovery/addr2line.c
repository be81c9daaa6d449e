/* addr2line.c - functions and lines of addresses, from the program addr2line of binutils.
 *
 * It is started without a shell. For each address it prints the address, then pairs of lines,
 * function and file:line, of which all but the last are of inlined calls. */
#include "addr2line.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/base/os.h"

enum {
    OPTIONS = 6,       /* arguments before the addresses */
    HEX_TEXT = 19,     /* "0x", 16 digits, NUL */
    SOURCES_MAX = 256, /* of one frame */
};

typedef struct query {
    const weir_logged_mapping *mapping;
    weir_logged_frame *frames, **asked; /* asked: those in the mapping, in order */
    size_t count, asked_count;
    char **arguments;
    char (*texts)[HEX_TEXT];
} query;

/* ---- the file ---- */

static int read_elf_head(const char *path, uint8_t head[WEIR_ELF_HEAD], size_t *bytes,
                         weir_error *error) {
    const weir_os *os = weir_os_posix();
    *bytes = 0;
    /* Only a regular file is opened, and a path that the kernel printed is absolute. */
    int file = *path == '/' ? os->open(os->self, WEIR_OS_CWD, path, WEIR_OS_READ) : -ENOENT;
    int64_t got = file;
    while (got >= 0 && *bytes < WEIR_ELF_HEAD) {
        got = os->pread(os->self, file, head + *bytes, WEIR_ELF_HEAD - *bytes, *bytes);
        if (got <= 0) break;
        *bytes += (size_t)got;
    }
    if (file >= 0) (void)os->close(os->self, file); /* opened for reading */
    return got < 0 ? weir_fail_os(error, got, "cannot read %s", path) : WEIR_OK;
}

/* Symbols of another build would be wrong, and look right. */
static int check_build(const weir_logged_mapping *m, const uint8_t *head, size_t bytes,
                       weir_error *error) {
    const weir_build_id *logged = &m->build_id;
    weir_build_id found;
    weir_elf_build_id(head, bytes, &found);
    bool is_same =
        found.length == logged->length && memcmp(found.bytes, logged->bytes, logged->length) == 0;
    if (is_same || !logged->length) return WEIR_OK;
    return weir_fail(error, WEIR_FOREIGN, "%s is not the build that crashed, as its build id says",
                     m->path);
}

/* ---- the command line ---- */

static bool make_arrays(query *q) {
    q->asked = calloc(q->count, sizeof *q->asked);
    q->arguments = calloc(OPTIONS + q->count + 1, sizeof *q->arguments);
    q->texts = calloc(q->count, sizeof *q->texts);
    return q->asked && q->arguments && q->texts;
}

static void free_arrays(query *q) {
    free(q->asked);
    free(q->arguments);
    free(q->texts);
}

/* A return address is behind its call, and may be the first of another line. */
static void ask_for_frames(query *q, const uint8_t *head, size_t bytes) {
    for (size_t i = 0; i < q->count; i++) {
        weir_logged_frame *frame = &q->frames[i];
        uint64_t address;
        if (frame->mapping != q->mapping) continue;
        if (!weir_elf_address(head, bytes, frame->offset - (i > 0), &address)) continue;
        char *text = q->texts[q->asked_count];
        (void)snprintf(text, HEX_TEXT, "0x%" PRIx64, address); /* 18 characters at most */
        q->arguments[OPTIONS + q->asked_count] = text;
        q->asked[q->asked_count++] = frame;
    }
}

static void set_options(query *q) {
    static char name[] = "addr2line", addresses[] = "-a", functions[] = "-fC", inlined[] = "-i",
                file[] = "-e";
    char *const options[OPTIONS] = {name, addresses, functions, inlined, file, q->mapping->path};
    memcpy(q->arguments, options, sizeof options);
}

/* ---- its answer ---- */

/* "??" and "??:0" say that it does not know. */
static int copy_known(const char *text, char **out) {
    *out = NULL;
    if (strncmp(text, "??", 2) == 0) return WEIR_OK;
    *out = strdup(text);
    return *out ? WEIR_OK : WEIR_NO_MEMORY;
}

static int add_function(weir_logged_frame *frame, const char *text) {
    if (frame->source_count == SOURCES_MAX) return WEIR_OK;
    weir_frame_source *grown = realloc(frame->sources, (frame->source_count + 1) * sizeof *grown);
    if (!grown) return WEIR_NO_MEMORY;
    frame->sources = grown;
    grown[frame->source_count] = (weir_frame_source){0};
    return copy_known(text, &grown[frame->source_count++].function);
}

/* Lines that come without a function before them are not an answer. */
static int take_answer(query *q, FILE *answer) {
    char *line = NULL;
    size_t size = 0, at = 0; /* at: frames begun so far */
    bool is_function = false;
    int status = WEIR_OK;
    while (status == WEIR_OK && getline(&line, &size, answer) >= 0) {
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "0x", 2) == 0) {
            if (++at > q->asked_count) break;
            is_function = true;
        } else if (at && is_function) {
            status = add_function(q->asked[at - 1], line);
            is_function = false;
        } else if (at) {
            weir_logged_frame *frame = q->asked[at - 1];
            weir_frame_source *last = &frame->sources[frame->source_count - 1];
            line[strcspn(line, " ")] = 0; /* " (discriminator 2)" */
            if (!last->place) status = copy_known(line, &last->place);
            is_function = true;
        }
    }
    free(line);
    return status;
}

static int spawn_with_output(char **arguments, int output, pid_t *child) {
    posix_spawn_file_actions_t actions;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed) return failed;
    failed = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (!failed) failed = posix_spawnp(child, arguments[0], &actions, NULL, arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions); /* cannot fail */
    return failed;
}

static int ask_program(query *q, weir_error *error) {
    int ends[2], ended;
    pid_t child;
    if (pipe2(ends, O_CLOEXEC)) return weir_fail_os(error, -errno, "cannot make a pipe");
    int failed = spawn_with_output(q->arguments, ends[1], &child);
    (void)close(ends[1]); /* nothing was written to this end */
    FILE *answer = fdopen(ends[0], "r");
    if (!answer) (void)close(ends[0]); /* the child ends by SIGPIPE */
    int status = failed ? WEIR_NOT_FOUND : answer ? take_answer(q, answer) : WEIR_NO_MEMORY;
    if (answer) (void)fclose(answer); /* only read */
    /* What it has not answered stays unknown, so how it ended does not matter. */
    while (!failed && waitpid(child, &ended, 0) < 0 && errno == EINTR) {
    }
    if (failed == ENOENT) return WEIR_NOT_FOUND;
    return failed ? weir_fail_os(error, -failed, "cannot start addr2line") : status;
}

int weir_addr2line(const weir_logged_mapping *mapping, weir_logged_frame *frames, size_t count,
                   weir_error *error) {
    uint8_t head[WEIR_ELF_HEAD];
    size_t bytes;
    query q = {.mapping = mapping, .frames = frames, .count = count};
    int status = read_elf_head(mapping->path, head, &bytes, error);
    if (status == WEIR_OK) status = check_build(mapping, head, bytes, error);
    if (status != WEIR_OK) return status;
    if (!make_arrays(&q)) {
        status = WEIR_NO_MEMORY;
    } else {
        ask_for_frames(&q, head, bytes);
        set_options(&q);
        if (q.asked_count) status = ask_program(&q, error);
    }
    free_arrays(&q);
    return status;
}
