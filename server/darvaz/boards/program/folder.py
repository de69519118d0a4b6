"""A folder with a program: which of its files belong on a board, and what the table [program] of darvaz.toml says."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Any

import msgspec

SETTINGS = "darvaz.toml"
TABLE = "program"
MAIN = "/main.py"
KINDS = ("pico", "esp32cam")
FILES_MAX = 500
SETTINGS_BYTES_MAX = 65_536
NAME_CHARS_MAX = 40
# Files beside a program that are not for the board.
NOT_FOR_A_BOARD = (
    "__pycache__", ".*", "*.pyi", "typings", "tests", "test_*.py", "conftest.py", "*.toml", "*.md",
    "requirements*.txt", "LICENSE*", "venv", "node_modules",
)  # fmt: skip
# The board's own Wi-Fi and token; a file of this name in a folder, or config_pumps.json, is the maker's.
_BOARD_SETTINGS = "/config.json"
# What Darvaz itself has on a board.
_OURS = ("/lib/darvaz/", "/boot.py")


class ProgramError(Exception):
    """The folder cannot be used; the text names it and says what to change."""


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [program] of darvaz.toml."""

    name: str | None = None
    kind: str | None = None
    exclude: tuple[str, ...] = ()
    micropython: Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]?\.[0-9]{1,3}$")] | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """A program in a folder: its name, the kind of board that it is for (None: any), and patterns of files to leave."""

    folder: Path
    name: str
    kind: str | None = None
    exclude: tuple[str, ...] = ()
    micropython: str = ""
    """The least version that it needs, such as 1.26; empty if it does not say."""

    def files(self) -> dict[str, Path]:
        """Returns its files by their path on the board, main.py last; raises `ProgramError` without a main.py."""
        files = program_files(self.folder, self.exclude)
        if MAIN not in files:
            raise ProgramError(f"{self.folder} has no main.py, which boards run: darvaz new makes a folder with one")
        for path in files:
            if path.startswith(_OURS):
                raise ProgramError(
                    f"{path} on a board is Darvaz's own: rename {files[path]}, or name it in exclude of {SETTINGS}"
                )
        return files

    def read(self) -> dict[str, bytes]:
        """Returns the content of its files by their path on the board, main.py last; raises `ProgramError`."""
        try:
            return {path: file.read_bytes() for path, file in self.files().items()}
        except OSError as error:
            raise ProgramError(f"{error.filename} cannot be read: {error.strerror}") from None


def read_program(folder: Path) -> Program:
    """Returns the program in a folder, with or without a darvaz.toml; raises `ProgramError`."""
    if not folder.is_dir():
        raise ProgramError(f"there is no folder {folder} with a program: darvaz new {folder.name} makes one")
    table = _read_table(folder / SETTINGS)
    if table.kind is not None and table.kind not in KINDS:
        raise ProgramError(f"{folder / SETTINGS}: kind is {' or '.join(KINDS)}, not {table.kind!r}")
    return Program(
        folder, _name(table.name or folder.resolve().name), table.kind, table.exclude, table.micropython or ""
    )


def find_program(folder: Path) -> Program | None:
    """Returns the program of a folder whose darvaz.toml has a table [program]; None for any other folder."""
    try:
        return read_program(folder) if TABLE in _load(folder / SETTINGS) else None
    except FileNotFoundError:
        return None


def program_files(folder: Path, exclude: tuple[str, ...] = ()) -> dict[str, Path]:
    """Returns a folder's files by their path on the board, main.py last; raises `ProgramError`."""
    if not folder.is_dir():
        raise ProgramError(f"there is no folder {folder} with a program")
    found: dict[str, Path] = {}
    for path in _walk(folder, folder, (*NOT_FOR_A_BOARD, *exclude)):
        on_board = f"/{path.relative_to(folder).as_posix()}"
        if on_board == _BOARD_SETTINGS:
            continue
        if len(found) >= FILES_MAX:
            raise ProgramError(f"{folder} has more than {FILES_MAX} files for a board: name some in exclude")
        found[on_board] = path
    return dict(sorted(found.items(), key=lambda item: (item[0] == MAIN, item[0])))


def _walk(folder: Path, root: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = Path(entry.path)
            names = (entry.name, path.relative_to(root).as_posix())
            if any(fnmatch(name, pattern.strip("/")) for name in names for pattern in patterns):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(path, root, patterns)
            elif entry.is_file():
                yield path


def _read_table(path: Path) -> _Table:
    try:
        return msgspec.convert(_load(path).get(TABLE, {}), _Table)
    except FileNotFoundError:
        return _Table()
    except msgspec.ValidationError as error:
        raise ProgramError(f"{path}, [{TABLE}]: {error}") from None


def _load(path: Path) -> dict[str, Any]:
    """Returns what a darvaz.toml has; raises FileNotFoundError without one, `ProgramError` for one that is damaged."""
    try:
        with path.open("rb") as file:
            data = file.read(SETTINGS_BYTES_MAX + 1)
        if len(data) > SETTINGS_BYTES_MAX:
            raise ProgramError(f"{path} has more than {SETTINGS_BYTES_MAX} bytes: it is not the file of a program")
        return tomllib.loads(data.decode("utf-8-sig"))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ProgramError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProgramError(f"{path} is not TOML: {error}") from None


def _name(text: str) -> str:
    """Returns a name with which a device's id can begin."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:NAME_CHARS_MAX] or "program"
