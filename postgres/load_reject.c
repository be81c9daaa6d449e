/* load_reject.c - rows that are refused, on their way into weir_reject.
 *
 * They go as COPY TEXT, so that the server reads each field by the type that its column has there. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "load_state.h"
#include "sql.h"

enum {
    WAITING_MAX = 1 << 20,
    VALUES_MAX = 256 << 10, /* the record says the same, and memory stays bounded */
    RECORD_MAX = 256 << 20, /* the server takes no line of 1 GiB, and this one is twice as long */
    TIME_TEXT = 48,
};

static int no_memory_to_reject(weir_error *error) {
    return weir_fail(error, WEIR_NO_MEMORY, "no memory for a refused row");
}

/* ---- one field ------------------------------------------------------------------------------- */

/* Each byte that is no UTF-8, or zero, becomes U+FFFD. */
static bool add_readable(weir_pg_bytes *out, const uint8_t *bytes, size_t length) {
    bool added = true;
    while (length && added) {
        size_t clean = weir_pg_clean_length(bytes, length);
        added = weir_pg_bytes_add(out, bytes, clean);
        bytes += clean;
        length -= clean;
        if (!length || !added) break;
        added = weir_pg_bytes_add(out, "\xEF\xBF\xBD", 3);
        bytes++;
        length--;
    }
    return added;
}

static bool add_quoted(weir_pg_bytes *out, const weir_value *v) {
    const uint8_t *at = v->as.bytes, *end = v->length ? at + v->length : at;
    bool added = weir_pg_bytes_add(out, "'", 1);
    while (added && at < end) {
        const uint8_t *quote = memchr(at, '\'', (size_t)(end - at));
        const uint8_t *stop = quote ? quote : end;
        added = add_readable(out, at, (size_t)(stop - at));
        if (added && quote) added = weir_pg_bytes_add(out, "''", 2);
        at = quote ? quote + 1 : end;
    }
    return added && weir_pg_bytes_add(out, "'", 1);
}

static bool add_shown_hex(weir_pg_bytes *out, const weir_value *v) {
    uint8_t *at = weir_pg_bytes_room(out, 2 * (size_t)v->length + 4);
    const uint8_t *bytes = v->as.bytes;
    static const char digits[] = "0123456789ABCDEF";
    if (!at) return false;
    *at++ = 'X';
    *at++ = '\'';
    for (uint32_t i = 0; i < v->length; i++) {
        *at++ = (uint8_t)digits[bytes[i] >> 4];
        *at++ = (uint8_t)digits[bytes[i] & 15];
    }
    *at = '\'';
    out->length += 2 * (size_t)v->length + 3;
    return true;
}

static bool add_shown(weir_pg_bytes *out, const weir_value *v) {
    char digits[WEIR_PG_DIGITS];
    switch (v->type) {
    case WEIR_INTEGER:
        return weir_pg_bytes_add(out, digits, weir_pg_integer_text(digits, v->as.integer));
    case WEIR_REAL: return weir_pg_bytes_add(out, digits, weir_pg_real_text(digits, v->as.real));
    case WEIR_TEXT: return add_quoted(out, v);
    case WEIR_BLOB: return add_shown_hex(out, v);
    default: return weir_pg_bytes_add(out, "NULL", 4);
    }
}

/* The row's values as a person reads them. */
static bool add_values(weir_pg_bytes *out, const weir_pg_refused *r) {
    weir_cursor c = weir_cursor_over(r->bytes, r->length);
    (void)weir_take_u16(&c); /* the table */
    unsigned count = weir_take_u16(&c);
    const uint8_t *tags = weir_take(&c, count);
    for (unsigned i = 0; tags && i < count; i++) {
        weir_value v;
        if (!weir_row_take_value(&c, tags[i], &v)) break;
        if ((i && !weir_pg_bytes_add(out, ", ", 2)) || !add_shown(out, &v)) return false;
    }
    return true;
}

/* ---- one line -------------------------------------------------------------------------------- */

/* As a field of a line, with what ends it. */
static bool add_field(weir_pg_bytes *line, const uint8_t *bytes, size_t length, char end) {
    uint8_t *at = weir_pg_bytes_room(line, 2 * length + 1);
    if (!at) return false;
    uint8_t *after = weir_pg_put_line_text(at, bytes, length);
    *after = (uint8_t)end;
    line->length += (size_t)(after - at) + 1;
    return true;
}

static bool add_words(weir_pg_load *l, const char *words) {
    l->scratch.length = 0;
    return add_readable(&l->scratch, (const uint8_t *)words, strlen(words)) &&
           add_field(&l->rejects, l->scratch.at, l->scratch.length, '\t');
}

static bool add_values_field(weir_pg_load *l, const weir_pg_refused *r) {
    l->scratch.length = 0;
    if (r->length > VALUES_MAX) return weir_pg_bytes_add(&l->rejects, "\\N\t", 3);
    return add_values(&l->scratch, r) &&
           add_field(&l->rejects, l->scratch.at, l->scratch.length, '\t');
}

