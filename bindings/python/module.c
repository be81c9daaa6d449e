/* module.c - the extension module weir._weir. */
#include "binding.h"

static PyMethodDef functions[] = {
    {"register_errors", register_errors, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    "weir._weir",
    "What the package weir is made of.",
    -1,
    functions,
    NULL,
    NULL,
    NULL,
    NULL,
};

static int add_type(PyObject *module, const char *name, PyTypeObject *type) {
    if (!type) return -1;
    return PyObject_SetAttrString(module, name, (PyObject *)type);
}

static int add_names(PyObject *module) {
    if (add_type(module, "Handle", make_handle_type()) < 0 ||
        add_type(module, "Table", make_table_type()) < 0 ||
        add_type(module, "Batch", make_batch_type()) < 0 ||
        PyModule_AddStringConstant(module, "version", weir_version()) < 0)
        return -1;
#define ADD(name, value, text)                                                                     \
    if (PyModule_AddIntConstant(module, #name, value) < 0) return -1;
    WEIR_STATUS_LIST(ADD)
#undef ADD
    return 0;
}

PyMODINIT_FUNC PyInit__weir(void);
PyMODINIT_FUNC PyInit__weir(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module && add_names(module) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
