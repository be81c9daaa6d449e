/* log_site.c - call sites become templates. */
#include "log_site.h"

#include <stdlib.h>

#include "../base/sized.h"
#include "../format/conversion.h"
#include "../format/row_encode.h"
#include "../format/template.h"
#include "log_record.h"

/* Numbers of pairs of a call site and a level, in the whole process; relaxed: only which one it
 * gets matters. From 0; a site stores its number plus 1, because it begins as zeros. */
static _Atomic uint32_t next_site;

/* ---- the table ------------------------------------------------------------------------------ */

enum { RETRY_NS = 1000000000 };

static int declare_log(weir *w, weir_log_columns columns, weir_table **table) {
    static const weir_column all[] = {
        {"time_ns", WEIR_INTEGER}, {"level", WEIR_TEXT},   {"thread", WEIR_INTEGER},
        {"file", WEIR_TEXT},       {"line", WEIR_INTEGER}, {"message", WEIR_TEXT},
        {"fields", WEIR_TEXT},
    };
    static_assert(sizeof all / sizeof *all == WEIR_LOG_WITH_FIELDS, "one by one");
    return weir_declare(w, w->log_name ? w->log_name : "log", all, columns, table);
}

/* After a refusal the database is not asked again for a while: declaring is slow. */
static int ask_for_log(weir *w, weir_log_columns columns, weir_table **table) {
    uint64_t now = w->os->now(w->os->self);
    int refusal = atomic_load_explicit(&w->log_refusal, memory_order_relaxed);
    if (refusal != WEIR_OK && now < atomic_load_explicit(&w->log_retry_ns, memory_order_relaxed))
        return refusal;
    int status = declare_log(w, columns, table);
    atomic_store_explicit(&w->log_retry_ns, now + RETRY_NS, memory_order_relaxed);
    atomic_store_explicit(&w->log_refusal, status, memory_order_relaxed);
    return status;
}

/* Declaring twice gives the same table, so threads that race here need no lock of their own. */
int weir_log_declare(weir *w, weir_log_columns columns, weir_table **table) {
    _Atomic(weir_table *) *kept = columns == WEIR_LOG_PLAIN ? &w->log_table : &w->log_fields;
    *table = atomic_load_explicit(kept, memory_order_acquire); /* pairs with the store below */
    if (*table) return WEIR_OK;
    int status = ask_for_log(w, columns, table);
    if (status == WEIR_OK) atomic_store_explicit(kept, *table, memory_order_release);
    return status;
}

static const char *wrong_option(const weir_log_options *options) {
    if ((unsigned)options->keep >= WEIR_LOG_LEVELS) return "keep is no level";
    if ((unsigned)options->record >= WEIR_LOG_LEVELS) return "record is no level";
    return NULL;
}

/* With the lock. *name: the table's, from malloc, or NULL; becomes what is to be freed. */
static int configure_locked(weir *w, const weir_log_options *options, char **name,
                            weir_error *error) {
    bool named = atomic_load_explicit(&w->log_table, memory_order_relaxed) ||
                 atomic_load_explicit(&w->log_fields, memory_order_relaxed);
    if (*name && named)
        return weir_fail(error, WEIR_MISUSE,
                         "weir_log_configure: table: the handle has logged a message already, to "
                         "a table that was chosen then; call this before the first one");
    int status = weir_log_set_recorder(w, options, error);
    if (status != WEIR_OK) return status;
    if (*name) {
        char *before = w->log_name;
        w->log_name = *name;
        *name = before;
    }
    atomic_store_explicit(&w->log_refusal, WEIR_OK, memory_order_relaxed); /* ask again */
    atomic_store_explicit(&w->log_keep, (int)options->keep, memory_order_relaxed);
    return WEIR_OK;
}

static int configure_inside(weir *w, const weir_log_options *options, weir_error *error) {
    char *name = options->table ? strdup(options->table) : NULL;
    if (options->table && !name)
        return weir_fail(error, WEIR_NO_MEMORY, "weir_log_configure: no memory");
    (void)pthread_mutex_lock(&w->declaring); /* fails only for a mutex that was never made */
    int status = configure_locked(w, options, &name, error);
    (void)pthread_mutex_unlock(&w->declaring);
    free(name);
    return status;
}

int weir_log_configure_sized(weir *w, const weir_log_options *options, size_t options_bytes) {
    static const char call[] = "weir_log_configure";
    if (!w || !options) return weir_misuse(call, w ? "options is NULL" : "w is NULL");
    weir_error error = {0};
    weir_log_options own;
    int status =
        weir_sized_take(&own, sizeof own, options, options_bytes, "weir_log_options", &error);
    if (status != WEIR_OK) return weir_publish_error(&error);
    if (wrong_option(&own)) return weir_misuse(call, wrong_option(&own));
    int held;
    status = weir_call_enter(w, WEIR_CALL_OPEN, &held);
    if (status != WEIR_OK) return weir_refuse(call, status);
    status = configure_inside(w, &own, &error);
    weir_call_exit(w, held);
    return status < 0 ? weir_publish_error(&error) : status;
}

