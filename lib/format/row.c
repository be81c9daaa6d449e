/* row.c - reading rows back, and declarations both ways. */
#include "row.h"

#include <stdlib.h>

/* ---- rows ---- */

static bool take_bytes(weir_cursor *c, unsigned width, weir_value *v) {
    if (width < 1 || width > 4) return false;
    v->length = (uint32_t)weir_take_uint(c, width);
    v->as.bytes = weir_take(c, v->length);
    return weir_cursor_ok(c);
}

static bool take_row_real(weir_cursor *c, unsigned width, weir_value *v) {
    if (width != 8) return false;
    uint64_t bits = weir_take_u64(c);
    memcpy(&v->as.real, &bits, sizeof bits);
    return true;
}

bool weir_row_take_value(weir_cursor *c, unsigned tag, weir_value *v) {
    unsigned width = tag & 15;
    v->type = tag >> 4;
    v->length = 0;
    if (v->type == WEIR_INTEGER) {
        if (width - 1 >= 8) return false;
        v->as.integer = weir_take_int(c, width);
        return true;
    }
    if (v->type == WEIR_REAL) return take_row_real(c, width, v);
    if (v->type == WEIR_TEXT || v->type == WEIR_BLOB) return take_bytes(c, width, v);
    v->as.integer = 0;
    return tag == WEIR_NULL;
}

bool weir_row_decode(const uint8_t *bytes, size_t length, uint16_t *table, uint16_t *count,
                     weir_value *values) {
    weir_cursor c = weir_cursor_over(bytes, length);
    *table = weir_take_u16(&c);
    *count = weir_take_u16(&c);
    if (*table < 1 || *count < 1 || *count > WEIR_COLUMNS_MAX) return false;
    const uint8_t *tags = weir_take(&c, *count);
    if (!tags) return false;
    for (unsigned i = 0; i < *count; i++)
        if (!weir_row_take_value(&c, tags[i], &values[i])) return false;
    return weir_cursor_ok(&c) && weir_cursor_left(&c) == 0;
}

/* ---- declarations ---- */

/* Not strcasecmp: what is a letter must not depend on the program's locale. */
static unsigned char lower(char c) {
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static int compare_column_names(const char *a, const char *b) {
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) - lower(*b);
}

bool weir_names_equal(const char *a, const char *b) { return compare_column_names(a, b) == 0; }

static int compare_name_pointers(const void *a, const void *b) {
    return compare_column_names(*(const char *const *)a, *(const char *const *)b);
}

/* The name of a column that another has too, or NULL. Sorts, because a hostile file may hold as
 * many columns as fit. */
static const char *find_double_name(const weir_declaration *d) {
    const char *names[WEIR_COLUMNS_MAX];
    names[0] = d->column[0].name;
    for (unsigned i = 1; i < d->columns; i++)
        names[i] = d->column[i].name;
    qsort(names, d->columns, sizeof names[0], compare_name_pointers);
    for (unsigned i = 1; i < d->columns; i++)
        if (compare_column_names(names[i - 1], names[i]) == 0) return names[i];
    return NULL;
}

static unsigned count_keys_of(const weir_declaration *d) {
    unsigned keys = 0;
    for (unsigned i = 0; i < d->columns; i++)
        keys += d->column[i].type == WEIR_KEY;
    return keys;
}

static bool type_is_declarable(unsigned type) { return type >= WEIR_INTEGER && type <= WEIR_KEY; }

/* What can be said only of a whole declaration; single fields are checked as they are copied. */
static int check_row_whole(const weir_declaration *d, weir_error *error) {
    const char *twice = find_double_name(d);
    if (twice)
        return weir_fail(error, WEIR_MISUSE,
                         "table \"%s\": two columns are called \"%s\" (case of letters aside); "
                         "give each its own name",
                         d->name, twice);
    if (count_keys_of(d) > 1)
        return weir_fail(error, WEIR_MISUSE,
                         "table \"%s\": more than one column is a WEIR_KEY; declare at most one",
                         d->name);
    return WEIR_OK;
}

/* One allocation for the declaration, its columns and name_bytes of names, NULs included. The
 * caller has bounded both counts. *names is where the first name goes. */
static weir_declaration *allocate(unsigned columns, size_t name_bytes, char **names) {
    size_t column_bytes = columns * sizeof(weir_column);
    weir_declaration *d = malloc(sizeof *d + column_bytes + name_bytes);
    if (!d) return NULL;
    d->columns = (uint16_t)columns;
    d->column = (weir_column *)(d + 1);
    *names = (char *)(d->column + columns);
    d->name = *names;
    return d;
}

static char *put_name(char *at, const void *name, size_t length) {
    memcpy(at, name, length);
    at[length] = '\0';
    return at + length + 1;
}

/* Bytes of a name with its NUL, or 0 when it is not a legal one. */
static size_t name_size(const char *name) {
    size_t length = name ? strnlen(name, WEIR_NAME_MAX + 1) : 0;
    return length >= 1 && length <= WEIR_NAME_MAX ? length + 1 : 0;
}

static int check_column_list(const char *table, const weir_column *columns, size_t count,
                             size_t *name_bytes, weir_error *error) {
    for (size_t i = 0; i < count; i++) {
        size_t size = name_size(columns[i].name);
        if (!size)
            return weir_fail(
                error, WEIR_MISUSE,
                "table \"%s\": the name of column %zu is empty or longer than %d bytes", table,
                i + 1, WEIR_NAME_MAX);
        if (!type_is_declarable(columns[i].type))
            return weir_fail(error, WEIR_MISUSE,
                             "table \"%s\": column \"%s\" has type %d; use WEIR_INTEGER … WEIR_KEY",
                             table, columns[i].name, (int)columns[i].type);
        *name_bytes += size;
    }
    return WEIR_OK;
}

