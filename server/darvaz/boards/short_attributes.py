"""Gives the private attributes of the library's objects short names, before it is compiled for boards.

On a board each name takes 20 to 30 bytes of the heap and as many of the flash, once, however many objects use it:
`_asked_since_ms` of one class and `_write_since_ms` of another become `_a` of both. Methods, functions and what a
program sees keep their names, lines stay where they are, and so tracebacks read as before.
"""

from __future__ import annotations

import ast
import io
import string
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

_SELF = "self"
# A maker's own attributes of a device rarely look like these.
_SHORT = tuple("_" + letter for letter in string.ascii_lowercase + string.ascii_uppercase)


def shorten_attributes(sources: Mapping[str, bytes], others: Iterable[bytes]) -> dict[str, bytes]:
    """Returns the sources with short attributes; `others` are programs beside them, whose names stay."""
    trees = [ast.parse(source) for source in sources.values()]
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    fixed = _names_that_stay(trees, others)
    attributes: dict[str, set[str]] = {}
    for node in classes:
        attributes.setdefault(node.name, set()).update(
            name for name in _stored(node) if _is_private(name) and name not in fixed
        )
    short = _choose(_families(classes, attributes), fixed)
    return {path: _rename(source, short) for path, source in sources.items()}


def _names_that_stay(trees: Iterable[ast.Module], others: Iterable[bytes]) -> set[str]:
    """Returns the names that are not only attributes of the library's own objects, each stored by its own class."""
    found = {name for source in others for name in _all_names(ast.parse(source))}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and not _is_own(node):
                found.add(node.attr)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(node.value.replace(".", " ").split())
    return found


def _all_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _is_own(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == _SELF


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _stored(node: ast.ClassDef) -> Iterator[str]:
    """Yields the attributes that the methods of a class store."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store) and _is_own(inner):
            yield inner.attr


def _families(classes: Iterable[ast.ClassDef], attributes: Mapping[str, set[str]]) -> list[set[str]]:
    """Returns the attributes that may meet in one object: those of a class, and of the classes that it is made from."""
    bases = {node.name: [base.id for base in node.bases if isinstance(base, ast.Name)] for node in classes}

    def gather(name: str) -> set[str]:
        found = set(attributes.get(name, ()))
        for base in bases.get(name, ()):
            found |= gather(base)
        return found

    return sorted((gather(name) for name in bases), key=len, reverse=True)


def _choose(families: list[set[str]], fixed: set[str]) -> dict[str, str]:
    """Returns a short name for each long one: one for the whole library, and another within each family."""
    rivals: dict[str, set[str]] = {}
    for family in families:
        for name in family:
            rivals.setdefault(name, set()).update(family)
    free = [name for name in _SHORT if name not in fixed]
    short: dict[str, str] = {}
    for family in families:
        for name in sorted(family - short.keys()):
            taken = {short.get(rival) for rival in rivals[name]}
            # With more attributes than short names, the last ones keep theirs.
            short[name] = next((each for each in free if each not in taken), name)
    return short


def _rename(source: bytes, short: Mapping[str, str]) -> bytes:
    text = source.decode().splitlines(keepends=True)
    tokens = list(tokenize.generate_tokens(io.StringIO(source.decode()).readline))
    for before, token in reversed(list(pairwise(tokens))):
        if token.type == tokenize.NAME and before.string == "." and token.string in short:
            row = token.start[0] - 1
            text[row] = text[row][: token.start[1]] + short[token.string] + text[row][token.end[1] :]
    return "".join(text).encode()
