"""A lease on a board: while one run of tests has it, no other on this machine does."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from darvaz.pytest_plugin.errors import BenchError
from darvaz.text.extras import how_to_install
from darvaz.text.terminal import visible

# Several users can share the boards of a bench, and so the folder and its files.
_FOLDER_MODE = 0o1777
_FILE_MODE = 0o666
_HOLDER_CHARS_MAX = 300


class TakenError(BenchError):
    """Another run has the board."""


@contextlib.contextmanager
def leased(board: str, wait_s: float, folder: Path | None = None) -> Iterator[None]:
    """Holds the lease of a board, named by port or address; raises `TakenError` if it is not free in time.

    The lease ends with the process that holds it, however that ends.
    """
    try:
        # Here, because a virtual board needs no lease.
        from filelock import FileLock, Timeout
    except ImportError:
        raise BenchError(f"boards are leased with filelock: {how_to_install('pytest')}") from None
    path = (folder or Path(tempfile.gettempdir()) / "darvaz-leases") / f"{_digest(board)}.lock"
    try:
        _make_folder(path.parent)
        lock = FileLock(path, timeout=wait_s, mode=_FILE_MODE)
        lock.acquire()
    except Timeout:
        raise TakenError(f"{board} is taken by {_holder(path)}; --board-wait 60 waits a minute for it") from None
    except OSError as error:
        raise BenchError(f"{board} cannot be leased: {path}: {error.strerror}") from None
    try:
        _note_holder(path)
        yield
    finally:
        lock.release()


def _digest(board: str) -> str:
    return hashlib.sha256(board.encode()).hexdigest()[:16]


def _make_folder(folder: Path) -> None:
    with contextlib.suppress(FileExistsError):
        folder.mkdir(parents=True)
        # mkdir would apply the user's mask to a mode.
        folder.chmod(_FOLDER_MODE)


def _note_holder(path: Path) -> None:
    # On Windows a locked file cannot be written: the other run will not show who has the board.
    with contextlib.suppress(OSError), path.open("r+", encoding="utf-8") as file:
        file.write(_describe_self())


def _describe_self() -> str:
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
    return f"{_user()}: {command} in {Path.cwd()}, process {os.getpid()}, since {time.strftime('%H:%M:%S')}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "another user"


def _holder(path: Path) -> str:
    try:
        return visible(path.read_text(encoding="utf-8")[:_HOLDER_CHARS_MAX]) or "another run"
    except (OSError, UnicodeDecodeError):
        return "another run"
