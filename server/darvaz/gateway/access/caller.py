"""The caller of a request: its address and the headers that access depends on, without a web framework."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_plus

import msgspec

from darvaz.gateway.access.challenge import TOKEN_HEADER

# What proxies, tunnels and content networks add for the client that they pass on.
_FORWARDING_TEXT = """
    via forwarded x-real-ip x-forwarded x-client-ip x-cluster-client-ip x-original-host x-original-url
    x-proxyuser-ip x-remote-ip x-remote-addr x-host x-coming-from x-envoy-external-address x-envoy-original-path
    x-azure-clientip x-azure-socketip x-appengine-user-ip x-arr-log-id cf-connecting-ip cf-connecting-ipv6
    cf-ray cf-visitor cdn-loop true-client-ip fastly-client-ip fly-client-ip client-ip proxy-client-ip
    wl-proxy-client-ip tailscale-user-login tailscale-user-name ngrok-trace-id x-ingress-path x-sendfile-type
"""
_FORWARDING = frozenset(_FORWARDING_TEXT.split())
_FORWARDING_PREFIX = ("x-forwarded-", "x-original-forwarded-", "x-tunnel-")
_BROWSER_HEADERS = ("origin", "accept-language")
_BROWSER_PREFIX = "sec-fetch-"
_BROWSER_AGENT = "mozilla/"
# The headers whose values count, in the order in which `from_headers` takes them.
_WANTED = ("host", "origin", "authorization", "cookie", TOKEN_HEADER, "sec-fetch-site", "user-agent")
# Lists of names that are read already; clients may send any.
NAMES_KNOWN_MAX = 32
_FOREIGN_SITES = ("cross-site", "same-site")
_QUERY_TOKEN = re.compile(r"(^|[&;])(token|access_token|auth|authorization|bearer)=|dvz_", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Names:
    """What the names of the headers of a request say, whatever the values are."""

    is_forwarded: bool
    has_browser_headers: bool
    places: tuple[tuple[int, ...], ...]
    """Of each name in `_WANTED`, where it is among the headers."""


class Caller(msgspec.Struct, frozen=True):
    """The caller, as its request describes it. A repeated header has both values, and so matches no rule."""

    address: str | None
    host: str | None = None
    origin: str | None = None
    authorization: str | None = None
    is_forwarded: bool = False
    """A proxy has handled the request: the address proves nothing."""
    has_query_token: bool = False
    """The URL contains a token, or something like one; URLs are kept in logs and histories."""
    has_browser_headers: bool = False
    """The request has headers that browsers add and programs rarely do.

    Origin and Sec-Fetch-* are not enough: with DNS rebinding, a page reads its own origin over plain HTTP
    without either. Browsers then still send Accept-Language, which a page can change but not remove.
    """
    is_cross_site: bool = False
    """A browser says that another site's page caused the request."""
    cookie: str | None = None
    named_token: str | None = None
    """The id of a token that the device will prove to have, and its nonce (challenge.py)."""
    is_local_program: bool = False
    """The system says that the connection belongs to a program of this user that has no way to other machines."""

    is_of_home_assistant: bool = False
    """Home Assistant passed the request on, for somebody whom it let in, and is trusted to."""

    def __repr__(self) -> str:
        # Header and cookie are secrets.
        return f"Caller(address={self.address!r}, host={self.host!r}, origin={self.origin!r})"

    def cookie_named(self, name: str) -> str | None:
        """Returns the value of a cookie; None without one, or with two."""
        found = [value for key, _, value in map(_split_cookie, (self.cookie or "").split(";")) if key == name]
        return found[0] if len(found) == 1 else None

    @staticmethod
    def from_headers(address: str | None, headers: Iterable[tuple[bytes, bytes]], query_string: bytes) -> Caller:
        """Reads a caller from the peer's address, the raw headers and the query string of a request."""
        listed = list(headers)
        names = _read_names(tuple([name for name, _ in listed]))
        values = [_joined(listed, at) for at in names.places]
        host, origin, authorization, cookie, named_token, site, agent = values
        return Caller(
            address=address,
            host=host,
            origin=origin,
            authorization=authorization,
            is_forwarded=names.is_forwarded,
            has_query_token=query_string != b"" and _has_token(query_string),
            has_browser_headers=names.has_browser_headers or (agent or "").lower().startswith(_BROWSER_AGENT),
            is_cross_site=(site or "").lower() in _FOREIGN_SITES,
            cookie=cookie,
            named_token=named_token,
        )


def _has_token(query_string: bytes) -> bool:
    return _QUERY_TOKEN.search(unquote_plus(query_string.decode("latin-1"))) is not None


def _split_cookie(pair: str) -> tuple[str, str, str]:
    return pair.strip().partition("=")


def joined_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Returns headers by lower-case name; the values of a repeated one are joined by commas (RFC 9110, section 5.3)."""
    fields: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip()
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


@functools.lru_cache(maxsize=NAMES_KNOWN_MAX)
def _read_names(raw_names: tuple[bytes, ...]) -> _Names:
    """Reads the names of headers once for all requests that have the same: the boards with one program have."""
    names = [name.decode("latin-1").lower() for name in raw_names]
    return _Names(
        is_forwarded=any(name in _FORWARDING or name.startswith(_FORWARDING_PREFIX) for name in names),
        has_browser_headers=any(name in _BROWSER_HEADERS or name.startswith(_BROWSER_PREFIX) for name in names),
        places=tuple(tuple(at for at, name in enumerate(names) if name == wanted) for wanted in _WANTED),
    )


def _joined(headers: list[tuple[bytes, bytes]], places: tuple[int, ...]) -> str | None:
    """Returns the value of the header at these places, as `joined_headers` does; None if it has none."""
    if not places:
        return None
    if len(places) == 1:
        return headers[places[0]][1].decode("latin-1").strip()
    return ", ".join([headers[at][1].decode("latin-1").strip() for at in places])
