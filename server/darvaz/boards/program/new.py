"""Writes a new project: a program that runs, its tests, and what editors and CI need to know."""

from __future__ import annotations

import os
from pathlib import Path

from darvaz.boards.program.folder import ProgramError, read_program

_TEMPLATE = Path(__file__).resolve().parent / "template"
_SUFFIX = ".template"
# No file of ours may begin with a dot: what packages and git do with those differs.
_DOT = "dot-"


def write_project(folder: Path, kind: str) -> list[str]:
    """Writes a project for a kind of board and returns its files, relative to it; raises `ProgramError`.

    A folder with other files is accepted, such as one that git has just cloned; none of them is replaced.
    """
    files = _files(kind)
    if there := [name for name in files if (folder / name).exists()]:
        raise ProgramError(f"{folder} has {there[0]} already, and nothing was changed: choose another name")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        name = read_program(folder).name
        for path, source in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            text = source.read_text(encoding="utf-8").replace("{{name}}", name).replace("{{kind}}", kind)
            target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ProgramError(f"{error.filename or folder} cannot be written: {error.strerror}") from None
    return sorted(files)


def _files(kind: str) -> dict[str, Path]:
    """Returns the template of each file by its path in the project."""
    found: dict[str, Path] = {}
    for folder in (_TEMPLATE / "common", _TEMPLATE / kind):
        for path in sorted(folder.rglob(f"*{_SUFFIX}")):
            parts = path.relative_to(folder).as_posix().removesuffix(_SUFFIX).split("/")
            found[
                os.path.join(*(f".{part.removeprefix(_DOT)}" if part.startswith(_DOT) else part for part in parts))
            ] = path
    return found
