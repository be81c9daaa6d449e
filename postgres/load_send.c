/* load_send.c - rows of one table on their way to the server. */
#include "load_state.h"
#include "sql.h"

enum {
    PIECE =
        64 << 10, /* of a COPY that is open: the server begins early, and is seldom without rows */
    STATEMENT_BYTES = 1 << 20, /* of an INSERT */
    STATEMENT_ROWS = 1000,
    ROW_OF_STATEMENT = 256 << 20, /* the server takes no message of more than 1 GiB */
    TABLE_BYTES = 8 << 20,
    ALL_BYTES = 32 << 20,
};

static int no_memory_to_send(const weir_pg_table *t, weir_error *error) {
    return weir_fail(error, WEIR_NO_MEMORY, "table %s: no memory for rows that are sent",
                     t->declaration->name);
}

/* ---- one statement --------------------------------------------------------------------------- */

static int begin_copy(weir_pg_load *l, const weir_pg_table *t, weir_error *error) {
    int status = weir_pg_copy_begin(l->pg, t->insert, error);
    if (status == WEIR_OK && t->shape.format == WEIR_PG_BINARY)
        status = weir_pg_copy_put(l->pg, weir_pg_binary_head, sizeof weir_pg_binary_head, error);
    return status;
}

static int put_pieces(weir_pg_load *l, const uint8_t *bytes, size_t length, weir_error *error) {
    int status = WEIR_OK;
    for (size_t part; length && status == WEIR_OK; bytes += part, length -= part) {
        part = length < PIECE ? length : PIECE;
        status = weir_pg_copy_put(l->pg, bytes, part, error);
    }
    return status;
}

static int finish_copy(weir_pg_load *l, const weir_pg_table *t, uint64_t *taken,
                       weir_error *error) {
    int status = WEIR_OK;
    if (t->shape.format == WEIR_PG_BINARY)
        status = weir_pg_copy_put(l->pg, weir_pg_binary_end, sizeof weir_pg_binary_end, error);
    return status == WEIR_OK ? weir_pg_copy_end(l->pg, taken, error) : status;
}

/* The rows begin with a comma that is one too many. */
static int send_insert(weir_pg_load *l, const weir_pg_table *t, const uint8_t *rows, size_t bytes,
                       uint64_t *taken, weir_error *error) {
    weir_pg_bytes *s = &l->scratch;
    s->length = 0;
    bool composed = bytes ? weir_pg_bytes_add(s, t->insert, strlen(t->insert)) &&
                                weir_pg_bytes_add(s, rows + 1, bytes - 1)
                          : weir_pg_bytes_add(s, t->nothing, strlen(t->nothing));
    if (!composed || !weir_pg_bytes_add(s, "", 1)) return no_memory_to_send(t, error);
    PGresult *r;
    int status = weir_pg_query(l->pg, (const char *)s->at, NULL, 0, false, &r, error);
    if (s->capacity > TABLE_BYTES) weir_pg_bytes_free(s);
    if (status != WEIR_OK) return status;
    *taken = strtoull(PQcmdTuples(r), NULL, 10);
    PQclear(r);
    return WEIR_OK;
}

int weir_pg_send(weir_pg_load *l, weir_pg_table *t, const uint8_t *rows, size_t bytes,
                 uint64_t *taken, weir_error *error) {
    if (t->shape.format == WEIR_PG_LISTS) return send_insert(l, t, rows, bytes, taken, error);
    int status = begin_copy(l, t, error);
    if (status == WEIR_OK) status = put_pieces(l, rows, bytes, error);
    return status == WEIR_OK ? finish_copy(l, t, taken, error) : status;
}

/* ---- boldly ---------------------------------------------------------------------------------- */

/* What failed may be a row's fault: the transaction begins again, and then this table is sent
 * carefully. */
static int after_failure(weir_pg_load *l, weir_pg_table *t, int status, weir_error *error) {
    if (status != WEIR_DATABASE) return status;
    const weir_pg_failure *f = weir_pg_failed(l->pg);
    if (weir_pg_judge(f->sqlstate) == WEIR_PG_NOT_A_ROW) {
        char said[sizeof f->message];
        memcpy(said, f->message, sizeof said);
        return weir_fail(error, status, "table %s takes no rows as it is: %s", t->declaration->name,
                         said);
    }
    t->careful = WEIR_PG_CAREFUL;
    return WEIR_SINK_ANEW;
}

static void count_dropped(weir_pg_load *l, const weir_pg_table *t, uint64_t taken) {
    if (taken < t->rows) l->counts.ignored += t->rows - taken;
}

/* Send what waits of the table whose COPY is open. */
static int push_open_copy(weir_pg_load *l, weir_error *error) {
    weir_pg_table *t = l->open;
    int status = put_pieces(l, t->out.at, t->out.length, error);
    l->held -= t->out.length;
    t->out.length = 0;
    if (status != WEIR_OK) l->open = NULL; /* the failure has ended it */
    return status == WEIR_OK ? status : after_failure(l, t, status, error);
}

static int open_copy(weir_pg_load *l, weir_pg_table *t, weir_error *error) {
    int status = begin_copy(l, t, error);
    if (status != WEIR_OK) return after_failure(l, t, status, error);
    l->open = t;
    return push_open_copy(l, error);
}

