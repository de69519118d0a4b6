"""Finds the gateways that this user runs on this machine, so that a verb asks it instead of changing its data."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from darvaz.text.private_files import read_private, state_folder

LOCAL_TOKEN_NAME = "local-token"
_NOTES = "gateway-*.json"
_HOST = "127.0.0.1"
_DEADLINE_S = 1.0
_ASKED_MAX = 8
_REQUEST = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def running_gateways(data: Path) -> list[str]:
    """Returns the address of the gateway that uses a data folder, else of all that this user runs."""
    own = [port for port in _ports_in([data]) if _answers(port)]
    others = () if own else dict.fromkeys(_ports_in(_noted()))
    return [f"http://{_HOST}:{port}" for port in own or [port for port in list(others)[:_ASKED_MAX] if _answers(port)]]


def _noted() -> Iterator[Path]:
    """Yields the data folders that running gateways of this user have noted."""
    for note in sorted(state_folder().glob(_NOTES)):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            yield Path(read_private(note)["data"])


def _ports_in(folders: Iterator[Path] | list[Path]) -> Iterator[int]:
    """Yields the port of each gateway whose local token is in a folder: without it, the gateway would refuse us."""
    for folder in folders:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            yield int(read_private(folder / LOCAL_TOKEN_NAME)["port"])


def _answers(port: int) -> bool:
    """Returns whether something speaks plain HTTP there: a file may be left of a gateway that was killed."""
    try:
        with socket.create_connection((_HOST, port), _DEADLINE_S) as link:
            link.settimeout(_DEADLINE_S)
            link.sendall(_REQUEST)
            return link.recv(16).startswith(b"HTTP/1.1 ")
    except (OSError, OverflowError):
        return False
