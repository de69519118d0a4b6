"""Statements that cannot fail share a line with the one before; every line that a traceback may name stays."""

from __future__ import annotations

import traceback

import pytest

from darvaz.boards.joined_lines import join_lines

MODULE = b'''"""A module."""
import json
import os

LIMIT = 3


class Part:
    def __init__(self, owner):
        """Makes it."""
        self.owner = owner
        self.is_open = self.count = False
        self.pair = (1, owner)

    def divide(self, by):
        if by is None:
            return None
        self.count = 10
        result = self.count // by
        self.is_open = True
        return result

    def unpack(self, owner):
        self.count = 1
        first, second = owner
        return first
'''


def lines() -> list[str]:
    return join_lines(MODULE).decode().splitlines()


@pytest.mark.parametrize(
    "joined",
    [
        "import json; import os; LIMIT = 3",
        "self.owner = owner; self.is_open = self.count = False; self.pair = (1, owner)",
        "result = self.count // by; self.is_open = True; return result",
    ],
)
def test_what_cannot_fail_is_in_the_line_before(joined: str) -> None:
    assert joined in [line.strip() for line in lines()]


@pytest.mark.parametrize(
    "kept", ["self.count = 10", "return None", "first, second = owner; return first", '"""Makes it."""']
)
def test_what_may_fail_or_begins_a_block_has_its_own_line(kept: str) -> None:
    assert kept in [line.strip() for line in lines()]


def test_other_lines_stay_where_they_are() -> None:
    before = MODULE.decode().splitlines()

    assert [old for old, new in zip(before, lines(), strict=True) if new and old != new.partition("; ")[0]] == []


def test_a_traceback_names_the_same_line() -> None:
    names: dict[str, type] = {}
    exec(compile(join_lines(MODULE), "part", "exec"), names)

    with pytest.raises(ZeroDivisionError) as raised:
        names["Part"](None).divide(0)

    line = traceback.extract_tb(raised.value.__traceback__)[-1].lineno
    assert MODULE.decode().splitlines()[(line or 0) - 1].strip() == "result = self.count // by"
    assert names["Part"](None).divide(5) == 2
