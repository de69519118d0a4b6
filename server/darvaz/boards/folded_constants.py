"""Folds the integer constants of a module that no other one uses into its code, before it is compiled for boards.

On a board each name of a module takes 25 to 40 bytes of the heap. MicroPython's compiler drops a constant that is
written `_NAME = const(1)`; in our sources it is `NAME = 1`, which the tests and readers can use.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from darvaz.boards.renamed_source import Parsed, Renaming, in_texts


def fold_constants(modules: Mapping[str, Parsed], programs: Sequence[Parsed]) -> dict[str, list[Renaming]]:
    """Returns what folds the constants of all modules; the programs may import them."""
    used = {name for parsed in (*modules.values(), *programs) for name in _names_of_others(parsed)}
    return {path: list(_fold(parsed, used)) for path, parsed in modules.items()}


def _names_of_others(parsed: Parsed) -> Iterator[str]:
    """Yields the names that a module takes from another: imported, or as an attribute."""
    for node in parsed.nodes:
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _fold(parsed: Parsed, used: set[str]) -> Iterator[Renaming]:
    constants = _constants(parsed)
    names = constants.keys() - used - {node.id for node in in_texts(parsed.nodes) if isinstance(node, ast.Name)}
    for node in parsed.nodes:
        if isinstance(node, ast.Name) and node.id in names and not node.id.startswith("_"):
            yield Renaming(node.lineno, node.col_offset, node.id.encode(), f"_{node.id}".encode())
    for name in names:
        value = constants[name]
        yield Renaming(value.lineno, value.col_offset, b"", b"const(")
        yield Renaming(value.lineno, value.end_col_offset or 0, b"", b")")


def _constants(parsed: Parsed) -> dict[str, ast.Constant]:
    """Returns the names in capitals that a module binds once, at its top, to an integer, and these."""
    bound = Counter(node.id for node in parsed.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    found = {}
    for node in parsed.tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
            if name.isupper() and bound[name] == 1 and isinstance(value, ast.Constant) and type(value.value) is int:
                found[name] = value
    return found
