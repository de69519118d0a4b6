"""What the gateway says at its start about signing in, and how the command line finds where it is."""

from __future__ import annotations

import sqlite3

from darvaz.gateway.access.credentials import Credential
from darvaz.gateway.access.sign_in_links import LINK_MINUTES, SignInLinks
from darvaz.gateway.storage.database import read_setting, write_setting

SIGN_IN_PATH = "/sign-in"

_ADDRESS = "address"
_WAS_GREETED = "sign_in_was_offered"


def sign_in_line(connection: sqlite3.Connection, links: SignInLinks, address: str) -> str:
    """Returns the line about signing in: a link at the very first start, later how to get one."""
    write_setting(connection, _ADDRESS, address)
    if read_setting(connection, _WAS_GREETED) is not None:
        return "to sign in with a browser from elsewhere: darvaz signin (make signin)"
    write_setting(connection, _WAS_GREETED, "1")
    return f"sign in with a browser, once, within {LINK_MINUTES:g} min: {sign_in_url(address, links.issue())}"


def address_of(connection: sqlite3.Connection) -> str | None:
    """Returns where the gateway of this data folder was last to be found."""
    return read_setting(connection, _ADDRESS)


def sign_in_url(address: str, link: Credential) -> str:
    """Returns a sign-in link; the credential stands behind #, which no browser sends and no proxy logs."""
    return f"{address.rstrip('/')}{SIGN_IN_PATH}#{link.text}"
