/* log_site.h - what a handle knows of the program's call sites of the logger. Private to this
 * folder.
 *
 * A call site has a template in the journal (format/template.h) for each level that it logs at: the
 * row of the table "log" with the level, the file, the line and the format as constants, and with
 * the time, the thread and the message's arguments as parameters. A message is a row of that
 * template. The text is made where rows leave the journal. */
#ifndef WEIR_LOG_SITE_H
#define WEIR_LOG_SITE_H

#include <weir/log.h>

#include "append_slow.h"
#include "core.h"

enum {
    WEIR_LOG_LEVELS = WEIR_FATAL + 1,
    WEIR_LOG_FIXED = 2,          /* parameters before the arguments: time, thread */
    WEIR_LOG_ARGUMENTS = 62,     /* a format that takes more is formatted by the caller */
    WEIR_LOG_NEVER = UINT32_MAX, /* in place of a number: this site cannot have a template */
};

/* What an argument of the call is. */
typedef enum weir_log_kind {
    WEIR_LOG_INTEGER, /* also a character, and a pointer */
    WEIR_LOG_REAL,
    WEIR_LOG_TEXT,
    WEIR_LOG_WIDE_TEXT,
    WEIR_LOG_WIDE_CHAR,
    WEIR_LOG_ERROR, /* no argument: errno at the call */
} weir_log_kind;

/* How it becomes a parameter. */
typedef struct weir_log_argument {
    uint8_t kind;   /* weir_log_kind */
    uint8_t unused; /* of an integer: its highest bits that do not count … */
    bool is_signed; /* … become copies of its sign, or zeros */
    bool star;      /* the argument before it is its precision */
    uint32_t limit; /* bytes of a text, at most */
} weir_log_argument;

/* Lives as long as the handle's memory, and belongs to one call site and level, so that a call
 * which began before the handle was closed finds a table handle of the shape that it expects. */
typedef struct weir_log_template {
    weir_table row;    /* number: the template's; columns: its parameters */
    const char *names; /* of fields, each with its NUL; NULL: a format's arguments are taken */
    weir_log_site *site;
    weir_log_level level;
    uint32_t head; /* of its rows: number and columns */
    unsigned arguments;
    weir_log_argument argument[];
} weir_log_template;

/* By the site's number for the level; NULL: not known yet in this memory. */
static inline weir_log_template *weir_log_find(const weir *w, uint32_t number) {
    if (number >= WEIR_LOG_SITES) return NULL;
    /* Acquire, with the releases in log_site.c: what is pointed to is there. */
    weir_log_page *page =
        atomic_load_explicit(&w->log_pages[number / WEIR_LOG_PAGE], memory_order_acquire);
    if (!page) return NULL;
    return atomic_load_explicit(&page->at[number % WEIR_LOG_PAGE], memory_order_acquire);
}

/* What is logged at a site: a format with arguments, or a text with fields. */
typedef struct weir_log_shape {
    const char *format;                 /* or the text */
    const struct weir_log_field *field; /* NULL: there are arguments */
    size_t fields;
} weir_log_shape;

/* How the arguments of this shape are taken (calloc; the row's table handle has its columns alone).
 * NULL: they cannot be kept, or there is no memory. */
weir_log_template *weir_log_template_make(const weir_log_shape *shape);

/* The template of this site and level, registered in this opening; NULL: its messages are to be
 * formatted by the caller, now or for good. Slow at a site's first message in an opening. */
weir_log_template *weir_log_register(weir *w, weir_log_level level, weir_log_site *site,
                                     const weir_log_shape *shape);

typedef enum weir_log_columns {
    WEIR_LOG_PLAIN = 6,
    WEIR_LOG_WITH_FIELDS = 7,
} weir_log_columns;

/* The log's table in this opening, with or without the column "fields". */
int weir_log_declare(weir *w, weir_log_columns columns, weir_table **table);

/* ---- log_lost.c ---- */

/* What a message of this level may use of the lane. */
static inline weir_share weir_log_share(const weir *w, weir_log_level level) {
    if (level >= WEIR_ERROR) return WEIR_SHARE_ALL;
    int keep = atomic_load_explicit(&w->log_keep, memory_order_relaxed);
    return (int)level < keep ? WEIR_SHARE_CALM : WEIR_SHARE_MOST;
}
/* A message of this level was not logged, for this reason. Returns status. */
WEIR_SLOW int weir_log_note_lost(weir *w, weir_log_level level, int status);
/* Log how many were dropped since the last such row, if the lane is calm by now. */
WEIR_SLOW void weir_log_tell_lost(weir *w, weir_share share);

/* ---- log.c ---- */

/* Append a row to the log, formatted already. fields: NULL: none. */
int weir_log_append(weir *w, weir_log_level level, weir_share share, const char *file, int line,
                    weir_value message, const weir_value *fields);

#endif
