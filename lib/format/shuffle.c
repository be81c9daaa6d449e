/* shuffle.c - the bytes of a payload, column by column. Both ways walk the same rows in the same
 * order; they differ in which side of each copy is the payload. */
#include "shuffle.h"

#include <stdlib.h>

enum {
    WORD = 8,             /* the first bytes of each row: length, table, columns */
    USUAL_ROWS = 1 << 18, /* memory for more is given back */
    TABLES = UINT16_MAX + 1,
};

/* Offsets in the payload, which is below 4 GiB. */
typedef struct shuffled_row {
    uint32_t tags, at, end; /* at: its next value */
} shuffled_row;

typedef struct shuffled_table {
    uint16_t table, columns;
    uint32_t rows, next; /* next: where its next row goes in the list of rows */
} shuffled_table;

struct weir_shuffler {
    size_t capacity; /* rows */
    uint64_t *words;
    shuffled_row *rows;     /* those of one table together */
    shuffled_table *tables; /* at most one for each row */
    uint32_t count;         /* of tables */
    uint32_t *of_table;     /* by a table's number, 0 or where it is in tables, counted from 1 */
};

weir_shuffler *weir_shuffler_make(void) {
    weir_shuffler *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->of_table = calloc(TABLES, sizeof *s->of_table);
    if (s->of_table) return s;
    free(s);
    return NULL;
}

static void free_rows(weir_shuffler *s) {
    free(s->words);
    free(s->rows);
    free(s->tables);
    s->words = NULL;
    s->rows = NULL;
    s->tables = NULL;
    s->capacity = 0;
}

void weir_shuffler_free(weir_shuffler *s) {
    if (!s) return;
    free_rows(s);
    free(s->of_table);
    free(s);
}

/* Rows are below 2³², each of these below 16 bytes: no overflow in 64 bits. */
static int make_shuffler_room(weir_shuffler *s, uint32_t rows) {
    if (rows <= s->capacity) return WEIR_OK;
    size_t tables = rows < TABLES ? rows : TABLES;
    free_rows(s);
    s->words = malloc(rows * sizeof *s->words);
    s->rows = malloc(rows * sizeof *s->rows);
    s->tables = calloc(tables, sizeof *s->tables);
    if (s->words && s->rows && s->tables) {
        s->capacity = rows;
        return WEIR_OK;
    }
    free_rows(s);
    return WEIR_NO_MEMORY;
}

/* ---- the rows, by their words ---------------------------------------------------------------- */

static uint32_t word_length(uint64_t word) { return (uint32_t)word; }
static uint16_t word_table(uint64_t word) { return (uint16_t)(word >> 32); }
static uint16_t word_columns(uint64_t word) { return (uint16_t)(word >> 48); }

/* Count the rows of each table, and the bytes of all. False: no such payload. */
static bool count_tables(weir_shuffler *s, uint32_t rows, uint64_t bytes) {
    for (uint32_t i = 0; i < rows; i++) {
        uint64_t word = s->words[i];
        uint16_t table = word_table(word), columns = word_columns(word);
        uint32_t *known = &s->of_table[table];
        if (table == 0 || columns == 0 || columns > WEIR_COLUMNS_MAX) return false;
        if (word_length(word) < (uint32_t)WEIR_ROW_HEAD + columns ||
            bytes < 4 + (uint64_t)word_length(word))
            return false;
        bytes -= 4 + (uint64_t)word_length(word);
        if (!*known) {
            s->tables[s->count] = (shuffled_table){.table = table, .columns = columns};
            *known = ++s->count;
        }
        if (s->tables[*known - 1].columns != columns) return false;
        s->tables[*known - 1].rows++;
    }
    return bytes == 0;
}

static void forget_listed(weir_shuffler *s) {
    for (uint32_t i = 0; i < s->count; i++)
        s->of_table[s->tables[i].table] = 0;
    s->count = 0;
}

/* The rows begin at offset at. False: no such payload. */
static bool list_rows(weir_shuffler *s, uint32_t rows, uint32_t at, uint32_t bytes) {
    bool fits = count_tables(s, rows, bytes - at);
    uint32_t first = 0;
    for (uint32_t i = 0; fits && i < s->count; i++) {
        s->tables[i].next = first;
        first += s->tables[i].rows;
    }
    for (uint32_t i = 0; fits && i < rows; i++) {
        uint64_t word = s->words[i];
        uint32_t tags = at + WORD, end = at + 4 + word_length(word);
        uint32_t place = s->tables[s->of_table[word_table(word)] - 1].next++;
        s->rows[place] = (shuffled_row){tags, tags + word_columns(word), end};
        at = end;
    }
    return fits;
}

