"""Finds the gateways that this user runs on this machine, so that programs and verbs ask them without an address."""

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
    own = [found for found in _listening_in([data]) if _answers(*found)]
    others = () if own else dict.fromkeys(_listening_in(_noted()))
    running = own or [found for found in list(others)[:_ASKED_MAX] if _answers(*found)]
    return [_address(*found) for found in running]


def noted_gateways(named: Path | None) -> list[str]:
    """Returns the address of the gateway of a data folder, else of all that this user runs; none is asked.

    One that was killed may be among them.
    """
    own = list(_listening_in([named])) if named is not None else []
    return [_address(*found) for found in own or dict.fromkeys(_listening_in(_noted()))]


def _address(port: int, certificate: str | None) -> str:
    return f"{'http' if certificate is None else 'https'}://{_HOST}:{port}"


def _noted() -> Iterator[Path]:
    """Yields the data folders that running gateways of this user have noted."""
    for note in sorted(state_folder().glob(_NOTES)):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            yield Path(read_private(note)["data"])


def _listening_in(folders: Iterator[Path] | list[Path]) -> Iterator[tuple[int, str | None]]:
    """Yields port and certificate of each gateway whose local token is in a folder: without it, it would refuse us."""
    for folder in folders:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            content = read_private(folder / LOCAL_TOKEN_NAME)
            certificate = content.get("certificate")
            yield int(content["port"]), None if certificate is None else str(certificate)


def _answers(port: int, certificate: str | None) -> bool:
    """Returns whether something speaks HTTP there, with this certificate: a killed gateway leaves its file."""
    try:
        with socket.create_connection((_HOST, port), _DEADLINE_S) as link:
            link.settimeout(_DEADLINE_S)
            with contextlib.nullcontext(link) if certificate is None else _wrapped(link, Path(certificate)) as stream:
                stream.sendall(_REQUEST)
                return stream.recv(16).startswith(b"HTTP/1.1 ")
    except (OSError, OverflowError):
        return False


def _wrapped(link: socket.socket, certificate: Path) -> socket.socket:
    from darvaz.text.certificates import only_trusting

    return only_trusting(certificate).wrap_socket(link)
