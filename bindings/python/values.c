/* values.c - objects of Python as values of a row. int, float, str, bytes and None cost no
 * allocation and no copy; CPython makes the UTF-8 of a str that is not ASCII once, and keeps it. */
#include "binding.h"

struct held_view {
    struct held_view *next;
    Py_buffer view;
};

void held_clear(held *kept) {
    while (kept->views) {
        struct held_view *first = kept->views;
        kept->views = first->next;
        PyBuffer_Release(&first->view);
        PyMem_Free(first);
    }
    for (size_t i = 0; i < kept->count; i++)
        Py_DECREF(kept->objects[i]);
    kept->count = 0;
    if (!kept->keeps_objects) return;
    PyMem_Free(kept->objects);
    kept->objects = NULL;
    kept->room = 0;
}

static int hold_object(held *kept, PyObject *object) {
    if (!kept->keeps_objects) return 0; /* the caller holds it */
    if (kept->count == kept->room) {
        size_t room = kept->room ? 2 * kept->room : 256;
        if (room > PY_SSIZE_T_MAX / sizeof *kept->objects) return PyErr_NoMemory(), -1;
        PyObject **more = PyMem_Realloc(kept->objects, room * sizeof *more);
        if (!more) return PyErr_NoMemory(), -1;
        kept->objects = more;
        kept->room = room;
    }
    Py_INCREF(object);
    kept->objects[kept->count++] = object;
    return 0;
}

static int integer_value(PyObject *object, weir_value *out) {
    int overflow;
    long long integer = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (overflow) {
        PyErr_SetString(PyExc_OverflowError, "an INTEGER of SQLite has 64 bits, and this has more");
        return -1;
    }
    if (integer == -1 && PyErr_Occurred()) return -1;
    *out = weir_int(integer);
    return 0;
}

static int text_value(PyObject *object, weir_value *out, held *kept) {
    Py_ssize_t length;
    const char *text = PyUnicode_AsUTF8AndSize(object, &length); /* raises for a lone surrogate */
    if (!text) return -1;
    *out = weir_text_n(text, (size_t)length);
    return hold_object(kept, object);
}

static int bytes_value(PyObject *object, weir_value *out, held *kept) {
    char *bytes;
    Py_ssize_t length;
    if (PyBytes_AsStringAndSize(object, &bytes, &length) < 0) return -1;
    *out = weir_blob(bytes, (size_t)length);
    return hold_object(kept, object);
}

/* Any other bytes-like object; and numpy.bool_, which is no number but has one byte. */
static int buffer_value(PyObject *object, weir_value *out, held *kept) {
    struct held_view *view = PyMem_Malloc(sizeof *view);
    if (!view) return PyErr_NoMemory(), -1;
    if (PyObject_GetBuffer(object, &view->view, PyBUF_CONTIG_RO | PyBUF_FORMAT) < 0) {
        PyMem_Free(view);
        return -1;
    }
    const Py_buffer *b = &view->view;
    if (b->ndim == 0 && b->format && strcmp(b->format, "?") == 0 && b->len == 1)
        *out = weir_int(*(const char *)b->buf != 0);
    else
        *out = weir_blob(b->buf, (size_t)b->len);
    view->next = kept->views;
    kept->views = view;
    return 0;
}

static int number_value(PyObject *object, weir_value *out) {
    PyObject *real = PyNumber_Float(object);
    if (!real) return -1;
    *out = weir_real(PyFloat_AsDouble(real));
    Py_DECREF(real);
    return 0;
}

static bool is_boolean_scalar(PyObject *object) {
    Py_buffer view;
    if (!PyObject_CheckBuffer(object)) return false;
    if (PyObject_GetBuffer(object, &view, PyBUF_FORMAT) < 0) return PyErr_Clear(), false;
    bool is = view.ndim == 0 && view.format && strcmp(view.format, "?") == 0;
    PyBuffer_Release(&view);
    return is;
}

/* Numbers by __index__ and __float__ before buffers: a scalar of numpy is all three. */
static int other_value(PyObject *object, weir_value *out, held *kept) {
    if (PyLong_Check(object)) return integer_value(object, out);
    if (PyFloat_Check(object)) {
        *out = weir_real(PyFloat_AsDouble(object));
        return 0;
    }
    if (PyUnicode_Check(object)) return text_value(object, out, kept);
    if (PyBytes_Check(object)) return bytes_value(object, out, kept);
    if (is_boolean_scalar(object)) return buffer_value(object, out, kept);
    if (PyIndex_Check(object)) {
        PyObject *integer = PyNumber_Index(object);
        if (integer) {
            int done = integer_value(integer, out);
            Py_DECREF(integer);
            return done;
        }
        if (!PyErr_ExceptionMatches(PyExc_TypeError)) return -1;
        PyErr_Clear(); /* an array has __index__, and only one of one element answers */
    }
    if (PyObject_HasAttrString(object, "__float__") && !PyObject_HasAttrString(object, "__len__"))
        return number_value(object, out);
    if (PyObject_CheckBuffer(object)) return buffer_value(object, out, kept);
    PyErr_Format(PyExc_TypeError, "a value is None, a number, a str or bytes-like, and not %R",
                 (PyObject *)Py_TYPE(object));
    return -1;
}

int value_of(PyObject *object, weir_value *out, held *kept) {
    if (object == Py_None) {
        *out = weir_null();
        return 0;
    }
    PyTypeObject *type = Py_TYPE(object);
    if (type == &PyLong_Type) return integer_value(object, out);
    if (type == &PyFloat_Type) {
        *out = weir_real(PyFloat_AsDouble(object));
        return 0;
    }
    if (type == &PyUnicode_Type) return text_value(object, out, kept);
    if (type == &PyBytes_Type) return bytes_value(object, out, kept);
    return other_value(object, out, kept);
}

PyObject *value_to_ticket(const weir_ticket *ticket) {
    return Py_BuildValue("(KII)", (unsigned long long)ticket->position, ticket->lane,
                         ticket->generation);
}

int ticket_of(PyObject *object, weir_ticket *out) {
    unsigned long long position;
    unsigned int lane, generation;
    if (!PyTuple_Check(object) || !PyArg_ParseTuple(object, "KII", &position, &lane, &generation)) {
        PyErr_SetString(PyExc_TypeError, "a ticket is what append_ticket() or insert_now() gave");
        return -1;
    }
    *out = (weir_ticket){.position = position, .lane = lane, .generation = generation};
    return 0;
}
