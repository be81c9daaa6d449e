/* arrow.c - columns by the Arrow C data interface and its stream. The structs below are that
 * interface (https://arrow.apache.org/docs/format/CDataInterface.html), whose ABI is frozen.
 *
 * Pointers and lengths of an array are its producer's word, as they are for every consumer. */
#include "columns.h"

struct ArrowSchema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    struct ArrowSchema **children, *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children, *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

/* What is moved out of a capsule, or taken from a stream; released after the rows are appended. */
struct owned_arrow {
    owned_arrow *next;
    struct ArrowArray array;
    struct ArrowSchema schema;
};

void columns_release_arrows(columns *all) {
    while (all->arrows) {
        owned_arrow *first = all->arrows;
        all->arrows = first->next;
        if (first->array.release) first->array.release(&first->array);
        if (first->schema.release) first->schema.release(&first->schema);
        PyMem_Free(first);
    }
}

static owned_arrow *own(columns *all) {
    owned_arrow *one = PyMem_Calloc(1, sizeof *one);
    if (!one) {
        PyErr_NoMemory();
        return NULL;
    }
    one->next = all->arrows;
    all->arrows = one;
    return one;
}

static int refuse(const char *what, const char *format) {
    PyErr_Format(PyExc_TypeError, "an Arrow array %s (format \"%s\")", what, format);
    return -1;
}

/* ---- formats -------------------------------------------------------------------------------- */

typedef struct arrow_format {
    const char *prefix;
    source_kind kind;
    uint8_t buffers, item;
    uint32_t type;
    int64_t factor;
} arrow_format;

/* Times become nanoseconds. The first prefix that fits counts. */
static const arrow_format formats[] = {
    {"n", SOURCE_NULL, 0, 0, 0, 0},
    {"b", SOURCE_BIT, 2, 0, 0, 0},
    {"c", SOURCE_INT8, 2, 1, 0, 0},
    {"C", SOURCE_UINT8, 2, 1, 0, 0},
    {"s", SOURCE_INT16, 2, 2, 0, 0},
    {"S", SOURCE_UINT16, 2, 2, 0, 0},
    {"i", SOURCE_INT32, 2, 4, 0, 0},
    {"I", SOURCE_UINT32, 2, 4, 0, 0},
    {"l", SOURCE_INT64, 2, 8, 0, 0},
    {"L", SOURCE_UINT64, 2, 8, 0, 0},
    {"e", SOURCE_HALF, 2, 2, 0, 0},
    {"f", SOURCE_FLOAT, 2, 4, 0, 0},
    {"g", SOURCE_DOUBLE, 2, 8, 0, 0},
    {"u", SOURCE_OFFSET32, 3, 0, WEIR_TEXT, 0},
    {"U", SOURCE_OFFSET64, 3, 0, WEIR_TEXT, 0},
    {"z", SOURCE_OFFSET32, 3, 0, WEIR_BLOB, 0},
    {"Z", SOURCE_OFFSET64, 3, 0, WEIR_BLOB, 0},
    {"vu", SOURCE_VIEW, 3, 16, WEIR_TEXT, 0},
    {"vz", SOURCE_VIEW, 3, 16, WEIR_BLOB, 0},
    {"tss:", SOURCE_INT64, 2, 8, 0, 1000000000},
    {"tsm:", SOURCE_INT64, 2, 8, 0, 1000000},
    {"tsu:", SOURCE_INT64, 2, 8, 0, 1000},
    {"tsn:", SOURCE_INT64, 2, 8, 0, 0},
    {"tdD", SOURCE_INT32, 2, 4, 0, 86400000000000},
    {"tdm", SOURCE_INT64, 2, 8, 0, 1000000},
    {"tts", SOURCE_INT32, 2, 4, 0, 1000000000},
    {"ttm", SOURCE_INT32, 2, 4, 0, 1000000},
    {"ttu", SOURCE_INT64, 2, 8, 0, 1000},
    {"ttn", SOURCE_INT64, 2, 8, 0, 0},
    {"tDs", SOURCE_INT64, 2, 8, 0, 1000000000},
    {"tDm", SOURCE_INT64, 2, 8, 0, 1000000},
    {"tDu", SOURCE_INT64, 2, 8, 0, 1000},
    {"tDn", SOURCE_INT64, 2, 8, 0, 0},
};