/* ---- arguments ------------------------------------------------------------------------------ */

static size_t bytes_of_integer(weir_conversion_length length) {
    switch (length) {
    case WEIR_LENGTH_CHAR: return sizeof(char);
    case WEIR_LENGTH_SHORT: return sizeof(short);
    case WEIR_LENGTH_LONG: return sizeof(long);
    case WEIR_LENGTH_LONG_LONG: return sizeof(long long);
    case WEIR_LENGTH_INTMAX: return sizeof(intmax_t);
    case WEIR_LENGTH_SIZE: return sizeof(size_t);
    case WEIR_LENGTH_PTRDIFF: return sizeof(ptrdiff_t);
    default: return sizeof(int);
    }
}

static weir_log_argument integer_argument(size_t bytes, bool is_signed) {
    return (weir_log_argument){
        .kind = WEIR_LOG_INTEGER, .unused = (uint8_t)(64 - 8 * bytes), .is_signed = is_signed};
}

static weir_log_argument argument_of(const weir_conversion *c) {
    bool wide = c->length == WEIR_LENGTH_LONG;
    weir_log_argument a = {.star = c->precision == WEIR_FIELD_ARGUMENT, .limit = WEIR_LOG_BYTES};
    switch (c->kind) {
    case WEIR_CONVERT_REAL: a.kind = WEIR_LOG_REAL; break;
    case WEIR_CONVERT_TEXT: a.kind = wide ? WEIR_LOG_WIDE_TEXT : WEIR_LOG_TEXT; break;
    case WEIR_CONVERT_ERROR: a.kind = WEIR_LOG_ERROR; break;
    case WEIR_CONVERT_POINTER: return integer_argument(sizeof(void *), false);
    case WEIR_CONVERT_CHARACTER:
        if (!wide) return integer_argument(sizeof(char), false);
        a.kind = WEIR_LOG_WIDE_CHAR;
        break;
    default: return integer_argument(bytes_of_integer(c->length), c->kind == WEIR_CONVERT_SIGNED);
    }
    if (c->precision >= 0 && c->precision < WEIR_LOG_BYTES) a.limit = (uint32_t)c->precision;
    return a;
}

/* A conversion and its stars. A text is not read beyond what can be shown of it. */
static void add_arguments(weir_log_template *t, const weir_conversion *c) {
    const weir_log_argument star = integer_argument(sizeof(int), true);
    if (c->width == WEIR_FIELD_ARGUMENT) t->argument[t->arguments++] = star;
    if (c->precision == WEIR_FIELD_ARGUMENT) t->argument[t->arguments++] = star;
    weir_log_argument a = argument_of(c);
    t->argument[t->arguments++] = a;
}

static bool has_long_double(const char *format) {
    const char *at = format, *end = format + strlen(format);
    weir_conversion c;
    while (weir_conversion_next(&at, end, &c) == 1)
        if (c.length == WEIR_LENGTH_LONG_DOUBLE) return true;
    return false;
}

/* A template has constants for the text and the names, so these must fit the format's limits. */
static bool fields_can_wait(const weir_log_shape *shape) {
    bool fit = shape->fields >= 1 && shape->fields <= WEIR_LOG_ARGUMENTS;
    for (size_t i = 0; fit && i < shape->fields; i++) {
        size_t length = strnlen(shape->field[i].name, WEIR_NAME_MAX + 1);
        fit = length >= 1 && length <= WEIR_NAME_MAX;
    }
    return fit;
}

/* Can such messages be formatted later? A long double is no value of a row. */
static bool can_wait(const weir_log_shape *shape, size_t *values) {
    *values = shape->fields;
    if (shape->field) return fields_can_wait(shape);
    size_t bytes = strnlen(shape->format, WEIR_FORMAT_MAX + 1);
    int count = bytes <= WEIR_FORMAT_MAX ? weir_format_values(shape->format, bytes, NULL) : -1;
    *values = count < 0 ? 0 : (size_t)count;
    return count >= 0 && count <= WEIR_LOG_ARGUMENTS && !has_long_double(shape->format);
}

static weir_log_template *make_of_format(const char *format, size_t arguments) {
    const char *at = format, *end = format + strlen(format);
    weir_conversion c;
    weir_log_template *t = calloc(1, sizeof *t + arguments * sizeof *t->argument);
    if (!t) return NULL;
    while (weir_conversion_next(&at, end, &c) == 1)
        if (c.kind != WEIR_CONVERT_LITERAL) add_arguments(t, &c);
    return t;
}

