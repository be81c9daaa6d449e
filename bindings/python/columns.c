/* columns.c - append_columns: parts of columns become rows. weir/table.py has sorted out what each
 * column is; see table_append_columns(). Everything is checked before the first row is appended. */
#include "columns.h"

enum { CHUNKS_BETWEEN_SIGNALS = 256 };

source *column_add(column *c) {
    if (c->count == c->room) {
        size_t room = c->room ? 2 * c->room : 1;
        source *more = PyMem_Realloc(c->parts, room * sizeof *more);
        if (!more) {
            PyErr_NoMemory();
            return NULL;
        }
        c->parts = more;
        c->room = room;
    }
    source *s = &c->parts[c->count++];
    *s = (source){0};
    return s;
}

static void columns_clear(columns *all) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace); /* a producer's release may be Python code */
    for (size_t i = 0; all->list && i < all->count; i++) {
        for (size_t k = 0; k < all->list[i].count; k++)
            source_clear(&all->list[i].parts[k]);
        PyMem_Free(all->list[i].parts);
    }
    PyMem_Free(all->list);
    for (size_t i = 0; i < all->views_count; i++) {
        PyBuffer_Release(all->views[i]);
        PyMem_Free(all->views[i]);
    }
    PyMem_Free(all->views);
    held_clear(&all->kept);
    columns_release_arrows(all);
    PyErr_Restore(type, value, trace);
}

/* ---- buffers -------------------------------------------------------------------------------- */

static const Py_buffer *take_view(columns *all, PyObject *object) {
    if (all->views_count == all->views_room) {
        size_t room = all->views_room ? 2 * all->views_room : 8;
        Py_buffer **more = PyMem_Realloc(all->views, room * sizeof *more);
        if (!more) {
            PyErr_NoMemory();
            return NULL;
        }
        all->views = more;
        all->views_room = room;
    }
    Py_buffer *view = PyMem_Malloc(sizeof *view);
    if (!view) {
        PyErr_NoMemory();
        return NULL;
    }
    if (PyObject_GetBuffer(object, view, PyBUF_STRIDED_RO | PyBUF_FORMAT) < 0) {
        PyMem_Free(view);
        return NULL;
    }
    all->views[all->views_count++] = view;
    if (view->ndim == 1) return view;
    PyErr_Format(PyExc_ValueError, "a column has one dimension, and not %d", view->ndim);
    return NULL;
}

static source_kind integer_kind(Py_ssize_t item, bool is_signed) {
    switch (item) {
    case 1: return is_signed ? SOURCE_INT8 : SOURCE_UINT8;
    case 2: return is_signed ? SOURCE_INT16 : SOURCE_UINT16;
    case 4: return is_signed ? SOURCE_INT32 : SOURCE_UINT32;
    case 8: return is_signed ? SOURCE_INT64 : SOURCE_UINT64;
    default: return SOURCE_NULL;
    }
}

/* SOURCE_NULL: a format that is not understood. The size of an item is the exporter's word. */
static source_kind kind_of_format(const char *format, Py_ssize_t item) {
    const char *f = format ? format : "B";
    if (*f == '@' || *f == '=' || *f == '<' || *f == '|') f++; /* this machine is little-endian */
    while (*f >= '0' && *f <= '9')
        f++;
    if (!f[0] || f[1]) return SOURCE_NULL;
    if (strchr("bhilqn", f[0])) return integer_kind(item, true);
    if (strchr("BHILQN", f[0])) return integer_kind(item, false);
    switch (f[0]) {
    case '?': return item == 1 ? SOURCE_BOOL : SOURCE_NULL;
    case 'e': return item == 2 ? SOURCE_HALF : SOURCE_NULL;
    case 'f': return item == 4 ? SOURCE_FLOAT : SOURCE_NULL;
    case 'd': return item == 8 ? SOURCE_DOUBLE : SOURCE_NULL;
    case 's':
    case 'c': return SOURCE_BYTES;
    case 'w': return item % 4 == 0 ? SOURCE_UCS4 : SOURCE_NULL;
    default: return SOURCE_NULL;
    }
}

