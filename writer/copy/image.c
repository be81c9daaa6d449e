/* image.c - rows as the pages of an SQLite database in memory. */
#include "image.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "sqlite_record.h"

enum {
    PAGE = WEIR_IMAGE_PAGE, /* holds whole rows; SQLite's largest, 65,536, is written as 1 or 0 */
    HEADER = 100,           /* of the file, before the header of page 1 */
    BEYOND = 256, /* SQLite may read so far past a page in memory: unixFetch in its os_unix.c */
    LEAF_HEADER = 8,
    INTERIOR_HEADER = 12,
    FIRST_LEAF = 2 + WEIR_IMAGE_TABLES, /* after page 1, the schema, and the root of each slot */
    LEAVES = WEIR_IMAGE_PAGES - FIRST_LEAF + 1, /* 8 MiB: more than most transactions take */
    DUE = 8, /* 256 KiB, which stay in the processor's cache; 4 leaves are as fast, 32 are slower */
    TABLE_LEAF = 13,
    TABLE_INTERIOR = 5,
    PAYLOAD_MAX = PAGE - 35, /* a longer one would be continued on other pages */
};

/* A page being filled: cells from its end downwards, their offsets from its header upwards. */
typedef struct page {
    uint8_t *bytes;
    uint32_t header, end, cells, top; /* header: where it begins; end: where it ends */
} page;

typedef struct image_table {
    char *sql; /* NULL: not defined */
    weir_sqlite_record_shape shape;
    uint32_t leaf_number; /* 0: it has no rows */
    page leaf, root;      /* root: only when there is more than one leaf */
    int64_t last;         /* greatest rowid */
} image_table;

