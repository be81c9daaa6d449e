/* log.c - the logger: a message becomes a row of the table "log". */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "../format/text.h"
#include "append_slow.h"
#include "log_record.h"
#include "log_take.h"

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

/* Every message that is logged begins here. Its own row counts for more than what cannot be brought
 * out before it. */
static inline weir_share begin_logged(weir *w, weir_log_level level) {
    if (level >= WEIR_ERROR && atomic_load_explicit(&w->log_flush_first, memory_order_relaxed))
        (void)weir_log_bring_out(w);
    return weir_log_share(w, level);
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

/* Wide text is converted on this stack; TOO_BIG: there is no room. */
WEIR_SLOW static int log_wide(weir *w, weir_share share, const weir_log_template *t,
                              va_list *arguments, int error) {
    weir_value values[WEIR_LOG_FIXED + WEIR_LOG_ARGUMENTS];
    char wide[WEIR_LOG_WIDE_BYTES];
    if (!weir_log_take_wide(t, arguments, error, values + WEIR_LOG_FIXED, wide))
        return WEIR_TOO_BIG;
    return put_parameters(w, share, t, values);
}

static int log_later(weir *w, weir_share share, const weir_log_template *t, va_list *arguments,
                     int error) {
    weir_value values[WEIR_LOG_FIXED + WEIR_LOG_ARGUMENTS];
    if (t->wide) return log_wide(w, share, t, arguments, error);
    weir_log_take(t, arguments, error, values + WEIR_LOG_FIXED);
    return put_parameters(w, share, t, values);
}

/* The site has logged in another handle, or in none. */
WEIR_SLOW static const weir_log_template *
look_up(weir *w, weir_log_level level, weir_log_site *site, const weir_log_shape *shape) {
    if (!site->literal || (unsigned)level >= WEIR_LOG_LEVELS) return NULL;
    uint32_t number = __atomic_load_n(&site->number[level], __ATOMIC_RELAXED);
    if (number == WEIR_LOG_NEVER) return NULL;
    weir_log_template *t = weir_log_find(w, number - 1); /* 0: above all numbers */
    /* Acquire: see open_log_template. */
    if (!t || __atomic_load_n(&t->row.generation, __ATOMIC_ACQUIRE) != w->generation) {
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
        const weir_log_template *t = __atomic_load_n(&site->known[level], __ATOMIC_ACQUIRE);
        if (t && t->row.w == w &&
            __atomic_load_n(&t->row.generation, __ATOMIC_ACQUIRE) == w->generation)
            return t;
    }
    return look_up(w, level, site, shape);
}

/* A message that is not small, or of which there is no template. */
WEIR_SLOW __attribute__((format(printf, 6, 0))) static int
log_slowly(weir *w, weir_log_level level, weir_share share, const weir_log_site *site,
           const weir_log_template *t, const char *format, va_list arguments, int error) {
    va_list taken;
    int status = WEIR_TOO_BIG;
    va_copy(taken, arguments);
    if (t) status = log_later(w, share, t, &taken, error);
    va_end(taken);
    if (status != WEIR_TOO_BIG) return status;
    errno = error; /* for %m */
    return log_now(w, level, share, site->file, site->line, format, arguments);
}

int weir_log_at(weir *w, weir_log_level level, weir_log_site *site, const char *format, ...) {
    if (__builtin_expect(!w || !site || !format, 0))
        return weir_misuse("weir_log_at", !w      ? "w is NULL"
                                          : !site ? "site is NULL"
                                                  : "format is NULL");
    int saved = errno, status = WEIR_LOG_NOT_SMALL;
    weir_share share;
    va_list arguments;
    if (!begin_message(w, level, &share)) return WEIR_OK;
    const weir_log_template *t = template_of(w, level, site, &(weir_log_shape){.format = format});
    if (t && __builtin_expect(t->names != NULL, 0)) t = NULL; /* a site of fields: not this one's */
    if (__builtin_expect(t && share != WEIR_SHARE_NONE, 1)) {
        va_start(arguments, format);
        const weir_log_message m = {weir_clock_now(&w->clock), &arguments};
        status = weir_append_message(t, &m, share);
        va_end(arguments);
    }
    if (__builtin_expect(status == WEIR_LOG_NOT_SMALL, 0)) {
        va_start(arguments, format);
        status = log_slowly(w, level, share, site, t, format, arguments, saved);
        va_end(arguments);
    }
    return end_message(w, level, share, status, saved);
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