static bool add_record(weir_pg_load *l, const weir_pg_refused *r) {
    if (r->length > RECORD_MAX) return weir_pg_bytes_add(&l->rejects, "\\N\n", 3);
    uint8_t *at = weir_pg_bytes_room(&l->rejects, 2 * r->length + 4);
    if (!at) return false;
    uint8_t *after = weir_pg_put_line_hex(at, r->bytes, r->length);
    *after = '\n';
    l->rejects.length += (size_t)(after - at) + 1;
    return true;
}

static void time_text(char text[TIME_TEXT], int64_t wall_ns) {
    int64_t seconds = wall_ns / 1000000000, ns = wall_ns % 1000000000;
    struct tm t;
    if (ns < 0) {
        seconds--;
        ns += 1000000000;
    }
    time_t when = seconds;
    if (!gmtime_r(&when, &t)) t = (struct tm){.tm_year = 70, .tm_mday = 1}; /* no such year */
    (void)snprintf(text, TIME_TEXT, "%04d-%02d-%02d %02d:%02d:%02d.%06d+00", t.tm_year + 1900,
                   t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, (int)(ns / 1000));
}

static bool add_head(weir_pg_load *l, const weir_pg_refused *r) {
    char head[2 * sizeof(weir_id) + TIME_TEXT + 32], time[TIME_TEXT];
    int length = 0;
    for (size_t i = 0; i < sizeof(weir_id); i++)
        length += snprintf(head + length, sizeof head - (size_t)length, "%02x", l->journal[i]);
    time_text(time, r->wall_ns);
    length += snprintf(head + length, sizeof head - (size_t)length, "\t%llu\t%s\t",
                       (unsigned long long)r->number, time);
    return weir_pg_bytes_add(&l->rejects, head, (size_t)length);
}

static bool add_message(weir_pg_load *l, const weir_pg_refused *r) {
    char message[1200];
    (void)snprintf(message, sizeof message, "%s%s%s%s", r->message, r->detail[0] ? "; " : "",
                   r->detail,
                   r->length > RECORD_MAX ? "; the row is too long to be kept here as well" : "");
    return add_words(l, message);
}

/* ---- sending --------------------------------------------------------------------------------- */

static int fail_keeping(weir_pg_load *l, int status, weir_error *error) {
    const weir_pg_failure *f = weir_pg_failed(l->pg);
    char said[sizeof f->message];
    if (status != WEIR_DATABASE || !f->sqlstate[0]) return status;
    memcpy(said, f->message, sizeof said);
    return weir_fail(error, status,
                     "refused rows cannot be kept in the table weir_reject: %s; mend or drop it",
                     said);
}

static int send_rejects(weir_pg_load *l, uint64_t *taken, weir_error *error) {
    weir_pg_sql s;
    weir_pg_sql_begin(&s);
    weir_pg_sql_add(&s, "COPY ");
    weir_pg_sql_place(&s, l->schema, "weir_reject");
    weir_pg_sql_add(&s, "(source, \"row\", time, table_name, code, message, \"values\", record)"
                        " FROM STDIN");
    char *text = weir_pg_sql_end(&s);
    if (!text) return no_memory_to_reject(error);
    int status = weir_pg_copy_begin(l->pg, text, error);
    free(text);
    if (status == WEIR_OK)
        status = weir_pg_copy_put(l->pg, l->rejects.at, l->rejects.length, error);
    return status == WEIR_OK ? weir_pg_copy_end(l->pg, taken, error) : status;
}

bool weir_pg_many_rejects(const weir_pg_load *l) { return l->rejects.length >= WAITING_MAX; }

int weir_pg_flush_rejects(weir_pg_load *l, weir_error *error) {
    uint64_t taken = 0, waiting = l->rejects_waiting;
    if (!waiting) return WEIR_OK;
    int status = l->reject_there ? WEIR_OK : weir_pg_make_reject_table(l, error);
    if (status == WEIR_OK) status = send_rejects(l, &taken, error);
    if (status != WEIR_OK) return fail_keeping(l, status, error);
    l->reject_there = true;
    if (l->rejects.capacity > 4 * WAITING_MAX) weir_pg_bytes_free(&l->rejects);
    l->rejects.length = l->rejects_waiting = 0;
    if (taken == waiting) return WEIR_OK;
    return weir_fail(error, WEIR_DATABASE,
                     "refused rows cannot be kept: a trigger of the table weir_reject drops them");
}

int weir_pg_reject(weir_pg_load *l, const weir_pg_refused *r, weir_error *error) {
    if (!add_head(l, r) || !add_words(l, r->table) || !add_words(l, r->sqlstate) ||
        !add_message(l, r) || !add_values_field(l, r) || !add_record(l, r))
        return no_memory_to_reject(error);
    l->counts.rejected++;
    l->rejects_waiting++;
    return WEIR_OK;
}