static weir_log_template *make_of_fields(const weir_log_shape *shape) {
    size_t bytes = 0;
    for (size_t i = 0; i < shape->fields; i++)
        bytes += strlen(shape->field[i].name) + 1; /* at most 62 of 1024: no overflow */
    weir_log_template *t = calloc(1, sizeof *t + bytes);
    if (!t) return NULL;
    char *name = (char *)t->argument;
    t->names = name;
    for (size_t i = 0; i < shape->fields; i++)
        name = stpcpy(name, shape->field[i].name) + 1;
    return t;
}

weir_log_template *weir_log_template_make(const weir_log_shape *shape) {
    size_t values;
    if (!can_wait(shape, &values)) return NULL;
    weir_log_template *t =
        shape->field ? make_of_fields(shape) : make_of_format(shape->format, values);
    if (!t) return NULL;
    t->row.key = -1;
    t->row.columns = (uint16_t)(WEIR_LOG_FIXED + values);
    return t;
}

/* ---- the journal's template ----------------------------------------------------------------- */

/* Names as a template has them (malloc). */
static uint8_t *encode_names(const weir_log_shape *shape, size_t *bytes) {
    size_t fields = shape->field ? shape->fields : 0;
    *bytes = 0;
    for (size_t i = 0; i < fields; i++)
        *bytes += 2 + strlen(shape->field[i].name);
    uint8_t *names = malloc(*bytes + 1), *at = names; /* of no field none */
    for (size_t i = 0; at && i < fields; i++) {
        size_t length = strlen(shape->field[i].name);
        at = weir_put_bytes(weir_put_u16(at, (uint16_t)length), shape->field[i].name, length);
    }
    return names;
}

static weir_template *encode_and_decode(const weir_table *log, const weir_log_template *t,
                                        const weir_source *sources, unsigned columns) {
    uint16_t parameters = t->row.columns, count = (uint16_t)columns;
    weir_template *made = NULL;
    size_t size =
        weir_template_encode(NULL, WEIR_TEMPLATE_FIRST, parameters, log->number, sources, count);
    uint8_t *bytes = calloc(1, size);
    if (!bytes) return NULL;
    size =
        weir_template_encode(bytes, WEIR_TEMPLATE_FIRST, parameters, log->number, sources, count);
    weir_cursor c = weir_cursor_over(bytes, size);
    (void)weir_template_decode(&c, &made); /* NULL without memory */
    free(bytes);
    return made;
}

static weir_template *describe_message(const weir_table *log, weir_log_level level,
                                       const weir_log_site *site, const weir_log_shape *shape,
                                       const weir_log_template *t) {
    size_t bytes;
    uint8_t *names = encode_names(shape, &bytes);
    weir_source sources[] = {
        {.kind = WEIR_SOURCE_PARAMETER, .first = 0},
        {.kind = WEIR_SOURCE_CONSTANT, .constant = weir_text(weir_log_level_name(level))},
        {.kind = WEIR_SOURCE_PARAMETER, .first = 1},
        {.kind = WEIR_SOURCE_CONSTANT, .constant = weir_text(site->file)},
        {.kind = WEIR_SOURCE_CONSTANT, .constant = weir_int(site->line)},
        {.kind = WEIR_SOURCE_FORMAT,
         .first = WEIR_LOG_FIXED,
         .bytes = shape->format,
         .length = strlen(shape->format)},
        {.kind = WEIR_SOURCE_OBJECT,
         .first = WEIR_LOG_FIXED,
         .count = (uint16_t)shape->fields,
         .bytes = (const char *)names,
         .length = bytes},
    };
    if (shape->field)
        sources[WEIR_LOG_PLAIN - 1] =
            (weir_source){.kind = WEIR_SOURCE_CONSTANT, .constant = weir_text(shape->format)};
    weir_template *made =
        names ? encode_and_decode(log, t, sources,
                                  shape->field ? WEIR_LOG_WITH_FIELDS : WEIR_LOG_PLAIN)
              : NULL;
    free(names);
    return made;
}

/* Declared in this opening or in one before: a template that the journal knows needs no record. */
static uint16_t find_template(const weir *w, const weir_template *wanted) {
    const weir_templates *known = &w->templates;
    for (size_t i = 0; i < known->count; i++)
        if (known->list[i] && weir_template_equal(known->list[i], wanted))
            return known->list[i]->number;
    return 0;
}

static uint16_t free_template_number(const weir *w) {
    size_t last = w->templates.count;
    while (last > 0 && !w->templates.list[last - 1])
        last--;
    size_t number = WEIR_TEMPLATE_FIRST + last;
    return number <= WEIR_TEMPLATE_LAST ? (uint16_t)number : 0;
}

