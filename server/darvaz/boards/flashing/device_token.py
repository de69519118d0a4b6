"""The token of one device: checks the one on the board, issues a new one, revokes the one that it replaced."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from darvaz.boards.flashing.errors import FlashError, FlashOutcome
from darvaz.client import requests
from darvaz.client.errors import GatewayError, NotAllowed, NotFound, Unreachable
from darvaz.client.requests import ApiRequest
from darvaz.client.synchronous import Gateway

_DEADLINE_S = 15.0
_LABEL = "flashed "
_LABEL_CHARS_MAX = 64
_TOKEN = re.compile(r"dvz_([A-Za-z0-9-]+)_[A-Za-z0-9_-]+")


class KnownToken(NamedTuple):
    """A token that was issued, without its secret."""

    token_id: str
    kind: str
    label: str
    device: str | None
    is_live: bool


class NewToken(NamedTuple):
    """A token that was just issued."""

    token_id: str
    text: str


class TokenIssuer(Protocol):
    """Where tokens are issued; each method raises FlashError."""

    def known(self) -> list[KnownToken]:
        """Returns every token."""
        ...

    def issue(self, kind: str, device: str, label: str) -> NewToken:
        """Issues a token for one device."""
        ...

    def revoke(self, token_id: str) -> None:
        """Revokes a token, if it is live."""
        ...


class GatewayIssuer:
    """The API of a running gateway, with an operator's token."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def known(self) -> list[KnownToken]:
        return [
            KnownToken(info["id"], info["kind"], info["label"], info["device"], info["state"] == "live")
            for info in self._ask(requests.tokens())
        ]

    def issue(self, kind: str, device: str, label: str) -> NewToken:
        issued = self._ask(requests.issue_token(kind, label, device))
        return NewToken(issued["id"], issued["token"])

    def revoke(self, token_id: str) -> None:
        self._ask(requests.revoke_token(token_id))

    def _ask(self, request: ApiRequest) -> Any:
        try:
            return self._gateway.ask(replace(request, deadline_s=_DEADLINE_S))
        except NotFound:
            # Revoked already.
            return None
        except Unreachable as error:
            raise FlashError(FlashOutcome.NO_TOKEN, str(error)) from None
        except NotAllowed as error:
            raise FlashError(
                FlashOutcome.NO_TOKEN,
                f"the gateway at {self._gateway.url} gives no token ({error.status}): put an operator's token in"
                " DARVAZ_TOKEN; there, `darvaz token issue operator` makes one",
            ) from None
        except GatewayError as error:
            raise FlashError(
                FlashOutcome.NO_TOKEN, f"the gateway at {self._gateway.url} gives no token: {error}"
            ) from None


class DeviceToken:
    """The token of one device on one board: kept while it is good, revoked only once a new one has worked."""

    def __init__(self, issuer: TokenIssuer, kind: str, device: str, unique_id: str) -> None:
        self._issuer = issuer
        self._kind, self._device = kind, device
        # With the board's own number: another board of the same name keeps its token.
        self._label = (_LABEL + unique_id)[:_LABEL_CHARS_MAX]
        self._issued: NewToken | None = None
        # The id of the token on the board before the flash.
        self._before: str | None = None

    def is_good(self, text: str | None) -> bool:
        """Whether the token on the board is live and of this device."""
        token_id = _id_of(text or "")
        self._before = token_id or None
        return bool(token_id) and any(
            token.token_id == token_id and token.is_live and token.kind == self._kind and token.device == self._device
            for token in self._issuer.known()
        )

    def issue(self) -> str:
        """Returns a new token, which only the board may see."""
        self._issued = self._issuer.issue(self._kind, self._device, self._label)
        return self._issued.text

    def settle(self) -> int:
        """Revokes the token that the new one replaced, and those of interrupted flashes; returns how many."""
        if self._issued is None:
            return 0
        replaced = [token.token_id for token in self._issuer.known() if self._is_replaced(token)]
        for token_id in replaced:
            self._issuer.revoke(token_id)
        return len(replaced)

    def take_back(self) -> None:
        """Revokes a new token that did not reach the board."""
        if self._issued is not None:
            self._issuer.revoke(self._issued.token_id)
            self._issued = None

    def _is_replaced(self, token: KnownToken) -> bool:
        if not token.is_live or self._issued is None or token.token_id == self._issued.token_id:
            return False
        is_of_board = token.label == self._label
        return (is_of_board or token.token_id == self._before) and token.device in (None, self._device)


def _id_of(token: str) -> str:
    """Returns the public part of a token, or "" if the text is not a token."""
    match = _TOKEN.fullmatch(token)
    return match.group(1) if match else ""
