/* image.c - rows as the pages of an SQLite database in memory. */
#include "image.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "schema.h"

enum {
    PAGE = WEIR_IMAGE_PAGE, /* holds whole rows; SQLite's largest, 65,536, is written as 1 or 0 */
    HEADER = 100,           /* of the file, before page 1's own */
    LEAF_HEADER = 8,
    INTERIOR_HEADER = 12,
    FIRST_LEAF = 2 + WEIR_IMAGE_TABLES, /* page 1 is the schema, and then each slot has its root */
    LEAVES = WEIR_IMAGE_PAGES - FIRST_LEAF + 1, /* 8 MiB: more than most transactions take */
    TABLE_LEAF = 13,
    TABLE_INTERIOR = 5,
    PAYLOAD_MAX = PAGE - 35, /* a longer one would be continued on other pages */
    VARINT_MAX = 9,
    SERIALS_MAX = 5 * WEIR_COLUMNS_MAX, /* a length has 32 bits, and its serial type 34 */
    SLACK = 8,                          /* integers are stored as whole words */
};

/* A page being filled: cells from its end down, their places from its header up. */
typedef struct page {
    uint8_t *bytes;
    uint32_t header, end, cells, top; /* header: where it begins; end: where it ends */
} page;

typedef struct image_table {
    char *sql; /* NULL: not defined */
    weir_type type[WEIR_COLUMNS_MAX];
    bool not_null[WEIR_COLUMNS_MAX];
    unsigned columns;
    uint32_t leaf_number; /* 0: it has no rows */
    page leaf, root;      /* root: only when there is more than one leaf */
    int64_t last;         /* greatest rowid */
} image_table;

struct weir_image {
    const uint8_t *page[WEIR_IMAGE_PAGES + 1]; /* by number; NULL: nothing refers to it */
    uint8_t *leaf[LEAVES];                     /* the memory, kept for the next transaction */
    uint8_t *root[WEIR_IMAGE_TABLES];
    image_table *table[WEIR_IMAGE_TABLES];
    uint32_t leaves, changes, cookie;
    bool sealed;
    uint8_t schema[PAGE];
    uint8_t serials[SERIALS_MAX + SLACK], body[PAGE + SLACK];
};

/* ---- numbers: the file format is big-endian -------------------------------------------------- */

static void put_be16(uint8_t *at, uint32_t v) {
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

static void put_be32(uint8_t *at, uint32_t v) {
    put_be16(at, v >> 16);
    put_be16(at + 2, v);
}

/* Seven bits a byte, the highest first; the ninth byte has eight. */
static unsigned put_varint(uint8_t *at, uint64_t v) {
    uint8_t reversed[VARINT_MAX];
    unsigned n = 0;
    if (v < 128) {
        *at = (uint8_t)v;
        return 1;
    }
    if (v >> 56) {
        at[8] = (uint8_t)v;
        v >>= 8;
        for (unsigned i = 8; i-- > 0; v >>= 7)
            at[i] = (uint8_t)(v | 128);
        return VARINT_MAX;
    }
    for (; v; v >>= 7)
        reversed[n++] = (uint8_t)(v | 128);
    reversed[0] &= 127;
    for (unsigned i = 0; i < n; i++)
        at[i] = reversed[n - 1 - i];
    return n;
}

/* ---- pages ----------------------------------------------------------------------------------- */

static page page_over(uint8_t *bytes, uint32_t header, uint32_t end) {
    return (page){bytes, header, end, 0, PAGE};
}

static bool page_has_room(const page *p, size_t bytes) {
    return p->end + 2 * (p->cells + 1) + bytes <= p->top;
}

/* The caller has seen that there is room. */
static uint8_t *page_add(page *p, size_t bytes) {
    p->top -= (uint32_t)bytes;
    put_be16(p->bytes + p->end + 2 * p->cells++, p->top);
    return p->bytes + p->top;
}

static void page_finish(const page *p, uint8_t kind) {
    uint8_t *at = p->bytes + p->header;
    memset(at, 0, LEAF_HEADER); /* no free blocks, no fragments */
    at[0] = kind;
    put_be16(at + 3, p->cells);
    put_be16(at + 5, p->top);
}

static uint8_t *page_memory(uint8_t **kept) {
    if (!*kept) *kept = malloc(PAGE);
    return *kept;
}

/* ---- records --------------------------------------------------------------------------------- */

/* A record in the making: serial types here, values there. */
typedef struct record {
    uint8_t *serial, *value, *end;
    int64_t rowid;
} record;

static void put_serial(record *r, uint64_t type) { r->serial += put_varint(r->serial, type); }

/* By the number of bytes that the value has without its sign. */
static const struct {
    uint8_t serial, bytes;
} integers[9] = {{0, 0}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 6}, {5, 6}, {6, 8}, {6, 8}};