static int check_caller(uint16_t table, const char *name, const weir_column *columns, size_t count,
                        size_t *name_bytes, weir_error *error) {
    *name_bytes = name_size(name);
    if (!*name_bytes)
        return weir_fail(error, WEIR_MISUSE, "a table's name is empty or longer than %d bytes",
                         WEIR_NAME_MAX);
    if (table < 1 || table > WEIR_TABLES_MAX)
        return weir_fail(error, WEIR_MISUSE,
                         "table \"%s\" would be number %u; a journal can hold %d declarations",
                         name, table, WEIR_TABLES_MAX);
    if (!columns || count < 1 || count > WEIR_COLUMNS_MAX)
        return weir_fail(error, WEIR_MISUSE,
                         "table \"%s\" is declared with %zu columns; 1 … %d are possible", name,
                         columns ? count : 0, WEIR_COLUMNS_MAX);
    return check_column_list(name, columns, count, name_bytes, error);
}

int weir_declaration_make(uint16_t table, const char *name, const weir_column *columns,
                          size_t count, weir_declaration **out, weir_error *error) {
    *out = NULL;
    size_t name_bytes = 0;
    int status = check_caller(table, name, columns, count, &name_bytes, error);
    if (status < 0) return status;
    char *names;
    weir_declaration *d = allocate((unsigned)count, name_bytes, &names);
    if (!d) return weir_fail(error, WEIR_NO_MEMORY, "no memory to declare table \"%s\"", name);
    d->table = table;
    names = put_name(names, name, strlen(name));
    for (size_t i = 0; i < count; i++) {
        d->column[i] = (weir_column){names, columns[i].type};
        names = put_name(names, columns[i].name, strlen(columns[i].name));
    }
    status = check_row_whole(d, error);
    if (status < 0) {
        weir_declaration_free(d);
        return status;
    }
    *out = d;
    return WEIR_OK;
}

size_t weir_declaration_size(const weir_declaration *d) {
    size_t size = WEIR_DECLARATION_HEAD + strlen(d->name);
    for (unsigned i = 0; i < d->columns; i++)
        size += WEIR_COLUMN_HEAD + strlen(d->column[i].name);
    return size;
}

static uint8_t *encode_name(uint8_t *at, const char *name) {
    size_t length = strlen(name);
    at = weir_put_u16(at, (uint16_t)length);
    return weir_put_bytes(at, name, length);
}

uint8_t *weir_declaration_encode(uint8_t *at, const weir_declaration *d) {
    at = weir_put_u16(at, d->table);
    at = weir_put_u16(at, d->columns);
    at = encode_name(at, d->name);
    for (unsigned i = 0; i < d->columns; i++) {
        *at++ = (uint8_t)d->column[i].type;
        at = encode_name(at, d->column[i].name);
    }
    return at;
}

static const uint8_t *take_name(weir_cursor *c, size_t *length) {
    *length = weir_take_u16(c);
    if (*length < 1 || *length > WEIR_NAME_MAX) return NULL;
    const uint8_t *name = weir_take(c, *length);
    return name && !memchr(name, 0, *length) ? name : NULL;
}

/* Walks a declaration without keeping it: is each field legal, and what memory will it take? */
static bool measure(weir_cursor c, uint16_t *columns, size_t *name_bytes) {
    unsigned table = weir_take_u16(&c);
    *columns = weir_take_u16(&c);
    if (table < 1 || table > WEIR_TABLES_MAX) return false;
    if (*columns < 1 || *columns > WEIR_COLUMNS_MAX) return false;
    size_t length;
    if (!take_name(&c, &length)) return false;
    *name_bytes = length + 1;
    for (unsigned i = 0; i < *columns; i++) {
        if (!type_is_declarable(weir_take_u8(&c)) || !take_name(&c, &length)) return false;
        *name_bytes += length + 1;
    }
    return true;
}

int weir_declaration_decode(weir_cursor *c, weir_declaration **out) {
    *out = NULL;
    uint16_t columns;
    size_t name_bytes, length;
    if (!measure(*c, &columns, &name_bytes)) return WEIR_DAMAGED;
    char *names;
    weir_declaration *d = allocate(columns, name_bytes, &names);
    if (!d) return WEIR_NO_MEMORY;
    d->table = weir_take_u16(c);
    (void)weir_take_u16(c); /* the columns, as measured */
    const uint8_t *name = take_name(c, &length);
    names = put_name(names, name, length);
    for (unsigned i = 0; i < columns; i++) {
        d->column[i] = (weir_column){names, (weir_type)weir_take_u8(c)};
        name = take_name(c, &length);
        names = put_name(names, name, length);
    }
    if (check_row_whole(d, NULL) < 0) {
        weir_declaration_free(d);
        return WEIR_DAMAGED;
    }
    *out = d;
    return WEIR_OK;
}

bool weir_declaration_equal(const weir_declaration *a, const weir_declaration *b) {
    if (a->columns != b->columns || strcmp(a->name, b->name) != 0) return false;
    for (unsigned i = 0; i < a->columns; i++) {
        if (a->column[i].type != b->column[i].type) return false;
        if (strcmp(a->column[i].name, b->column[i].name) != 0) return false;
    }
    return true;
}

int weir_declaration_key(const weir_declaration *d) {
    for (unsigned i = 0; i < d->columns; i++)
        if (d->column[i].type == WEIR_KEY) return (int)i;
    return -1;
}

void weir_declaration_free(weir_declaration *d) { free(d); }
