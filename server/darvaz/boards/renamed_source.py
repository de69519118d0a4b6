"""Changes names of the board library, each at its place: sources are parsed once for all that look for such places.

Lines stay where they are, so tracebacks read as before.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple


class Parsed(NamedTuple):
    """A source as a tree, all nodes of it, and its lines without their ends."""

    tree: ast.Module
    nodes: Sequence[ast.AST]
    lines: Sequence[bytes]


class Renaming(NamedTuple):
    """What to replace in a line: from byte `at`, these bytes by others."""

    line: int
    at: int
    old: bytes
    new: bytes


# Of parsed modules and of programs beside them: what to change in each module, by its path.
Finder = Callable[[Mapping[str, Parsed], Sequence[Parsed]], Mapping[str, Iterable[Renaming]]]


def change_names(sources: Mapping[str, bytes], others: Iterable[bytes], *finders: Finder) -> dict[str, bytes]:
    """Returns the sources of all modules with what the finders change; `others` are programs beside them.

    No two finders may change the same place.
    """
    modules = {path: parse(source) for path, source in sources.items()}
    programs = [parse(source) for source in others]
    found = [finder(modules, programs) for finder in finders]
    return {
        path: _apply(source, [change for changes in found for change in changes.get(path, ())])
        for path, source in sources.items()
    }


# The library is the same for each board that is flashed or simulated.
@lru_cache(maxsize=256)
def parse(source: bytes) -> Parsed:
    """Returns what a source consists of; raises `SyntaxError`."""
    tree = ast.parse(source)
    return Parsed(tree, list(ast.walk(tree)), source.splitlines())


def in_texts(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yields the nodes in texts with names in them, of which Python does not say where they are."""
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield from ast.walk(node)


def _apply(source: bytes, changes: Iterable[Renaming]) -> bytes:
    lines = source.splitlines(keepends=True)
    for line, at, old, new in sorted(changes, reverse=True):
        text = lines[line - 1]
        assert text[at:].startswith(old), f"line {line} has something else than {old!r} at {at}"
        lines[line - 1] = text[:at] + new + text[at + len(old) :]
    return b"".join(lines)
