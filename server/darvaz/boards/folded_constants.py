"""Folds the constants of the library's modules into its code, before it is compiled for boards.

On a board each name of a module takes 25 to 40 bytes of the heap, and as many of the flash in each module that imports
it. MicroPython's compiler drops a constant that is written `_NAME = const(1)`; in our sources it is `NAME = 1`, which
other modules, the tests and readers can use. Integers, texts and tuples of these are constants, and what is computed
from such; a tuple that several modules use stays where it is, for each would have a copy.
"""

from __future__ import annotations

import ast
import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from darvaz.boards.renamed_source import Parsed, Renaming, in_texts


class Constant(NamedTuple):
    """The statement that binds a constant, and its value."""

    statement: ast.Assign
    value: object


Constants = Mapping[str, Constant]


def fold_constants(modules: Mapping[str, Parsed], programs: Sequence[Parsed]) -> dict[str, list[Renaming]]:
    """Returns what folds the constants of all modules, where they are and where another one imports them.

    What the programs import, or a module reaches in another way than by an import at its top, stays.
    """
    used = {name for parsed in modules.values() for name in _reached(parsed)}
    used.update(name for parsed in programs for name in (*_reached(parsed), *_imported(parsed)))
    known: dict[str, Constants] = {}
    # What one module computes from constants of another is known once those are: no chain is longer.
    for _ in range(2):
        known = {path: _constants(parsed, _imports(path, parsed, known)) for path, parsed in modules.items()}
    users = Counter(name for path, parsed in modules.items() for name in _users(path, parsed, known))
    folded = {
        path: {
            name: constant
            for name, constant in constants.items()
            if name not in used and (users[name] <= 1 or not isinstance(constant.value, tuple))
        }
        for path, constants in known.items()
    }
    return {path: list(_fold(path, parsed, folded)) for path, parsed in modules.items()}


def _reached(parsed: Parsed) -> Iterator[str]:
    """Yields the names that a module takes from others, as an attribute, or imported by a statement that stays."""
    at_top = {id(node) for node in parsed.tree.body}
    for node in parsed.nodes:
        if isinstance(node, ast.Attribute):
            # Whatever it is of: `loader = import_late()` may be a module, then `loader.SLOTS` is used.
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            is_followed = id(node) in at_top and node.level == 1 and bool(node.module)
            yield from (alias.name for alias in node.names if alias.asname or not is_followed)
    yield from (node.id for node in in_texts(parsed.nodes) if isinstance(node, ast.Name))


def _imported(parsed: Parsed) -> Iterator[str]:
    for node in parsed.nodes:
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)


def _imports(path: str, parsed: Parsed, known: Mapping[str, Constants]) -> Constants:
    """Returns the constants that a module imports at its top."""
    found: dict[str, Constant] = {}
    for node in parsed.tree.body:
        if isinstance(node, ast.ImportFrom):
            found |= _imported_by(node, path, known)
    return found


def _imported_by(node: ast.ImportFrom, path: str, known: Mapping[str, Constants]) -> Constants:
    if node.level != 1 or not node.module:
        return {}
    constants = known.get(str(PurePosixPath(path).parent / f"{node.module}.py"), {})
    return {alias.name: constants[alias.name] for alias in node.names if alias.name in constants}


def _users(path: str, parsed: Parsed, known: Mapping[str, Constants]) -> Iterator[str]:
    """Yields the constants that a module uses, apart from those of which it computes others."""
    inside = {id(node) for constant in known[path].values() for node in ast.walk(constant.statement)}
    names = {node.id for node in parsed.nodes if isinstance(node, ast.Name) and id(node) not in inside}
    yield from (name for name in names if name in known[path] or name in _imports(path, parsed, known))


def _fold(path: str, parsed: Parsed, folded: Mapping[str, Constants]) -> Iterator[Renaming]:
    own = folded[path]
    names = set(own)
    for node in parsed.tree.body:
        found = _imported_by(node, path, folded) if isinstance(node, ast.ImportFrom) else {}
        if isinstance(node, ast.ImportFrom) and found:
            names |= found.keys()
            rest = [alias.name for alias in node.names if alias.name not in found]
            parts = [f"from .{node.module} import {', '.join(rest)}"] if rest else []
            yield from _replace(node, parsed.lines, "; ".join(parts + [_define(*each) for each in found.items()]))
    inside = {id(node) for constant in own.values() for node in ast.walk(constant.statement)}
    for use in parsed.nodes:
        is_public = isinstance(use, ast.Name) and use.id in names and not use.id.startswith("_")
        if isinstance(use, ast.Name) and is_public and id(use) not in inside:
            yield Renaming(use.lineno, use.col_offset, use.id.encode(), _private(use.id).encode())
    for name, constant in own.items():
        yield from _replace(constant.statement, parsed.lines, _define(name, constant))


def _define(name: str, constant: Constant) -> str:
    return f"{_private(name)} = const({constant.value!r})"


def _replace(node: ast.stmt, lines: Sequence[bytes], text: str) -> Iterator[Renaming]:
    """Yields what puts a text in the first line of a statement, and nothing in its others."""
    yield Renaming(node.lineno, 0, lines[node.lineno - 1], text.encode())
    for number in range(node.lineno + 1, (node.end_lineno or 0) + 1):
        yield Renaming(number, 0, lines[number - 1], b"")


def _private(name: str) -> str:
    return name if name.startswith("_") else f"_{name}"


def _constants(parsed: Parsed, imported: Constants) -> dict[str, Constant]:
    """Returns the names in capitals that a module binds once, at its top, to a constant, and the constants."""
    bound = Counter(node.id for node in parsed.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    found: dict[str, Constant] = {}
    for node in parsed.tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name.isupper() and bound[name] == 1:
                with contextlib.suppress(ValueError):
                    found[name] = Constant(node, _evaluate(node.value, {**imported, **found}))
    return found


def _evaluate(node: ast.expr, names: Constants) -> object:
    """Returns the value of a constant, or of tuples and sums of constants; raises ValueError for what is none."""
    if isinstance(node, ast.Constant) and (node.value is None or type(node.value) in (int, bool, str, bytes)):
        return node.value
    if isinstance(node, ast.Tuple):
        return tuple(_evaluate(item, names) for item in node.elts)
    if isinstance(node, ast.Name) and node.id in names:
        return names[node.id].value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _evaluate(node.left, names), _evaluate(node.right, names)
        if isinstance(left, tuple) and isinstance(right, tuple):
            return left + right
    raise ValueError
