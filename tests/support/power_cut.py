"""What a power cut leaves of a folder: each file as it was when it was last synced, at every moment of a process.

The process is started with a preloaded library (`synced.c`) that notes each sync. From the notes the folder is made
as it was on the disk after each of them; between two of them, any part of the next one may be there too.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.preload import build_preload

_NOTE = struct.Struct("QQQQ")
_OF_FILE, _OF_FOLDER = 1, 2
_PAGE_BYTES = 4096


def preload(work: Path, data: Path) -> dict[str, str]:
    """Returns the environment of a process whose syncs of a folder are noted in `work`; skips without a compiler."""
    library = build_preload(work, "synced", "power cuts")
    data.mkdir(mode=0o700)
    return {"LD_PRELOAD": str(library), "SYNCED_FOLDER": str(data), "SYNCED_LOG": str(_log_of(work))}


def position(work: Path) -> int:
    """Returns how far the notes are: what is on the disk by now is in notes before this."""
    return _log_of(work).stat().st_size


def _log_of(work: Path) -> Path:
    return work / "synced.log"


@dataclass(frozen=True)
class _Note:
    """One sync."""

    kind: int
    id: int
    size: int
    # By number: the pages of a file that changed.
    pages: dict[int, bytes]
    names: dict[str, int]
    # Where it ends in the notes.
    end: int


class Disk:
    """A folder on a disk, played forward from sync to sync."""

    def __init__(self, work: Path) -> None:
        self._notes = list(_read(_log_of(work)))
        self._files: dict[int, bytearray] = {}
        self._names: dict[str, int] = {}
        self.position = 0
        """Up to where the notes are on the disk."""

    def __len__(self) -> int:
        """Returns how many syncs there were."""
        return len(self._notes)

    def play(self) -> Iterator[int]:
        """Syncs one after the other, and yields the number of each that is done."""
        for number, note in enumerate(self._notes):
            if note.kind == _OF_FOLDER:
                self._names = note.names
            else:
                self._files[note.id] = _changed(self._files.get(note.id, bytearray()), note, note.pages)
            self.position = note.end
            yield number

    def copy_to(self, folder: Path) -> None:
        """Makes a new folder as a power cut now would leave it."""
        self._write(folder, self._files)

    def copy_torn_to(self, folder: Path, number: int, chance: random.Random) -> None:
        """The same during the sync after this number, of which some of the pages are on the disk."""
        files = dict(self._files)
        if number + 1 < len(self._notes) and self._notes[number + 1].kind == _OF_FILE:
            note = self._notes[number + 1]
            some = {page: data for page, data in note.pages.items() if chance.random() < 0.5}
            files[note.id] = _changed(files.get(note.id, bytearray()), note, some)
        self._write(folder, files)

    def _write(self, folder: Path, files: dict[int, bytearray]) -> None:
        folder.mkdir(mode=0o700)
        for name, id_ in self._names.items():
            # Shared memory and sockets are gone; a name whose file was never synced has an empty one.
            if not name.endswith(("-shm", ".sock")):
                (folder / name).write_bytes(files.get(id_, b""))


def _changed(before: bytearray, note: _Note, pages: dict[int, bytes]) -> bytearray:
    """Returns a file with other pages; where only some of them are there, it is as long as the last one makes it."""
    is_whole = len(pages) == len(note.pages)
    ends = [min((number + 1) * _PAGE_BYTES, note.size) for number in pages]
    size = note.size if is_whole else max([min(len(before), note.size), *ends])
    after = before + bytearray(max(0, size - len(before)))
    for number, data in pages.items():
        after[number * _PAGE_BYTES : (number + 1) * _PAGE_BYTES] = data
    return after[:size]


def _read(path: Path) -> Iterator[_Note]:
    with path.open("rb") as file:
        while header := file.read(_NOTE.size):
            kind, id_, size, count = _NOTE.unpack(header)
            pages, names = {}, {}
            if kind == _OF_FOLDER:
                for line in file.read(size).decode().splitlines():
                    number, name = line.split(" ", 1)
                    names[name] = int(number)
            for _ in range(count):
                number = struct.unpack("Q", file.read(8))[0]
                pages[number] = file.read(_PAGE_BYTES)
            yield _Note(kind, id_, size, pages, names, file.tell())
