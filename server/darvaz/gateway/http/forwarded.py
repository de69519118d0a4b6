"""What a request is before any rule looks at it: its target, and what a trusted proxy says of it.

Trusted proxies name the client (`X-Forwarded-For`), the outer scheme (`X-Forwarded-Proto`) and the path below which
they show the gateway (`X-Forwarded-Prefix`; Home Assistant's ingress has `X-Ingress-Path`). The headers of anybody else
are not used: a client could claim to be this machine.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

from darvaz.gateway.access.caller import joined_headers
from darvaz.gateway.access.origins import is_loopback, parse_address
from darvaz.gateway.addresses import parse_base_path
from darvaz.gateway.http.problems import redirect

log = logging.getLogger("darvaz.http")

# Keys of a scope: the path below which browsers see the gateway, "" or "/path"; and whether it is in a frame of the
# page that the proxy shows.
BASE_PATH = "darvaz.base_path"
IS_FRAMED = "darvaz.is_framed"
# Whether Home Assistant has passed the request on, for somebody whom it let in.
IS_INGRESS = "darvaz.is_ingress"

# Home Assistant's own network for add-ons: the Supervisor, which alone passes on its ingress, and Home Assistant, which
# is the proxy before it.
SUPERVISOR = "172.30.32.2"
_HOME_ASSISTANT = "172.30.32.1"

# The form of a target that is sent to proxies, which every server must understand (RFC 9112, section 3.2.2).
_ABSOLUTE = re.compile(rb"(?:http|ws)s?://([^/?#]+)(/.*)?", re.IGNORECASE)
_PREFIX_HEADERS = ("x-ingress-path", "x-forwarded-prefix")
_SECURE = ("https", "wss")
_PORT = re.compile(r"(.+):\d{1,5}")


class ForwardedRequests:
    """Middleware that changes each scope to what the client meant.

    `base_path` is that of the gateway's own address, `own_paths` are those of its routes. With `is_ingress` requests of
    Home Assistant's Supervisor are marked as `IS_INGRESS`.
    """

    def __init__(
        self,
        app: ASGIApp,
        proxies: Iterable[str],
        base_path: str,
        own_paths: Iterable[str] = (),
        *,
        is_ingress: bool = False,
    ) -> None:
        self._app = app
        self._is_ingress = is_ingress
        self._own_paths = tuple(own_paths)
        # The base path that was checked last, and whether the log has told of one that begins paths of the gateway.
        self._checked_path, self._is_path_told = "", False
        self._proxies = [ipaddress.ip_network(proxy) for proxy in proxies]
        self._base_path = base_path
        # Whether the log has named a proxy of this machine that is not trusted.
        self._is_told = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if not scope["path"].startswith("/"):
            _make_relative(scope)
        peer = scope["client"][0] if scope.get("client") else None
        if self._proxies and self._is_proxy(peer):
            self._apply_headers(scope, joined_headers(scope["headers"]), peer)
        elif peer is not None and not self._is_told and is_loopback(peer):
            self._tell_of_proxy(peer, scope["headers"])
        base_path = scope.setdefault(BASE_PATH, self._base_path)
        if base_path != self._checked_path and not self._is_path_told:
            self._tell_of_path(base_path)
        if base_path and scope["path"] == base_path and scope["type"] == "http":
            # Relative addresses of the page need the slash; the host that the request names may be any.
            await redirect(f"{base_path.rpartition('/')[2]}/")(scope, receive, send)
            return
        if base_path and scope["path"].startswith(f"{base_path}/"):
            # The proxy passes the whole path on; others leave the prefix out.
            scope["path"] = scope["path"][len(base_path) :]
            scope["raw_path"] = scope["raw_path"].removeprefix(base_path.encode())
        await self._app(scope, receive, send)

    def _tell_of_proxy(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Logs, once, that a proxy of this machine is not trusted."""
        if any(name.lower() == b"x-forwarded-for" for name, _ in headers):
            self._is_told = True
            log.warning(
                "= a proxy at %s passes requests on; set DARVAZ_TRUSTED_PROXIES=%s so that limits count its clients",
                peer,
                peer,
            )

    def _tell_of_path(self, base_path: str) -> None:
        """Logs, once, that a path below which the gateway is shown begins paths of its own."""
        self._checked_path = base_path
        if base_path and any(f"{path}/".startswith(f"{base_path}/") for path in self._own_paths):
            self._is_path_told = True
            log.warning(
                "= below %s, which begins paths of the gateway's own, requests of a proxy that removes it are misread:"
                " give it another path there, such as /darvaz, or let it pass the path on as it is",
                base_path,
            )

    def _apply_headers(self, scope: Scope, fields: Mapping[str, str], peer: str | None) -> None:
        is_ingress = self._is_ingress and peer == SUPERVISOR and "x-ingress-path" in fields
        if is_ingress:
            scope[IS_INGRESS] = True
        forwarded = fields.get("x-forwarded-for")
        if forwarded is not None:
            scope["client"] = (self._client_of(forwarded, is_ingress=is_ingress), 0)
        proto = fields.get("x-forwarded-proto")
        if proto is not None:
            is_secure = proto.partition(",")[0].strip().lower() in _SECURE
            plain = "ws" if scope["type"] == "websocket" else "http"
            scope["scheme"] = f"{plain}s" if is_secure else plain
        for name in _PREFIX_HEADERS:
            if name in fields and (path := parse_base_path(fields[name])) is not None:
                scope[BASE_PATH] = path
                scope[IS_FRAMED] = name == "x-ingress-path"
                return

    def _client_of(self, forwarded: str, *, is_ingress: bool) -> str:
        """Returns the last address that is not of a trusted proxy: what is to the left of it anybody may have sent.

        Of Home Assistant the Supervisor says that it is the client; it is a proxy as well.
        """
        hosts = [_without_port(host.strip()) for host in forwarded.split(",")]
        if is_ingress and len(hosts) > 1 and hosts[-1] == _HOME_ASSISTANT:
            hosts.pop()
        return next((host for host in reversed(hosts) if not self._is_proxy(host)), hosts[0])

    def _is_proxy(self, address: str | None) -> bool:
        parsed = parse_address(address)
        return parsed is not None and any(parsed in network for network in self._proxies)


def base_path_of(scope: Mapping[str, Any]) -> str:
    """Returns the path below which browsers see the gateway: "" or "/path"."""
    return str(scope.get(BASE_PATH, ""))


def _make_relative(scope: Scope) -> None:
    """Takes host and path from an absolute target; its host counts, not that of the header (RFC 9112, 3.2.2)."""
    match = _ABSOLUTE.fullmatch(scope["raw_path"])
    if match is None:
        return
    raw_path = match[2] or b"/"
    scope["path"], scope["raw_path"] = unquote(raw_path.decode("latin-1")), raw_path
    others = [(name, value) for name, value in scope["headers"] if name.lower() != b"host"]
    scope["headers"] = [(b"host", match[1]), *others]


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    match = _PORT.fullmatch(host)
    return match[1] if match and ":" not in match[1] else host
