/* table.c - weir._weir.Table: appending. weir/table.py adds what is not on the fast path. */
#include "binding.h"

#include <time.h>

enum {
    VALUES_ON_STACK = 64,
    MANY_ROWS = 256,         /* of one call of weir_append_rows */
    MANY_BYTES = 256 * 1024, /* of texts and blobs in it: nothing is held longer than that */
    PAUSE_NS = 1000000,
};

static PyTypeObject *table_type;

/* ---- publishing ----------------------------------------------------------------------------- */

static uint64_t now_ns(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* 1: try again; 0: the time is over; -1: an exception, of a signal for example. */
int pause_for_room(handle_object *handle, uint64_t *since, size_t rows) {
    if (!handle->waits_when_full) return 0;
    uint64_t now = now_ns();
    if (!*since) *since = now;
    if (now - *since >= (uint64_t)handle->full_timeout_ms * 1000000u) return 0;
    handle->refused_and_tried_again += rows; /* the library has counted them */
    static const struct timespec pause = {.tv_nsec = PAUSE_NS};
    Py_BEGIN_ALLOW_THREADS
    nanosleep(&pause, NULL); /* cut short it is a shorter pause */
    Py_END_ALLOW_THREADS
    return PyErr_CheckSignals() < 0 ? -1 : 1;
}

static int publish_once(const table_object *self, const weir_value *values, size_t rows,
                        weir_ticket *ticket) {
    if (rows == 1) return weir_append_row(self->table, values, (size_t)self->count, ticket);
    return weir_append_rows(self->table, values, (size_t)self->count, rows, ticket);
}

int publish_rows(table_object *self, const weir_value *values, size_t rows, weir_ticket *ticket,
                 PyThreadState **saved, size_t *appended) {
    uint64_t since = 0;
    for (;;) {
        int status = publish_once(self, values, rows, ticket);
        if (status == WEIR_OK) {
            *appended += rows;
            return WEIR_OK;
        }
        if (status == WEIR_TOO_BIG && rows > 1) {
            size_t half = rows / 2;
            status = publish_rows(self, values, half, ticket, saved, appended);
            if (status != WEIR_OK) return status;
            values += half * (size_t)self->count;
            rows -= half;
            continue;
        }
        if (status != WEIR_FULL) return status;
        if (saved) PyEval_RestoreThread(*saved);
        int again = pause_for_room(self->handle, &since, rows);
        if (saved) *saved = PyEval_SaveThread();
        if (again < 0) return PYTHON_RAISED;
        if (again == 0) return status;
    }
}

/* ---- one row -------------------------------------------------------------------------------- */

static int wrong_count(const table_object *self, Py_ssize_t given) {
    PyObject *text = PyUnicode_FromFormat("a row of table %U has %zd values, and %zd were given",
                                          self->name, self->count, given);
    PyObject *bytes = text ? PyUnicode_AsUTF8String(text) : NULL;
    const char *words = bytes ? PyBytes_AsString(bytes) : NULL;
    if (words) raise_text(WEIR_MISUSE, words);
    Py_XDECREF(bytes);
    Py_XDECREF(text);
    return -1;
}

/* Values of one row, in room for VALUES_ON_STACK or in memory of their own. */
static weir_value *row_values(const table_object *self, PyObject *const *args, Py_ssize_t given,
                              weir_value *room, held *kept) {
    if (given != self->count) {
        wrong_count(self, given);
        return NULL;
    }
    weir_value *values = room;
    if (given > VALUES_ON_STACK) { /* 2,000 at most */
        values = PyMem_Malloc((size_t)given * sizeof *values);
        if (!values) {
            PyErr_NoMemory();
            return NULL;
        }
    }
    for (Py_ssize_t i = 0; i < given; i++)
        if (value_of(args[i], &values[i], kept) < 0) {
            held_clear(kept);
            if (values != room) PyMem_Free(values);
            return NULL;
        }
    return values;
}

static int append_row(table_object *self, PyObject *const *args, Py_ssize_t given,
                      weir_ticket *ticket) {
    weir_value room[VALUES_ON_STACK];
    held kept = {0};
    weir_value *values = row_values(self, args, given, room, &kept);
    if (!values) return -1;
    size_t appended = 0;
    int status = publish_rows(self, values, 1, ticket, NULL, &appended);
    held_clear(&kept);
    if (values != room) PyMem_Free(values);
    if (status == WEIR_OK) return 0;
    if (status != PYTHON_RAISED) raise_status(status);
    return -1;
}

static PyObject *table_append(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    if (append_row((table_object *)self, args, given, NULL) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *table_append_ticket(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    weir_ticket ticket;
    if (append_row((table_object *)self, args, given, &ticket) < 0) return NULL;
    return value_to_ticket(&ticket);
}

/* insert_now(timeout_ms, value, …) → (status, key, ticket); WEIR_REJECTED and errors raise. */
static PyObject *table_insert(PyObject *object, PyObject *const *args, Py_ssize_t given) {
    table_object *self = (table_object *)object;
    if (given < 1) {
        PyErr_SetString(PyExc_TypeError, "a timeout is missing");
        return NULL;
    }
    unsigned long timeout_ms = PyLong_AsUnsignedLong(args[0]);
    if (PyErr_Occurred()) return NULL;
    weir_value room[VALUES_ON_STACK];
    held kept = {0};
    weir_value *values = row_values(self, args + 1, given - 1, room, &kept);
    if (!values) return NULL;
    weir_ticket ticket = {0};
    int64_t key = 0;
    uint64_t since = 0;
    int status, again = 1;
    do {
        Py_BEGIN_ALLOW_THREADS
        status = weir_insert_now(self->table, values, (size_t)self->count, (uint32_t)timeout_ms,
                                 &key, &ticket);
        Py_END_ALLOW_THREADS
        if (status != WEIR_FULL) break;
        again = pause_for_room(self->handle, &since, 1);
    } while (again > 0);
    held_clear(&kept);
    if (values != room) PyMem_Free(values);
    if (again < 0) return NULL;
    if (status < 0) return raise_status(status);
    return Py_BuildValue("(iLN)", status, (long long)key, value_to_ticket(&ticket));
}

/* ---- many rows ------------------------------------------------------------------------------ */

typedef struct many {
    table_object *table;
    weir_value *values;
    held kept;
    size_t rows, bytes, appended;
} many;

static int many_flush(many *m) {
    int status = WEIR_OK;
    if (m->rows) status = publish_rows(m->table, m->values, m->rows, NULL, NULL, &m->appended);
    held_clear(&m->kept);
    m->rows = m->bytes = 0;
    if (status == WEIR_OK) return 0;
    if (status != PYTHON_RAISED) raise_status(status);
    return -1;
}

static int many_add(many *m, PyObject *row) {
    table_object *table = m->table;
    weir_value *values = m->values + m->rows * (size_t)table->count;
    if (PyUnicode_Check(row) || PyBytes_Check(row)) {
        PyErr_SetString(PyExc_TypeError, "a row is a sequence of values, and not a text");
        return -1;
    }
    PyObject *tuple = PySequence_Tuple(row); /* a tuple itself; a list is copied: it may change */
    if (!tuple) return -1;
    Py_ssize_t given = PyTuple_Size(tuple);
    int done = given == table->count ? 0 : wrong_count(table, given);
    for (Py_ssize_t i = 0; done == 0 && i < given; i++) {
        done = value_of(PyTuple_GetItem(tuple, i), &values[i], &m->kept);
        if (done == 0) m->bytes += values[i].length;
    }
    Py_DECREF(tuple);
    if (done < 0) return -1;
    m->rows++;
    return m->rows == MANY_ROWS || m->bytes >= MANY_BYTES ? many_flush(m) : 0;
}

/* Rows before the one that failed are appended, whatever it was that failed. */
static void many_flush_before_error(many *m) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    if (many_flush(m) < 0) PyErr_Clear(); /* the first error is told; "rows" says how far it came */
    PyErr_Restore(type, value, trace);
}

static PyObject *table_append_many(PyObject *object, PyObject *rows) {
    table_object *self = (table_object *)object;
    PyObject *iterator = PyObject_GetIter(rows);
    if (!iterator) return NULL;
    many m = {.table = self, .kept = {.keeps_objects = true}};
    m.values = PyMem_Malloc(MANY_ROWS * (size_t)self->count * sizeof *m.values);
    if (!m.values) {
        Py_DECREF(iterator);
        return PyErr_NoMemory();
    }
    int done = 0;
    PyObject *row;
    while (done == 0 && (row = PyIter_Next(iterator))) {
        done = many_add(&m, row);
        Py_DECREF(row);
    }
    if (done == 0 && !PyErr_Occurred())
        done = many_flush(&m);
    else {
        many_flush_before_error(&m);
        done = -1;
    }
    held_clear(&m.kept);
    PyMem_Free(m.values);
    Py_DECREF(iterator);
    if (done == 0) return PyLong_FromSize_t(m.appended);
    tell_rows(m.appended);
    return NULL;
}

/* ---- the type ------------------------------------------------------------------------------- */

static PyObject *append_columns(PyObject *self, PyObject *parts) {
    return table_append_columns((table_object *)self, parts);
}

table_object *table_of(PyObject *object) {
    if (PyObject_TypeCheck(object, table_type)) return (table_object *)object;
    PyErr_SetString(PyExc_TypeError, "a table is what Database.table() gave");
    return NULL;
}

static int declare(table_object *self, const char *name, const weir_column *columns) {
    uint64_t since = 0;
    int status, again;
    do {
        weir *w = self->handle->w;
        Py_BEGIN_ALLOW_THREADS
        status = weir_declare(w, name, columns, (size_t)self->count, &self->table);
        Py_END_ALLOW_THREADS
        if (status != WEIR_FULL) break;
        again = pause_for_room(self->handle, &since, 0);
        if (again < 0) return -1;
    } while (again > 0 && handle_is_open(self->handle));
    if (status >= 0) return 0;
    raise_status(status);
    return -1;
}

static const char *utf8_without_nul(PyObject *text) {
    Py_ssize_t length;
    const char *utf8 = PyUnicode_Check(text) ? PyUnicode_AsUTF8AndSize(text, &length) : NULL;
    if (utf8 && strlen(utf8) == (size_t)length) return utf8;
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "a name is a str without NUL");
    return NULL;
}

/* columns: a tuple of (name, type). */
static int declare_columns(table_object *self, const char *name, PyObject *columns) {
    self->count = PyTuple_Size(columns);
    size_t count = (size_t)self->count;
    weir_column *list = PyMem_Malloc((count + 1) * sizeof *list);
    self->types = PyMem_Malloc((count + 1) * sizeof *self->types);
    int done = list && self->types ? 0 : (PyErr_NoMemory(), -1);
    for (Py_ssize_t i = 0; done == 0 && i < self->count; i++) {
        PyObject *text;
        int type;
        if (!PyArg_ParseTuple(PyTuple_GetItem(columns, i), "Oi", &text, &type) ||
            !(list[i].name = utf8_without_nul(text)))
            done = -1;
        else
            list[i].type = self->types[i] = (weir_type)type;
    }
    if (done == 0) done = declare(self, name, list);
    PyMem_Free(list);
    return done;
}

static PyObject *table_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"handle", "name", "columns", NULL};
    PyObject *handle, *name, *columns;
    const char *utf8;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOO", names, &handle, &name, &columns) ||
        !(utf8 = utf8_without_nul(name)))
        return NULL;
    if (!PyObject_TypeCheck(handle, handle_type) || !PyTuple_Check(columns)) {
        PyErr_SetString(PyExc_TypeError, "a table is made by Database.table()");
        return NULL;
    }
    if (!handle_is_open((handle_object *)handle)) return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    table_object *self = (table_object *)allocate(type, 0);
    if (!self) return NULL;
    Py_INCREF(handle);
    Py_INCREF(name);
    self->handle = (handle_object *)handle;
    self->name = name;
    if (declare_columns(self, utf8, columns) == 0) return (PyObject *)self;
    Py_DECREF(self);
    return NULL;
}

