/* batch.c - weir._weir.Batch: rows of several tables that are published together. */
#include "binding.h"

enum { VALUES_ON_STACK = 64 };

typedef struct batch_object {
    PyObject_HEAD weir_batch *batch; /* NULL: committed or rolled back */
    handle_object *handle;
    size_t rows;
} batch_object;

static PyObject *batch_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"handle", NULL};
    PyObject *handle;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!", names, handle_type, &handle))
        return NULL;
    if (!handle_is_open((handle_object *)handle)) return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    batch_object *self = (batch_object *)allocate(type, 0);
    if (!self) return NULL;
    Py_INCREF(handle);
    self->handle = (handle_object *)handle;
    int status = weir_begin(self->handle->w, &self->batch);
    if (status >= 0) return (PyObject *)self;
    self->batch = NULL;
    raise_status(status);
    Py_DECREF(self);
    return NULL;
}

static void batch_dealloc(PyObject *object) {
    batch_object *self = (batch_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    weir_rollback(self->batch);
    Py_XDECREF((PyObject *)self->handle);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static int is_open(const batch_object *self) {
    if (self->batch) return 1;
    raise_text(WEIR_MISUSE, "the batch is committed or rolled back");
    return 0;
}

static PyObject *batch_append(PyObject *object, PyObject *const *args, Py_ssize_t given) {
    batch_object *self = (batch_object *)object;
    if (given < 1) {
        PyErr_SetString(PyExc_TypeError, "append(table, *values): the table is missing");
        return NULL;
    }
    table_object *table = table_of(args[0]);
    if (!table) return NULL;
    weir_value room[VALUES_ON_STACK], *values = room;
    size_t count = (size_t)given - 1;
    if (count > VALUES_ON_STACK && !(values = PyMem_Malloc(count * sizeof *values)))
        return PyErr_NoMemory();
    held kept = {0};
    int done = 0;
    for (size_t i = 0; done == 0 && i < count; i++)
        done = value_of(args[i + 1], &values[i], &kept);
    int status = WEIR_OK; /* looked at after the values: those may run code of Python's */
    if (done == 0 && !is_open(self)) done = -1;
    if (done == 0) status = weir_batch_row(self->batch, table->table, values, count);
    held_clear(&kept);
    if (values != room) PyMem_Free(values);
    if (done < 0) return NULL;
    if (status < 0) return raise_status(status);
    self->rows++;
    Py_RETURN_NONE;
}

static PyObject *batch_commit(PyObject *object, PyObject *none) {
    (void)none;
    batch_object *self = (batch_object *)object;
    weir_ticket ticket = {0};
    uint64_t since = 0;
    int status;
    for (;;) {
        if (!is_open(self)) return NULL;
        status = weir_commit(self->batch, &ticket);
        if (status != WEIR_FULL) break;
        int again = pause_for_room(self->handle, &since, self->rows);
        if (again < 0) return NULL;
        if (again == 0) break;
    }
    if (status < 0) return raise_status(status);
    self->batch = NULL;
    return value_to_ticket(&ticket);
}

static PyObject *batch_rollback(PyObject *object, PyObject *none) {
    (void)none;
    batch_object *self = (batch_object *)object;
    weir_rollback(self->batch);
    self->batch = NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"append", (PyCFunction)(void (*)(void))batch_append, METH_FASTCALL,
     "append(table, *values)\n--\n\nAdd a row of a table of the same database."},
    {"commit", batch_commit, METH_NOARGS,
     "commit()\n--\n\nPublish all rows, by one store; return a ticket. After an exception the\n"
     "batch is as it was."},
    {"rollback", batch_rollback, METH_NOARGS, "rollback()\n--\n\nForget the rows."},
    {NULL, NULL, 0, NULL},
};

PyTypeObject *make_batch_type(void) {
    static PyType_Slot slots[] = {{Py_tp_new, (void *)batch_new},
                                  {Py_tp_dealloc, (void *)batch_dealloc},
                                  {Py_tp_methods, methods},
                                  {Py_tp_doc, (void *)"Rows that belong together; see weir.Batch."},
                                  {0, NULL}};
    static PyType_Spec spec = {"weir._weir.Batch", sizeof(batch_object), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
    return (PyTypeObject *)PyType_FromSpec(&spec);
}
