"""The file with the local token, and the note that tells programs of the same user where it is."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

LOCAL_TOKEN_NAME = "local-token"

log = logging.getLogger("darvaz")


class LocalTokenFile:
    """Both files of one start of the gateway; `remove` takes away those that are still its own."""

    def __init__(self, data: Path, port: int) -> None:
        self._data = data.resolve()
        self._port = port
        self._written: list[Path] = []

    def write(self, token: str) -> None:
        """Writes both files; what cannot be written is logged, and programs then need another token."""
        self._write(self._data / LOCAL_TOKEN_NAME, {"port": self._port, "token": token})
        self._write(note_path(self._port), {"data": str(self._data)})

    def remove(self) -> None:
        """Removes the files."""
        for path in self._written:
            with contextlib.suppress(OSError):
                path.unlink()

    def _write(self, path: Path, content: Mapping[str, object]) -> None:
        try:
            _write_private(path, content)
            self._written.append(path)
        except OSError as error:
            log.info("= %s cannot be written (%s): the command line needs DARVAZ_DATA or a token", path, error.strerror)


def note_path(port: int, environment: Mapping[str, str] | None = None) -> Path:
    """Returns where the note about the gateway at a port is: in the user's folder for states (XDG 0.8)."""
    environment = os.environ if environment is None else environment
    configured = environment.get("XDG_STATE_HOME", "")
    folder = configured if os.path.isabs(configured) else os.path.expanduser("~/.local/state")
    return Path(folder) / "darvaz" / f"gateway-{port}.json"


def _write_private(path: Path, content: Mapping[str, object]) -> None:
    """Writes JSON into a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp makes it with mode 0600.
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump(content, file)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
