"""The plan of a flash: what to copy, to keep, to set aside and to remove, decided before anything is written.

All of the maker's files stay: main.py as it is, and files in our places under another name. Only files that the
manifest lists and that are unchanged are removed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from darvaz.boards.compiled_library import LIBRARY, twin
from darvaz.boards.flashing.firmware_files import CONFIG, MAIN, digest
from darvaz.boards.flashing.manifest import PATH as MANIFEST
from darvaz.boards.flashing.manifest import Owned
from darvaz.boards.serial.files import TEMPORARY

STAGED = ".darvaz-staged"
KEPT = ".kept-"
KEPT_MAX = 99
BLOCK_BYTES = 4096
# For names and metadata of the file system.
_SPARE_BLOCKS = 4


@dataclass(frozen=True, slots=True)
class Found:
    """What is on the board: its files with their sizes, the SHA-256 that the plan needs, and the manifest."""

    sizes: Mapping[str, int]
    hashes: Mapping[str, str]
    owned: Owned = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a flash does; the paths in `staged` were copied by an interrupted flash and are not copied again."""

    copy: dict[str, bytes]
    staged: frozenset[str]
    set_aside: dict[str, str]
    remove: list[str]
    owned: Owned
    keeps_main: bool
    # Files of the maker in places of our programs, which stay because the program that uses them does.
    left: list[str]

    @property
    def is_empty(self) -> bool:
        """Whether the board has all files already."""
        return not (self.copy or self.remove or self.set_aside)

    @property
    def bytes_needed(self) -> int:
        """The space that the copies take beside the old files."""
        sizes = [len(data) for path, data in self.copy.items() if path not in self.staged]
        return sum(_blocks(size) for size in sizes) + _SPARE_BLOCKS * BLOCK_BYTES if sizes else 0


def to_hash(wanted: Collection[str], names: Collection[str], owned: Collection[str]) -> list[str]:
    """Returns the files of a board whose SHA-256 the plan needs."""
    ours = {*wanted, *owned, CONFIG}
    ours |= {path + STAGED for path in ours}
    return sorted(ours & set(names))


def make_plan(
    wanted: Mapping[str, bytes], found: Found, *, resets_main: bool = False, merged: Collection[str] = ()
) -> Plan:
    """Returns what to do so that a board has the wanted files, in this order.

    The wanted files in `merged` contain the maker's settings: the old ones are not kept, and they are not ours.
    """
    keeps_main = _keeps_main(wanted, found, resets_main)
    left = _left(wanted, found, merged) if keeps_main else []
    ours = {path: data for path, data in wanted.items() if not (path == MAIN and keeps_main) and path not in left}
    copy = {path: data for path, data in ours.items() if found.hashes.get(path) != digest(data)}
    staged = frozenset(path for path, data in copy.items() if found.hashes.get(path + STAGED) == digest(data))
    owned = {path: [digest(data)] for path, data in ours.items() if path not in merged}
    return Plan(
        copy=copy,
        staged=staged,
        set_aside=_set_aside(copy, found, merged),
        remove=_stale(ours, found, staged),
        owned=owned,
        keeps_main=keeps_main,
        left=left,
    )


def is_foreign(path: str, found: Found) -> bool:
    """Whether a file exists that we did not write, or that was changed since."""
    return path in found.hashes and found.hashes[path] not in found.owned.get(path, [])


def is_left_over(path: str) -> bool:
    """Whether a file is left from an interrupted flash."""
    return path.endswith((STAGED, TEMPORARY))


def _keeps_main(wanted: Mapping[str, bytes], found: Found, resets_main: bool) -> bool:
    return not resets_main and is_foreign(MAIN, found) and found.hashes[MAIN] != digest(wanted[MAIN])


def _left(wanted: Mapping[str, bytes], found: Found, merged: Collection[str]) -> list[str]:
    """Returns the maker's files that their main.py may import: those of our programs' names that differ from ours."""
    theirs = [path for path in wanted if path not in merged and path != MAIN and not path.startswith(LIBRARY)]
    return [path for path in theirs if is_foreign(path, found) and found.hashes[path] != digest(wanted[path])]


def _set_aside(copy: Mapping[str, bytes], found: Found, merged: Collection[str]) -> dict[str, str]:
    """Returns new names for the maker's files in our places; all of the library's folder is ours."""
    theirs = [path for path in copy if path not in merged and is_foreign(path, found) and not path.startswith(LIBRARY)]
    return {path: kept_name(path, found.sizes) for path in theirs}


def kept_name(path: str, names: Collection[str]) -> str:
    """Returns the first free name under which to keep a file; if all are taken, the last one."""
    for number in range(1, KEPT_MAX):
        if f"{path}{KEPT}{number}" not in names:
            return f"{path}{KEPT}{number}"
    return f"{path}{KEPT}{KEPT_MAX}"


def _stale(ours: Mapping[str, bytes], found: Found, staged: Collection[str]) -> list[str]:
    known = {MAIN, CONFIG, MANIFEST, *ours}
    stale = [path for path in found.owned if path not in known and path in found.hashes and not is_foreign(path, found)]
    # The other form of a module of ours: MicroPython would load a .py before a .mpy.
    stale += [path for path in found.sizes if path not in stale and path not in ours and twin(path) in ours]
    needed = {path + STAGED for path in staged}
    return sorted(stale + [path for path in found.sizes if is_left_over(path) and path not in needed])


def _blocks(size_bytes: int) -> int:
    return -(-size_bytes // BLOCK_BYTES) * BLOCK_BYTES