static const arrow_format *format_of(const char *format) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        size_t length = strlen(formats[i].prefix);
        if (strncmp(format, formats[i].prefix, length) == 0 &&
            (!format[length] || formats[i].prefix[length - 1] == ':'))
            return &formats[i];
    }
    return NULL;
}

/* ---- arrays --------------------------------------------------------------------------------- */

static int set_source(source *s, const struct ArrowSchema *schema, const struct ArrowArray *array,
                      int64_t offset, int64_t length);

static int set_dictionary(source *s, const struct ArrowSchema *schema,
                          const struct ArrowArray *array, int64_t offset, int64_t length) {
    if (!array->dictionary) return refuse("lacks its dictionary", schema->format);
    s->kind = SOURCE_INDEX;
    s->index = PyMem_Calloc(1, sizeof *s->index);
    s->dictionary = PyMem_Calloc(1, sizeof *s->dictionary);
    if (!s->index || !s->dictionary) return PyErr_NoMemory(), -1;
    struct ArrowSchema plain = *schema;
    plain.dictionary = NULL;
    if (set_source(s->index, &plain, array, offset, length) < 0) return -1;
    const struct ArrowArray *words = array->dictionary;
    return set_source(s->dictionary, schema->dictionary, words, words->offset, words->length);
}

static int set_source(source *s, const struct ArrowSchema *schema, const struct ArrowArray *array,
                      int64_t offset, int64_t length) {
    if (offset < 0 || length < 0 || offset > INT64_MAX / 16 - length)
        return refuse("has a length that cannot be", schema->format);
    s->count = (size_t)length;
    if (schema->dictionary) return set_dictionary(s, schema, array, offset, length);
    const arrow_format *f = format_of(schema->format);
    if (!f) return refuse("is of a type that is no value of a row", schema->format);
    if (array->n_buffers < f->buffers) return refuse("lacks buffers", schema->format);
    s->kind = f->kind;
    s->type = f->type;
    s->factor = f->factor;
    s->first = (size_t)offset;
    if (f->kind == SOURCE_NULL) return 0;
    if (array->null_count != 0) s->valid = array->buffers[0];
    s->data = array->buffers[1];
    if (!s->data && length) return refuse("lacks a buffer", schema->format);
    s->stride = f->item;
    if (f->kind == SOURCE_OFFSET32 || f->kind == SOURCE_OFFSET64) {
        s->text = array->buffers[2];
        s->data += s->data ? offset * (f->kind == SOURCE_OFFSET64 ? 8 : 4) : 0;
    } else if (f->kind != SOURCE_BIT && s->data)
        s->data += offset * f->item;
    s->buffers = array->buffers;
    return 0;
}

static int add_array(column *c, const struct ArrowSchema *schema, const struct ArrowArray *array,
                     int64_t offset, int64_t length) {
    source *s = column_add(c);
    return s ? set_source(s, schema, array, offset, length) : -1;
}

/* The place of a column among the children; -1 with an exception. */
static int64_t find_child(const struct ArrowSchema *schema, PyObject *name) {
    for (int64_t at = 0; at < schema->n_children; at++) {
        const char *utf8 = schema->children[at]->name;
        PyObject *text = PyUnicode_FromString(utf8 ? utf8 : "");
        if (!text) return -1;
        int differs = PyUnicode_Compare(text, name); /* two texts: it cannot fail */
        Py_DECREF(text);
        if (differs == 0) return at;
    }
    PyErr_Format(PyExc_ValueError, "the Arrow table lacks the column %R", name);
    return -1;
}

