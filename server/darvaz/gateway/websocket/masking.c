/* The same as masking.py, in one pass and without intermediate copies: unmasks a client's payload. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>

enum { MASK_BYTES = 4, SHORT_BYTES = 128 };

/* Writes the unmasked payload, and returns the bitwise "or" of its bytes: without bit 7, it is ASCII. */
static unsigned char unmask_into(unsigned char *to, const unsigned char *from, Py_ssize_t length)
{
    uint32_t mask;
    uint64_t wide, seen = 0;
    Py_ssize_t at = 0;

    memcpy(&mask, from - MASK_BYTES, MASK_BYTES);
    wide = (uint64_t)mask << 32 | mask;
    for (; at + 8 <= length; at += 8) {
        uint64_t eight;
        memcpy(&eight, from + at, 8);
        eight ^= wide;
        seen |= eight;
        memcpy(to + at, &eight, 8);
    }
    seen |= seen >> 32;
    seen |= seen >> 16;
    seen |= seen >> 8;
    for (; at < length; at++) {
        to[at] = from[at] ^ from[at % MASK_BYTES - MASK_BYTES];
        seen |= to[at];
    }
    return (unsigned char)seen;
}

/* Returns where the payload begins, and sets its length; NULL with an exception for wrong arguments. */
static const unsigned char *payload_of(PyObject *const *arguments, Py_ssize_t count, Py_ssize_t *length)
{
    Py_ssize_t start, stop;

    if (count != 3 || !PyBytes_Check(arguments[0])) {
        PyErr_SetString(PyExc_TypeError, "give bytes, start and stop");
        return NULL;
    }
    start = PyLong_AsSsize_t(arguments[1]);
    stop = PyLong_AsSsize_t(arguments[2]);
    if (PyErr_Occurred())
        return NULL;
    if (start < MASK_BYTES || stop < start || stop > PyBytes_GET_SIZE(arguments[0])) {
        PyErr_SetString(PyExc_ValueError, "the payload and the mask before it must lie within the bytes");
        return NULL;
    }
    *length = stop - start;
    return (const unsigned char *)PyBytes_AS_STRING(arguments[0]) + start;
}

static PyObject *unmask(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    Py_ssize_t length;
    const unsigned char *payload = payload_of(arguments, count, &length);
    PyObject *unmasked = payload == NULL ? NULL : PyBytes_FromStringAndSize(NULL, length);

    if (unmasked != NULL && length > 0)
        unmask_into((unsigned char *)PyBytes_AS_STRING(unmasked), payload, length);
    return unmasked;
}

static PyObject *unmask_text(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    Py_ssize_t length;
    const unsigned char *payload = payload_of(arguments, count, &length);
    unsigned char on_stack[SHORT_BYTES], *unmasked = on_stack;
    PyObject *text;

    if (payload == NULL)
        return NULL;
    if (length > SHORT_BYTES && (unmasked = PyMem_Malloc((size_t)length)) == NULL)
        return PyErr_NoMemory();
    if (unmask_into(unmasked, payload, length) & 0x80)
        text = PyUnicode_DecodeUTF8((const char *)unmasked, length, "strict");
    else if ((text = PyUnicode_New(length, 0x7f)) != NULL && length > 0)
        memcpy(PyUnicode_DATA(text), unmasked, (size_t)length);
    if (unmasked != on_stack)
        PyMem_Free(unmasked);
    return text;
}

static PyMethodDef functions[] = {
    {"unmask", (PyCFunction)(void (*)(void))unmask, METH_FASTCALL,
     PyDoc_STR("unmask(data, start, stop)\n--\n\nReturns the payload from start to stop, unmasked.")},
    {"unmask_text", (PyCFunction)(void (*)(void))unmask_text, METH_FASTCALL,
     PyDoc_STR("unmask_text(data, start, stop)\n--\n\nReturns the payload as text; raises UnicodeDecodeError.")},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef masking = {
    PyModuleDef_HEAD_INIT, "darvaz.gateway.websocket.masking", NULL, 0, functions, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_masking(void)
{
    return PyModuleDef_Init(&masking);
}
