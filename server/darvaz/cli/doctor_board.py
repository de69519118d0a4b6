"""`darvaz doctor DEVICE`: what the gateway knows of one board, and what is wrong with it."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from darvaz.boards.compiled_library import MPY_VERSION
from darvaz.cli.remote import client_of
from darvaz.cli.tables import ago
from darvaz.client import crashes, requests
from darvaz.client.errors import NotAllowed, NotFound
from darvaz.client.synchronous import Gateway
from darvaz.doctor.board import check_board
from darvaz.doctor.board_facts import BoardFacts, Entry
from darvaz.doctor.finding import Finding

_WINDOW = timedelta(days=1)
_ROWS_MAX = 1000
_OF_DEVICE = ("connect", "disconnected", "gap", "two boards")
_OF_NONE = ("refused", "closing", "clock set")
_VERSION = re.compile(r"v(\d+\.\d+\.\d+)")


def is_address(text: str) -> bool:
    """Whether a text can only be the address of a gateway; any other may be the id of a board."""
    if text == "localhost" or any(mark in text for mark in ":/"):
        return True
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def examine(gateway: str, name: str, *, only_known: bool) -> list[Finding]:
    """Returns the findings about a device of a gateway; with `only_known` none about one that it does not know."""
    with client_of(gateway) as client:
        device = _device(client, name)
        return [] if device is None and only_known else list(check_board(_facts(client, name, device)))


def _facts(client: Gateway, name: str, device: Mapping[str, Any] | None) -> BoardFacts:
    identity = name if device is None else str(device["id"])
    now_s = time.time()
    return BoardFacts(
        id=identity,
        device=device,
        entries={type_: _entries(client, type_, device=identity) for type_ in _OF_DEVICE},
        others=_others(client),
        crashes=[] if device is None else client.ask(crashes.crashes(identity)),
        gateway_version=client.ask(requests.version())["version"],
        micropython=_newest_micropython(),
        mpy_version=MPY_VERSION,
        ago=lambda then_s: ago(then_s, now_s),
    )


def _device(client: Gateway, name: str) -> Mapping[str, Any] | None:
    try:
        device: Mapping[str, Any] = client.ask(requests.device(name))
    except NotFound:
        return None
    return device


def _entries(client: Gateway, type_: str, **wanted: Any) -> Sequence[Entry]:
    entries: Sequence[Entry] = client.ask(requests.journal(_ROWS_MAX, type=type_, from_=_WINDOW, **wanted))
    return entries


def _others(client: Gateway) -> dict[str, Sequence[Entry]] | None:
    try:
        return {type_: _entries(client, type_) for type_ in _OF_NONE}
    except NotAllowed:
        # A person who may see some boards only.
        return None


def _newest_micropython() -> str:
    # Here, because it loads httpx.
    from darvaz.boards.serial.downloads import RELEASES

    found = _VERSION.search(RELEASES["pico_w"].url)
    return found[1] if found else ""
