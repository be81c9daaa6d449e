/* errors.c - a status of the library becomes an exception. The classes are Python's own
 * (weir/errors.py); what makes one of a status and a text is registered once. */
#include "binding.h"

static PyObject *make_error;

PyObject *register_errors(PyObject *module, PyObject *factory) {
    (void)module;
    PyObject *old = make_error;
    Py_INCREF(factory);
    make_error = factory;
    Py_XDECREF(old);
    Py_RETURN_NONE;
}

PyObject *raise_text(int status, const char *text) {
    if (PyErr_Occurred()) return NULL;
    /* A path in it may have any bytes. */
    PyObject *words = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
    if (!words) return NULL;
    PyObject *error = make_error ? PyObject_CallFunction(make_error, "isO", status,
                                                         weir_status_name(status), words)
                                 : NULL;
    if (error)
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    else if (!PyErr_Occurred())
        PyErr_SetObject(PyExc_RuntimeError, words);
    Py_XDECREF(error);
    Py_DECREF(words);
    return NULL;
}

PyObject *raise_status(int status) {
    const char *text = weir_last_error();
    return raise_text(status, *text ? text : weir_status_text(status));
}

void tell_rows(size_t rows) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    PyObject *number = PyLong_FromSize_t(rows);
    if (!number || !value || PyObject_SetAttrString(value, "rows", number) < 0)
        PyErr_Clear(); /* the exception itself is what matters */
    Py_XDECREF(number);
    PyErr_Restore(type, value, trace);
}
