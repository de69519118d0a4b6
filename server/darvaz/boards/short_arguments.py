"""Gives the arguments of the library's functions short names, before it is compiled for boards.

MicroPython keeps the name of each argument of each function, 20 bytes of the heap or more, though nearly all are given
by their place. So they get names that MicroPython and each .mpy file have in any case. Names that a call anywhere
gives, those of classes whose methods makers call, and those that a nested function binds again stay. Tracebacks do not
show arguments.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

from darvaz.boards.renamed_source import Parsed, Renaming

# What makers use: `device.command(…)`, `device.log.info(…)`.
_OPEN_CLASSES = frozenset({"Device", "Log"})
# Of py/makeqstrdata.py, none of them a builtin or a keyword: a file refers to them by a number of one byte or two.
_SHORT = ("_", "append", "args", "bytecode", "clear", "close", "copy", "count", "end", "endswith", "extend", "find")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def shorten_arguments(modules: Mapping[str, Parsed], programs: Sequence[Parsed]) -> dict[str, list[Renaming]]:
    """Returns what gives arguments short names; the programs may call the functions."""
    named = {name for parsed in (*modules.values(), *programs) for name in _named_in_calls(parsed)}
    return {path: list(_changes(parsed.tree, named)) for path, parsed in modules.items()}


def _named_in_calls(parsed: Parsed) -> Iterator[str]:
    for node in parsed.nodes:
        if isinstance(node, ast.keyword) and node.arg is not None:
            yield node.arg


def _changes(tree: ast.Module, named: set[str]) -> Iterator[Renaming]:
    for function in _functions(tree):
        arguments = [*function.args.posonlyargs, *function.args.args]
        inside = [node for statement in function.body for node in ast.walk(statement)]
        used = {node.id for node in inside if isinstance(node, ast.Name)} | {argument.arg for argument in arguments}
        free = iter([each for each in _SHORT if each not in used])
        bound_again = set(_bound_again(inside))
        short: dict[str, str] = {}
        for argument in arguments:
            name = argument.arg
            if not (name == "self" or name in named or name in bound_again or len(name) == 1):
                short[name] = next(free, name)
                yield _change(argument, name, short)
        for node in inside:
            if isinstance(node, ast.Name) and node.id in short:
                yield _change(node, node.id, short)


def _change(node: ast.arg | ast.Name, name: str, short: Mapping[str, str]) -> Renaming:
    return Renaming(node.lineno, node.col_offset, name.encode(), short[name].encode())


def _functions(tree: ast.AST) -> Iterator[_Function]:
    """Yields the functions whose arguments may have other names: not those of open classes, and none inside another."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, _Function):
            if node.args.kwarg is None and not node.args.kwonlyargs and not _has_odd_parts(node):
                yield node
        elif not (isinstance(node, ast.ClassDef) and node.name in _OPEN_CLASSES):
            yield from _functions(node)


def _has_odd_parts(function: _Function) -> bool:
    """Whether a function has what hides where its names are: texts with names in them, or names of an outer scope."""
    odd = (ast.JoinedStr, ast.Global, ast.Nonlocal, ast.ClassDef)
    return any(isinstance(node, odd) for node in ast.walk(function))


def _bound_again(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yields the names that nested functions, lambdas and comprehensions bind for themselves."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from (argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg))
            yield from (each.id for each in ast.walk(node) if isinstance(each, ast.Name) and _is_stored(each))
        elif isinstance(node, ast.comprehension):
            yield from (each.id for each in ast.walk(node.target) if isinstance(each, ast.Name))


def _is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)
