"""Arguments get short names where no call gives them by name; what is computed stays the same."""

from __future__ import annotations

import ast

import pytest

from darvaz.boards.firmware_source import read_sources
from darvaz.boards.renamed_source import change_names
from darvaz.boards.short_arguments import shorten_arguments

FUNCTIONS = '''
def halve(number, divisor=2):
    """Returns « number » over the divisor."""
    return sum(number / divisor for _ in range(1))


class Call:
    def __init__(self, function, deadline_s):
        self.function, self.deadline_s = function, deadline_s

    def run(self, value_a, a):
        return self.function(value_a + a, divisor=self.deadline_s)


def nested(count, rebound):
    def inner(rebound):
        return rebound + count

    return inner(rebound)


class Device:
    def command(self, shown_to_makers):
        return shown_to_makers
'''.encode()


def shorten(program: bytes = b"") -> str:
    return change_names({"one": FUNCTIONS}, [program], shorten_arguments)["one"].decode()


def test_functions_compute_the_same() -> None:
    names: dict[str, object] = {}
    exec(compile(shorten(), "one", "exec"), names)

    call = names["Call"](names["halve"], 4)  # type: ignore[operator]
    assert call.run(30, 10) == 10
    assert names["nested"](1, 2) == 3  # type: ignore[operator]


@pytest.mark.parametrize("gone", ["number,", "(self, function", "value_a", "nested(count"])
def test_names_given_by_place_are_short(gone: str) -> None:
    assert gone not in shorten()


@pytest.mark.parametrize("kept", ["divisor=2", "shown_to_makers", "rebound", "self.deadline_s", "« number »"])
def test_names_that_a_call_gives_or_a_maker_sees_stay(kept: str) -> None:
    assert kept in shorten()


def test_a_name_that_a_program_gives_stays() -> None:
    assert "number" in shorten(b"halve(number=3)").partition("divisor")[0]


def test_the_library_keeps_its_functions_and_lines() -> None:
    files = {path: data for path, data in read_sources("pico").items() if path.startswith("/lib/darvaz/")}

    short = change_names(files, [], shorten_arguments)

    def shape(source: bytes) -> list[tuple[str, int, int]]:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
        return [(node.name, node.lineno, len(node.args.args)) for node in found]

    assert {path: shape(data) for path, data in files.items()} == {path: shape(data) for path, data in short.items()}
    for data in short.values():
        compile(data, "short", "exec")
