"""What `darvaz deploy` and `darvaz rollout` say of a rollout fits on a line."""

from __future__ import annotations

from typing import Any

from darvaz.cli.deploy import last_line, summary

TRACEBACK = (
    'Traceback (most recent call last):\n  File "main.py", line 40, in <module>\nZeroDivisionError: divide by zero'
)


def rollout(reason: str) -> Any:
    return {"counts": {"fell_back": 1, "waiting": 2}, "reason": reason}


def test_a_rollout_that_stopped_names_the_board_and_its_error() -> None:
    assert summary(rollout(f"lamp-1 fell back: {TRACEBACK}\n")) == (
        "1 fell back, 2 waiting. lamp-1 fell back: ZeroDivisionError: divide by zero"
    )


def test_a_reason_of_one_line_is_told_as_it_is() -> None:
    assert summary(rollout("lamp-1 fell back: healthy() returned False")).endswith("healthy() returned False")
    assert summary(rollout("")) == "1 fell back, 2 waiting."
    assert last_line(TRACEBACK) == "ZeroDivisionError: divide by zero" and last_line("") == ""
