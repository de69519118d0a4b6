"""Runs one test module on MicroPython: `micropython run_tests.py tests.unit.firmware.test_log`."""

import sys

import unittest

module = __import__(sys.argv[1])
for part in sys.argv[1].split(".")[1:]:
    module = getattr(module, part)
ran, failed = unittest.run(module)
print("%d ran, %d failed" % (ran, failed))
sys.exit(1 if failed or not ran else 0)