static void put_integer(record *r, int64_t v) {
    if (v == 0 || v == 1) {
        *r->serial++ = (uint8_t)(8 + v);
        return;
    }
    uint64_t digits = (uint64_t)(v < 0 ? ~v : v) | 1;
    unsigned size = (unsigned)(64 - __builtin_clzll(digits) + 8) / 8; /* with a bit for the sign */
    unsigned bytes = integers[size].bytes;
    uint64_t word = htobe64((uint64_t)v << (64 - 8 * bytes));
    *r->serial++ = integers[size].serial;
    memcpy(r->value, &word, sizeof word); /* what is too much is overwritten */
    r->value += bytes;
}

static void put_real(record *r, double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    bits = htobe64(bits);
    *r->serial++ = 7;
    memcpy(r->value, &bits, sizeof bits);
    r->value += sizeof bits;
}

/* A column of REAL affinity stores whole numbers as integers, if six bytes hold them. */
static bool is_short_whole(double v, int64_t *whole) {
    const double most = (double)((int64_t)1 << 47);
    if (!(v >= -most && v < most)) return false;
    *whole = (int64_t)v;
    return (double)*whole == v;
}

static bool put_bytes(record *r, weir_cursor *c, unsigned width, unsigned kind) {
    if (width < 1 || width > 4) return false;
    uint64_t length = weir_take_uint(c, width);
    if (length > (uint64_t)(r->end - r->value)) return false;
    const uint8_t *bytes = weir_take(c, (size_t)length);
    if (!weir_cursor_ok(c)) return false;
    put_serial(r, 2 * length + kind);
    if (length) memcpy(r->value, bytes, (size_t)length);
    r->value += length;
    return true;
}

static bool take_integer(record *r, weir_cursor *c, unsigned width, weir_type column) {
    if (width - 1 >= 8) return false;
    int64_t v = weir_take_int(c, width);
    if (column == WEIR_KEY) {
        r->rowid = v;
        *r->serial++ = 0; /* the rowid stands for it */
        return true;
    }
    if (column == WEIR_TEXT) return false;
    if (column == WEIR_REAL && (v >> 47) != (v >> 63)) return false; /* it would become a real */
    put_integer(r, v);
    return true;
}

static bool take_real(record *r, weir_cursor *c, unsigned width, weir_type column, bool not_null) {
    int64_t whole;
    double v;
    if (width != 8 || (column != WEIR_REAL && column != WEIR_BLOB)) return false;
    uint64_t bits = weir_take_u64(c);
    memcpy(&v, &bits, sizeof v);
    if (v != v) { /* SQLite has no NaN */
        *r->serial++ = 0;
        return !not_null;
    }
    if (column == WEIR_REAL && is_short_whole(v, &whole))
        put_integer(r, whole);
    else
        put_real(r, v);
    return true;
}

/* The column's type is its affinity: what that would convert is not for us. */
static bool take_value(record *r, weir_cursor *c, unsigned tag, weir_type column, bool not_null) {
    unsigned width = tag & 15;
    if (r->end - r->value < 8) return false;
    switch (tag >> 4) {
    case WEIR_INTEGER: return take_integer(r, c, width, column);
    case WEIR_REAL: return take_real(r, c, width, column, not_null);
    case WEIR_TEXT:
        return (column == WEIR_TEXT || column == WEIR_BLOB) && put_bytes(r, c, width, 13);
    case WEIR_BLOB: return column != WEIR_KEY && put_bytes(r, c, width, 12);
    default: *r->serial++ = 0; return tag == WEIR_NULL && !not_null && column != WEIR_KEY;
    }
}

