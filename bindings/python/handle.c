/* handle.c - weir._weir.Handle: one opening. weir/database.py is what people use. */
#include "binding.h"

#include <stdlib.h>

PyTypeObject *handle_type;

int handle_is_open(handle_object *self) {
    if (self->w) return 1;
    raise_text(WEIR_CLOSED, "the database is closed");
    return 0;
}

static PyObject *handle_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"path",
                            "journal_directory",
                            "lane_bytes",
                            "lanes_max",
                            "segment_bytes",
                            "journal_limit_bytes",
                            "waits_when_full",
                            "full_timeout_ms",
                            "linger_ms",
                            "apply_linger_ms",
                            "open_timeout_ms",
                            "archive",
                            "must_exist",
                            "zstd_level",
                            NULL};
    PyObject *path, *directory;
    unsigned long long lane = 0, segment = 0, limit = 0;
    unsigned int lanes = 0, full_timeout = 0, linger = 0, apply_linger = 0, open_timeout = 0;
    int waits = 1, archive = 0, must_exist = 0, zstd = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "SOKIKKpIIIIppi", names, &path, &directory,
                                     &lane, &lanes, &segment, &limit, &waits, &full_timeout,
                                     &linger, &apply_linger, &open_timeout, &archive, &must_exist,
                                     &zstd))
        return NULL;
    char *path_bytes, *directory_bytes = NULL;
    if (PyBytes_AsStringAndSize(path, &path_bytes, NULL) < 0 || /* NULL: no NUL within */
        (directory != Py_None && PyBytes_AsStringAndSize(directory, &directory_bytes, NULL) < 0))
        return NULL;
    handle_object *self = (handle_object *)PyType_GenericAlloc(type, 0);
    if (!self) return NULL;
    self->events = event_queue_make();
    if (!self->events) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    self->waits_when_full = waits;
    self->full_timeout_ms = full_timeout ? full_timeout : 10000;
    /* The library never waits for room itself: that is done in table.c, without the lock. */
    weir_options options = {
        .journal_directory = directory_bytes,
        .lane_bytes = lane,
        .lanes_max = lanes,
        .segment_bytes = segment,
        .journal_limit_bytes = limit,
        .full = WEIR_FULL_FAIL,
        .linger_ms = linger,
        .apply_linger_ms = apply_linger,
        .open_timeout_ms = open_timeout,
        .archive = archive,
        .must_exist = must_exist,
        .zstd_level = zstd,
        .on_event = event_queue_put,
        .event_context = self->events,
    };
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = weir_open_sqlite(path_bytes, &options, &self->w);
    Py_END_ALLOW_THREADS
    if (status >= 0) return (PyObject *)self;
    self->w = NULL;
    raise_status(status);
    Py_DECREF(self);
    return NULL;
}

