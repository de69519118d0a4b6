"""Puts statements that cannot fail on the line before them, before the board library is compiled.

MicroPython keeps a byte or two for each line that has code, to name it in tracebacks. A traceback never names a
statement such as `self.state = CLOSED`: in the line before it, it costs nothing. All other lines stay where they are.
Imports at the top of a module share a line, too: their errors name the module.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

_ONE_LINE = (ast.Assign, ast.AugAssign, ast.Expr, ast.Return, ast.Import, ast.ImportFrom, ast.Delete, ast.Raise)
_IMPORTS = (ast.Import, ast.ImportFrom)


def join_lines(source: bytes) -> bytes:
    """Returns a source in which statements that cannot fail share a line with the one before; comments must be gone."""
    lines = source.splitlines()
    for block, is_module in _blocks(ast.parse(source)):
        target: int | None = None
        for statement in block:
            is_alone = _is_alone(statement, lines)
            if target is not None and is_alone and (_is_safe(statement) or (is_module and _is_import(statement))):
                lines[target] += b"; " + lines[statement.lineno - 1].strip()
                lines[statement.lineno - 1] = b""
            else:
                target = _end_of(statement, lines)
    return b"\n".join(lines) + b"\n"


def _blocks(tree: ast.Module) -> Iterator[tuple[Sequence[ast.stmt], bool]]:
    """Yields the blocks of statements, and whether each is that of the module."""
    for node in ast.walk(tree):
        for _, field in ast.iter_fields(node):
            if isinstance(field, list) and field and isinstance(field[0], ast.stmt):
                yield field, node is tree


def _is_alone(statement: ast.stmt, lines: Sequence[bytes]) -> bool:
    """Whether a statement has one line for itself."""
    line = lines[statement.lineno - 1]
    is_first = not line[: statement.col_offset].strip()
    return is_first and statement.end_lineno == statement.lineno and statement.end_col_offset == len(line)


def _end_of(statement: ast.stmt, lines: Sequence[bytes]) -> int | None:
    """Returns the line after which another statement may follow, from 0 on; None if none may."""
    end = (statement.end_lineno or 0) - 1
    is_last = isinstance(statement, _ONE_LINE) and statement.end_col_offset == len(lines[end])
    return end if is_last and not _is_text(statement) else None


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_import(statement: ast.stmt) -> bool:
    return isinstance(statement, _IMPORTS)


def _is_safe(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign):
        is_pair = isinstance(statement.value, ast.Tuple)
        plain = all(_is_plain(each) for each in (*statement.targets, statement.value))
        return plain and (is_pair or not any(isinstance(each, ast.Tuple) for each in statement.targets))
    if isinstance(statement, ast.Return):
        return statement.value is None or _is_plain(statement.value)
    return isinstance(statement, ast.Break | ast.Continue | ast.Pass)


def _is_plain(node: ast.expr) -> bool:
    """Whether to read or to bind it cannot fail: a constant, a name, an attribute of self, or a tuple of these."""
    if isinstance(node, ast.Tuple | ast.List):
        return all(_is_plain(item) for item in node.elts)
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id == "self"
    return isinstance(node, ast.Constant | ast.Name)
