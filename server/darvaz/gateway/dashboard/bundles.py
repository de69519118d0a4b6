"""Scripts as browsers get them: the modules of a page in one file, so that a slow network has few requests to wait for.

A module becomes a function whose result are its exports. A page that is loaded later has the modules that it alone
needs; what several such pages need are files of their own. The files themselves stay as they are written, and a source
map names them in errors.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# Loaded at once, in this order; the last one starts the dashboard, and its name is that of the file.
FIRST = ("pages/device-list.js", "app.js")
# A program of its own, which shares nothing with pages.
WORKERS = ("lib/shared-events.js",)
_IMPORT = re.compile(r'^import\s*(?:\{([^}]*)\}\s*from\s*)?"([^"]+)";')
_STAR = re.compile(r'^export\s*\*\s*from\s*"([^"]+)";')
_EXPORT = re.compile(r"^export\s+(?=(?:async )?(?:const|function\s*\*?|class)\s*([\w$]+))")
_STATEMENT = re.compile(r"^(?:import\b(?!\s*\()|export\b)")
_LATER = re.compile(r'\bimport\("([^"]+)"\)')
_VLQ = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


class BundleError(ValueError):
    """A script that is written in a way that this cannot put into a file with others."""


@dataclass
class _Module:
    """One script, its lines, and the modules that it needs at once and later."""

    path: str
    lines: list[str]
    needs: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for line in self.lines:
            found = _IMPORT.match(line) or _STAR.match(line)
            if found:
                self.needs.append(self.at(found[found.lastindex or 1]))
            elif _STATEMENT.match(line) and not _EXPORT.match(line):
                raise BundleError(f"{self.path}: {line[:80]}")
            self.later += [self.at(name) for name in _LATER.findall(line)]

    def at(self, name: str) -> str:
        """Returns the path of a module that this one names."""
        return posixpath.normpath(posixpath.join(posixpath.dirname(self.path), name))


def bundled(scripts: dict[str, str]) -> dict[str, str]:
    """Returns the files that browsers get, with their source maps, by path."""
    modules = {path: _Module(path, text.splitlines()) for path, text in scripts.items()}
    homes = _homes(modules)
    files = {path: _Bundle(modules, homes, path, _closure(modules, [path])) for path in WORKERS if path in modules}
    for file in sorted(set(homes.values())):
        wanted = [path for start in (FIRST if file == FIRST[-1] else (file,)) for path in _closure(modules, [start])]
        files[file] = _Bundle(modules, homes, file, [p for p in dict.fromkeys(wanted) if homes[p] == file])
    return {path: text for file in files.values() for path, text in file.texts()}


def _homes(modules: dict[str, _Module]) -> dict[str, str]:
    """Returns the file of each module that pages need."""
    homes = dict.fromkeys(_closure(modules, list(FIRST)), FIRST[-1])
    pages = [path for path in _pages(modules) if path not in homes]
    users: dict[str, list[str]] = {}
    for page in pages:
        for path in _closure(modules, [page]):
            users.setdefault(path, []).append(page)
    for path, by in users.items():
        homes.setdefault(path, by[0] if len(by) == 1 and path not in pages else path)
    return homes


def _pages(modules: dict[str, _Module]) -> list[str]:
    """Returns the modules that are loaded later, in the order in which they are found."""
    found: list[str] = []
    waiting = list(FIRST)
    while waiting:
        for path in _closure(modules, [waiting.pop(0)]):
            new = [later for later in modules[path].later if later not in found]
            found += new
            waiting += new
    return found


def _closure(modules: dict[str, _Module], starts: list[str]) -> list[str]:
    """Returns modules and all that they need, each behind what it needs itself."""
    order: dict[str, None] = {}

    def visit(path: str, above: tuple[str, ...]) -> None:
        if path in above:
            raise BundleError(" needs ".join((*above, path)))
        if path not in order:
            for need in modules[path].needs:
                visit(need, (*above, path))
            order[path] = None

    for start in starts:
        visit(start, ())
    return list(order)


class _Bundle:
    """One file: its modules in order, each at its first line."""

    def __init__(self, modules: dict[str, _Module], homes: dict[str, str], path: str, members: list[str]) -> None:
        self._modules, self._homes, self._path, self._members = modules, homes, path, members

    def texts(self) -> Iterator[tuple[str, str]]:
        """Returns the file and its source map, by path."""
        outside: dict[str, dict[str, None]] = {}
        for member in self._members:
            for need in self._modules[member].needs:
                if need not in self._members:
                    outside.setdefault(self._homes[need], {})[_name(need)] = None
        lines = [f'import{{{",".join(names)}}}from"{self._to(file)}";' for file, names in outside.items()]
        positions: list[tuple[int, int] | None] = [None] * len(lines)
        for at, member in enumerate(self._members):
            module = list(self._module(self._modules[member]))
            lines += module
            positions += [None, *((at, line) for line in range(len(module) - 2)), None]
        lines.append(f"export{{{','.join(map(_name, self._members))}}};")
        lines.append(f"//# sourceMappingURL={posixpath.basename(self._path)}.map")
        yield self._path, "\n".join(lines)
        yield f"{self._path}.map", self._map(positions)

    def _module(self, module: _Module) -> Iterator[str]:
        """Returns a module as a function, with two lines around those that it has."""
        exports: list[str] = []
        yield f"const {_name(module.path)}=(()=>{{"
        for line in module.lines:
            head = ""
            if found := _IMPORT.match(line):
                names = (found[1] or "").replace(" as ", ":")
                head = f"const{{{names}}}={_name(module.at(found[2]))};" if names else ""
            elif found := _STAR.match(line):
                exports.append(f"...{_name(module.at(found[1]))}")
            elif found := _EXPORT.match(line):
                exports.append(found[1])
            rest = line[found.end() :] if found else line
            yield _LATER.sub(lambda later: self._loaded(module.at(later[1])), head + rest)
        yield f"return{{{','.join(exports)}}}}})();"

    def _loaded(self, path: str) -> str:
        """Returns the expression that loads a module later."""
        if path in self._members:
            return f"Promise.resolve({_name(path)})"
        return f'import("{self._to(self._homes[path])}").then(($)=>$.{_name(path)})'

    def _to(self, file: str) -> str:
        path = posixpath.relpath(file, posixpath.dirname(self._path) or ".")
        return path if path.startswith(".") else f"./{path}"

    def _map(self, positions: list[tuple[int, int] | None]) -> str:
        """Returns the source map (ECMA-426): each line is the start of one of the files as they are by themselves."""
        # This file is two folders deeper than those.
        up = "../" * (self._path.count("/") + 2)
        mappings, last = list[str](), (0, 0)
        for position in positions:
            mappings.append("" if position is None else _vlq(0, position[0] - last[0], position[1] - last[1], 0))
            last = position or last
        sources = [f"{up}{member}" for member in self._members]
        return json.dumps({"version": 3, "sources": sources, "names": [], "mappings": ";".join(mappings)})


def _name(path: str) -> str:
    """Returns the name of a module in files with others."""
    return "$" + re.sub(r"\W", "_", path.removesuffix(".js"))


def _vlq(*numbers: int) -> str:
    """Returns numbers in base 64, 5 bits in each digit, the lowest first, and the sign as the lowest bit."""
    digits = ""
    for number in numbers:
        rest = abs(number) << 1 | (number < 0)
        while rest > 31:
            digits += _VLQ[rest & 31 | 32]
            rest >>= 5
        digits += _VLQ[rest]
    return digits
