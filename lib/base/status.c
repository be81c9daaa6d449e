/* status.c - words for statuses, and the text of this thread's last failure. */
#include "status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "os.h"

#define TEXT_OF(x) #x
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

static _Thread_local char last_text[468];

/* A failed append of this thread that is newer than last_text; words NULL: there is none. A handler
 * may make no call to reach it, hence initial-exec, which puts all thread-local memory of the library
 * where a library that dlopen loads gets least (with glibc 1,664 bytes for all such libraries). Only
 * one thread and its handlers, which nest, access it. */
static _Thread_local weir_failure noted __attribute__((tls_model("initial-exec")));
static _Thread_local _Atomic uint16_t noted_stamp __attribute__((tls_model("initial-exec")));

const char *weir_status_name(int status) {
    switch (status) {
#define NAME_CASE(name, value, text)                                                               \
    case value: return "WEIR_" #name;
        WEIR_STATUS_LIST(NAME_CASE)
#undef NAME_CASE
    default: return "WEIR_UNKNOWN";
    }
}

const char *weir_status_text(int status) {
    switch (status) {
#define TEXT_CASE(name, value, text)                                                               \
    case value: return text;
        WEIR_STATUS_LIST(TEXT_CASE)
#undef TEXT_CASE
    default: return "not a status of this version of weir";
    }
}

/* A writer sets its stamp first. A handler that interrupts it leaves another stamp and a whole failure;
 * the interrupted writer then writes its own again. */
int weir_note_failure(const weir_failure *failure) {
    uint16_t mine;
    do {
        mine = (uint16_t)(atomic_load_explicit(&noted_stamp, memory_order_relaxed) + 1);
        atomic_store_explicit(&noted_stamp, mine, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst);
        noted = *failure;
        atomic_signal_fence(memory_order_seq_cst);
    } while (atomic_load_explicit(&noted_stamp, memory_order_relaxed) != mine);
    return failure->status;
}

/* If a handler notes a failure during the copy, the copy is repeated. */
static weir_failure take_noted(void) {
    static const weir_failure none;
    weir_failure f;
    uint16_t seen;
    do {
        seen = atomic_load_explicit(&noted_stamp, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst);
        f = noted;
        atomic_signal_fence(memory_order_seq_cst);
    } while (atomic_load_explicit(&noted_stamp, memory_order_relaxed) != seen);
    if (f.words) (void)weir_note_failure(&none);
    return f;
}

static void remember_text(const char *text) {
    size_t length = strnlen(text, sizeof last_text - 1);
    memcpy(last_text, text, length);
    last_text[length] = '\0';
}

const char *weir_last_error(void) {
    weir_error error = {0};
    weir_failure f = take_noted();
    if (f.words) f.words(&f, &error);
    if (f.words) remember_text(error.text);
    return last_text;
}

const char *weir_version(void) {
    return VERSION_TEXT(WEIR_VERSION_MAJOR, WEIR_VERSION_MINOR, WEIR_VERSION_PATCH);
}

/* These texts contain names that users chose, and such a name must not break a log. */
static void keep_one_line(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7F) *text = '?';
}

__attribute__((format(printf, 3, 0))) static void fill(char *text, size_t capacity,
                                                       const char *format, va_list arguments) {
    if (vsnprintf(text, capacity, format, arguments) < 0) text[0] = '\0';
    keep_one_line(text);
}

/* The text of an errno names what is short, and not the limit to raise, or who made it so. */
static const char *limit_of_errno(int number) {
    switch (number) {
    case EFBIG: return " (the process's limit of file sizes: RLIMIT_FSIZE, ulimit -f)";
    case EMFILE: return " (RLIMIT_NOFILE, ulimit -n)";
    case EROFS:
        return " (the kernel makes it so after an I/O error, see dmesg: mount it for writing)";
    case EAGAIN: /* memory that may not be locked */
    case ENOMEM: return " (is it limited? RLIMIT_AS, or RLIMIT_MEMLOCK with mlockall)";
    default: return "";
    }
}

int weir_fail(weir_error *error, int status, const char *format, ...) {
    if (!error) return status;
    va_list arguments;
    va_start(arguments, format);
    const char *limit = status == WEIR_NO_MEMORY ? limit_of_errno(ENOMEM) : "";
    size_t room = strlen(limit);
    fill(error->text, sizeof error->text - room, format, arguments);
    va_end(arguments);
    memcpy(error->text + strlen(error->text), limit, room + 1);
    error->status = status;
    error->os_error = 0;
    return status;
}

int weir_fail_call(const char *call, int status, const char *what) {
    weir_error error;
    (void)weir_fail(&error, status, "%s: %s", call, what);
    return weir_publish_error(&error);
}

int weir_refuse(const char *call, int status) {
    return weir_fail_call(call, status, weir_status_text(status));
}

int weir_misuse(const char *call, const char *what) {
    return weir_fail_call(call, WEIR_MISUSE, what);
}

static int status_of_errno(int number) {
    switch (number) {
    case ENOSPC:
    case EDQUOT: return WEIR_NO_SPACE;
    case ENOMEM: return WEIR_NO_MEMORY;
    default: return WEIR_IO;
    }
}

int weir_fail_os(weir_error *error, int64_t result, const char *format, ...) {
    int number = result < 0 && result >= -INT32_MAX ? (int)-result : EIO;
    int status = status_of_errno(number);
    if (!error) return status;

    char buffer[128];
    const char *words = number == WEIR_OS_NO_FILE ? "this is no regular file; move it away"
                                                  : strerror_r(number, buffer, sizeof buffer);
    char tail[240];
    int tail_length = snprintf(tail, sizeof tail, ": %s%s", words, limit_of_errno(number));
    size_t room = tail_length < 0 ? 0 : strlen(tail); /* the reason is the last thing to be cut */

    va_list arguments;
    va_start(arguments, format);
    fill(error->text, sizeof error->text - room, format, arguments);
    va_end(arguments);
    memcpy(error->text + strlen(error->text), tail, room + 1);
    error->status = status;
    error->os_error = number;
    return status;
}

const char *weir_text_after_name(const char *text, const char *name) {
    size_t length = strlen(name);
    bool named = strncmp(text, name, length) == 0;
    if (named && strncmp(text + length, ": ", 2) == 0) return text + length + 2;
    return named && text[length] == ' ' ? text + length + 1 : text; /* a sentence about it */
}

bool weir_error_passes(const weir_error *error) {
    switch (error->os_error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case EAGAIN: /* memory that may not be locked */
    case EACCES:
    case EPERM:
    case EROFS: return true;
    default: return error->status == WEIR_NO_MEMORY;
    }
}

int weir_publish_error(const weir_error *error) {
    (void)take_noted(); /* it is older */
    remember_text(error->text);
    return error->status;
}
