/* log.c - the logger: a message becomes a row of the table "log". */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "../format/text.h"
#include "append_small.h"
#include "log_encode.h"
#include "log_record.h"

int weir_log_table(weir *w, weir_table **table) {
    if (!w || !table) return weir_misuse("weir_log_table", w ? "out is NULL" : "w is NULL");
    atomic_store_explicit(&w->log_refusal, WEIR_OK,
                          memory_order_relaxed); /* ask, whatever was said */
    return weir_log_declare(w, WEIR_LOG_PLAIN, table);
}

static inline int put_row(const weir_table *t, const weir_value *values, weir_share share) {
    if (__builtin_expect(share == WEIR_SHARE_NONE, 0)) return weir_log_record(t, values);
    return weir_append_sharing(t, values, share);
}

int weir_log_append(weir *w, weir_log_level level, weir_share share, const char *file, int line,
                    weir_value message, const weir_value *fields) {
    weir_table *table;
    int status = weir_log_declare(w, fields ? WEIR_LOG_WITH_FIELDS : WEIR_LOG_PLAIN, &table);
    if (status != WEIR_OK) return status;
    const weir_value values[] = {
        weir_int(weir_clock_now(&w->clock)),
        weir_text(weir_log_level_name(level)),
        weir_int(weir_append_thread(w)),
        weir_text(file),
        weir_int(line),
        message,
        fields ? *fields : weir_null(),
    };
    status = put_row(table, values, share);
    bool cut = share == WEIR_SHARE_NONE && status == WEIR_TOO_BIG;
    return cut ? weir_log_record_cut(table, values) : status;
}

/* Format the message here and now. */
__attribute__((format(printf, 6, 0))) static int log_now(weir *w, weir_log_level level,
                                                         weir_share share, const char *file,
                                                         int line, const char *format,
                                                         va_list arguments) {
    char text[WEIR_LOG_BYTES];
    int wanted = vsnprintf(text, sizeof text, format, arguments);
    if (wanted < 0) wanted = snprintf(text, sizeof text, "[cannot be formatted] %s", format);
    size_t length = wanted < WEIR_LOG_BYTES ? (size_t)wanted : weir_text_put_mark(text);
    return weir_log_append(w, level, share, file, line, weir_text_n(text, length), NULL);
}

/* What was recorded comes first. */
static inline bool flushes(const weir *w, weir_log_level level) {
    return level >= WEIR_ERROR && atomic_load_explicit(&w->log_flush_first, memory_order_relaxed);
}

/* Every message that is logged begins here, but for those that are put at once. Its own row counts
 * for more than what cannot be brought out before it. */
static weir_share begin_logged(weir *w, weir_log_level level) {
    if (flushes(w, level)) (void)weir_log_bring_out(w);
    return weir_log_share(w, level);
}

static inline bool is_for_log(const weir *w, weir_log_level level) {
    return weir_log_is_logged(level) || weir_log_is_recorded(w, level);
}

/* False: it is neither logged nor recorded. */
static inline bool begin_message(weir *w, weir_log_level level, weir_share *share) {
    bool logged = __builtin_expect(weir_log_is_logged(level), 1);
    *share = logged ? begin_logged(w, level) : WEIR_SHARE_NONE;
    return logged || weir_log_is_recorded(w, level);
}

/* A message that finds no slot is lost as if it had been overwritten. Other reasons are said. */
static int end_recorded(weir *w, weir_log_level level, int status) {
    if (status == WEIR_OK || status == WEIR_FULL) return status;
    return weir_log_note_lost(w, level, status);
}

/* Every message ends here. */
static inline int end_message(weir *w, weir_log_level level, weir_share share, int status,
                              int saved) {
    if (__builtin_expect(share == WEIR_SHARE_NONE, 0))
        (void)end_recorded(w, level, status);
    else if (__builtin_expect(status != WEIR_OK, 0))
        (void)weir_log_note_lost(w, level, status);
    else if (__builtin_expect(atomic_load_explicit(&w->log_lost_any, memory_order_relaxed), 0))
        weir_log_tell_lost(w, WEIR_SHARE_CALM);
    errno = saved; /* of the caller, who may be about to report it */
    return status;
}

int weir_log_write(weir *w, weir_log_level level, const char *file, int line, const char *format,
                   ...) {
    if (!w || !format) return weir_misuse("weir_log_write", w ? "format is NULL" : "w is NULL");
    int saved = errno;
    va_list arguments;
    va_start(arguments, format);
    weir_share share = begin_logged(w, level);
    int status = log_now(w, level, share, file, line, format, arguments);
    va_end(arguments);
    return end_message(w, level, share, status, saved);
}

