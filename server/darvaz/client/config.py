"""Where the gateway is and what lets us in: said outright, in the environment, or in a file of the user's own."""

from __future__ import annotations

import json
import os
import stat
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click

from darvaz.client.errors import GatewayError

URL_VARIABLE = "DARVAZ_GATEWAY"
TOKEN_VARIABLE = "DARVAZ_TOKEN"
DEFAULT_URL = "http://127.0.0.1:3000"
_FOLDER_MODE = 0o700
_SCHEMES = ("http://", "https://")


@dataclass(frozen=True)
class Place:
    """A gateway's address, and the token for it if one is needed."""

    url: str
    token: str | None = field(default=None, repr=False)


def file_path() -> Path:
    """Returns where a login is remembered on this system."""
    return Path(click.get_app_dir("darvaz")) / "gateway.json"


def find_place(url: str | None = None, token: str | None = None, environment: Mapping[str, str] | None = None) -> Place:
    """Returns which gateway is meant: what is said, else what the environment says, else the file, else this machine's.

    A remembered token goes to the gateway for which it was remembered, and to no other.
    Raises `GatewayError` for a file that others may read, for what is no address or has a password in it, and for
    what is no token.
    """
    environment = os.environ if environment is None else environment
    url = url or environment.get(URL_VARIABLE) or None
    token = checked_token(token or environment.get(TOKEN_VARIABLE))
    if url is not None:
        _refuse_secret(url)
        _refuse_bare(url)
    known = None if url and token else recall(file_path())
    if known is None:
        return Place((url or DEFAULT_URL).rstrip("/"), token)
    if url is None or url.rstrip("/") == known.url:
        return Place(known.url, token or known.token)
    return Place(url.rstrip("/"), token)


def _refuse_secret(url: str) -> None:
    """Raises `GatewayError` for an address with a name or a password in it."""
    # Addresses end up in logs, histories and messages: not even this one repeats it.
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise GatewayError(
            f"an address keeps no secret: leave out what stands before the @, and put a token into {TOKEN_VARIABLE}"
            " or let `darvaz login` remember it"
        )


def _refuse_bare(url: str) -> None:
    """Raises `GatewayError` for an address that does not say how to speak there."""
    if not url.lower().startswith(_SCHEMES):
        host = url.rpartition("//")[2] or "192.168.1.5:3000"
        raise GatewayError(f"an address begins with http:// or https://: is {url!r} to be http://{host}?")


def checked_token(token: str | None) -> str | None:
    """Returns a token without the blanks around it; raises `GatewayError` for what is none, and does not repeat it."""
    token = (token or "").strip()
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise GatewayError(f"this is no token: one is a single word that begins with dvz_; look at {TOKEN_VARIABLE}")
    return token or None


def recall(path: Path) -> Place | None:
    """Returns what was remembered; None if nothing was."""
    try:
        with path.open("rb") as file:
            if sys.platform != "win32" and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise GatewayError(f"others may read {path}: chmod 600 it, or delete it and log in again")
            said = json.load(file)
        return Place(str(said["gateway"]), str(said["token"]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GatewayError(f"{path} cannot be read ({error}): delete it and log in again") from None


def remember(path: Path, place: Place) -> None:
    """Keeps a login in a file that is there at once or not at all, for its owner alone; raises `OSError`."""
    path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=".gateway-")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump({"gateway": place.url, "token": place.token}, file)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
