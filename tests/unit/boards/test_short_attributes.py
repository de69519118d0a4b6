"""Attributes of the library get short names where nothing else could meet them; the rest keeps its name and line."""

from __future__ import annotations

import ast

import pytest

from darvaz.boards.firmware_source import read_sources
from darvaz.boards.renamed_source import change_names
from darvaz.boards.short_attributes import shorten_attributes

LINK = b"""
class Base:
    def __init__(self):
        self._first_long = 1
        self.shown = 2


class Link(Base):
    def __init__(self):
        super().__init__()
        self._second_long, self._noted, self.opened_ms = 3, 4, 5

    def _private(self):
        return self._first_long + self._second_long
"""
OTHER = b"""
class Other:
    def __init__(self, link):
        self._third_long = link._first_long
        link._noted = 6
        self.boot_id = link.opened_ms
        self._text = "_text"
"""


def shorten(*sources: bytes, program: bytes = b"") -> list[str]:
    files = {str(number): source for number, source in enumerate(sources)}
    return [source.decode() for source in change_names(files, [program], shorten_attributes).values()]


def test_names_are_short_and_differ_within_one_object() -> None:
    link, other = shorten(LINK, OTHER)
    names: dict[str, object] = {}
    exec(compile(link, "link", "exec"), names)
    exec(compile(other, "other", "exec"), names)

    made = names["Link"]()  # type: ignore[operator]

    other_made = names["Other"](made)  # type: ignore[operator]

    assert made._private() == 4 and made.shown == 2
    assert sorted(vars(other_made).values(), key=str) == [1, 5, "_text"]
    assert sorted(vars(made).values()) == [1, 2, 3, 5, 6]
    assert not any(name in link + other for name in ("_first_long", "_second_long", "_third_long", "_noted", "opened"))


def test_what_makers_use_keeps_its_name() -> None:
    device = LINK.replace(b"Link(Base)", b"Device(Base)")

    assert "opened_ms" in shorten(device)[0] and "_noted" not in shorten(device)[0]


@pytest.mark.parametrize("name", ["_private", "_text", "shown"])
def test_names_that_something_else_uses_stay(name: str) -> None:
    assert name in "".join(shorten(LINK, OTHER))


def test_names_that_a_program_uses_stay() -> None:
    assert "_first_long" in shorten(LINK, program=b"device.link._first_long")[0]
    assert "._a " not in shorten(LINK, program=b"self._a = 1")[0]


def test_the_library_keeps_its_lines_and_its_functions() -> None:
    files = {path: data for path, data in read_sources("pico").items() if path.startswith("/lib/darvaz/")}

    short = change_names(files, [], shorten_attributes)

    def shape(source: bytes) -> list[tuple[str, int]]:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        return [(node.name, node.lineno) for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]

    assert {path: shape(data) for path, data in files.items()} == {path: shape(data) for path, data in short.items()}
    assert sum(map(len, short.values())) < sum(map(len, files.values())) - 1000


def test_names_in_a_text_with_names_stay() -> None:
    assert "{self._first_long}" in shorten(LINK, OTHER, b"class Text:\n    text = f'{self._first_long}'\n")[2]