/* ---- formatted later ------------------------------------------------------------------------ */

static int put_parameters(weir *w, weir_share share, const weir_log_template *t,
                          weir_value *values) {
    values[0] = weir_int(weir_clock_now(&w->clock));
    values[1] = weir_int(weir_append_thread(w));
    return put_row(&t->row, values, share);
}

/* Was it registered in this opening of this handle? */
static inline bool is_of_opening(const weir *w, const weir_log_template *t) {
    return t->row.w == w && /* acquire: see open_log_template */
           __atomic_load_n(&t->row.generation, __ATOMIC_ACQUIRE) == w->generation;
}

/* The site has logged in another handle, or in none. */
WEIR_SLOW static const weir_log_template *
look_up(weir *w, weir_log_level level, weir_log_site *site, const weir_log_shape *shape) {
    if (!site->literal || (unsigned)level >= WEIR_LOG_LEVELS) return NULL;
    uint32_t number = __atomic_load_n(&site->number[level], __ATOMIC_RELAXED);
    if (number == WEIR_LOG_NEVER) return NULL;
    weir_log_template *t = weir_log_find(w, number - 1); /* 0: above all numbers */
    if (!t || !is_of_opening(w, t)) {
        bool full = atomic_load_explicit(&w->templates_full, memory_order_relaxed);
        t = full ? NULL : weir_log_register(w, level, site, shape);
    }
    if (t) __atomic_store_n(&site->known[level], t, __ATOMIC_RELEASE);
    return t;
}

/* The template of a message at this site, or NULL. */
static inline const weir_log_template *
template_of(weir *w, weir_log_level level, weir_log_site *site, const weir_log_shape *shape) {
    if (__builtin_expect((unsigned)level < WEIR_LOG_LEVELS, 1)) {
        /* Acquire, with the release above. It is never freed. */
        const weir_log_template *t = weir_log_known(site, level);
        if (t && is_of_opening(w, t)) return t;
    }
    return look_up(w, level, site, shape);
}

/* Too large for a row: its text is made now, as it would be made later, and is cut. */
WEIR_SLOW static int put_text(weir *w, weir_share share, const weir_log_template *t,
                              const char *format, const weir_value *values) {
    weir_text_buffer text;
    weir_text_locale locale = weir_text_locale_begin();
    weir_text_format(&text, format, strlen(format), values);
    weir_text_locale_end(locale);
    if (text.no_memory) return WEIR_NO_MEMORY;
    return weir_log_append(w, t->level, share, t->site->file, t->site->line,
                           weir_text_n(text.bytes, text.length), NULL);
}

/* A message that is not small, or is recorded, or whose site has no template in this opening: of
 * that its arguments are taken all the same. */
WEIR_SLOW static int put_values(weir *w, weir_share share, const weir_log_template *t,
                                const uint64_t *words) {
    weir_value values[WEIR_LOG_FIXED + WEIR_LOG_ARGUMENTS];
    char wide[WEIR_LOG_WIDE_BYTES];
    int status = WEIR_TOO_BIG;
    weir_log_take(t, words + 1, errno, values + WEIR_LOG_FIXED, wide);
    if (is_of_opening(w, t)) status = put_parameters(w, share, t, values);
    if (status != WEIR_TOO_BIG) return status;
    return put_text(w, share, t, weir_log_pointer(words[0]), values + WEIR_LOG_FIXED);
}

static inline uint8_t *encode_message(uint8_t *at, const weir_table *t, const void *message,
                                      const weir_lane *lane) {
    return weir_log_encode(at, (const weir_log_template *)t, message, weir_lane_thread(lane),
                           WEIR_SMALL_TEXTS);
}

/* What weir_log_put() is not quick about. known: in this opening, or in another one. */
WEIR_SLOW static int put_otherwise(weir *w, const weir_log_template *known, const uint64_t *words) {
    if (!w) return weir_misuse("weir_log_put", "w is NULL");
    if (!is_for_log(w, known->level)) return WEIR_OK;
    int saved = errno;
    const weir_log_shape shape = {.format = weir_log_pointer(words[0])};
    const weir_log_template *t = template_of(w, known->level, known->site, &shape);
    errno = saved; /* for %m */
    if (t && t != known) return weir_log_put(w, t, words);
    weir_share share;
    if (!begin_message(w, known->level, &share)) return WEIR_OK;
    errno = saved;
    return end_message(w, known->level, share, put_values(w, share, known, words), saved);
}