/* ---- one column ------------------------------------------------------------------------------ */

static bool tag_is_valid(uint8_t tag) {
    unsigned width = tag & 15;
    switch (tag >> 4) {
    case WEIR_INTEGER: return width >= 1 && width <= 8;
    case WEIR_REAL: return width == 8;
    case WEIR_TEXT:
    case WEIR_BLOB: return width >= 1 && width <= 4;
    default: return tag == WEIR_NULL;
    }
}

static bool tag_is_of_bytes(uint8_t tag) { return tag >> 4 >= WEIR_TEXT; }

/* How many values have a byte number b, and whether there are texts or blobs. */
typedef struct column_shape {
    uint32_t having[WORD];
    bool bytes;
} column_shape;

/* False: a tag that no row may have. Neighbours mostly have the same. */
static bool measure_column(const uint8_t *tags, uint32_t rows, column_shape *out) {
    uint32_t widths[WORD + 1] = {0};
    *out = (column_shape){.bytes = false};
    for (uint32_t i = 0, begin = 0; i < rows; begin = i) {
        uint8_t tag = tags[i];
        if (!tag_is_valid(tag)) return false;
        while (i < rows && tags[i] == tag)
            i++;
        widths[tag & 15] += i - begin;
        out->bytes |= tag_is_of_bytes(tag);
    }
    uint32_t wider = 0;
    for (unsigned b = WORD; b > 0; b--)
        out->having[b - 1] = wider += widths[b];
    return true;
}

/* The length of the text whose length field ends at offset at. */
static uint32_t text_length(const uint8_t *payload, uint32_t at, unsigned width) {
    uint32_t length = 0;
    for (unsigned b = 0; b < width; b++)
        length |= (uint32_t)payload[at - width + b] << 8 * b;
    return length;
}

/* ---- from the payload ------------------------------------------------------------------------ */

static bool take_words(weir_shuffler *s, weir_cursor body, uint32_t rows) {
    const uint8_t *row;
    size_t bytes;
    for (uint32_t i = 0; i < rows; i++) {
        weir_cursor word = body;
        if (weir_payload_next_row(&body, &row, &bytes) != 1) return false;
        s->words[i] = weir_take_u64(&word);
    }
    return weir_cursor_left(&body) == 0;
}

static uint8_t *put_words(const weir_shuffler *s, uint32_t rows, uint8_t *to) {
    for (unsigned b = 0; b < WORD; b++)
        for (uint32_t i = 0; i < rows; i++)
            *to++ = (uint8_t)(s->words[i] >> 8 * b);
    return to;
}

/* The texts and blobs of a column, whose length fields have gone. NULL: a row ends within one. */
static uint8_t *shuffle_texts(shuffled_row *rows, uint32_t count, const uint8_t *tags,
                              const uint8_t *from, uint8_t *to) {
    for (uint32_t i = 0; i < count; i++) {
        if (!tag_is_of_bytes(tags[i])) continue;
        uint32_t length = text_length(from, rows[i].at, tags[i] & 15);
        if (length > rows[i].end - rows[i].at) return NULL;
        to = weir_put_bytes(to, from + rows[i].at, length);
        rows[i].at += length;
    }
    return to;
}

/* NULL: not the values of rows. What is written never exceeds what was read. */
static uint8_t *shuffle_column(shuffled_row *rows, uint32_t count, unsigned column,
                               const uint8_t *from, uint8_t *to) {
    uint8_t *tags = to, *plane[WORD];
    column_shape shape;
    for (uint32_t i = 0; i < count; i++)
        tags[i] = from[rows[i].tags + column];
    if (!measure_column(tags, count, &shape)) return NULL;
    to += count;
    for (uint32_t i = 0; i < count; i++)
        if ((uint32_t)(tags[i] & 15) > rows[i].end - rows[i].at) return NULL;
    for (unsigned b = 0; b < WORD; to += shape.having[b++])
        plane[b] = to;
    for (uint32_t i = 0; i < count; i++) {
        unsigned width = tags[i] & 15;
        for (unsigned b = 0; b < width; b++)
            *plane[b]++ = from[rows[i].at + b];
        rows[i].at += width;
    }
    return shape.bytes ? shuffle_texts(rows, count, tags, from, to) : to;
}

/* ---- and back -------------------------------------------------------------------------------- */

static void take_planes(weir_shuffler *s, const uint8_t *planes, uint32_t rows) {
    for (uint32_t i = 0; i < rows; i++)
        s->words[i] = planes[i];
    for (unsigned b = 1; b < WORD; b++)
        for (uint32_t i = 0; i < rows; i++)
            s->words[i] |= (uint64_t)planes[(size_t)b * rows + i] << 8 * b;
}

