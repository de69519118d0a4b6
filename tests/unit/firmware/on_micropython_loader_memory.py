"""The loader leaves nearly nothing in the heap, after a start that it has nothing to do in."""

import gc
import sys
import unittest

HEAP_BYTES_MAX = 2048


class Memory(unittest.TestCase):
    def test_a_start_leaves_less_than_two_kilobytes(self):
        sys.path.insert(0, "firmware/lib")
        with open("firmware/boot.py") as file:
            code = compile(file.read(), "boot.py", "exec")
        gc.collect()
        before = gc.mem_alloc()

        exec(code, {})

        gc.collect()
        self.assertLessEqual(gc.mem_alloc() - before, HEAP_BYTES_MAX)
