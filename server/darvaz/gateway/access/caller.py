"""The caller: what a request says about where it comes from and what it shows, without any web framework."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote_plus

_FORWARDING = ("forwarded", "x-real-ip")
_FORWARDING_PREFIX = "x-forwarded-"
_BROWSER_HEADERS = ("origin", "accept-language")
_BROWSER_PREFIX = "sec-fetch-"
_BROWSER_AGENT = "mozilla/"
_FOREIGN_SITES = ("cross-site", "same-site")
_QUERY_TOKEN = re.compile(r"(^|[&;])(token|access_token|auth|authorization|bearer)=|dvz_", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as a request tells. A header given twice holds both values, and so fits no rule."""

    address: str | None
    host: str | None = None
    origin: str | None = None
    authorization: str | None = field(default=None, repr=False)
    is_forwarded: bool = False
    """A proxy has handled the request: the address proves nothing."""
    has_query_token: bool = False
    """A token, or what looks like one, stands in the address, where logs and histories keep it."""
    has_browser_headers: bool = False
    """The request has something that browsers add and programs rarely do.

    Not Origin and Sec-Fetch-* alone: a page behind a rebound name reads its own origin over plain HTTP
    with neither. Browsers do send Accept-Language then, and a page can change but not remove it.
    """
    is_cross_site: bool = False
    """A browser says that another site's page caused the request."""
    cookie: str | None = field(default=None, repr=False)

    def cookie_named(self, name: str) -> str | None:
        """Returns the value of a cookie, or None; given twice, it is nobody's."""
        found = [value for key, _, value in map(_split_cookie, (self.cookie or "").split(";")) if key == name]
        return found[0] if len(found) == 1 else None

    @classmethod
    def from_headers(cls, address: str | None, headers: Iterable[tuple[bytes, bytes]], query_string: bytes) -> Self:
        """Reads a caller from the peer's address, the raw headers and the query string of a request."""
        said = _gathered(headers)
        return cls(
            address=address,
            host=said.get("host"),
            origin=said.get("origin"),
            authorization=said.get("authorization"),
            is_forwarded=any(name in _FORWARDING or name.startswith(_FORWARDING_PREFIX) for name in said),
            has_query_token=_QUERY_TOKEN.search(unquote_plus(query_string.decode("latin-1"))) is not None,
            has_browser_headers=_is_browser(said),
            is_cross_site=said.get("sec-fetch-site", "").lower() in _FOREIGN_SITES,
            cookie=said.get("cookie"),
        )


def _split_cookie(pair: str) -> tuple[str, str, str]:
    return pair.strip().partition("=")


def _gathered(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    said: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip()
        said[name] = f"{said[name]}, {value}" if name in said else value
    return said


def _is_browser(said: dict[str, str]) -> bool:
    return any(name in _BROWSER_HEADERS or name.startswith(_BROWSER_PREFIX) for name in said) or said.get(
        "user-agent", ""
    ).lower().startswith(_BROWSER_AGENT)