static void table_dealloc(PyObject *object) {
    table_object *self = (table_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyMem_Free(self->types);
    Py_XDECREF(self->name);
    Py_XDECREF((PyObject *)self->handle);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static PyObject *table_name(PyObject *self, void *none) {
    (void)none;
    PyObject *name = ((table_object *)self)->name;
    Py_INCREF(name);
    return name;
}

static PyObject *table_keep(PyObject *object, PyObject *args) {
    table_object *self = (table_object *)object;
    unsigned long long rows, bytes, age_ns;
    const char *column;
    if (!PyArg_ParseTuple(args, "KKKz", &rows, &bytes, &age_ns, &column)) return NULL;
    weir_keep_limits limits = {
        .rows = rows, .bytes = bytes, .age_ns = age_ns, .time_column = column};
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = weir_keep(self->table, &limits);
    Py_END_ALLOW_THREADS
    if (status < 0) return raise_status(status);
    Py_RETURN_NONE;
}

#define FAST(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef methods[] = {
    {"append", FAST(table_append), METH_FASTCALL,
     "append(*values)\n--\n\n"
     "Append one row, a value for each column in the order of the declaration.\n\n"
     "When it returns, the row is published: it survives the death of the process. A value is\n"
     "None, an int of 64 bits, a float, a str, anything bytes-like, or an object with __index__\n"
     "or __float__; what they hold is copied. If the ring is full it waits as the option full\n"
     "says, without the interpreter's lock.\n\n"
     "Raises OverflowError for a greater int, UnicodeEncodeError for a lone surrogate, TypeError\n"
     "for other objects, and weir.Full, weir.TooBig, weir.Misuse, weir.Closed, weir.Forked,\n"
     "weir.Stopped. After an exception nothing is appended."},
    {"append_ticket", FAST(table_append_ticket), METH_FASTCALL,
     "append_ticket(*values)\n--\n\n"
     "The same, and return a ticket, to wait for this row: Database.wait(ticket)."},
    {"_insert", FAST(table_insert), METH_FASTCALL, NULL},
    {"append_many", table_append_many, METH_O,
     "append_many(rows)\n--\n\n"
     "Append each row of an iterable, a sequence of values each; return how many.\n\n"
     "Rows are published in calls of some hundred, each of them whole or not at all. When the\n"
     "iterable raises, or a row cannot be appended, every row before is appended, the exception\n"
     "goes on, and its attribute rows says how many were."},
    {"_append_columns", append_columns, METH_O, NULL},
    {"_keep", table_keep, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attributes[] = {
    {"name", table_name, NULL, "The table's name in the database.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject *make_table_type(void) {
    static PyType_Slot slots[] = {{Py_tp_new, (void *)table_new},
                                  {Py_tp_dealloc, (void *)table_dealloc},
                                  {Py_tp_methods, methods},
                                  {Py_tp_getset, attributes},
                                  {Py_tp_doc, (void *)"A declared table; see weir.Table."},
                                  {0, NULL}};
    static PyType_Spec spec = {"weir._weir.Table", sizeof(table_object), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
    table_type = (PyTypeObject *)PyType_FromSpec(&spec);
    return table_type;
}
