"""The environment of a flash: which gateway, how boards reach it, and where tokens are issued."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from darvaz.boards.flashing.configuration import WifiNetwork
from darvaz.boards.flashing.device_token import GatewayIssuer, TokenIssuer
from darvaz.boards.flashing.errors import FlashError, FlashOutcome
from darvaz.boards.flashing.flash import FlashEnvironment
from darvaz.boards.flashing.gateway_address import board_url, is_loopback, own_address
from darvaz.client import requests
from darvaz.client.errors import GatewayError, NotAllowed
from darvaz.client.synchronous import Gateway

_DEADLINE_S = 5.0


def find_environment(
    gateway: Gateway, gateway_url: str | None, local: TokenIssuer, ask_network: Callable[[], WifiNetwork]
) -> FlashEnvironment:
    """Returns what a flash needs of the gateway; raises FlashError before any board is touched.

    `local` issues tokens for a gateway of this machine that does not run now.
    """
    own = own_address()
    url = board_url(gateway_url or _public_url(gateway) or gateway.url, own)
    # Behind another port there is another program, such as a proxy.
    is_same_port = urlsplit(url).port == urlsplit(gateway.url).port
    return FlashEnvironment(
        _find_issuer(gateway, local, own), gateway, url, ask_network, is_same_port and _offers_psk(gateway)
    )


def _offers_psk(gateway: Gateway) -> bool:
    """Whether boards can encrypt links to a gateway with their tokens; an older one does not say."""
    try:
        return gateway.ask(replace(requests.health(), deadline_s=_DEADLINE_S)).get("psk") is True
    except GatewayError:
        return False


def _public_url(gateway: Gateway) -> str | None:
    """Returns the address that its operator has set, if this machine asks by loopback, which boards cannot use."""
    if not is_loopback(urlsplit(gateway.url).hostname or ""):
        return None
    try:
        answer = gateway.ask(replace(requests.enrolment(), deadline_s=_DEADLINE_S))
    except GatewayError:
        return None
    return str(answer["address"]) if answer.get("is_public") else None


def _find_issuer(gateway: Gateway, local: TokenIssuer, own: str | None) -> TokenIssuer:
    """Returns where tokens are issued: at the gateway if it runs, else by `local` if it is of this machine."""
    host = urlsplit(gateway.url).hostname or ""
    is_here = is_loopback(host) or host == own
    remote = GatewayIssuer(gateway)
    try:
        gateway.ask(replace(requests.tokens(), deadline_s=_DEADLINE_S))
    except NotAllowed:
        if not is_here:
            # Raises the FlashError of a gateway that gives no token.
            remote.known()
        raise FlashError(
            FlashOutcome.NO_TOKEN,
            f"the gateway at {gateway.url} wants a token from everyone: put an operator's in DARVAZ_TOKEN"
            " (`darvaz token issue operator` makes one)",
        ) from None
    except GatewayError:
        return local if is_here else remote
    return remote
