"""The line about signing in that is printed at start, and the address at which others find the gateway."""

from __future__ import annotations

import sqlite3
from urllib.parse import urlsplit

from darvaz.gateway.access.credentials import Credential
from darvaz.gateway.access.sign_in_links import LINK_MINUTES, SignInLinks
from darvaz.gateway.addresses import ANY_ADDRESS, network_address, url_of
from darvaz.gateway.storage.database import read_setting, write_setting

SIGN_IN_PATH = "/sign-in"

_ADDRESS = "address"
_WAS_OFFERED = "sign_in_was_offered"
_LOOPBACK = "127.0.0.1"


def sign_in_line(connection: sqlite3.Connection, links: SignInLinks, address: str) -> str:
    """Returns the line about signing in: a link at the first start, later the command that makes one."""
    if read_setting(connection, _WAS_OFFERED) is not None:
        return "to sign in with a browser: darvaz signin (make signin)"
    write_setting(connection, _WAS_OFFERED, "1")
    return f"sign in with a browser, once, within {LINK_MINUTES:g} min: {sign_in_url(address, links.issue('owner'))}"


def note_address(connection: sqlite3.Connection, host: str, port: int, public_url: str, scheme: str = "http") -> None:
    """Notes where the gateway listens, or its public URL, for `address_of`."""
    write_setting(connection, _ADDRESS, public_url or url_of(host, port, scheme))


def address_of(connection: sqlite3.Connection) -> str | None:
    """Returns the address at which others reach the gateway of this data folder, as the network is now.

    None if it never started. A machine without a network has only its own address.
    """
    noted = read_setting(connection, _ADDRESS)
    parts = urlsplit(noted or "")
    if parts.hostname not in ANY_ADDRESS or parts.port is None:
        return noted
    return url_of(network_address(parts.hostname) or _LOOPBACK, parts.port, parts.scheme)


def sign_in_url(address: str, link: Credential) -> str:
    """Returns a sign-in link; the credential follows #, a part that browsers do not send and proxies cannot log."""
    return f"{address.rstrip('/')}{SIGN_IN_PATH}#{link.text}"
