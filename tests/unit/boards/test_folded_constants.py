"""Constants of the library are folded into its code, also where a neighbour imports them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from darvaz.boards.firmware_source import read_sources
from darvaz.boards.folded_constants import fold_constants
from darvaz.boards.renamed_source import change_names

OWN = b"OPEN = 1\nWAIT_MS = 500\nWORDS = {'x': 1}\n\n\ndef wait():\n    return WAIT_MS, OPEN, WORDS\n"
NEIGHBOUR = b"from .own import (\n    OPEN,\n    WAIT_MS,\n    WORDS,\n)\n\ntwice = OPEN + WAIT_MS\n"
RULES = b"""NAME = 's', 1
RULE = (
    'o',
    NAME,
) + (None,)
BOTH = (1, 2)
USES = [BOTH]
"""


def fold(*, neighbour: bytes = NEIGHBOUR, program: bytes = b"") -> list[str]:
    files = {"/lib/own.py": OWN, "/lib/neighbour.py": neighbour}
    return [source.decode() for source in change_names(files, [program], fold_constants).values()]


def test_constants_are_folded_where_they_are_and_where_they_are_imported() -> None:
    own, neighbour = fold()

    assert own.startswith("_OPEN = const(1)\n_WAIT_MS = const(500)\nWORDS = {'x': 1}\n")
    assert "return _WAIT_MS, _OPEN, WORDS" in own
    assert neighbour.startswith("from .own import WORDS; _OPEN = const(1); _WAIT_MS = const(500)\n\n")
    assert "twice = _OPEN + _WAIT_MS" in neighbour


def test_tuples_are_computed_and_stay_where_several_modules_use_them() -> None:
    files = {"/lib/rules.py": RULES, "/lib/user.py": b"from .rules import BOTH, RULE\n\nprint(RULE, BOTH)\n"}

    rules, user = [source.decode() for source in change_names(files, [], fold_constants).values()]

    assert rules.startswith("_NAME = const(('s', 1))\n_RULE = const(('o', ('s', 1), None))\n\n\n\nBOTH = (1, 2)\n")
    assert user == "from .rules import BOTH; _RULE = const(('o', ('s', 1), None))\n\nprint(_RULE, BOTH)\n"
    assert rules.count("\n") == RULES.count(b"\n")


def test_lines_stay_where_they_are() -> None:
    assert [text.count("\n") for text in fold()] == [OWN.count(b"\n"), NEIGHBOUR.count(b"\n")]


@pytest.mark.parametrize(
    ("neighbour", "program"),
    [
        (NEIGHBOUR, b"import own\nown.WAIT_MS = 1\n"),
        (NEIGHBOUR, b"from own import WAIT_MS\n"),
        (b"def late():\n    from .own import WAIT_MS\n    return WAIT_MS\n", b""),
        (b"from .own import WAIT_MS as SOON\n", b""),
        (b"from . import WAIT_MS\n", b""),
        (b"from lib.own import WAIT_MS\n", b""),
        (b"from . import own\nWAIT = own.WAIT_MS\n", b""),
        (b"def late(found):\n    return found.WAIT_MS\n", b""),
    ],
)
def test_what_is_reached_in_another_way_stays(neighbour: bytes, program: bytes) -> None:
    own, folded = fold(neighbour=neighbour, program=program)

    assert "\nWAIT_MS = 500" in own and "_WAIT_MS" not in own + folded


def bound_in(source: bytes) -> set[str]:
    """Returns the names that a module binds at its top."""
    found = set()
    for node in ast.parse(source).body:
        match node:
            case ast.Assign():
                found |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found.add(node.name)
            case ast.Import() | ast.ImportFrom():
                found |= {alias.asname or alias.name for alias in node.names}
            case ast.Try():
                found |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
                found |= {each.name for each in ast.walk(node) if isinstance(each, ast.alias)}
    return found


def missing_names(modules: dict[str, bytes]) -> list[str]:
    """Returns what modules import from each other, or take as an attribute in capitals, and is not there."""
    names = {Path(path).stem: bound_in(source) for path, source in modules.items()}
    folded = {name[1:] for each in names.values() for name in each if name[:1] == "_" and name[1:].isupper()}
    public = set().union(*names.values())
    missing = []
    for path, source in modules.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and node.level == 1 and (node.module or "__init__") in names:
                there = names[node.module or "__init__"] | names.keys()
                missing += [f"{path}: {alias.name}" for alias in node.names if alias.name not in there]
            elif isinstance(node, ast.Attribute) and node.attr in folded - public:
                missing.append(f"{path}: {node.attr}")
    return missing


def test_what_modules_of_the_library_take_from_each_other_is_still_there() -> None:
    sources = {path: data for path, data in read_sources("pico").items() if path.startswith("/lib/")}

    assert missing_names(change_names(sources, [], fold_constants)) == []
    assert missing_names({"/a.py": b"_X = _Y = 1\n", "/b.py": b"from .a import X\n\na.Y\n"}) == ["/b.py: X", "/b.py: Y"]
