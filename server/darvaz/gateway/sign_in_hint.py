"""The line about signing in that is printed at start, and the address that the command line finds the gateway at."""

from __future__ import annotations

import sqlite3

from darvaz.gateway.access.credentials import Credential
from darvaz.gateway.access.sign_in_links import LINK_MINUTES, SignInLinks
from darvaz.gateway.storage.database import read_setting, write_setting

SIGN_IN_PATH = "/sign-in"

_ADDRESS = "address"
_WAS_OFFERED = "sign_in_was_offered"


def sign_in_line(connection: sqlite3.Connection, links: SignInLinks, address: str) -> str:
    """Returns the line about signing in: a link at the first start, later the command that makes one."""
    write_setting(connection, _ADDRESS, address)
    if read_setting(connection, _WAS_OFFERED) is not None:
        return "to sign in with a browser: darvaz signin (make signin)"
    write_setting(connection, _WAS_OFFERED, "1")
    return f"sign in with a browser, once, within {LINK_MINUTES:g} min: {sign_in_url(address, links.issue())}"


def address_of(connection: sqlite3.Connection) -> str | None:
    """Returns the address at which the gateway of this data folder last started."""
    return read_setting(connection, _ADDRESS)


def sign_in_url(address: str, link: Credential) -> str:
    """Returns a sign-in link; the credential follows #, a part that browsers do not send and proxies cannot log."""
    return f"{address.rstrip('/')}{SIGN_IN_PATH}#{link.text}"
