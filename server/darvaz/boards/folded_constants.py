"""Folds the integer constants of a module that no other one uses into its code, before it is compiled for boards.

On a board each name of a module takes 25 to 40 bytes of the heap. MicroPython's compiler drops a constant that is
written `_NAME = const(1)`; in our sources it is `NAME = 1`, which the tests and readers can use. Lines stay where
they are, so tracebacks do.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple


def fold_constants(sources: Mapping[str, bytes], others: Iterable[bytes]) -> dict[str, bytes]:
    """Returns the sources of all modules with their constants folded; `others` are programs that import them."""
    used = {name for source in (*sources.values(), *others) for name in _names_in(source).of_others}
    return {path: _fold(source, _names_in(source).constants - used) for path, source in sources.items()}


class _Names(NamedTuple):
    """The names that a module takes from others, and those of its own constants."""

    of_others: frozenset[str]
    constants: frozenset[str]


# The library is the same for each board that is flashed or simulated.
@lru_cache(maxsize=256)
def _names_in(source: bytes) -> _Names:
    tree = ast.parse(source)
    return _Names(frozenset(_names_of_others(tree)), frozenset(_constants(tree)))


def _names_of_others(tree: ast.Module) -> Iterator[str]:
    """Yields the names that a module takes from another: imported, or as an attribute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _constants(tree: ast.Module) -> set[str]:
    """Returns the names in capitals that a module binds once, at its top, to an integer."""
    bound = Counter(
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    found = set()
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
            is_int = isinstance(value, ast.Constant) and type(value.value) is int
            if name.isupper() and bound[name] == 1 and is_int:
                found.add(name)
    return found


@lru_cache(maxsize=256)
def _fold(source: bytes, names: frozenset[str]) -> bytes:
    lines: dict[int, list[tokenize.TokenInfo]] = {}
    for token in tokenize.generate_tokens(io.StringIO(source.decode()).readline):
        if token.type == tokenize.NAME and token.string in names:
            lines.setdefault(token.start[0], []).append(token)
    text = source.decode().splitlines(keepends=True)
    for number, tokens in lines.items():
        line = text[number - 1]
        for token in reversed(tokens):
            private = token.string if token.string.startswith("_") else "_" + token.string
            line = line[: token.start[1]] + private + line[token.end[1] :]
        if tokens[0].start[1] == 0:
            name, _, value = line.partition("=")
            line = f"{name.strip()} = const({value.partition('#')[0].strip()})\n"
        text[number - 1] = line
    return "".join(text).encode()