/* After an append that was no success, or with news of what was lost. */
WEIR_SLOW static int end_put(weir *w, weir_share share, const weir_log_template *t,
                             const uint64_t *words, int status) {
    int saved = errno;
    if (status == WEIR_NOT_SMALL) status = put_values(w, share, t, words);
    return end_message(w, t->level, share, status, saved);
}

/* An append leaves errno as it was. */
WEIR_PREFETCHES_TO_WRITE
int weir_log_put(weir *w, const void *known, const uint64_t *words) {
    const weir_log_template *t = known;
    if (UNLIKELY(!is_of_opening(w, t) || !weir_log_is_logged(t->level) || flushes(w, t->level)))
        return put_otherwise(w, t, words);
    weir_share share = weir_log_share(w, t->level);
    const weir_log_message m = {&w->clock, words + 1};
    int status = weir_append_small(&t->row, encode_message, &m, NULL, share);
    if (UNLIKELY(status != WEIR_OK || atomic_load_explicit(&w->log_lost_any, memory_order_relaxed)))
        return end_put(w, share, t, words, status);
    return WEIR_OK;
}

int weir_log_at(weir *w, weir_log_level level, weir_log_site *site, const char *format, ...) {
    if (__builtin_expect(!w || !site || !format, 0))
        return weir_misuse("weir_log_at", !w      ? "w is NULL"
                                          : !site ? "site is NULL"
                                                  : "format is NULL");
    if (!is_for_log(w, level)) return WEIR_OK;
    int saved = errno, status = WEIR_OK;
    weir_share share;
    va_list arguments;
    const weir_log_template *t = template_of(w, level, site, &(weir_log_shape){.format = format});
    va_start(arguments, format);
    if (t && !t->names) { /* a site of fields is not this one's */
        uint64_t words[1 + WEIR_LOG_ARGUMENTS];
        words[0] = (uintptr_t)format;
        weir_log_collect(t, &arguments, words + 1);
        errno = saved; /* for %m */
        status = weir_log_put(w, t, words);
    } else if (begin_message(w, level, &share)) {
        errno = saved;
        status = log_now(w, level, share, site->file, site->line, format, arguments);
        status = end_message(w, level, share, status, saved);
    }
    va_end(arguments);
    return status;
}

/* ---- fields --------------------------------------------------------------------------------- */

static bool has_names(const weir_log_template *t, const weir_log_shape *shape) {
    const char *name = t->names;
    if (!name || t->row.columns != WEIR_LOG_FIXED + shape->fields) return false;
    for (size_t i = 0; i < shape->fields; i++, name += strlen(name) + 1)
        if (strcmp(name, shape->field[i].name) != 0) return false;
    return true;
}

/* The object is made here and now. */
WEIR_SLOW static int log_fields_now(weir *w, weir_log_level level, weir_share share,
                                    const weir_log_site *site, const weir_log_shape *shape) {
    weir_text_buffer text;
    weir_object o;
    weir_text_locale locale = weir_text_locale_begin();
    weir_object_begin(&o, &text);
    for (size_t i = 0; i < shape->fields; i++) {
        const weir_log_field *f = &shape->field[i];
        if (!weir_object_add(&o, f->name, strlen(f->name), &f->value)) break;
    }
    weir_object_end(&o);
    weir_text_locale_end(locale);
    weir_value fields = weir_text_n(text.bytes, text.length);
    return weir_log_append(w, level, share, site->file, site->line,
                           weir_text_n(shape->format, strnlen(shape->format, WEIR_LOG_BYTES - 1)),
                           &fields);
}

int weir_log_fields(weir *w, weir_log_level level, weir_log_site *site, const char *message,
                    const weir_log_field *fields, size_t count) {
    if (!w || !site || !message || (count && !fields))
        return weir_misuse("weir_log_fields", !w         ? "w is NULL"
                                              : !site    ? "site is NULL"
                                              : !message ? "message is NULL"
                                                         : "fields is NULL");
    int saved = errno, status = WEIR_TOO_BIG;
    weir_share share;
    if (!begin_message(w, level, &share)) return WEIR_OK;
    const weir_log_shape shape = {.format = message, .field = fields, .fields = count};
    const weir_log_template *t = count ? template_of(w, level, site, &shape) : NULL;
    if (t && has_names(t, &shape)) {
        weir_value values[WEIR_LOG_FIXED + WEIR_LOG_ARGUMENTS];
        for (size_t i = 0; i < count; i++)
            values[WEIR_LOG_FIXED + i] = fields[i].value;
        status = put_parameters(w, share, t, values);
    }
    if (status == WEIR_TOO_BIG) status = log_fields_now(w, level, share, site, &shape);
    return end_message(w, level, share, status, saved);
}
