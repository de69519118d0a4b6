"""The lock of a data folder: one gateway uses it at a time."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from darvaz.gateway.storage.database import StorageError, make_folder

LOCK_NAME = "gateway.lock"


class FolderLock:
    """Holds a data folder until `release`, or until the process ends, however that happens."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, folder: Path) -> FolderLock | None:
        """Takes the lock of a folder; raises `StorageError` while another process has it.

        Without such locks (Windows, some file systems of the network), and where the file cannot be made, there is no
        lock; what is wrong with the folder is said when its database is opened.
        """
        make_folder(folder)
        try:
            import fcntl

            descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except (ImportError, OSError):
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise StorageError(
                f"{folder} is used by another gateway (process {holder or 'unknown'}): stop it, or use --data"
            ) from None
        except OSError:
            os.close(descriptor)
            return None
        # On a full disk the lock is held all the same, without the number.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        return cls(descriptor)

    def release(self) -> None:
        """Lets another process have the folder."""
        os.close(self._descriptor)