struct weir_image {
    const uint8_t *page[WEIR_IMAGE_PAGES + 1]; /* by number; NULL: nothing refers to it */
    uint8_t *leaf[LEAVES];                     /* the memory, kept for the next transaction */
    uint8_t *root[WEIR_IMAGE_TABLES];
    image_table *table[WEIR_IMAGE_TABLES];
    uint32_t leaves, full, changes, cookie; /* full: of the leaves */
    bool sealed;
    uint8_t schema[PAGE];
    uint8_t serials[WEIR_SERIALS_MAX + WEIR_SQLITE_RECORD_SLACK],
        body[PAGE + WEIR_SQLITE_RECORD_SLACK];
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

/* ---- pages ----------------------------------------------------------------------------------- */

static page page_over(uint8_t *bytes, uint32_t header, uint32_t end) {
    return (page){bytes, header, end, 0, PAGE};
}

static bool page_has_room(const page *p, size_t bytes) {
    return p->end + 2 * (p->cells + 1) + bytes <= p->top;
}

static uint8_t *page_add(page *p, size_t bytes) {
    assert(page_has_room(p, bytes));
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
    if (!*kept) *kept = malloc(PAGE + BEYOND);
    return *kept;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* The size of a record's header includes the bytes in which it is written. */
static unsigned header_size(size_t serials) {
    return (unsigned)(serials + (serials < 127 ? 1 : 2));
}

/* Add a cell of a leaf: payload size, rowid, and the record. False when the page has no room for
 * it. */
static bool add_cell(page *p, const uint8_t *serials, const uint8_t *body,
                     const weir_sqlite_record *r) {
    size_t types = (size_t)(r->serial - serials), values = (size_t)(r->value - body);
    unsigned header = header_size(types);
    uint8_t head[3 * WEIR_VARINT_MAX];
    unsigned n = weir_varint_put(head, header + values);
    n += weir_varint_put(head + n, (uint64_t)r->rowid);
    n += weir_varint_put(head + n, header);
    if (!page_has_room(p, n + types + values)) return false;
    uint8_t *at = page_add(p, n + types + values);
    at = weir_put_bytes(at, head, n);
    at = weir_put_bytes(at, serials, types);
    (void)weir_put_bytes(at, body, values); /* its end is the cell's */
    return true;
}

/* The full leaf becomes a child of the root, whose cell for it has its greatest rowid. */
static bool hang_leaf(weir_image *image, unsigned slot, image_table *t) {
    if (!t->root.bytes) {
        if (!page_memory(&image->root[slot])) return false;
        t->root = page_over(image->root[slot], 0, INTERIOR_HEADER);
    }
    uint8_t cell[4 + WEIR_VARINT_MAX];
    put_be32(cell, t->leaf_number);
    unsigned n = 4 + weir_varint_put(cell + 4, (uint64_t)t->last);
    if (!page_has_room(&t->root, n)) return false;
    (void)weir_put_bytes(page_add(&t->root, n), cell, n);
    page_finish(&t->leaf, TABLE_LEAF);
    image->full++;
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
    bool empty = t->leaf_number == 0; /* t->last counts for nothing */
    if (!empty && t->last == INT64_MAX) return false;
    weir_sqlite_record r = {image->serials, image->body, image->body + PAYLOAD_MAX,
                            empty ? 1 : t->last + 1};
    if (!weir_sqlite_record_row(&r, &t->shape, bytes, length)) return false;
    if (!empty && r.rowid <= t->last) return false;
    size_t types = (size_t)(r.serial - image->serials), values = (size_t)(r.value - image->body);
    if (header_size(types) + values > PAYLOAD_MAX) return false;
    bool added = !empty && add_cell(&t->leaf, image->serials, image->body, &r);
    if (!added)
        added = next_leaf(image, slot, t) && add_cell(&t->leaf, image->serials, image->body, &r);
    if (added) t->last = r.rowid;
    return added;
}

bool weir_image_is_due(const weir_image *image) { return image->full >= DUE; }

/* ---- what SQLite reads ----------------------------------------------------------------------- */

/* A single leaf is the root itself, which it can be since a page does not contain its own
 * number. */
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

/* SQLite trusts the size in the file header only if "version valid for" equals the change
 * counter. */
static void change_page(weir_image *image) {
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
    image->leaves = image->full = 0;
    image->sealed = false;
    change_page(image);
}

/* ---- the schema ------------------------------------------------------------------------------ */

/* CREATE TABLE sqlite_schema(type text, name text, tbl_name text, rootpage integer, sql text); */
static bool add_to_schema(weir_image *image, page *p, unsigned slot, const char *sql) {
    char name[16];
    (void)sqlite3_snprintf(sizeof name, name, "t%u", slot);
    size_t length = strlen(sql), name_length = strlen(name);
    if (length > PAYLOAD_MAX / 2) return false;
    weir_sqlite_record r = {image->serials, image->body, image->body + PAYLOAD_MAX,
                            (int64_t)slot + 1};
    weir_sqlite_record_text(&r, "table", 5);
    weir_sqlite_record_text(&r, name, name_length);
    weir_sqlite_record_text(&r, name, name_length);
    weir_sqlite_record_integer(&r, 2 + (int64_t)slot);
    weir_sqlite_record_text(&r, sql, length);
    return add_cell(p, image->serials, image->body, &r);
}

static bool write_schema(weir_image *image) {
    page p = page_over(image->schema, HEADER, HEADER + LEAF_HEADER);
    bool fits = true;
    for (unsigned slot = 0; slot < WEIR_IMAGE_TABLES && fits; slot++)
        if (image->table[slot]) fits = add_to_schema(image, &p, slot, image->table[slot]->sql);
    page_finish(&p, TABLE_LEAF);
    put_be32(image->schema + 40, ++image->cookie);
    change_page(image);
    return fits;
}

static void write_file_header(uint8_t *at) {
    memset(at, 0, HEADER);
    memcpy(at, "SQLite format 3", 16);
    put_be16(at + 16, PAGE);
    at[18] = at[19] = 1; /* rollback journal; none will ever be needed */
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
        /* To SQLite, a column that names the default collation differs from one that names none. */
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
    t->shape.columns = columns;
    for (unsigned i = 0; i < columns; i++) {
        t->shape.type[i] = column[i].type;
        t->shape.not_null[i] = column[i].not_null;
    }
    t->sql = table_sql(slot, column, columns);
    image->table[slot] = t;
    bool fits = t->sql && write_schema(image);
    if (!fits) {
        forget_table(image, slot);
        (void)write_schema(image); /* it fitted before */
    }
    return fits;
}

/* ---- making ---------------------------------------------------------------------------------- */

int weir_image_make(weir_image **out) {
    weir_image *image = *out = calloc(1, sizeof *image);
    if (!image) return WEIR_NO_MEMORY;
    image->page[1] = image->schema;
    write_file_header(image->schema);
    (void)write_schema(image); /* an empty schema fits */
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
