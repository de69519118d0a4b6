"""Targets: the gateway meant by http://…, ws://… or host:port, with or without a path."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import httpx

from darvaz.protocol.schema import load_schema

_PORT_DEFAULT = 3000
_SCHEMES = {"http": False, "ws": False, "https": True, "wss": True}
_URL_CHARS_MAX = 512
_OF_BOARDS = "/ws/"


class TargetError(ValueError):
    """The text is not the address of a gateway; the message says what is."""


@dataclass(frozen=True, slots=True)
class GatewayTarget:
    """One gateway as a board of one kind sees it."""

    host: str
    port: int
    is_secure: bool
    kind: str
    path: str
    # The path below which a proxy shows the gateway, without a slash at its end.
    base_path: str = ""

    @property
    def is_loopback(self) -> bool:
        """Whether the gateway sees us as localhost, which needs no token."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def netloc(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def http_url(self) -> str:
        return f"{'https' if self.is_secure else 'http'}://{self.netloc}{self.base_path}"

    @property
    def ws_url(self) -> str:
        return f"{'wss' if self.is_secure else 'ws'}://{self.netloc}{self.base_path}{self.path}"


def kinds() -> dict[str, str]:
    """Returns the path of every kind of board that the protocol knows."""
    return {name: kind["path"] for name, kind in load_schema()["x-kinds"].items()}


def parse_target(text: str, kind: str | None = None) -> GatewayTarget:
    """Parses the address of a gateway; `kind` wins over a path such as /ws/pico, and pico is the default."""
    url = _split(text)
    if url.scheme not in _SCHEMES:
        raise TargetError(f"{url.scheme}:// does not reach a gateway; use ws:// or http://")
    if url.username is not None or url.query:
        raise TargetError("a token or a password does not belong in the address; use --token or --token-file")
    host, port = _host_and_port(url)
    of_path = {path: name for name, path in kinds().items()}
    whole = url.path.rstrip("/")
    of_board = next((path for path in of_path if whole.endswith(path)), "")
    base_path = whole.removesuffix(of_board)
    if base_path.startswith(_OF_BOARDS):
        raise TargetError(f"{url.path} is not a path of boards; use one of {', '.join(of_path)}, or none")
    chosen = kind or of_path.get(of_board, "pico")
    target = GatewayTarget(host, port, _SCHEMES[url.scheme], chosen, kinds()[chosen], base_path)
    try:
        httpx.URL(target.http_url)
    except httpx.InvalidURL as error:
        raise TargetError(f"this is not an address: {error}") from error
    return target


def _split(text: str) -> SplitResult:
    stripped = text.strip()
    if len(stripped) > _URL_CHARS_MAX:
        raise TargetError(f"an address has at most {_URL_CHARS_MAX} characters")
    try:
        return urlsplit(stripped if "://" in stripped else f"ws://{stripped}")
    except ValueError as error:
        raise TargetError(f"this is not an address: {error}") from error


def _host_and_port(url: SplitResult) -> tuple[str, int]:
    try:
        port = url.port
    except ValueError as error:
        raise TargetError("the port is a number from 1 to 65535, as in 192.168.1.10:3000") from error
    if not url.hostname or any(char.isspace() for char in url.hostname):
        raise TargetError("the address names no host; use host:port, as in 192.168.1.10:3000")
    if port == 0:
        raise TargetError("the port is a number from 1 to 65535, as in 192.168.1.10:3000")
    # Without a port it is the gateway's default; with TLS a proxy answers on the usual one.
    return url.hostname, port or (443 if _SCHEMES[url.scheme] else _PORT_DEFAULT)
