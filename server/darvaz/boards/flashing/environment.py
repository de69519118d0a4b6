"""Finds out around a flash: which gateway, how boards reach it, and where it gives out tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from darvaz.boards.flashing.configuration import Network
from darvaz.boards.flashing.device_token import LocalDesk, RemoteDesk, TokenDesk
from darvaz.boards.flashing.errors import FlashError, Outcome
from darvaz.boards.flashing.flash import Surroundings
from darvaz.boards.flashing.gateway_address import board_url, is_loopback, own_address

_DEADLINE_S = 5.0


def find_surroundings(
    gateway: str,
    gateway_url: str | None,
    data: Path,
    headers: dict[str, str],
    ask_network: Callable[[], Network],
) -> Surroundings:
    """Returns what a flash needs of the gateway; raises FlashError before any board is touched."""
    own = own_address()
    url = board_url(gateway_url or gateway, own)
    desk = _find_desk(gateway.rstrip("/"), data, headers, own)
    return Surroundings(desk, gateway.rstrip("/"), url, headers, ask_network)


def _find_desk(gateway: str, data: Path, headers: dict[str, str], own: str | None) -> TokenDesk:
    """Returns where tokens are issued: at the gateway that runs, else in the data folder of one that is here."""
    host = urlsplit(gateway).hostname or ""
    is_here = is_loopback(host) or host == own
    status = _ask_status(gateway, headers)
    if status in (401, 403) and not is_here:
        RemoteDesk(gateway, headers).known()
    if status in (401, 403):
        raise FlashError(
            Outcome.NO_TOKEN,
            f"the gateway at {gateway} lets nobody look without a token: put an operator's in DARVAZ_TOKEN"
            " (`darvaz token issue operator` makes one)",
        )
    return LocalDesk(data) if is_here and status != 200 else RemoteDesk(gateway, headers)


def _ask_status(gateway: str, headers: dict[str, str]) -> int | None:
    try:
        return httpx.get(f"{gateway}/api/tokens", headers=headers, timeout=_DEADLINE_S, trust_env=False).status_code
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
