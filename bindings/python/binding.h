/* binding.h - the extension module weir._weir: what its files share.
 *
 * Built with the limited API of CPython 3.11 there and later: one binary for all of them. 3.9 and
 * 3.10 lack three things in their limited API that an append must have (METH_FASTCALL,
 * PyUnicode_AsUTF8AndSize, buffers), so there the same source is built for the one version.
 *
 * No thread of the library ever waits for the interpreter's lock: events go into a queue
 * (events.c), which a thread of Python's empties. So any call may hold that lock. */
#ifndef WEIR_PYTHON_BINDING_H
#define WEIR_PYTHON_BINDING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

#include <weir/sqlite.h>

typedef struct weir_event_queue weir_event_queue;

typedef struct handle_object {
    PyObject_HEAD weir *w; /* NULL: closed */
    weir_event_queue *events;
    bool events_stay; /* closing has left a thread that may still put one */
    int waits_when_full;
    uint32_t full_timeout_ms;
    uint64_t refused_and_tried_again; /* rows, under the interpreter's lock */
} handle_object;

typedef struct table_object {
    PyObject_HEAD weir_table *table;
    handle_object *handle;
    PyObject *name;
    weir_type *types;
    Py_ssize_t count;
} table_object;

/* ---- errors.c: each returns NULL or -1 with an exception set -------------------------------- */

PyObject *raise_status(int status);                 /* with the text of weir_last_error() */
PyObject *raise_text(int status, const char *text); /* with a text of our own, UTF-8 */
void tell_rows(size_t rows); /* the exception that is set gets an attribute "rows" */
PyObject *register_errors(PyObject *module, PyObject *factory);

/* ---- values.c ------------------------------------------------------------------------------- */

/* Keeps alive what values point to. Zero is empty. */
typedef struct held {
    struct held_view *views;
    PyObject **objects; /* owned; only with keeps_objects */
    size_t count, room;
    bool keeps_objects;
} held;

/* Make a value of an object. What it points to lives as long as the object, or as what is held. */
int value_of(PyObject *object, weir_value *out, held *kept);
void held_clear(held *kept);
PyObject *value_to_ticket(const weir_ticket *ticket);
int ticket_of(PyObject *object, weir_ticket *out);

/* ---- handle.c ------------------------------------------------------------------------------- */

extern PyTypeObject *handle_type;
PyTypeObject *make_handle_type(void);
int handle_is_open(handle_object *self);

/* ---- table.c -------------------------------------------------------------------------------- */

PyTypeObject *make_table_type(void);

/* Append rows; wait for room if the full policy says so, without the interpreter's lock, and
 * answering signals. released: the caller has given that lock up, in *saved. Rows that are too big
 * for one call are appended in several; *appended counts what was. Returns a status, or
 * PYTHON_RAISED. */
enum { PYTHON_RAISED = -1000 };
int publish_rows(table_object *self, const weir_value *values, size_t rows, weir_ticket *ticket,
                 PyThreadState **saved, size_t *appended);
/* One pause of a call that found the ring full; *since: 0 at first. The lock is held. */
int pause_for_room(handle_object *handle, uint64_t *since, size_t rows);

/* ---- columns.c ------------------------------------------------------------------------------ */

PyObject *table_append_columns(table_object *table, PyObject *parts);

/* ---- batch.c -------------------------------------------------------------------------------- */

PyTypeObject *make_batch_type(void);
table_object *table_of(PyObject *object);

/* ---- events.c ------------------------------------------------------------------------------- */

weir_event_queue *event_queue_make(void);
void event_queue_free(weir_event_queue *queue);
void event_queue_put(void *context, weir_event event, const char *text); /* a weir_event_fn */
void event_queue_end(weir_event_queue *queue);
/* Wait for the next event, without the interpreter's lock. 1: text is the caller's, to be freed
 * with free(); 0: nothing in this time; -1: there are no more. */
int event_queue_take(weir_event_queue *queue, weir_event *event, char **text, unsigned wait_ms);

#endif
