"""Tests of the boards' programs, run on MicroPython by test_programs.py; `hardware` has the stubs of hardware."""