int weir_pg_end_copy(weir_pg_load *l, weir_error *error) {
    weir_pg_table *t = l->open;
    uint64_t taken = 0;
    if (!t) return WEIR_OK;
    int status = push_open_copy(l, error);
    if (status != WEIR_OK) return status;
    l->open = NULL;
    status = finish_copy(l, t, &taken, error);
    if (status != WEIR_OK) return after_failure(l, t, status, error);
    count_dropped(l, t, taken);
    weir_pg_table_empty(l, t);
    return WEIR_OK;
}

int weir_pg_flush_table(weir_pg_load *l, weir_pg_table *t, weir_error *error) {
    uint64_t taken = 0;
    int status = weir_pg_end_copy(l, error);
    if (status != WEIR_OK || !t->rows) return status;
    if (weir_pg_is_careful(t)) {
        status = weir_pg_send_carefully(l, t, error);
    } else {
        status = weir_pg_send(l, t, t->out.at, t->out.length, &taken, error);
        if (status != WEIR_OK) return after_failure(l, t, status, error);
        count_dropped(l, t, taken);
    }
    weir_pg_table_empty(l, t);
    return status;
}

int weir_pg_flush_all(weir_pg_load *l, weir_error *error) {
    int status = weir_pg_end_copy(l, error);
    for (uint16_t i = 0; i < l->used_count && status == WEIR_OK; i++)
        status = weir_pg_flush_table(l, l->tables[l->used[i]], error);
    l->last = NULL;
    l->ordered = false;
    return status;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static size_t waiting(const weir_pg_table *t) { return t->out.length + t->records.length; }

static int flush_largest(weir_pg_load *l, weir_error *error) {
    weir_pg_table *largest = l->tables[l->used[0]];
    for (uint16_t i = 1; i < l->used_count; i++)
        if (waiting(l->tables[l->used[i]]) > waiting(largest)) largest = l->tables[l->used[i]];
    return weir_pg_flush_table(l, largest, error);
}

/* Is there so much that some of it goes out? */
static int relieve(weir_pg_load *l, weir_pg_table *t, weir_error *error) {
    size_t bytes = waiting(t);
    if (l->held >= ALL_BYTES) return flush_largest(l, error);
    if (weir_pg_is_careful(t))
        return bytes >= TABLE_BYTES ? weir_pg_flush_table(l, t, error) : WEIR_OK;
    if (t->shape.format == WEIR_PG_LISTS)
        return bytes >= STATEMENT_BYTES || t->rows >= STATEMENT_ROWS
                   ? weir_pg_flush_table(l, t, error)
                   : WEIR_OK;
    if (bytes < PIECE) return WEIR_OK;
    if (l->open == t) return push_open_copy(l, error);
    if (l->open && bytes < TABLE_BYTES) return WEIR_OK;
    int status = weir_pg_end_copy(l, error);
    return status == WEIR_OK ? open_copy(l, t, error) : status;
}

/* For the search: the row as the journal has it. */
static bool keep_row(weir_pg_table *t, const weir_block_header *h, uint64_t number,
                     const uint8_t *bytes, size_t length) {
    weir_pg_kept kept = {t->out.length, t->records.length, (uint32_t)length, number, h->wall_ns};
    if (!weir_pg_bytes_add(&t->kept, &kept, sizeof kept)) return false;
    if (weir_pg_bytes_add(&t->records, bytes, length)) return true;
    t->kept.length -= sizeof kept;
    return false;
}

/* A row that is refused before the server sees it. */
static int reject_here(weir_pg_load *l, const weir_pg_table *t, const weir_block_header *h,
                       uint64_t number, const uint8_t *bytes, size_t length, const char *sqlstate,
                       const char *message, weir_error *error) {
    weir_pg_refused refused = {t->declaration->name, bytes,    length,  number,
                               h->wall_ns,           sqlstate, message, ""};
    int status = weir_pg_reject(l, &refused, error);
    if (status != WEIR_OK || !weir_pg_many_rejects(l)) return status;
    status = weir_pg_end_copy(l, error);
    return status == WEIR_OK ? weir_pg_flush_rejects(l, error) : status;
}

static int reject_value(weir_pg_load *l, const weir_pg_table *t, const weir_block_header *h,
                        uint64_t number, const uint8_t *bytes, size_t length,
                        const weir_pg_refusal *why, weir_error *error) {
    char message[600];
    (void)snprintf(message, sizeof message, "column %.200s: %s",
                   t->declaration->column[why->column].name, why->reason->words);
    return reject_here(l, t, h, number, bytes, length, why->reason->sqlstate, message, error);
}

int weir_pg_take_row(weir_pg_load *l, weir_pg_table *t, const weir_block_header *h, uint64_t number,
                     const uint8_t *bytes, size_t length, weir_error *error) {
    weir_pg_refusal why;
    if (t->shape.format == WEIR_PG_LISTS && length > ROW_OF_STATEMENT)
        return reject_here(l, t, h, number, bytes, length, "54000",
                           "the row is longer than the 256 MiB that one INSERT may have", error);
    uint8_t *at = weir_pg_bytes_room(&t->out, weir_pg_row_room(&t->shape, length)), *end = at;
    if (!at) return no_memory_to_send(t, error);
    int status = weir_pg_encode_row(&t->shape, bytes, length, number, &end, &why);
    if (status == WEIR_REJECTED) return reject_value(l, t, h, number, bytes, length, &why, error);
    if (status != WEIR_OK) return status;
    size_t before = waiting(t);
    if (weir_pg_is_careful(t) && !keep_row(t, h, number, bytes, length))
        return no_memory_to_send(t, error);
    t->out.length += (size_t)(end - at);
    t->rows++;
    l->held += waiting(t) - before;
    return relieve(l, t, error);
}
