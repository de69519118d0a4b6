"""Parts that a maker's test puts on a virtual board: the program reads them, and the report tells what they raised."""

from __future__ import annotations

import pytest

from tests.support.hil import run_pytest

pytest_plugins = ["pytester"]
# A gateway and a board of its own for each run.
pytestmark = pytest.mark.timeout(100)
RUN_S = 80

PROGRAM = """
import board
from darvaz import Device
from machine import I2C, Pin

device = Device(board)
bus = I2C(0, scl=Pin(5), sda=Pin(4))
presses = []
Pin(14, Pin.IN, Pin.PULL_UP).irq(lambda pin: presses.append(pin.value()), Pin.IRQ_FALLING)


@device.command
def degrees():
    try:
        raw = bus.readfrom_mem(0x48, 0, 2)
    except OSError as error:
        return "error %d" % error.errno
    return raw[0] + raw[1] / 256


@device.command
def count():
    return len(presses)


device.run()
"""

TESTS = """
import time

from darvaz.testing import Registers


class Broken:
    def read(self, register, size):
        raise ValueError("mine")

    def write(self, data):
        pass


def test_sensor_is_read(board):
    sensor = board.hardware.i2c[0x48] = Registers({0: b"\\x15\\x80"})
    assert board.command("degrees") == 21.5
    sensor[0] = 0x16
    assert board.command("degrees") == 22.5


def test_missing_sensor_is_an_error(board):
    board.hardware.i2c.clear()
    assert board.command("degrees") == "error 5"


def test_button(board):
    board.hardware.inputs["14"] = 0
    board.hardware.inputs["14"] = 1
    give_up_s = time.monotonic() + 20
    while board.command("count") != 1:
        assert time.monotonic() < give_up_s


def test_part_that_fails_fails_the_test(board):
    board.hardware.i2c[0x48] = Broken()
    assert board.command("degrees") == "error 5"


def test_failure_of_a_part_is_told_beside_another(board):
    assert board.command("degrees") == 22.5


def test_register_without_a_value(board):
    board.hardware.i2c[0x48] = Registers({3: 1})
    board.command("degrees")


def test_failures_of_other_tests_are_forgotten(board):
    assert board.command("count") == 1
"""


def test_parts_of_a_test_are_read_and_their_failures_told(pytester: pytest.Pytester) -> None:
    (pytester.mkdir("greenhouse") / "main.py").write_text(PROGRAM)
    pytester.makeini("[pytest]\ndarvaz_program = greenhouse\n")
    pytester.makepyfile(TESTS)

    result = run_pytest(pytester, deadline_s=RUN_S)

    result.assert_outcomes(passed=4, failed=3)
    result.stdout.fnmatch_lines(
        [
            "*_ test_part_that_fails_fails_the_test _*",
            "a part of the test failed: i2c 0x48: ValueError: mine",
            '  File "*test_parts_of_a_test*.py", line 8, in read',
            "--* device --*",
            "*_ test_failure_of_a_part_is_told_beside_another _*",
            "E*AssertionError: assert 'error 5' == 22.5",
            "--* parts of the test --*",
            "i2c 0x48: ValueError: mine",
            '  File "*test_parts_of_a_test*.py", line 8, in read',
            "*_ test_register_without_a_value _*",
            "a part of the test failed: i2c 0x48: the board reads register 0x00, which has no value in the test",
        ]
    )
    assert "boards/parts" not in result.stdout.str()
