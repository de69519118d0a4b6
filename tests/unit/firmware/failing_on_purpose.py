"""A test that fails, for the test that failures on MicroPython are noticed; pytest does not collect it."""

import unittest


class WrongOnPurpose(unittest.TestCase):
    """Holds one test that passes and one that fails."""

    def test_that_passes(self):
        self.assertEqual(1, 1)

    def test_that_fails(self):
        self.assertEqual(1, 2)
