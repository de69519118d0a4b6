"""Gives the attributes of the library's own objects short names, before it is compiled for boards.

On a board each name takes 20 to 30 bytes of the heap and as many of the flash, once, however many objects use it:
`_asked_since_ms` of one class and `_write_since_ms` of another become `_a` of both. So do attributes of several words
that are not private, such as `opened_ms`: those of one word other objects have as well. Methods, functions and what a
program sees keep their names.
"""

from __future__ import annotations

import ast
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence

from darvaz.boards.renamed_source import Parsed, Renaming, in_texts

_SELF = "self"
# What makers use: `device.boot_id`, `device.log.level`.
_OPEN_CLASSES = frozenset({"Device", "Log"})
# A maker's own attributes of a device rarely look like these.
_SHORT = tuple("_" + letter for letter in string.ascii_lowercase + string.ascii_uppercase)


def shorten_attributes(modules: Mapping[str, Parsed], programs: Sequence[Parsed]) -> dict[str, list[Renaming]]:
    """Returns what gives attributes short names; names in the programs stay."""
    classes = [node for parsed in modules.values() for node in parsed.nodes if isinstance(node, ast.ClassDef)]
    fixed = {name for parsed in modules.values() for name in _names_that_stay(parsed)}
    fixed.update(name for program in programs for name in _all_names(program.nodes))
    attributes: dict[str, set[str]] = {}
    for node in classes:
        attributes.setdefault(node.name, set()).update(
            name for name in _stored(node) if _is_ours(name) and name not in fixed
        )
    outside = {name for parsed in modules.values() for name in _stored_from_outside(parsed)}
    short = _choose(_families(classes, attributes), outside, fixed)
    return {path: list(_changes(parsed, short)) for path, parsed in modules.items()}


def _names_that_stay(parsed: Parsed) -> Iterator[str]:
    """Yields the names that are not only attributes of the library's own objects, or that makers use."""
    for node in parsed.nodes:
        if isinstance(node, ast.ClassDef) and node.name in _OPEN_CLASSES:
            yield from (name for name in _stored(node) if not _is_private(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from node.value.replace(".", " ").split()
    yield from _all_names(in_texts(parsed.nodes))


def _all_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _is_own(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == _SELF


def _is_ours(name: str) -> bool:
    """Whether no object of others has an attribute of this name."""
    return _is_private(name) or ("_" in name and not name.startswith("_"))


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _stored(node: ast.ClassDef) -> Iterator[str]:
    """Yields the attributes that the methods of a class store."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store) and _is_own(inner):
            yield inner.attr


def _stored_from_outside(parsed: Parsed) -> Iterator[str]:
    """Yields the attributes that are stored where the class of the object is not known."""
    for node in parsed.nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and not _is_own(node):
            yield node.attr


def _families(classes: Iterable[ast.ClassDef], attributes: Mapping[str, set[str]]) -> list[set[str]]:
    """Returns the attributes that may meet in one object: those of a class, and of the classes that it is made from."""
    bases = {node.name: [base.id for base in node.bases if isinstance(base, ast.Name)] for node in classes}

    def gather(name: str) -> set[str]:
        found = set(attributes.get(name, ()))
        for base in bases.get(name, ()):
            found |= gather(base)
        return found

    return sorted((gather(name) for name in bases), key=len, reverse=True)


def _choose(families: list[set[str]], outside: set[str], fixed: set[str]) -> dict[str, str]:
    """Returns a short name for each long one: one for the whole library, and another within each family.

    What is stored from outside may meet any other attribute.
    """
    everything = set().union(*families)
    rivals: dict[str, set[str]] = {}
    for family in families:
        for name in family:
            others = everything if name in outside else family | (outside & everything)
            rivals.setdefault(name, set()).update(others)
    free = [name for name in _SHORT if name not in fixed]
    short: dict[str, str] = {}
    for family in families:
        for name in sorted(family - short.keys()):
            taken = {short.get(rival) for rival in rivals[name]}
            # With more attributes than short names, the last ones keep theirs.
            short[name] = next((each for each in free if each not in taken), name)
    return short


def _changes(parsed: Parsed, short: Mapping[str, str]) -> Iterator[Renaming]:
    for node in parsed.nodes:
        if isinstance(node, ast.Attribute) and node.attr in short:
            name = node.attr.encode()
            # An attribute ends with its name.
            yield Renaming(
                node.end_lineno or 0, (node.end_col_offset or 0) - len(name), name, short[node.attr].encode()
            )
