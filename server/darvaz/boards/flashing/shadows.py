"""Files of a board that MicroPython finds before ours: it searches `/`, then its own modules, then `/lib`."""

from __future__ import annotations

from collections.abc import Iterable

_SUFFIXES = (".py", ".mpy", "/__init__.py", "/__init__.mpy")
_LIBRARY = "/darvaz"
# Modules of MicroPython that the library imports, and that a file of the same name hides.
_NEEDED = ("asyncio", "binascii", "errno", "hashlib", "io", "json", "network", "os", "random", "socket", "ssl", "time")


def library_in_the_way(paths: Iterable[str]) -> str | None:
    """Returns the file or folder that would be imported as `darvaz` before /lib/darvaz, or None."""
    there = set(paths)
    for suffix in _SUFFIXES:
        if _LIBRARY + suffix in there:
            return _LIBRARY if "/" in suffix else _LIBRARY + suffix
    return None


def modules_in_the_way(paths: Iterable[str]) -> list[str]:
    """Returns the files that hide a module of MicroPython which the library imports."""
    there = set(paths)
    return [path for name in _NEEDED for suffix in _SUFFIXES if (path := f"/{name}{suffix}") in there]
