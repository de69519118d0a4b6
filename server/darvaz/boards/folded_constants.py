"""Folds the integer constants of the library's modules into its code, before it is compiled for boards.

On a board each name of a module takes 25 to 40 bytes of the heap, and as many of the flash in each module that imports
it. MicroPython's compiler drops a constant that is written `_NAME = const(1)`; in our sources it is `NAME = 1`, which
other modules, the tests and readers can use.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from darvaz.boards.renamed_source import Parsed, Renaming, in_texts

Constants = Mapping[str, ast.Constant]


def fold_constants(modules: Mapping[str, Parsed], programs: Sequence[Parsed]) -> dict[str, list[Renaming]]:
    """Returns what folds the constants of all modules, where they are and where another one imports them.

    What the programs import, or a module reaches in another way than by an import at its top, stays.
    """
    used = {name for parsed in modules.values() for name in _reached(parsed)}
    used.update(name for parsed in programs for name in (*_reached(parsed), *_imported(parsed)))
    folded = {
        path: {name: value for name, value in _constants(parsed).items() if name not in used}
        for path, parsed in modules.items()
    }
    return {path: list(_fold(path, parsed, folded)) for path, parsed in modules.items()}


def _reached(parsed: Parsed) -> Iterator[str]:
    """Yields the names that a module takes from others, as an attribute, or imported by a statement that stays."""
    at_top = {id(node) for node in parsed.tree.body}
    for node in parsed.nodes:
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if alias.asname or id(node) not in at_top)
    yield from (node.id for node in in_texts(parsed.nodes) if isinstance(node, ast.Name))


def _imported(parsed: Parsed) -> Iterator[str]:
    for node in parsed.nodes:
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)


def _fold(path: str, parsed: Parsed, folded: Mapping[str, Constants]) -> Iterator[Renaming]:
    names = set(folded[path])
    for node in parsed.tree.body:
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module:
            constants = folded.get(str(PurePosixPath(path).parent / f"{node.module}.py"), {})
            found = {alias.name: constants[alias.name] for alias in node.names if alias.name in constants}
            if found:
                names |= found.keys()
                yield from _fold_import(node, parsed.lines, found)
    for use in parsed.nodes:
        if isinstance(use, ast.Name) and use.id in names and not use.id.startswith("_"):
            yield Renaming(use.lineno, use.col_offset, use.id.encode(), _private(use.id).encode())
    for value in folded[path].values():
        yield Renaming(value.lineno, value.col_offset, b"", b"const(")
        yield Renaming(value.lineno, value.end_col_offset or 0, b"", b")")


def _fold_import(node: ast.ImportFrom, lines: Sequence[bytes], constants: Constants) -> Iterator[Renaming]:
    """Yields what defines the constants among what a statement imports, in its first line."""
    rest = [alias.name for alias in node.names if alias.name not in constants]
    parts = [f"from .{node.module} import {', '.join(rest)}"] if rest else []
    parts += [f"{_private(name)} = const({ast.unparse(constant)})" for name, constant in constants.items()]
    yield Renaming(node.lineno, 0, lines[node.lineno - 1], "; ".join(parts).encode())
    for number in range(node.lineno + 1, (node.end_lineno or 0) + 1):
        yield Renaming(number, 0, lines[number - 1], b"")


def _private(name: str) -> str:
    return name if name.startswith("_") else f"_{name}"


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