static int add_children(columns *all, PyObject *names, const struct ArrowSchema *schema,
                        const struct ArrowArray *array) {
    if (strcmp(schema->format, "+s") != 0 || schema->n_children != array->n_children)
        return refuse("is no table", schema->format);
    if (array->null_count > 0) return refuse("has rows that are null", schema->format);
    for (size_t i = 0; i < all->count; i++) {
        PyObject *name = PyTuple_GetItem(names, (Py_ssize_t)i);
        int64_t at = find_child(schema, name);
        if (at < 0) return -1;
        const struct ArrowArray *child = array->children[at];
        if (child->length < array->offset + array->length)
            return refuse("has a column that is too short", schema->children[at]->format);
        if (add_array(&all->list[i], schema->children[at], child, child->offset + array->offset,
                      array->length) < 0)
            return -1;
    }
    return 0;
}

/* ---- capsules ------------------------------------------------------------------------------- */

static owned_arrow *take_array(columns *all, PyObject *schema, PyObject *array) {
    struct ArrowSchema *s = PyCapsule_GetPointer(schema, "arrow_schema");
    struct ArrowArray *a = s ? PyCapsule_GetPointer(array, "arrow_array") : NULL;
    if (!a) return NULL;
    if (!s->release || !a->release) {
        PyErr_SetString(PyExc_ValueError, "an Arrow array was used before");
        return NULL;
    }
    owned_arrow *one = own(all);
    if (!one) return NULL;
    one->schema = *s; /* moved: the capsule releases it no more */
    one->array = *a;
    s->release = NULL;
    a->release = NULL;
    return one;
}

typedef int add_one(columns *all, void *where, const struct ArrowSchema *,
                    const struct ArrowArray *);

static int add_each(columns *all, PyObject *capsule, add_one *add, void *where) {
    struct ArrowArrayStream *stream = PyCapsule_GetPointer(capsule, "arrow_array_stream");
    if (!stream) return -1;
    if (!stream->release) {
        PyErr_SetString(PyExc_ValueError, "an Arrow stream was used before");
        return -1;
    }
    owned_arrow *head = own(all);
    if (!head) return -1;
    int failed = stream->get_schema(stream, &head->schema);
    if (failed) head->schema.release = NULL;
    while (!failed) {
        owned_arrow *one = own(all);
        if (!one) return -1;
        failed = stream->get_next(stream, &one->array);
        if (failed) one->array.release = NULL;
        if (failed || !one->array.release) break;
        if (add(all, where, &head->schema, &one->array) < 0) return -1;
    }
    if (!failed) return 0;
    const char *why = stream->get_last_error(stream);
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_OSError, "an Arrow stream failed: %s", why ? why : strerror(failed));
    return -1;
}

static int add_to_column(columns *all, void *where, const struct ArrowSchema *schema,
                         const struct ArrowArray *array) {
    (void)all;
    return add_array(where, schema, array, array->offset, array->length);
}

static int add_to_columns(columns *all, void *where, const struct ArrowSchema *schema,
                          const struct ArrowArray *array) {
    return add_children(all, where, schema, array);
}

int columns_add_arrow_array(columns *all, column *c, PyObject *schema, PyObject *array) {
    owned_arrow *one = take_array(all, schema, array);
    return one ? add_to_column(all, c, &one->schema, &one->array) : -1;
}

int columns_add_arrow_stream(columns *all, column *c, PyObject *stream) {
    return add_each(all, stream, add_to_column, c);
}

int columns_add_arrow_struct(columns *all, PyObject *names, PyObject *schema, PyObject *array) {
    owned_arrow *one = take_array(all, schema, array);
    return one ? add_children(all, names, &one->schema, &one->array) : -1;
}

int columns_add_arrow_struct_stream(columns *all, PyObject *names, PyObject *stream) {
    return add_each(all, stream, add_to_columns, names);
}
