/* The same as columns.py, in a few passes and without objects between: readings as columns of whole numbers. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { DOUBLES = 255, PLACES_MAX = 6 };

/* The largest whole number of which a double knows each neighbour. */
#define WHOLE_MAX 9007199254740992.0

static const double SCALES[PLACES_MAX + 1] = {1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};

/* Sets the differences of the times; returns -1 with an exception where they are not in order. */
static int read_gaps(PyObject **times, Py_ssize_t count, int64_t *gaps)
{
    long long before = PyLong_AsLongLong(times[0]);

    for (Py_ssize_t at = 1; at < count; at++) {
        long long now = PyLong_AsLongLong(times[at]);
        if ((now == -1 || before == -1) && PyErr_Occurred())
            return -1;
        if (now < before) {
            PyErr_SetString(PyExc_ValueError, "the times of a block are in order");
            return -1;
        }
        uint64_t gap = (uint64_t)now - (uint64_t)before;
        if (gap > INT64_MAX) {
            PyErr_SetString(PyExc_OverflowError, "two times are too far apart");
            return -1;
        }
        gaps[at - 1] = (int64_t)gap;
        before = now;
    }
    return before == -1 && PyErr_Occurred() ? -1 : 0;
}

static int read_values(PyObject **given, Py_ssize_t count, double *values)
{
    for (Py_ssize_t at = 0; at < count; at++) {
        values[at] = PyFloat_AsDouble(given[at]);
        if (values[at] == -1.0 && PyErr_Occurred())
            return -1;
    }
    return 0;
}

/* Returns the size of the largest value; infinite where one is not a number, or is minus zero, which has a sign. */
static double size_of(const double *values, Py_ssize_t count)
{
    double largest = 0.0;

    for (Py_ssize_t at = 0; at < count; at++) {
        double value = values[at], size = fabs(value);
        if (!isfinite(value) || (value == 0.0 && signbit(value)))
            return INFINITY;
        if (size > largest)
            largest = size;
    }
    return largest;
}

/* Returns how many decimal places all values have, and sets them without the point; DOUBLES if they have more. */
static int to_whole_numbers(const double *values, Py_ssize_t count, int64_t *whole)
{
    double largest = size_of(values, count);

    for (int places = 0; places <= PLACES_MAX && largest * SCALES[places] < WHOLE_MAX; places++) {
        double scale = SCALES[places];
        Py_ssize_t at = 0;
        for (; at < count; at++) {
            double rounded = rint(values[at] * scale);
            if (rounded / scale != values[at])
                break;
            whole[at] = (int64_t)rounded;
        }
        if (at == count)
            return places;
    }
    return DOUBLES;
}

/* Returns the fewest bytes that hold each number. */
static int width_of(const int64_t *numbers, Py_ssize_t count)
{
    int64_t least = 0, most = 0;

    for (Py_ssize_t at = 0; at < count; at++) {
        if (numbers[at] < least)
            least = numbers[at];
        if (numbers[at] > most)
            most = numbers[at];
    }
    if (least >= INT8_MIN && most <= INT8_MAX)
        return 1;
    if (least >= INT16_MIN && most <= INT16_MAX)
        return 2;
    return least >= INT32_MIN && most <= INT32_MAX ? 4 : 8;
}

/* Writes the numbers, all their bytes of equal weight together, the lightest first. */
static unsigned char *write_by_weight(unsigned char *to, const int64_t *numbers, Py_ssize_t count, int width)
{
    for (int byte = 0; byte < width; byte++)
        for (Py_ssize_t at = 0; at < count; at++)
            *to++ = (unsigned char)((uint64_t)numbers[at] >> 8 * byte);
    return to;
}

/* Writes doubles in the same way, their bytes as they lie in memory. */
static void write_doubles(unsigned char *to, const double *values, Py_ssize_t count)
{
    const unsigned char *from = (const unsigned char *)values;

    for (size_t byte = 0; byte < sizeof(double); byte++)
        for (Py_ssize_t at = 0; at < count; at++)
            *to++ = from[at * (Py_ssize_t)sizeof(double) + (Py_ssize_t)byte];
}

static PyObject *dump(const int64_t *gaps, const double *values, int64_t *whole, Py_ssize_t count)
{
    int places = to_whole_numbers(values, count, whole);
    long long first = places == DOUBLES ? 0 : whole[0];
    int time_width = width_of(gaps, count - 1), value_width = sizeof(double);
    Py_ssize_t stored = count;

    if (places != DOUBLES) {
        stored = count - 1;
        for (Py_ssize_t at = 0; at < stored; at++)
            whole[at] = whole[at + 1] - whole[at];
        value_width = width_of(whole, stored);
    }
    PyObject *columns = PyBytes_FromStringAndSize(NULL, time_width * (count - 1) + value_width * stored);
    if (columns == NULL)
        return NULL;
    unsigned char *to = write_by_weight((unsigned char *)PyBytes_AS_STRING(columns), gaps, count - 1, time_width);
    if (places == DOUBLES)
        write_doubles(to, values, stored);
    else
        write_by_weight(to, whole, stored, value_width);
    return Py_BuildValue("iiiLN", places, time_width, value_width, first, columns);
}

