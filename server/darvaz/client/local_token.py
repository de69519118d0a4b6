"""The local token of a gateway on this machine, and its certificate, from a file that only its own user can read."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from darvaz.text.private_files import read_private, state_folder

_NAME = "local-token"
_BODY_BYTES_MAX = 4096
_DEFAULT_PORTS = {"http": 80, "https": 443}


class LocalTokenAuth(httpx.Auth):
    """Shows the local token, if one is found; a gateway that was started again has a new one."""

    def __init__(self, url: str, data: Path | None = None) -> None:
        self._url = url
        self._data = data
        self._token = find_local_token(url, data)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        before = self._token
        self._show(request)
        response = yield request
        # httpx reads the whole of this answer before it goes on.
        length = response.headers.get("content-length", "")
        if response.status_code == httpx.codes.UNAUTHORIZED and length.isdecimal() and int(length) <= _BODY_BYTES_MAX:
            self._token = find_local_token(self._url, self._data)
            if self._token != before:
                self._show(request)
                yield request

    def _show(self, request: httpx.Request) -> None:
        request.headers.pop("Authorization", None)
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"


def find_local_token(url: str, data: Path | None = None, environment: Mapping[str, str] | None = None) -> str | None:
    """Returns the local token of the gateway at a loopback address, or None."""
    token = _find(url, data, environment).get("token")
    return token if isinstance(token, str) else None


def find_local_certificate(
    url: str, data: Path | None = None, environment: Mapping[str, str] | None = None
) -> Path | None:
    """Returns where the certificate of the gateway at a loopback address is, or None."""
    path = _find(url, data, environment).get("certificate")
    return Path(path) if isinstance(path, str) else None


def _find(url: str, data: Path | None, environment: Mapping[str, str] | None) -> Mapping[str, object]:
    """Returns what the gateway at a loopback address wrote for programs of its user; nothing if it is not found.

    It is looked for in `data`, in the data folder of the environment, in the one that a gateway of this user noted for
    the port, and in ./data. Others could read a file that is not private, so such a file is not used.
    """
    port = _loopback_port(url)
    if port is None:
        return {}
    environment = os.environ if environment is None else environment
    return next((found for folder in _folders(port, data, environment) if (found := _read(folder, port))), {})


def _folders(port: int, data: Path | None, environment: Mapping[str, str]) -> Iterator[Path]:
    if data is not None:
        yield data
    if environment.get("DARVAZ_DATA"):
        yield Path(environment["DARVAZ_DATA"]).expanduser()
    noted = _content(state_folder(environment) / f"gateway-{port}.json").get("data")
    if isinstance(noted, str):
        yield Path(noted)
    yield Path("data")


def _read(folder: Path, port: int) -> Mapping[str, object]:
    content = _content(folder / _NAME)
    return content if isinstance(content.get("token"), str) and content.get("port") == port else {}


def _content(path: Path) -> Mapping[str, object]:
    try:
        content = read_private(path)
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _loopback_port(url: str) -> int | None:
    """Returns the port of an address of this machine's loopback, or None."""
    parts = urlsplit(url)
    try:
        is_loopback = parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
        return (parts.port or _DEFAULT_PORTS.get(parts.scheme)) if is_loopback else None
    except ValueError:
        return None