static bool unshuffle_texts(shuffled_row *rows, uint32_t count, const uint8_t *tags,
                            weir_cursor *from, uint8_t *to) {
    for (uint32_t i = 0; i < count; i++) {
        if (!tag_is_of_bytes(tags[i])) continue;
        uint32_t length = text_length(to, rows[i].at, tags[i] & 15);
        if (length > rows[i].end - rows[i].at) return false;
        weir_take_copy(from, to + rows[i].at, length);
        rows[i].at += length;
    }
    return weir_cursor_ok(from);
}

static bool unshuffle_column(shuffled_row *rows, uint32_t count, unsigned column, weir_cursor *from,
                             uint8_t *to) {
    const uint8_t *tags = weir_take(from, count), *plane[WORD];
    column_shape shape;
    if (!tags || !measure_column(tags, count, &shape)) return false;
    for (unsigned b = 0; b < WORD; b++)
        if (!(plane[b] = weir_take(from, shape.having[b]))) return false;
    for (uint32_t i = 0; i < count; i++) {
        unsigned width = tags[i] & 15;
        if (width > rows[i].end - rows[i].at) return false;
        to[rows[i].tags + column] = tags[i];
        for (unsigned b = 0; b < width; b++)
            to[rows[i].at + b] = *plane[b]++;
        rows[i].at += width;
    }
    return !shape.bytes || unshuffle_texts(rows, count, tags, from, to);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static bool rows_are_full(const shuffled_row *rows, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].at != rows[i].end) return false;
    return true;
}

static bool shuffle_rows(weir_shuffler *s, const weir_payload *p, const uint8_t *from, size_t bytes,
                         uint32_t rows, uint8_t *to) {
    uint32_t head = (uint32_t)weir_payload_head_size(p->lanes);
    if (!take_words(s, p->body, rows) || !list_rows(s, rows, head, (uint32_t)bytes)) return false;
    to = put_words(s, rows, weir_put_bytes(to, from, head));
    shuffled_row *first = s->rows;
    for (uint32_t i = 0; i < s->count; first += s->tables[i++].rows)
        for (unsigned column = 0; column < s->tables[i].columns; column++)
            if (!(to = shuffle_column(first, s->tables[i].rows, column, from, to))) return false;
    return rows_are_full(s->rows, rows);
}

static bool unshuffle_rows(weir_shuffler *s, const weir_payload *p, const uint8_t *from,
                           size_t bytes, uint32_t rows, uint8_t *to) {
    uint32_t head = (uint32_t)weir_payload_head_size(p->lanes);
    weir_cursor rest = p->body;
    const uint8_t *planes = weir_take(&rest, (size_t)WORD * rows);
    if (!planes) return false;
    take_planes(s, planes, rows);
    if (!list_rows(s, rows, head, (uint32_t)bytes)) return false;
    (void)weir_put_bytes(to, from, head);
    for (uint32_t i = 0, at = head; i < rows; at += 4 + word_length(s->words[i++]))
        (void)weir_put_u64(to + at, s->words[i]);
    shuffled_row *first = s->rows;
    for (uint32_t i = 0; i < s->count; first += s->tables[i++].rows)
        for (unsigned column = 0; column < s->tables[i].columns; column++)
            if (!unshuffle_column(first, s->tables[i].rows, column, &rest, to)) return false;
    return rows_are_full(s->rows, rows); /* so nothing is left: they are as many bytes */
}

typedef bool reorder(weir_shuffler *s, const weir_payload *p, const uint8_t *from, size_t bytes,
                     uint32_t rows, uint8_t *to);

static int reorder_payload(weir_shuffler *s, const uint8_t *from, size_t bytes, uint32_t rows,
                           uint8_t *to, reorder *how) {
    weir_payload payload;
    if (bytes > WEIR_RAW_MAX || rows > bytes / WORD || !weir_payload_parse(from, bytes, &payload))
        return WEIR_DAMAGED;
    if (make_shuffler_room(s, rows) != WEIR_OK) return WEIR_NO_MEMORY;
    bool done = how(s, &payload, from, bytes, rows, to);
    forget_listed(s);
    if (s->capacity > USUAL_ROWS) free_rows(s);
    return done ? WEIR_OK : WEIR_DAMAGED;
}

int weir_shuffle(weir_shuffler *s, const uint8_t *from, size_t bytes, uint32_t rows, uint8_t *to) {
    return reorder_payload(s, from, bytes, rows, to, shuffle_rows);
}

int weir_unshuffle(weir_shuffler *s, const uint8_t *from, size_t bytes, uint32_t rows,
                   uint8_t *to) {
    return reorder_payload(s, from, bytes, rows, to, unshuffle_rows);
}