static PyObject *to_columns(PyObject *module, PyObject *const *arguments, Py_ssize_t argument_count)
{
    PyObject *times = NULL, *values = NULL, *made = NULL;
    int64_t *memory = NULL;

    if (argument_count != 2) {
        PyErr_SetString(PyExc_TypeError, "give times and values");
        return NULL;
    }
    times = PySequence_Fast(arguments[0], "the times are not a sequence");
    values = times == NULL ? NULL : PySequence_Fast(arguments[1], "the values are not a sequence");
    if (values == NULL)
        goto done;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(times);
    if (count == 0 || count != PySequence_Fast_GET_SIZE(values)) {
        PyErr_SetString(PyExc_ValueError, "a block has a value for each time, and at least one");
        goto done;
    }
    /* For each reading the difference of times, the value, and the value as a whole number. */
    memory = PyMem_Calloc((size_t)count, 3 * sizeof(int64_t));
    if (memory == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    double *numbers = (double *)(memory + count);
    if (read_gaps(PySequence_Fast_ITEMS(times), count, memory) == 0 &&
        read_values(PySequence_Fast_ITEMS(values), count, numbers) == 0)
        made = dump(memory, numbers, memory + 2 * count, count);
done:
    PyMem_Free(memory);
    Py_XDECREF(times);
    Py_XDECREF(values);
    return made;
}

/* Returns a value as a float, a new reference; NULL without an exception where it is not a number. */
static PyObject *as_float(PyObject *value)
{
    if (PyFloat_CheckExact(value)) {
        Py_INCREF(value);
        return value;
    }
    if (!PyLong_CheckExact(value))
        return NULL;
    double number = PyLong_AsDouble(value);
    return number == -1.0 && PyErr_Occurred() ? NULL : PyFloat_FromDouble(number);
}

/* Puts the values of one report into their columns; a column without all numbers becomes None.

   Returns 1, 0 where the report has other names, or -1 with an exception. */
static int add_row(PyObject *values, PyObject *names, PyObject *columns, Py_ssize_t at)
{
    if (!PyDict_CheckExact(values)) {
        PyErr_SetString(PyExc_TypeError, "a row is a dict");
        return -1;
    }
    if (PyDict_GET_SIZE(values) != PyTuple_GET_SIZE(names))
        return 0;
    for (Py_ssize_t name = 0; name < PyTuple_GET_SIZE(names); name++) {
        PyObject *value = PyDict_GetItemWithError(values, PyTuple_GET_ITEM(names, name));
        PyObject *column = PyList_GET_ITEM(columns, name);
        if (value == NULL)
            return PyErr_Occurred() ? -1 : 0;
        if (column == Py_None)
            continue;
        PyObject *number = as_float(value);
        if (number == NULL && PyErr_Occurred())
            return -1;
        if (number != NULL) {
            PyList_SET_ITEM(column, at, number);
        } else {
            Py_INCREF(Py_None);
            PyList_SetItem(columns, name, Py_None);
        }
    }
    return 1;
}

static PyObject *numbers_of(PyObject *module, PyObject *const *arguments, Py_ssize_t argument_count)
{
    if (argument_count != 2 || !PyTuple_CheckExact(arguments[0]) || !PyList_CheckExact(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "give a tuple of names and a list of rows");
        return NULL;
    }
    PyObject *names = arguments[0], *rows = arguments[1];
    Py_ssize_t width = PyTuple_GET_SIZE(names), count = PyList_GET_SIZE(rows);
    PyObject *columns = PyList_New(width);
    int is_alike = columns == NULL ? -1 : 1;

    for (Py_ssize_t name = 0; is_alike == 1 && name < width; name++) {
        PyObject *column = PyList_New(count);
        if (column == NULL)
            is_alike = -1;
        else
            PyList_SET_ITEM(columns, name, column);
    }
    for (Py_ssize_t at = 0; is_alike == 1 && at < count; at++)
        is_alike = add_row(PyList_GET_ITEM(rows, at), names, columns, at);
    if (is_alike == 1)
        return columns;
    Py_XDECREF(columns);
    if (is_alike < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"numbers_of", (PyCFunction)(void (*)(void))numbers_of, METH_FASTCALL,
     PyDoc_STR("numbers_of(names, rows)\n--\n\nReturns the numbers of each name, or None.")},
    {"to_columns", (PyCFunction)(void (*)(void))to_columns, METH_FASTCALL,
     PyDoc_STR("to_columns(times_ms, values)\n--\n\nReturns readings as columns; raises ValueError.")},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef columns = {
    PyModuleDef_HEAD_INIT, "darvaz.gateway.telemetry.columns", NULL, 0, functions, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_columns(void)
{
    return PyModuleDef_Init(&columns);
}
