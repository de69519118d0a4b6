"""The environment of a flash: which gateway, how boards reach it, and where tokens are issued."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from darvaz.boards.flashing.configuration import WifiNetwork
from darvaz.boards.flashing.device_token import DataFolderIssuer, GatewayIssuer, TokenIssuer
from darvaz.boards.flashing.errors import FlashError, FlashOutcome
from darvaz.boards.flashing.flash import FlashEnvironment
from darvaz.boards.flashing.gateway_address import board_url, is_loopback, own_address

_DEADLINE_S = 5.0


def find_environment(
    gateway: str,
    gateway_url: str | None,
    data: Path,
    headers: dict[str, str],
    ask_network: Callable[[], WifiNetwork],
) -> FlashEnvironment:
    """Returns what a flash needs of the gateway; raises FlashError before any board is touched."""
    own = own_address()
    url = board_url(gateway_url or gateway, own)
    issuer = _find_issuer(gateway.rstrip("/"), data, headers, own)
    return FlashEnvironment(issuer, gateway.rstrip("/"), url, headers, ask_network)


def _find_issuer(gateway: str, data: Path, headers: dict[str, str], own: str | None) -> TokenIssuer:
    """Returns where tokens are issued: at the gateway that runs, else in the data folder of one that is here."""
    host = urlsplit(gateway).hostname or ""
    is_here = is_loopback(host) or host == own
    status = _ask_status(gateway, headers)
    if status in (401, 403) and not is_here:
        GatewayIssuer(gateway, headers).known()
    if status in (401, 403):
        raise FlashError(
            FlashOutcome.NO_TOKEN,
            f"the gateway at {gateway} lets nobody look without a token: put an operator's in DARVAZ_TOKEN"
            " (`darvaz token issue operator` makes one)",
        )
    return DataFolderIssuer(data) if is_here and status != 200 else GatewayIssuer(gateway, headers)


def _ask_status(gateway: str, headers: dict[str, str]) -> int | None:
    try:
        return httpx.get(f"{gateway}/api/tokens", headers=headers, timeout=_DEADLINE_S, trust_env=False).status_code
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