/* A row of an older declaration may have fewer columns: the others are NULL. */
static bool take_row(const image_table *t, record *r, const uint8_t *bytes, size_t length) {
    weir_cursor c = weir_cursor_over(bytes, length);
    (void)weir_take_u16(&c); /* the table's number: the caller chose the slot by it */
    unsigned columns = weir_take_u16(&c);
    if (columns < 1 || columns > t->columns) return false;
    const uint8_t *tags = weir_take(&c, columns);
    if (!tags) return false;
    for (unsigned i = 0; i < columns; i++)
        if (!take_value(r, &c, tags[i], t->type[i], t->not_null[i])) return false;
    for (unsigned i = columns; i < t->columns; i++) {
        if (t->not_null[i] || t->type[i] == WEIR_KEY) return false;
        *r->serial++ = 0;
    }
    return weir_cursor_ok(&c) && weir_cursor_left(&c) == 0;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* The header's size counts the bytes that say it. */
static unsigned header_size(size_t serials) {
    return (unsigned)(serials + (serials < 127 ? 1 : 2));
}

/* A leaf's cell: payload size, rowid, and the record. False when it fits into no page. */
static bool add_cell(page *p, const uint8_t *serials, const uint8_t *body, const record *r) {
    size_t types = (size_t)(r->serial - serials), values = (size_t)(r->value - body);
    unsigned header = header_size(types);
    uint8_t head[3 * VARINT_MAX];
    unsigned n = put_varint(head, header + values);
    n += put_varint(head + n, (uint64_t)r->rowid);
    n += put_varint(head + n, header);
    if (!page_has_room(p, n + types + values)) return false;
    uint8_t *at = page_add(p, n + types + values);
    at = weir_put_bytes(at, head, n);
    at = weir_put_bytes(at, serials, types);
    (void)weir_put_bytes(at, body, values); /* its end is the cell's */
    return true;
}

/* The full leaf becomes a child of the root, which holds its greatest rowid. */
static bool hang_leaf(weir_image *image, unsigned slot, image_table *t) {
    if (!t->root.bytes) {
        if (!page_memory(&image->root[slot])) return false;
        t->root = page_over(image->root[slot], 0, INTERIOR_HEADER);
    }
    uint8_t cell[4 + VARINT_MAX];
    put_be32(cell, t->leaf_number);
    unsigned n = 4 + put_varint(cell + 4, (uint64_t)t->last);
    if (!page_has_room(&t->root, n)) return false;
    (void)weir_put_bytes(page_add(&t->root, n), cell, n);
    page_finish(&t->leaf, TABLE_LEAF);
    return true;
}

static bool next_leaf(weir_image *image, unsigned slot, image_table *t) {
    if (image->leaves == LEAVES || !page_memory(&image->leaf[image->leaves])) return false;
    if (t->leaf_number && !hang_leaf(image, slot, t)) return false;
    uint8_t *bytes = image->leaf[image->leaves];
    t->leaf = page_over(bytes, 0, LEAF_HEADER);
    t->leaf_number = FIRST_LEAF + image->leaves++;
    image->page[t->leaf_number] = bytes;
    return true;
}

bool weir_image_take(weir_image *image, unsigned slot, const uint8_t *bytes, size_t length) {
    image_table *t = image->table[slot];
    if (!t || image->sealed) return false;
    bool first = t->leaf_number == 0;
    if (!first && t->last == INT64_MAX) return false;
    record r = {image->serials, image->body, image->body + PAYLOAD_MAX, first ? 1 : t->last + 1};
    if (!take_row(t, &r, bytes, length) || (!first && r.rowid <= t->last)) return false;
    size_t types = (size_t)(r.serial - image->serials), values = (size_t)(r.value - image->body);
    if (header_size(types) + values > PAYLOAD_MAX) return false;
    if (first || !add_cell(&t->leaf, image->serials, image->body, &r))
        if (!next_leaf(image, slot, t) || !add_cell(&t->leaf, image->serials, image->body, &r))
            return false;
    t->last = r.rowid;
    return true;
}

/* ---- what SQLite reads ----------------------------------------------------------------------- */

/* One leaf is the root itself: a page does not say its own number. */
static void seal_table(weir_image *image, unsigned slot, image_table *t) {
    const uint8_t **root = &image->page[2 + slot];
    if (!t->leaf_number) { /* an empty leaf */
        t->leaf = page_over(image->root[slot], 0, LEAF_HEADER);
        *root = image->root[slot];
    } else {
        *root = t->root.bytes ? t->root.bytes : t->leaf.bytes;
    }
    page_finish(&t->leaf, TABLE_LEAF);
    if (!t->root.bytes) return;
    page_finish(&t->root, TABLE_INTERIOR);
    put_be32(t->root.bytes + 8, t->leaf_number); /* the rightmost child has no cell */
}

void weir_image_seal(weir_image *image) {
    for (unsigned slot = 0; slot < WEIR_IMAGE_TABLES; slot++)
        if (image->table[slot]) seal_table(image, slot, image->table[slot]);
    image->sealed = true;
}

/* SQLite believes the size that the header says because "version valid for" repeats the counter. */
static void change(weir_image *image) {
    image->changes++;
    put_be32(image->schema + 24, image->changes);
    put_be32(image->schema + 92, image->changes);
}

void weir_image_clear(weir_image *image) {
    for (unsigned slot = 0; slot < WEIR_IMAGE_TABLES; slot++) {
        image_table *t = image->table[slot];
        if (!t) continue;
        t->leaf_number = 0;
        t->root.bytes = NULL;
    }
    image->leaves = 0;
    image->sealed = false;
    change(image);
}

/* ---- the schema ------------------------------------------------------------------------------ */

static void put_text(record *r, const char *text, size_t length) {
    put_serial(r, 2 * (uint64_t)length + 13);
    r->value = weir_put_bytes(r->value, text, length);
}

/* CREATE TABLE sqlite_schema(type text, name text, tbl_name text, rootpage integer, sql text); */
static bool add_to_schema(weir_image *image, page *p, unsigned slot, const char *sql) {
    char name[16];
    (void)sqlite3_snprintf(sizeof name, name, "t%u", slot);
    size_t length = strlen(sql), name_length = strlen(name);
    if (length > PAYLOAD_MAX / 2) return false;
    record r = {image->serials, image->body, image->body + PAYLOAD_MAX, (int64_t)slot + 1};
    put_text(&r, "table", 5);
    put_text(&r, name, name_length);
    put_text(&r, name, name_length);
    put_integer(&r, 2 + (int64_t)slot);
    put_text(&r, sql, length);
    return add_cell(p, image->serials, image->body, &r);
}

static bool write_schema(weir_image *image) {
    page p = page_over(image->schema, HEADER, HEADER + LEAF_HEADER);
    bool fits = true;
    for (unsigned slot = 0; slot < WEIR_IMAGE_TABLES && fits; slot++)
        if (image->table[slot]) fits = add_to_schema(image, &p, slot, image->table[slot]->sql);
    page_finish(&p, TABLE_LEAF);
    put_be32(image->schema + 40, ++image->cookie);
    change(image);
    return fits;
}

static void write_header(uint8_t *at) {
    memset(at, 0, HEADER);
    memcpy(at, "SQLite format 3", 16);
    put_be16(at + 16, PAGE);
    at[18] = at[19] = 1; /* rollback journal, and none will ever be needed */
    at[21] = 64;         /* payload fractions: fixed */
    at[22] = at[23] = 32;
    put_be32(at + 28, WEIR_IMAGE_PAGES);
    put_be32(at + 44, 4); /* schema format */
    put_be32(at + 56, 1); /* UTF-8 */
    put_be32(at + 96, 3040001);
}

static char *table_sql(unsigned slot, const weir_image_column *column, unsigned columns) {
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendf(sql, "CREATE TABLE t%u", slot);
    for (unsigned i = 0; i < columns; i++) {
        sqlite3_str_appendf(sql, "%sc%u %s", i ? "," : "(", i, weir_schema_type(column[i].type));
        /* To SQLite a column with the usual collation spelled out differs from one without. */
        if (sqlite3_stricmp(column[i].collation, "BINARY") != 0)
            sqlite3_str_appendf(sql, " COLLATE \"%w\"", column[i].collation);
        if (column[i].not_null) sqlite3_str_appendall(sql, " NOT NULL");
    }
    sqlite3_str_appendall(sql, ")");
    return sqlite3_str_finish(sql);
}

static void forget_table(weir_image *image, unsigned slot) {
    if (image->table[slot]) sqlite3_free(image->table[slot]->sql);
    free(image->table[slot]);
    image->table[slot] = NULL;
}

bool weir_image_define(weir_image *image, unsigned slot, const weir_image_column *column,
                       unsigned columns) {
    forget_table(image, slot);
    image_table *t = columns <= WEIR_COLUMNS_MAX ? calloc(1, sizeof *t) : NULL;
    if (!t || !page_memory(&image->root[slot])) {
        free(t);
        return false;
    }
    t->columns = columns;
    for (unsigned i = 0; i < columns; i++) {
        t->type[i] = column[i].type;
        t->not_null[i] = column[i].not_null;
    }
    t->sql = table_sql(slot, column, columns);
    image->table[slot] = t;
    bool fits = t->sql && write_schema(image);
    if (!fits) {
        forget_table(image, slot);
        (void)write_schema(image); /* it did fit before */
    }
    return fits;
}

/* ---- making ---------------------------------------------------------------------------------- */

int weir_image_make(weir_image **out) {
    weir_image *image = *out = calloc(1, sizeof *image);
    if (!image) return WEIR_NO_MEMORY;
    image->page[1] = image->schema;
    write_header(image->schema);
    (void)write_schema(image); /* nothing fits */
    return WEIR_OK;
}

void weir_image_free(weir_image *image) {
    if (!image) return;
    for (unsigned slot = 0; slot < WEIR_IMAGE_TABLES; slot++) {
        forget_table(image, slot);
        free(image->root[slot]);
    }
    for (uint32_t i = 0; i < LEAVES; i++)
        free(image->leaf[i]);
    free(image);
}

const uint8_t *weir_image_page(const weir_image *image, uint32_t number) {
    return number <= WEIR_IMAGE_PAGES ? image->page[number] : NULL;
}