static int add_buffer(columns *all, column *c, PyObject *object, PyObject *mask) {
    source *s = column_add(c);
    const Py_buffer *view = s ? take_view(all, object) : NULL;
    if (!view) return -1;
    s->kind = kind_of_format(view->format, view->itemsize);
    if (s->kind == SOURCE_NULL) {
        PyErr_Format(PyExc_TypeError, "a column has values of format \"%s\", which is none of ours",
                     view->format ? view->format : "B");
        return -1;
    }
    s->count = (size_t)view->shape[0];
    s->data = view->buf;
    s->stride = view->strides ? view->strides[0] : view->itemsize;
    s->item = (size_t)view->itemsize;
    if (s->kind == SOURCE_UCS4) {
        if (s->item > PY_SSIZE_T_MAX / CHUNK_ROWS ||
            !(s->scratch = PyMem_Malloc(CHUNK_ROWS * s->item + 1))) {
            PyErr_NoMemory();
            return -1;
        }
    }
    if (mask == Py_None) return 0;
    const Py_buffer *bytes = take_view(all, mask);
    if (!bytes) return -1;
    if (bytes->itemsize != 1 || (size_t)bytes->shape[0] != s->count) {
        PyErr_SetString(PyExc_ValueError, "a mask has a bool for each value of its column");
        return -1;
    }
    s->mask = bytes->buf;
    s->mask_stride = bytes->strides ? bytes->strides[0] : 1;
    return 0;
}

/* ---- sequences ------------------------------------------------------------------------------ */

static int add_sequence(columns *all, column *c, PyObject *sequence, PyObject *mask) {
    source *s = column_add(c);
    PyObject *tuple = s ? PySequence_Tuple(sequence) : NULL;
    if (!tuple) return -1;
    s->kind = SOURCE_VALUES;
    s->count = (size_t)PyTuple_Size(tuple);
    s->values = PyMem_Calloc(s->count + 1, sizeof *s->values);
    int done = s->values ? 0 : (PyErr_NoMemory(), -1);
    Py_ssize_t masks = mask == Py_None ? -1 : PySequence_Size(mask);
    if (done == 0 && mask != Py_None && (size_t)masks != s->count) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "a mask has a bool for each value of its column");
        done = -1;
    }
    for (size_t i = 0; done == 0 && i < s->count; i++) {
        int is_masked = 0;
        if (mask != Py_None) {
            PyObject *bit = PySequence_GetItem(mask, (Py_ssize_t)i);
            is_masked = bit ? PyObject_IsTrue(bit) : -1;
            Py_XDECREF(bit);
        }
        if (is_masked < 0) done = -1;
        if (is_masked == 0)
            done = value_of(PyTuple_GetItem(tuple, (Py_ssize_t)i), &s->values[i], &all->kept);
    }
    Py_DECREF(tuple); /* what values point to is held */
    return done;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static int check_columns(columns *all) {
    for (size_t i = 0; i < all->count; i++) {
        uint64_t rows = 0;
        for (size_t k = 0; k < all->list[i].count; k++) {
            if (source_check(&all->list[i].parts[k]) < 0) return -1;
            rows += all->list[i].parts[k].count;
        }
        if (i == 0) all->rows = rows;
        if (rows == all->rows) continue;
        PyErr_Format(PyExc_ValueError, "column %zu has %llu values, and the first has %llu", i + 1,
                     (unsigned long long)rows, (unsigned long long)all->rows);
        return -1;
    }
    return 0;
}

/* How many rows the next chunk can have: no column goes over into its next part. */
static size_t next_chunk(columns *all) {
    size_t rows = CHUNK_ROWS;
    for (size_t i = 0; i < all->count; i++) {
        column *c = &all->list[i];
        while (c->at < c->count && c->done == c->parts[c->at].count) {
            c->at++;
            c->done = 0;
        }
        size_t left = c->at < c->count ? c->parts[c->at].count - c->done : 0;
        if (left < rows) rows = left;
    }
    return rows;
}

