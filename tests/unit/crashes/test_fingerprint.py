"""Crashes of one kind have one fingerprint, whatever lines and values they name."""

from __future__ import annotations

import pytest

from darvaz.gateway.crashes.fingerprint import TITLE_CHARS_MAX, fingerprint, title

TRACE = """Traceback (most recent call last):
  File "/lib/darvaz/device.mpy", line 100, in run
  File "main.py", line 30, in water
ZeroDivisionError: divide by zero"""

SAME = {
    "the same": TRACE,
    "another line": TRACE.replace("line 30", "line 44"),
    "another value": TRACE.replace("divide by zero", "0 litres"),
    "a cut traceback ends alike": TRACE.replace("Traceback (most recent call last):\n", ""),
}
OTHERS = {
    "another function": TRACE.replace("in water", "in fill"),
    "another file": TRACE.replace('"main.py"', '"pump.py"'),
    "another exception": TRACE.replace("ZeroDivisionError", "ValueError"),
    "nothing": "",
}


@pytest.mark.parametrize("what", SAME)
def test_crashes_of_one_kind_are_one_group(what: str) -> None:
    assert fingerprint("exception", SAME[what]) == fingerprint("exception", TRACE)


@pytest.mark.parametrize("what", OTHERS)
def test_other_crashes_are_another_group(what: str) -> None:
    assert fingerprint("exception", OTHERS[what]) != fingerprint("exception", TRACE)


def test_a_task_that_ended_is_not_a_program_that_died() -> None:
    assert fingerprint("task", TRACE) != fingerprint("exception", TRACE)


@pytest.mark.parametrize(
    ("reason", "traceback", "expected"),
    [
        ("exception", TRACE, "ZeroDivisionError: divide by zero in water"),
        ("start", "MemoryError: \n", "MemoryError:"),
        ("watchdog", "", "reset by the watchdog, or by machine.reset()"),
        ("exception", "", "unknown"),
    ],
)
def test_a_crash_has_a_title(reason: str, traceback: str, expected: str) -> None:
    assert title(reason, traceback) == expected


def test_a_title_is_short_whatever_a_board_sends() -> None:
    long = TRACE.replace("divide by zero", "x" * 4000).replace("water", "f" * 4000)

    assert len(title("exception", long)) <= TITLE_CHARS_MAX
