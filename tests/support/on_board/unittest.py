"""The part of unittest that the board library's tests use, for MicroPython, which has none."""

import sys


class _Raises:
    """Fails unless its block raises the error; `exception` holds it afterwards."""

    def __init__(self, error):
        self.exception = None
        self._error = error

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            raise AssertionError("nothing was raised, expected %s" % self._error.__name__)
        self.exception = value
        return issubclass(kind, self._error)


class TestCase:
    """One set of tests; named as in CPython's unittest."""

    def setUp(self):
        """Runs before each test."""

    def assertTrue(self, value):
        if not value:
            raise AssertionError("%r is not true" % (value,))

    def assertFalse(self, value):
        if value:
            raise AssertionError("%r is not false" % (value,))

    def assertEqual(self, one, other):
        if one != other:
            raise AssertionError("%r is not %r" % (one, other))

    def assertIsNone(self, value):
        if value is not None:
            raise AssertionError("%r is not None" % (value,))

    def assertIn(self, part, whole):
        if part not in whole:
            raise AssertionError("%r is not in %r" % (part, whole))

    def assertNotIn(self, part, whole):
        if part in whole:
            raise AssertionError("%r is in %r" % (part, whole))

    def assertLessEqual(self, one, other):
        if not one <= other:
            raise AssertionError("%r is above %r" % (one, other))

    def assertGreaterEqual(self, one, other):
        if not one >= other:
            raise AssertionError("%r is below %r" % (one, other))

    def assertRaises(self, error):
        return _Raises(error)


def run(module):
    """Runs every test of a module and returns (how many ran, how many failed); prints each failure."""
    ran = failed = 0
    for name in sorted(dir(module)):
        case = getattr(module, name)
        if not (isinstance(case, type) and issubclass(case, TestCase)):
            continue
        for test in sorted(dir(case)):
            if test.startswith("test"):
                ran += 1
                failed += not _passes(case, test)
    return ran, failed


def _passes(case, test):
    one = case()
    try:
        one.setUp()
        getattr(one, test)()
    except Exception as error:  # noqa: BLE001 (a test may fail with any error)
        print("FAILED %s.%s" % (case.__name__, test))
        sys.print_exception(error)
        return False
    return True