/* Called without the interpreter's lock, which is in *saved. */
static int append_chunks(table_object *table, columns *all, weir_value *values,
                         PyThreadState **saved, size_t *appended) {
    size_t rows;
    int status = WEIR_OK;
    for (size_t chunk = 1; status == WEIR_OK && (rows = next_chunk(all)); chunk++) {
        for (size_t i = 0; i < all->count; i++) {
            column *c = &all->list[i];
            source_fill(&c->parts[c->at], c->done, rows, values + i, all->count);
            c->done += rows;
        }
        status = publish_rows(table, values, rows, NULL, saved, appended);
        if (status == WEIR_OK && chunk % CHUNKS_BETWEEN_SIGNALS == 0) {
            PyEval_RestoreThread(*saved);
            if (PyErr_CheckSignals() < 0) status = PYTHON_RAISED;
            *saved = PyEval_SaveThread();
        }
    }
    return status;
}

static PyObject *append_all(table_object *table, columns *all) {
    weir_value *values = PyMem_Malloc((CHUNK_ROWS * all->count + 1) * sizeof *values);
    if (!values) return PyErr_NoMemory();
    size_t appended = 0;
    PyThreadState *saved = PyEval_SaveThread();
    int status = append_chunks(table, all, values, &saved, &appended);
    PyEval_RestoreThread(saved);
    PyMem_Free(values);
    if (status == WEIR_OK) return PyLong_FromSize_t(appended);
    if (status != PYTHON_RAISED) raise_status(status);
    tell_rows(appended);
    return NULL;
}

/* (kind, first, second): ("buffer" or "sequence", values, mask or None), ("array", schema, array),
 * ("stream", stream, None). */
static int add_part(columns *all, column *c, PyObject *part) {
    const char *kind;
    PyObject *first, *second;
    if (!PyArg_ParseTuple(part, "sOO", &kind, &first, &second)) return -1;
    if (strcmp(kind, "buffer") == 0) return add_buffer(all, c, first, second);
    if (strcmp(kind, "array") == 0) return columns_add_arrow_array(all, c, first, second);
    if (strcmp(kind, "stream") == 0) return columns_add_arrow_stream(all, c, first);
    return add_sequence(all, c, first, second);
}

/* parts: a tuple, one for each column; or one ("struct", names, (schema, array) or (stream,)). */
static int add_parts(columns *all, PyObject *parts) {
    PyObject *names, *capsules;
    PyObject *first = PyTuple_Size(parts) > 0 ? PyTuple_GetItem(parts, 0) : NULL;
    if (first && PyUnicode_Check(first)) {
        if (!PyArg_ParseTuple(parts, "OOO", &first, &names, &capsules)) return -1;
        if (PyTuple_Size(capsules) == 1)
            return columns_add_arrow_struct_stream(all, names, PyTuple_GetItem(capsules, 0));
        return columns_add_arrow_struct(all, names, PyTuple_GetItem(capsules, 0),
                                        PyTuple_GetItem(capsules, 1));
    }
    if ((size_t)PyTuple_Size(parts) != all->count) {
        PyErr_Format(PyExc_ValueError, "the table has %zu columns, and %zd were given", all->count,
                     PyTuple_Size(parts));
        return -1;
    }
    for (size_t i = 0; i < all->count; i++)
        if (add_part(all, &all->list[i], PyTuple_GetItem(parts, (Py_ssize_t)i)) < 0) return -1;
    return 0;
}

PyObject *table_append_columns(table_object *table, PyObject *parts) {
    if (!PyTuple_Check(parts)) {
        PyErr_SetString(PyExc_TypeError, "parts are a tuple");
        return NULL;
    }
    columns all = {.count = (size_t)table->count, .kept = {.keeps_objects = true}};
    all.list = PyMem_Calloc(all.count, sizeof *all.list);
    if (!all.list) return PyErr_NoMemory();
    PyObject *answer = NULL;
    if (add_parts(&all, parts) == 0 && check_columns(&all) == 0) answer = append_all(table, &all);
    columns_clear(&all);
    return answer;
}
