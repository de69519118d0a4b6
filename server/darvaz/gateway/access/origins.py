"""Localhost rule, host names of the gateway and origins of pages, as pure functions."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Collection

from darvaz.gateway.access.caller import Caller

# Names that public DNS has not: mDNS (RFC 6762), RFC 8375, and those that home routers give out.
_HOME_DOMAINS = ("local", "localhost", "home.arpa", "internal", "lan", "home")
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?")
_PORT = re.compile(r"[0-9]{1,5}")
_DEFAULT_PORTS = {"http": "80", "https": "443"}

# Parsing an address takes longer than all rules about it together, and boards connect again.
ADDRESSES_KNOWN_MAX = 1024

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_trusted_localhost(caller: Caller, enabled: bool) -> bool:
    """Whether a caller is a program of this machine, which does not need a token.

    The peer is loopback, no proxy has handled the request, Host is a loopback name or address, and
    Origin is absent or equal to Host. A loopback peer alone proves nothing: a reverse proxy is one,
    and so is a page of any web site in this machine's browser.
    """
    return (
        enabled
        and is_loopback(caller.address)
        and not caller.is_forwarded
        and _is_loopback_host(caller.host)
        and is_origin_allowed(caller.origin, caller.host, ())
    )


def is_host_allowed(host: str | None, allowed_hosts: Collection[str]) -> bool:
    """Whether the gateway answers to this Host header: an IP literal, a name of the local network, or listed.

    Names of the local network have no dot, or a domain that public DNS does not have. Any other name may be an
    attacker's, which resolves to the gateway's address after its page was
    loaded (DNS rebinding). That attack needs a browser, so the rule is for requests that look like a
    browser's, and the guide's programs may use any name. An entry with a port is valid for that port,
    one without for every port.
    """
    parts = _split(host)
    if parts is None:
        return False
    name, port = parts
    if parse_address(name) is not None or _is_home_name(name):
        return True
    return any(entry.strip().lower() in (name, f"{name}:{port}") for entry in allowed_hosts)


def is_origin_allowed(
    origin: str | None, host: str | None, allowed_origins: Collection[str], *, is_behind_proxy: bool = False
) -> bool:
    """Whether an origin is allowed: none, the gateway's own, or a listed one; never "null" (RFC 6454, section 7.3).

    A proxy may pass on the name without its port (nginx's `$host`); behind one, the names alone are compared then.
    """
    if origin is None:
        return True
    origin = origin.lower()
    if origin == "null":
        return False
    if any(entry.strip().lower().rstrip("/") == origin for entry in allowed_origins):
        return True
    scheme, _, rest = origin.partition("://")
    if scheme not in _DEFAULT_PORTS:
        return False
    own, theirs = _split(host), _split(rest)
    if own is None or theirs is None:
        return False
    if is_behind_proxy and not own[1]:
        return own[0] == theirs[0]
    # Browsers omit the default port of the scheme, in Host and in Origin; other clients may include it.
    default = _DEFAULT_PORTS[scheme]
    return (own[0], own[1] or default) == (theirs[0], theirs[1] or default)


def is_loopback(address: str | None) -> bool:
    """Whether an address is this machine's own: 127.0.0.0/8 or ::1, also IPv4 written as IPv6."""
    parsed = parse_address(address)
    return parsed is not None and parsed.is_loopback


@functools.lru_cache(maxsize=ADDRESSES_KNOWN_MAX)
def parse_address(text: str | None) -> IPAddress | None:
    """Returns the IP address of a text, or None; an IPv4-mapped IPv6 address is returned as IPv4."""
    try:
        parsed = ipaddress.ip_address(text or "")
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def _is_home_name(name: str) -> bool:
    label, _, domain = name.partition(".")
    if not domain:
        # Browsers take a name of digits for an IPv4 address.
        return label not in _HOME_DOMAINS or label == "localhost"
    return name.endswith(tuple(f".{home}" for home in _HOME_DOMAINS))


def _is_loopback_host(host: str | None) -> bool:
    parts = _split(host)
    return parts is not None and (parts[0] == "localhost" or is_loopback(parts[0]))


def _split(host: str | None) -> tuple[str, str] | None:
    """Returns name and port ("" without one) of a Host header, or None if it is malformed."""
    if host is None:
        return None
    if host.startswith("["):
        name, bracket, rest = host[1:].partition("]")
        if not bracket or ":" not in name or parse_address(name) is None:
            return None
        colon, port = rest[:1], rest[1:]
    else:
        name, colon, port = host.lower().partition(":")
        # A dot at the end says that the name is complete (RFC 1034, section 3.1).
        name = name.removesuffix(".")
        if not _NAME.fullmatch(name):
            return None
    if (colon or port) and (colon != ":" or not _PORT.fullmatch(port)):
        return None
    return name.lower(), port
