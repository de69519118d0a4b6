"""The file with the local token, and the note that tells programs of the same user where it is."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path

from darvaz.text.private_files import state_folder, write_private

LOCAL_TOKEN_NAME = "local-token"

log = logging.getLogger("darvaz")


class LocalTokenFile:
    """Both files of one start of the gateway; `remove` takes away those that are still its own."""

    def __init__(self, data: Path, port: int, certificate: Path | None = None) -> None:
        self._data = data.resolve()
        self._port = port
        # Of HTTPS: programs of this user trust it at this port, as if an authority had issued it.
        self._certificate = certificate
        self._written: list[Path] = []

    def write(self, token: str) -> None:
        """Writes both files; what cannot be written is logged, and programs then need another token."""
        https = {"certificate": str(self._certificate.resolve())} if self._certificate is not None else {}
        self._write(self._data / LOCAL_TOKEN_NAME, {"port": self._port, "token": token, **https})
        self._write(note_path(self._port), {"data": str(self._data)})

    def remove(self) -> None:
        """Removes the files."""
        for path in self._written:
            with contextlib.suppress(OSError):
                path.unlink()

    def _write(self, path: Path, content: Mapping[str, object]) -> None:
        try:
            write_private(path, content)
            self._written.append(path)
        except OSError as error:
            log.info("= %s cannot be written (%s): the command line needs DARVAZ_DATA or a token", path, error.strerror)


def note_path(port: int, environment: Mapping[str, str] | None = None) -> Path:
    """Returns where the note about the gateway at a port is: in the user's folder for states (XDG 0.8)."""
    return state_folder(environment) / f"gateway-{port}.json"