static void handle_dealloc(PyObject *object) {
    handle_object *self = (handle_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    int status = WEIR_OK;
    if (self->w) { /* weir/database.py closes; this is for what it could not */
        PyObject *error, *value, *trace;
        PyErr_Fetch(&error, &value, &trace);
        Py_BEGIN_ALLOW_THREADS
        status = weir_close(self->w);
        Py_END_ALLOW_THREADS
        PyErr_Restore(error, value, trace);
    }
    if (status == WEIR_OK && !self->events_stay) event_queue_free(self->events);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

/* The status, WEIR_OK or WEIR_PENDING; everything else raises. */
static PyObject *handle_close(PyObject *object, PyObject *none) {
    (void)none;
    handle_object *self = (handle_object *)object;
    weir *w = self->w;
    if (!w) return PyLong_FromLong(WEIR_OK);
    self->w = NULL;
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = weir_close(w);
    Py_END_ALLOW_THREADS
    self->events_stay = status != WEIR_OK;
    if (status != WEIR_FORKED) event_queue_end(self->events);
    return status < 0 ? raise_status(status) : PyLong_FromLong(status);
}

static PyObject *handle_sync(PyObject *object, PyObject *args) {
    handle_object *self = (handle_object *)object;
    int level;
    unsigned int timeout_ms;
    if (!PyArg_ParseTuple(args, "iI", &level, &timeout_ms) || !handle_is_open(self)) return NULL;
    weir *w = self->w;
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = weir_sync(w, (weir_level)level, timeout_ms);
    Py_END_ALLOW_THREADS
    return status < 0 ? raise_status(status) : PyBool_FromLong(status == WEIR_OK);
}

static PyObject *handle_wait(PyObject *object, PyObject *args) {
    handle_object *self = (handle_object *)object;
    PyObject *name;
    weir_ticket ticket;
    int level;
    unsigned int timeout_ms;
    if (!PyArg_ParseTuple(args, "OiI", &name, &level, &timeout_ms) ||
        ticket_of(name, &ticket) < 0 || !handle_is_open(self))
        return NULL;
    weir *w = self->w;
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = weir_wait(w, ticket, (weir_level)level, timeout_ms);
    Py_END_ALLOW_THREADS
    return status < 0 ? raise_status(status) : PyBool_FromLong(status == WEIR_OK);
}

static PyObject *handle_stats(PyObject *object, PyObject *none) {
    (void)none;
    handle_object *self = (handle_object *)object;
    if (!handle_is_open(self)) return NULL;
    struct weir_stats s;
    weir *w = self->w;
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = weir_stats(w, &s);
    Py_END_ALLOW_THREADS
    if (status < 0) return raise_status(status);
    s.rows_refused -= self->refused_and_tried_again;
#define NUMBER(name) #name, (unsigned long long)s.name
    return Py_BuildValue(
        "{sKsKsKsKsKsKsKsKsKsKsKsKsKsKsKsKsKsKsKsKsisIsKsKsK}", NUMBER(rows_published),
        NUMBER(bytes_published), NUMBER(rows_durable), NUMBER(bytes_durable), NUMBER(rows_applied),
        NUMBER(rows_rejected), NUMBER(rows_ignored), NUMBER(rows_deleted), NUMBER(rows_refused),
        NUMBER(rows_recovered), NUMBER(keeps_suspended), NUMBER(lag_rows), NUMBER(journal_bytes),
        NUMBER(syncs), NUMBER(sync_ns_total), NUMBER(sync_ns_max), NUMBER(transactions),
        NUMBER(wal_bytes), NUMBER(last_row), NUMBER(last_row_applied), "apply_status",
        s.apply_status, "lanes", s.lanes, NUMBER(log_dropped), NUMBER(log_failed),
        NUMBER(rows_passed));
#undef NUMBER
}

/* (event, text); None: nothing in this time; False: there are no more. */
static PyObject *handle_next_event(PyObject *object, PyObject *args) {
    handle_object *self = (handle_object *)object;
    unsigned int wait_ms;
    if (!PyArg_ParseTuple(args, "I", &wait_ms)) return NULL;
    weir_event event = 0;
    char *text = NULL;
    int found;
    Py_BEGIN_ALLOW_THREADS
    found = event_queue_take(self->events, &event, &text, wait_ms);
    Py_END_ALLOW_THREADS
    if (found == 0) Py_RETURN_NONE;
    if (found < 0) Py_RETURN_FALSE;
    PyObject *words = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
    free(text);
    return words ? Py_BuildValue("(iN)", (int)event, words) : NULL;
}

static PyObject *handle_descriptor(PyObject *object, PyObject *args) {
    handle_object *self = (handle_object *)object;
    int level, fd;
    if (!PyArg_ParseTuple(args, "i", &level) || !handle_is_open(self)) return NULL;
    int status = weir_descriptor(self->w, (weir_level)level, &fd);
    return status < 0 ? raise_status(status) : PyLong_FromLong(fd);
}

static PyObject *handle_request(PyObject *object, PyObject *args) {
    handle_object *self = (handle_object *)object;
    int level;
    if (!PyArg_ParseTuple(args, "i", &level) || !handle_is_open(self)) return NULL;
    int status = weir_request(self->w, (weir_level)level);
    if (status < 0) return raise_status(status);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"close", handle_close, METH_NOARGS, NULL},
    {"sync", handle_sync, METH_VARARGS, NULL},
    {"wait", handle_wait, METH_VARARGS, NULL},
    {"stats", handle_stats, METH_NOARGS, NULL},
    {"next_event", handle_next_event, METH_VARARGS, NULL},
    {"descriptor", handle_descriptor, METH_VARARGS, NULL},
    {"request", handle_request, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

PyTypeObject *make_handle_type(void) {
    static PyType_Slot slots[] = {{Py_tp_new, (void *)handle_new},
                                  {Py_tp_dealloc, (void *)handle_dealloc},
                                  {Py_tp_methods, methods},
                                  {Py_tp_doc, (void *)"One opening; see weir.Database."},
                                  {0, NULL}};
    static PyType_Spec spec = {"weir._weir.Handle", sizeof(handle_object), 0, Py_TPFLAGS_DEFAULT,
                               slots};
    handle_type = (PyTypeObject *)PyType_FromSpec(&spec);
    return handle_type;
}
