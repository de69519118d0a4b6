"""Tokens for one device: at the data folder of a gateway on this machine, whether it runs or not, or by its API."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Protocol

import httpx

from darvaz.boards.flashing.errors import FlashError, FlashOutcome
from darvaz.gateway.access import Issued, Tokens
from darvaz.gateway.access.credentials import parse_credential
from darvaz.gateway.storage.database import StorageError, opened

_DEADLINE_S = 15.0
_LABEL = "flashed "


class TokenIssuer(Protocol):
    """Where tokens are issued."""

    def known(self) -> list[dict[str, Any]]:
        """Returns what is known of every token: id, kind, label, device, and whether it is live."""
        ...

    def issue(self, kind: str, device: str, label: str) -> Issued:
        """Makes a token for one device."""
        ...

    def revoke(self, token_id: str) -> None:
        """Ends a token, if it has not ended."""
        ...


class DataFolderIssuer:
    """The gateway's data folder on this machine."""

    def __init__(self, data: Path) -> None:
        self._data = data.expanduser()

    def known(self) -> list[dict[str, Any]]:
        now_s = time.time()
        found = self._ask(lambda tokens: tokens.list())
        return [
            {"id": one.token_id, "kind": one.kind, "label": one.label, "device": one.device, "live": one.is_live(now_s)}
            for one in found
        ]

    def issue(self, kind: str, device: str, label: str) -> Issued:
        issued: Issued = self._ask(lambda tokens: tokens.issue(kind, label, None, device))
        return issued

    def revoke(self, token_id: str) -> None:
        self._ask(lambda tokens: tokens.revoke(token_id))

    def _ask(self, question: Any) -> Any:
        try:
            with opened(self._data) as connection:
                return question(Tokens(connection, time.time))
        except StorageError as error:
            raise FlashError(FlashOutcome.NO_TOKEN, f"no token can be issued: {error}") from None


class GatewayIssuer:
    """The API of a gateway elsewhere, with an operator's token."""

    def __init__(self, gateway: str, headers: dict[str, str]) -> None:
        self._gateway = gateway.rstrip("/")
        self._headers = headers

    def known(self) -> list[dict[str, Any]]:
        listed = self._ask("GET", "/api/tokens").json()["tokens"]
        return [{**one, "live": one["state"] == "live"} for one in listed]

    def issue(self, kind: str, device: str, label: str) -> Issued:
        said = self._ask("POST", "/api/tokens", {"kind": kind, "device": device, "label": label}).json()
        return Issued(said["id"], said["token"])

    def revoke(self, token_id: str) -> None:
        self._ask("DELETE", f"/api/tokens/{token_id}", accepts=(404,))

    def _ask(self, method: str, path: str, body: Any = None, accepts: tuple[int, ...] = ()) -> httpx.Response:
        where = self._gateway + path
        try:
            answer = httpx.request(
                method, where, json=body, headers=self._headers, timeout=_DEADLINE_S, trust_env=False
            )
        except (httpx.HTTPError, httpx.InvalidURL):
            raise FlashError(
                FlashOutcome.NO_TOKEN,
                f"no gateway answers at {self._gateway}: is it switched on, and is --gateway right?",
            ) from None
        if answer.status_code in (401, 403):
            raise FlashError(
                FlashOutcome.NO_TOKEN,
                f"the gateway at {self._gateway} gives no token ({answer.status_code}): put an operator's token in"
                " DARVAZ_TOKEN; there, `darvaz token issue operator` makes one",
            )
        if not answer.is_success and answer.status_code not in accepts:
            raise FlashError(
                FlashOutcome.NO_TOKEN, f"the gateway at {self._gateway} gives no token ({answer.status_code})"
            )
        return answer


class DeviceToken:
    """The token of one device on one board: kept while it is good, and replaced only once the new one worked."""

    def __init__(self, issuer: TokenIssuer, kind: str, device: str, unique_id: str) -> None:
        self._issuer = issuer
        self._kind, self._device = kind, device
        # Only tokens of this very board are ended with it: another one of the same name keeps its own.
        self._label = (_LABEL + unique_id)[:64]
        self._issued: Issued | None = None
        self._before: str | None = None

    def is_good(self, text: str | None) -> bool:
        """Whether the token on the board is live, and this device's alone."""
        token_id = parse_credential(text or "")[0]
        self._before = token_id or None
        return bool(token_id) and any(
            one["id"] == token_id and one["live"] and one["kind"] == self._kind and one["device"] == self._device
            for one in self._issuer.known()
        )

    def issue(self) -> str:
        """Returns a new token; it is shown to nobody but the board."""
        self._issued = self._issuer.issue(self._kind, self._device, self._label)
        return self._issued.text

    def settle(self) -> int:
        """Ends what the new token replaced, once it has worked, and what interrupted runs left; returns how many."""
        if self._issued is None:
            return 0
        replaced = [one["id"] for one in self._issuer.known() if self._is_replaced(one)]
        for token_id in replaced:
            self._issuer.revoke(token_id)
        return len(replaced)

    def take_back(self) -> None:
        """Ends a new token that never came to the board."""
        if self._issued is not None:
            self._issuer.revoke(self._issued.token_id)
            self._issued = None

    def _is_replaced(self, one: dict[str, Any]) -> bool:
        if not one["live"] or self._issued is None or one["id"] == self._issued.token_id:
            return False
        is_of_board = one["label"] == self._label
        return (is_of_board or one["id"] == self._before) and one["device"] in (None, self._device)