static uint8_t *renumber(const weir_template *t, uint16_t number) {
    uint8_t *bytes = malloc(t->length);
    if (bytes) (void)weir_put_bytes(weir_put_u16(bytes, number), t->bytes + 2, t->length - 2);
    return bytes;
}

/* Publish it in this thread's lane: so it comes before every row of it. 0: not now. */
static uint16_t publish_template(weir *w, const weir_template *wanted) {
    uint16_t number = free_template_number(w);
    if (!number) atomic_store_explicit(&w->templates_full, true, memory_order_relaxed);
    weir_template *kept = NULL;
    uint8_t *bytes = number ? renumber(wanted, number) : NULL;
    if (!bytes) return 0;
    weir_cursor c = weir_cursor_over(bytes, wanted->length);
    if (weir_template_decode(&c, &kept) != WEIR_OK ||
        weir_append_record(w, WEIR_RECORD_DECLARATION, bytes, wanted->length, NULL) != WEIR_OK)
        number = 0;
    free(bytes);
    if (!number)
        weir_template_free(kept);
    else /* without memory the next opening finds it in the journal */
        (void)weir_templates_keep(&w->templates, kept);
    return number;
}

/* ---- where it is found ---------------------------------------------------------------------- */

static uint32_t number_of_site(weir_log_level level, weir_log_site *site) {
    uint32_t known = __atomic_load_n(&site->number[level], __ATOMIC_RELAXED); /* under the lock */
    if (known) return known - 1;
    uint32_t number = atomic_fetch_add_explicit(&next_site, 1, memory_order_relaxed);
    if (number >= WEIR_LOG_SITES) {
        atomic_store_explicit(&next_site, WEIR_LOG_SITES, memory_order_relaxed);
        return WEIR_LOG_SITES;
    }
    __atomic_store_n(&site->number[level], number + 1, __ATOMIC_RELAXED);
    return number;
}

static bool keep_log_template(weir *w, uint32_t number, weir_log_template *t) {
    weir_log_page *page =
        atomic_load_explicit(&w->log_pages[number / WEIR_LOG_PAGE], memory_order_relaxed);
    if (!page) {
        page = calloc(1, sizeof *page);
        if (!page) return false;
        atomic_store_explicit(&w->log_pages[number / WEIR_LOG_PAGE], page, memory_order_release);
    }
    atomic_store_explicit(&page->at[number % WEIR_LOG_PAGE], t, memory_order_release);
    return true;
}

/* The generation goes in last, with release: a late call of a former opening sees either its own
 * generation, and the closed gate, or a number of this opening. */
static void open_log_template(weir *w, weir_log_template *t, uint16_t number) {
    t->row.w = w;
    t->row.number = number;
    t->head = number | (uint32_t)t->row.columns << 16;
    __atomic_store_n(&t->row.generation, w->generation, __ATOMIC_RELEASE);
}

static weir_log_template *register_locked(weir *w, weir_log_level level, weir_log_site *site,
                                          const weir_log_shape *shape, const weir_table *log) {
    size_t values;
    if (!can_wait(shape, &values)) {
        __atomic_store_n(&site->number[level], WEIR_LOG_NEVER, __ATOMIC_RELAXED);
        return NULL;
    }
    uint32_t at = number_of_site(level, site);
    weir_log_template *t = weir_log_find(w, at);
    if (t && t->row.generation == w->generation) return t; /* another thread was faster */
    weir_log_template *made = t ? NULL : weir_log_template_make(shape);
    if (at == WEIR_LOG_SITES || (!t && !made)) {
        free(made);
        return NULL;
    }
    weir_template *row = describe_message(log, level, site, shape, t ? t : made);
    uint16_t number = row ? find_template(w, row) : 0;
    if (row && !number) number = publish_template(w, row);
    weir_template_free(row);
    if (made) made->site = site, made->level = level;
    if (number) open_log_template(w, t ? t : made, number);
    if (!number || (made && !keep_log_template(w, at, made))) {
        free(made);
        return NULL;
    }
    return t ? t : made;
}

weir_log_template *weir_log_register(weir *w, weir_log_level level, weir_log_site *site,
                                     const weir_log_shape *shape) {
    weir_table *log;
    int held;
    if (weir_log_declare(w, shape->field ? WEIR_LOG_WITH_FIELDS : WEIR_LOG_PLAIN, &log) != WEIR_OK)
        return NULL;
    if (weir_call_enter(w, WEIR_CALL_OPEN, &held) != WEIR_OK) return NULL;
    (void)pthread_mutex_lock(&w->declaring); /* fails only for a mutex that was never made */
    weir_log_template *t = register_locked(w, level, site, shape, log);
    (void)pthread_mutex_unlock(&w->declaring);
    weir_call_exit(w, held);
    return t;
}
